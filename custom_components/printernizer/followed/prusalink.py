"""Home Assistant's own PrusaLink integration, as of 2026.10 and 2026.11.

It polls every 30 s, and every 5 s for half a minute after a button was pressed. State and job are
asked for apart. Its unique ids begin with the id of its config entry. Temperatures, fans, height,
flow and nozzle are disabled until a user enables them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ..engine.printer import PrinterState, Severity
from .source import Condition, Entity, Nuance, Source

_TELEMETRY: Final = r"{stem}_printer\.telemetry\."


def _sensor(unique_id: str) -> Entity:
    return Entity(domain="sensor", unique_id=unique_id)


def _button(unique_id: str) -> Entity:
    return Entity(domain="button", unique_id=unique_id)


PRUSALINK: Final = Source(
    domain="prusalink",
    title="PrusaLink",
    words=MappingProxyType(
        {
            "idle": PrinterState.IDLE,
            "ready": PrinterState.IDLE,
            "busy": PrinterState.BUSY,
            "printing": PrinterState.PRINTING,
            "paused": PrinterState.PAUSED,
            "finished": PrinterState.FINISHED,
            "stopped": PrinterState.CANCELLED,
            "error": PrinterState.FAILED,
            "attention": PrinterState.ATTENTION,
        }
    ),
    complaints=MappingProxyType({"error": Severity.FATAL, "attention": Severity.COMMON}),
    nuances=(
        # It asks something, but no job stands still: a job must not be told of that is not there.
        Nuance(
            state=PrinterState.ATTENTION,
            becomes=PrinterState.BUSY,
            when=(Condition(key="name", unsaid=True), Condition(key="progress", unsaid=True)),
        ),
    ),
    entities=MappingProxyType(
        {
            "state": _sensor(r"{stem}_printer\.state"),
            "name": _sensor(r"{stem}_job\.filename"),
            "progress": _sensor(r"{stem}_job\.progress"),
            "start": _sensor(r"{stem}_job\.start"),
            "finish": _sensor(r"{stem}_job\.finish"),
            "tool_0": _sensor(_TELEMETRY + "temp-nozzle"),
            "tool_0_target": _sensor(_TELEMETRY + r"temp-nozzle\.target"),
            "bed": _sensor(_TELEMETRY + "temp-bed"),
            "bed_target": _sensor(_TELEMETRY + r"temp-bed\.target"),
            "speed": _sensor(_TELEMETRY + "print-speed"),
            "flow": _sensor(_TELEMETRY + "print-flow"),
            "rpm_part": _sensor(_TELEMETRY + "fan-print"),
            "rpm_hotend": _sensor(_TELEMETRY + "fan-hotend"),
            "z": _sensor(_TELEMETRY + "z-height"),
            "material_0": _sensor(_TELEMETRY + "material"),
            "nozzle_0": _sensor(r"{stem}_info\.nozzle_diameter"),
            "button_cancel": _button(r"{stem}_printer\.cancel_job"),
            "button_pause": _button(r"{stem}_job\.pause_job"),
            "button_resume": _button(r"{stem}_job\.resume_job"),
            "picture": Entity(domain="camera", unique_id="{stem}_job_preview"),
        }
    ),
    maker="Prusa Research",
    heating_is_printing=True,
    job_comes_later=True,
)
