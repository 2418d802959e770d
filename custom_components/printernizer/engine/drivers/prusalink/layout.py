"""Where files lie on a PrusaLink, and how we write it: pure.

The firmware has one storage ("usb"), the Pi two ("local" and the printer's own "sdcard"). A path
of ours begins at the main storage: "/part.gcode" is "usb/part.gcode" there. Another storage is a
folder of the root by its own name, "/sdcard/part.gcode", and the printer's own spelling
("/usb/part.gcode") is understood as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from ...names import has_tricks
from ..base import RemoteFile
from .messages import Dialect, flag, number, objects, text, thumbnail_of, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .messages import Json

_MOST_FILES: Final = 20_000
_MAIN: Final = {Dialect.BUDDY: "usb", Dialect.PI: "local"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """One storage of the printer."""

    key: str
    """First segment of its paths: "usb", "local", "sdcard"."""
    name: str
    available: bool = True
    read_only: bool = False
    free_bytes: int | None = None


class Layout:
    """The printer's storages, and paths in and out of them."""

    def __init__(self, dialect: Dialect) -> None:
        self._long_names = dialect is Dialect.BUDDY
        self.main = _MAIN[dialect]
        self.roots: dict[str, Root] = {self.main: Root(key=self.main, name=self.main)}

    def learn(self, raw: Json) -> None:
        """Take in `/api/v1/storage`."""
        roots = [root for item in objects(raw, "storage_list")[:16] if (root := _root_of(item))]
        if roots:
            self.roots = {root.key: root for root in roots}
            if self.main not in self.roots:
                self.main = roots[0].key

    @property
    def present(self) -> bool:
        """Whether the main storage is there (the stick is in)."""
        return self.roots[self.main].available

    @property
    def free_bytes(self) -> int | None:
        """Room left on the main storage, where the printer says."""
        return self.roots[self.main].free_bytes

    @property
    def names(self) -> Mapping[str, str]:
        """Keys of the storages by what the printer calls them."""
        return {root.name: root.key for root in self.roots.values()}

    def locate(self, path: str) -> tuple[str, ...]:
        """Return the segments of a path of ours, storage first.

        Raises Refused(key="file_missing") for a path that climbs or cannot be one.
        """
        parts = tuple(part for part in path.split("/") if part)
        if any(part in {".", ".."} or "\\" in part or has_tricks(part) for part in parts):
            raise Refused(f"{path!r} is not a path on a printer", key="file_missing", path=path)
        return parts if parts and parts[0] in self.roots else (self.main, *parts)

    def shown(self, segments: Sequence[str]) -> str:
        """Return segments, storage first, as a path of ours."""
        root, *rest = segments
        return "/" + "/".join(rest if root == self.main else (root, *rest))

    def shown_path(self, path: str) -> str:
        """Return a path in the printer's spelling as a path of ours."""
        parts = [part for part in path.split("/") if part]
        return self.shown(parts) if parts and parts[0] in self.roots else path

    def others(self) -> tuple[RemoteFile, ...]:
        """Return the other storages that are there, as folders of the root."""
        return tuple(
            RemoteFile(path=f"/{root.key}", name=root.name, folder=True)
            for root in self.roots.values()
            if root.key != self.main and root.available
        )

    def files_of(self, folder: Json, segments: Sequence[str]) -> tuple[RemoteFile, ...]:
        """Read a folder's answer; `segments` is where it lies, storage first."""
        items = objects(folder, "children")[:_MOST_FILES]
        files = (self._file_of(item, segments) for item in items)
        return tuple(file for file in files if file is not None)

    def _file_of(self, item: Json, segments: Sequence[str]) -> RemoteFile | None:
        short, long = text(item, "name", 255), text(item, "display_name", 255)
        name = (long if self._long_names else short) or short or long
        if name is None or "/" in name or "\\" in name or name in {".", ".."}:
            return None
        stamp = number(item, "m_timestamp")
        folder = text(item, "type") == "FOLDER"
        return RemoteFile(
            path=self.shown((*segments, name)),
            name=long or name,
            size=None if folder else whole(item, "size"),
            modified=datetime.fromtimestamp(stamp, UTC)
            if stamp is not None and 0 < stamp < 1e11
            else None,
            folder=folder,
            printable=text(item, "type") == "PRINT_FILE",
            thumbnail=thumbnail_of(item),
        )


def _root_of(item: Json) -> Root | None:
    key = (text(item, "path") or "").strip("/")
    if not key or "/" in key:
        return None
    return Root(
        key=key,
        name=text(item, "name") or key,
        available=flag(item, "available") is not False,
        read_only=flag(item, "read_only") is True,
        free_bytes=whole(item, "free_space"),
    )
