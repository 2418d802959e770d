"""What holds from one place of a text to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    type Places = NDArray[np.int64]


def spread[T: np.generic](values: NDArray[T], marks: ArrayLike, places: Places) -> NDArray[T]:
    """Return what holds at each place: the first value before all marks, then one from each on.

    Marks and places rise; there is one value more than there are marks. Looking up few marks among
    many places takes a tenth of the time that the reverse does.
    """
    bounds = np.empty(len(values) + 1, np.intp)
    bounds[0], bounds[-1] = 0, len(places)
    bounds[1:-1] = np.searchsorted(places, marks)
    return np.repeat(values, bounds[1:] - bounds[:-1])
