"""What OctoPrint makes of a machine: a state with a name, a selected file, and events.

`catch_up` looks at the machine and tells what happened since the last look, in OctoPrint's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB, Phase

from . import octoprint_answers as say

if TYPE_CHECKING:
    from custom_components.printernizer.engine.drivers.virtual.machine import Run, VirtualMachine

    from .octoprint_answers import Json

HALT = "Closing serial port due to emergency stop M112."
STOPPED = frozenset({Phase.FAILED, Phase.HALTED})
FAILURE = "Thermal Runaway, system stopped! Heater_ID: bed - Printer halted. kill() called!"


class Voice:
    """The printer's side of a simulated OctoPrint."""

    def __init__(self, machine: VirtualMachine, *, second: bool) -> None:
        self.machine = machine
        self.second = second
        self.state_id = "OPERATIONAL"
        self.error: str | None = None
        self.reason = ""
        self.selected: tuple[str, str] | None = None
        """Origin and path of the selected file."""
        self.open = True
        """Whether the serial line is."""
        self.card = False
        """Whether the printer has a card that can be read."""
        self.pausing_s = 0.0
        """Machine seconds from a pause to standing still: the firmware empties its queue."""
        self.sending: tuple[float, str] | None = None
        """When a file has reached the card, and which."""
        self.events: list[Json] = []
        self._told = len(machine.history)
        self._begun: set[int] = set()
        self._ended: Run | None = None
        self._phase = machine.phase
        self._pausing_until = 0.0

    # -- time --------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Tell what happened since."""
        machine = self.machine
        machine.tick()
        if self.sending is not None and machine.now() >= self.sending[0]:
            self._arrived(self.sending[1])
        for run in machine.history[self._told :]:
            self._begin(run)
            self._end(run)
        self._told = len(machine.history)
        if machine.phase in IN_JOB and machine.run is not None:
            self._begin(machine.run)
            self._stand()
        elif machine.phase is Phase.HALTED and self.open:
            self.lose(HALT)
        elif self.error is not None and machine.phase not in STOPPED and not self.open:
            self.connect()
        self._phase = machine.phase

    def _begin(self, run: Run) -> None:
        if run.id in self._begun:
            return
        self._begun.add(run.id)
        if not self.open:
            self.connect()
        self._ended = None
        self.select(run.path)
        self._go("STARTING")
        self._tell("PrintStarted", **self._file(run.path))
        self._go("PRINTING")

    def _stand(self) -> None:
        phase, before = self.machine.phase, self._phase
        if phase in {Phase.PAUSED, Phase.ATTENTION}:
            if self.state_id not in {"PAUSED", "PAUSING"}:
                if phase is Phase.ATTENTION:
                    self._tell("FilamentChange")
                self._go("PAUSING")
                self._pausing_until = self.machine.now() + self.pausing_s
            if self.state_id == "PAUSING" and self.machine.now() >= self._pausing_until:
                self._tell("PrintPaused", **self._file())
                self._go("PAUSED")
            elif phase is Phase.ATTENTION and before is Phase.PAUSED:
                self._tell("FilamentChange")
        elif self.state_id in {"PAUSED", "PAUSING"}:
            self._go("RESUMING")
            self._tell("PrintResumed", **self._file())
            self._go("PRINTING")

    def _end(self, run: Run) -> None:
        self._ended = run
        file = self._file(run.path)
        spent = round((run.ended or 0.0) - run.started, 3)
        if run.outcome is Phase.FINISHED:
            self._go("FINISHING")
            self._tell("PrintDone", **file, time=spent)
            self._go("OPERATIONAL")
        elif run.outcome is Phase.CANCELLED:
            self._tell("PrintCancelling", **file)
            self._go("CANCELLING")
            self._tell("PrintCancelled", **file, time=spent)
            self._tell("PrintFailed", **file, time=spent, reason="cancelled")
            self._go("OPERATIONAL")
        else:
            halted = self.machine.phase is Phase.HALTED
            self._fail(HALT if halted else FAILURE, file, spent)

    def _fail(self, error: str, file: Json, spent: float) -> None:
        self._go("ERROR")
        self._tell("Error", error=error, reason="firmware", consequence="emergency")
        self.lose(error)
        said = "unknown" if self.second else error
        self._tell("PrintFailed", **file, time=spent, reason="error", error=said)

    # -- the serial line ---------------------------------------------------------------------

    def lose(self, error: str | None) -> None:
        """Close the line, after an error or because somebody wants it."""
        self.error, self.reason = error, "firmware" if error else ""
        self.open = False
        self.sending = None
        self.selected = None
        self._tell("FileDeselected")
        self._tell("Disconnected")
        self.state_id = "CLOSED_WITH_ERROR" if error else "OFFLINE"
        told = self.state_id if self.second else "OFFLINE"
        self._state_changed(told, say.STATES[told][0])

    def connect(self) -> None:
        """Open the line."""
        if self.open:
            return
        self._tell("Connecting")
        self._go("DETECT_SERIAL")
        self.error, self.reason = None, ""
        self.open = True
        if self.machine.phase is Phase.FAILED:
            self.machine.dismiss()
        elif self.machine.phase is Phase.HALTED:
            self.machine.restart_firmware()
        self._go("OPERATIONAL")
        self._tell("Connected", port="VIRTUAL", baudrate=0)

    # -- files -------------------------------------------------------------------------------

    def select(self, path: str) -> None:
        """Select a file of the machine."""
        origin = "sdcard" if path.startswith("/sdcard/") else "local"
        self.selected = (origin, path.removeprefix("/sdcard").lstrip("/"))
        self._ended = None
        self._tell("FileSelected", **self._file())

    def send(self, path: str, seconds: float) -> None:
        """Begin to send a file to the card."""
        self.sending = (self.machine.now() + seconds, path)
        self.selected = ("sdcard", path.removeprefix("/sdcard/"))
        self._go("TRANSFERRING_FILE")
        self._tell("TransferStarted", local=path, remote=path)

    def _arrived(self, path: str) -> None:
        self.sending = None
        self.selected = None
        self._tell("TransferDone", local=path, remote=path, time=1)
        self._go("OPERATIONAL")

    def _file(self, path: str | None = None) -> Json:
        if path is not None:
            origin = "sdcard" if path.startswith("/sdcard/") else "local"
            inner = path.removeprefix("/sdcard").lstrip("/")
        elif self.selected is not None:
            origin, inner = self.selected
        else:
            return {}
        return {"name": inner.rsplit("/", 1)[-1], "path": inner, "origin": origin, "size": 1}

    # -- what is told ------------------------------------------------------------------------

    def _go(self, state_id: str) -> None:
        self.state_id = state_id
        self._state_changed(state_id, say.STATES[state_id][0])

    def _state_changed(self, state_id: str, text: str) -> None:
        self._tell("PrinterStateChanged", state_id=state_id, state_string=text)

    def _tell(self, kind: str, **payload: Any) -> None:
        if self.second and payload:
            payload.setdefault("connector", "serial")
        self.events.append({"event": {"type": kind, "payload": payload or None}})

    # -- bodies ------------------------------------------------------------------------------

    @property
    def operational(self) -> bool:
        """Whether commands are taken."""
        return self.open

    @property
    def printing(self) -> bool:
        """Whether a job moves."""
        return self.state_id in {"STARTING", "PRINTING", "PAUSING", "RESUMING", "CANCELLING"}

    def state(self) -> Json:
        """The state object."""
        return say.state(self.state_id, self.error, second=self.second, card=self.card)

    def job(self) -> Json:
        """The job object of `/api/job` and `current`."""
        machine = self.machine
        file: Json = dict(say.NO_FILE)
        if self.selected is not None:
            origin, path = self.selected
            stored = machine.files.get(f"/sdcard/{path}" if origin == "sdcard" else f"/{path}")
            file |= self._file() | {
                "display": path.rsplit("/", 1)[-1],
                "size": len(stored.content) if stored else None,
                "date": int(stored.modified) if stored and origin == "local" else None,
            }
        if self.second:
            file["upload"] = False if self.selected else None
        said: Json = {
            "file": file, "estimatedPrintTime": None, "lastPrintTime": None, "filament": None,
            "user": "ha" if self.selected else None,
        }  # fmt: skip
        if not self.second:
            said["averagePrintTime"] = None
        return said

    def progress(self) -> Json:
        """The progress: leftovers after the end, nothing after a cancel."""
        run = self.machine.run if self.machine.phase in IN_JOB else self._ended
        if run is None or self.selected is None or run.outcome is Phase.CANCELLED:
            return dict(say.NO_PROGRESS)
        done = run.outcome is Phase.FINISHED
        spent = (run.ended if run.ended is not None else self.machine.now()) - run.started
        origin = "printer" if self.second else "linear"
        return {
            "completion": 100.0 if done else run.progress * 100,
            "filepos": int(run.progress * 1000),
            "printTime": int(spent),
            "printTimeLeft": 0 if done else int(self.machine.remaining_s),
            "printTimeLeftOrigin": None if done else origin,
        }
