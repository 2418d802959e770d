"""Files on the printer's card or stick."""

from __future__ import annotations

import asyncio
import errno
import posixpath
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from ...errors import BadFile, DriverError, Garbled, Refused, StoreError, Unreachable
from .archive import plate_picture
from .ftps import BLOCK, Ftps
from .listing import read_listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedRandom, BufferedWriter
    from pathlib import Path

    from ...printer import CurrentJob
    from ...workshop.clock import Clock
    from ..base import Progress, RemoteFile
    from .certificate import Pin

USER: Final = "bblp"
_LONGEST: Final = 512
_OVERLAP: Final = 4096
"""Bytes fetched twice when a download goes on, to make sure that it is still the same file."""


def printer_path(path: str) -> str:
    """Return a path from the root of the storage. Raises Refused for one that leaves it."""
    if len(path) > _LONGEST or not path.isprintable() or ".." in path.split("/"):
        raise Refused("not a path on the printer", key="file_missing", path=path[:80])
    return posixpath.normpath("/" + path.lstrip("/"))


class BambuStorage:
    """FTPS, one session at a time, all of it in a thread. Also finds the picture of a job."""

    free_bytes: None = None

    def __init__(self, host: str, port: int, pin: Pin, access_code: str, clock: Clock) -> None:
        self._host = host
        self._port = port
        self._pin = pin
        self._access_code = access_code
        self._clock = clock
        self._lock = asyncio.Lock()

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        """List one folder."""
        folder = printer_path(path)
        rows = await self._run(lambda ftps: ftps.listing(folder))
        return read_listing(folder, rows, self._clock.now())

    async def download(self, path: str, to: Path, *, progress: Progress | None = None) -> None:
        """Fetch a file, going on where an earlier attempt broke off."""
        source = printer_path(path)
        tell = _told(progress)
        await self._run(lambda ftps: _download(ftps, source, to, tell))

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        progress: Progress | None = None,
        replace: bool = False,
    ) -> str:
        """Store a file and compare its size on the printer."""
        target = printer_path(path)
        tell = _told(progress)
        total = await asyncio.to_thread(_size_of, source)
        await self._run(lambda ftps: _upload(ftps, source, target, total, tell, replace=replace))
        return target

    async def delete(self, path: str) -> None:
        """Remove a file."""
        target = printer_path(path)
        await self._run(lambda ftps: ftps.delete(target))

    async def thumbnail(self, reference: str) -> bytes | None:
        """Return the picture of the first plate of a 3MF, by ranged reads."""
        path = printer_path(reference)
        return await self._run(lambda ftps: _picture(ftps, [path], None))

    async def read_range(self, path: str, offset: int, count: int) -> bytes:
        """Return a piece of a file. Raises Refused("not_supported") without ranged reads."""
        source = printer_path(path)
        return await self._run(lambda ftps: ftps.read_range(source, offset, count))

    async def picture(self, job: CurrentJob) -> bytes | None:
        """Return the picture of a job's plate, or None when its file is not on the storage."""
        paths = candidates(job)
        return await self._run(lambda ftps: _picture(ftps, paths, job.plate)) if paths else None

    async def _run[T](self, work: Callable[[Ftps], T]) -> T:
        async with self._lock:
            await self._pin.prepare()
            ftps = Ftps(self._pin)
            working = asyncio.ensure_future(asyncio.to_thread(self._session, ftps, work))
            try:
                return await asyncio.shield(working)
            except asyncio.CancelledError:
                ftps.break_off()
                await asyncio.wait([working])
                with suppress(Exception):
                    working.result()
                raise

    def _session[T](self, ftps: Ftps, work: Callable[[Ftps], T]) -> T:
        with ftps.session(self._host, self._port, USER, self._access_code):
            return work(ftps)


def candidates(job: CurrentJob) -> list[str]:
    """Return where the file of a job may lie, most likely first."""
    found = []
    name = job.name
    if name and "/" not in name:
        for ending in (".gcode.3mf", ".3mf"):
            name = name.removesuffix(ending)
        for folder in ("/cache/", "/"):
            found += [f"{folder}{name}.3mf", f"{folder}{name}.gcode.3mf"]
    if job.path and job.path.lower().endswith(".3mf"):
        found.append(job.path)
    paths = []
    for path in found:
        with suppress(Refused):
            paths.append(printer_path(path))
    return list(dict.fromkeys(paths))


def _told(progress: Progress | None) -> Progress:
    """Return a progress that may be called from a thread and is heard on the loop."""
    if progress is None:
        return lambda _moved, _total: None
    loop = asyncio.get_running_loop()

    def tell(moved: int, total: int | None) -> None:
        loop.call_soon_threadsafe(progress, moved, total)

    return tell


def _picture(ftps: Ftps, paths: list[str], plate: int | None) -> bytes | None:
    for path in paths:
        size = ftps.size_of(path)
        if not size:
            continue
        try:
            return plate_picture(partial(ftps.read_range, path), size, plate)
        except Refused as err:
            # Without ranged reads a picture would cost the whole file.
            if err.key == "not_supported":
                return None
            raise
    return None


def _download(ftps: Ftps, path: str, to: Path, tell: Progress) -> None:
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


def _write(file: BufferedRandom | BufferedWriter, block: bytes) -> None:
    try:
        file.write(block)
    except OSError as err:
        key = "disk_full" if err.errno == errno.ENOSPC else "store_failed"
        raise StoreError(f"cannot write: {err.strerror}", key=key) from err


def _size_of(source: Path) -> int:
    try:
        return source.stat().st_size
    except OSError as err:
        raise BadFile(f"{source.name} cannot be read: {err.strerror}") from err


def _upload(
    ftps: Ftps, source: Path, path: str, total: int, tell: Progress, *, replace: bool
) -> None:
    if not replace and ftps.size_of(path) is not None:
        raise Refused("such a file is there already", key="file_exists", path=path)
    try:
        with ftps.translated():
            ftps.store(path, _chunks(source, total, tell))
    except DriverError:
        _tidy(ftps, path)
        raise
    with ftps.translated():
        stored = ftps.size_of(path)
    if stored != total:
        _tidy(ftps, path)
        raise Unreachable(f"{stored or 0} of {total} bytes arrived")


def _chunks(source: Path, total: int, tell: Progress) -> Iterator[bytes]:
    moved = 0
    tell(0, total)
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
            moved += len(block)
            tell(moved, total)


def _tidy(ftps: Ftps, path: str) -> None:
    """Remove half a file, if the line still allows."""
    with suppress(DriverError), ftps.translated():
        ftps.delete(path)
