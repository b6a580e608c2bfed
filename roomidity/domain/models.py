"""A house's models: a record of each version, the pointer to the serving version, and the log of what served."""

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
"""Why a model serves, as written in the log."""

_VERSION: Final = "%Y%m%dT%H%MZ"

Standing = Literal["candidate", "champion", "retired", "refused"]


@dataclass(frozen=True)
class Pointer:
    """Which model serves a house. ``points_to`` is None for the prior. ``counter`` is 0 if nothing was ever promoted.

    ``previous`` is what served before. It serves again if the champion is refused or rolled back.
    """

    points_to: str | None = None
    previous: str | None = None
    since: datetime | None = None
    counter: int = 0

    @property
    def succession(self) -> tuple[str, ...]:
        """The versions to serve, in order of preference. If all of them are refused, the prior serves."""
        return tuple(version for version in (self.points_to, self.previous) if version is not None)


@dataclass(frozen=True)
class Served:
    """A log entry: ``version`` (None: the prior) served from ``since`` on, for the reason ``why``.

    ``previous`` is the pointer's previous version at that time.
    """

    version: str | None
    since: datetime
    why: str
    previous: str | None


@dataclass(frozen=True)
class ModelRecord:
    """What is known of a version. ``expires_at`` is None if it serves or has served, and is therefore kept.

    ``state_sha256`` identifies its state and ``former_state`` the one before. ``pruned`` means that its objects are
    deleted or being deleted.
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
        """All that is known of the version: the manifest, its state's checksum, and the decision if there is one."""
        decision = {} if self.decision is None else {"decision": dict(self.decision)}
        return {**self.manifest, "state_sha256": self.state_sha256, **decision}

    def standing(self, pointer: Pointer) -> Standing:
        """Returns its standing, which is derived so that it cannot contradict the pointer."""
        if self.version == pointer.points_to:
            return "champion"
        if self.expires_at is None:
            return "retired"
        return "refused" if self.decision is not None and not self.decision["won"] else "candidate"

    def is_over(self, now: datetime) -> bool:
        """Returns whether it has expired by ``now``, even if the table has not deleted it yet."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True)
class Pruned:
    """A version whose objects were deleted, and how many there were."""

    version: str
    objects: int


@dataclass(frozen=True)
class RolledBack:
    """The pointer after a rollback, and why each skipped version could not serve."""

    pointer: Pointer
    skipped: Mapping[str, str]


def sha256_of(content: bytes) -> str:
    """Returns the SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def version_of(content: bytes, at: datetime) -> str:
    """Returns the name of a model: when it was trained, and a checksum of its bytes so that no name is reused.

    >>> version_of(b"bytes", datetime(2026, 3, 14, 12, 30, tzinfo=UTC))
    '20260314T1230Z-277089d9'
    """
    return f"{at:{_VERSION}}-{sha256_of(content)[:8]}"


def trained_at(version: str) -> datetime:
    """Returns when a version was trained, read from its name, or ``datetime.min`` if it is not a version's name."""
    try:
        return datetime.strptime(version.partition("-")[0], _VERSION).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def predecessors(log: Iterable[Served]) -> list[str]:
    """Returns the versions to go back to, nearest first and each once: those promoted and not since rolled back from.

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
