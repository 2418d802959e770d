"""Files on their way over HTTP: in constant memory, and never half told."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import threading
import tracemalloc
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from custom_components.printernizer.engine.drivers import streams
from custom_components.printernizer.engine.drivers.streams import Outgoing, goes_on, save
from custom_components.printernizer.engine.errors import BadFile, Garbled, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

LARGE = 40_000_000
BLOCK = bytes(range(256)) * 1024


class Answer:
    """An answer that comes in pieces; `then` is awaited before its end."""

    status = 200

    def __init__(self, pieces: list[bytes], then: Callable[[], Any] | None = None) -> None:
        self.content = self
        self._pieces = pieces
        self._then = then

    async def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
        for piece in self._pieces:
            yield piece, False
        if self._then is not None:
            await self._then()


async def saved(answer: Any, to: Path, start: int = 0, **more: Any) -> int:
    return await save(answer, to, start, more.pop("total", None), None, **more)


@asynccontextmanager
async def at_most(size: int) -> AsyncIterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def test_an_answer_with_another_part_of_the_file_is_garbled() -> None:
    answer: Any = SimpleNamespace(status=206, headers={"Content-Range": "bytes 5-9/10"})
    assert goes_on(answer, 5)
    with pytest.raises(Garbled):
        goes_on(answer, 4)


async def test_a_large_file_goes_out_in_little_memory(tmp_path: Path) -> None:
    large = tmp_path / "huge.gcode"
    with large.open("wb") as file:
        file.truncate(LARGE)
    async with at_most(4_000_000), Outgoing(large, LARGE) as out:
        assert sum([len(chunk) async for chunk in out.chunks()]) == LARGE
        assert out.checksum == ""


async def test_a_large_file_is_saved_in_little_memory(tmp_path: Path) -> None:
    class Endless(Answer):
        async def iter_chunks(self) -> AsyncIterator[tuple[bytes, bool]]:
            for _ in range(200):
                yield bytes(streams.CHUNK), False

    async with at_most(6_000_000):
        assert await saved(Endless([]), tmp_path / "to") == 200 * streams.CHUNK


async def test_what_is_sent_again_is_read_and_summed_from_its_beginning(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(BLOCK * 5)
    async with Outgoing(source, len(BLOCK) * 5, digest="sha256") as out:
        async for _ in out.chunks():
            break
        assert b"".join([chunk async for chunk in out.chunks()]) == BLOCK * 5
        assert out.checksum == hashlib.sha256(BLOCK * 5).hexdigest()


async def test_a_file_that_cannot_be_opened_or_read_is_a_bad_one(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        async with Outgoing(tmp_path / "none", 5):
            pass
    source = tmp_path / "source"
    source.write_bytes(BLOCK)
    async with Outgoing(source, len(BLOCK) + 1) as out:
        with pytest.raises(BadFile, match="shrank"):
            [chunk async for chunk in out.chunks()]
        assert out.error


async def test_a_file_is_closed_only_when_nobody_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read on a closed file would be one on whatever was opened since."""
    source = tmp_path / "source"
    source.write_bytes(BLOCK)
    reading, go, real = threading.Event(), threading.Event(), streams.os.pread
    read: list[bytes] = []

    def slow(number: int, most: int, offset: int) -> bytes:
        reading.set()
        go.wait(10)
        read.append(real(number, most, offset))
        return read[-1]

    monkeypatch.setattr(streams.os, "pread", slow)

    async def send() -> None:
        async with Outgoing(source, len(BLOCK)) as out:
            async for _ in out.chunks():
                pass

    sending = asyncio.ensure_future(send())
    await asyncio.to_thread(reading.wait, 10)
    sending.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert read == [BLOCK]


async def test_what_is_being_written_when_it_is_called_off_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go, real = threading.Event(), threading.Event(), streams._write

    def slow(*asked: Any) -> None:
        writing.set()
        go.wait(10)
        real(*asked)

    monkeypatch.setattr(streams, "_write", slow)
    answer = Answer([BLOCK, BLOCK, b"rest"], asyncio.Event().wait)
    saving = asyncio.ensure_future(saved(answer, tmp_path / "to"))
    await asyncio.to_thread(writing.wait, 10)
    saving.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert (tmp_path / "to").read_bytes() == BLOCK * 2 + b"rest"


@pytest.mark.parametrize("start", [0, 100, len(BLOCK) * 5])
async def test_the_checksum_of_what_goes_on_is_that_of_the_whole(
    start: int, tmp_path: Path
) -> None:
    whole = BLOCK * 6
    to = tmp_path / "to"
    to.write_bytes(whole[:start] + b"left over")
    digest = hashlib.sha1(usedforsecurity=False)
    assert await saved(Answer([whole[start:]]), to, start, digest=digest) == len(whole)
    assert to.read_bytes() == whole
    assert digest.hexdigest() == hashlib.sha1(whole, usedforsecurity=False).hexdigest()


async def test_what_shrank_before_it_goes_on_has_another_checksum(tmp_path: Path) -> None:
    """Reading on for what is gone would hold a thread for ever."""
    to = tmp_path / "to"
    to.write_bytes(b"ab")
    digest = hashlib.sha1(usedforsecurity=False)
    assert await saved(Answer([b"ef"]), to, 4, digest=digest) == 6
    assert digest.hexdigest() != hashlib.sha1(b"abcdef", usedforsecurity=False).hexdigest()


async def test_more_than_was_promised_is_garbled_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(Garbled):
        await saved(Answer([b"12345", b"6"]), tmp_path / "to", total=5)
    assert (tmp_path / "to").read_bytes() == b"12345"


async def test_a_disk_that_fails_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def writelines(self, _: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(streams, "_opened", lambda *_: Broken())
    with pytest.raises(StoreError) as failed:
        await saved(Answer([BLOCK * 8, BLOCK * 8]), tmp_path / "to")
    assert failed.value.key == "store_failed"
