"""Files on their way to printers: one at a time each, tried again when the line breaks."""

from __future__ import annotations

import asyncio
import logging
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Self
from uuid import uuid4

from ..errors import BadFile, NotAllowed, PrinternizerError, Refused, Unreachable
from ..upload import LARGEST_BYTES, Upload, UploadState, target_path
from .clock import within
from .listeners import Listeners
from .rate import Rate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from ..drivers.base import RemoteFile, Storage
    from .clock import Clock
    from .fleet import Fleet
    from .link import Link

_LOGGER = logging.getLogger(__name__)

AT_ONCE: Final = 16
"""Uploads of all printers that move bytes at a time. Some drivers hold a thread of Home Assistant's
for as long as that takes, and it has some sixty for everything."""
TRIES: Final = 3
PAUSES_S: Final = (2.0, 10.0)
"""Between the tries: an access point that roams is back within seconds."""
RETURN_S: Final = 120.0
"""How long a line may be down before an upload gives up: a board that restarts takes a minute."""

type Listener = Callable[[Upload], None]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What betrays that a file on disk is not the same any more."""

    size: int
    modified_ns: int
    inode: int


@dataclass(slots=True, eq=False)
class _Sending:
    """An upload, and what it takes to carry it out."""

    upload: Upload
    source: Path
    target: str
    stamp: Stamp
    replace: bool
    task: asyncio.Task[str] | None = None
    called_off: bool = False
    admitted: bool = False
    """It was looked at what lies under its path, before the first byte."""
    ours: bool = False
    """Whatever lies under its path comes from us: before the first try there was nothing."""


@dataclass(slots=True)
class _Lane:
    """The uploads of one printer, in the order of asking."""

    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a file is looked at: who asks first is first in the queue."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    queue: list[_Sending] = field(default_factory=list)
    latest: Upload | None = None


class Uploads:
    """Carries files to printers. Owns a task for each; all end with it."""

    def __init__(self, fleet: Fleet, clock: Clock) -> None:
        self._fleet = fleet
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._listeners: Listeners[Upload] = Listeners("uploads")
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(self.drop(printer_id) for printer_id in tuple(self._lanes)))

    # -- for everybody -----------------------------------------------------------------------

    def current(self, printer_id: str) -> Upload | None:
        """Return the upload under way, or the last one; None when there was none."""
        lane = self._lanes.get(printer_id)
        if lane is None:
            return None
        return lane.queue[0].upload if lane.queue else lane.latest

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear of every upload of every printer; returns how to stop.

        Called at every change of state, and at most every `rate.TELL_S` in between.
        """
        return self._listeners.add(listener)

    async def cancel(self, printer_id: str) -> Upload:
        """End the upload under way and return it as it ended; what waits behind it goes on.

        Raises NotAllowed(key="no_upload") when there is none.
        """
        lane = self._lanes.get(printer_id)
        if lane is None or not lane.queue:
            raise NotAllowed("nothing is being sent", key="no_upload")
        sending = lane.queue[0]
        await _end(sending)
        return sending.upload

    async def drop(self, printer_id: str) -> None:
        """End all uploads of a printer that goes away, the waiting ones first."""
        lane = self._lanes.pop(printer_id, None)
        if lane is not None:
            await asyncio.gather(*(_end(sending) for sending in reversed(lane.queue)))

    async def send(
        self, printer_id: str, source: Path, path: str | None = None, *, replace: bool = False
    ) -> Upload:
        """Store a file of ours on a printer, after those asked for before; return it as it ended.

        Waits for a line that is down. Raises BadFile for what cannot be sent or changes
        meanwhile; NotAllowed for a path no printer should have, and when it is cancelled; Refused
        with the printer's reason; Unreachable when it stays away.
        """
        self._fleet[printer_id]  # it is set up
        target = target_path(source.name, path)
        lane = self._lanes.setdefault(printer_id, _Lane())
        async with lane.door:
            name = target.rpartition("/")[2]
            stamp = await asyncio.to_thread(inspect, source, name)
            if self._lanes.get(printer_id) is not lane:
                # Its printer went away meanwhile, and nobody would end what begins now.
                raise NotAllowed("the printer was removed", key="upload_cancelled")
            sending = _Sending(
                upload=Upload(
                    id=uuid4(),
                    printer_id=printer_id,
                    name=name,
                    path=None,
                    total_bytes=stamp.size,
                    started_at=self._clock.now(),
                ),
                source=source,
                target=target,
                stamp=stamp,
                replace=replace,
            )
            lane.queue.append(sending)
        self._tell(sending.upload)
        sending.task = asyncio.create_task(
            self._carry(lane, sending), name=f"printernizer upload {printer_id}"
        )
        # First in line: whoever waits for the task finds the upload as it ended.
        sending.task.add_done_callback(partial(self._settle, lane, sending))
        try:
            await sending.task
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if sending.called_off and not (task and task.cancelling()):
                raise NotAllowed("somebody cancelled it", key="upload_cancelled") from None
            raise
        return sending.upload

    # -- one upload --------------------------------------------------------------------------

    async def _carry(self, lane: _Lane, sending: _Sending) -> str:
        """Wait for its turn and send it."""
        async with lane.lock:
            try:
                return await self._tries(sending)
            except OSError as err:
                name = sending.upload.name
                raise BadFile(f"{name}: {err.strerror}", key="file_unreadable") from err

    def _settle(self, lane: _Lane, sending: _Sending, task: asyncio.Task[str]) -> None:
        """Give it its one clear end."""
        lane.queue.remove(sending)
        last = replace(sending.upload, bytes_per_s=None, left=None, ended_at=self._clock.now())
        if task.cancelled():
            last = replace(last, state=UploadState.CANCELLED, error_key="upload_cancelled")
        elif (err := task.exception()) is None:
            last = replace(
                last, state=UploadState.DONE, path=task.result(), moved_bytes=last.total_bytes
            )
        elif isinstance(err, PrinternizerError):
            last = replace(last, state=UploadState.FAILED, error_key=err.key, reason=err.reason)
        else:
            # Our bug: whoever asked sees it, the others that it failed.
            last = replace(last, state=UploadState.FAILED, error_key="unexpected")
        lane.latest = last
        self._show(sending, last)

    async def _tries(self, sending: _Sending) -> str:
        """Send until it is there. Only a line that broke is a reason to try again."""
        for attempt in range(1, TRIES + 1):
            try:
                return await self._try(sending, attempt)
            except Unreachable as err:
                await _unchanged(sending)
                _LOGGER.debug("%s: try %s: %s", sending.upload.printer_id, attempt, err)
                if attempt == TRIES:
                    raise
                self._show(
                    sending,
                    replace(
                        sending.upload,
                        state=UploadState.WAITING,
                        bytes_per_s=None,
                        left=None,
                    ),
                )
            await self._clock.sleep(PAUSES_S[attempt - 1])
        raise AssertionError("the last try returns or raises")

    async def _try(self, sending: _Sending, attempt: int) -> str:
        link = self._fleet[sending.upload.printer_id]
        storage = await self._storage(link)
        await _unchanged(sending)
        lies = await _find(storage, sending.target)
        again = sending.admitted
        if not again:
            self._admit(sending, storage, lies)
        elif sending.ours and lies is not None and lies.size == sending.stamp.size:
            # The line broke after the last byte: it is ours, and whole.
            return lies.path
        async with self._room:
            path = await self._move(sending, storage, attempt, again=again)
        try:
            await _unchanged(sending)
        except BadFile:
            # What arrived is half the old file and half the new one: nobody may print it.
            with suppress(PrinternizerError):
                await storage.delete(path)
            raise
        return path

    async def _move(self, sending: _Sending, storage: Storage, attempt: int, *, again: bool) -> str:
        """Let the driver send it; returns where it lies. `again`: an earlier try may have begun."""
        rate = Rate(self._clock)
        running = replace(sending.upload, state=UploadState.RUNNING, attempt=attempt, moved_bytes=0)
        self._show(sending, running)
        going = True

        def progress(moved: int, _total: int | None) -> None:
            # Drivers with threads may be late: after the end nothing moves any more.
            if going:
                self._moved(sending, rate, moved)

        try:
            return await storage.upload(
                sending.source,
                sending.target,
                progress=progress,
                replace=sending.replace or (again and sending.ours),
            )
        finally:
            going = False

    async def _storage(self, link: Link) -> Storage:
        try:
            session = await within(self._clock, RETURN_S, link.up())
        except TimeoutError:
            raise link.error or Unreachable("the line did not come back") from None
        if session.storage is None:
            raise Refused("this printer takes no files", key="not_supported")
        return session.storage

    @staticmethod
    def _admit(sending: _Sending, storage: Storage, lies: RemoteFile | None) -> None:
        """Refuse what cannot end well before the first byte leaves."""
        if lies is not None and not sending.replace:
            raise Refused(f"{sending.target} is there already", key="file_exists")
        sending.ours = lies is None
        sending.admitted = True
        free = storage.free_bytes
        room = None if free is None else free + ((lies.size or 0) if lies else 0)
        if room is not None and room < sending.stamp.size:
            raise Refused(f"{sending.stamp.size} bytes do not fit into {room}", key="storage_full")

    # -- telling -----------------------------------------------------------------------------

    def _moved(self, sending: _Sending, rate: Rate, moved: int) -> None:
        upload = sending.upload
        out = moved >= upload.total_bytes
        if not rate.take(moved, always=out):
            return
        state = UploadState.VERIFYING if out else UploadState.RUNNING
        shown = replace(
            upload,
            state=state,
            moved_bytes=moved,
            bytes_per_s=rate.bytes_per_s,
            left=rate.time_for(upload.total_bytes - moved),
        )
        if shown != upload:
            self._show(sending, shown)

    def _show(self, sending: _Sending, upload: Upload) -> None:
        sending.upload = upload
        self._tell(upload)

    def _tell(self, upload: Upload) -> None:
        self._listeners.tell(upload)


async def _end(sending: _Sending) -> None:
    """Call an upload off and wait until nothing of it is left."""
    sending.called_off = True
    if sending.task is not None:
        sending.task.cancel()
        await asyncio.wait({sending.task})


async def _find(storage: Storage, path: str) -> RemoteFile | None:
    """Return what lies under this path, if anything does."""
    folder = path.rsplit("/", 1)[0] or "/"
    try:
        files = await storage.list(folder)
    except Refused as err:
        if err.key != "file_missing":
            raise
        return None
    name = path.rsplit("/", 1)[-1]
    return next(
        (file for file in files if not file.folder and (file.path == path or file.name == name)),
        None,
    )


def inspect(source: Path, name: str) -> Stamp:
    """Look at a file that is to be sent. Reads from disk: not on the loop.

    name: what people call it. Raises BadFile.
    """
    try:
        found = source.stat()
        if not stat.S_ISREG(found.st_mode):
            # Before it is opened: a pipe would not come back.
            raise BadFile(f"{name} is not a file", key="file_unreadable")
        with source.open("rb") as file:
            empty = not file.read(1)
    except OSError as err:
        raise BadFile(f"{name}: {err.strerror}", key="file_unreadable") from err
    if empty:
        raise BadFile(name, key="file_empty")
    if found.st_size > LARGEST_BYTES:
        raise BadFile(f"{name} has {found.st_size} bytes", key="file_too_large")
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)


async def _unchanged(sending: _Sending) -> None:
    """Raise BadFile when the file on disk is not the one that was looked at."""
    name = sending.upload.name
    if await asyncio.to_thread(inspect, sending.source, name) != sending.stamp:
        raise BadFile(name, key="file_changed")
