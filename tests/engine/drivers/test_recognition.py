"""Print servers are told apart before any key is sent, whatever answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from custom_components.printernizer.engine.drivers.recognition import find, recognise
from custom_components.printernizer.engine.drivers.registry import (
    PrinterKind,
    Surroundings,
    build,
)
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    DriverError,
    Garbled,
    NotAllowed,
    Unreachable,
)
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.print_server import PrintServer, certificate

KINDS = {
    "octoprint": PrinterKind.OCTOPRINT,
    "moonraker": PrinterKind.MOONRAKER,
    "old_moonraker": PrinterKind.MOONRAKER,
    "prusalink": PrinterKind.PRUSALINK,
    "prusalink_pi": PrinterKind.PRUSALINK,
}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client."""
    async with aiohttp.ClientSession() as session:
        yield session


@asynccontextmanager
async def _says(answer: bytes) -> AsyncIterator[str]:
    """Run a server that says the same to everything, and hangs up; give its URL."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _http(status: str, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("open_to_all", [True, False])
@pytest.mark.parametrize("imitates", [True, False])
async def test_each_is_known_for_what_it_is(
    http: aiohttp.ClientSession, kind: str, *, open_to_all: bool, imitates: bool
) -> None:
    """Also when it imitates another, and whether or not guests may look."""
    async with PrintServer(kind, prefix="/below") as server:
        server.trusted, server.imitates = open_to_all, imitates
        found = await recognise(server.url, http)
        assert found.kind is KINDS[kind]
        assert found.url == server.url
        assert found.open == (open_to_all and found.kind is PrinterKind.MOONRAKER)


@pytest.mark.parametrize(
    ("answer", "error", "key"),
    [
        (_http("200 OK", b"<html>"), Garbled, "unknown_server"),
        (_http("200 OK", b"[1, 2]"), Garbled, "unknown_server"),
        (_http("200 OK", b'{"result": 3, "text": ["OctoPrint"]}'), Garbled, "unknown_server"),
        (_http("200 OK", b"[" * 70_000), Garbled, "unknown_server"),
        (_http("200 OK", b'{"text": "' + b"x" * 200_000 + b'"}'), Garbled, "unknown_server"),
        (_http("301 Moved", b"", "Location: http://10.9.9.9/"), Garbled, "unknown_server"),
        (_http("403 Forbidden", b""), Garbled, "unknown_server"),
        (_http("401 Unauthorized", b"", "WWW-Authenticate: Bearer"), Garbled, "unknown_server"),
        (_http("401 No", b"", 'WWW-Authenticate: Basic realm="x"'), AccessDenied, "proxy_login"),
        (_http("502 Bad Gateway", b""), Unreachable, "starting"),
        (_http("503 Unavailable", b""), Unreachable, "starting"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Garbled, "unknown_server"),
        (b"", Unreachable, "unreachable"),
    ],
    ids=repr,
)
async def test_whatever_else_answers_is_none_of_them(
    http: aiohttp.ClientSession, answer: bytes, error: type[DriverError], key: str
) -> None:
    """A form must be able to say what is wrong, and never break."""
    async with _says(answer) as url:
        with pytest.raises(error) as raised:
            await recognise(url, http)
    assert raised.value.key == key


async def test_nobody_there_and_no_address_at_all(http: aiohttp.ClientSession) -> None:
    """Both are said in our own words."""
    async with _says(b"") as url:
        pass
    with pytest.raises(Unreachable):
        await recognise(url, http)
    with pytest.raises(Garbled):
        await recognise("http://[", http)


async def test_one_that_is_silent_is_given_up(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person waits in front of the form."""
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.recognition._TOTAL_S", 0.05)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable):
            await recognise(f"http://127.0.0.1:{port}", http)


async def test_a_certificate_is_shown_before_anything_is_asked(
    http: aiohttp.ClientSession,
) -> None:
    """And another than the pinned one is told by its own fingerprint."""
    own = certificate()
    async with PrintServer("octoprint", certificate=own) as server:
        for pinned in (None, "ab" * 32):
            with pytest.raises(CertificateChanged) as raised:
                await recognise(server.url, http, fingerprint=pinned)
            assert raised.value.fingerprint == own.fingerprint
        found = await recognise(server.url, http, fingerprint=own.fingerprint)
        assert found.kind is PrinterKind.OCTOPRINT
        with pytest.raises(CertificateChanged) as raised:
            await find([server.url], PrinterKind.OCTOPRINT, http)
        assert raised.value.placeholders["url"] == server.url


async def test_a_certificate_that_is_gone_when_it_is_looked_at(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off in between, or suddenly without one."""
    from custom_components.printernizer.engine.drivers.recognition import _Answer, _Asker

    real = _Asker._get
    for then in (ConnectionResetError(), None):

        async def get(self: _Asker, target: str, *, trust: object, end: object = then) -> _Answer:
            if isinstance(trust, aiohttp.Fingerprint):
                if isinstance(end, Exception):
                    raise end
                return _Answer(200, "", None)
            return await real(self, target, trust=True)

        monkeypatch.setattr(_Asker, "_get", get)
        async with PrintServer("octoprint", certificate=certificate()) as server:
            with pytest.raises(Unreachable):
                await recognise(server.url, http)


async def test_of_several_addresses_the_wanted_kind_comes_first(
    http: aiohttp.ClientSession,
) -> None:
    """Then any print server, and then the error that tells most."""
    async with (
        PrintServer("octoprint") as octoprint,
        PrintServer("moonraker") as moonraker,
        PrintServer("page") as page,
        PrintServer("octoprint", certificate=certificate()) as secure,
    ):
        urls = [page.url, octoprint.url, moonraker.url]
        assert (await find(urls, PrinterKind.MOONRAKER, http)).url == moonraker.url
        assert (await find(urls, PrinterKind.PRUSALINK, http)).url == octoprint.url
        nobody = "http://127.0.0.1:1"
        told: list[tuple[list[str], type[DriverError], str]] = [
            ([nobody], Unreachable, "unreachable"),
            ([nobody, page.url], Garbled, "unknown_server"),
        ]
        for some, error, key in told:
            with pytest.raises(error) as raised:
                await find(some, PrinterKind.OCTOPRINT, http)
            assert raised.value.key == key
        octoprint.fails, moonraker.fails = 503, 401
        for some, key in (
            ([nobody, page.url, octoprint.url], "starting"),
            ([nobody, page.url, octoprint.url, moonraker.url], "proxy_login"),
            ([moonraker.url, secure.url], "certificate_changed"),
        ):
            with pytest.raises(DriverError) as told_best:
                await find(some, PrinterKind.OCTOPRINT, http)
            assert told_best.value.key == key


async def test_a_bug_of_ours_is_not_taken_for_an_answer(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs into the log."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(
        "custom_components.printernizer.engine.drivers.recognition.recognise", broken
    )
    with pytest.raises(RuntimeError):
        await find(["http://127.0.0.1:1"], PrinterKind.OCTOPRINT, http)


async def test_a_printer_cannot_be_followed_where_nothing_can(http: aiohttp.ClientSession) -> None:
    """Following needs the entities of a host; bare engines have none."""
    with pytest.raises(NotAllowed, match="no printers that could be followed"):
        build(PrinterKind.FOLLOWED, {}, Surroundings(clock=SystemClock(), http=http))
