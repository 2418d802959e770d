"""What people feel: frames, live clients and the time from a wish to the printer.

    python -m scripts.bench.live [--seconds 20]

One printing Bambu A1 with its camera at 15 pictures a second (real TLS) and twenty WebSocket
clients of Home Assistant, as browsers are, in this process; Home Assistant with the integration
in another. Measured: frames a second at each of four viewers and how many lines the camera had,
the time from a report to the last of the clients, from an action to its bytes at the printer's
socket, and how long a refresh takes.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import platform
import random
import socket
import statistics
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import psutil
from PIL import Image

from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from scripts.bench.load import ROOT
from scripts.demo_parts.config_folder import DOMAIN, Entry, House
from scripts.demo_parts.home_assistant import HomeAssistant
from tests.simulators.bambu import BambuSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FRAMES_PER_S: Final = 15.0
VIEWERS: Final = 4
CLIENTS: Final = 20
COMMANDS: Final = 20
_BOUNDARY: Final = b"--printernizer-frame"


def _jpeg() -> bytes:
    """A picture as large as those of an A1: 1280 x 720, about 60 KB."""
    noise = random.Random(1).randbytes(160 * 90 * 3)  # noqa: S311 - a picture
    out = io.BytesIO()
    Image.frombytes("RGB", (160, 90), noise).resize((1280, 720)).save(out, "JPEG", quality=60)
    return out.getvalue()


@dataclass(slots=True)
class Listening(VirtualMachine):
    """A machine that remembers when it was told G-code."""

    told: list[float] = field(default_factory=list)

    def gcode(self, line: str) -> None:
        """Take a line, and note when."""
        self.told.append(time.monotonic())
        VirtualMachine.gcode(self, line)


class Counting(BambuSimulator):
    """A printer that counts its reports in the layer."""

    def __init__(self, machine: Listening) -> None:
        super().__init__(machine, "A1", interval_s=1.0)
        self.sent: dict[int, float] = {}
        self._count = 0

    def snapshot(self) -> dict[str, Any]:
        """The machine's truth, and a layer that tells which report it is."""
        push = super().snapshot()
        self._count += 1
        push["layer_num"], push["total_layer_num"] = self._count, 100_000
        return push

    def push(self) -> None:
        """Report, and remember when."""
        now = time.monotonic()
        super().push()
        self.sent[self._count] = now


@asynccontextmanager
async def _printer() -> AsyncIterator[tuple[Counting, Listening]]:
    begun = time.monotonic()
    machine = Listening(now=lambda: time.monotonic() - begun + 300, serial="039BENCH0000001")
    machine.store(VirtualFile(path="/cache/part.gcode.3mf", plates=(PlateFacts(seconds=90_000),)))
    machine.start("/cache/part.gcode.3mf")
    printer = Counting(machine)
    assert printer.camera is not None
    printer.camera.interval_s = 1 / FRAMES_PER_S
    printer.camera.picture = _jpeg()
    async with printer:
        yield printer, machine


@asynccontextmanager
async def _home(printer: Counting) -> AsyncIterator[tuple[HomeAssistant, str]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config")
        config.mkdir()  # noqa: ASYNC240 - nothing else runs yet
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        entry = Entry(
            title="A1",
            unique_id=printer.serial,
            data={
                "kind": "bambu",
                "host": printer.host,
                "serial": printer.serial,
                "access_code": printer.access_code,
                "fingerprint": printer.fingerprint,
                "mqtt_port": printer.mqtt_port,
                "ftps_port": printer.ftps_port,
                "camera_port": printer.camera_port,
            },
        )
        house = House(
            folder=config,
            integration=ROOT / "custom_components" / DOMAIN,
            port=port,
            entries=[entry],
            full=False,
            extra_yaml="recorder:\n",
        )
        token = house.build()
        async with HomeAssistant(config, port, token) as home:
            yield home, token


async def _entities(home: HomeAssistant, *keys: str) -> list[str]:
    """Return our entities whose unique ids end so, once they have states."""
    async with asyncio.timeout(60):
        while True:
            rows = await home.ask("config/entity_registry/list")
            found = {
                row["unique_id"].split("_", 1)[1]: row["entity_id"]
                for row in rows
                if row["platform"] == DOMAIN
            }
            states = await home.states()
            if all(found.get(key) in states for key in keys):
                return [found[key] for key in keys]
            await asyncio.sleep(0.5)


async def _view(base: str, token: str, camera: str, seconds: float) -> float:
    """Return the frames a second that one browser gets."""
    frames = 0
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as browser,
        browser.get(f"{base}/api/camera_proxy_stream/{camera}") as answer,
    ):
        await answer.content.readuntil(_BOUNDARY)
        begun = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                rest = b""
                async for chunk in answer.content.iter_any():
                    rest += chunk
                    frames += rest.count(_BOUNDARY)
                    rest = rest.rpartition(_BOUNDARY)[2] if _BOUNDARY in rest else rest[-64:]
        except TimeoutError:
            pass
    return frames / (time.monotonic() - begun)


async def _client(base: str, token: str, entity: str, heard: dict[int, list[float]]) -> None:
    """A browser that follows one state, and notes when it showed which layer."""
    async with (
        aiohttp.ClientSession() as browser,
        browser.ws_connect(f"{base}/api/websocket") as ws,
    ):
        await ws.receive_json()
        await ws.send_json({"type": "auth", "access_token": token})
        await ws.receive_json()
        await ws.send_json({"id": 1, "type": "subscribe_entities", "entity_ids": [entity]})
        async for message in ws:
            at = time.monotonic()
            packets = message.json()
            for packet in packets if isinstance(packets, list) else [packets]:
                change = packet.get("event", {}).get("c", {}).get(entity, {}).get("+", {})
                if str(change.get("s", "")).isdigit():
                    heard.setdefault(int(change["s"]), []).append(at)


def _say(name: str, values: list[float], unit: str = "ms") -> None:
    cuts = statistics.quantiles(values, n=20) if len(values) > 1 else values * 19
    print(
        f"{name}: p50 {cuts[9]:.1f}, p95 {cuts[18]:.1f} {unit} ({len(values)} samples)", flush=True
    )


async def _main(seconds: float) -> None:
    load = os.getloadavg()[0]
    print(f"CPython {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}")
    async with AsyncExitStack() as stack:
        printer, machine = await stack.enter_async_context(_printer())
        home, token = await stack.enter_async_context(_home(printer))
        assert printer.camera is not None
        layer, camera, refresh = await _entities(home, "layer", "camera", "refresh")
        base = home.url
        process = psutil.Process(home.pid)

        heard: dict[int, list[float]] = {}
        clients = [asyncio.create_task(_client(base, token, layer, heard)) for _ in range(CLIENTS)]
        await asyncio.sleep(seconds)
        full = {
            n: times for n, times in heard.items() if len(times) == CLIENTS and n in printer.sent
        }
        _say(
            f"report to the last of {CLIENTS} clients",
            [1000 * (max(times) - printer.sent[n]) for n, times in full.items()],
        )

        before, logins = sum(process.cpu_times()[:2]), printer.camera.logins
        rates = await asyncio.gather(*(_view(base, token, camera, seconds) for _ in range(VIEWERS)))
        spent = sum(process.cpu_times()[:2]) - before
        print(
            f"frames a second at {VIEWERS} viewers: {', '.join(f'{rate:.1f}' for rate in rates)};",
            end=" ",
        )
        print(f"lines to the camera: {printer.camera.logins - logins};", end=" ")
        print(f"Home Assistant {100 * spent / seconds:.0f} % of a core", flush=True)

        device = next(
            row
            for row in await home.ask("config/device_registry/list")
            if [DOMAIN, printer.serial] in row["identifiers"]
        )
        there, done, fresh = [], [], []
        for _ in range(COMMANDS):
            begun = time.monotonic()
            await home.call(f"{DOMAIN}.send_gcode", device_id=device["id"], gcode="M117 hello")
            done.append(1000 * (time.monotonic() - begun))
            there.append(1000 * (machine.told[-1] - begun))
        _say("action to the printer's socket", there)
        _say("action to its confirmed end", done)
        for _ in range(COMMANDS):
            begun = time.monotonic()
            await home.call("button.press", entity_id=refresh)
            fresh.append(1000 * (time.monotonic() - begun))
        _say("refresh", fresh)
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--seconds", type=float, default=20.0)
    asyncio.run(_main(_parser.parse_args().seconds))
