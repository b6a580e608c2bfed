"""The ports, configuration and counts of a drain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.ports import Houses, JobQueue, Observations, ReadingsQueue, Rejects, Sets, Settings, Weather
from roomidity.pipeline.quotas import Quotas
from roomidity.pipeline.slot_writing import SlotWriter
from roomidity.pipeline.waves import WaveSize
from roomidity.readings import DUPLICATES, LIMITS, Limits
from roomidity.readings.reasons import FORGOTTEN

if TYPE_CHECKING:
    from roomidity.pipeline.device_maps import ParsedMaps

__all__ = ["DrainConfig", "DrainPorts", "DrainSummary"]


@dataclass(frozen=True)
class DrainPorts:
    """The ports of a drain."""

    readings: ReadingsQueue
    forecast_jobs: JobQueue
    houses: Houses
    sets: Sets
    observations: Observations
    rejects: Rejects
    settings: Settings
    weather: Weather
    backoff: BackOff
    parsed_maps: ParsedMaps = field(default_factory=dict, compare=False)
    """Parsed device maps by house, which are kept from drain to drain."""

    batches_refused: Callable[[], str | None] = field(default=lambda: None, compare=False)
    """Why new items cannot be written many at a time, where they cannot."""

    def slots_at(self, now: datetime) -> SlotWriter:
        """Returns the writer that stores sets and derives observations."""
        return SlotWriter(self.houses, self.sets, self.observations, self.backoff, now)


@dataclass(frozen=True)
class DrainConfig:
    """The configuration of a drain. ``timezone`` is given to houses seen for the first time.

    No wave begins with less than ``last_wave_s`` left. A wave leaves its rest when less than ``last_round_s`` is left,
    since a round takes some 10 s if DynamoDB is slow. When ``asking_s`` is left, forecasts are requested whatever else
    is going on.
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
    """The counts of one drain. ``outcomes`` counts accepted readings, and ``rejected`` the rejected ones by reason.

    ``left`` counts readings that the drain saw and left in the queue, in messages counted as ``undeleted``, because
    there was no time, they exceeded a quota, or something could not be written. They count as received once they are
    dealt with. ``no_reading`` counts gateway messages without any quantity of a room, and ``retained`` old ones of
    unknown age.
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
        """Add the counts of another summary to these."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    @property
    def stored(self) -> int:
        """Number of readings that added to a set."""
        return self.outcomes["stored"]

    @property
    def duplicate(self) -> int:
        """Number of accepted readings that did not add to a set."""
        return sum(self.outcomes[kind] for kind in DUPLICATES)

    @property
    def alarming(self) -> int:
        """Number of rejected readings that need attention.

        It excludes those of forgotten houses or waiting for a device map.
        """
        return self.rejected.total() - self.rejected[FORGOTTEN] - self.rejected["unmapped"]

    @property
    def conserved(self) -> bool:
        """Whether every received reading is accounted for."""
        return self.received == self.stored + self.duplicate + self.rejected.total()

    def as_dict(self) -> dict[str, Any]:
        """Returns the counts as plain values, for logs and responses."""
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
