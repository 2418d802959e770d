"""Pieces of a status out of the merged report: job, heat, fans, switches. Pure."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ...printer import CurrentJob, Fan, Temperature, Tool, Transfer
from .models import Door
from .payload import bits, mapping, number, objects, packed, text, whole
from .state import JOB_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .models import Model

PROFILES: Final = {1: "silent", 2: "standard", 3: "sport", 4: "ludicrous"}
LIGHT: Final = "chamber_light"
_PLATE: Final = re.compile(r"plate_(\d{1,3})\.gcode")
_RAM_DISK: Final = "/data/"
_SHORTEST_ID: Final = 9
"""Digits. Jobs over the LAN carry "0" or a short number that comes again; real ids are longer."""
_HOURLESS: Final = frozenset({"IDLE", "INIT", "SLICING", "PREPARE"})
_NO_SENSOR_C: Final = 5.0
_PACKED_FROM: Final = 500.0
_FAN_STEPS: Final = 15
_FANS: Final = (
    ("part", "cooling_fan_speed"),
    ("auxiliary", "big_fan1_speed"),
    ("chamber", "big_fan2_speed"),
    ("heatbreak", "heatbreak_fan_speed"),
)
_DUCTS: Final = {1: "part", 2: "auxiliary", 3: "chamber", 10: "auxiliary_2"}
_DOOR_BIT: Final = 23
_WIRED_BIT: Final = 18
_WIRED_DBM: Final = -90
_OPTION_BITS: Final = (
    ("auto_recovery", 4, 16),
    ("auto_switch_filament", 10, 18),
    ("sound", 17, 22),
    ("filament_tangle", 20, 23),
)
"""Key, bit in `home_flag`, bit in `cfg`."""
_TANGLE_SUPPORTED_BIT: Final = 19
_NOZZLE_TYPES: Final = {"00": "stainless_steel", "01": "hardened_steel", "05": "tungsten_carbide"}


def job(report: Mapping[str, Any]) -> CurrentJob | None:
    """Return the job the printer speaks of, or None."""
    word = (text(report.get("gcode_state")) or "").upper()
    if word not in JOB_WORDS:
        return None
    percent = whole(report.get("mc_percent"))
    if word in _HOURLESS or percent is None or not 0 <= percent <= 100:
        percent = 0 if word in _HOURLESS else None
    file = text(report.get("gcode_file"))
    solid = mapping(report.get("3D"))
    layers = whole(report.get("total_layer_num")) or whole(solid.get("total_layer_num"))
    layer = whole(report.get("layer_num"))
    return CurrentJob(
        id=_job_id(report),
        name=text(report.get("subtask_name")) or _file_name(file),
        path=None if file is None or file.startswith(_RAM_DISK) else file,
        plate=_plate(report, file),
        progress=None if percent is None else percent / 100,
        layer=layer if layer is not None and layer >= 0 else None,
        layers=layers if layers and layers > 0 else None,
        remaining=_remaining(report, word, percent),
        origin=_origin(report),
    )


def _job_id(report: Mapping[str, Any]) -> str | None:
    for key in ("task_id", "subtask_id"):
        value = text(report.get(key))
        if value and value.isdecimal() and len(value.lstrip("0")) >= _SHORTEST_ID:
            return value[:32]
    return None


def _file_name(file: str | None) -> str | None:
    return None if file is None or file.startswith(_RAM_DISK) else file.rsplit("/", 1)[-1]


def _plate(report: Mapping[str, Any], file: str | None) -> int | None:
    found = _PLATE.search(file or "")
    if found:
        return int(found[1])
    plate = whole(report.get("plate_idx"))
    return plate if plate is not None and 0 < plate < 1000 else None


def _remaining(report: Mapping[str, Any], word: str, percent: int | None) -> timedelta | None:
    minutes = whole(report.get("mc_remaining_time"))
    if word in _HOURLESS or minutes is None or not 0 <= minutes < 1 << 20:
        return None
    if minutes == 0 and word in {"RUNNING", "PAUSE"} and (percent or 0) < 99:
        return None
    return timedelta(minutes=minutes)


def _origin(report: Mapping[str, Any]) -> str | None:
    kind = text(report.get("print_type"))
    return kind if kind in {"cloud", "local"} else None


def transfer(report: Mapping[str, Any]) -> Transfer | None:
    """Return the download of a cloud job; jobs from the LAN never move it."""
    percent = whole(report.get("gcode_file_prepare_percent"))
    if (
        text(report.get("gcode_state")) not in {"PREPARE", "SLICING"}
        or report.get("print_type") != "cloud"
        or percent is None
        or not 0 <= percent < 100
    ):
        return None
    return Transfer(name=text(report.get("subtask_name")), progress=percent / 100)


def _rounded(value: object) -> float | None:
    if isinstance(value, float) and -1e4 < value < 1e4:
        return round(value, 1)
    result = number(value)
    return None if result is None else round(result, 1)


def nozzle_heat(report: Mapping[str, Any]) -> Temperature:
    """Return the temperature of the only nozzle."""
    return Temperature(
        actual_c=_rounded(report.get("nozzle_temper")),
        target_c=_rounded(report.get("nozzle_target_temper")),
    )


def tools(report: Mapping[str, Any]) -> tuple[Tool, ...]:
    """Return the nozzles. With several, each has its own packed temperature."""
    device = mapping(report.get("device"))
    fitted = objects(mapping(device.get("extruder")).get("info"))
    nozzles = _nozzles(mapping(device.get("nozzle")).get("info"))
    if len(fitted) < 2:
        heat = nozzle_heat(report)
        diameter, kind = nozzles.get(0, (None, None))
        return (
            Tool(
                index=0,
                temperature=heat,
                nozzle_diameter_mm=diameter or _rounded(report.get("nozzle_diameter")),
                nozzle_type=kind or _nozzle_type(report.get("nozzle_type")),
            ),
        )
    found = {}
    for item in fitted:
        index = whole(item.get("id"))
        if index is None or not 0 <= index < 16:
            continue
        pair = packed(item.get("temp")) or (None, None)
        diameter, kind = nozzles.get(index, (None, None))
        found[index] = Tool(
            index=index,
            temperature=Temperature(actual_c=pair[0], target_c=pair[1]),
            nozzle_diameter_mm=diameter,
            nozzle_type=kind,
        )
    return tuple(found[index] for index in sorted(found))


def _nozzles(info: object) -> dict[int, tuple[float | None, str | None]]:
    """Diameter and type by id. An older form is an object keyed by it."""
    items = objects(info)
    if isinstance(info, dict):
        items = [{"id": key, **value} for key, value in info.items() if isinstance(value, dict)]
    found = {}
    for item in items:
        index = whole(item.get("id"))
        if index is not None:
            found[index] = (_rounded(item.get("diameter")), _nozzle_type(item.get("type")))
    return found


def _nozzle_type(value: object) -> str | None:
    word = text(value)
    if word is None or len(word) != 4 or not word[2:].isdigit():
        return word
    kind = _NOZZLE_TYPES.get(word[2:], word)
    return f"{kind}_high_flow" if word[1] == "H" else kind


def active_tool(report: Mapping[str, Any]) -> int | None:
    """Return the number of the nozzle in use."""
    extruder = mapping(mapping(report.get("device")).get("extruder"))
    if len(objects(extruder.get("info"))) < 2:
        return 0
    state = whole(extruder.get("state"))
    return None if state is None else state >> 4 & 0xF


def bed(report: Mapping[str, Any]) -> Temperature:
    """Return the heated bed."""
    actual = _rounded(report.get("bed_temper"))
    target = _rounded(report.get("bed_target_temper"))
    if actual is None:
        device = mapping(report.get("device"))
        heat = packed(mapping(mapping(device.get("bed")).get("info")).get("temp"))
        if heat is not None:
            return Temperature(actual_c=heat[0], target_c=heat[1])
    return Temperature(actual_c=actual, target_c=target)


def chamber(report: Mapping[str, Any], model: Model) -> Temperature | None:
    """Return the chamber, or None where nothing measures it.

    P1 and A1 have no sensor and say 5. A value beyond any oven is packed.
    """
    device = mapping(report.get("device"))
    inner = packed(mapping(mapping(device.get("ctc")).get("info")).get("temp"))
    actual = _rounded(report.get("chamber_temper"))
    if not model.chamber_sensor and inner is None and actual in {None, _NO_SENSOR_C}:
        return None
    target: float | None = None
    if actual is None or actual > _PACKED_FROM:
        heat = inner if actual is None else packed(actual)
        if heat is None:
            return None
        actual, target = heat
    elif inner is not None:
        target = inner[1]
    if model.chamber_max_c is None:
        target = None
    return Temperature(actual_c=actual, target_c=target)


def fans(report: Mapping[str, Any], model: Model) -> tuple[Fan, ...]:
    """Return the fans with their speed in per cent."""
    found = {}
    for key, field in _FANS:
        steps = whole(report.get(field))
        if steps is not None and (key == "heatbreak" or key in model.fans):
            steps = max(0, min(_FAN_STEPS, steps))
            found[key] = min(100, math.ceil(steps / _FAN_STEPS * 10) * 10)
    ducts = mapping(mapping(report.get("device")).get("airduct"))
    for part in objects(ducts.get("parts")):
        name = _DUCTS.get((whole(part.get("id")) or 0) >> 4)
        state = whole(part.get("state"))
        if name is not None and state is not None:
            found[name] = max(0, min(100, state & 0xFF))
    return tuple(Fan(key=key, percent=value) for key, value in found.items())


def lights(report: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    """Return the chamber lamp. Its second half on large models is switched with it."""
    for entry in objects(report.get("lights_report")):
        if entry.get("node") == LIGHT:
            return ((LIGHT, text(entry.get("mode")) in {"on", "flashing"}),)
    return ()


def options(report: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    """Return the switchable options whose state the printer tells."""
    flags, words = bits(report.get("home_flag")), bits(report.get("cfg"))
    if flags is None:
        return ()
    found = []
    for key, flag_bit, word_bit in _OPTION_BITS:
        if key == "filament_tangle" and not flags >> _TANGLE_SUPPORTED_BIT & 1:
            continue
        on = flags >> flag_bit & 1 if words is None else words >> word_bit & 1
        found.append((key, bool(on)))
    return tuple(found)


def door_open(report: Mapping[str, Any], model: Model) -> bool | None:
    """Return whether the door is open, where the model has a sensor."""
    if model.door is None:
        return None
    field = bits(report.get("home_flag" if model.door is Door.HOME_FLAG else "stat"))
    return None if field is None else bool(field >> _DOOR_BIT & 1)


def wifi_dbm(report: Mapping[str, Any]) -> int | None:
    """Return the signal. A printer on a cable sends a placeholder: None.

    Bit 18 of `home_flag` alone does not mean a cable: captures on Wi-Fi carry it too.
    """
    value = text(report.get("wifi_signal"))
    strength = whole(value.removesuffix("dBm")) if value else None
    if strength is None or not -150 < strength < 0:
        return None
    wired = (bits(report.get("home_flag")) or 0) >> _WIRED_BIT & 1
    return None if wired and strength == _WIRED_DBM else strength


def storage_present(report: Mapping[str, Any]) -> bool | None:
    """Return whether a card or stick is there."""
    word = bits(report.get("aux"))
    if word is not None:
        return (word >> 12 & 3) == 1
    value = report.get("sdcard")
    if isinstance(value, str):
        return value.upper() not in {"NO_SDCARD", "FALSE", ""}
    return value if isinstance(value, bool) else None


def new_firmware(report: Mapping[str, Any]) -> str | None:
    """Return the version that waits to be installed."""
    upgrade = mapping(report.get("upgrade_state"))
    if whole(upgrade.get("new_version_state")) != 1:
        return None
    for entry in objects(upgrade.get("new_ver_list")):
        if entry.get("name") == "ota":
            return text(entry.get("new_ver"))
    return text(upgrade.get("ota_new_version_number"))


def unsigned_refused(report: Mapping[str, Any]) -> bool:
    """Whether the printer says that commands must be signed: Developer Mode is off."""
    word = report.get("fun")
    return isinstance(word, str) and bool((bits(word) or 0) >> 29 & 1)
