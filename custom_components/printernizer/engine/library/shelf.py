"""Content-addressed files on disk: each content once, under its own SHA-256, whole or not at all.

```text
library/
├── objects/ab/abcdef…       the bytes; read-only
├── objects/ab/abcdef….json  the sidecar: what the shop knows of them, so that it is never lost
├── incoming/….part          on the way in; whatever is left there is swept when the shelf opens
└── by-name/<source>/<day>/  the same files under names for people, where the disk can do that
```

A file is written under a name of its own, hashed on the way, brought onto the disk, and only then
given its place by one rename: a process that is killed leaves a part, never half a file. Nothing
here runs on the event loop, and nothing here knows the database.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID, uuid4

from ..errors import BadFile, NotAllowed
from ..library_file import stored_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from types import TracebackType
    from typing import BinaryIO

LARGEST_SIDECAR: Final = 4 << 20
"""Bytes; a longer one is not ours."""
PIECE_BYTES: Final = 1 << 20
_LOOK_EVERY: Final = 16 << 20
"""Bytes written between two looks at how much room the disk has."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PART: Final = re.compile(r"\.?[0-9a-f]{32}\.part")
_SCRUBBED: Final = "scrubbed-at"
_CALLED: Final = "shelf-id"
_READ_ONLY: Final = 0o444
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_MOST_OF_A_NAME: Final = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A content that lies on the shelf."""

    sha256: str
    size_bytes: int
    fresh: bool
    """Whether it was not there before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """What a walk along the shelf meets."""

    name: str
    """Relative to the shelf's objects."""
    sha256: str | None
    """None for something that is not ours."""
    object: bool = False
    sidecar: bool = False


class Shelf:
    """A folder of files. Every method reads or writes the disk: never call one on the loop.

    spare_bytes: what stays free on the disk. Methods raise NotAllowed: "disk_full" when there is
    no room, "disk_failed" when the disk does not do as it is told.
    """

    def __init__(self, folder: Path, *, spare_bytes: int = 0) -> None:
        self.folder = folder
        self.spare_bytes = spare_bytes
        self._objects = folder / "objects"
        self._incoming = folder / "incoming"
        self._named = folder / "by-name"

    def open(self) -> int:
        """Make the folders, and sweep what a killed process left; returns how many parts."""
        swept = 0
        try:
            for folder in (self._objects, self._incoming):
                folder.mkdir(parents=True, exist_ok=True)
            for part in self._incoming.iterdir():
                if _PART.fullmatch(part.name) and not _being_written(part):
                    part.unlink(missing_ok=True)
                    swept += 1
        except OSError as err:
            raise disk_error(err) from err
        return swept

    def called(self, given: UUID) -> UUID:
        """Return what this shelf is called in the list: as it was before, else as given.

        The name lies on the shelf and so moves along with it. A disk that is new has none: then
        what the list knows of the old one is missing, and not at another site.
        """
        place = self.folder / _CALLED
        with suppress(OSError, ValueError):
            return UUID(place.read_text("ascii")[:40].strip())
        try:
            place.write_text(f"{given}\n", "ascii")
        except OSError as err:
            raise disk_error(err) from err
        return given

    # -- objects -----------------------------------------------------------------------------

    def path(self, sha256: str) -> Path:
        """Return where a content lies, or would lie. Raises ValueError for what is no hash."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a SHA-256: {sha256[:80]!r}")
        return self._objects / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Return whether a content is there."""
        return self.path(sha256).is_file()

    def receive(self) -> Incoming:
        """Return a place for one file on its way in, to be used as a context."""
        return Incoming(self, self._incoming / f"{uuid4().hex}.part")

    def keep(self, part: Path, sha256: str, size: int) -> Stored:
        """Give a whole, synced file its place; one that lies there damaged is replaced."""
        target = self.path(sha256)
        try:
            if self._intact(target, sha256, size):
                part.unlink()
                return Stored(sha256=sha256, size_bytes=size, fresh=False)
            if not target.parent.is_dir():
                target.parent.mkdir(exist_ok=True)
                _settle(self._objects)
            part.chmod(_READ_ONLY)
            part.replace(target)
            _settle(target.parent)
        except OSError as err:
            raise disk_error(err) from err
        return Stored(sha256=sha256, size_bytes=size, fresh=True)

    def take_over(self, part: Path, sha256: str, size: int) -> Stored:
        """Give a whole, synced file on this disk its place, in no time and without more room.

        It stays under its own name as well where the disk has links, for the case that it is not
        listed after all.
        """
        link = self._incoming / f"{uuid4().hex}.part"
        try:
            link.hardlink_to(part)
        except OSError:
            link = part
        return self.keep(link, sha256, size)

    def _intact(self, target: Path, sha256: str, size: int) -> bool:
        if not target.is_file() or target.stat().st_size != size:
            return False
        return any(piece is True for piece in self.rehash(sha256))

    def drop(self, sha256: str) -> None:
        """Remove a content with its sidecar. Fine when it is gone."""
        target = self.path(sha256)
        try:
            self.drop_sidecar(sha256)
            target.unlink(missing_ok=True)
            with suppress(OSError):
                target.parent.rmdir()
        except OSError as err:
            raise disk_error(err) from err

    def room_for(self, more: int) -> None:
        """Raise NotAllowed(key="disk_full") when so many bytes would take what is to stay free."""
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as err:
            raise disk_error(err) from err
        if free - more < self.spare_bytes:
            reason = f"{free} bytes are free, {more} are wanted, {self.spare_bytes} stay free"
            raise NotAllowed(reason, key="disk_full")

    # -- sidecars ----------------------------------------------------------------------------

    def write_sidecar(self, sha256: str, text: str) -> None:
        """Keep what is known of a content beside it, whole or not at all."""
        target = self._sidecar(sha256)
        part = self._incoming / f"{uuid4().hex}.part"
        try:
            with part.open("xb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
            _settle(target.parent)
        except OSError as err:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise disk_error(err) from err

    def read_sidecar(self, sha256: str) -> str | None:
        """Return what stands beside a content; None where nothing does, or nothing of ours."""
        try:
            with self._sidecar(sha256).open("rb") as file:
                content = file.read(LARGEST_SIDECAR + 1)
            return content.decode("utf-8") if len(content) <= LARGEST_SIDECAR else None
        except FileNotFoundError, UnicodeDecodeError, IsADirectoryError:
            return None
        except OSError as err:
            raise disk_error(err) from err

    def drop_sidecar(self, sha256: str) -> None:
        """Remove a sidecar: what has none comes back nameless at worst, when a list is rebuilt."""
        try:
            self._sidecar(sha256).unlink(missing_ok=True)
        except OSError as err:
            raise disk_error(err) from err

    def _sidecar(self, sha256: str) -> Path:
        target = self.path(sha256)
        return target.with_name(f"{target.name}.json")

    # -- when it was looked through ----------------------------------------------------------

    def scrubbed_at(self) -> str | None:
        """Return what `mark_scrubbed` was told last."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.folder / _SCRUBBED).read_text("ascii")[:40]
        return None

    def mark_scrubbed(self, moment: str) -> None:
        """Remember when all of it was looked through, across restarts."""
        with suppress(OSError):
            (self.folder / _SCRUBBED).write_text(moment, "ascii")

    # -- names for people --------------------------------------------------------------------

    def show(self, sha256: str, source: str, day: str, name: str) -> Path | None:
        """Give a content a name that people can read; None where the disk has no links.

        A hard link, else a relative symbolic one. Another content of that name keeps it, and
        this one gets a number.
        """
        target = self.path(sha256)
        folder = self._named / stored_name(source) / stored_name(day)
        wanted = stored_name(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(1, _MOST_OF_A_NAME):
                link = folder / (wanted if number == 1 else _numbered(wanted, number))
                if _same(link, target):
                    return link
                if not os.path.lexists(link) and _link(target, link):
                    return link
                if not os.path.lexists(link):
                    break
        except OSError:
            # Names are a convenience: a file is never refused for the lack of one.
            return None
        return None

    def hide(self, sha256: str, day: str) -> None:
        """Take away all names that a content has below a day: printers are renamed, too."""
        target = self.path(sha256)
        with suppress(OSError):
            for source in sorted(self._named.iterdir()):
                _hide(source / stored_name(day), target)

    # -- looking through ---------------------------------------------------------------------

    def walk(self) -> Iterator[Item]:
        """Yield everything below the objects, folder by folder."""
        try:
            folders = sorted(self._objects.iterdir())
            for folder in folders:
                yield from self._walk(folder)
        except OSError as err:
            raise disk_error(err) from err

    def _walk(self, folder: Path) -> Iterator[Item]:
        if not (folder.is_dir() and re.fullmatch(r"[0-9a-f]{2}", folder.name)):
            yield Item(name=folder.name, sha256=None)
            return
        names = {entry.name for entry in folder.iterdir() if entry.is_file()}
        others = {entry.name for entry in folder.iterdir()} - names
        ours: set[str] = set()
        for name in names:
            stem = name.removesuffix(".json")
            if _SHA256.fullmatch(stem) and stem.startswith(folder.name):
                ours.add(stem)
            else:
                others.add(name)
        for sha256 in sorted(ours):
            yield Item(
                name=f"{folder.name}/{sha256}",
                sha256=sha256,
                object=sha256 in names,
                sidecar=f"{sha256}.json" in names,
            )
        for name in sorted(others):
            yield Item(name=f"{folder.name}/{name}", sha256=None)

    def rehash(self, sha256: str) -> Iterator[int | bool]:
        """Read a content again: yields the bytes of every piece, at last whether it is intact.

        False for one that is missing as well. Raises NotAllowed where the disk cannot read it:
        that may be the disk's fault alone.
        """
        digest = hashlib.sha256()
        try:
            with self.path(sha256).open("rb") as file:
                while piece := file.read(PIECE_BYTES * 4):
                    digest.update(piece)
                    yield len(piece)
        except FileNotFoundError:
            yield False
            return
        except OSError as err:
            raise disk_error(err) from err
        yield digest.hexdigest() == sha256


class Incoming:
    """One file on its way in. Without `keep` nothing is left of it."""

    def __init__(self, shelf: Shelf, part: Path) -> None:
        self._shelf = shelf
        self._part = part
        self._digest = hashlib.sha256()
        self._looked_at = 0
        self.size = 0
        """Bytes so far."""

    def __enter__(self) -> Self:
        self._shelf.room_for(0)
        try:
            self._file = self._part.open("xb", buffering=0)
        except OSError as err:
            raise disk_error(err) from err
        _hold(self._file)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        if self.size - self._looked_at >= _LOOK_EVERY:
            self._shelf.room_for(len(piece))
            self._looked_at = self.size
        try:
            left = memoryview(piece)
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as err:
            raise disk_error(err) from err
        self._digest.update(piece)
        self.size += len(piece)

    def keep(self) -> Stored:
        """Bring it onto the disk and give it its place."""
        try:
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as err:
            raise disk_error(err) from err
        return self._shelf.keep(self._part, self._digest.hexdigest(), self.size)


def _hold(file: BinaryIO | FileIO) -> None:
    """Tell others that somebody writes into a file, for as long as it is open."""
    with suppress(OSError):
        flock(file.fileno(), LOCK_EX | LOCK_NB)


def _being_written(part: Path) -> bool:
    """Whether somebody is writing into a part: another process on the same folder, say."""
    try:
        with part.open("rb") as file:
            flock(file.fileno(), LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def disk_error(err: OSError) -> NotAllowed:
    """Return what to tell people of a disk that refuses."""
    reason = err.strerror or type(err).__name__
    return NotAllowed(reason, key="disk_full" if err.errno in _FULL else "disk_failed")


def unreadable(name: str, err: OSError) -> BadFile:
    """Return what to tell people of a file that cannot be read."""
    return BadFile(f"{name}: {err.strerror}", key="file_unreadable")


def _settle(folder: Path) -> None:
    """Bring a folder's own entries onto the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _hide(folder: Path, target: Path) -> None:
    """Take the names of a content out of a folder, and the folders that are empty then."""
    with suppress(OSError):
        for link in sorted(folder.iterdir()):
            if _same(link, target):
                link.unlink(missing_ok=True)
        folder.rmdir()
        folder.parent.rmdir()


def _same(link: Path, target: Path) -> bool:
    try:
        return link.samefile(target)
    except OSError:
        return False


def _link(target: Path, link: Path) -> bool:
    try:
        link.hardlink_to(target)
    except OSError:
        try:
            link.symlink_to(os.path.relpath(target, link.parent))
        except OSError:
            return False
    return True


def _numbered(name: str, number: int) -> str:
    stem, dot, ending = name.rpartition(".")
    return f"{stem} ({number}).{ending}" if dot else f"{name} ({number})"
