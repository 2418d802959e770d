"""The Bambu driver through a real mosquitto: what our own broker forgives, it does not."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from custom_components.printernizer.engine.drivers.bambu.driver import BambuDriver
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
from custom_components.printernizer.engine.errors import AccessDenied
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.bambu_reports import PROFILES, Wire, full_push, versions
from tests.simulators.certificates import issue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

pytestmark = pytest.mark.peer

SERIAL = "01P00A000000001"
CODE = "12345678"


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Real sockets."""


@asynccontextmanager
async def mosquitto(programs: dict[str, str], folder: Path) -> AsyncIterator[int]:
    """A broker with TLS and one user; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "leaf.pem").write_bytes(issue(SERIAL).pem)
    people = folder / "people"
    subprocess.run(
        [programs["MOSQUITTO_PASSWD"], "-b", "-c", str(people), "bblp", CODE], check=True
    )
    config = folder / "mosquitto.conf"
    config.write_text(
        f"user root\nlistener {port} 127.0.0.1\nallow_anonymous false\npassword_file {people}\n"
        f"certfile {folder / 'leaf.pem'}\nkeyfile {folder / 'leaf.pem'}\n"
    )
    broker = await asyncio.create_subprocess_exec(
        programs["MOSQUITTO"], "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        yield port
    finally:
        broker.terminate()
        await broker.wait()


async def be_a_printer(port: int, machine: VirtualMachine, ready: asyncio.Event) -> None:
    """Answer requests as a P1S would, as one more client of the broker."""
    wire = Wire(PROFILES["P1S"])
    tls = aiomqtt.TLSParameters(cert_reqs=0)
    async with aiomqtt.Client(
        "127.0.0.1", port, username="bblp", password=CODE, tls_params=tls, tls_insecure=True
    ) as client:
        await client.subscribe(f"device/{SERIAL}/request", qos=1)
        ready.set()
        async for message in client.messages:
            body: dict[str, Any] = json.loads(message.payload)
            if "info" in body:
                answer = {"info": versions(machine, wire, SERIAL)}
            elif "pushing" in body:
                answer = {"print": full_push(machine, wire)}
            else:
                domain, command = next(iter(body.items()))
                machine.set_light(on=command.get("led_mode") == "on")
                answer = {domain: {**command, "result": "success"}}
            await client.publish(f"device/{SERIAL}/report", json.dumps(answer))


async def test_the_driver_works_through_a_real_broker(
    peer: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    machine = VirtualMachine(now=time.monotonic, serial=SERIAL)
    async with mosquitto(peer("mosquitto"), tmp_path) as port:
        ready = asyncio.Event()
        printer = asyncio.create_task(be_a_printer(port, machine, ready))
        try:
            await asyncio.wait_for(ready.wait(), 10)
            driver = BambuDriver("127.0.0.1", access_code=CODE, clock=SystemClock(), mqtt_port=port)
            async with driver.connect() as session:
                assert session.identity.serial == SERIAL
                assert session.identity.model == "P1S"
                assert (await anext(session.statuses())).state is PrinterState.IDLE
                assert session.lights
                await session.lights.set("chamber_light", on=False)
                assert machine.light is False
            wrong = BambuDriver(
                "127.0.0.1", access_code="00000000", clock=SystemClock(), mqtt_port=port
            )
            with pytest.raises(AccessDenied):
                async with wrong.connect():
                    pass
        finally:
            printer.cancel()
            await asyncio.gather(printer, return_exceptions=True)
