"""Sliced files to draw: our own models through PrusaSlicer, as text and in the boxes of others."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BED_MM: Final = 120
_ALWAYS: Final = (
    *("--gcode-flavor", "marlin2", "--use-relative-e-distances", "--layer-gcode", "G92 E0"),
    *("--bed-shape", f"0x0,{BED_MM}x0,{BED_MM}x{BED_MM},0x{BED_MM}"),
    *("--center", f"{BED_MM // 2},{BED_MM // 2}", "--layer-height", "0.2"),
    *("--start-gcode", "G28\nG1 X8 Y4 Z0.3\nG1 X100 E12\n", "--skirts", "1"),
    *("--filament-type", "PLA;PLA", "--nozzle-diameter", "0.4,0.4"),
    *("--filament-diameter", "1.75,1.75", "--filament-density", "1.24,1.24"),
)
HELD: Final = ("--support-material", "--support-material-threshold", "45")
ONE_TOOL: Final = (
    *("--filament-type", "PLA", "--nozzle-diameter", "0.4"),
    *("--filament-diameter", "1.75", "--filament-density", "1.24"),
)
SPIRAL: Final = (
    *("--spiral-vase", "--perimeters", "1", "--top-solid-layers", "0", "--fill-density", "0"),
)
OPEN: Final = ("--top-solid-layers", "0", "--skirts", "0")
SOLID_BY_SECOND: Final = (
    *("--solid-infill-extruder", "2", "--infill-extruder", "2", "--skirts", "0"),
)
_BLOCK_BYTES: Final = 64 << 10
_METADATA: Final = ((0, b"Producer=PrusaSlicer 2.8.0\n"), (3, b"printer_model=MINI\n"))
"""Of the file and of the printer: kinds of blocks, and what stands in them."""


def sliced(model: Path, *options: str, name: str = "") -> Path:
    """Slice a model with both tools of a machine at hand; `name` beside the model."""
    slicer = shutil.which("prusa-slicer")
    if slicer is None:
        raise SystemExit("prusa-slicer is missing: Debian's package of that name has it")
    target = model.with_name(f"{name or model.stem}.gcode")
    subprocess.run(
        [slicer, "--export-gcode", *_ALWAYS, *options, "-o", str(target), str(model)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return target


def binary(gcode: Path) -> Path:
    """Write G-code as binary G-code: deflated blocks with checksums."""
    text = gcode.read_bytes()
    target = gcode.with_suffix(".bgcode")
    with target.open("wb") as file:
        file.write(struct.pack("<4sIH", b"GCDE", 1, 1))
        for kind, said in _METADATA:
            file.write(_block(kind, said, compressed=False))
        for begin in range(0, len(text), _BLOCK_BYTES):
            file.write(_block(1, text[begin : begin + _BLOCK_BYTES], compressed=True))
    return target


def _block(kind: int, content: bytes, *, compressed: bool) -> bytes:
    stored = zlib.compress(content) if compressed else content
    block = struct.pack("<HHI", kind, int(compressed), len(content))
    block += struct.pack("<I", len(stored)) if compressed else b""
    block += b"\x00\x00" + stored
    return block + struct.pack("<I", zlib.crc32(block))


def boxed(target: Path, plates: Sequence[tuple[Path, Sequence[str]]]) -> Path:
    """Write sliced plates into one archive, as Bambu's slicers do.

    plates: their G-code, and the colours of its tools.
    """
    told = "".join(
        f'<plate><metadata key="index" value="{number}"/>'
        + "".join(
            f'<filament id="{place}" type="PLA" color="{colour}" used_m="1" used_g="3"/>'
            for place, colour in enumerate(colours, 1)
        )
        + "</plate>"
        for number, (_, colours) in enumerate(plates, 1)
    )
    area = [f"{x}x{y}" for x, y in ((0, 0), (BED_MM, 0), (BED_MM, BED_MM), (0, BED_MM))]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (gcode, _) in enumerate(plates, 1):
            archive.write(gcode, f"Metadata/plate_{number}.gcode")
        archive.writestr("Metadata/slice_info.config", f"<config>{told}</config>")
        archive.writestr("Metadata/project_settings.config", json.dumps({"printable_area": area}))
    return target
