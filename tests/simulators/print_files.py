"""Real slicer files for simulated printers: the bytes, and what printing them takes.

Read with plain regular expressions and nothing of the integration's own readers: what a file
truly needs must not depend on the code that is held against it.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Final
from xml.sax.saxutils import quoteattr

from custom_components.printernizer.engine.drivers.virtual.machine import PlateFacts, VirtualFile

FOLDER: Final = Path(__file__).parent.parent / "fixtures" / "files"
_UNITS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PLATE: Final = re.compile(r"Metadata/plate_(\d+)\.gcode")


def plain_files(folder: str = "/") -> tuple[VirtualFile, ...]:
    """Return the plain G-code files, as they lie on a PrusaLink printer."""
    return tuple(_read(path, folder) for path in sorted(FOLDER.glob("*.gcode")))


def boxed_files(folder: str = "/") -> tuple[VirtualFile, ...]:
    """Return the `.gcode.3mf` files, as they lie on a Bambu printer."""
    return tuple(_read(path, folder) for path in sorted(FOLDER.glob("*.gcode.3mf")))


def _read(path: Path, folder: str) -> VirtualFile:
    content = path.read_bytes()
    return VirtualFile(
        path=folder + path.name,
        content=content,
        modified=path.stat().st_mtime,
        plates=plates_in(content),
    )


def object_number(index: int) -> int:
    """Return the `identify_id` of an object of a plate: any number, never its place."""
    return 69 + 32 * index


def boxed(*plates: PlateFacts, labelled: bool = True, padding: bytes = b"") -> bytes:
    """Return a sliced 3MF that names the objects of its plates, as the maker's slicer does."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for plate in plates:
            archive.writestr(f"Metadata/plate_{plate.number}.gcode", b"G28\n" + padding)
        archive.writestr(
            "Metadata/slice_info.config",
            "<?xml version='1.0' encoding='UTF-8'?>\n<config>"
            + "".join(_slice_info(plate, labelled=labelled) for plate in plates)
            + "</config>",
        )
    return made.getvalue()


def _slice_info(plate: PlateFacts, *, labelled: bool) -> str:
    facts = {"index": plate.number, "label_object_enabled": str(labelled).lower()}
    return (
        "<plate>"
        + "".join(f"<metadata key={quoteattr(k)} value='{v}'/>" for k, v in facts.items())
        + "".join(
            f"<object identify_id='{object_number(index)}' name={quoteattr(name)} skipped='false'/>"
            for index, name in enumerate(plate.objects)
        )
        + "</plate>"
    )


def plates_in(content: bytes) -> tuple[PlateFacts, ...]:
    """Return what a print file would print. Raises ValueError when the slicer did not say."""
    if not content.startswith(b"PK"):
        return (plate_of(content.decode(errors="replace")),)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: found for name in archive.namelist() if (found := _PLATE.fullmatch(name))}
        return tuple(
            plate_of(archive.read(name).decode(errors="replace"), int(found[1]))
            for name, found in sorted(members.items())
        )


def plate_of(gcode: str, number: int = 1) -> PlateFacts:
    """Return what the comments of PrusaSlicer say. Raises ValueError when one is missing."""
    time = _said(gcode, r"estimated printing time \(normal mode\)")
    return PlateFacts(
        number=number,
        seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([dhms])", time)),
        layers=gcode.count("\n;LAYER_CHANGE"),
        layer_height_mm=float(_said(gcode, "layer_height")),
        mass_g=tuple(float(part) for part in _said(gcode, r"filament used \[g\]").split(",")),
        tool_c=float(_said(gcode, "temperature").split(",")[0]),
        bed_c=float(_said(gcode, "bed_temperature").split(",")[0]),
        material=_said(gcode, "filament_type").split(";")[0],
    )


def _said(gcode: str, key: str) -> str:
    found = re.search(rf"^; {key} = (.+)$", gcode, re.MULTILINE)
    if found is None:
        raise ValueError(f"the slicer did not say {key}")
    return found[1].strip()
