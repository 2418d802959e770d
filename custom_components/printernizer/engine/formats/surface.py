"""Opens the surface of a model, whatever kind of file it is in, and says what it measures."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import BadFile
from ..file import FileKind, MeshFacts
from .model_3mf import Model3mf
from .obj import Obj
from .other_mesh import OtherMesh
from .sniff import HEAD_BYTES, sniff
from .stl import Stl

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .mesh import Mesh

    type Axis = NDArray[np.float32]
    type Words = NDArray[np.uint64]

_LARGE_BYTES: Final = 16 << 20
"""Made and let go once, this much teaches the allocator of glibc to keep what is let go. Else it
returns every larger array to the system: a hundred thousand page faults for a million triangles,
a fifth of the time."""
_LOT: Final = 1 << 13
"""Triangles measured at once: their arrays stay in the processor's cache."""
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_AXES: Final = (
    np.uint64(0xD6E8FEB86659FD93),
    np.uint64(0xA0761D6478BD642F),
    np.uint64(0xE7037ED1A0B428DB),
)
"""Odd and otherwise arbitrary: they tell corners apart, whoever knows them gains nothing."""


def open_mesh(path: Path, *, plate: int | None = None) -> Mesh:
    """Open the surface in a model. Not on the event loop.

    plate: of a project with several, from 1; None: the first with something on it.
    Raises BadFile for what is broken, hostile, not there, or not a model. All kinds but STL are
    held in memory, 20 to 50 bytes for each triangle.
    """
    np.empty(_LARGE_BYTES, np.uint8)
    try:
        return _open(path, plate)
    except OSError as err:
        raise BadFile(f"{path.name}: {err.strerror}", key="file_unreadable") from err


def _open(path: Path, plate: int | None) -> Mesh:
    if not stat.S_ISREG(path.stat().st_mode):
        # Before it is opened: a pipe would not come back.
        raise BadFile(f"{path.name} is not a file", key="file_unreadable")
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD_BYTES), path.stat().st_size, path.name)
    match kind:
        case FileKind.STL:
            return Stl(path)
        case FileKind.THREEMF:
            return Model3mf(path, plate)
        case FileKind.OBJ:
            return Obj(path)
        case FileKind.OTHER_MESH:
            return OtherMesh(path)
    raise BadFile(f"{path.name}: it is not a model")


def mesh_facts(mesh: Mesh, *, closed: bool = True) -> MeshFacts:
    """Measure a surface: one walk over it, in constant memory. Raises BadFile.

    closed: whether to look for holes, which takes as long as all the rest. Without, the volume is
    what it would be if there were none.
    """
    measure = _Measure(closed=closed)
    for patch in mesh.patches():
        measure.dropped += patch.dropped
        for begin in range(0, len(patch.corners), _LOT):
            measure.add(patch.corners[begin : begin + _LOT])
    return measure.facts(mesh.parts)


@dataclass(slots=True)
class _Measure:
    """What was seen of a surface so far."""

    closed: bool
    triangles: int = 0
    dropped: int = 0
    lowest: Axis = field(default_factory=lambda: np.full(3, np.inf, np.float32))
    highest: Axis = field(default_factory=lambda: np.full(3, -np.inf, np.float32))
    origin: Axis = field(default_factory=lambda: np.zeros(3, np.float32))
    """Volumes are measured from here: far from the surface they would drown in roundings."""
    double_area: float = 0.0
    six_volumes: float = 0.0
    edges: int = 0
    """0 when every edge has as many twins that run the other way: modulo 2**64."""
    odd_edges: int = 0
    """0 when every edge occurs an even number of times."""

    def add(self, corners: NDArray[np.float32]) -> None:
        """Take another patch into account."""
        if not self.triangles:
            self.origin = corners[0, 0].copy()
        self.triangles += len(corners)
        # By axis and corner, since numpy is slow on rows of three.
        axes = np.ascontiguousarray(corners.transpose(2, 1, 0))
        self.lowest = np.minimum(self.lowest, axes.min(axis=(1, 2)))
        self.highest = np.maximum(self.highest, axes.max(axis=(1, 2)))
        if self.closed:
            self._match(axes)
        self._spread(axes)

    def _spread(self, axes: NDArray[np.float32]) -> None:
        """Add area and volume."""
        axes -= self.origin[:, None, None]
        x, y, z = axes[:, 0]
        ux, uy, uz = axes[:, 1] - axes[:, 0]
        vx, vy, vz = axes[:, 2] - axes[:, 0]
        nx, ny, nz = uy * vz, uz * vx, ux * vy
        nx -= uz * vy
        ny -= ux * vz
        nz -= uy * vx
        x *= nx
        x += y * ny
        x += z * nz
        self.six_volumes += float(np.sum(x, dtype=np.float64))
        nx *= nx
        nx += ny * ny
        nx += nz * nz
        self.double_area += float(np.sum(np.sqrt(nx, out=nx), dtype=np.float64))

    def _match(self, axes: NDArray[np.float32]) -> None:
        """Add the edges: each as a number that its twin takes away again.

        A closed surface has every edge as often one way as the other. Which edge is which is told
        by the bits of its ends, so that nothing has to be kept; two different sums of some millions
        of 64 bits are alike once in 10**19.
        """
        # -0.0 and 0.0 are the same place with different bits.
        bits = (axes + np.float32(0)).view(np.uint32)
        ends = [_names(bits[:, corner]) for corner in range(3)]
        for begin, end in ((0, 1), (1, 2), (2, 0)):
            edge = ends[begin] * ends[end]
            edge *= ends[begin] != ends[end]
            self.odd_edges ^= int(np.bitwise_xor.reduce(edge))
            self.edges -= int(np.sum(edge))
            edge *= ends[begin] < ends[end]
            self.edges += 2 * int(np.sum(edge))

    def facts(self, parts: int) -> MeshFacts:
        """Return what was measured. Raises BadFile for nothing."""
        oriented = self.edges % (1 << 64) == 0
        return MeshFacts(
            triangles=self.triangles,
            size_mm=_three(self.highest - self.lowest),
            lowest_mm=_three(self.lowest),
            area_mm2=self.double_area / 2,
            volume_mm3=abs(self.six_volumes) / 6 if oriented else None,
            watertight=self.odd_edges == 0 if self.closed else None,
            parts=parts,
            dropped=self.dropped,
        )


def _names(bits: NDArray[np.uint32]) -> Words:
    """Return a number for each of n places, (3, n), equal where the places are."""
    names: Words = bits[0].astype(np.uint64)
    names *= _AXES[0]
    for axis in (1, 2):
        part = bits[axis].astype(np.uint64)
        part *= _AXES[axis]
        names += part
    names ^= names >> np.uint64(32)
    names *= _MIX
    names ^= names >> np.uint64(29)
    return names


def _three(values: Axis) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z
