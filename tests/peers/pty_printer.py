"""A Prusa MK3S on a pseudo-terminal, for a real PrusaLink daemon to talk to.

It answers what the daemon asks at start and while printing, in the firmware's words (3.14), and
keeps the time a print takes by itself. It has no SD card and no errors of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import threading
import time
import tty
from dataclasses import dataclass, field
from typing import Self

SERIAL = "CZPX4321X004XC12345"
FIRMWARE = "3.14.1-8237"
TELEMETRY_S = 0.2


@dataclass
class PtyPrinter:
    """The printer's side of the cable. `path` is what the daemon opens."""

    move_s: float = 0.05
    """How long one G1 takes: this is what makes a print last."""
    path: str = ""
    nozzle: float = 25.0
    bed: float = 25.0
    target_nozzle: float = 0.0
    target_bed: float = 0.0
    percent: int = -1
    minutes: int = -1
    z: float = 0.0
    paused: bool = False
    seen: list[str] = field(default_factory=list)
    _memory: dict[int, int] = field(default_factory=dict)
    _master: int = -1
    _slave: int = -1
    _reporting: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def _run(self) -> None:
        waiting = b""
        report_at = 0.0
        while not self._stop.is_set():
            ready, _, _ = select.select([self._master], [], [], 0.02)
            if ready:
                with contextlib.suppress(OSError):
                    waiting += os.read(self._master, 4096)
            *lines, waiting = waiting.split(b"\n")
            for line in lines:
                self._line(line.decode("utf-8", "replace").strip())
            if self._reporting and time.monotonic() >= report_at:
                report_at = time.monotonic() + TELEMETRY_S
                self._report()

    def _say(self, *lines: str) -> None:
        os.write(self._master, "".join(f"{line}\n" for line in lines).encode())

    def _report(self) -> None:
        for heater in ("nozzle", "bed"):
            goal = max(25.0, getattr(self, f"target_{heater}"))
            now = getattr(self, heater)
            setattr(self, heater, now + max(-40.0, min(40.0, goal - now)))
        hot, bed = f"{self.nozzle:.1f} /{self.target_nozzle:.1f}", f"{self.bed:.1f}"
        self._say(
            f"T:{hot} B:{bed} /{self.target_bed:.1f} T0:{hot} @:0 B@:0 P:0.0 A:30.0",
            f"X:20.00 Y:20.00 Z:{self.z:.2f} E:0.00 Count X: 20.00 Y:20.00 Z:{self.z:.2f} E:0.00",
            "E0:4500 RPM PRN1:0 RPM E0@:255 PRN1@:0",
        )

    def _line(self, line: str) -> None:
        if not line:
            return
        self.seen.append(line)
        numbered = re.fullmatch(r"N(\d+) ?(.*?)\*\d+", line)
        command = numbered[2].strip() if numbered else line
        self._say(*self._answer(command), "ok")

    def _answer(self, command: str) -> list[str]:
        fixed = {
            "M862.2 Q": ["302"],
            "M862.1 Q": ["0.40"],
            "PRUSA Fir": [FIRMWARE],
            "PRUSA SN": [SERIAL],
            "M220": ["100%"],
            "M221": ["100%"],
            "M27 P": ["Not SD printing"],
            "M20 LT": ["Begin file list", "End file list"],
            "M21": ["echo:SD init fail"],
            "M420": ["Mesh bed leveling not active."],
            "M601": ["// action:paused"],
            "M602": ["// action:resumed"],
            "M603": ["// action:cancel"],
        }
        if command in fixed:
            self.paused = command == "M601" or (self.paused and command != "M602")
            return fixed[command]
        word = command.split(" ", 1)[0]
        handler = {
            "M73": self._progress, "D3": self._eeprom, "M155": self._telemetry,
            "M104": self._heat, "M109": self._heat, "M140": self._heat, "M190": self._heat,
            "G1": self._move, "G0": self._move,
        }.get(word)  # fmt: skip
        return handler(command) if handler else []

    def _progress(self, command: str) -> list[str]:
        if match := re.search(r"P(\d+)", command):
            self.percent = int(match[1])
        if match := re.search(r"R(\d+)", command):
            self.minutes = int(match[1])
        said = (
            f"Percent done: {self.percent}; print time remaining in mins: {self.minutes}; "
            "Change in mins: -1"
        )
        return [f"NORMAL MODE: {said}", f"SILENT MODE: {said}"]

    def _eeprom(self, command: str) -> list[str]:
        """Read or write the EEPROM: `D3 Ax0D05 C4`, `D3 Ax0D05 X0000002a`."""
        match = re.search(r"Ax([0-9a-fA-F]+)(?: C(\d+))?(?: X([0-9a-fA-F]+))?", command)
        if match is None:
            return []
        at = int(match[1], 16)
        written = bytes.fromhex(match[3] or "")
        self._memory |= {at + index: value for index, value in enumerate(written)}
        count = int(match[2] or len(written))
        rows = range(at, at + count, 16)
        return [
            f"{row:04x}  "
            + " ".join(
                f"{self._memory.get(place, 0):02x}"
                for place in range(row, min(row + 16, at + count))
            )
            for row in rows
        ]

    def _telemetry(self, command: str) -> list[str]:
        self._reporting = "S0" not in command
        return []

    def _heat(self, command: str) -> list[str]:
        if match := re.search(r"S(\d+)", command):
            heater = "bed" if command[:4] in {"M140", "M190"} else "nozzle"
            setattr(self, f"target_{heater}", float(match[1]))
        return []

    def _move(self, command: str) -> list[str]:
        if match := re.search(r"Z([\d.]+)", command):
            self.z = float(match[1])
        time.sleep(self.move_s)
        return []
