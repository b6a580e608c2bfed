"""Quarantine rules as training meets them: whether observations follow them yet, and what manifests say of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from roomidity.errors import RuleNotFollowedError
from roomidity.houses import House
from roomidity.pipeline.ports import Observations
from roomidity.slots import SLOT, floor_slot, format_moment

__all__ = ["check_rules_followed", "rule_ids"]


def check_rules_followed(observations: Observations, home: House, *, start: datetime, end: datetime) -> None:
    """Pass only if the observations of [start, end) were derived under every rule that concerns them.

    Rules came in their order, each with a number higher than the one before. So an observation with a number lower
    than a rule's place among them is older than the rule, also where its own number was never stored.

    Raises
    ------
    RuleNotFollowedError
        If one was not.
    """
    for place, rule in enumerate(home.quarantine, start=1):
        first = max(floor_slot(rule.start), start)
        last = min(floor_slot(rule.end - timedelta(microseconds=1)) + SLOT, end)
        number = rule.number or min(place, home.rules_version)
        behind = sum(origin.rules < number for _, _, origin in observations.derived(home.name, first, last))
        if behind:
            interval = f"{format_moment(rule.start)} to {format_moment(rule.end)}"
            raise RuleNotFollowedError(home.name, rule=rule.id, interval=interval, slots=behind)


def rule_ids(manifest: Mapping[str, Any]) -> set[str]:
    """The rules that held when a model was trained; manifests of before held their names alone.

    >>> rule_ids({"quarantine": ["d7f652", {"id": "0a1b2c", "start": "2026-01-05T00:00:00Z"}]}) == {"d7f652", "0a1b2c"}
    True
    """
    return {rule if isinstance(rule, str) else rule["id"] for rule in manifest.get("quarantine", ())}
