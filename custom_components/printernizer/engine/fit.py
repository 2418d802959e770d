"""Whether a file suits a printer: model, nozzle and material, where both sides say.

What either does not say is no objection. An objection can be overridden by a person, and then
stands in the ledger.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .file import FilamentFacts, FileFacts, PlateFacts
    from .printer import PrinterIdentity, PrinterStatus, Slot


class Objection(StrEnum):
    """Why a file does not suit. The values are keys of `errors.KEYS`."""

    MACHINE = "wrong_machine"
    NOZZLE = "wrong_nozzle"
    MATERIAL = "wrong_material"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mismatch:
    """One thing in which a file and a printer contradict each other."""

    objection: Objection
    wanted: str
    """What the file was made for."""
    found: str
    """What the printer has."""

    @property
    def reason(self) -> str:
        """Both sides, for a person."""
        return f"{self.wanted}, not {self.found}"


MODELS: Final[Mapping[str, tuple[str, ...]]] = {
    "A1": ("N2S",),
    "A1 mini": ("N1",),
    "A2L": ("N9",),
    "H2C": ("O1C", "O1C2"),
    "H2D": ("O1D",),
    "H2D Pro": ("O1E", "O2D"),
    "H2S": ("O1S",),
    "P1P": ("C11",),
    "P1S": ("C12",),
    "P2S": ("N7",),
    "X1": ("BL-P002",),
    "X1 Carbon": ("BL-P001", "X1C"),
    "X1E": ("C13",),
    "X2D": ("N6",),
    "MK2.5": ("MK2.5S", "MK2.5MMU2", "MK2.5SMMU2S", "I3MK25", "I3MK25S"),
    "MK3": ("MK3S", "MK3S+", "MK3S & MK3S+", "MK3MMU2", "MK3SMMU2S", "MK3SMMU3", "I3MK3S"),
    "MK3.5": ("MK3.5S", "MK3.5MMU3", "MK3.5SMMU3"),
    "MK4": ("MK4IS", "MK4MMU3", "MK4ISMMU3", "MK3.9", "MK3.9MMU3"),
    "MK4S": ("MK4SMMU3", "MK3.9S", "MK3.9SMMU3"),
    "MINI": ("MINI+", "MINI & MINI+", "MINIIS"),
    "XL": ("XLIS", "XL2", "XL2IS", "XL5", "XL5IS", "XL Dev Kit"),
    "iX": (),
    "CORE One": ("CORE One+", "CORE One & CORE One+", "COREONEMMU3"),
    "CORE One L": ("COREONELMMU3",),
}
"""Models, and what else slicers and printers call each. One group is what the makers let print the
same file: a G-code for an MK4 runs on an MK3.9, one for an MK4S on neither without a word.

Sources: codes in Bambu Studio's `resources/printers`, 2025; `printer_model` of PrusaSlicer's
PrusaResearch bundle 2.x; groups of `printer_model.hpp` in Prusa-Firmware-Buddy 6.x."""

_MAKERS: Final = re.compile(r"^(original\s+)?(prusa|bambu\s*lab|bambulab)\s+(i3\s+)?")
_NOZZLE: Final = re.compile(r"\s+(hf\s*)?\d(\.\d+)?\s*(mm)?\s*nozzle$")
_VARIANT: Final = re.compile(r"\s*(input shaper|mmu[23]s?|\(?hf\)?)$")


def _squashed(name: str) -> str:
    """Reduce a name to what tells models apart: no maker, no nozzle, no blanks."""
    short = _NOZZLE.sub("", _MAKERS.sub("", name.strip().casefold()))
    return re.sub(r"[\s_-]+", "", _VARIANT.sub("", short))


_CANONICAL: Final = {
    _squashed(name): model for model, names in MODELS.items() for name in (model, *names)
}


def model_of(name: str | None) -> str | None:
    """Return which model of `MODELS` a name means, however it is spelt; None for no known one."""
    return None if name is None else _CANONICAL.get(_squashed(name[:200]))


FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "PLA": ("PLA+", "PLAPLUS", "PLAPRO", "HTPLA", "PLAHT", "LWPLA", "PLAAERO", "PLASILK", "SILK"),
    "PETG": ("PETG+", "PETGPLUS", "PCTG", "COPE"),
    "PETCF": ("PETGF", "PET17CF"),
    "ABS": ("ABS+", "ABSPLUS"),
    "ASA": ("ASA+", "ASAAERO"),
    "PA": ("NYLON", "PA6", "PA11", "PA12", "PAHT", "PA66", "PA612"),
    "PC": ("PCABS", "PCPBT", "PCBLEND"),
    "TPU": ("FLEX", "TPE", "TPUAMS", "TPU85A", "TPU90A", "TPU95A", "TPU95AHF", "TPU98A"),
    "PP": (),
    "PE": (),
    "PVA": ("BVOH",),
    "PVB": (),
    "HIPS": (),
    "PPS": (),
    "PPA": (),
    "PEEK": (),
    "PEI": ("ULTEM", "PEI1010", "PEI9085"),
    "POM": (),
    "EVA": (),
    "PHA": (),
}
"""Materials, and what else each is called. Within a family a print may look wrong; between two of
them it does not stick, or clogs the nozzle. Plain "PET" is in none: PrusaSlicer long wrote it for
PETG."""

_FAMILY_OF: Final = {
    alias: family for family, names in FAMILIES.items() for alias in (family, *names)
}
_FILLED: Final = re.compile(r"(CF|GF|AF|KF)\d{0,2}$|(WOOD|METAL|MARBLE|GLOW|MATTE|SPARKLE)$")


def family_of(material: str | None) -> str | None:
    """Return the family of a material: "PA6-CF" is a PA. None for one that is not known."""
    if material is None:
        return None
    name = re.sub(r"[\s_-]+", "", material[:50]).upper()
    return _FAMILY_OF.get(name) or _FAMILY_OF.get(_FILLED.sub("", name))


def mismatches(
    facts: FileFacts,
    plate: int | None,
    identity: PrinterIdentity | None,
    status: PrinterStatus | None,
    slots: Sequence[str | None] = (),
) -> tuple[Mismatch, ...]:
    """Return all in which a plate of a file (the first without a number) contradicts a printer.

    slots: where each filament is to come from, as in `JobControl.start`.
    """
    found = [*_machine(facts, identity)]
    chosen = facts.plate(plate)
    if chosen is not None and status is not None:
        found += [*_nozzle(chosen, status), *_materials(chosen, status, slots)]
    return tuple(found)


def _machine(facts: FileFacts, identity: PrinterIdentity | None) -> Iterator[Mismatch]:
    wanted = model_of(facts.printer_model)
    found = None if identity is None else model_of(identity.model)
    if wanted is not None and found is not None and wanted != found:
        yield Mismatch(objection=Objection.MACHINE, wanted=wanted, found=found)


def _nozzle(plate: PlateFacts, status: PrinterStatus) -> Iterator[Mismatch]:
    there = {tool.nozzle_diameter_mm for tool in status.tools}
    if not there or None in there:
        return
    known = {round(size, 2) for size in there if size is not None}
    for wanted in plate.nozzles_mm:
        if round(wanted, 2) not in known:
            sizes = ", ".join(f"{size:g} mm" for size in sorted(known))
            yield Mismatch(objection=Objection.NOZZLE, wanted=f"{wanted:g} mm", found=sizes)


def _materials(
    plate: PlateFacts, status: PrinterStatus, slots: Sequence[str | None]
) -> Iterator[Mismatch]:
    for filament in plate.filaments:
        where, loaded = _loaded_for(filament, plate, status, slots)
        wanted, there = family_of(filament.material), family_of(loaded)
        if wanted is not None and there is not None and wanted != there:
            yield Mismatch(
                objection=Objection.MATERIAL,
                wanted=filament.material or wanted,
                found=f"{loaded}{where}",
            )


def _loaded_for(
    filament: FilamentFacts, plate: PlateFacts, status: PrinterStatus, slots: Sequence[str | None]
) -> tuple[str, str | None]:
    """Return where a filament would come from and what is there, if both can be known."""
    if filament.index < len(slots) and (key := slots[filament.index]) is not None:
        slot = next((slot for slot in status.slots if slot.key == key), None)
        return f" ({key})", _material_in(slot)
    if slots or len(plate.filaments) != 1:
        return "", None
    if len(status.slots) == 1:
        return "", _material_in(status.slots[0])
    if len(status.tools) == 1 and not status.slots:
        return "", status.tools[0].material
    return "", None


def _material_in(slot: Slot | None) -> str | None:
    return None if slot is None or slot.empty else slot.material
