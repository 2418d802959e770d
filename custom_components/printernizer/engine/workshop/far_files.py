"""Looks into files that lie on printers, by the pieces of them that are needed."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, cast

from ..errors import Refused, Unreachable
from ..formats.facts import facts_in
from ..formats.thumbnails import thumbnail_in
from ..ranged import RangedFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import BinaryIO

    from ..drivers.base import RemoteFile
    from ..file import FileFacts

PIECE_S: Final = 60.0
"""How long one piece may take: a session with a slow printer takes some seconds."""


class Reads(Protocol):
    """As much of a storage as is needed here."""

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        """As `Storage.read_part`."""


async def far_facts(storage: Reads, file: RemoteFile) -> FileFacts:
    """Return what a file on a printer says of itself; moves some 300 kB of whatever size.

    Raises Refused(key="not_supported") where the printer hands out whole files only or does not
    say how long they are, BadFile, and what the line to the printer raises.
    """
    size = _size_of(file)
    return await look_into(storage, file, lambda far: facts_in(far, size, file.name))


async def far_thumbnail(
    storage: Reads,
    file: RemoteFile,
    *,
    plate: int | None = None,
    at_least_px: int | None = None,
) -> bytes | None:
    """Return the picture of a plate in a file on a printer, as PNG or JPEG; None without one.

    `plate` and `at_least_px` as in `thumbnails.thumbnail`; raises what `far_facts` raises.
    """
    size = _size_of(file)
    return await look_into(
        storage,
        file,
        lambda far: thumbnail_in(far, size, file.name, plate=plate, at_least_px=at_least_px),
    )


async def look_into[T](storage: Reads, file: RemoteFile, what: Callable[[BinaryIO], T]) -> T:
    """Run `what` in a thread, on a file whose pieces come over the line as it reads."""
    loop = asyncio.get_running_loop()
    asked: Future[bytes] | None = None
    given_up = threading.Event()

    def read_at(offset: int, length: int) -> bytes:
        nonlocal asked
        if given_up.is_set():
            raise Unreachable("nobody waits for it any more")
        asked = asyncio.run_coroutine_threadsafe(_piece(storage, file.path, offset, length), loop)
        if given_up.is_set():
            # Meanwhile, and too early to be called off there.
            asked.cancel()
        return asked.result()

    far = RangedFile(read_at, _size_of(file), file.name)
    working = asyncio.ensure_future(asyncio.to_thread(what, cast("BinaryIO", far)))
    try:
        # Not `shield`: it tells the log of what breaks behind somebody who left.
        await asyncio.wait([working])
        return working.result()
    except asyncio.CancelledError:
        given_up.set()
        if asked is not None:
            asked.cancel()
        while not working.done():
            # Called off twice it waits all the same: a thread that is left holds us at the end.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([working])
        with suppress(Exception):
            working.result()
        raise


async def _piece(storage: Reads, path: str, offset: int, length: int) -> bytes:
    try:
        async with asyncio.timeout(PIECE_S):
            return await storage.read_part(path, offset, length)
    except TimeoutError as err:
        raise Unreachable("a piece of the file did not come in time") from err


def _size_of(file: RemoteFile) -> int:
    if file.size is None:
        raise Refused("it does not say how long its files are", key="not_supported")
    return file.size
