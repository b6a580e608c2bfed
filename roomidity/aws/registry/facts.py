"""Checks of stored manifests and decisions: a field may be absent; one that is there has the right form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from roomidity.domain.slots import parse_slot, parse_time

__all__ = ["check_decision", "check_manifest"]

Count = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class _Rule(msgspec.Struct):
    """A quarantine rule under which a model was trained."""

    id: str
    start: str = "1970-01-01T00:00:00Z"
    end: str = "1970-01-01T00:00:00Z"
    room: str | None = None
    sensor: str | None = None


class _Manifest(msgspec.Struct):
    """Other facts may stand beside these; checksums may be missing, and are then told as such."""

    reason: str = ""
    sha256: str = ""
    first_state_sha256: str = ""
    bytes: Count = 0
    slots_with_readings: Count = 0
    trained_from: str | None = None
    trained_through: str | None = None
    rooms: list[str] = []
    quarantine: list[str | _Rule] = []


class _Decision(msgspec.Struct):
    won: bool
    reasons: list[str]
    at: str = ""
    against: str = ""
    judged_from: str = ""
    judged_through: str = ""
    scores: dict[Literal["challenger", "champion", "prior"], dict[str, dict[str, float | None]]] = {}


def check_manifest(facts: Mapping[str, Any]) -> None:
    """Pass only if what a manifest holds is of the kind that its readers expect.

    Raises
    ------
    ValueError
        If it is not.
    """
    manifest = msgspec.convert(facts, _Manifest)
    for time in (manifest.trained_from, manifest.trained_through):
        if time is not None:
            parse_slot(time)
    for rule in manifest.quarantine:
        if isinstance(rule, _Rule):
            parse_time(rule.start)
            parse_time(rule.end)


def check_decision(decision: Mapping[str, Any]) -> None:
    """Pass only if a decision says what it was, and why.

    Raises
    ------
    ValueError
        If it does not.
    """
    msgspec.convert(decision, _Decision)
