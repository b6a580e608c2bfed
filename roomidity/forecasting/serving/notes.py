"""What is known to be wrong with a room's sensors, as short codes that a dashboard can show."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from roomidity.forecasting.serving.deliveries import DELIVERY_NOTES
from roomidity.forecasting.serving.faults import JUMP, RESET, STOPPED, STUCK, UNCONFIRMED
from roomidity.forecasting.serving.gaps import FILL_SLOTS
from roomidity.forecasting.serving.jumps import JUMPS
from roomidity.forecasting.serving.past import Past
from roomidity.forecasting.window import Window

__all__ = ["NOTES", "SENSOR_NOTES", "sensor_notes"]

SENSOR_NOTES: Final = ("stuck", "spiking", "dead")
NOTES: Final = (*SENSOR_NOTES, *DELIVERY_NOTES)
"""All codes, in the order in which a forecast has them: what the values and silences of the last days give away, and
what became of the readings on their way in."""

SPIKING_SLOTS: Final = 96
"""How long a wild value is told: a day."""

_FOLLOWED: Final = 0.5
"""Of a jump: a slot beside it that far on the side of what was left out shows that it was the room, not the sensor."""


def sensor_notes(window: Window, past: Past) -> tuple[tuple[str, ...], ...]:
    """Returns the codes of what is wrong with each room's sensors at the window's end; for most rooms, none.

    - ``stuck``: the newest value of a quantity has stood still for longer than its sensor's resolution explains.
    - ``spiking``: values of the last day were wild, within a slot or as a whole. One in the newest slot may yet be
      confirmed, unless it is one that sensors show when they fail.
    - ``dead``: a quantity has been silent for longer than it ever is, while something else of the house reports. A
      house of which nothing reports has another problem than its sensors.
    """
    codes = past.codes
    if window.plain is None and not past.cadence.silent.any() and not codes.any():
        return ((),) * len(window.rooms)
    slots = codes.shape[-1]
    known = np.isfinite(past.measured.values)
    newest = np.where(known, np.arange(slots), -1).max(axis=-1)
    silence = slots - 1 - newest
    there = newest >= 0
    last = np.take_along_axis(codes, np.maximum(newest, 0)[..., None], axis=-1)[..., 0]
    reach = past.cadence.reach
    reports = bool((there & (silence <= reach)).any()) or _reports(window)
    found = {
        "stuck": there & np.isin(last, (STUCK, STOPPED)),
        "spiking": _spiking(codes) | _left_out(window),
        "dead": there & (silence > reach) & reports,
    }
    return tuple(tuple(name for name in SENSOR_NOTES if found[name][row].any()) for row in range(len(window.rooms)))


def _spiking(codes: NDArray[np.int8]) -> NDArray[np.bool_]:
    recent = codes[..., -SPIKING_SLOTS:]
    wild = (recent == JUMP) | (recent == RESET)
    wild[..., :-1] |= recent[..., :-1] == UNCONFIRMED
    return np.asarray(wild.any(axis=-1))


def _left_out(window: Window) -> NDArray[np.bool_]:
    """Where a slot's readings were left out as wild, and no slot beside it shows that they were the room's."""
    if window.plain is None:
        return np.zeros(window.values.shape[:2], dtype=np.bool_)
    values, plain = window.values[..., -SPIKING_SLOTS - 1 :], window.plain[..., -SPIKING_SLOTS - 1 :]
    with np.errstate(invalid="ignore"):
        side = np.sign(plain - values)
        steps = np.diff(values, axis=-1)
        far = _FOLLOWED * np.array(JUMPS)[:, None]
        there = np.isfinite(plain)
        there[..., :-1] &= ~(side[..., :-1] * steps > far)
        there[..., 1:] &= ~(side[..., 1:] * -steps > far)
    return np.asarray(there[..., 1:-1].any(axis=-1))  # the first is a neighbour, the last may yet be confirmed


def _reports(window: Window) -> bool:
    """Whether the air outside is measured."""
    return window.outdoor is not None and bool(np.isfinite(window.outdoor[:, -FILL_SLOTS:]).any())
