"""Which spool feeds which filament, in the printer's numbers. Pure.

A slot has three numbers. Flat: unit * 4 + slot, the unit's own number for a single slot (AMS HT,
128 and up), the slot alone for the feeder built into an A2L (unit 16). As a pair: unit and slot.
And the external holders, 255 (the only one, or the right nozzle's) and 254 (the left nozzle's),
which have no flat number: there they read -1, and the pair says where.
Source: BambuStudio's DevMapping and SelectMachine, as two independent clients describe them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from .trays import SECOND_EXTERNAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...printer import Slot

_FIRST_SINGLE: Final = 128
_BUILT_IN: Final = 16
MAIN_EXTERNAL: Final = 255
LEFT_EXTERNAL: Final = 254
_NOWHERE: Final = -1
_UNUSED: Final = (255, 255)
_OLD_EXTERNAL: Final = 254
_MOST_FILAMENTS: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where the filaments of a plate come from, in the slicer's order."""

    flat: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...] | None
    """(unit, slot); None leaves the field out, which older firmware does not know."""
    feeder: bool
    """Whether any comes out of a feeder. A true `use_ams` without one is an error (07FF_8012)."""


def unit_and_slot(slot: Slot) -> tuple[int, int]:
    """Return the pair of a slot."""
    if slot.unit is None:
        return (LEFT_EXTERNAL if slot.key == SECOND_EXTERNAL else MAIN_EXTERNAL), 0
    return int(slot.unit), slot.index


def flat_number(slot: Slot) -> int:
    """Return the flat number of a slot; -1 for an external holder."""
    unit, index = unit_and_slot(slot)
    if slot.unit is None:
        return _NOWHERE
    if unit >= _FIRST_SINGLE:
        return unit
    return index if unit == _BUILT_IN else unit * 4 + index


def load_numbers(slot: Slot, *, dual: bool) -> tuple[int, int, int]:
    """Return (unit, slot, target) of a load command.

    The only external holder of a machine is slot and target 254 (tried by others on an A1);
    with two nozzles it is slot 0 of its unit. The target is the flat number, and the unit's own
    number from 16 up.
    """
    unit, index = unit_and_slot(slot)
    if slot.unit is None and not dual:
        return unit, _OLD_EXTERNAL, _OLD_EXTERNAL
    return unit, index, unit if unit >= _BUILT_IN else unit * 4 + index


def find(slots: Iterable[Slot], key: str) -> Slot:
    """Return the slot with this key. Raises Refused(key="slot_empty") when nothing is in it."""
    slot = next((slot for slot in slots if slot.key == key), None)
    if slot is None or slot.empty:
        raise Refused(f"there is no filament in slot {key[:20]}", key="slot_empty")
    return slot


def chosen(slots: Sequence[Slot], keys: Sequence[str | None]) -> Sources:
    """Return the mapping that takes filament n from the slot named n-th.

    Raises Refused: "slot_empty" for a slot without filament, "out_of_range" for more filaments
    than a printer can tell apart or none at all.
    """
    if not any(keys) or len(keys) > _MOST_FILAMENTS:
        raise Refused("between one and 16 filaments", key="out_of_range")
    picked = [None if key is None else find(slots, key) for key in keys]
    return Sources(
        flat=tuple(_NOWHERE if slot is None else flat_number(slot) for slot in picked),
        pairs=tuple(_UNUSED if slot is None else unit_and_slot(slot) for slot in picked),
        feeder=any(slot is not None and slot.unit is not None for slot in picked),
    )


def in_order(slots: Iterable[Slot]) -> Sources:
    """Return the mapping without anybody's choice: filament n is taken from the n-th slot.

    What else could be meant stands in the file, which the printer has and we have not. When no
    feeder holds a spool the external one is used.
    """
    fed = [slot for slot in slots if slot.unit is not None]
    if all(slot.empty for slot in fed):
        return Sources(flat=(_OLD_EXTERNAL,), pairs=None, feeder=False)
    return Sources(
        flat=tuple(flat_number(slot) for slot in fed)[:_MOST_FILAMENTS], pairs=None, feeder=True
    )
