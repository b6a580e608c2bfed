"""What observations were derived from, against the sets and rules that there are: what is behind, and what is ahead.

Sets and rules are written before what follows from them, and their numbers only grow. So where an observation is of a
higher number than a set (or rules) that was read *after* it, that table has moved back in time: it was restored. Then
its number is raised above the observation's, which from there on gives way as ever.
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
    """Slots whose observation is ``behind``: missing, of an older set, of older rules, or of others by that number.

    A drain died between set and observation, or a change of rules did before it came to the slot, or a table was
    restored. ``ahead`` are those whose observation is of a newer set or newer rules, and what it is of: another writer
    was there meanwhile, or the table of what is older was restored; who reads that again can tell. ``sealed`` are
    those whose observation is a newer version's.
    """

    behind: set[SlotKey]
    sealed: set[SlotKey]
    ahead: Mapping[SlotKey, Origin]


def origins_of(held: Mapping[SlotKey, StoredSet], homes: Mapping[str, House]) -> dict[SlotKey, Origin]:
    """Returns what an observation bears that is derived from these sets, under the rules of these houses."""
    rules = {name: (home.rules_version, [rule.id for rule in home.quarantine]) for name, home in homes.items()}
    found = {}
    for key, one in held.items():
        number, names = rules.get(key.house, (0, []))
        found[key] = Origin(one.version, number, one.digest(names))
    return found


def compare(
    held: Mapping[SlotKey, StoredSet], homes: Mapping[str, House], standing: Mapping[SlotKey, Origin]
) -> Compared:
    """Compare the sets that are ``held`` with what stands derived from them.

    Rules that cannot be raised, since their house is not there or cannot be written, are taken as they are.
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
    """Raise the numbers of sets (``read``) and rules (of ``homes``) above what was ``seen`` before these were read.

    A set that was changed meanwhile stays as it is: who changed it derives from it, or finds the same.
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
