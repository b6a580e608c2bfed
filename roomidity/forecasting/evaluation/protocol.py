"""The standard scoring: which issue times count, so that all models are compared on the same ones.

An issue time (00, 06, 12 or 18 UTC) counts for a room if the newest value of both quantities is known and enough
15-minute slots before and after it have a humidity. All published figures use it. Scoring hourly readings, or rooms by
temperature alone, gives figures that are not comparable with these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import HUMIDITY, QUANTITIES, TEMPERATURE
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.window import STEPS, WINDOW_SLOTS, FloatArray, IntArray, Window

__all__ = [
    "CADENCES",
    "ISSUE_SLOTS",
    "MIN_ORIGINS",
    "STEP_SLOTS",
    "Cadence",
    "Eligible",
    "counted",
    "eligible",
    "issue_slots",
]

PAST_SHARE: Final = 0.6
TARGET_SHARE: Final = 0.5
"""Minimum share of slots with a humidity in the two days before an issue time, and in the 24 h after it."""

ISSUE_SLOTS: Final = 24
"""Slots between issue times: 00, 06, 12 and 18 UTC."""

MIN_ORIGINS: Final = 12

Cadence = Literal["15min", "hourly"]
CADENCES: Final[tuple[Cadence, ...]] = get_args(Cadence)

STEP_SLOTS: Final[dict[Cadence, int]] = {"15min": 1, "hourly": 4}
"""Slots from one expected reading to the next."""


_IRREGULAR: Final = 0.03
"""A sensor reports irregularly if its share of slots with a reading differs by more than this from 1 / interval."""


@dataclass(frozen=True)
class Eligible:
    """Which forecasts of a house are scored.

    Parameters
    ----------
    counted
        (rooms, origins) whether the standard scoring counts an origin.
    temperature_only
        (rooms, origins) whether an origin counts by temperature alone, in rooms that never measure humidity. The
        standard scoring leaves these rooms out.
    reasons
        For each room that has no scored origin, the reason.
    """

    counted: NDArray[np.bool_]
    temperature_only: NDArray[np.bool_]
    reasons: dict[str, str]


def issue_slots(house: Window, *, start: int, stop: int | None = None) -> IntArray:
    """Returns the slot numbers of the issue times from ``start`` on whose targets lie inside the readings."""
    origins = np.arange(start + -start % ISSUE_SLOTS, min(stop or house.last, house.last - STEPS) + 1, ISSUE_SLOTS)
    return origins if stop is None else origins[origins < stop]


def eligible(house: Window, origins: IntArray, *, cadence: Cadence = "15min") -> Eligible:
    """Returns which of the issue times ``origins`` (slot numbers) count in each room.

    An issue time counts if the newest value of both quantities is known, filled forward, and enough slots of the two
    days before and of the day after have a humidity. At the cadence ``15min`` this is the standard scoring. At
    ``hourly``, shares refer to the slots in which a reading is expected, one in four.
    """
    by_humidity = _counted(house, origins, HUMIDITY, cadence)
    without = np.isnan(house.values[:, HUMIDITY]).all(axis=1, keepdims=True)
    alone = _counted(house, origins, TEMPERATURE, cadence) & without
    reasons = {
        room: _reason(house.values[row], house.first, origins, cadence)
        for row, room in enumerate(house.rooms)
        if not by_humidity[row].any()
    }
    return Eligible(by_humidity, alone, reasons)


def counted(
    seen: FloatArray, actual: FloatArray, newest: FloatArray, begins: IntArray, *, by: int = HUMIDITY, step: int = 1
) -> NDArray[np.bool_]:
    """Returns which issue times have enough to go by, (..., origins).

    Parameters
    ----------
    seen
        What was measured before, filled forward for at most 3 h, (..., 2, slots).
    actual
        What was measured after each issue time, (..., origins, 2, 96).
    newest
        The newest values at each issue time that must be known, (..., origins, quantities).
    begins
        The column of ``seen`` at which each forecast begins, (origins,).
    by
        The quantity whose readings are counted.
    step
        Slots from one expected reading to the next.
    """
    columns = begins[:, None] - 1 - np.arange(WINDOW_SLOTS)
    past = np.isfinite(seen[..., by, :][..., np.maximum(columns, 0)]) & (columns >= 0)
    return np.asarray(
        np.isfinite(newest).all(axis=-1)
        & (past.mean(axis=-1) * step >= PAST_SHARE)
        & (np.isfinite(actual[..., by, :]).mean(axis=-1) * step >= TARGET_SHARE)
    )


def _counted(house: Window, origins: IntArray, by: int, cadence: Cadence) -> NDArray[np.bool_]:
    step = STEP_SLOTS[cadence]
    begins = origins - house.first
    filled = fill(house.values)
    needed = [HUMIDITY, TEMPERATURE] if by == HUMIDITY else [TEMPERATURE]
    ends = np.array([_end(values) for values in house.values]) + house.first + step - 1
    found = counted(
        filled if step == 1 else house.values,  # filled, every hour has its four
        house.values[:, :, begins[:, None] + np.arange(STEPS)].swapaxes(1, 2),
        filled[:, needed][:, :, begins - 1].swapaxes(1, 2),
        begins,
        by=by,
        step=step,
    )
    found &= origins + STEPS <= ends[:, None]
    enough: NDArray[np.bool_] = found & (found.sum(axis=1, keepdims=True) >= MIN_ORIGINS)
    return enough


def _end(values: FloatArray) -> int:
    held = np.flatnonzero(np.isfinite(values).any(axis=0))
    return int(held[-1]) + 1 if len(held) else 0


def _reason(values: FloatArray, first: int, origins: IntArray, cadence: Cadence) -> str:
    """Returns the first reason why a room with the readings ``values``, (2, slots), is not scored, in words."""
    for row, quantity in enumerate(QUANTITIES):
        if not np.isfinite(values[row]).any():
            return f"it never measures {quantity}, and only rooms that measure both are scored"
    held = np.flatnonzero(np.isfinite(values[HUMIDITY]))
    inside = int((origins + STEPS <= _end(values) + first).sum())
    if inside < MIN_ORIGINS:
        days = (held[-1] + 1 - held[0]) / SLOTS_A_DAY
        return (
            f"it spans {days:.1f} days, and the last quarter has {inside} forecasts with 24 h after them; 12 are "
            "needed: about two weeks of readings, or more"
        )
    share = len(held) / (held[-1] + 1 - held[0])
    gap = int(np.median(np.diff(held))) if len(held) > 1 else 1
    if gap > 1 and cadence == "15min":
        every = "hourly data: " if gap == 4 else f"a reading every {gap * 15} minutes: "
        if abs(share - 1 / gap) > _IRREGULAR:
            every = ""
        return (
            f"{every}{share:.0%} of slots have a humidity, scoring needs {PAST_SHARE:.0%} of those before a "
            f"forecast and {TARGET_SHARE:.0%} of those after; give --cadence hourly to score the hours that have one"
        )
    return (
        f"{share:.0%} of slots have a humidity, with gaps that leave fewer than {MIN_ORIGINS} of {inside} forecasts "
        f"{PAST_SHARE:.0%} of the slots before and {TARGET_SHARE:.0%} of those after"
    )
