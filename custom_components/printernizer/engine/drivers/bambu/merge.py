"""The report of a printer, put together from full and partial pushes.

A key that a partial push leaves out is unchanged, never cleared. Lists of objects with an id
are merged by it, other lists are replaced. The exception are trays: one that comes with nothing
but its id was emptied, and its old fields must go, or a ghost spool stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .bounds import trim
from .payload import bits, objects, state_word

if TYPE_CHECKING:
    from collections.abc import Iterable

_MANY: Final = 40
"""More keys than any partial push was seen to carry."""
_DEPTH: Final = 12
_LOOK_AFTER: Final = 1 << 16
"""Bytes: twice the longest full report seen."""
_REPLACED: Final = frozenset({"hms", "stg", "s_obj", "lights_report"})
_TRAY_SKELETON: Final = frozenset({"id", "state"})
_HT_FIRST: Final = 128
_HT_UNIT_BIT: Final = 4
_LITE_UNIT: Final = 16
_LITE_UNIT_BIT: Final = 12
_STATE: Final = "gcode_state"
_MISSING: Final = object()


def is_full(push: dict[str, Any]) -> bool:
    """Whether a push holds everything the printer says.

    `msg` tells where there is one; older captures have none and are told by their size.
    """
    kind = push.get("msg")
    if kind is not None:
        return bool(kind == 0)
    return (
        len(push) > _MANY
        and _STATE in push
        and "nozzle_temper" in push
        and ("ams" in push or "vt_tray" in push or "vir_slot" in push)
    )


def unit_bit(unit: int) -> int:
    """Return the bit of a feeder in `ams_exist_bits`."""
    if unit >= _HT_FIRST:
        return _HT_UNIT_BIT + unit - _HT_FIRST
    return _LITE_UNIT_BIT if unit == _LITE_UNIT else unit


def tray_bit(unit: int, slot: int) -> int:
    """Return the bit of a slot in `tray_exist_bits`."""
    if unit >= _HT_FIRST:
        return 16 + unit - _HT_FIRST
    return (24 if unit == _LITE_UNIT else unit * 4) + slot


class Report:
    """What a printer last said, as one object.

    `merge` takes pushes; `hold` shields a field for a while after a command, since the next
    pushes may still carry its old value.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.complete = False
        """Whether a full push has been seen: before it, silence means nothing."""
        self._held: dict[str, tuple[float, Any]] = {}
        self._grown = 0

    def grow(self, size: int, *, full: bool) -> bool:
        """Note that a push of `size` bytes was merged; whether something had to be cut.

        Looking through everything costs as much as a full report, so it waits until as much
        came in as could have made a difference.
        """
        self._grown = size if full else self._grown + size
        return self._grown > _LOOK_AFTER and self.trim()

    def trim(self) -> bool:
        """Cut what is kept down to its limits; whether something had to go."""
        self._grown = 0
        return trim(self.values)

    def merge(self, push: dict[str, Any], now: float) -> set[str]:
        """Take a push in. Returns the top-level keys whose value changed.

        `now` is monotonic seconds. The push is taken over and must not be used afterwards.
        """
        if self._held:
            self._shield(push, now)
        if is_full(push):
            return self._replace(push)
        if _STATE in push and state_word(push[_STATE]) is None:
            del push[_STATE]
        values = self.values
        changed = set()
        for key, new in push.items():
            old = values.get(key, _MISSING)
            if old is new or (old.__class__ is new.__class__ and old == new):
                continue
            if new.__class__ is dict and old.__class__ is dict:
                if _merge_object(old, new, key, 0):
                    changed.add(key)
            elif new.__class__ is list and old.__class__ is list:
                merged = _merge_list(old, new, key, 0)
                if merged != old:
                    values[key] = merged
                    changed.add(key)
            else:
                values[key] = new
                changed.add(key)
        return changed

    def _replace(self, push: dict[str, Any]) -> set[str]:
        old = self.values
        self.complete = True
        if _STATE in old and state_word(push.get(_STATE)) is None:
            # It is always in some state: one that is left out has not ended.
            push[_STATE] = old[_STATE]
        ams, before = push.get("ams"), old.get("ams")
        if isinstance(ams, dict) and isinstance(before, dict) and "ams" not in ams:
            _merge_object(before, ams, "ams", 0)
            push["ams"] = before
        for key in self._held:
            if key not in push and key in old:
                push[key] = old[key]
        changed = {key for key, new in push.items() if old.get(key, _MISSING) != new}
        changed.update(key for key in old if key not in push)
        if push.get("ams") is before and before is not None:
            changed.add("ams")
        self.values = push
        return changed

    def hold(self, key: str, value: object, until: float) -> None:
        """Set a field to what was commanded and shield it until a moment.

        What comes in meanwhile is kept aside; the last of it counts when the time is up.
        """
        self._held[key] = (until, _MISSING)
        if value is not None:
            self.values[key] = value

    def release(self, now: float) -> set[str]:
        """Drop shields whose time is up. Returns the keys that changed by it."""
        changed = set()
        for key, (until, kept) in list(self._held.items()):
            if now < until:
                continue
            del self._held[key]
            if kept is not _MISSING and self.values.get(key) != kept:
                self.values[key] = kept
                changed.add(key)
        return changed

    @property
    def held(self) -> bool:
        """Whether any field is shielded."""
        return bool(self._held)

    def _shield(self, push: dict[str, Any], now: float) -> None:
        for key, (until, _) in list(self._held.items()):
            if key not in push:
                continue
            if now >= until:
                del self._held[key]
            elif push[key] != self.values.get(key):
                self._held[key] = (until, push.pop(key))
                if key in self.values and is_full(push):
                    push[key] = self.values[key]


def _merge_object(old: dict[str, Any], new: dict[str, Any], name: str, depth: int) -> bool:
    """Merge `new` into `old` in place; whether anything changed."""
    if name == "ams" and depth == 0 and _is_power_off_artefact(old, new):
        return False
    changed = False
    for key, value in new.items():
        before = old.get(key, _MISSING)
        if isinstance(value, dict) and isinstance(before, dict) and depth < _DEPTH:
            changed |= _merge_object(before, value, key, depth + 1)
        elif isinstance(value, list) and isinstance(before, list) and depth < _DEPTH:
            merged = _merge_list(before, value, key, depth + 1)
            if merged != before:
                old[key] = merged
                changed = True
        elif before is _MISSING or before != value:
            old[key] = value
            changed = True
    if name == "ams" and depth == 0 and "ams_exist_bits" in new:
        changed |= _drop_removed_units(old)
    return changed


def _merge_list(old: list[Any], new: list[Any], name: str, depth: int) -> list[Any]:
    if name in _REPLACED or not new or not old or depth >= _DEPTH or not _by_id(new, old):
        return new
    merged = {item["id"]: item for item in old}
    for item in new:
        before = merged.get(item["id"])
        if before is None or (name == "tray" and item.keys() <= _TRAY_SKELETON):
            merged[item["id"]] = item
            continue
        fresh = _copied(before, depth)
        _merge_object(fresh, item, name, depth + 1)
        merged[item["id"]] = fresh
    return list(merged.values())


def _copied(item: dict[str, Any], depth: int) -> dict[str, Any]:
    """Copy, as deep as merging goes, so that the caller can tell whether the list changed."""
    return {
        key: _copied(value, depth + 1) if isinstance(value, dict) and depth < _DEPTH else value
        for key, value in item.items()
    }


def _by_id(*lists: Iterable[Any]) -> bool:
    return all(
        isinstance(item, dict) and isinstance(item.get("id"), (str, int))
        for items in lists
        for item in items
    )


def _is_power_off_artefact(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Just before it loses power a printer says that all its trays are gone."""
    return (
        new.get("power_on_flag") is False
        and "ams" not in new
        and bits(new.get("ams_exist_bits")) == 0
        and bits(new.get("tray_exist_bits")) == 0
        and bool(bits(old.get("ams_exist_bits")))
    )


def _drop_removed_units(ams: dict[str, Any]) -> bool:
    present = bits(ams.get("ams_exist_bits"))
    units = ams.get("ams")
    if present is None or not isinstance(units, list):
        return False
    kept = [unit for unit in objects(units) if present >> unit_bit(_unit_number(unit)) & 1]
    if len(kept) == len(units):
        return False
    ams["ams"] = kept
    return True


def _unit_number(unit: dict[str, Any]) -> int:
    try:
        return max(0, min(1000, int(unit.get("id", 0))))
    except TypeError, ValueError:
        return 0
