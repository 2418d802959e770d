"""Our paths and OctoPrint's: "/local/folder/x.gcode" is folder/x.gcode in its storage `local`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...errors import Refused
from .address import segments_of

LOCAL: Final = "local"
CARD: Final = "sdcard"
TIMELAPSE: Final = "timelapse"
ROOTS: Final = (LOCAL, CARD, TIMELAPSE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something lies."""

    root: str
    """One of `ROOTS`."""
    inside: tuple[str, ...]
    """Folders and name within it; empty for the storage itself."""

    @property
    def path(self) -> str:
        """The same as a path of ours."""
        return "/" + "/".join((self.root, *self.inside))


def located(path: str) -> Place:
    """Return the place a path names; without a storage's name first it lies in `local`.

    Raises Refused(key="file_missing") for one that climbs.
    """
    try:
        segments = segments_of(path)
    except ValueError as err:
        raise Refused(f"no place {path!r}", key="file_missing", path=path) from err
    if segments and segments[0] in ROOTS:
        return Place(root=segments[0], inside=segments[1:])
    return Place(root=LOCAL, inside=segments)
