"""Quarantine: a rule of the house excludes readings from everything that is derived.

The sets keep the readings, so that it can be undone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from roomidity.domain.aliases import NO_ALIASES, Aliases, present_rooms
from roomidity.domain.houses import OUTDOOR, House, Quarantine, rule_ids
from roomidity.domain.slots import parse_slot
from roomidity.errors import InputError
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.ports import Houses, Observations, Registry, Sets
from roomidity.pipeline.slot_writing import SlotWriter

__all__ = [
    "MAX_RULES",
    "Affected",
    "QuarantinePorts",
    "affected_models",
    "change_rule",
    "derive_anew",
]

MAX_RULES: Final = 200
"""Maximum rules of a house. A rule costs 100 bytes of an item that every drain reads, and a filter for every derived
slot.
"""


@dataclass(frozen=True)
class QuarantinePorts:
    """The ports of quarantine."""

    houses: Houses
    sets: Sets
    observations: Observations
    registry: Registry
    backoff: BackOff

    @property
    def slots(self) -> SlotWriter:
        """The writer that derives observations."""
        return SlotWriter(self.houses, self.sets, self.observations, self.backoff)


@dataclass(frozen=True)
class Affected:
    """A model that learnt from an interval under other rules.

    ``by_training`` is false if it did so only in the daily step of its state.
    """

    version: str
    trained_from: str
    trained_through: str
    by_training: bool
    champion: bool


def change_rule(ports: QuarantinePorts, *, house: str, rule: Quarantine, remove: bool) -> bool:
    """Add the rule to the house's rules, or remove it. Returns whether that changed anything.

    :func:`derive_anew` must follow.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    InputError
        If the house has as many rules as it can have.
    ConflictError
        If other writers of the house were faster every time.
    """

    def change(home: House) -> House:
        changed = home.without_rule(rule) if remove else home.with_rule(rule)
        if len(changed.quarantine) > MAX_RULES:
            raise InputError(
                f"house {house!r} has {len(home.quarantine)} quarantine rules; expected fewer than {MAX_RULES}; "
                "undo some, or put one in the place of several"
            )
        return changed

    return change_house(ports.houses, ports.backoff, house, change)[1]


def derive_anew(ports: QuarantinePorts, *, house: str, rule: Quarantine) -> Iterator[tuple[int, int]]:
    """Bring the observations of the rule's interval up to date, some slots at a time.

    This must come after :func:`change_rule`. It is idempotent: if it is interrupted, running it again does the rest,
    and if everything is done already, nothing is written.

    Yields
    ------
    The number of slots with readings that were processed, and the number of observations derived again.
    """
    for read in ports.sets.between(house, rule.start, rule.end):
        derived = ports.slots.refresh(read)
        yield len(read), derived


def affected_models(
    registry: Registry,
    *,
    house: str,
    rule: Quarantine,
    holds: bool,
    now: datetime,
    aliases: Aliases = NO_ALIASES,
) -> list[Affected]:
    """Returns the models that learnt from the rule's interval while the rule did not hold, oldest first.

    If ``holds`` is false (the rule was removed), returns those that learnt from it while the rule did hold. A champion
    keeps learning, because its state advances over every closed slot. For it, everything up to ``now`` counts.
    """
    champion = registry.pointer(house).points_to
    found = []
    for manifest in registry.manifests(house, now=now):
        if not manifest.get("trained_from") or not manifest.get("trained_through"):
            continue
        begin, through = parse_slot(manifest["trained_from"]), parse_slot(manifest["trained_through"])
        serves = manifest["version"] == champion
        learns_until = max(through, now) if serves else through
        otherwise = (rule.id in rule_ids(manifest)) != holds
        if otherwise and rule.start < learns_until and begin < rule.end and _concerns(rule, manifest, aliases):
            found.append(
                Affected(
                    version=manifest["version"],
                    trained_from=manifest["trained_from"],
                    trained_through=manifest["trained_through"],
                    by_training=rule.start < through,
                    champion=serves,
                )
            )
    return found


def _concerns(rule: Quarantine, manifest: dict[str, Any], aliases: Aliases) -> bool:
    """Returns whether a model has the rule's room under any of its names. The air outside is part of every model."""
    if rule.room is None:
        return True
    room = aliases.get(rule.room, rule.room)
    return room == OUTDOOR or room in present_rooms(manifest.get("rooms", ()), aliases)
