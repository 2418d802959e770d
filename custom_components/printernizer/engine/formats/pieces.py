"""The things on a plate and where they stand, as text G-code and its settings name them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ..file import PieceFacts
from ..names import without_tricks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .remarks import Remarks

MOST: Final = 500
"""Pieces that are named; a plate of more is counted only."""
_NAME_LIMIT: Final = 200
_FARTHEST_MM: Final = 100_000.0
_DEFINED: Final = re.compile(r"\nEXCLUDE_OBJECT_DEFINE ([^\n]{1,16384})")
_NAME: Final = re.compile(r"\bNAME=('[^']*'|\"[^\"]*\"|\S+)")
_POLYGON: Final = re.compile(r"\bPOLYGON=(\[\[[-\d., \[\]e]*\]\])")
_PRINTING: Final = re.compile(
    r"\n; printing object ([^\n]{1,1000}?) id:(\d{1,9}) copy (\d{1,9})(?=\n)"
)
_MESH: Final = re.compile(r"\n;(?:MESH|PRINTING):([^\n]{1,1000})")
_NO_MESH: Final = frozenset({"NONMESH", "Non-Object", "Non Object"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """What is said of the pieces of a plate."""

    named: tuple[PieceFacts, ...] = ()
    count: int | None = None
    box_mm: tuple[float, float, float, float] | None = None
    """Lowest x and y, highest x and y of what they cover."""


NONE_NAMED: Final = Pieces()


def pieces_in(settings: Mapping[str, str], remarks: Remarks | None = None) -> Pieces:
    """Return what a list in the settings says, or what stands between the commands."""
    said = settings.get("objects_info")
    if said is not None and (found := _listed(said)) is not NONE_NAMED:
        return found
    return NONE_NAMED if remarks is None else _marked(remarks)


def _listed(said: str) -> Pieces:
    """Read PrusaSlicer's list: JSON with names and outlines."""
    try:
        objects = json.loads(said)["objects"]
    except ValueError, TypeError, KeyError, RecursionError:
        return NONE_NAMED
    if not isinstance(objects, list) or not objects:
        return NONE_NAMED
    known = [one for one in objects if isinstance(one, dict)]
    return Pieces(
        named=named((None, one.get("name")) for one in known),
        count=len(objects),
        box_mm=box_of(one.get("polygon") for one in known),
    )


def _marked(remarks: Remarks) -> Pieces:
    """Read Klipper's definitions, or what comes with the first layer."""
    head = remarks.head
    # Looking for a word first takes a tenth of the time that looking for a pattern does.
    if "\nEXCLUDE_OBJECT_DEFINE " in head and (defined := _DEFINED.findall(head)):
        return _defined(defined)
    if not remarks.whole and not _has_second_layer(head):
        # Others may come after what was read.
        return NONE_NAMED
    if "\n; printing object " in head and (found := _PRINTING.findall(head)):
        copies = dict.fromkeys(found)
        return Pieces(named=named((None, name) for name, _, _ in copies), count=len(copies))
    if "\n;MESH:" in head or "\n;PRINTING:" in head:
        meshes = dict.fromkeys(name.strip() for name in _MESH.findall(head))
        return Pieces(named=named((None, name) for name in meshes if name not in _NO_MESH))
    return NONE_NAMED


def _has_second_layer(head: str) -> bool:
    return "\n;LAYER:1\n" in head or head.count("\n;LAYER_CHANGE\n") > 1


def _defined(definitions: list[str]) -> Pieces:
    names: list[str] = []
    outlines = []
    for definition in definitions:
        if name := _NAME.search(definition):
            names.append(name[1].strip("'\""))
        if (outline := _outline(definition)) is not None:
            outlines.append(outline)
    return Pieces(
        named=named((name, name) for name in names), count=len(names), box_mm=box_of(outlines)
    )


def _outline(definition: str) -> Any:
    found = _POLYGON.search(definition)
    try:
        return json.loads(found[1] if found else "")
    except ValueError, RecursionError:
        return None


def named(
    found: Iterable[tuple[object, object]], *, skipped: bool = False
) -> tuple[PieceFacts, ...]:
    """Return pieces from pairs of an id and a name; those without a name are left out."""
    return tuple(
        PieceFacts(name=name, id=_clean(own_id), skipped=skipped)
        for own_id, said in islice(found, MOST)
        if (name := _clean(said)) is not None
    )


def _clean(said: object) -> str | None:
    """Return the last part of a path without tricks."""
    if not isinstance(said, str):
        return None
    last = said.replace("\\", "/").rsplit("/", 1)[-1]
    clean = without_tricks(last[:_NAME_LIMIT]).strip()
    return clean or None


def box_of(outlines: Iterable[Any]) -> tuple[float, float, float, float] | None:
    """Return what outlines cover: lowest x and y, highest x and y; None where one is none."""
    xs: list[float] = []
    ys: list[float] = []
    for outline in outlines:
        for point in outline if isinstance(outline, list) else [None]:
            if not (isinstance(point, list) and len(point) == 2 and all(map(_is_place, point))):
                return None
            xs.append(float(point[0]))
            ys.append(float(point[1]))
    return (min(xs), min(ys), max(xs), max(ys)) if xs else None


def _is_place(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and abs(value) <= _FARTHEST_MM
