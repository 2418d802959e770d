"""What one Bambu Lab report costs on its way to a status, in microseconds.

    python -m scripts.bench.messages

Everything between the bytes of a message and the status for Home Assistant: decoding, merging,
building only what changed. The yardstick beside each figure is the published cost of the parser
of ha-bambulab for the same kind of message, measured on such a machine.
"""

from __future__ import annotations

import itertools
import json
import platform
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

from custom_components.printernizer.engine.drivers.bambu.messages import Messages
from custom_components.printernizer.engine.drivers.virtual.machine import (
    MachineSlot,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from tests.simulators.bambu_reports import PROFILES, Wire, full_push, partial_push

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS: Final = 7
_MESSAGES: Final = 400
_YARDSTICK: Final = {"full": "190-340", "delta": "150"}
"""Microseconds per message of ha-bambulab's parser, without its refresh."""


def reports(model: str, count: int = _MESSAGES) -> list[bytes]:
    """Return one full report of a printing machine and what it sends after it, second by second."""
    now = 0.0
    slots = [MachineSlot(colour=colour) for colour in ("#111111", "#EEEEEE", "#CC0000", "#0033CC")]
    machine = VirtualMachine(now=lambda: now, slots=slots)
    plate = PlateFacts(seconds=4000, layers=400)
    machine.store(VirtualFile(path="/cache/part.gcode.3mf", plates=(plate,)))
    machine.start("/cache/part.gcode.3mf")
    now = 120.0
    wire = Wire(PROFILES[model])
    pushes = []
    for number in range(count):
        now += 1.0
        push = full_push(machine, wire)
        # Sensors tremble; a simulated heater at its target does not.
        push["nozzle_temper"] += (number * 7 % 11 - 5) / 32
        pushes.append(push)
    family = PROFILES[model].family
    if family != "full":
        nested = family == "nested"
        deltas = [partial_push(a, b, nested=nested) for a, b in itertools.pairwise(pushes)]
        pushes = [pushes[0], *deltas]
    return [json.dumps({"print": push}).encode() for push in pushes]


def each_us(payloads: Sequence[bytes], make: Callable[[], Messages] = Messages) -> float:
    """Microseconds per message, median of several rounds, the first message not counted."""
    rounds = []
    for _ in range(ROUNDS):
        messages = make()
        messages.take(payloads[0], 0.0)
        begun = time.perf_counter()
        for number, payload in enumerate(payloads[1:], 1):
            messages.take(payload, float(number))
        rounds.append((time.perf_counter() - begun) / (len(payloads) - 1))
    return statistics.median(rounds) * 1e6


def decode_us(payloads: Sequence[bytes]) -> float:
    """Microseconds for `json.loads` alone: the floor."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for payload in payloads[1:]:
            json.loads(payload)
        rounds.append((time.perf_counter() - begun) / (len(payloads) - 1))
    return statistics.median(rounds) * 1e6


def _row(model: str, kind: str, payloads: list[bytes]) -> dict[str, Any]:
    size = statistics.mean(len(payload) for payload in payloads[1:])
    return {
        "report": f"{model}, {kind}",
        "bytes": round(size),
        "us": round(each_us(payloads), 1),
        "json alone": round(decode_us(payloads), 1),
        "ha-bambulab's parser, published": _YARDSTICK[kind],
    }


def main() -> None:
    """Print the table."""
    print(f"CPython {platform.python_version()}")
    full = [reports("X1C", 2)[0]] * _MESSAGES
    rows = [
        _row("X1C", "full", reports("X1C")),
        _row("X1C unchanged", "full", full),
        _row("A1", "delta", reports("A1")),
        _row("H2D", "delta", reports("H2D")),
    ]
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


if __name__ == "__main__":
    main()
