"""Moves files over one FTPS session, so that none is ever half there under its own name.

Blocking, for a thread. An upload goes to a name of its own and takes the place of the old file
when it is whole; a printer that cannot rename is given it in place, and what was written is
removed again when that fails.
"""

from __future__ import annotations

import errno
import ftplib
import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ...errors import BadFile, DriverError, Garbled, Refused, StoreError, Unreachable
from .ftps import BLOCK

if TYPE_CHECKING:
    from collections.abc import Buffer, Callable, Iterator
    from io import BufferedRandom, BufferedWriter
    from pathlib import Path

    from ..base import Progress
    from .ftps import Ftps

_OVERLAP: Final = 4096
"""Bytes fetched twice when a download goes on, to make sure that it is still the same file."""
PART: Final = ".part"
"""What an upload is called until it is whole. Nothing prints a file of that ending, and the next
upload of the same file takes it over."""


def download(ftps: Ftps, path: str, to: Path, tell: Progress) -> None:
    """Fetch a file, going on where `to` ends if it is the beginning of the same file."""
    total = ftps.size_of(path)
    if total is None:
        raise Refused("no such file", key="file_missing", path=path)
    have = _good_beginning(ftps, path, to, total)
    with _writable(to, have) as file:
        moved = have
        tell(moved, total)
        if moved < total:
            for block in ftps.blocks(path, have):
                _write(file, block)
                moved += len(block)
                tell(moved, total)
    if moved < total:
        raise Unreachable("the printer sent less than it has")
    if moved > total:
        raise Garbled("the printer sent more than it has")


def _good_beginning(ftps: Ftps, path: str, to: Path, total: int) -> int:
    """Return how many bytes of `to` may stay: its end must be the same on the printer."""
    have = to.stat().st_size if to.exists() else 0
    start = have - _OVERLAP
    if have > total or start <= 0:
        return 0
    try:
        known = ftps.read_range(path, start, _OVERLAP)
    except Refused:
        return 0
    with to.open("rb") as file:
        file.seek(start)
        return have if file.read(_OVERLAP) == known else 0


def _writable(to: Path, have: int) -> BufferedRandom | BufferedWriter:
    try:
        file = to.open("r+b") if have else to.open("wb")
        file.seek(have)
        file.truncate()
    except OSError as err:
        raise StoreError(f"cannot write: {err.strerror}", key="disk_full") from err
    return file


def _write(file: BufferedRandom | BufferedWriter, block: Buffer) -> None:
    try:
        file.write(block)
    except OSError as err:
        key = "disk_full" if err.errno == errno.ENOSPC else "store_failed"
        raise StoreError(f"cannot write: {err.strerror}", key=key) from err


def size_of(source: Path) -> int:
    """Return the bytes of a file of ours. Raises BadFile."""
    try:
        return source.stat().st_size
    except OSError as err:
        raise BadFile(f"{source.name} cannot be read: {err.strerror}") from err


class Upload:
    """One file on its way to a printer."""

    def __init__(
        self, source: Path, path: str, tell: Progress, *, at_rest: Callable[[], None]
    ) -> None:
        self._source = source
        self._path = path
        self._total = size_of(source)
        self._tell = tell
        self._at_rest = at_rest

    def run(self, ftps: Ftps, *, replace: bool) -> None:
        """Store it and prove by its size that it is whole.

        `at_rest` raises Refused while the file of that name is being printed: it is asked
        again before the old one goes.
        """
        there = ftps.size_of(self._path) is not None
        if there and not replace:
            raise Refused("such a file is there already", key="file_exists", path=self._path)
        self._at_rest()
        if not ftps.renames(self._path):
            self._store(ftps, self._path)
            return
        part = self._path + PART
        self._store(ftps, part)
        try:
            self._at_rest()
        except Refused:
            tidy(ftps, part)
            raise
        if not self._rename(ftps, part, there=there):
            # The whole file stays under its other name until it is there under its own.
            self._store(ftps, self._path)
            tidy(ftps, part)
        elif ftps.size_of(self._path) != self._total:
            raise Unreachable("the file is not what was sent")

    def _rename(self, ftps: Ftps, part: str, *, there: bool) -> bool:
        with suppress(ftplib.error_perm, ftplib.error_reply):
            ftps.rename(part, self._path)
            return True
        if there:
            # Some servers do not rename over a file. The new one is whole and stays.
            with suppress(ftplib.error_perm, ftplib.error_reply):
                ftps.delete(self._path)
                ftps.rename(part, self._path)
                return True
        return False

    def _store(self, ftps: Ftps, path: str) -> None:
        try:
            with ftps.translated():
                complaint = ftps.store(path, self._blocks())
                stored = ftps.size_of(path)
            if stored != self._total:
                raise Unreachable(
                    f"{stored or 0} of {self._total} bytes arrived: {complaint or 'no complaint'}"
                )
        except Refused as err:
            if ftps.began:
                tidy(ftps, path)
            if err.key in {"storage_missing", "file_missing"} and self._lacks_folder(ftps):
                folder = posixpath.dirname(self._path)
                raise Refused(f"no folder {folder}", key="file_missing", path=folder) from err
            raise
        except BaseException:
            if ftps.began:
                tidy(ftps, path)
            raise

    def _lacks_folder(self, ftps: Ftps) -> bool:
        """Whether it is the folder that is missing, and not the card."""
        with suppress(DriverError), ftps.translated():
            return ftps.has_folder("/") and not ftps.has_folder(posixpath.dirname(self._path))
        return False

    def _blocks(self) -> Iterator[Buffer]:
        moved = 0
        self._tell(0, self._total)
        room = memoryview(bytearray(BLOCK))
        try:
            with self._source.open("rb", buffering=0) as file:
                while count := file.readinto(room):
                    yield room[:count]
                    moved += count
                    self._tell(moved, self._total)
        except OSError as err:
            raise BadFile(f"{self._source.name} cannot be read: {err.strerror}") from err


def tidy(ftps: Ftps, path: str) -> None:
    """Remove a file, or remember that it is still to be removed."""
    try:
        with ftps.translated():
            ftps.delete(path)
    except Unreachable, Garbled:
        ftps.leftover = path
    except DriverError:
        return
