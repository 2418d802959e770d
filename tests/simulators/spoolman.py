"""A Spoolman: its REST API and its socket, as its OpenAPI description (0.26) has them.

Held to the real one by `tests/engine/spoolman/test_client.py`, which runs on both. It adds to what
is used as the real one does (never below nothing), leaves fields without a value out, and can be
told to break in the ways that networks do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

type Row = dict[str, Any]


class SpoolmanSimulator:
    """Its database, and its manners of today."""

    def __init__(self) -> None:
        self.vendors: dict[int, Row] = {}
        self.filaments: dict[int, Row] = {}
        self.spools: dict[int, Row] = {}
        self.used: list[tuple[int, float]] = []
        """Every consumption it booked."""
        self.pages: list[int] = []
        """Offsets it was asked for."""
        self.answer: Callable[[web.Request], web.StreamResponse | None] = lambda _: None
        """Says something else instead; None: the truth."""
        self.loses_answers = False
        """Books, and breaks the line before it says so."""
        self.listeners: set[web.WebSocketResponse] = set()

    @property
    def app(self) -> web.Application:
        """The server."""
        app = web.Application(middlewares=[self._manners])
        app.router.add_post("/api/v1/vendor", self._add_vendor)
        app.router.add_post("/api/v1/filament", self._add_filament)
        app.router.add_post("/api/v1/spool", self._add_spool)
        app.router.add_get("/api/v1/spool", self._list)
        app.router.add_get("/api/v1/spool/{id}", self._get)
        app.router.add_patch("/api/v1/spool/{id}", self._patch)
        app.router.add_delete("/api/v1/spool/{id}", self._delete)
        app.router.add_put("/api/v1/spool/{id}/use", self._use)
        return app

    @web.middleware
    async def _manners(self, request: web.Request, handler: Any) -> web.StreamResponse:
        other = self.answer(request)
        if other is not None:
            return other
        answered: web.StreamResponse = await handler(request)
        return answered

    async def _add_vendor(self, request: web.Request) -> web.Response:
        return web.json_response(_added(self.vendors, await request.json()))

    async def _add_filament(self, request: web.Request) -> web.Response:
        data = await request.json()
        vendor = self.vendors.get(data.pop("vendor_id", 0))
        if data.get("color_hex"):
            data["color_hex"] = data["color_hex"].upper().removeprefix("#")
        return web.json_response(
            _added(self.filaments, data | ({"vendor": vendor} if vendor else {}))
        )

    async def _add_spool(self, request: web.Request) -> web.Response:
        data = await request.json()
        data["filament"] = filament = self.filaments[data.pop("filament_id")]
        for key, source in (("initial_weight", "weight"), ("spool_weight", "spool_weight")):
            if key not in data and source in filament:
                data[key] = filament[source]
        row = _added(self.spools, {"used_weight": 0.0, "archived": False, **data})
        await self._tell("added", row)
        return web.json_response(_shown(row))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._listen(request)
        limit, offset = int(request.query["limit"]), int(request.query["offset"])
        self.pages.append(offset)
        rows = [
            _shown(row)
            for row in self.spools.values()
            if request.query.get("allow_archived") == "true" or not row["archived"]
        ]
        total = {"x-total-count": str(len(rows))}
        return web.json_response(rows[offset : offset + limit], headers=total)

    async def _get(self, request: web.Request) -> web.Response:
        row = self.spools.get(int(request.match_info["id"]))
        return _missing() if row is None else web.json_response(_shown(row))

    async def _patch(self, request: web.Request) -> web.Response:
        row = self.spools[int(request.match_info["id"])]
        row |= await request.json()
        await self._tell("updated", row)
        return web.json_response(_shown(row))

    async def _delete(self, request: web.Request) -> web.Response:
        row = self.spools.pop(int(request.match_info["id"]))
        await self._tell("deleted", row)
        return web.json_response({"message": "Success!"})

    async def _use(self, request: web.Request) -> web.Response:
        row = self.spools.get(int(request.match_info["id"]))
        if row is None:
            return _missing()
        mass = (await request.json())["use_weight"]
        self.used.append((row["id"], mass))
        row["used_weight"] = max(row["used_weight"] + mass, 0.0)
        if self.loses_answers:
            assert request.transport is not None
            request.transport.close()
        await self._tell("updated", row)
        return web.json_response(_shown(row))

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.listeners.add(socket)
        try:
            async for _ in socket:
                pass
        finally:
            self.listeners.discard(socket)
        return socket

    async def _tell(self, kind: str, row: Row) -> None:
        await self.say({"type": kind, "resource": "spool", "payload": _shown(row)})

    async def say(self, news: object) -> None:
        """Tell everybody who listens."""
        text = news if isinstance(news, str) else json.dumps(news)
        for listener in tuple(self.listeners):
            await listener.send_str(text)

    @contextmanager
    def says(self, answer: Callable[[web.Request], web.StreamResponse | None]) -> Iterator[None]:
        """Say something else for a while."""
        before, self.answer = self.answer, answer
        try:
            yield
        finally:
            self.answer = before


def _added(table: dict[int, Row], data: Row) -> Row:
    number = max(table, default=0) + 1
    table[number] = {"id": number, "registered": "2026-11-20T12:00:00Z", "extra": {}, **data}
    return table[number]


def _shown(row: Row) -> Row:
    shown = {key: value for key, value in row.items() if value is not None}
    if "initial_weight" in row:
        shown["remaining_weight"] = max(row["initial_weight"] - row["used_weight"], 0.0)
    return shown


def _missing() -> web.Response:
    return web.json_response({"message": "No spool with that ID found."}, status=404)
