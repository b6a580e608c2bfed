"""Flag: sensor faults that a course of slots gives away are marked in the observations of those slots."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from msgspec.structs import replace

from roomidity.domain.aliases import NO_ALIASES, Aliases, in_present_names
from roomidity.domain.houses import OUTDOOR
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SlotKey
from roomidity.forecasting.serving.faults import FAULTS, faults
from roomidity.pipeline.ports import Observations

__all__ = ["flag_faults"]

_JUDGED: Final = timedelta(days=3)
"""How far back flags are set and removed: a value that stood still for a day is known as such when the day is over, and
readings may be late."""

_BEFORE: Final = timedelta(days=2)
"""Read before that, so that a run of a day is seen whole even if half of its slots have no reading."""


def flag_faults(observations: Observations, *, house: str, now: datetime, aliases: Aliases = NO_ALIASES) -> int:
    """Bring the flags ``rooms.<room>.<quantity>.fault`` of the last three days up to date; how many slots changed.

    A flag is "stuck", "jump" or "reset", and absent where nothing is wrong. It follows from the robust means alone, so
    again changes nothing. A slot that is derived anew loses its flag, until the next night sets it again; a slot that
    was derived anew since it was read here is left alone. Means stay as they are; training, the gate and scores leave
    out the same slots by the same rule, whether or not they bear a flag. The course of a room that was renamed
    (``aliases``) is one.
    """
    start = now - _JUDGED - _BEFORE
    found = {key: (observation, origin) for key, observation, origin in observations.derived(house, start, now)}
    by_present_name = {key: in_present_names(observation, aliases) for key, (observation, _) in found.items()}
    flags = _flags(by_present_name, start, now)
    changed = {
        key: (flagged, origin)
        for key, (observation, origin) in found.items()
        if key.start >= now - _JUDGED and (flagged := _flagged(observation, flags, key, aliases)) != observation
    }
    return len(changed) - len(observations.replace_many(changed)) if changed else 0


def _flags(
    observed: Mapping[SlotKey, Mapping[str, Mapping[str, Statistics]]], start: datetime, end: datetime
) -> dict[tuple[SlotKey, str, str], str]:
    """What is wrong, by slot, room and quantity. The air outside is not judged: fog is 100 % for days."""
    rooms = sorted({room for observation in observed.values() for room in observation} - {OUTDOOR})
    values = np.full((len(rooms), len(QUANTITIES), (end - start) // SLOT), np.nan)
    keys = {(key.start - start) // SLOT: key for key in observed}
    for column, key in keys.items():
        for row, room in enumerate(rooms):
            for place, quantity in enumerate(QUANTITIES):
                statistics = observed[key].get(room, {}).get(quantity)
                if statistics is not None:
                    values[row, place, column] = statistics.value
    codes = faults(values)
    return {
        (keys[column], rooms[row], QUANTITIES[place]): FAULTS[codes[row, place, column]]
        for row, place, column in zip(*(axis.tolist() for axis in np.nonzero(codes)), strict=True)
    }


def _flagged(
    observation: Observation, flags: Mapping[tuple[SlotKey, str, str], str], key: SlotKey, aliases: Aliases
) -> Observation:
    """The observation with the flags that hold now."""
    return {
        room: {
            quantity: replace(statistics, fault=flags.get((key, aliases.get(room, room), quantity)))
            for quantity, statistics in quantities.items()
        }
        for room, quantities in observation.items()
    }
