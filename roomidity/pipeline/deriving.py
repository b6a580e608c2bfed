"""Sets and rules into observations: when all have ended, none is left that an older set or older rules made.

Drains change sets, a person changes rules, and both derive what follows, in any order and side by side. Three things
make the outcome exact:

1. Who writes a set reads the rules after it; who writes a rule reads the sets after it. So of a set and a rule written
   at the same time, at least one of the two writers derives from both.
2. An observation bears its origin (version of the set, number of the rules), and is written only if neither is lower
   than what stands there. So the outcome of both never gives way to the outcome of one.
3. Who is refused reads both again and derives anew, since what stands there may be of a newer set under older rules.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from roomidity.errors import ConflictError
from roomidity.houses import House
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Houses, Observations, Sets
from roomidity.readings import derive, unpack_sets
from roomidity.store import StoredSet
from roomidity.terms import Origin, SlotKey

__all__ = ["behind", "houses_of", "refresh", "write_observations"]


def houses_of(versions: Mapping[SlotKey, int], houses: Houses) -> dict[str, House]:
    """The houses of some slots, read now: after the slots' sets, or the rules may be older than the sets."""
    return houses.get_many(sorted({key.house for key in versions})) if versions else {}


def behind(versions: Mapping[SlotKey, int], homes: Mapping[str, House], observations: Observations) -> set[SlotKey]:
    """The slots whose observation is missing, or is of an older set or older rules.

    A drain died between set and observation, or a change of rules did before it came to the slot.
    """
    standing = observations.origins(versions) if versions else {}
    wanted = _origins(versions, homes)
    return {key for key in versions if key not in standing or not standing[key].covers(wanted[key])}


def write_observations(
    values: pl.DataFrame, versions: Mapping[SlotKey, int], homes: Mapping[str, House], observations: Observations
) -> set[SlotKey]:
    """Derive the slots of ``versions`` from their ``values``; those refused, as something newer stands there."""
    observed = derive(values, {name: house.quarantine for name, house in homes.items() if house.quarantine})
    origins = _origins(versions, homes)
    return observations.put_many({key: (observation, origins[key]) for key, observation in observed.items()})


def refresh(
    read: Mapping[SlotKey, StoredSet], *, houses: Houses, sets: Sets, observations: Observations, backoff: BackOff
) -> int:
    """Bring the observations of sets that were just ``read`` up to date; how many were written.

    Running it again writes none.

    Raises
    ------
    ConflictError
        If other writers were faster every time.
    """
    written = 0
    for attempt in range(ATTEMPTS):
        versions = {key: held.version for key, held in read.items()}
        homes = houses_of(versions, houses)
        due = behind(versions, homes, observations)
        values = unpack_sets({key: held.packed for key, held in read.items() if key in due})
        refused = write_observations(values, {key: versions[key] for key in due}, homes, observations) if due else due
        written += len(due) - len(refused)
        if not refused:
            return written
        backoff.pause(attempt)
        read = sets.get_many(refused)
    raise ConflictError(f"the observations of {len(refused)} slots", attempts=ATTEMPTS)


def _origins(versions: Mapping[SlotKey, int], homes: Mapping[str, House]) -> dict[SlotKey, Origin]:
    numbers = {name: house.rules_version for name, house in homes.items()}
    return {key: Origin(version, numbers.get(key.house, 0)) for key, version in versions.items()}
