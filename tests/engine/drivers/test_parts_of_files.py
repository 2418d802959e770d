"""Pieces of files over HTTP: a server that hands out more than it was asked for is hung up on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from custom_components.printernizer.engine.drivers.streams import part_asked, part_of
from custom_components.printernizer.engine.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_ENDLESS = 64 << 20


@asynccontextmanager
async def answering(
    status: int, headers: Mapping[str, str], body: bytes
) -> AsyncIterator[tuple[aiohttp.ClientResponse, list[int]]]:
    """Ask a server that answers so; how much it could send is counted."""
    sent = [0]
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers["Range"] == "bytes=100-149"
        response = web.StreamResponse(status=status, headers=dict(headers))
        await response.prepare(request)
        try:
            for at in range(0, len(body), 1 << 16):
                await response.write(body[at : at + (1 << 16)])
                sent[0] += 1 << 16
        finally:
            ended.set()
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as session:
        response = await session.get(
            f"http://127.0.0.1:{port}/", headers=part_asked(100, 50), allow_redirects=False
        )
        try:
            yield response, sent
        finally:
            response.close()
            await ended.wait()
    await runner.cleanup()


async def test_the_piece_that_was_asked_for_is_taken() -> None:
    span = {"Content-Range": "bytes 100-149/9999"}
    async with answering(206, span, b"x" * 50) as (response, _):
        assert await part_of(response, 100, 50) == b"x" * 50


async def test_behind_the_end_there_is_nothing() -> None:
    async with answering(416, {}, b"") as (response, _):
        assert await part_of(response, 100, 50) == b""


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {}, bytes(_ENDLESS)),
        (200, {"Content-Length": "50"}, bytes(50)),
        (206, {}, bytes(50)),
        (206, {"Content-Range": "bytes 0-49/9999"}, bytes(50)),
        (206, {"Content-Range": "bytes 1000-1049/9999"}, bytes(50)),
        (206, {"Content-Range": "bytes 100-149/9999"}, bytes(_ENDLESS)),
        (302, {"Location": "http://example.com"}, b""),
    ],
    ids=["all of it", "short", "not said which", "the beginning", "another", "too much", "led on"],
)
async def test_what_is_another_piece_is_not_taken_and_never_all_of_it(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    """The picture of a file of 500 MB must not fetch it, and a wrong piece is a wrong picture."""
    async with answering(status, headers, body) as (response, sent):
        with pytest.raises(Refused) as refusal:
            await part_of(response, 100, 50)
        assert refusal.value.key == "not_supported"
    assert sent[0] < 16 << 20


async def test_a_short_file_may_come_whole() -> None:
    """Tornado says 200 to a piece that is all of the file."""
    async with answering(200, {"Content-Length": "50"}, bytes(50)) as (response, _):
        assert await part_of(response, 0, 50) == bytes(50)
