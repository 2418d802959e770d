"""Home Assistant's own OctoPrint integration, as of 2026.10 and 2026.11.

It polls every 30 s, state and job in one go. While OctoPrint has no printer connected the state
is unavailable and the job is not. It knows no end of a job: a job that is done leaves the printer
"operational" with 100 per cent, a cancelled one with less. Its unique ids hold OctoPrint's own
uuid, first or last.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ..engine.printer import PrinterState, Severity
from .source import Condition, Entity, Nuance, Source

OCTOPRINT: Final = Source(
    domain="octoprint",
    title="OctoPrint",
    words=MappingProxyType(
        {
            "operational": PrinterState.IDLE,
            "starting": PrinterState.PREPARING,
            "starting_sd": PrinterState.PREPARING,
            "printing": PrinterState.PRINTING,
            "printing_sd": PrinterState.PRINTING,
            "resuming": PrinterState.PRINTING,
            "finishing": PrinterState.PRINTING,
            "cancelling": PrinterState.PRINTING,
            "pausing": PrinterState.PAUSED,
            "paused": PrinterState.PAUSED,
            "starting_streaming": PrinterState.BUSY,
            "printing_streaming": PrinterState.BUSY,
            "transferring_file": PrinterState.BUSY,
            "open_serial": PrinterState.BUSY,
            "detect_serial": PrinterState.BUSY,
            "connecting": PrinterState.BUSY,
            "offline": PrinterState.OFFLINE,
            "error": PrinterState.FAILED,
            "offline_after_error": PrinterState.FAILED,
        }
    ),
    complaints=MappingProxyType({"error": Severity.FATAL, "offline_after_error": Severity.FATAL}),
    nuances=(
        Nuance(
            state=PrinterState.IDLE,
            becomes=PrinterState.FINISHED,
            when=(Condition(key="progress", at_least=100.0),),
        ),
    ),
    entities=MappingProxyType(
        {
            "state": Entity(domain="sensor", unique_id="Current State-{stem}"),
            "name": Entity(domain="sensor", unique_id="Current File-{stem}"),
            "progress": Entity(domain="sensor", unique_id="Job Percentage-{stem}"),
            "start": Entity(domain="sensor", unique_id="Start Time-{stem}"),
            "finish": Entity(domain="sensor", unique_id="Estimated Finish Time-{stem}"),
            "tool_{n}": Entity(
                domain="sensor", unique_id=r"actual tool(?P<n>\d{{1,2}}) temp-{stem}"
            ),
            "tool_{n}_target": Entity(
                domain="sensor", unique_id=r"target tool(?P<n>\d{{1,2}}) temp-{stem}"
            ),
            "bed": Entity(domain="sensor", unique_id="actual bed temp-{stem}"),
            "bed_target": Entity(domain="sensor", unique_id="target bed temp-{stem}"),
            "chamber": Entity(domain="sensor", unique_id="actual chamber temp-{stem}"),
            "chamber_target": Entity(domain="sensor", unique_id="target chamber temp-{stem}"),
            "heater_tool_{n}": Entity(
                domain="number", unique_id=r"{stem}_tool(?P<n>\d{{1,2}})_temperature"
            ),
            "heater_bed": Entity(domain="number", unique_id="{stem}_bed_temperature"),
            "button_pause": Entity(domain="button", unique_id="Pause Job-{stem}"),
            "button_resume": Entity(domain="button", unique_id="Resume Job-{stem}"),
            "button_cancel": Entity(domain="button", unique_id="Stop Job-{stem}"),
            "camera_camera": Entity(domain="camera", unique_id="{stem}"),
        }
    ),
    names_model=False,
    identifier_is_serial=True,
    heating_is_printing=True,
    state_gone_is_offline=True,
)
