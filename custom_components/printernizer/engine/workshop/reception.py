"""Where people's files come in: in one go, or as parcels that come piece by piece.

A parcel survives us: whoever sends it asks how far it is and goes on there, after a broken line as
after a crash. Once it is whole it is unpacked into the library, by itself if need be. One that
nobody goes on with for a day is thrown away.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID, uuid4

from ..errors import BadFile, NotAllowed, PrinternizerError
from ..library.intake import ANYTHING_WE_READ, Whole
from ..library.parcel_room import ParcelRoom, Part
from ..library.shelf import PIECE_BYTES, Shelf
from ..library_file import Origin, Quota, Source
from ..parcel import LONGEST_MEMO, Parcel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from pathlib import Path
    from types import TracebackType

    from ..library_file import LibraryFile
    from ..parcel import Label
    from ..store.library_changes import Added
    from .clock import Clock
    from .library import Library

_LOGGER = logging.getLogger(__name__)

PARCELS: Final = "parcels"
"""Folder beside the objects of the shelf: its disk, so that nothing is copied in the end."""
LARGEST_BYTES: Final = ANYTHING_WE_READ.largest_bytes
KEPT: Final = timedelta(days=1)
"""How long a parcel waits for its next piece; and how long it is remembered after that."""
SWEEP_EVERY_S: Final = 3600.0
SETTLE_EVERY: Final = 32 << 20
"""Bytes after which what came is counted for certain: what a crash costs the sender at most."""
MOST_AT_ONCE: Final = 8
"""Files that come in at the same time."""
MOST_OF_ONE: Final = 50
"""Parcels of one user that are not whole."""
MOST: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Checksum:
    """What a piece has to add up to."""

    algorithm: str
    """One of `CHECKSUMS`."""
    digest: bytes


CHECKSUMS: Final = ("sha1", "sha256", "md5")


class _Desk:
    """One parcel, and who works on it."""

    def __init__(self, room: ParcelRoom, parcel: Parcel) -> None:
        self.room = room
        self.parcel = parcel
        self.part = Part(room, parcel)
        self.free = asyncio.Event()
        """Whether no go is under way."""
        self.free.set()
        self.until: asyncio.Timeout | None = None
        """Ends the go that is under way, while it still takes bytes."""
        self.unpacking: asyncio.Task[Parcel] | None = None


class Reception:
    """Open it with `async with`. folder: of the library; without one it takes nothing."""

    def __init__(self, library: Library, clock: Clock, folder: Path | None) -> None:
        self._library = library
        self._clock = clock
        self._room = None
        if folder is not None:
            shelf = Shelf(folder, spare_bytes=Quota().spare_bytes)
            self._room = ParcelRoom(folder / PARCELS, shelf)
        self._desks: dict[UUID, _Desk] = {}
        self._coming = 0
        self._sorting = asyncio.Lock()
        self._open = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        if self._room is not None:
            try:
                for parcel in await asyncio.to_thread(self._room.open):
                    self._desks[parcel.id] = _Desk(self._room, parcel)
            except NotAllowed as err:
                # A disk that is gone must not keep the printers from being watched.
                _LOGGER.warning("Uploads cannot go on: %s", err)
            self._open = True
            self._spawn(self._look_after(), "printernizer parcels")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        for desk in self._desks.values():
            await self._rest(desk)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- in one go ---------------------------------------------------------------------------

    async def receive(
        self,
        owner: str,
        name: str,
        content: AsyncIterator[bytes],
        label: Callable[[], Label],
        size: int | None = None,
    ) -> Added:
        """Take a file in as it comes; `label` is asked for when all of it is here.

        Raises NotAllowed(key="too_many_requests"), what `Library.add` and the content raise, and
        what the label does: then nothing of it stays. Raises StoreError.
        """
        self._opened()
        with self._among_others():
            written: list[Label] = []

            async def whole() -> AsyncIterator[bytes]:
                async for piece in content:
                    yield piece
                written.append(label())

            source = Source(origin=Origin.UPLOADED, sender=owner)
            added = await self._library.add(whole(), name, source=source, size=size)
        return replace(added, file=await self._put(added.file, written[0]))

    # -- in several --------------------------------------------------------------------------

    async def begin(self, owner: str, label: Label, size: int, *, memo: str = "") -> Parcel:
        """Expect a parcel of so many bytes.

        Raises NotAllowed: "too_many_requests", "library_full", "disk_full", "disk_failed",
        "no_library"; BadFile: "file_empty", "file_too_large".
        """
        room = self._opened()
        if size <= 0:
            raise BadFile(label.name, key="file_empty")
        if size > LARGEST_BYTES:
            raise BadFile(f"{label.name} has more than {LARGEST_BYTES} bytes", key="file_too_large")
        waiting = [desk.parcel.owner for desk in self._desks.values() if not desk.parcel.file_id]
        if len(waiting) >= MOST or waiting.count(owner) >= MOST_OF_ONE:
            raise NotAllowed(f"{len(waiting)} uploads are not whole", key="too_many_requests")
        await self._library.room_for(size)
        parcel = Parcel(
            id=uuid4(),
            owner=owner,
            label=label,
            size_bytes=size,
            memo=memo[:LONGEST_MEMO],
            expires_at=self._clock.now() + KEPT,
        )
        await _in_thread(room.begin, parcel)
        self._desks[parcel.id] = _Desk(room, parcel)
        return parcel

    async def ask(self, parcel_id: UUID, owner: str) -> Parcel:
        """Return how far a parcel is, at rest; one that is whole is unpacked first.

        Who asks does not send: a line that died without a word is given up for it. Raises
        NotAllowed: "no_parcel", "parcel_expired"; and what `Library.add` raises.
        """
        desk = self._mine(parcel_id, owner)
        await self._rest(desk)
        return await self._unpacked(desk)

    async def go_on(
        self,
        parcel_id: UUID,
        owner: str,
        offset: int,
        content: AsyncIterator[bytes],
        *,
        checksum: Checksum | None = None,
    ) -> Parcel:
        """Take the next bytes of a parcel, from `offset` on; returns it as it is then.

        What came before an error stays, and counts: but for more than was promised, and for what
        has a checksum that was not seen to be right. Raises NotAllowed ("no_parcel",
        "parcel_expired", "parcel_busy", "wrong_offset", "too_many_requests"), BadFile
        ("wrong_checksum", "file_too_large", "file_incomplete"), what the content raises, and once
        it is whole what `Library.add` raises.
        """
        desk = self._mine(parcel_id, owner)
        if not desk.free.is_set():
            raise NotAllowed("another request sends it", key="parcel_busy")
        held = desk.parcel.held_bytes
        if offset != held:
            raise NotAllowed(f"it goes on at byte {held}", key="wrong_offset")
        if not desk.parcel.whole:
            with self._among_others():
                await self._take(desk, content, checksum)
        return await self._unpacked(desk)

    async def refuse(self, parcel_id: UUID, owner: str) -> None:
        """Throw a parcel away. What was unpacked stays in the library.

        Raises NotAllowed: "no_parcel", "parcel_expired".
        """
        desk = self._mine(parcel_id, owner)
        await self._rest(desk)
        if desk.unpacking is not None:
            await asyncio.wait([desk.unpacking])
        await self._forget(desk)

    def _mine(self, parcel_id: UUID, owner: str) -> _Desk:
        self._opened()
        desk = self._desks.get(parcel_id)
        if desk is None or desk.parcel.owner != owner:
            # To everybody else it is not there.
            raise NotAllowed("there is no such upload", key="no_parcel")
        if desk.free.is_set() and desk.parcel.expires_at < self._clock.now():
            raise NotAllowed("nobody went on with it", key="parcel_expired")
        return desk

    async def _rest(self, desk: _Desk) -> None:
        """End the go that is under way, if one is, and wait until what came is counted."""
        if desk.until is not None:
            desk.until.reschedule(asyncio.get_running_loop().time())
        await desk.free.wait()

    # -- a go --------------------------------------------------------------------------------

    @contextmanager
    def _among_others(self) -> Iterator[None]:
        if self._coming >= MOST_AT_ONCE:
            raise NotAllowed(f"{self._coming} files are coming in", key="too_many_requests")
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1

    async def _take(
        self, desk: _Desk, content: AsyncIterator[bytes], checksum: Checksum | None
    ) -> None:
        """Take one go, and bring to rest what came of it."""
        check = None if checksum is None else hashlib.new(checksum.algorithm, usedforsecurity=False)

        async def write(piece: bytearray) -> None:
            await _in_thread(desk.part.write, piece)
            if check is not None:
                check.update(piece)
            elif desk.part.size - desk.parcel.held_bytes >= SETTLE_EVERY:
                await self._settle(desk)

        async with self._under_way(desk, all_or_nothing=checksum is not None):
            gathered = bytearray()
            try:
                async for piece in content:
                    gathered += piece
                    if desk.part.size + len(gathered) > desk.parcel.size_bytes:
                        await _in_thread(desk.part.take_back)
                        gathered.clear()
                        reason = f"{desk.parcel.size_bytes} bytes were promised"
                        raise BadFile(reason, key="file_too_large")
                    if len(gathered) >= PIECE_BYTES:
                        full, gathered = gathered, bytearray()
                        await write(full)
            finally:
                if gathered:
                    await write(gathered)
            if check is not None and checksum is not None and check.digest() != checksum.digest:
                raise BadFile("it is not what was sent", key="wrong_checksum")

    @asynccontextmanager
    async def _under_way(self, desk: _Desk, *, all_or_nothing: bool) -> AsyncIterator[None]:
        """Hold a parcel for one go; what came is counted behind it, however it ends."""
        desk.free.clear()
        try:
            await _in_thread(desk.part.begin, desk.parcel.held_bytes)
            try:
                async with asyncio.timeout(None) as desk.until:
                    yield
            except BaseException as err:
                if all_or_nothing:
                    await _in_thread(desk.part.take_back)
                if isinstance(err, TimeoutError):
                    raise BadFile("it was given up for another", key="file_incomplete") from err
                raise
            finally:
                desk.until = None
                await self._settle(desk)
        finally:
            await _in_thread(desk.part.close)
            desk.free.set()

    async def _settle(self, desk: _Desk) -> None:
        """Count what came for certain."""
        await _in_thread(desk.part.settle)
        await self._note(
            desk,
            replace(
                desk.parcel,
                held_bytes=desk.part.size,
                expires_at=self._clock.now() + KEPT,
            ),
        )

    async def _note(self, desk: _Desk, parcel: Parcel) -> None:
        await _in_thread(desk.room.write, parcel)
        desk.parcel = parcel

    # -- what becomes of it ------------------------------------------------------------------

    async def _unpacked(self, desk: _Desk) -> Parcel:
        """Return a parcel, its file in the library if all of it is here."""
        if not desk.parcel.whole or desk.parcel.file_id is not None:
            return desk.parcel
        if desk.unpacking is None or not self._unpacks(desk):
            # Not called off with the request: all the bytes are here.
            desk.unpacking = self._spawn(self._unpack(desk), "printernizer unpacking")
        # Not `shield`: it tells the log of what fails behind somebody who left.
        await asyncio.wait([desk.unpacking])
        return desk.unpacking.result()

    async def _unpack(self, desk: _Desk) -> Parcel:
        parcel = desk.parcel
        sha256 = await asyncio.to_thread(desk.part.sha256)
        whole = Whole(path=desk.part.path, sha256=sha256, size_bytes=parcel.size_bytes)
        source = Source(origin=Origin.UPLOADED, sender=parcel.owner)
        try:
            added = await self._library.add(whole, parcel.label.name, source=source)
        except BadFile:
            # It will be as bad tomorrow. What only has no room, or no database, waits for it.
            await self._forget(desk)
            raise
        await self._put(added.file, parcel.label)
        await self._note(
            desk, replace(parcel, file_id=added.file.id, expires_at=self._clock.now() + KEPT)
        )
        await asyncio.to_thread(desk.room.empty, parcel.id)
        return desk.parcel

    async def _put(self, file: LibraryFile, label: Label) -> LibraryFile:
        """Put a file where its label says."""
        if label.tags:
            (file,) = await self._library.tag([file.id], label.tags)
        if label.collection:
            # Ten files that are dropped together make one new collection.
            async with self._sorting:
                (file,) = await self._library.collect([file.id], label.collection)
        if label.note:
            file = await self._library.note(file.id, label.note)
        return file

    async def _forget(self, desk: _Desk) -> None:
        self._desks.pop(desk.parcel.id, None)
        await asyncio.to_thread(desk.room.remove, desk.parcel.id)

    async def _look_after(self) -> None:
        """Unpack what was whole when we were stopped, and sweep what nobody goes on with."""
        for desk in tuple(self._desks.values()):
            with suppress(PrinternizerError):
                await self._unpacked(desk)
        while True:
            now = self._clock.now()
            for desk in tuple(self._desks.values()):
                working = not desk.free.is_set() or self._unpacks(desk)
                if working or desk.parcel.expires_at >= now:
                    continue
                await asyncio.to_thread(desk.room.empty, desk.parcel.id)
                if desk.parcel.expires_at + KEPT < now:
                    await self._forget(desk)
            await self._clock.sleep(SWEEP_EVERY_S)

    @staticmethod
    def _unpacks(desk: _Desk) -> bool:
        return desk.unpacking is not None and not desk.unpacking.done()

    def _opened(self) -> ParcelRoom:
        if self._room is None or not self._open:
            raise NotAllowed("this shop has no folder for files", key="no_library")
        return self._room

    def _spawn[T](self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nobody may be left to hear it.
            _LOGGER.debug("%s: %s", task.get_name(), error)


async def _in_thread[**P, T](work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run in a thread; cancelled, leave only when it is done: the disk has one writer at a time."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        await asyncio.wait([working])
        return working.result()
    except asyncio.CancelledError:
        await asyncio.wait([working])
        # Nobody is left to hear of it.
        working.exception()
        raise
