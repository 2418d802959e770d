"""Models of kinds that another library reads, where it is installed: PLY, OFF, GLB.

It trusts its files more than we do, so it is given small ones only, and only in a process that has
a limit of memory and time.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..errors import BadFile
from .mesh import WHOLE, Patch, cuts, patch, something
from .sniff import HEAD_BYTES, other_kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .mesh import Share

_LARGEST: Final = 64 << 20
"""Bytes of a file: a million triangles and more."""
_MOST_TRIANGLES: Final = 5_000_000
_GLB_MM: Final = 1000.0
"""Its unit is the metre, and its y points up."""


def readable() -> bool:
    """Return whether these kinds can be read here."""
    return find_spec("trimesh") is not None


class OtherMesh:
    """A surface out of a file of another kind."""

    parts = 1

    def __init__(self, path: Path) -> None:
        """Read all of it into memory. Raises BadFile."""
        self._name = path.name
        with path.open("rb") as file:
            kind = other_kind(file.read(HEAD_BYTES))
            size = path.stat().st_size
            if kind is None:
                raise BadFile(f"{path.name}: it is not a model")
            if not readable():
                raise BadFile(f"{path.name}: what reads {kind.upper()} files is not installed")
            if size > _LARGEST:
                raise BadFile(f"{path.name}: {size} bytes are too many for a {kind.upper()} file")
            file.seek(0)
            self._corners = _corners(file, kind, path.name)

    def patches(self, share: Share = WHOLE) -> Iterator[Patch]:
        """Yield all of it, or a share. Raises BadFile."""
        ours = cuts(len(self._corners))[share.index :: share.of]
        return something(self._name, (patch(self._corners[cut]) for cut in ours), share)


def _corners(file: Any, kind: str, name: str) -> NDArray[np.float32]:
    """Return (n, 3, 3) corners. Raises BadFile."""
    import trimesh

    try:
        # Nothing else is opened: textures and buffers outside of the file are not for us.
        scene = trimesh.load_scene(file, file_type=kind, process=False, resolver=None)
        mesh = scene.to_mesh()
        if len(mesh.faces) > _MOST_TRIANGLES:
            raise BadFile(f"{name}: it has {len(mesh.faces)} triangles")
        corners = np.asarray(mesh.vertices[mesh.faces], np.float64).reshape(-1, 3, 3)
    except BadFile:
        raise
    except Exception as err:
        # It raises whatever its parsers stumble over.
        raise BadFile(f"{name}: its {kind.upper()} cannot be read: {err}") from err
    if kind == "glb":
        corners = np.stack([corners[..., 0], -corners[..., 2], corners[..., 1]], axis=-1) * _GLB_MM
    with np.errstate(over="ignore"):
        narrow: NDArray[np.float32] = corners.astype(np.float32)
    return narrow
