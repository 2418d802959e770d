"""The door of the shelf: a file comes in whole, within its limits, as what its bytes say it is."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..file import FileKind
from ..formats.facts import facts_in
from ..formats.sniff import HEAD_BYTES, sniff
from .shelf import PIECE_BYTES, unreadable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import BinaryIO

    from ..file import FileFacts
    from .shelf import Shelf, Stored

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """A file that came in already, on the shelf's own disk, brought onto it for good."""

    path: Path
    sha256: str
    size_bytes: int


type Content = Path | BinaryIO | AsyncIterator[bytes] | Whole
"""A file of ours, an open one, bytes as they arrive, or all of them as they did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What may come in."""

    largest_bytes: int = 4 << 30
    kinds: frozenset[FileKind] = frozenset(FileKind)


ANYTHING_WE_READ: Final = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A file that came in and lies on the shelf."""

    stored: Stored
    kind: FileKind


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[tuple[BinaryIO, int]]:
    """Open a file of ours; raises BadFile for what is none."""
    try:
        about = await asyncio.to_thread(path.stat)
        if not stat.S_ISREG(about.st_mode):
            # Before it is opened: a pipe would not come back.
            raise BadFile(f"{path.name} is not a file", key="file_unreadable")
        file = await asyncio.to_thread(path.open, "rb")
    except OSError as err:
        raise unreadable(path.name, err) from err
    try:
        yield file, about.st_size
    finally:
        await asyncio.to_thread(file.close)


async def receive(
    shelf: Shelf,
    content: Content,
    name: str,
    *,
    limits: Limits = ANYTHING_WE_READ,
    size: int | None = None,
    allow: Callable[[int], None] | None = None,
) -> Arrived:
    """Put a file onto the shelf. Cancelled, or with any error, nothing of it is left.

    size: bytes as promised, where somebody promises. allow: called with the bytes that are
    known so far, before the first and after the last of them; it raises what forbids them.
    Raises BadFile ("file_empty", "file_too_large", "unknown_kind", "file_unreadable",
    "file_incomplete" where fewer or more bytes came than promised), NotAllowed ("disk_full",
    "disk_failed") and whatever reading the content raises.
    """
    if isinstance(content, Whole):
        return await _taken_over(shelf, content, name, limits, allow)
    if isinstance(content, Path):
        async with _opened(content) as (file, found):
            return await receive(shelf, file, name, limits=limits, size=size or found, allow=allow)
    _bounded(name, size or 0, limits)
    if allow is not None:
        allow(size or 0)
    await asyncio.to_thread(shelf.room_for, size or 0)
    incoming = shelf.receive()
    await asyncio.to_thread(incoming.__enter__)
    try:
        head = b""
        async for piece in _pieces(content, name):
            head = (head + piece)[:HEAD_BYTES] if len(head) < HEAD_BYTES else head
            _bounded(name, incoming.size + len(piece), limits)
            await asyncio.to_thread(incoming.write, piece)
        kind = _judged(name, head, incoming.size, size, limits)
        if allow is not None:
            allow(incoming.size)
        return Arrived(stored=await asyncio.to_thread(incoming.keep), kind=kind)
    finally:
        # Shielded: a part that is left would lie there until the next start.
        await asyncio.shield(asyncio.to_thread(incoming.__exit__, None, None, None))


async def _taken_over(
    shelf: Shelf,
    whole: Whole,
    name: str,
    limits: Limits,
    allow: Callable[[int], None] | None,
) -> Arrived:
    """Give a file that is here its place. What is refused stays where it is."""
    _bounded(name, whole.size_bytes, limits)
    if allow is not None:
        allow(whole.size_bytes)
    async with _opened(whole.path) as (file, size):
        head = await asyncio.to_thread(_read, file, name, HEAD_BYTES)
    kind = _judged(name, head, size, whole.size_bytes, limits)
    stored = await asyncio.to_thread(shelf.take_over, whole.path, whole.sha256, size)
    return Arrived(stored=stored, kind=kind)


def _bounded(name: str, size: int, limits: Limits) -> None:
    if size > limits.largest_bytes:
        raise BadFile(f"{name} has more than {limits.largest_bytes} bytes", key="file_too_large")


def _judged(name: str, head: bytes, size: int, promised: int | None, limits: Limits) -> FileKind:
    """Return what a whole file is. Raises BadFile for what may not stay."""
    if not size:
        raise BadFile(name, key="file_empty")
    if promised is not None and promised != size:
        raise BadFile(f"{name}: {size} of {promised} bytes came", key="file_incomplete")
    kind = sniff(head, size)
    if kind is None or kind not in limits.kinds:
        found = "nothing we know" if kind is None else f"a {kind}"
        raise BadFile(f"{name} is {found}, by its bytes", key="unknown_kind")
    return kind


async def _pieces(content: BinaryIO | AsyncIterator[bytes], name: str) -> AsyncIterator[bytes]:
    """Yield the bytes in pieces worth a turn of a thread."""
    if not hasattr(content, "__aiter__"):
        while piece := await asyncio.to_thread(_read, content, name):
            yield piece
        return
    gathered = bytearray()
    async for piece in content:
        gathered += piece
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)


def _read(file: BinaryIO, name: str, most: int = PIECE_BYTES) -> bytes:
    try:
        return file.read(most)
    except OSError as err:
        raise unreadable(name, err) from err


def read_facts_of(path: Path, name: str) -> tuple[FileFacts | None, str | None]:
    """Return what a file says of itself, or why it cannot be told. Not on the event loop.

    It never raises: a file that is broken may still be kept, and says so.
    """
    try:
        with path.open("rb") as file:
            return facts_in(file, os.fstat(file.fileno()).st_size, name), None
    except BadFile as err:
        return None, err.reason
    except OSError as err:
        return None, f"{name}: {err.strerror}"
    except Exception:
        _LOGGER.exception("%s cannot be read", name)
        return None, f"{name}: it cannot be read"
