"""Picture and objects of a plate out of a 3MF that stays on the printer.

Its directory and one member are read, in pieces.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING, Final, cast
from xml.etree import ElementTree as ET

from ...errors import BadFile
from ...ranged import RangedFile
from .payload import text, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

type Fetch = Callable[[int, int], bytes]

_BUDGET: Final = 6 << 20
"""Bytes moved at most for one member; a directory is a few KB, a picture below 200 KB."""
PICTURE_LIMIT: Final = 2 << 20
_INFO_LIMIT: Final = 1 << 20
_OBJECTS: Final = 1000
_SLICE_INFO: Final = "Metadata/slice_info.config"
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def plate_picture(fetch: Fetch, size: int, plate: int | None) -> bytes | None:
    """Return the PNG of a plate (its first without a number), or None when there is none.

    `fetch(offset, count)` returns a piece of the archive of `size` bytes.
    """
    wanted = [f"Metadata/plate_{plate or 1}.png"]
    if plate is None:
        wanted += [f"Metadata/plate_{number}.png" for number in range(2, 37)]
    picture = _member(fetch, size, wanted, PICTURE_LIMIT)
    return picture if picture is not None and picture.startswith(_PNG) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlateObject:
    """An object that the G-code of a plate labels."""

    number: int
    """Its `identify_id`, by which the printer knows it."""
    name: str


def plate_objects(fetch: Fetch, size: int, plate: int | None) -> tuple[PlateObject, ...]:
    """Return the objects of a plate; without a number, of the only one that has any.

    None where the slicer says that its G-code does not label them: the printer could not tell
    where one begins.
    """
    info = _member(fetch, size, [_SLICE_INFO], _INFO_LIMIT)
    if info is None or b"<!" in info or b"\0" in info:
        # No slicer declares anything in there, and what a declaration can do is not wanted.
        return ()
    try:
        root = ET.fromstring(info)  # noqa: S314 - small, and without declarations
    except ET.ParseError:
        return ()
    found = []
    for element in root.iter("plate"):
        facts = {item.get("key"): item.get("value") for item in element.iter("metadata")}
        if plate is None or facts.get("index") == str(plate):
            labelled = facts.get("label_object_enabled") != "false"
            found.append(tuple(_objects(element)) if labelled else ())
    several = [objects for objects in found if objects]
    return several[0] if len(several) == 1 else ()


def _objects(plate: ET.Element) -> Iterator[PlateObject]:
    for element in islice(plate.iter("object"), _OBJECTS):
        number = whole(element.get("identify_id"))
        if number is not None and number > 0:
            yield PlateObject(number=number, name=text(element.get("name")) or str(number))


def _member(fetch: Fetch, size: int, names: list[str], limit: int) -> bytes | None:
    """Return the first member of these names that is there, None if too large or unreadable."""
    far = RangedFile(fetch, size, "the archive", most=_BUDGET)
    try:
        with zipfile.ZipFile(cast("IO[bytes]", far)) as archive:
            held = set(archive.namelist())
            name = next((name for name in names if name in held), None)
            if name is None or archive.getinfo(name).file_size > limit:
                return None
            with archive.open(name) as member:
                content = member.read(limit + 1)
    except zipfile.BadZipFile, zlib.error, BadFile, EOFError, ValueError, RuntimeError:
        return None
    return content if len(content) <= limit else None
