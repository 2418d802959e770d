"""How much a file lays down, by tool, layer and role, beside what its slicer says."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..extrusion import Extrusion, ToolExtrusion
from ..file import MODELS, FilamentFacts, FileKind, PlateFacts
from .facts import read_facts
from .feed import Account
from .source import blocks

if TYPE_CHECKING:
    from pathlib import Path

    from ..account import Role

_USUAL_DIAMETER_MM: Final = 1.75


def read_extrusion(path: Path, plate: int | None = None) -> Extrusion:
    """Measure a plate of a file; without a number the first one.

    Reads it all, in constant memory and some 10 ms per MB: not on the event loop, and rather in a
    process of its own. Raises BadFile.
    """
    facts = read_facts(path)
    if facts.kind is None or facts.kind in MODELS:
        raise BadFile(f"{path.name}: nothing that can be printed")
    if facts.kind is not FileKind.THREEMF and plate not in {None, 1}:
        raise BadFile(f"{path.name}: plate {plate} of a file that has one")
    said = facts.plate(plate) or PlateFacts(number=plate or 1)
    account = Account(path.name)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for text, begin, end in blocks(file, size, path.name, facts.kind, plate):
                account.read(text, begin, end)
    except OSError as err:
        raise BadFile(f"{path.name}: {err.strerror}", key="file_unreadable") from err
    filaments = {filament.index: filament for filament in said.filaments}
    return Extrusion(
        plate=said.number,
        layers=len(account.ends) or None,
        tools=tuple(
            _tool(number, layers, roles, filaments.get(number), volumetric=account.volumetric)
            for number, (layers, roles) in account.tools.items()
        ),
        print_time=said.print_time,
        ends=(*account.ends, 1.0) if account.ends else (),
        objects=account.objects if said.objects is None else said.objects,
    )


def _tool(
    number: int,
    layers: tuple[float, ...],
    roles: tuple[tuple[Role, float], ...],
    filament: FilamentFacts | None,
    *,
    volumetric: bool,
) -> ToolExtrusion:
    known = filament or FilamentFacts(index=number)
    if volumetric:
        area = math.pi * ((known.diameter_mm or _USUAL_DIAMETER_MM) / 2) ** 2
        layers = tuple(length / area for length in layers)
        roles = tuple((role, length / area) for role, length in roles)
    return ToolExtrusion(
        tool=number,
        layers_mm=layers,
        roles_mm=roles,
        diameter_mm=known.diameter_mm,
        density_g_cm3=known.density_g_cm3,
        material=known.material,
        estimate_mm=known.used_mm,
        estimate_g=known.used_g,
    )
