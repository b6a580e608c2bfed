"""Checks of a stored state's numbers: one that breaks any is refused, even with the right checksum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import SPECS
from roomidity.domain.slots import SLOT_MS
from roomidity.errors import ModelRefusedError

__all__ = ["check_state"]

_LAST_SLOT: Final = 253_402_300_800_000 // SLOT_MS
"""That of the year 10000."""

_SPANS: Final[Mapping[str, tuple[float, float]]] = {
    "through": (0, _LAST_SLOT),
    "scored": (0, _LAST_SLOT),
    "initial": (0, 1),
    "weights": (0, 1),
    "gram": (-1e9, 1e9),  # products of errors; a house's are below 1e5
    "days": (0, 1e4),  # fading by half in four weeks, they stay below 41
    "counts": (0, 1e6),
    "idle_counts": (0, 1e6),
    "width": (0.05, 20),  # advancing keeps it within 0.5 to 2
    "weather_days": (0, 1e4),
    "bare_counts": (0, 1e6),
    "bare_width": (0.05, 20),
    "bare_offsets": (-100, 100),
    "offsets": (-100, 100),  # the histograms' last edges are ±50 %RH and ±10 °C
    "idle_offsets": (-100, 100),
}
_ROUNDING: Final = 1e-3


def check_state(arrays: Mapping[str, NDArray[Any]], version: str) -> None:
    """Pass only if a state's numbers can be those of a state: in range, with weights that sum to 1.

    Raises
    ------
    ModelRefusedError
        If one cannot; ``version`` names it in the message.
    """
    for name, (low, high) in _SPANS.items():
        _check_span(arrays[name], version, name, low, high)
    for name in ("initial", "weights"):
        sums = arrays[name].sum(axis=-1)
        if (abs(sums - 1) > _ROUNDING).any():
            raise ModelRefusedError(
                version, found=f"{name} of experts that sum to {sums.flat[abs(sums - 1).argmax()]:g}", expected="1"
            )
    for place, spec in enumerate(SPECS):
        for name in ("recent", "outdoor"):
            values = arrays[name][..., place, :]
            _check_span(values[~np.isnan(values)], version, f"{name} {spec.name}", *spec.plausible)


def _check_span(values: NDArray[Any], version: str, name: str, low: float, high: float) -> None:
    if values.size and not (low - _ROUNDING <= values.min() and values.max() <= high + _ROUNDING):
        found = f"{name} from {values.min():g} to {values.max():g}"
        raise ModelRefusedError(version, found=found, expected=f"{low:g} to {high:g}")
