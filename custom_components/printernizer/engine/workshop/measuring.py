"""Measures files: nothing yet, its process is being built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadFile

if TYPE_CHECKING:
    from pathlib import Path

    from ..extrusion import Extrusion


class Measuring:
    """Not measured yet."""

    async def extrusion(self, path: Path, plate: int | None = None) -> Extrusion:
        """Raise BadFile."""
        raise BadFile(f"{path.name}: {plate}")
