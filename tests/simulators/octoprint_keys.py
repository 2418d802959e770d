"""How a simulated OctoPrint hands out application keys: somebody asks, its user decides."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from . import octoprint_answers as say
from .octoprint_answers import NOT_FOUND, refused

if TYPE_CHECKING:
    from .octoprint import OctoPrintSimulator

APP_KEY_STALE_S = 5.0


@dataclass
class AppRequest:
    """Somebody who asks for a key."""

    app: str
    polled: float
    decision: bool | None = None
    key: str = ""


class AppKeys:
    """The plugin of one server, and who waits for a key."""

    def __init__(self, sim: OctoPrintSimulator) -> None:
        self._sim = sim
        self.requests: dict[str, AppRequest] = {}

    async def answer(self, request: web.Request, segments: list[str]) -> web.Response:
        match request.method, segments:
            case "GET", ["probe"]:
                return web.Response(status=204)
            case "POST", ["request"]:
                token = secrets.token_hex(16)
                app = str((await self._sim.body(request)).get("app"))
                self.requests[token] = AppRequest(app, self._sim.machine.now())
                # As its own house sees it, not as we came in.
                inner = f"http://octopi.internal:5000/plugin/appkeys/request/{token}"
                return web.json_response(
                    {"app_token": token, "auth_dialog": inner.replace("request", "auth")},
                    status=201,
                    headers={"Location": inner},
                )
            case "GET", ["request", token]:
                return self._decided(token)
        return refused(404, NOT_FOUND)

    def _decided(self, token: str) -> web.Response:
        asked = self.requests.get(token)
        now = self._sim.machine.now()
        if asked is None or now - asked.polled > APP_KEY_STALE_S or asked.decision is False:
            self.requests.pop(token, None)
            return refused(404, NOT_FOUND)
        asked.polled = now
        if asked.decision is None:
            return web.json_response({"message": "Awaiting decision"}, status=202)
        del self.requests[token]
        return web.json_response({"api_key": asked.key})

    def decide(self, *, grant: bool) -> str:
        """Answer every request for a key as the user would; returns the key."""
        key = secrets.token_hex(16).upper()
        for asked in self.requests.values():
            asked.decision, asked.key = grant, key
        if grant:
            self._sim.keys[key] = ("ha", frozenset({"ADMIN", *say.PERMISSIONS}))
        return key
