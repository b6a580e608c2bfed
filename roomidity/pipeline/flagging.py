"""Flagging: sensor faults that show in a sequence of slots are marked in the observations of those slots."""

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
from roomidity.pipeline.ports import PastObservations

__all__ = ["flag_faults"]

_JUDGED: Final = timedelta(days=3)
"""How far back flags are set and removed. A value that is stuck for a day is recognised only once the day is over, and
readings may be late.
"""

_BEFORE: Final = timedelta(days=2)
"""How much is read before that, so that a run of a day is seen whole even if half of its slots have no reading."""


def flag_faults(observations: PastObservations, *, house: str, now: datetime, aliases: Aliases = NO_ALIASES) -> int:
    """Update the flags ``rooms.<room>.<quantity>.fault`` of the last three days. Returns how many slots changed.

    A flag is "stuck", "jump" or "reset", and absent if nothing is wrong. Flags depend only on the robust means, so
    flagging is idempotent. An observation that is derived again loses its flag until the next nightly run. An
    observation that was derived again since it was read here is left alone. Means are not changed. Training, the gate
    and the scores leave out the same slots by the same rule, whether or not they are flagged. A renamed room
    (``aliases``) has one continuous sequence.
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
    """Returns the faults by slot, room and quantity.

    The air outside is not judged, because fog keeps it at 100 %RH for days.
    """
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
    """Returns the observation with its flags updated."""
    return {
        room: {
            quantity: replace(statistics, fault=flags.get((key, aliases.get(room, room), quantity)))
            for quantity, statistics in quantities.items()
        }
        for room, quantities in observation.items()
    }
