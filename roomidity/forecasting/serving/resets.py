"""Values that sensors show when they fail or start: believed only where the room's own readings bear them out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import HUMIDITY
from roomidity.forecasting.window import FloatArray

__all__ = ["RESET_VALUES", "resets"]

RESET_VALUES: Final = ((0.0, 99.9, 100.0), (0.0, 85.0, -45.0, -46.85))
"""%RH and °C: a lost connection (0), a DHT that failed (99.9), saturation (100), the power-on value of 1-wire sensors
(85), and zero bits as SHT3x and HTU21D read them (-45, -46.85). Such as -127 and 327.67 are implausible anyway."""

_NEAR: Final = (10.0, 5.0)
"""%RH and °C within which the readings before or after make such a value plausible: fog, a sauna, a frosty shed."""

_KNOWN: Final = (3.0, 3.0)
_SATURATED_READINGS: Final = 2
_OTHER_READINGS: Final = 96
"""Readings of nothing else after which such values are taken for what there is."""

_TIMES: Final = 3
"""A room whose readings came so near so often has been there before."""


def resets(values: FloatArray) -> NDArray[np.bool_]:
    """Returns where a reading is such a value and nothing bears it out, of the shape of ``values``.

    Borne out is one that lies near the reading before or after it, and one to which the room comes now and then. Where
    a room has shown nothing else, saturated air is believed from the second reading on, and the other values from a day
    on: by then they are known to be stuck, if they are.

    Dry frost, 0 %RH at 0 °C, is a lost connection wherever either is not borne out.

    Parameters
    ----------
    values
        Raw slot means, (rooms, 2, slots), humidity (%RH) then temperature (°C); NaN where there is no reading.
    """
    suspicious = np.zeros(values.shape, dtype=np.bool_)
    for q, among in enumerate(RESET_VALUES):
        for value in among:
            suspicious[:, q] |= values[:, q] == value
    if not suspicious.any():
        return suspicious
    refused = np.zeros_like(suspicious)
    for room, q in np.argwhere(suspicious.any(axis=2)):
        refused[room, q] = _unborne(values[room, q], suspicious[room, q], near=_NEAR[q], known=_KNOWN[q], quantity=q)
    lost = (values == 0).all(axis=1) & refused.any(axis=1)
    refused |= lost[:, None]
    return refused


def _unborne(
    series: FloatArray, suspicious: NDArray[np.bool_], *, near: float, known: float, quantity: int
) -> NDArray[np.bool_]:
    """Of one series, the suspicious readings that the others do not bear out."""
    others = np.flatnonzero(np.isfinite(series) & ~suspicious)
    at = np.flatnonzero(suspicious)
    refused = np.zeros_like(suspicious)
    if not len(others):
        enough = _SATURATED_READINGS if quantity == HUMIDITY and (series[at] > 0).all() else _OTHER_READINGS
        refused[at] = len(at) < enough
        return refused
    after = np.searchsorted(others, at)
    neighbours = series[others[np.stack([np.maximum(after - 1, 0), np.minimum(after, len(others) - 1)])]]
    borne_out = (np.abs(neighbours - series[at]) <= near).any(axis=0)
    came_near = (np.abs(series[others, None] - np.unique(series[at])) <= known).sum(axis=0) >= _TIMES
    borne_out |= came_near[np.searchsorted(np.unique(series[at]), series[at])]
    refused[at] = ~borne_out
    return refused
