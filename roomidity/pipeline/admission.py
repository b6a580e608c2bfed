"""Admission: what was seen of a house is written into it before any of its readings is stored.

A new house takes one of the places that the quotas leave. Known houses come first. New houses follow in order of how
many new houses their message names, so that whoever names thousands in one message is served last.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Final

import polars as pl

from roomidity.domain.deletion import is_open
from roomidity.domain.houses import REAL_SLOTS, House, Seen, Trial
from roomidity.domain.quantities import MEASURED
from roomidity.domain.reread import Reread
from roomidity.domain.slots import SLOT_MS, from_epoch_ms, to_epoch_ms
from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Houses
from roomidity.pipeline.quotas import Allowance
from roomidity.readings import Reason

__all__ = ["Admission", "Admitted"]

logger: Final = logging.getLogger(__name__)

_REFUSED = dict.fromkeys(("house", "room", "sensor", "reason"), pl.String)


@dataclass
class Admitted:
    """The outcome of an admission.

    ``refusals`` are the (house, room, sensor, reason) that were refused. ``left`` are the houses left for another
    drain, because there was no time, they cannot be read, they are being forgotten, or other writers were faster every
    time. The last case also sets ``overtaken``.
    """

    refusals: list[tuple[str, str, str, Reason]] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    overtaken: ConflictError | None = None

    @property
    def refused(self) -> pl.DataFrame:
        """The refusals, one per row."""
        return pl.DataFrame(self.refusals, schema=_REFUSED, orient="row")


@dataclass(frozen=True)
class Admission:
    """Writes into houses what was seen of them. ``timezone`` is given to houses seen for the first time."""

    houses: Houses
    backoff: BackOff
    timezone: str
    now: datetime
    allowance: Allowance

    def admit(
        self,
        accepted: pl.DataFrame,
        *,
        may_go_on: Callable[[], bool] = lambda: True,
        known: Mapping[str, House] | None = None,
    ) -> Admitted:
        """Write into each house what was seen of it. Returns what was refused or left.

        ``may_go_on`` is asked before each house.

        ``known`` are the houses as they were just read, if they were. They are read again only if other writers changed
        them in the meantime.
        """
        admitted = Admitted()
        pending = _seen(accepted)
        lives: dict[str, int] | None = None
        for attempt in range(ATTEMPTS):
            found = known if known is not None else self.houses.get_many(pending) if pending else {}
            known = None
            lives = {name: home.life for name, home in found.items()} if lives is None else lives
            for name in [name for name in pending if name in found and not self._may_come(found[name], lives)]:
                logger.warning("a house is being forgotten; its readings stay in the queue", extra={"house": name})
                admitted.left.add(name)
                del pending[name]
            before = {name: self._standing(name, found.get(name)) for name in pending}
            new = {name for name in before if name not in found or self._is_over(found[name])}
            heard = _heard(accepted, {name for name, house in before.items() if house.on_trial})
            for name in [*(name for name in pending if name not in new), *_in_little_company(new, accepted)]:
                if not may_go_on():
                    admitted.left.update(pending)
                    return admitted
                if name in new and not self.allowance.places(self.houses.all):
                    admitted.refusals += [(name, seen.room, seen.sensor, "quota") for seen in pending.pop(name)]
                    continue
                house = before[name]
                if house.flaw is not None:
                    logger.error("a house cannot be read; its readings stay in the queue", extra={"house": name})
                    admitted.left.add(name)
                    del pending[name]
                    continue
                grown, no_place = house.hear(heard.get(name, ()), now=self.now).admit(pending[name])
                if grown.rooms.keys() - house.rooms.keys() and grown.reread is not None:
                    # A room that comes back may have a past, which no night saw while it was away.
                    past = self._past
                    grown = replace(grown, reread=grown.reread.with_slots((past.first, past.last)))
                if not (house.version and grown.is_recorded(house)):
                    try:
                        self.houses.put(grown)
                    except ConflictError:
                        continue
                if name in new:
                    self.allowance.take_place()
                admitted.refusals += [(name, room, sensor, "too_many") for room, sensor in no_place]
                del pending[name]
            if not pending:
                return admitted
            self.backoff.pause(attempt)
        admitted.overtaken = ConflictError(f"houses {', '.join(sorted(pending))}", attempts=ATTEMPTS)
        admitted.left.update(pending)
        return admitted

    @property
    def _past(self) -> Reread:
        return Reread.until(to_epoch_ms(self.now) // SLOT_MS)

    def _standing(self, name: str, found: House | None) -> House:
        """Returns the house as it is, or a new one if there is none. A new one also replaces a house that is over."""
        if found is not None and not self._is_over(found):
            return found
        begins = House(name=name, timezone=self.timezone, admitted_at=self.now, trial=Trial(), reread=self._past)
        if found is None:
            return begins
        return replace(begins, version=found.version, forgotten_at=found.forgotten_at)

    def _is_over(self, found: House) -> bool:
        """Returns whether the house has expired or was forgotten, so that a new one takes its place."""
        return found.has_expired(self.now) or found.is_forgotten

    def _may_come(self, found: House, lives: Mapping[str, int]) -> bool:
        """Returns whether the house was not forgotten since it was first read here, and is not being forgotten now."""
        return found.life == lives.get(found.name, 0) and is_open(found, self.now)


def _in_little_company(new: Collection[str], accepted: pl.DataFrame) -> list[str]:
    """Returns new houses ordered by how many of them their message names, then by order of arrival."""
    if len(new) < 2:
        return list(new)
    named = accepted.select("message", "house").unique().filter(pl.col("house").is_in(list(new)))
    company = named.with_columns(pl.len().over("message").alias("company")).group_by("house").agg(pl.all().min())
    return company.sort("company", "message", "house")["house"].to_list()


def _heard(accepted: pl.DataFrame, names: Collection[str]) -> Mapping[str, Sequence[datetime]]:
    """Returns slots in which houses on trial were heard, just enough to tell whether the houses are real."""
    if not names:
        return {}
    slots = accepted.filter(pl.col("house").is_in(list(names))).group_by("house")
    found = slots.agg(pl.col("slot").unique().head(REAL_SLOTS)).iter_rows()
    return {name: [from_epoch_ms(ms) for ms in heard] for name, heard in found}


def _seen(accepted: pl.DataFrame) -> dict[str, list[Seen]]:
    """Returns by house the sensors that the readings show, and when each last measured a quantity."""
    at = pl.col("slot") + pl.col("time_ms")
    groups = accepted.group_by("house", "room", "sensor").agg(
        at.min().alias("first"),
        at.max().alias("last"),
        *(at.filter(pl.col(quantity).is_not_null()).max().alias(quantity) for quantity in MEASURED),
    )
    moment = cache(from_epoch_ms)  # cached, because most moments of a room are equal, and so are those of many rooms
    seen: dict[str, list[Seen]] = {}
    for house, room, sensor, first, last, *newest in groups.iter_rows():
        measured: dict[str, datetime] = {
            name: moment(ms) for name, ms in zip(MEASURED, newest, strict=True) if ms is not None
        }
        seen.setdefault(house, []).append(Seen(room, sensor, moment(first), moment(last), measured))
    return seen
