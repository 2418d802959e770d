"""A print server for the forms: what it answers before a key is given, on a real port.

    async with PrintServer("octoprint") as server:       # or "moonraker", "prusalink", …
        server.url, server.keys

It plays the part that recognition and the question for a key need; what a driver makes of the
rest is in `standing_in`: a virtual printer that takes only the keys of the server at its URL.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, Final, Self
from unittest.mock import patch

from aiohttp import web

from custom_components.printernizer.engine.drivers import registry
from custom_components.printernizer.engine.drivers.registry import PrinterKind, Surroundings
from custom_components.printernizer.engine.drivers.virtual.driver import (
    VirtualDriver,
    VirtualSession,
)
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    DriverError,
    Unreachable,
    WrongPrinter,
)
from tests.simulators.certificates import Certificate, issue
from tests.simulators.handlers import Handlers

OCTOPRINT_ID: Final = "5a1f0c2e-7a8b-4c6d-9e0f-112233445566"
MOONRAKER_ID: Final = "0123456789abcdef0123456789abcdef"
_SERVERS: dict[str, PrintServer] = {}
"""Those that run, by URL: so the stand-in finds its server."""


class PrintServer:
    """One print server on 127.0.0.1, and everything about it that a form may meet."""

    def __init__(
        self, kind: str, *, prefix: str = "", certificate: Certificate | None = None
    ) -> None:
        """kind: "octoprint", "moonraker", "old_moonraker", "prusalink", "prusalink_pi" or "page".

        prefix: path below which it answers; elsewhere there is a web page.
        """
        self.kind = kind
        self.prefix = prefix
        self.certificate = certificate
        self.serial = OCTOPRINT_ID if kind == "octoprint" else MOONRAKER_ID
        self.keys = {"right-key"}
        self.logins = {("ada", "secret word")}
        self.trusted = False
        """Moonraker: whether it lets everybody in; OctoPrint: whether guests may look."""
        self.imitates = False
        """Moonraker: whether it answers as an OctoPrint too."""
        self.app_keys = True
        self.names_dialogue = True
        """OctoPrint: whether it says where to confirm, as it does since 1.8."""
        self.users = True
        """OctoPrint: whether it tells who asks."""
        self.decision: str | None = None
        """What the user has said to a request for a key: None, "yes" or "no"."""
        self.asked: list[str] = []
        """Names of those who asked for a key."""
        self.polls = 0
        self.fails: int | None = None
        """Status of every answer, to play a proxy."""
        self.silent_polls = 0
        """How many polls get no answer at all."""
        self.machine = VirtualMachine(time.monotonic, serial=self.serial)
        self._handlers = Handlers()
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        context = self.certificate.context() if self.certificate is not None else None
        if context is not None:
            # In debug mode the loop reports clients that hang up over a certificate as errors.
            asyncio.get_running_loop().set_debug(False)
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context).start()
        self.port = self._runner.addresses[0][1]
        _SERVERS[self.url] = self
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Switch it off; its port is nobody's then."""
        _SERVERS.pop(self.url, None)
        if self._runner is not None:
            await self._runner.cleanup()
            await self._handlers.end()
            self._runner = None

    @property
    def address(self) -> str:
        """Host and port, as people type them."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Base address."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{self.address}{self.prefix}"

    # -- answers -----------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._handlers.note(request)
        if self.fails is not None:
            challenge = {"WWW-Authenticate": 'Basic realm="Restricted"'}
            return web.Response(status=self.fails, headers=challenge if self.fails == 401 else {})
        path = request.path
        if not path.startswith(f"{self.prefix}/"):
            return await self._page()
        answer = getattr(self, f"_{self.kind}")
        response: web.StreamResponse = await answer(request, path[len(self.prefix) :])
        return response

    async def _page(self, *_: object) -> web.Response:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    async def _octoprint(self, request: web.Request, path: str) -> web.Response:
        known = request.headers.get("X-Api-Key") in self.keys
        if path == "/api/version":
            if not known and not self.trusted:
                return web.Response(status=403)
            return web.json_response({"api": "0.1", "server": "1.11.8", "text": "OctoPrint 1.11.8"})
        if path == "/api/currentuser" and self.users:
            return web.json_response({"name": "ada" if known else None, "permissions": []})
        if path.startswith("/plugin/appkeys/") and self.app_keys:
            return await self._app_keys(request, path.removeprefix("/plugin/appkeys/"))
        return web.Response(status=404)

    async def _app_keys(self, request: web.Request, what: str) -> web.Response:
        if what == "probe":
            return web.Response(status=204)
        if what == "request" and request.method == "POST":
            if len(self.asked) >= 3:
                return web.Response(status=429)
            self.asked.append((await request.json())["app"])
            said = {"app_token": "TOKEN123"}
            if self.names_dialogue:
                said["auth_dialog"] = "http://inside/plugin/appkeys/auth/TOKEN123"
            return web.json_response(said, status=201)
        self.polls += 1
        if self.silent_polls:
            self.silent_polls -= 1
            assert request.transport is not None
            request.transport.abort()
        if self.decision is None:
            return web.json_response({"message": "Awaiting decision"}, status=202)
        if self.decision == "no":
            return web.Response(status=404)
        return web.json_response({"api_key": self.decision})

    async def _moonraker(self, request: web.Request, path: str) -> web.Response:
        if path == "/access/info":
            info = {
                "default_source": "moonraker",
                "available_sources": ["moonraker"],
                "login_required": False,
                "trusted": self.trusted,
            }
            return web.json_response({"result": info})
        return await self._old_moonraker(request, path)

    async def _old_moonraker(self, _: web.Request, path: str) -> web.Response:
        if not self.trusted:
            error = {"code": 401, "message": "Unauthorized"}
            return web.json_response({"error": error}, status=401)
        if path == "/api/version" and self.imitates:
            return web.json_response({"text": "OctoPrint (Moonraker v0.7)"})
        if path == "/server/info":
            return web.json_response({"result": {"klippy_connected": True}})
        return web.json_response({"error": {"code": 404, "message": "Not Found"}}, status=404)

    async def _prusalink(self, _: web.Request, path: str) -> web.Response:
        challenge = {"WWW-Authenticate": 'Digest realm="Printer API", nonce="1", stale=false'}
        return web.Response(status=401, headers=challenge)

    async def _prusalink_pi(self, _: web.Request, path: str) -> web.Response:
        if path == "/api/version":
            return web.json_response({"text": "PrusaLink 0.8.1", "api": "0.9"})
        return web.Response(status=404)


# -- the printer behind it ---------------------------------------------------------------------


class _StandIn:
    """A driver whose line is a virtual printer, for those whom the server lets in."""

    def __init__(self, settings: Mapping[str, Any], around: Surroundings) -> None:
        self._settings = settings
        self._around = around

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[VirtualSession]:
        settings = self._settings
        server = _SERVERS.get(settings["url"])
        if server is None:
            raise Unreachable("nobody there")
        pinned = settings.get("fingerprint")
        if server.certificate is not None and pinned != server.certificate.fingerprint:
            raise CertificateChanged("other", fingerprint=server.certificate.fingerprint)
        if (error := _refusal(server, settings)) is not None:
            raise error
        async with VirtualDriver(server.machine, self._around.clock).connect() as session:
            session.identity = replace(
                session.identity, serial=server.serial, name=None, model="", fingerprint=pinned
            )
            yield session


def _refusal(server: PrintServer, settings: Mapping[str, Any]) -> DriverError | None:
    if settings.get("serial") not in {None, server.serial}:
        return WrongPrinter("another", key="wrong_serial")
    if settings.get("api_key") == "weak-key":
        return AccessDenied("may not look", key="no_permission")
    login = settings.get("username"), settings.get("password")
    free = server.trusted and server.kind != "octoprint"
    if free or settings.get("api_key") in server.keys or login in server.logins:
        return None
    return AccessDenied("no")


@contextmanager
def standing_in() -> Iterator[None]:
    """Let the virtual printer stand behind OctoPrint and Moonraker."""
    builders = dict.fromkeys((PrinterKind.OCTOPRINT, PrinterKind.MOONRAKER), _StandIn)
    with patch.dict(registry.BUILDERS, builders):
        yield


def certificate() -> Certificate:
    """Return a certificate that no authority of this machine vouches for."""
    return issue("127.0.0.1")
