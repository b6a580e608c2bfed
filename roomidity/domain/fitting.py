"""Numbers of a forecast made to fit: whole ones where that takes least from what they say.

DynamoDB bills numbers by their digits, two to a byte: a tenth costs a byte. Where a band from p10 to p90 is 8 %RH wide,
a tenth at its edges says nothing; where it is 1 wide it does.
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
"""Rounding a median costs as much as rounding the edges of a band of this share of its width: by the density of a
normal distribution there, .40 for .18, of which the loss is the square of the width."""

_WIDTHS: Final = np.array([{"humidity": 1.0, "temperature": 0.5}[quantity] for quantity in QUANTITIES])
"""A degree is felt, a per cent is not: temperatures keep their tenths twice as long."""


def number_bytes(values: FloatArray) -> IntArray:
    """Returns what numbers rounded to .1 and under 1,000 take at most in a list of DynamoDB's, each.

    One for its place in the list, one for its exponent, one for its sign, one for two digits from the decimal point on.

    >>> number_bytes(np.array([0.0, 9.5, 51.0, 51.2, 100.0, -12.3])).tolist()
    [2, 4, 3, 4, 3, 5]
    """
    tenths = np.rint(np.abs(np.nan_to_num(values)) * 10).astype(np.int_)
    pairs = (tenths >= 10).astype(np.int_) + ((tenths >= 1000) & (tenths % 1000 != 0)) + (tenths % 10 != 0)
    counted: IntArray = 2 + pairs + (np.nan_to_num(values) < 0)
    return counted


def fitted(values: FloatArray, *, limit_bytes: int) -> FloatArray:
    """Returns quantiles that take at most ``limit_bytes``: as they are, else whole where the bands are widest.

    At a knot the edges of the band are rounded before the median, and p10 <= p50 <= p90 stays. Where not even whole
    numbers fit, all stay as they are. Doing it again changes nothing.

    Parameters
    ----------
    values
        (2, 3, knots): quantities, p10, p50 and p90; rounded to .1, NaN for a quantity that is not forecast.
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
