"""What is known of a house's models: a record of each version, the pointer to what serves, the log of who served."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

__all__ = [
    "PROMOTED",
    "ROLLED_BACK",
    "ModelRecord",
    "Pointer",
    "Pruned",
    "RolledBack",
    "Served",
    "Standing",
    "predecessors",
    "sha256_of",
    "trained_at",
    "version_of",
]

PROMOTED: Final = "promoted"
ROLLED_BACK: Final = "rolled back"
"""Why a model serves, as the log says it."""

_VERSION: Final = "%Y%m%dT%H%MZ"

Standing = Literal["candidate", "champion", "retired", "refused"]


@dataclass(frozen=True)
class Pointer:
    """What serves a house. ``points_to`` None: the prior; ``counter`` 0: nothing was ever promoted.

    ``previous`` is what served before, and serves again should the champion be refused, or be rolled back.
    """

    points_to: str | None = None
    previous: str | None = None
    since: datetime | None = None
    counter: int = 0

    @property
    def succession(self) -> tuple[str, ...]:
        """The versions that serve, the next where the one before is refused; after them the prior."""
        return tuple(version for version in (self.points_to, self.previous) if version is not None)


@dataclass(frozen=True)
class Served:
    """An entry of the log: from ``since`` on ``version`` served (None: the prior), and why; ``previous`` as then."""

    version: str | None
    since: datetime
    why: str
    previous: str | None


@dataclass(frozen=True)
class ModelRecord:
    """What is known of a version. ``expires_at`` None: it serves or has served, and stays.

    ``state_sha256`` names its state, ``former_state`` the one before; ``pruned``: its objects are gone, or going.
    """

    version: str
    manifest: Mapping[str, Any]
    state_sha256: str
    state_through: int
    former_state: str | None = None
    decision: Mapping[str, Any] | None = None
    expires_at: datetime | None = None
    pruned: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """All that is known of it: the manifest, its state's checksum, and the decision, if there is one."""
        decision = {} if self.decision is None else {"decision": dict(self.decision)}
        return {**self.manifest, "state_sha256": self.state_sha256, **decision}

    def standing(self, pointer: Pointer) -> Standing:
        """Derived, so that it cannot disagree with the pointer."""
        if self.version == pointer.points_to:
            return "champion"
        if self.expires_at is None:
            return "retired"
        return "refused" if self.decision is not None and not self.decision["won"] else "candidate"

    def is_over(self, now: datetime) -> bool:
        """Whether it has expired by ``now``, whether or not the table has dropped it yet."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class Pruned:
    """A version whose objects were deleted, and how many."""

    version: str
    objects: int


@dataclass(frozen=True)
class RolledBack:
    """Where a rollback led, and why each version was passed over that could not serve."""

    pointer: Pointer
    skipped: Mapping[str, str]


def sha256_of(content: bytes) -> str:
    """Returns the checksum by which bytes are known."""
    return hashlib.sha256(content).hexdigest()


def version_of(content: bytes, at: datetime) -> str:
    """Returns the name of a model: when it was trained and what its bytes are, so that it never means another.

    >>> version_of(b"bytes", datetime(2026, 3, 14, 12, 30, tzinfo=UTC))
    '20260314T1230Z-277089d9'
    """
    return f"{at:{_VERSION}}-{sha256_of(content)[:8]}"


def trained_at(version: str) -> datetime:
    """Returns when a version was trained, by its name; long ago, if that is no version's."""
    try:
        return datetime.strptime(version.partition("-")[0], _VERSION).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def predecessors(log: Iterable[Served]) -> list[str]:
    """What to go back to from here, the next first: what was promoted and has not been gone back from; each once.

    >>> def log(*entries):  # newest first
    ...     return [Served(version, datetime(2026, 3, 1), why, None) for version, why in reversed(entries)]
    >>> promoted = [("A", PROMOTED), ("B", PROMOTED), ("A", "promoted by hand")]
    >>> predecessors(log(*promoted))
    ['A', 'B']
    >>> predecessors(log(*promoted, ("B", ROLLED_BACK), ("C", PROMOTED)))
    ['C', 'B']
    """
    line: list[str] = []
    for entry in reversed(list(log)):
        if entry.why != ROLLED_BACK:
            line = [version for version in line if version != entry.version]
        elif entry.version in line:
            line = line[: line.index(entry.version)]
        else:
            line = []
        if entry.version is not None:
            line.append(entry.version)
    return line[::-1]
