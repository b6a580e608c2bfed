"""Validation of stored manifests and decisions. Fields may be absent, but those present must have the right form."""

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
    """A manifest. It may hold other facts as well. Missing checksums are reported when the model is loaded."""

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
    """Check that the fields of a manifest have the types that readers expect.

    Raises
    ------
    ValueError
        If they do not.
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
    """Check that a decision says what it was, and why.

    Raises
    ------
    ValueError
        If it does not.
    """
    msgspec.convert(decision, _Decision)
