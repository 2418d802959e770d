"""Models as files of other formats than STL."""

from __future__ import annotations

import json
import struct
import zipfile
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    type Triangles = NDArray[np.floating]

_TYPES: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
</Types>"""
_RELATIONS: Final = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Target="/3D/3dmodel.model" Id="rel0"
 Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>"""

_NOTHING: Final[Mapping[str, str]] = {}


def _joined(triangles: Triangles) -> tuple[Triangles, NDArray[np.integer]]:
    """Return corners, each once, and which of them every triangle has."""
    corners, which = np.unique(triangles.reshape(-1, 3).round(4), axis=0, return_inverse=True)
    return corners, which.reshape(-1, 3)


def wavefront(path: Path, triangles: Triangles) -> Path:
    """Write an OBJ."""
    corners, which = _joined(triangles)
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in corners]
    lines += [f"f {a} {b} {c}" for a, b, c in which + 1]
    path.write_text("\n".join(lines) + "\n")
    return path


def stl_text(path: Path, triangles: Triangles) -> Path:
    """Write an STL as text."""
    with path.open("w") as file:
        file.write("solid made by a formula\n")
        for corners in triangles.tolist():
            lines = "".join(f"vertex {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in corners)
            file.write(f"facet normal 0 0 0\nouter loop\n{lines}endloop\nendfacet\n")
        file.write("endsolid\n")
    return path


def off(path: Path, triangles: Triangles) -> Path:
    """Write an OFF."""
    corners, which = _joined(triangles)
    lines = ["OFF", f"{len(corners)} {len(which)} 0"]
    lines += [f"{x:.4f} {y:.4f} {z:.4f}" for x, y, z in corners]
    lines += [f"3 {a} {b} {c}" for a, b, c in which]
    path.write_text("\n".join(lines) + "\n")
    return path


def ply(path: Path, triangles: Triangles) -> Path:
    """Write a PLY, binary."""
    corners, which = _joined(triangles)
    faces = np.zeros(len(which), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, which
    head = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(corners)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(which)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.write_bytes(head.encode() + corners.astype("<f4").tobytes() + faces.tobytes())
    return path


def glb(path: Path, triangles: Triangles) -> Path:
    """Write a GLB: metres, and y points up."""
    corners, which = _joined(triangles)
    turned = (corners[:, [0, 2, 1]] * [1, 1, -1] / 1000).astype("<f4")
    body = turned.tobytes() + which.astype("<u4").tobytes()
    accessors = [
        {
            "bufferView": 0,
            "componentType": 5126,
            "count": len(corners),
            "type": "VEC3",
            "min": turned.min(axis=0).tolist(),
            "max": turned.max(axis=0).tolist(),
        },
        {"bufferView": 1, "componentType": 5125, "count": which.size, "type": "SCALAR"},
    ]
    said = json.dumps(
        {
            "asset": {"version": "2.0"},
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
            "accessors": accessors,
            "bufferViews": [
                {"buffer": 0, "byteOffset": 0, "byteLength": turned.nbytes},
                {"buffer": 0, "byteOffset": turned.nbytes, "byteLength": which.size * 4},
            ],
            "buffers": [{"byteLength": len(body)}],
        }
    ).encode()
    said += b" " * (-len(said) % 4)
    chunks = struct.pack("<I4s", len(said), b"JSON") + said
    chunks += struct.pack("<I4s", len(body), b"BIN\0") + body
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
    return path


type Part = tuple[Triangles, str, tuple[float, float, float]]
"""An object, its colour, and where it stands."""


def three_mf(path: Path, parts: Sequence[Part], more: Mapping[str, str] = _NOTHING) -> Path:
    """Write a 3MF of several objects, each in a colour and at a place. more: other members."""
    colours = "".join(
        f'<base name="{number}" displaycolor="{colour}"/>'
        for number, (_, colour, _) in enumerate(parts)
    )
    objects, items = [], []
    for number, (triangles, _, (x, y, z)) in enumerate(parts):
        corners, which = _joined(triangles)
        vertices = "".join(f'<vertex x="{a:.4f}" y="{b:.4f}" z="{c:.4f}"/>' for a, b, c in corners)
        faces = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in which)
        objects.append(
            f'<object id="{number + 2}" type="model" pid="1" pindex="{number}"><mesh>'
            f"<vertices>{vertices}</vertices><triangles>{faces}</triangles></mesh></object>"
        )
        items.append(f'<item objectid="{number + 2}" transform="1 0 0 0 1 0 0 0 1 {x} {y} {z}"/>')
    model = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<model unit="millimeter" xml:lang="en-US"'
        ' xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources>'
        f'<basematerials id="1">{colours}</basematerials>{"".join(objects)}</resources>'
        f"<build>{''.join(items)}</build></model>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELATIONS)
        archive.writestr("3D/3dmodel.model", model)
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def bambu_project(path: Path, plates: Sequence[Sequence[Part]], bed_mm: int) -> Path:
    """Write a project that is not sliced: its plates side by side on a grid, as Bambu lays it."""
    columns = int(np.ceil(np.sqrt(len(plates))))
    parts: list[Part] = []
    objects, laid_out = "", ""
    for number, plate in enumerate(plates):
        row, column = divmod(number, columns)
        laid_out += f'<plate><metadata key="plater_id" value="{number + 1}"/>'
        for triangles, colour, (x, y, z) in plate:
            at = (x + 1.2 * bed_mm * column, y - 1.2 * bed_mm * row, z)
            parts.append((triangles, colour, at))
            one = len(parts) + 1  # ids begin at 2: that of the colours is 1
            extruder = f'<metadata key="extruder" value="{len(parts)}"/>'
            objects += f'<object id="{one}">{extruder}</object>'
            laid_out += (
                f'<model_instance><metadata key="object_id" value="{one}"/>'
                '<metadata key="instance_id" value="0"/></model_instance>'
            )
        laid_out += "</plate>"
    settings = {
        "filament_colour": [colour for _, colour, _ in parts],
        "printable_area": ["0x0", f"{bed_mm}x0", f"{bed_mm}x{bed_mm}", f"0x{bed_mm}"],
    }
    more = {
        "Metadata/model_settings.config": f"<config>{objects}{laid_out}</config>",
        "Metadata/project_settings.config": json.dumps(settings),
    }
    return three_mf(path, parts, more)


def prusa_project(path: Path, parts: Sequence[Part]) -> Path:
    """Write a project in which every object is printed by a tool of its own."""
    objects = "".join(
        f'<object id="{number + 2}" instances_count="1">'
        f'<metadata type="object" key="name" value="{number}"/>'
        f'<metadata type="object" key="extruder" value="{number + 1}"/>'
        f'<volume firstid="0" lastid="{len(triangles) - 1}">'
        f'<metadata type="volume" key="extruder" value="{number + 1}"/></volume></object>'
        for number, (triangles, _, _) in enumerate(parts)
    )
    config = f'<?xml version="1.0" encoding="UTF-8"?>\n<config>{objects}</config>'
    return three_mf(path, parts, {"Metadata/Slic3r_PE_model.config": config})
