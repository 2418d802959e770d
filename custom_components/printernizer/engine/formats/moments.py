"""When slicers say that they made a file, each in its own way, as ISO 8601."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

_ISO: Final = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:(?:T| at |, | )(\d\d?):(\d\d):(\d\d)(?:\.\d+)?)?( ?UTC\b|Z)?"
)
_GERMAN: Final = re.compile(r"()(\d\d?)-(\d\d?)-(\d{4}) (\d\d?):(\d\d):(\d\d)")
"""As Cura 14 and older wrote it, on every machine."""
_AMERICAN: Final = re.compile(
    r"([A-Z][a-z]{2})[a-z]* (\d\d?), (\d{4}) at (\d\d?):(\d\d):(\d\d) ([AP]M)"
)
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"


def moment(text: str | None) -> str | None:
    """Return the first moment or day in a text; with a zone where it names UTC. None without."""
    if text is None:
        return None
    if found := _ISO.search(text):
        year, month, day, *clock = found.groups()[:6]
        if clock[0] is None:
            return _valid(f"{year}-{int(month):02}-{int(day):02}")
        hour, minute, second = clock
        zone = "Z" if found.group(7) else ""
    elif found := _GERMAN.search(text):
        _, day, month, year, hour, minute, second = found.groups()
        zone = ""
    elif (found := _AMERICAN.search(text)) and found.group(1) in _MONTHS:
        name, day, year, hour, minute, second, half = found.groups()
        month = str(_MONTHS.index(name) // 4 + 1)
        hour, zone = str(int(hour) % 12 + (12 if half == "PM" else 0)), ""
    else:
        return None
    return _valid(f"{year}-{int(month):02}-{int(day):02}T{int(hour):02}:{minute}:{second}{zone}")


def _valid(moment: str) -> str | None:
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return None
    return moment
