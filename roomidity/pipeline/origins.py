"""Compares what observations were derived from with the present sets and rules.

Sets and rules are written before what is derived from them, and their numbers only grow. If an observation has a higher
number than a set (or rules) that was read *after* it, that table has moved back in time, because it was restored. Its
number is then raised above that of the observation, which can be replaced as usual from then on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from roomidity.domain.houses import House
from roomidity.domain.observations import Origin, StoredSet
from roomidity.domain.slots import SlotKey
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.ports import Houses, Sets

__all__ = ["Compared", "compare", "origins_of", "raise_above"]

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compared:
    """The result of a comparison, by slot.

    ``behind`` are slots whose observation is missing, derived from an older set or older rules, or from others with the
    same number. This happens if a drain died between set and observation, a change of rules died before it reached the
    slot, or a table was restored.

    ``ahead`` are slots whose observation is derived from a newer set or newer rules, with its origin. This happens if
    another writer was there in the meantime, or the table of the older one was restored. Reading that table again tells
    which.

    ``sealed`` are slots whose observation was written by a newer version.
    """

    behind: set[SlotKey]
    sealed: set[SlotKey]
    ahead: Mapping[SlotKey, Origin]


def origins_of(held: Mapping[SlotKey, StoredSet], homes: Mapping[str, House]) -> dict[SlotKey, Origin]:
    """Returns the origin of an observation that is derived from each of these sets, under the rules of these houses."""
    rules = {name: (home.rules_version, [rule.id for rule in home.quarantine]) for name, home in homes.items()}
    found = {}
    for key, one in held.items():
        number, names = rules.get(key.house, (0, []))
        found[key] = Origin(one.version, number, one.digest(names))
    return found


def compare(
    held: Mapping[SlotKey, StoredSet], homes: Mapping[str, House], standing: Mapping[SlotKey, Origin]
) -> Compared:
    """Returns the comparison of the sets that are ``held`` with the origins of the stored observations.

    If a house is missing or cannot be written, its rules cannot be raised, and are taken as they are.
    """
    wanted = origins_of(held, homes)
    ahead = {}
    sealed = {key for key, origin in standing.items() if origin.sealed}
    for key, origin in standing.items():
        home = homes.get(key.house)
        rules_count = home is not None and home.flaw is None
        if origin.version > wanted[key].version or (rules_count and origin.rules > wanted[key].rules):
            ahead[key] = origin
    behind = {key for key in held if key not in standing or not standing[key].covers(wanted[key])}
    return Compared(behind - ahead.keys() - sealed, sealed, ahead)


def raise_above(
    seen: Mapping[SlotKey, Origin],
    houses: Houses,
    sets: Sets,
    backoff: BackOff,
    read: Mapping[SlotKey, StoredSet],
    homes: Mapping[str, House],
) -> None:
    """Raise the numbers of sets (``read``) and rules (of ``homes``) above the origins ``seen`` before these were read.

    A set that was changed in the meantime is left unchanged. Whoever changed it derives from it, or finds the same.
    """
    restored = {key: origin.version + 1 for key, origin in seen.items() if origin.version > read[key].version}
    rules = {
        name: max(origin.rules for key, origin in seen.items() if key.house == name) + 1
        for name in {key.house for key, origin in seen.items() if origin.rules > homes[key.house].rules_version}
    }
    if restored or rules:
        logger.warning(
            "a table was restored: what follows from it is derived anew",
            extra={"sets": len(restored), "houses": sorted(rules)},
        )
    if restored:
        sets.raise_versions({key: read[key] for key in restored}, restored)
    for name, number in rules.items():
        change_house(houses, backoff, name, partial(_with_rules_of, least=number))


def _with_rules_of(home: House, *, least: int) -> House:
    return replace(home, rules_version=max(home.rules_version, least))
