"""What a drain did, and the law that it obeys: received = stored + duplicate + rejected, in readings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from roomidity.readings import DUPLICATES

__all__ = ["DrainSummary"]


@dataclass
class DrainSummary:
    """Counts of one drain; ``outcomes`` of accepted readings, ``rejected`` by reason."""

    waves: int = 0
    messages: int = 0
    received: int = 0
    late: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    slots_changed: int = 0
    slots_rederived: int = 0
    undeleted: int = 0
    forecast_jobs: int = 0
    violations: int = 0

    def add(self, other: DrainSummary) -> None:
        """Add another's counts to these."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    @property
    def stored(self) -> int:
        """Readings that grew a set."""
        return self.outcomes["stored"]

    @property
    def duplicate(self) -> int:
        """Accepted readings that did not."""
        return sum(self.outcomes[kind] for kind in DUPLICATES)

    @property
    def conserved(self) -> bool:
        """Whether every reading received is accounted for."""
        return self.received == self.stored + self.duplicate + self.rejected.total()

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain values, for logs and answers."""
        return {
            "waves": self.waves,
            "messages": self.messages,
            "readings": {
                "received": self.received,
                "stored": self.stored,
                "duplicate": self.duplicate,
                "rejected": self.rejected.total(),
            },
            "duplicates": {kind: self.outcomes[kind] for kind in DUPLICATES},
            "rejects": dict(sorted(self.rejected.items())),
            "late": self.late,
            "slots_changed": self.slots_changed,
            "slots_rederived": self.slots_rederived,
            "undeleted": self.undeleted,
            "forecast_jobs": self.forecast_jobs,
            "violations": self.violations,
        }
