"""What a picture is made of: something that has a place, colours, and can be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from .raster import Canvas
    from .shading import Palette
    from .view import View


class Scene(Protocol):
    """A thing to be drawn, more than once if need be."""

    @property
    def palette(self) -> Palette:
        """Its colours. They may become more while it is drawn."""
        ...

    @property
    def placed(self) -> bool:
        """Whether its coordinates are those of a plate."""
        ...

    def points(self) -> Iterator[NDArray[np.float32]]:
        """Yield (n, 3): all that has to come into the picture, mm, finite. Raises BadFile."""
        ...

    def draw(self, view: View, canvas: Canvas) -> None:
        """Draw it. Raises BadFile."""
        ...
