"""Looking through watched folders: what lies there, and what of it is whole.

Not on the event loop. Folders are looked through even where changes are told of (`ears.py`): a look
alone finds what came while nobody listened, and a network share tells of nothing. Measured: 20 000
files in 200 folders take 70 ms of processor time.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..formats.sniff import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import BinaryIO

    from ..file import FileKind
    from ..watched_folder import WatchedFolder

SETTLED_S: Final = 8.0
"""How long a file must have stood still. Slicers and copies write at least every second or two."""
CLOSED_S: Final = 1.0
"""How long one whose writer was seen to close it: some open theirs once more at once, to complete
its beginning."""
MOST_FILES: Final = 20_000
"""Files in one folder that are looked at; who has more has named the wrong folder."""
DEEPEST: Final = 16
_UNFINISHED: Final = (".part", ".tmp", ".crdownload", ".partial", ".download", "~")
"""Endings of what browsers and copying programs have not finished."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it lay there at one look."""

    path: str
    size_bytes: int
    modified_ns: int
    inode: int

    @property
    def name(self) -> str:
        """Without its folder."""
        return self.path.rpartition("/")[2]


def look(folder: WatchedFolder, entering: Callable[[str], None]) -> tuple[Found, ...]:
    """Return the files of a folder that may become files of the library, in order of path.

    entering: told of each folder before it is read. Links are not followed, and what is hidden or
    half written is not seen. Raises OSError for a folder that is not there or cannot be read; a
    folder in it that vanishes is passed over.
    """
    root = os.fspath(folder.path)
    if os.path.realpath(root) != root:
        raise NotADirectoryError(20, "it leads elsewhere", root)
    found: list[Found] = []
    waiting = [(root, 0)]
    while waiting:
        path, depth = waiting.pop()
        entering(path)
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    _see(entry, found, waiting, depth if folder.subfolders else DEEPEST)
                    if len(found) + len(waiting) > MOST_FILES:
                        break
        except OSError:
            if path == root:
                raise
        if len(found) + len(waiting) > MOST_FILES:
            raise OSError(7, f"more than {MOST_FILES} files", root)
    return tuple(sorted(found, key=lambda one: one.path))


def left_alone(name: str) -> bool:
    """Whether a file or folder is hidden, or not finished, by its name."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def _see(
    entry: os.DirEntry[str], found: list[Found], waiting: list[tuple[str, int]], depth: int
) -> None:
    if left_alone(entry.name):
        return
    try:
        if entry.is_dir(follow_symlinks=False):
            if depth < DEEPEST:
                waiting.append((entry.path, depth + 1))
            return
        about = entry.stat(follow_symlinks=False)
    except OSError:
        return  # It vanished meanwhile.
    if stat.S_ISREG(about.st_mode) and about.st_size and _text(entry.path):
        found.append(Found(entry.path, about.st_size, about.st_mtime_ns, about.st_ino))


def _text(path: str) -> bool:
    """Whether a path is text: one of broken bytes cannot be written down."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in path


def gone(folder: WatchedFolder, paths: Iterable[str]) -> list[str]:
    """Return those of these files that were deleted or moved away.

    Not those that merely cannot be seen now: a share that is not mounted leaves an empty folder
    behind, and so what lay below one is not taken for deleted.
    """
    root = os.fspath(folder.path)
    holds: dict[str, bool] = {}
    return [
        path
        for path in paths
        if _holds(path.rpartition("/")[0], root, holds) and not os.path.lexists(path)
    ]


def _holds(path: str, root: str, known: dict[str, bool]) -> bool:
    """Whether a folder, or else the nearest one above it that is there, holds anything."""
    if path not in known:
        try:
            with os.scandir(path) as entries:
                known[path] = next(entries, None) is not None
        except FileNotFoundError, NotADirectoryError:
            known[path] = len(path) > len(root) and _holds(path.rpartition("/")[0], root, known)
        except OSError:
            known[path] = False
    return known[path]


class Settling:
    """Which files have stood still for long enough to be whole. Times are a monotonic clock's."""

    def __init__(self) -> None:
        self._whole_at: dict[Found, float] = {}

    def settled(
        self, found: Iterable[Found], now: float, closed: Collection[str] = ()
    ) -> list[Found]:
        """Return those that look as they did `SETTLED_S` ago.

        closed: paths of which was told, before this look, that their writer closed them or moved
        them there whole; these have to look the same for `CLOSED_S` from now on.
        """
        whole_at: dict[Found, float] = {}
        for each in found:
            at = self._whole_at.get(each, now + SETTLED_S)
            whole_at[each] = min(at, now + CLOSED_S) if each.path in closed else at
        self._whole_at = whole_at
        return [each for each, at in whole_at.items() if now >= at]

    def next_in(self, now: float) -> float | None:
        """Return after how many seconds the next one may be whole. None: there is none to come."""
        return min((at - now for at in self._whole_at.values() if at > now), default=None)


@contextmanager
def opened(found: Found) -> Iterator[BinaryIO]:
    """Open a file that is still what it was when it was found. Raises BadFile."""
    try:
        # A pipe put in its place would not come back, a link would lead elsewhere.
        number = os.open(found.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as err:
        raise BadFile(f"{found.name}: {err.strerror}", key="file_unreadable") from err
    with os.fdopen(number, "rb") as file:
        about = os.fstat(number)
        now = Found(found.path, about.st_size, about.st_mtime_ns, about.st_ino)
        folder = found.path.rpartition("/")[0]
        if now != found or os.path.realpath(folder) != folder:
            raise BadFile(f"{found.name} has changed", key="file_changed")
        yield file


def kind_of(file: BinaryIO, found: Found) -> FileKind | None:
    """Return what an open file is by its first bytes; it stands at its beginning again."""
    try:
        head = file.read(HEAD_BYTES)
        file.seek(0)
    except OSError as err:
        raise BadFile(f"{found.name}: {err.strerror}", key="file_unreadable") from err
    return sniff(head, found.size_bytes)


def remove(found: Found) -> None:
    """Delete a file that is still what it was when it was found. Raises BadFile."""
    with opened(found):
        try:
            Path(found.path).unlink()
        except OSError as err:
            raise BadFile(f"{found.name}: {err.strerror}", key="file_unreadable") from err
