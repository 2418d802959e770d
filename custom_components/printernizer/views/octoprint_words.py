"""A printer in OctoPrint's words: as much as slicers ask for before they send.

Cura sends nothing to be printed at once unless the printer is "Operational"; the words are those
of OctoPrint 1.x, checked against its own answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..engine.printer import PrinterState, PrinterStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.printer import Temperature

IDLE: Final = PrinterStatus(state=PrinterState.IDLE)
"""How a library is that files are sent to."""
VERSION: Final = "1.10.3"
"""Which OctoPrint we answer like."""
TEXT: Final = f"OctoPrint {VERSION} (Printernizer)"
"""PrusaSlicer and its kin want it to begin like that."""
_FLAGS: Final = (
    "operational",
    "printing",
    "cancelling",
    "pausing",
    "resuming",
    "finishing",
    "closedOrError",
    "error",
    "paused",
    "ready",
    "sdReady",
)
_READY: Final = ("Operational", frozenset({"operational", "ready"}))
_STATES: Final[Mapping[PrinterState, tuple[str, frozenset[str]]]] = {
    PrinterState.IDLE: _READY,
    PrinterState.FINISHED: _READY,
    PrinterState.FAILED: _READY,
    PrinterState.CANCELLED: _READY,
    PrinterState.PREPARING: ("Starting", frozenset({"operational", "printing"})),
    PrinterState.PRINTING: ("Printing", frozenset({"operational", "printing"})),
    PrinterState.BUSY: ("Starting", frozenset({"operational", "printing"})),
    PrinterState.PAUSED: ("Paused", frozenset({"operational", "paused"})),
    PrinterState.ATTENTION: ("Paused", frozenset({"operational", "paused"})),
}
"""OFFLINE and UNKNOWN are missing: OctoPrint has no state of a printer that is not there."""


def version_words() -> dict[str, Any]:
    """Return who answers."""
    return {"api": "0.1", "server": VERSION, "text": TEXT}


def printer_words(status: PrinterStatus) -> dict[str, Any] | None:
    """Return how a printer is; None when it is not operational."""
    if (state := _STATES.get(status.state)) is None:
        return None
    text, true = state
    heaters = {f"tool{tool.index}": _heat(tool.temperature) for tool in status.tools}
    if status.bed is not None:
        heaters["bed"] = _heat(status.bed)
    return {
        "temperature": heaters,
        "sd": {"ready": False},
        "state": {"text": text, "flags": {flag: flag in true for flag in _FLAGS}, "error": ""},
    }


def job_words(status: PrinterStatus | None) -> dict[str, Any]:
    """Return what a printer prints; OctoPrint answers this even when there is none."""
    job = None if status is None else status.job
    state = None if status is None else _STATES.get(status.state)
    return {
        "job": {
            "file": {
                "name": job and job.name,
                "path": job and job.path,
                "size": None,
                "origin": "local" if job else None,
                "date": None,
            },
            "estimatedPrintTime": None,
            "averagePrintTime": None,
            "lastPrintTime": None,
            "filament": None,
            "user": None,
        },
        "progress": {
            "completion": None if job is None or job.progress is None else job.progress * 100,
            "filepos": None,
            "printTime": int(job.elapsed.total_seconds()) if job and job.elapsed else None,
            "printTimeLeft": int(job.remaining.total_seconds()) if job and job.remaining else None,
            "printTimeLeftOrigin": None,
        },
        "state": "Offline" if state is None else state[0],
    }


def connection_words(status: PrinterStatus | None) -> dict[str, Any]:
    """Return whether a printer is there."""
    state = None if status is None else _STATES.get(status.state)
    return {
        "current": {
            "state": "Closed" if state is None else state[0],
            "port": None,
            "baudrate": None,
            "printerProfile": "_default",
        },
        "options": {"ports": [], "baudrates": [], "printerProfiles": []},
    }


def settings_words() -> dict[str, Any]:
    """Return what there is to set: no SD card, no plug-ins, no camera."""
    return {"feature": {"sdSupport": False}, "plugins": {}, "webcam": {"webcamEnabled": False}}


def profile_words(name: str) -> dict[str, Any]:
    """Return the one profile there is."""
    profile = {"id": "_default", "name": name, "model": "", "current": True, "default": True}
    return {"profiles": {"_default": profile}}


def login_words(name: str) -> dict[str, Any]:
    """Return who the key belongs to."""
    return {"name": name, "active": True, "user": True, "admin": False, "groups": [], "session": ""}


def stored_words(name: str, url: str, *, printing: bool, done: bool) -> dict[str, Any]:
    """Return what became of an upload."""
    file = {
        "name": name,
        "display": name,
        "path": name,
        "origin": "local",
        "refs": {"resource": url},
    }
    return {
        "files": {"local": file},
        "done": done,
        "effectiveSelect": printing,
        "effectivePrint": printing,
    }


def _heat(temperature: Temperature) -> dict[str, Any]:
    return {"actual": temperature.actual_c, "target": temperature.target_c, "offset": 0}
