"""A hundred printing Bambu printers in one process, one report a second each: the load.

    python -m scripts.bench.farm --count 100

Every other one is an A1 (deltas), the rest are X1C (everything, every time), in mid-print, with
the noise of real sensors. Prints its config entries as a line of JSON; each further line of input
names a file, into which it writes when it sent what. From the first such line on every tenth
printer is a probe: an A1 whose layer number counts its reports, so that the state that shows it
tells which report it came from.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from custom_components.printernizer.engine.drivers.virtual.machine import (
    MachineSlot,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from tests.simulators.bambu import BambuSimulator

REPORT_S: Final = 1.0
_HOT_S: Final = 300.0
_JOB_S: Final = 20_000.0
_PROBES_EVERY: Final = 10


class NoisyPrinter(BambuSimulator):
    """A printer whose sensors tremble as real ones do."""

    def __init__(self, machine: VirtualMachine, model: str, *, probe: bool) -> None:
        super().__init__(machine, model, ftps=False, camera=False, interval_s=REPORT_S)
        self.probe = probe
        self.counting = False
        self.sent: dict[int, float] = {}
        self._count = 0
        self._noise = random.Random(self.serial)  # noqa: S311 - noise

    def snapshot(self) -> dict[str, Any]:
        """The machine's truth and the trembling of its sensors."""
        push = super().snapshot()
        for key, band in (("nozzle_temper", 0.5), ("bed_temper", 0.15)):
            push[key] = round((push[key] + self._noise.gauss(0, band)) * 32) / 32
        push["wifi_signal"] = f"{-47 + round(self._noise.gauss(0, 1.2))}dBm"
        if self.counting:
            self._count += 1
            push["layer_num"] = self._count
            push["total_layer_num"] = 100_000
        return push

    def push(self) -> None:
        """Report, and remember when."""
        now = time.monotonic()
        super().push()
        if self.counting:
            self.sent[self._count] = now


def _printer(number: int) -> NoisyPrinter:
    begun = time.monotonic()
    probe = number % _PROBES_EVERY == 0
    model = "A1" if probe or number % 2 else "X1C"
    serial = f"{'039' if model == 'A1' else '00M'}BENCH{number:07}"
    spools = [MachineSlot(colour=colour) for colour in ("#111111", "#EEEEEE", "#CC0000", "#0033CC")]
    ahead = 0.0
    machine = VirtualMachine(
        now=lambda: time.monotonic() - begun + ahead, serial=serial, name=serial, slots=spools
    )
    plate = PlateFacts(seconds=_JOB_S + 100 * number, layers=300)
    machine.store(VirtualFile(path="/cache/part.gcode.3mf", plates=(plate,)))
    machine.start("/cache/part.gcode.3mf")
    ahead = _HOT_S
    machine.tick()
    return NoisyPrinter(machine, model, probe=probe)


async def _run(count: int) -> None:
    printers = [_printer(number) for number in range(count)]
    lines: asyncio.Queue[str] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline()))
    async with AsyncExitStack() as stack:
        for printer in printers:
            await stack.enter_async_context(printer)
            # A fleet is not switched on by one hand: spread the reports over the second.
            await asyncio.sleep(REPORT_S / count)
        print(json.dumps([_entry(printer) for printer in printers]), flush=True)
        while line := (await lines.get()).strip():
            probes = [one for one in printers if one.probe]
            for one in probes:
                one.counting = True
            sent = {one.serial: one.sent for one in probes}
            await asyncio.to_thread(Path(line).write_text, json.dumps(sent))
            print("written", flush=True)


def _entry(printer: NoisyPrinter) -> dict[str, Any]:
    data = {
        "kind": "bambu",
        "host": printer.host,
        "serial": printer.serial,
        "access_code": printer.access_code,
        "fingerprint": printer.fingerprint,
        "mqtt_port": printer.mqtt_port,
    }
    return {"title": printer.serial, "unique_id": printer.serial, "data": data}


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--count", type=int, default=100)
    asyncio.run(_run(_parser.parse_args().count))
