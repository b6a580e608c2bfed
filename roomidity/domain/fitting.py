"""Fits a forecast into a number of bytes by rounding values to integers where this loses the least information.

DynamoDB stores two digits of a number in a byte, so the digit after the decimal point costs a byte. If the band from
p10 to p90 is 8 %RH wide, a tenth at its edges means nothing. If it is 1 %RH wide, it does.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from roomidity.domain.quantities import QUANTITIES

__all__ = ["fitted", "number_bytes"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int_]

_MEDIAN: Final = 0.66
"""Rounding a median loses as much as rounding the edges of a band that is this fraction as wide. The loss is
proportional to the density there (.40 of a normal distribution at its median, .18 at p10 and p90), and inversely to the
square of the width."""

_WIDTHS: Final = np.array([{"humidity": 1.0, "temperature": 0.5}[quantity] for quantity in QUANTITIES])
"""People feel a degree but not one per cent, so temperatures keep their tenths twice as long."""


def number_bytes(values: FloatArray) -> IntArray:
    """Returns an upper bound for the bytes that each number takes in a DynamoDB list, in the shape of ``values``.

    The numbers have to be rounded to .1 and below 1,000. Each takes one byte for its place in the list, one for its
    exponent, one if it is negative, and one for every two digits, counted from the decimal point.

    >>> number_bytes(np.array([0.0, 9.5, 51.0, 51.2, 100.0, -12.3])).tolist()
    [2, 4, 3, 4, 3, 5]
    """
    tenths = np.rint(np.abs(np.nan_to_num(values)) * 10).astype(np.int_)
    pairs = (tenths >= 10).astype(np.int_) + ((tenths >= 1000) & (tenths % 1000 != 0)) + (tenths % 10 != 0)
    counted: IntArray = 2 + pairs + (np.nan_to_num(values) < 0)
    return counted


def fitted(values: FloatArray, *, limit_bytes: int) -> FloatArray:
    """Returns quantiles that take at most ``limit_bytes``, rounded to integers where the bands are widest.

    At each knot, the edges of the band are rounded before the median, and p10 <= p50 <= p90 still holds. If ``values``
    fit, or would not fit even as integers, they are returned unchanged. The function is idempotent.

    Parameters
    ----------
    values
        (2, 3, knots) quantities by quantiles (p10, p50, p90), rounded to .1. NaN for a quantity that is not forecast.
    """
    forecast = np.isfinite(values).all(axis=(1, 2))
    over = int(number_bytes(values[forecast]).sum()) - limit_bytes
    if over <= 0:
        return values
    known, widths = values[forecast], _WIDTHS[forecast]
    whole = np.rint(known) + 0.0  # no -0
    edges = np.stack([whole[:, 0], known[:, 1], whole[:, 2]], axis=1)
    ordered = (edges[:, 0] <= edges[:, 1]) & (edges[:, 1] <= edges[:, 2])
    saved_by_all = (number_bytes(known) - number_bytes(whole)).sum(axis=1)
    saved_by_edges = np.where(ordered, (number_bytes(known) - number_bytes(edges)).sum(axis=1), 0)

    width = (known[:, 2] - known[:, 0]) * widths[:, None]
    steps = np.argsort(-np.stack([width, _MEDIAN * width]), axis=None, kind="stable")
    saved = np.stack([saved_by_edges, saved_by_all - saved_by_edges]).ravel()[steps].cumsum()
    if saved[-1] < over:
        return values
    taken = np.zeros((2, *width.shape), dtype=bool)
    taken.flat[steps[: np.searchsorted(saved, over) + 1]] = True
    fine, all_whole = taken[0] & ordered, taken[1]
    fit = values.copy()
    fit[forecast] = np.where(all_whole[:, None], whole, np.where(fine[:, None], edges, known))
    return fit
