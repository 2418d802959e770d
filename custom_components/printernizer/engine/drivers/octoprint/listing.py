"""Reads file lists: OctoPrint's storages, the printer's card, timelapses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ..base import RemoteFile
from .places import CARD, LOCAL, TIMELAPSE
from .reading import LONGEST_PATH, number, obj, objects, text, whole

if TYPE_CHECKING:
    from .address import Address
    from .reading import Json

_MOST: Final = 20_000
_OLDEST: Final = 946_684_800.0
_YOUNGEST: Final = 7_258_118_400.0
"""2000 to 2200: a card without a clock says 1980, or nothing."""


def inner_path(entry: Json) -> str | None:
    """Return an entry's path within its storage, without a slash before it; None when unsafe."""
    path = text(entry, "path", LONGEST_PATH) or text(entry, "name", LONGEST_PATH)
    if path is None:
        return None
    path = path.strip("/")
    return None if not path or {"..", "."} & set(path.split("/")) else path


def files_of(entries: tuple[Json, ...], root: str, address: Address) -> tuple[RemoteFile, ...]:
    """Return the files and folders of a list."""
    return tuple(
        file for entry in entries[:_MOST] if (file := file_of(entry, root, address)) is not None
    )


def file_of(entry: Json, root: str, address: Address) -> RemoteFile | None:
    """Return one entry as a file or folder of ours."""
    path = inner_path(entry)
    if path is None:
        return None
    kind = text(entry, "type", 32)
    size = whole(entry, "size")
    folder = kind == "folder"
    return RemoteFile(
        path=f"/{root}/{path}",
        name=text(entry, "display") or path.rsplit("/", 1)[-1],
        size=None if folder or size is None or size < 0 else size,
        modified=_time(number(entry, "date")),
        folder=folder,
        printable=kind == "machinecode" or (kind is None and root == CARD),
        thumbnail=None if folder else thumbnail_of(entry, address),
    )


def thumbnail_of(entry: Json, address: Address) -> str | None:
    """Return the reference of a file's picture: 2.0 has one of its own, before it plugins do."""
    refs = obj(entry, "refs")
    said = text(refs, "thumbnail", 2048) or text(entry, "thumbnail", 2048)
    return None if said is None else address.reference(said)


def entries_of(answer: Json) -> tuple[Json, ...]:
    """Return what a storage or a folder holds."""
    return objects(answer, "children" if text(answer, "type", 32) == "folder" else "files")


def timelapses_of(answer: Json) -> tuple[RemoteFile, ...]:
    """Return the films; they are not printed."""
    files = []
    for entry in objects(answer, "files", _MOST):
        name = text(entry, "name", 255)
        if name is None or "/" in name or name in {".", ".."}:
            continue
        size = whole(entry, "bytes")
        files.append(
            RemoteFile(
                path=f"/{TIMELAPSE}/{name}",
                name=name,
                size=size if size is not None and size >= 0 else None,
                modified=_time(number(entry, "timestamp")),
            )
        )
    return tuple(files)


def roots(*, card: bool, timelapse: bool) -> tuple[RemoteFile, ...]:
    """Return the storages that are there now."""
    names = (LOCAL, *((CARD,) if card else ()), *((TIMELAPSE,) if timelapse else ()))
    return tuple(RemoteFile(path=f"/{name}", name=name, folder=True) for name in names)


def _time(unix: float | None) -> datetime | None:
    if unix is None or not _OLDEST <= unix <= _YOUNGEST:
        return None
    return datetime.fromtimestamp(unix, UTC)
