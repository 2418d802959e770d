"""Where files lie on a Moonraker, and how we write it: pure.

A server has several roots ("gcodes", "config", "logs"). A path of ours begins in gcodes, whose
files are printed: "/part.gcode". Another root is a folder of ours by its own name,
"/config/printer.cfg", and the server's own spelling ("/gcodes/part.gcode") is understood as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...names import has_tricks
from ..base import RemoteFile
from .address import segments_of
from .messages import Json, moment, name, number, obj, objects, text, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

MAIN: Final = "gcodes"
_PRINTABLE: Final = (".gcode", ".gco", ".g")
_MOST_FILES: Final = 20_000
_PICTURE_PX: Final = 300
"""Width that we would like a thumbnail to have."""


class Layout:
    """The server's roots, and paths in and out of them."""

    def __init__(self) -> None:
        self.roots: dict[str, bool] = {MAIN: True}
        """Whether one may be written to, by name."""
        self.free_bytes: int | None = None

    def learn(self, answer: object) -> None:
        """Take in `server.files.roots`."""
        roots = answer if isinstance(answer, list) else []
        for root in roots[:32]:
            key, permissions = name(root, "name", 64), text(root, "permissions", 8) or ""
            if key and "r" in permissions and "/" not in key:
                self.roots[key] = "w" in permissions

    def locate(self, path: str) -> tuple[str, ...]:
        """Return the segments of a path of ours, root first.

        Raises Refused(key="file_missing") for a path that climbs or cannot be one.
        """
        parts = segments_of(path)
        return parts if parts and parts[0] in self.roots else (MAIN, *parts)

    def shown(self, segments: Sequence[str]) -> str:
        """Return segments, root first, as a path of ours."""
        root, *rest = segments
        # A folder of gcodes that is called like a root can only be meant with its own in front.
        short = root == MAIN and not (rest and rest[0] in self.roots)
        return "/" + "/".join(rest if short else (root, *rest))

    def shown_file(self, file: str) -> str:
        """Return what Klipper calls a file as a path of ours."""
        return self.shown((MAIN, *(part for part in file.split("/") if part)))

    def others(self) -> tuple[RemoteFile, ...]:
        """Return the other roots as folders of ours."""
        return tuple(
            RemoteFile(path=f"/{key}", name=key, folder=True)
            for key in sorted(self.roots)
            if key != MAIN
        )

    def files_of(self, folder: object, segments: Sequence[str]) -> tuple[RemoteFile, ...]:
        """Read `server.files.get_directory`; `segments` is where it lies, root first."""
        usage = whole(obj(folder, "disk_usage"), "free")
        if usage is not None and segments[0] == MAIN:
            self.free_bytes = usage
        folders = (self._folder_of(item, segments) for item in objects(folder, "dirs"))
        files = (self._file_of(item, segments) for item in objects(folder, "files")[:_MOST_FILES])
        return tuple(item for item in (*folders, *files) if item is not None)

    def _folder_of(self, item: Json, segments: Sequence[str]) -> RemoteFile | None:
        own = _plain(name(item, "dirname", 255))
        if own is None or own.startswith("."):
            return None
        return RemoteFile(
            path=self.shown((*segments, own)),
            name=own,
            modified=moment(item, "modified"),
            folder=True,
        )

    def _file_of(self, item: Json, segments: Sequence[str]) -> RemoteFile | None:
        own = _plain(name(item, "filename", 255))
        if own is None or own.startswith("."):
            return None
        picture = picture_in(item)
        return RemoteFile(
            path=self.shown((*segments, own)),
            name=own,
            size=whole(item, "size"),
            modified=moment(item, "modified"),
            printable=segments[0] == MAIN and own.lower().endswith(_PRINTABLE),
            thumbnail=None if picture is None else self.shown((*segments, *picture)),
        )


def picture_in(metadata: Json) -> tuple[str, ...] | None:
    """Return where the best thumbnail lies, from the folder of its file; None without one.

    Best is the one whose width is nearest to 300 pixels.
    """
    found: list[tuple[float, tuple[str, ...]]] = []
    for item in objects(metadata, "thumbnails")[:16]:
        parts = tuple(part for part in (name(item, "relative_path") or "").split("/") if part)
        width = number(item, "width")
        if parts and width is not None and all(_plain(part) for part in parts):
            found.append((abs(width - _PICTURE_PX), parts))
    return min(found)[1] if found else None


def _plain(part: str | None) -> str | None:
    """Return the name of one file, or None for one that hides a path."""
    if part is None or part in {".", ".."} or "/" in part or "\\" in part:
        return None
    return None if has_tricks(part) else part
