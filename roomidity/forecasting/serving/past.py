"""The past as a forecast sees it: what was measured, which of it is believed, and what silences explain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from roomidity.forecasting.serving.cadence import Cadence, cadence
from roomidity.forecasting.serving.faults import Codes, believed, judge
from roomidity.forecasting.window import Window

__all__ = ["Past", "look_back"]


@dataclass(frozen=True)
class Past:
    """Readings up to the present, judged.

    Parameters
    ----------
    measured
        As they were measured.
    codes
        What is wrong with each, as :func:`~roomidity.forecasting.serving.faults.judge` says.
    cadence
        Of what is believed of them: a reading that is not counts as not measured.
    """

    measured: Window
    codes: Codes
    cadence: Cadence

    @cached_property
    def basis(self) -> Window:
        """What a forecast builds on: what is believed, and what explained silences say."""
        return replace(self.measured, values=self.cadence.values)


def look_back(measured: Window) -> Past:
    """Returns the past as it looks at the window's end: what was measured, judged, and what silences explain."""
    codes = judge(measured.values, measured.agreed)
    return Past(measured, codes, cadence(believed(measured, codes).values))
