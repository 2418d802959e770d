"""Models as files of other formats than STL."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
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


def three_mf(
    path: Path, parts: Sequence[tuple[Triangles, str, tuple[float, float, float]]]
) -> Path:
    """Write a 3MF of several objects, each in a colour and at a place."""
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
    return path
