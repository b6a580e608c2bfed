"""What a drain talks to, what it goes by, and what it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.ports import Houses, JobQueue, Observations, ReadingsQueue, Rejects, Sets, Settings
from roomidity.pipeline.quotas import Quotas
from roomidity.pipeline.slot_writing import SlotWriter
from roomidity.pipeline.waves import WaveSize
from roomidity.readings import DUPLICATES, LIMITS, Limits
from roomidity.readings.reasons import FORGOTTEN

if TYPE_CHECKING:
    from roomidity.pipeline.device_maps import ParsedMaps

__all__ = ["DrainPorts", "DrainRules", "DrainSummary"]


@dataclass(frozen=True)
class DrainPorts:
    """What a drain talks to."""

    readings: ReadingsQueue
    forecast_jobs: JobQueue
    houses: Houses
    sets: Sets
    observations: Observations
    rejects: Rejects
    settings: Settings
    backoff: BackOff
    parsed_maps: ParsedMaps = field(default_factory=dict, compare=False)
    """Device maps of houses, from drain to drain."""

    batches_refused: Callable[[], str | None] = field(default=lambda: None, compare=False)
    """Why new items cannot be written many at a time, where they cannot."""

    @property
    def slots(self) -> SlotWriter:
        """What stores and derives."""
        return SlotWriter(self.houses, self.sets, self.observations, self.backoff)


@dataclass(frozen=True)
class DrainRules:
    """What a drain goes by. ``timezone`` is that of houses seen for the first time.

    With under ``last_wave_s`` left no wave begins, with under ``last_round_s`` a wave leaves the rest of it; a round
    takes some 10 s where DynamoDB answers slowly. With ``asking_s`` left forecasts are asked for, whatever goes on.
    """

    timezone: str
    limits: Limits = LIMITS
    wave: WaveSize = field(default_factory=WaveSize)
    quotas: Quotas = field(default_factory=Quotas)
    last_wave_s: float = 60.0
    last_round_s: float = 45.0
    asking_s: float = 30.0


@dataclass
class DrainSummary:
    """Counts of one drain; ``outcomes`` of accepted readings, ``rejected`` by reason.

    ``left`` are readings that it saw and left in the queue, in messages that are ``undeleted``: for want of time, over
    a quota, or as something could not be written. They count as received once they are dealt with. ``no_reading`` and
    ``retained`` are messages of a gateway that hold none: with no room's quantity, or an old one of unknown age.
    """

    waves: int = 0
    messages: int = 0
    received: int = 0
    left: int = 0
    late: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    slots_changed: int = 0
    slots_rederived: int = 0
    undeleted: int = 0
    no_reading: int = 0
    retained: int = 0
    active_houses: int = 0
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
    def alarming(self) -> int:
        """Rejected readings to look into: not those of forgotten houses, nor those that wait for a device map."""
        return self.rejected.total() - self.rejected[FORGOTTEN] - self.rejected["unmapped"]

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
            "left": self.left,
            "late": self.late,
            "slots_changed": self.slots_changed,
            "slots_rederived": self.slots_rederived,
            "undeleted": self.undeleted,
            "no_reading": self.no_reading,
            "retained": self.retained,
            "active_houses": self.active_houses,
            "forecast_jobs": self.forecast_jobs,
            "violations": self.violations,
        }
