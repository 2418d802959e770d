"""What a source's entities show, as one status."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ..engine.printer import (
    ACTIVE,
    CurrentJob,
    Fan,
    PrinterState,
    PrinterStatus,
    Problem,
    Severity,
    Temperature,
    Tool,
    Transfer,
)
from .source import HOST_STATE
from .spools import feeders_of, slots_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .readings import Readings
    from .source import Source

ENDED: Final = frozenset({PrinterState.FINISHED, PrinterState.FAILED, PrinterState.CANCELLED})
_PLATE: Final = re.compile(r"plate_(\d{1,3})\.gcode$")
_ORIGINS: Final = frozenset({"cloud", "local"})
_SEVERITIES: Final = {severity.value: severity for severity in Severity}
_PROBLEMS: Final = 64
_TOOLS: Final = 16


def status_of(
    source: Source,
    readings: Readings,
    state: PrinterState,
    known: CurrentJob | None,
    firmware: str | None,
) -> PrinterStatus:
    """Return the printer at this moment.

    known: the job as last shown; a source may go silent on it in a pause, or when it ends.
    """
    card = readings.text("card")
    return PrinterStatus(
        state=state,
        stage=_stage(source, readings, state),
        job=_job(readings, state, known),
        tools=_tools(readings),
        bed=_temperature(readings, "bed"),
        chamber=_temperature(readings, "chamber"),
        fans=_fans(readings),
        speed_percent=readings.whole("speed"),
        flow_percent=readings.whole("flow"),
        speed_profile=readings.text("profile"),
        feeders=feeders_of(readings),
        slots=slots_of(readings),
        problems=tuple(_problems(source, readings))[:_PROBLEMS],
        lights=_switches(readings, "light_"),
        outlets=_switches(readings, "outlet_"),
        queued=readings.whole("queued"),
        door_open=readings.on("door"),
        filament_present=_filament(readings),
        wifi_dbm=readings.whole("wifi"),
        storage_present=None if card is None else card != "missing",
        usage=readings.duration("usage"),
        transfer=_transfer(readings, state),
        firmware=firmware,
        new_firmware=_new_firmware(readings),
        z_mm=readings.millimetres("z"),
        read_only=source.no_buttons_is_read_only
        and not any(readings.all("button_"))
        and not any(key.startswith("button_") for key in readings.bindings.disabled),
    )


def _stage(source: Source, readings: Readings, state: PrinterState) -> str | None:
    return None if state is PrinterState.OFFLINE else source.stages.get(readings.word_of("stage"))


def _job(readings: Readings, state: PrinterState, known: CurrentJob | None) -> CurrentJob | None:
    if state not in ACTIVE and state not in ENDED:
        return None
    name, path = readings.text("name"), readings.text("path")
    said = name is not None or path is not None
    origin = readings.text("origin")
    shown = CurrentJob(
        name=name,
        path=path,
        plate=_plate(path),
        progress=readings.share("progress"),
        layer=readings.whole("layer"),
        layers=readings.whole("layers"),
        remaining=readings.duration("remaining") or readings.until("finish"),
        elapsed=readings.duration("elapsed") or readings.since("start"),
        origin=origin if origin in _ORIGINS else None,
        filament_mm=readings.millimetres("filament"),
    )
    if known is not None and not said and state is not PrinterState.PREPARING:
        shown = _completed(shown, known)
    if state is PrinterState.FINISHED:
        return replace(shown, progress=1.0, remaining=timedelta(0))
    if state in ENDED:
        return replace(shown, remaining=None)
    return shown


def _completed(shown: CurrentJob, known: CurrentJob) -> CurrentJob:
    """Return what is shown, with what was known of the same job where nothing is said."""
    return CurrentJob(
        id=known.id,
        name=known.name,
        path=known.path,
        plate=known.plate,
        progress=known.progress if shown.progress is None else shown.progress,
        layer=known.layer if shown.layer is None else shown.layer,
        layers=known.layers if shown.layers is None else shown.layers,
        remaining=known.remaining if shown.remaining is None else shown.remaining,
        elapsed=known.elapsed if shown.elapsed is None else shown.elapsed,
        origin=known.origin if shown.origin is None else shown.origin,
        filament_mm=known.filament_mm if shown.filament_mm is None else shown.filament_mm,
    )


def _plate(path: str | None) -> int | None:
    found = _PLATE.search(path) if path is not None else None
    return None if found is None else int(found[1])


def _tools(readings: Readings) -> tuple[Tool, ...]:
    numbers = {
        int(rest)
        for prefix in ("tool_", "nozzle_", "material_")
        for _, rest, _ in readings.all(prefix)
        if rest.isdecimal() and int(rest) < _TOOLS
    }
    return tuple(
        Tool(
            index=index,
            temperature=_temperature(readings, f"tool_{index}") or Temperature(),
            nozzle_diameter_mm=readings.millimetres(f"nozzle_{index}"),
            nozzle_type=readings.text(f"nozzle_type_{index}"),
            material=_material(readings.text(f"material_{index}")),
        )
        for index in sorted(numbers)
    )


def _material(text: str | None) -> str | None:
    """Return a material; dashes mean that none is known."""
    return None if text is None or not text.strip("- ") else text


def _temperature(readings: Readings, key: str) -> Temperature | None:
    actual, target = readings.celsius(key), readings.celsius(f"{key}_target")
    return (
        None if actual is None and target is None else Temperature(actual_c=actual, target_c=target)
    )


def _fans(readings: Readings) -> tuple[Fan, ...]:
    keys = {rest for prefix in ("fan_", "rpm_", "set_fan_") for _, rest, _ in readings.all(prefix)}
    fans = (
        Fan(key=key, percent=_fan_percent(readings, key), rpm=readings.whole(f"rpm_{key}"))
        for key in sorted(keys)
    )
    return tuple(fan for fan in fans if fan.percent is not None or fan.rpm is not None)


def _fan_percent(readings: Readings, key: str) -> int | None:
    for place in (f"fan_{key}", f"set_fan_{key}"):
        value = readings.whole(place)
        if value is None:
            said = readings.attribute(place, "percentage")
            value = said if isinstance(said, int) else None
        if value is not None:
            return min(100, max(0, value))
    return None


def _problems(source: Source, readings: Readings) -> Iterator[Problem]:
    for key in ("state", HOST_STATE):
        word = readings.text(key)
        if word is not None and (severity := source.complaints.get(word)) is not None:
            message = "host_message" if key == HOST_STATE else "message"
            yield Problem(code=word.upper(), text=readings.text(message), severity=severity)
    if readings.on("hms"):
        for number in range(1, _PROBLEMS):
            if (code := readings.text_attribute("hms", f"{number}-Code")) is None:
                break
            yield Problem(
                code=code,
                text=readings.text_attribute("hms", f"{number}-Error"),
                severity=_SEVERITIES.get(
                    readings.text_attribute("hms", f"{number}-Severity") or "", Severity.SERIOUS
                ),
            )
    code = readings.text_attribute("error", "code") if readings.on("error") else None
    if code is not None and (source.cancel is None or code not in source.cancel.codes):
        yield Problem(code=code, text=readings.text_attribute("error", "error"))


def _switches(readings: Readings, prefix: str) -> tuple[tuple[str, bool], ...]:
    found = ((rest, readings.on(key)) for key, rest, _ in readings.all(prefix))
    return tuple((key, on) for key, on in found if on is not None)


def _filament(readings: Readings) -> bool | None:
    """Return whether all sensors see filament."""
    said = [readings.on(key) for key, _, bound in readings.all("filament_") if bound]
    known = [on for on in said if on is not None]
    return all(known) if known else None


def _transfer(readings: Readings, state: PrinterState) -> Transfer | None:
    share = readings.share("transfer")
    if state is not PrinterState.PREPARING or share is None or share >= 1.0:
        return None
    return Transfer(name=readings.text("name"), progress=share)


def _new_firmware(readings: Readings) -> str | None:
    return (
        readings.text_attribute("new_firmware", "latest_version")
        if readings.on("new_firmware")
        else None
    )
