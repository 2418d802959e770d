"""Files on the printer's card or stick."""

from __future__ import annotations

import asyncio
import ftplib
import math
import posixpath
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from ...errors import DriverError, Refused
from ...names import has_tricks
from .archive import plate_objects, plate_picture
from .ftps import TIDY_S, Ftps
from .listing import read_listing
from .transfer import Upload, download

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...printer import CurrentJob, PrinterStatus
    from ...workshop.clock import Clock
    from ..base import Progress, RemoteFile
    from .archive import Fetch, PlateObject
    from .certificate import Pin

USER: Final = "bblp"
_LONGEST: Final = 512
_TELL_S: Final = 0.1
"""How often progress is told: the loop has better to do than to hear of every block."""


def printer_path(path: str) -> str:
    """Return a path from the root of the storage. Raises Refused for one that leaves it."""
    if len(path) > _LONGEST or has_tricks(path) or ".." in path.split("/"):
        raise Refused("not a path on the printer", key="file_missing", path=path[:80])
    return posixpath.normpath("/" + path.lstrip("/"))


class BambuStorage:
    """FTPS, one session at a time, all of it in a thread. Also finds the picture of a job."""

    free_bytes: None = None
    calm = False

    def __init__(
        self,
        host: str,
        port: int,
        pin: Pin,
        access_code: str,
        clock: Clock,
        *,
        status: Callable[[], PrinterStatus | None] = lambda: None,
    ) -> None:
        self._host = host
        self._port = port
        self._pin = pin
        self._access_code = access_code
        self._clock = clock
        self._status = status
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
        await self._run(lambda ftps: download(ftps, source, to, tell))

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        progress: Progress | None = None,
        replace: bool = False,
    ) -> str:
        """Store a file under a name of its own, and its own when its size proves it whole."""
        target = printer_path(path)
        moving = await asyncio.to_thread(
            Upload, source, target, _told(progress), at_rest=partial(self._at_rest, target)
        )
        await self._run(lambda ftps: moving.run(ftps, replace=replace), tidies=True)
        return target

    async def delete(self, path: str) -> None:
        """Remove a file."""
        target = printer_path(path)
        self._at_rest(target)
        await self._run(lambda ftps: _delete(ftps, target))

    def _at_rest(self, path: str) -> None:
        """Raise Refused while a job prints the file of this name.

        The folder does not count: what a job says of it is not where we put it.
        """
        status = self._status()
        if status is None or not status.active or status.job is None:
            return
        names = {_stem(name) for name in (status.job.name, status.job.path) if name}
        if _stem(path) in names:
            raise Refused("it is being printed", key="printer_busy")

    async def thumbnail(self, reference: str) -> bytes | None:
        """Return the picture of the first plate of a 3MF, by ranged reads."""
        path = printer_path(reference)
        return await self._run(lambda ftps: _picture(ftps, [path], None))

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Return a piece of a file, in a session of its own that hangs up behind it."""
        source = printer_path(path)
        return await self._run(lambda ftps: ftps.read_range(source, offset, length))

    async def picture(self, job: CurrentJob) -> bytes | None:
        """Return the picture of a job's plate, or None when its file is not on the storage."""
        paths = candidates(job)
        return await self._run(lambda ftps: _picture(ftps, paths, job.plate)) if paths else None

    async def objects(self, job: CurrentJob) -> tuple[PlateObject, ...]:
        """Return what a job's file says of the objects on its plate; none without the file."""
        paths = candidates(job)
        if not paths:
            return ()
        what = partial(plate_objects, plate=job.plate)
        return await self._run(lambda ftps: _read(ftps, paths, what)) or ()

    async def _run[T](self, work: Callable[[Ftps], T], *, tidies: bool = False) -> T:
        async with self._lock:
            await self._pin.prepare()
            ftps = Ftps(self._pin)
            working = asyncio.ensure_future(asyncio.to_thread(self._session, ftps, work))
            try:
                # Not `shield`: it tells the log of what breaks behind somebody who left.
                await asyncio.wait([working])
                return working.result()
            except asyncio.CancelledError:
                if tidies:
                    ftps.stop()
                    await asyncio.wait([working], timeout=TIDY_S)
                ftps.break_off()
                await asyncio.wait([working])
                with suppress(Exception):
                    working.result()
                raise

    def _session[T](self, ftps: Ftps, work: Callable[[Ftps], T]) -> T:
        try:
            with ftps.session(self._host, self._port, USER, self._access_code):
                return work(ftps)
        finally:
            if ftps.leftover is not None and not ftps.broken_off:
                self._sweep(ftps.leftover)

    def _sweep(self, path: str) -> None:
        """Remove half a file over a new line, where the old one broke."""
        again = Ftps(self._pin)
        with suppress(DriverError), again.session(self._host, self._port, USER, self._access_code):
            again.delete(path)


def _stem(path: str) -> str:
    name = path.rsplit("/", 1)[-1].casefold()
    for ending in (".3mf", ".gcode"):
        name = name.removesuffix(ending)
    return name


def _delete(ftps: Ftps, path: str) -> None:
    try:
        ftps.delete(path)
    except ftplib.error_perm as err:
        if str(err).startswith("550") and ftps.size_of(path) is not None:
            raise Refused(str(err)[4:84] or "the printer does not delete it") from err
        raise


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
    told = -math.inf

    def tell(moved: int, total: int | None) -> None:
        nonlocal told
        now = time.monotonic()
        if moved == total or now - told >= _TELL_S:
            told = now
            loop.call_soon_threadsafe(progress, moved, total)

    return tell


def _picture(ftps: Ftps, paths: list[str], plate: int | None) -> bytes | None:
    return _read(ftps, paths, lambda fetch, size: plate_picture(fetch, size, plate))


def _read[T](ftps: Ftps, paths: list[str], what: Callable[[Fetch, int], T]) -> T | None:
    """Read something out of the first of these archives that is there, piece by piece."""
    for path in paths:
        size = ftps.size_of(path)
        if not size:
            continue
        try:
            return what(partial(ftps.read_range, path), size)
        except Refused as err:
            # Without ranged reads it would cost the whole file.
            if err.key == "not_supported":
                return None
            raise
    return None
