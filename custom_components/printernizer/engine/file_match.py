"""Whether a file on a printer is one that we know, by the rules of its brand.

A hash settles it. No printer tells one in its listing, so that name and size have to do: and
each brand bends names in its own way.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from .library_file import compared

CLOCKS_APART: Final = timedelta(minutes=5)
"""By so much a printer's clock may differ from ours; some tell whole minutes only."""
_SHORTEST_CUT: Final = 12
"""Characters that must be left of a name that was cut, before it says anything."""
_BAMBU_CACHE: Final = "/cache/"
"""Where Bambu Studio and Handy put what they send; the name is often one of their own."""
_PLATE: Final = re.compile(r"_plate_\d+$")
_COPY: Final = re.compile(r"(?:[ _]\(?\d{1,3}\)?|~\d)$")
_ENDINGS: Final = (".gcode.3mf", ".gcode", ".gco", ".g", ".bgcode", ".bgc", ".3mf")
_SHORT: Final = re.compile(r"^([^.~]{1,6})~\d\.([a-z0-9]{1,3})$")
"""A name as FAT shows it where long names are not read: "BENCHY~1.GCO"."""
_UNSAID: Final = re.compile(r"[^0-9a-z.]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """A file as a printer lists it."""

    path: str
    name: str
    size_bytes: int | None = None
    """None where a listing does not say."""
    modified: datetime | None = None
    """When it was written, by the printer's clock; None where a listing does not say."""


def written_since(modified: datetime | None, since: datetime, now: datetime) -> bool:
    """Whether a file on a printer was written after a moment, by what its listing says.

    Clocks differ: some minutes prove nothing. Nor does a time that is still to come: that clock
    is wrong, or shows the time of another zone.
    """
    return modified is not None and since + CLOCKS_APART < modified <= now + CLOCKS_APART


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What we know of a file that may be it."""

    names: tuple[str, ...]
    """Its own and all under which it came."""
    size_bytes: int | None


def matches(brand: str | None, seen: Sighting, known: Known) -> bool:
    """Return whether a file on a printer of this brand must be taken for one that we know.

    brand: "bambu", "prusalink", "octoprint", "moonraker", "virtual"; None keeps to what holds
    everywhere: the same size and the same name. Without a size the name has to be whole.
    """
    if seen.size_bytes is not None and known.size_bytes not in {seen.size_bytes, None}:
        return False
    names = {compared(seen.name), compared(posixpath.basename(seen.path))} - {""}
    sized = seen.size_bytes is not None and known.size_bytes is not None
    return any(
        name in names or (sized and any(_bent(brand, one, name, seen.path) for one in names))
        for name in map(compared, known.names)
    )


def _bent(brand: str | None, seen: str, known: str, path: str) -> bool:
    """Return whether a brand would make the one name of the other; their sizes are the same."""
    if brand == "bambu":
        return _bambu(seen, known, path)
    if brand == "prusalink":
        return _shortened(seen, known) or _cut(seen, known)
    if brand == "octoprint":
        # It takes accents off, puts "_" for blanks and leaves out what is no letter.
        return _bare(seen) == _bare(known) != ""
    return _stem(seen) == _stem(known) and _ending(seen) == _ending(known)


def _bambu(seen: str, known: str, path: str) -> bool:
    one, other = _PLATE.sub("", _stem(seen)), _PLATE.sub("", _stem(known))
    if one == other or _COPY.sub("", one) == other:
        return True
    if path.startswith(_BAMBU_CACHE):
        return _cut(seen, known)
    return False


def _stem(name: str) -> str:
    ending = _ending(name)
    return name.removesuffix(ending)


def _ending(name: str) -> str:
    return next((ending for ending in _ENDINGS if name.endswith(ending)), "")


def _cut(seen: str, known: str) -> bool:
    """Return whether one name is the other, cut off at its end."""
    short, long = sorted((_stem(seen).rstrip("~… "), _stem(known)), key=len)
    return len(short) >= _SHORTEST_CUT and long.startswith(short)


def _shortened(seen: str, known: str) -> bool:
    found = _SHORT.match(seen)
    if found is None:
        return False
    head = _bare(found[1])
    return bool(head) and _bare(_stem(known)).replace(".", "").startswith(head)


def _bare(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name.casefold())
    return _UNSAID.sub("", "".join(char for char in apart if not unicodedata.combining(char)))
