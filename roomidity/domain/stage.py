"""What is known of a stage's parts from outside: queues, tables, and why a question had no answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

__all__ = ["Kind", "QueueFacts", "TableFacts", "Trouble"]

Kind = Literal["credentials", "endpoint", "region", "denied", "missing", "other"]


@dataclass(frozen=True)
class Trouble:
    """Why a question had no answer: its kind, and what was said, without anything secret."""

    kind: Kind
    said: str


@dataclass(frozen=True)
class QueueFacts:
    """About how many messages wait and are in flight, and how long the oldest has; None where nobody knows."""

    waiting: int
    in_flight: int
    oldest: timedelta | None


@dataclass(frozen=True)
class TableFacts:
    """A table's status, such as ACTIVE, and the names of its keys."""

    status: str
    keys: tuple[str, ...]
