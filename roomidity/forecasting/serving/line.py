"""All series' readings end to end in one array without gaps, so that each reading's neighbour stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting.window import FloatArray, IntArray

__all__ = ["Line"]


@dataclass(frozen=True)
class Line:
    """The readings of all series, one series after the other, each in order of time.

    Parameters
    ----------
    values
        The readings.
    places
        Where each stands in the array that they are from, flattened.
    shape
        Of that array: rooms, quantities, slots.
    """

    values: FloatArray
    places: IntArray
    shape: tuple[int, ...]

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Returns the line of an array, (rooms, 2, slots), NaN where there is no reading."""
        flat = values.ravel()
        places = np.flatnonzero(np.isfinite(flat))
        return cls(flat[places], places, values.shape)

    def without(self, refused: NDArray[np.bool_]) -> Line:
        """Returns the line without the ``refused`` slots, a mask of the array's shape."""
        if not refused.any():
            return self
        kept = ~refused.ravel()[self.places]
        return Line(self.values[kept], self.places[kept], self.shape)

    @cached_property
    def series(self) -> IntArray:
        """The number of the series that each reading belongs to."""
        return self.places // max(self.shape[-1], 1)

    def quantity(self, series: IntArray) -> IntArray:
        """Returns the place in QUANTITIES of each of some series, by their numbers."""
        return series % len(QUANTITIES)

    def marked(self, readings: NDArray[np.bool_] | list[int]) -> NDArray[np.bool_]:
        """Returns a mask of the array's shape that is set where the chosen ``readings`` stand, by mask or by place."""
        found = np.zeros(self.shape, dtype=np.bool_)
        found.ravel()[self.places[readings]] = True
        return found
