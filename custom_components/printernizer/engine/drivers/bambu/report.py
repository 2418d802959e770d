"""The merged report as a `PrinterStatus`, made anew only where something changed.

A printing machine sends a push each second, and nearly all of them touch three fields. So the
status is kept in groups, and a push costs the groups whose fields it changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...printer import PrinterState, PrinterStatus, Tool
from . import parts, trays
from .models import UNKNOWN_MODEL
from .payload import text, whole
from .problems import UNSIGNED_HMS, print_error, problems
from .stages import stage_key
from .state import StateReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .models import Model

type Group = Callable[[StatusBuilder, dict[str, Any]], None]


class StatusBuilder:
    """Keeps the status of one line."""

    def __init__(self, states: StateReader | None = None) -> None:
        self.states = states or StateReader()
        self.model: Model = UNKNOWN_MODEL
        self.boards: Mapping[str, trays.Board] = {}
        self.firmware: str | None = None
        self.refuses_commands = False
        """Latched: a reply or a complaint said that commands must be signed."""
        self._fields: dict[str, Any] = {"state": PrinterState.UNKNOWN}
        self._last: PrinterStatus | None = None
        self._dirty = True
        self._now = 0.0

    def build(
        self, report: dict[str, Any], changed: set[str] | None, now: float
    ) -> PrinterStatus | None:
        """Return the new status, or None when nothing worth telling has changed.

        `changed` are top-level keys; None rebuilds everything. `now` is monotonic seconds.
        """
        if changed is None:
            groups: Iterable[Group] = _ALL
            self.set("firmware", self.firmware)
        else:
            groups = {_GROUPS[key] for key in changed if key in _GROUPS}
            due = self.states.due
            if due is not None and now >= due:
                groups = {*groups, _state}
        self._now = now
        for group in groups:
            group(self, report)
        if not self._dirty:
            return None
        self._dirty = False
        self._last = PrinterStatus(**self._fields)
        return self._last

    @property
    def last(self) -> PrinterStatus | None:
        """The status last built."""
        return self._last

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The nozzles as last read."""
        tools: tuple[Tool, ...] = self._fields.get("tools", ())
        return tools

    def set(self, field: str, value: object) -> None:
        """Put a finished field into the status; whether it changed decides if one is made."""
        if self._fields.get(field, self) != value:
            self._fields[field] = value
            self._dirty = True

    def read_state(self, report: dict[str, Any]) -> PrinterState:
        """Return the unified state at the time of this push."""
        return self.states.read(report, self._now)


def _state(builder: StatusBuilder, report: dict[str, Any]) -> None:
    stage = stage_key(whole(report.get("stg_cur")))
    word = report.get("gcode_state")
    if stage == "printing" and word != "RUNNING":
        stage = None
    complaints = problems(report.get("hms"), print_error(report.get("print_error")))
    if any(problem.code == UNSIGNED_HMS for problem in complaints):
        builder.refuses_commands = True
    builder.set("stage", stage)
    builder.set("problems", complaints)
    builder.set("state", builder.read_state(report))
    _job(builder, report)
    _rights(builder, report)


def _job(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("job", parts.job(report))
    builder.set("transfer", parts.transfer(report))


def _rights(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("read_only", builder.refuses_commands or parts.unsigned_refused(report))


def _nozzle(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("tools", parts.tools(report))
    builder.set("active_tool", parts.active_tool(report))


def _nozzle_heat(builder: StatusBuilder, report: dict[str, Any]) -> None:
    """The commonest of all changes. With several nozzles the flat values say nothing new."""
    known = builder.tools
    if len(known) == 1:
        heat = parts.nozzle_heat(report)
        if heat != known[0].temperature:
            tool = Tool(
                index=0,
                temperature=heat,
                nozzle_diameter_mm=known[0].nozzle_diameter_mm,
                nozzle_type=known[0].nozzle_type,
            )
            builder.set("tools", (tool,))


def _bed(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("bed", parts.bed(report))


def _chamber(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("chamber", parts.chamber(report, builder.model))


def _fans(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("fans", parts.fans(report, builder.model))


def _speed(builder: StatusBuilder, report: dict[str, Any]) -> None:
    level = whole(report.get("spd_lvl"))
    builder.set("speed_percent", whole(report.get("spd_mag")))
    builder.set("speed_profile", None if level is None else parts.PROFILES.get(level))


def _trays(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("feeders", trays.feeders(report, builder.boards))
    builder.set("slots", trays.slots(report))


def _device(builder: StatusBuilder, report: dict[str, Any]) -> None:
    for group in (_nozzle, _bed, _chamber, _fans):
        group(builder, report)
    builder.set("slots", trays.slots(report))


def _wifi(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("wifi_dbm", parts.wifi_dbm(report))


def _flags(builder: StatusBuilder, report: dict[str, Any]) -> None:
    switch = whole(report.get("hw_switch_state"))
    builder.set("lights", parts.lights(report))
    builder.set("options", parts.options(report))
    builder.set("door_open", parts.door_open(report, builder.model))
    builder.set("filament_present", None if switch is None else bool(switch & 1))
    builder.set("storage_present", parts.storage_present(report))
    _wifi(builder, report)
    _rights(builder, report)


def _upgrade(builder: StatusBuilder, report: dict[str, Any]) -> None:
    builder.set("new_firmware", parts.new_firmware(report))
    _state(builder, report)


_GROUPS: Final[Mapping[str, Group]] = {
    **dict.fromkeys(
        ("gcode_state", "stg_cur", "print_error", "hms", "ams_status", "print_type"), _state
    ),
    **dict.fromkeys(
        (
            "mc_percent",
            "mc_remaining_time",
            "total_layer_num",
            "3D",
            "gcode_file",
            "subtask_name",
            "task_id",
            "subtask_id",
            "plate_idx",
            "gcode_file_prepare_percent",
        ),
        _job,
    ),
    "layer_num": _state,
    **dict.fromkeys(
        (
            "nozzle_diameter",
            "nozzle_type",
        ),
        _nozzle,
    ),
    **dict.fromkeys(("bed_temper", "bed_target_temper"), _bed),
    **dict.fromkeys(("nozzle_temper", "nozzle_target_temper"), _nozzle_heat),
    "chamber_temper": _chamber,
    "wifi_signal": _wifi,
    **dict.fromkeys(
        ("cooling_fan_speed", "big_fan1_speed", "big_fan2_speed", "heatbreak_fan_speed"), _fans
    ),
    **dict.fromkeys(("spd_lvl", "spd_mag"), _speed),
    **dict.fromkeys(("ams", "vt_tray", "vir_slot"), _trays),
    "device": _device,
    **dict.fromkeys(("lights_report", "home_flag", "cfg", "stat", "hw_switch_state"), _flags),
    **dict.fromkeys(("sdcard", "aux", "fun"), _flags),
    "upgrade_state": _upgrade,
}
"""Which group a field of the report belongs to. A field not named here changes no status."""
_ALL: Final = (_state, _job, _device, _speed, _trays, _flags, _upgrade)


def serial_of(modules: object) -> str | None:
    """Return the serial in a version report, where firmware fills it in."""
    module = _ota(modules)
    return text(module.get("sn")) if module else None


def firmware_of(modules: object) -> str | None:
    """Return the firmware shown to the user."""
    module = _ota(modules)
    return text(module.get("sw_ver")) if module else None


def _ota(modules: object) -> dict[str, Any] | None:
    if not isinstance(modules, list):
        return None
    return next(
        (item for item in modules if isinstance(item, dict) and item.get("name") == "ota"), None
    )
