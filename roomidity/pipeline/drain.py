"""Drain: wave by wave receive, decode, check, store, and only then delete; at the end, ask for forecasts.

It obeys a law, in readings: received = stored + duplicate + rejected.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import polars as pl

from roomidity.domain.houses import ACTIVE_FOR, House
from roomidity.domain.messages import ForecastJob, Message
from roomidity.domain.names import is_name, kept_name
from roomidity.domain.slots import from_epoch_ms
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.house_settings import units_of
from roomidity.pipeline.ports import Houses, JobQueue, Observations, ReadingsQueue, Rejects, Sets
from roomidity.pipeline.slot_writing import SlotWriter
from roomidity.pipeline.waves import WaveSize, portions, receive_wave
from roomidity.readings import DUPLICATES, LIMITS, Checked, Decoded, Limits, check, decode
from roomidity.stopwatch import Timed, untimed

__all__ = ["DrainPorts", "DrainRules", "DrainSummary", "drain"]

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class DrainPorts:
    """What a drain talks to."""

    readings: ReadingsQueue
    forecast_jobs: JobQueue
    houses: Houses
    sets: Sets
    observations: Observations
    rejects: Rejects
    backoff: BackOff

    @property
    def slots(self) -> SlotWriter:
        """What admits, stores and derives."""
        return SlotWriter(self.houses, self.sets, self.observations, self.backoff)


@dataclass(frozen=True)
class DrainRules:
    """What a drain goes by. ``timezone`` is that of houses seen for the first time."""

    timezone: str
    limits: Limits = LIMITS
    wave: WaveSize = field(default_factory=WaveSize)
    last_wave_s: float = 60.0


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


def drain(
    ports: DrainPorts,
    rules: DrainRules,
    *,
    now: datetime,
    remaining_s: Callable[[], float],
    ask_forecasts: bool = True,
    timed: Timed = untimed,
) -> DrainSummary:
    """Empty the queue into the tables, then ask for a forecast of every active house.

    A message is deleted only after all its readings are durable: stored, or written with the rejects. So a drain that
    ends anywhere, or runs beside another, loses nothing and counts nothing twice.

    Parameters
    ----------
    ports, rules
        What it talks to and goes by.
    now
        The issue time: an aware UTC slot start.
    remaining_s
        How many seconds are left; no new wave begins under ``rules.last_wave_s``.
    ask_forecasts
        Whether forecasts are asked for at the end.
    timed
        Told of the phases: receive, decode, store, delete, ask.
    """
    summary = DrainSummary()
    while remaining_s() > rules.last_wave_s:
        with timed("receive"):
            wave = receive_wave(ports.readings, rules.wave)
        for place, portion in enumerate(portions(wave.messages, rules.wave)):
            if place and remaining_s() <= rules.last_wave_s:
                break  # what is left of the wave comes again
            summary.add(_drain_wave(portion, ports, rules, now=now, timed=timed))
        if wave.last:
            break
    if ask_forecasts:
        with timed("ask"):
            summary.forecast_jobs = _ask_forecasts(ports, now=now)
    return summary


def _drain_wave(
    wave: list[Message], ports: DrainPorts, rules: DrainRules, *, now: datetime, timed: Timed
) -> DrainSummary:
    with timed("decode"):
        decoded = decode(wave)
    with timed("store"):
        homes = _homes(decoded, ports.houses)
        aliases = {name: home.aliases for name, home in homes.items() if home.aliases}
    with timed("decode"):
        checked = check(decoded, now=now, limits=rules.limits, units=units_of(homes.values()), aliases=aliases)
    with timed("store"):
        refused = ports.slots.admit(checked.accepted, timezone=rules.timezone, known=homes)
        checked = _refuse(checked, refused)
        rejects = _describe(decoded, checked.rejected)
        if rejects:
            ports.rejects.put(now.date(), rejects)
        stored = ports.slots.store(checked.accepted, aliases=aliases)
    with timed("delete"):
        undeleted = ports.readings.delete([message for place, message in enumerate(wave) if place not in stored.left])
    summary = DrainSummary(
        waves=1,
        messages=len(wave),
        received=len(decoded.rows),
        late=int(checked.accepted["late"].sum()),
        outcomes=stored.outcomes,
        rejected=Counter(reject["reason"] for reject in rejects),
        slots_changed=stored.slots_changed,
        slots_rederived=stored.slots_rederived,
        undeleted=len(undeleted) + len(stored.left),
    )
    if not summary.conserved:
        summary.violations = 1
        logger.error("conservation violated", extra={"wave": summary.as_dict()})
    return summary


def _homes(decoded: Decoded, houses: Houses) -> dict[str, House]:
    """The houses that readings name, before these are judged: by their settings."""
    sent = decoded.rows["house"].unique().drop_nulls()
    names = sorted({name for name in map(kept_name, sent) if is_name(name)})
    return houses.get_many(names) if names else {}


def _refuse(checked: Checked, refused: pl.DataFrame) -> Checked:
    """Move the readings that the houses have no place for to the rejected ones."""
    if refused.is_empty():
        return checked
    names = ["house", "room", "sensor"]
    too_many = checked.accepted.join(refused, on=names, how="semi").select(
        "message", "position", "house", pl.lit("too_many").alias("reason")
    )
    return Checked(
        accepted=checked.accepted.join(refused, on=names, how="anti"), rejected=pl.concat([checked.rejected, too_many])
    )


def _describe(decoded: Decoded, rejected: pl.DataFrame) -> list[dict[str, Any]]:
    """Each rejected reading with its reason, its message and what was sent, in the order of the wave."""
    rejects = []
    originals: list[Any] = []
    current = None
    for message, position, house, reason in rejected.sort("message", "position").iter_rows():
        if message != current:
            originals, current = decoded.originals(message), message
        sent = decoded.messages[message]
        rejects.append(
            {
                "reason": reason,
                "house": house,
                "message_id": sent.id,
                "position": position,
                "sent_at": from_epoch_ms(sent.sent_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "original": _plain(originals[position]),
            }
        )
    return rejects


def _plain(original: Any) -> Any:
    """The original where strict JSON can write it; else (NaN, infinity) the text that Python writes for it."""
    try:
        json.dumps(original, allow_nan=False)
    except ValueError:
        return json.dumps(original)
    return original


def _ask_forecasts(ports: DrainPorts, *, now: datetime) -> int:
    """A job for each house seen lately, readings or not: a silent gateway must not silence the forecast."""
    active = sorted(
        house.name
        for house in ports.houses.all()
        if house.last_seen is not None and house.last_seen >= now - ACTIVE_FOR
    )
    ports.forecast_jobs.send([ForecastJob(name, now).to_body() for name in active])
    return len(active)
