"""Lines of a folder listing, as Unix servers write them, into files. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ...names import has_tricks
from ..base import RemoteFile

if TYPE_CHECKING:
    from collections.abc import Iterable

_ROW: Final = re.compile(
    r"(?P<kind>[-dl])[-rwxsStT]{9}[+.@]?\s+\d+\s+\S+\s+\S+\s+(?P<size>\d{1,15})\s+"
    r"(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})\s+"
    r"(?:(?P<hour>\d\d?):(?P<minute>\d\d)|(?P<year>\d{4}))"
    r" (?P<name>.+)"
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        start=1,
    )
}
_NEVER_SET: Final = 1980
"""The year of a file on FAT whose clock was not set."""
PRINTABLE: Final = (".3mf", ".gcode")


def read_listing(folder: str, rows: Iterable[str], now: datetime) -> tuple[RemoteFile, ...]:
    """Return the files of a listing; lines that cannot be read are left out.

    A time without a year lies within the past twelve months. The time zone is not told (UTC,
    UTC+8 and local were seen): it is taken as UTC.
    """
    base = folder.rstrip("/") + "/"
    found = []
    for row in rows:
        match = _ROW.fullmatch(row.rstrip("\r"))
        if match is None or match["kind"] == "l":
            continue
        name = match["name"]
        if name in {".", ".."} or "/" in name or has_tricks(name):
            continue
        isfolder = match["kind"] == "d"
        printable = not isfolder and name.lower().endswith(PRINTABLE)
        found.append(
            RemoteFile(
                path=base + name,
                name=name,
                size=None if isfolder else int(match["size"]),
                modified=_moment(match, now),
                folder=isfolder,
                printable=printable,
                thumbnail=base + name if printable and name.lower().endswith(".3mf") else None,
            )
        )
    return tuple(found)


def _moment(match: re.Match[str], now: datetime) -> datetime | None:
    month = _MONTHS.get(match["month"])
    if month is None:
        return None
    year = int(match["year"]) if match["year"] else now.year
    try:
        moment = datetime(
            year, month, int(match["day"]), int(match["hour"] or 0), int(match["minute"] or 0),
            tzinfo=UTC,
        )  # fmt: skip
        if match["year"] is None and moment > now + timedelta(days=1):
            moment = moment.replace(year=year - 1)
    except ValueError:
        return None
    return None if moment.year <= _NEVER_SET else moment
