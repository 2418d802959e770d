"""Feeders (AMS) and places for spools, out of the merged report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ...printer import Feeder, Slot
from .merge import tray_bit
from .payload import bits, mapping, number, objects, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXTERNAL: Final = "external"
SECOND_EXTERNAL: Final = "external_2"
_MODELS: Final = {
    1: "AMS",
    2: "AMS Lite",
    3: "AMS 2 Pro",
    4: "AMS HT",
    5: "AMS Lite",
}
"""By the low four bits of a unit's `info`."""
_MODULES: Final = {
    "ams": "AMS",
    "ams_f1": "AMS Lite",
    "n3f": "AMS 2 Pro",
    "n3s": "AMS HT",
}
"""By the name of the unit's board in the version report."""
_DRYERS: Final = frozenset({"AMS 2 Pro", "AMS HT"})
_NO_SENSOR: Final = frozenset({"AMS Lite"})
_MAIN_EXTERNAL_ID: Final = 255
_SECOND_EXTERNAL_ID: Final = 254
_NO_SLOT: Final = frozenset({0xFFFF, 0xFEFF})
_HT_FIRST: Final = 128
_HT_LAST: Final = 135
_SLOT_LIMIT: Final = 16
_UNIT_LIMIT: Final = 32
_COLOUR_DIGITS: Final = (6, 8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """What the version report says of a feeder's board."""

    model: str
    serial: str | None
    firmware: str | None


def boards(modules: object) -> dict[str, Board]:
    """Return the feeders' boards of a version report, by unit."""
    found = {}
    for module in objects(modules):
        kind, slash, unit = (text(module.get("name")) or "").partition("/")
        if slash and unit.isdecimal() and kind in _MODULES:
            found[unit] = Board(
                model=_MODULES[kind],
                serial=text(module.get("sn")),
                firmware=text(module.get("sw_ver")),
            )
    return found


def feeders(report: Mapping[str, Any], known: Mapping[str, Board]) -> tuple[Feeder, ...]:
    """Return the feeders."""
    return tuple(_feeder(key, unit, known.get(key)) for key, unit in _units(report))


def _feeder(key: str, unit: dict[str, Any], board: Board | None) -> Feeder:
    model = _MODELS.get((bits(unit.get("info")) or 0) & 0xF) or (board.model if board else None)
    celsius = None if model in _NO_SENSOR else number(unit.get("temp"))
    minutes = whole(unit.get("dry_time"))
    level = whole(unit.get("humidity"))
    return Feeder(
        key=key,
        model=model,
        serial=board.serial if board else None,
        firmware=board.firmware if board else None,
        humidity_percent=_between(whole(unit.get("humidity_raw")), 0, 100),
        humidity_level=None if model in _NO_SENSOR else _between(level, 1, 5),
        temperature_c=celsius,
        drying_left=timedelta(minutes=minutes)
        if model in _DRYERS and minutes is not None and 0 <= minutes < 1 << 16
        else None,
    )


def _between(value: int | None, low: int, high: int) -> int | None:
    return value if value is not None and low <= value <= high else None


def slots(report: Mapping[str, Any]) -> tuple[Slot, ...]:
    """Return every place for a spool: the feeders' first, then the external holders."""
    active = active_slot(report)
    ams = mapping(report.get("ams"))
    exist = bits(ams.get("tray_exist_bits"))
    found = []
    for key, unit in _units(report):
        for tray in objects(unit.get("tray"))[:_SLOT_LIMIT]:
            index = whole(tray.get("id"))
            if index is None or not 0 <= index < _SLOT_LIMIT:
                continue
            gone = exist is not None and not exist >> tray_bit(int(key), index) & 1
            name = f"{key}_{index}"
            found.append(_slot(name, key, index, tray, active=active == name, gone=gone))
    for index, (name, tray) in enumerate(_external(report)):
        found.append(_slot(name, None, index, tray, active=active == name, gone=None))
    return tuple(found)


def _units(report: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for unit in objects(mapping(report.get("ams")).get("ams"))[:_UNIT_LIMIT]:
        key = whole(unit.get("id"))
        if key is not None and 0 <= key < 256:
            yield str(key), unit


def _external(report: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    virtual = objects(report.get("vir_slot"))
    if virtual:
        for tray in sorted(virtual, key=lambda tray: -(whole(tray.get("id")) or 0)):
            match whole(tray.get("id")):
                case 255:
                    yield EXTERNAL, tray
                case 254:
                    yield (SECOND_EXTERNAL if len(virtual) > 1 else EXTERNAL), tray
        return
    tray = mapping(report.get("vt_tray"))
    if tray:
        yield EXTERNAL, tray


def tray_of(report: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return what the printer says of the place with this key; empty when it has none."""
    for unit, feeder in _units(report):
        for tray in objects(feeder.get("tray"))[:_SLOT_LIMIT]:
            if f"{unit}_{whole(tray.get('id'))}" == key:
                return tray
    return dict(_external(report)).get(key, {})


def _slot(
    key: str,
    unit: str | None,
    index: int,
    tray: dict[str, Any],
    *,
    active: bool,
    gone: bool | None,
) -> Slot:
    if gone or (unit is not None and tray.keys() <= {"id", "state"}):
        return Slot(key=key, unit=unit, index=index, empty=True)
    tag = _tag(tray)
    remain = whole(tray.get("remain"))
    material = text(tray.get("tray_type"))
    return Slot(
        key=key,
        unit=unit,
        index=index,
        empty=None if unit is None and material is None else False,
        material=material,
        name=text(tray.get("tray_sub_brands")),
        colour=_colour(tray.get("tray_color")) if material else None,
        remaining=remain / 100
        if tag is not None and remain is not None and 0 <= remain <= 100
        else None,
        active=active,
        spool_tag=tag,
    )


def _tag(tray: dict[str, Any]) -> str | None:
    for key in ("tray_uuid", "tag_uid"):
        value = text(tray.get(key))
        if value is not None and value.strip("0"):
            return value[:64]
    return None


def _colour(value: object) -> str | None:
    digits = text(value)
    if digits is None or len(digits) not in _COLOUR_DIGITS or bits(digits) is None:
        return None
    digits = digits.upper()
    return "#" + (digits[:6] if digits.endswith("FF") or len(digits) == 6 else digits)


def active_slot(report: Mapping[str, Any]) -> str | None:
    """Return the key of the slot that feeds the active tool, or None.

    New firmware says it per extruder (high byte unit, low byte slot), older firmware as one
    number for the whole machine.
    """
    extruder = mapping(mapping(report.get("device")).get("extruder"))
    fitted = objects(extruder.get("info"))
    if fitted:
        current = (whole(extruder.get("state")) or 0) >> 4 & 0xF
        chosen = next((item for item in fitted if whole(item.get("id")) == current), fitted[0])
        now = whole(chosen.get("snow"))
        if now is not None:
            return _slot_of_word(now, doubled=len(fitted) > 1)
    return _slot_of_number(whole(mapping(report.get("ams")).get("tray_now")))


def _slot_of_word(word: int, *, doubled: bool) -> str | None:
    if word in _NO_SLOT or not 0 <= word <= 0xFFFF:
        return None
    unit, slot = word >> 8, word & 0xFF
    if unit == _MAIN_EXTERNAL_ID:
        return EXTERNAL if slot == 0 else None
    if unit == _SECOND_EXTERNAL_ID:
        return (SECOND_EXTERNAL if doubled else EXTERNAL) if slot == 0 else None
    return f"{unit}_{slot}"


def _slot_of_number(value: int | None) -> str | None:
    if value is None or value < 0:
        return None
    if value == _SECOND_EXTERNAL_ID:
        return EXTERNAL
    if _HT_FIRST <= value <= _HT_LAST:
        return f"{value}_0"
    return f"{value // 4}_{value % 4}" if value < _HT_FIRST else None
