"""Quarantine: a rule of the house keeps readings out of what is derived; the sets keep them, so it can be undone."""

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
"""Of a house: a rule costs 100 bytes of an item that every drain reads, and a filter for every slot derived."""


@dataclass(frozen=True)
class QuarantinePorts:
    """What quarantine talks to."""

    houses: Houses
    sets: Sets
    observations: Observations
    registry: Registry
    backoff: BackOff

    @property
    def slots(self) -> SlotWriter:
        """What derives."""
        return SlotWriter(self.houses, self.sets, self.observations, self.backoff)


@dataclass(frozen=True)
class Affected:
    """A model that learnt under other rules for an interval: ``by_training``, or by its state's daily step alone."""

    version: str
    trained_from: str
    trained_through: str
    by_training: bool
    champion: bool


def change_rule(ports: QuarantinePorts, *, house: str, rule: Quarantine, remove: bool) -> bool:
    """Put the rule among the house's, or remove it; whether that changed anything. :func:`derive_anew` must follow.

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

    It must come after :func:`change_rule`. Where it ends half way, running it again does the rest; where it is run
    again though all is done, nothing is written.

    Yields
    ------
    How many slots with readings were gone through, and how many observations were derived anew.
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
    """The models that learnt the rule's interval while the rule did not hold, oldest first.

    Without ``holds``, for a rule that was removed: while it did. A champion learns on, its state moving over every slot
    that has closed, so to it counts all up to ``now``.
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
    """Whether a model has the rule's room, whatever it was called; the air outside is part of every room's."""
    if rule.room is None:
        return True
    room = aliases.get(rule.room, rule.room)
    return room == OUTDOOR or room in present_rooms(manifest.get("rooms", ()), aliases)
