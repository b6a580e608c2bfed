"""Stores a part of a wave: decode, check, admit, keep the rejects, store the rest, and only then delete the messages.

A message is deleted only after all its readings are durable. Whatever prevents that (a quota, no time, a reject that
the bucket does not accept) affects only its message. The message stays in the queue, and none of it counts as received.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from roomidity.domain.houses import House
from roomidity.domain.messages import Message
from roomidity.domain.names import is_name, kept_name
from roomidity.domain.slots import floor_slot, from_epoch_ms
from roomidity.pipeline.admission import Admission
from roomidity.pipeline.deletions import Deletions, slots_of
from roomidity.pipeline.drain_parts import DrainConfig, DrainPorts, DrainSummary
from roomidity.pipeline.foreign import Translated, foreign_messages
from roomidity.pipeline.house_settings import units_of
from roomidity.pipeline.noting import DeliveryNoting
from roomidity.pipeline.pasts import Pasts
from roomidity.pipeline.quotas import Allowance
from roomidity.pipeline.weather_storing import StoredIssues, store_issues
from roomidity.readings import Checked, Decoded, check, decode
from roomidity.readings.issues import SentIssues, sent_issues
from roomidity.readings.reasons import FORGOTTEN
from roomidity.readings.rejected import count_by_reason, describe
from roomidity.stopwatch import Timed

if TYPE_CHECKING:
    from roomidity.pipeline.translating import Translator

__all__ = ["WaveStorer"]

logger: Final = logging.getLogger(__name__)

_REPLAYED: Final = timedelta(days=7)
"""A drain that is further behind what it receives goes through a past again, by a clock of its own."""


@dataclass(frozen=True)
class WaveStorer:
    """Stores messages of a drain. ``failures`` are errors that did not stop it, to be reported at its end."""

    ports: DrainPorts
    config: DrainConfig
    now: datetime
    may_go_on: Callable[[], bool]
    timed: Timed
    allowance: Allowance
    noting: DeliveryNoting
    failures: list[Exception] = field(default_factory=list)

    def store(self, messages: list[Message]) -> DrainSummary:
        """Store messages, and delete those that are done. Returns what became of their readings."""
        with self.timed("decode"):
            sent_weather = sent_issues(decode(messages, mark_foreign=True))
            decoded = sent_weather.decoded
        translated = self._translate(decoded)
        decoded = translated.decoded
        with self.timed("store"):
            asked = _named(decoded) | sent_weather.issues.keys()
            known = self.ports.houses.get_many(sorted(asked)) if asked else {}
        homes = {name: home for name, home in known.items() if not home.is_forgotten}
        deletions = Deletions.of(messages, asked, known)
        aliases = {name: home.aliases for name, home in homes.items() if home.aliases}
        with self.timed("decode"):
            past = Pasts(self.ports.observations, self.now, aliases)
            units = units_of(homes.values())
            checked = check(decoded, now=self.now, limits=self.config.limits, units=units, past=past, aliases=aliases)
        with self.timed("store"):
            slots = self.ports.slots_at(self._newest(messages, homes, checked.accepted))
            checked, gone = deletions.without(checked)
            if len(gone):  # a drain that died may have stored some of it
                slots.clear(slots_of(gone))
            checked, left = self._admit(checked, known)
            weather = self._store_issues(sent_weather, checked, homes, deletions)
            left |= weather.left
            checked = replace(checked, rejected=pl.concat([checked.rejected, weather.rejected]))
            rejected = self._keep_rejects(decoded, checked, left, deletions)
            rejected[FORGOTTEN] += len(_without(gone, left))
            rejected.update(weather.rejects(left))
            accepted = _without(checked.accepted, left)
            stored = slots.store(accepted, may_go_on=self.may_go_on, aliases=aliases, lives=deletions.lives)
            self.allowance.count(accepted)
            self.failures.extend([stored.overtaken] if stored.overtaken else [])
        kept = left | stored.left
        with self.timed("delete"):
            undeleted = self.ports.readings.delete(
                [message for place, message in enumerate(messages) if place not in kept]
            )
        done = Checked(accepted=_without(accepted, stored.left), rejected=_without(checked.rejected, kept))
        self.noting.take(messages, done, homes)
        sent, unkept = len(decoded.rows) + translated.unkept.total(), _beside(translated.unkept, left)
        sent += len(sent_weather.messages)
        not_received = (len(_of(decoded.rows, left)) if left else 0) + stored.not_stored
        not_received += len(sent_weather.messages.intersection(left))
        not_received += translated.unkept.total() - unkept
        rejected.update({"unmapped": unkept} if unkept else {})
        summary = DrainSummary(
            waves=1,
            messages=len(messages),
            received=sent - not_received,
            left=not_received,
            late=int(accepted["late"].sum()),
            outcomes=stored.outcomes + weather.counts(left),
            rejected=+rejected,
            slots_changed=stored.slots_changed,
            slots_rederived=stored.slots_rederived,
            undeleted=len(undeleted) + len(kept),
            no_reading=_beside(translated.no_reading, kept),
            retained=_beside(translated.retained, kept),
        )
        if not summary.conserved:
            summary.violations = 1
            logger.error("conservation violated", extra={"wave": summary.as_dict()})
        return summary

    def write_heard(self) -> None:
        """Store what was heard of unmapped devices. If that fails, they will be heard again."""
        if "_translator" in vars(self):
            try:
                self._translator.write_heard()
            except Exception:  # whatever the error, readings are stored
                logger.exception("devices that were heard could not be written")

    @cached_property
    def _translator(self) -> Translator:
        from roomidity.pipeline.translating import Translator  # noqa: PLC0415  # few drains need it

        ports = self.ports
        return Translator(ports.settings, ports.houses, ports.parsed_maps, timezone=self.config.timezone, now=self.now)

    def _translate(self, decoded: Decoded) -> Translated:
        foreign = foreign_messages(decoded)
        if not foreign:
            return Translated(decoded)
        with self.timed("translate"):
            return self._translator.translate(decoded, foreign)

    def _newest(self, messages: Sequence[Message], homes: Mapping[str, House], accepted: pl.DataFrame) -> datetime:
        """Returns what is known to be past: the latest of the drain's clock, what was sent, and what houses measured.

        The clock may be wrong, stand at the start of a long drain, or have been put back; what houses measured, which a
        night may have gone up to, is known to an hour.
        """
        sent = from_epoch_ms(max((message.sent_ms for message in messages), default=0))
        seen = [last for home in homes.values() if (last := home.last_seen) is not None]
        if len(accepted):
            seen.append(from_epoch_ms(int(accepted["slot"].to_numpy().max())))
        return floor_slot(max(self.now, *seen, sent if sent < self.now + _REPLAYED else self.now))

    def _admit(self, checked: Checked, homes: Mapping[str, House]) -> tuple[Checked, set[int]]:
        """Returns the readings that houses have places for, and the messages (by index) left for another drain."""
        left = set(self.allowance.messages_over(checked.accepted))
        if left:
            logger.warning("a house has more readings than a tick stores", extra={"messages_left": len(left)})
        admission = Admission(
            self.ports.houses, self.ports.backoff, self.config.timezone, now=self.now, allowance=self.allowance
        )
        admitted = admission.admit(_without(checked.accepted, left), may_go_on=self.may_go_on, known=homes)
        self.failures.extend([admitted.overtaken] if admitted.overtaken else [])
        if admitted.left:
            late = checked.accepted.filter(pl.col("house").is_in(list(admitted.left)))
            left.update(late["message"].unique())
        return _refuse(checked, admitted.refused), left

    def _store_issues(
        self, sent: SentIssues, checked: Checked, homes: Mapping[str, House], deletions: Deletions
    ) -> StoredIssues:
        """Store what was sent of the weather ahead, of houses that are there, if only since now."""
        if not sent.messages:
            return StoredIssues()
        known = {name for name, home in homes.items() if not home.has_expired(self.now)}
        stored = store_issues(
            self.ports.weather,
            self.ports.houses,
            sent,
            known=known.union(checked.accepted["house"].unique()),
            lives=deletions.lives,
            may_go_on=self.may_go_on,
        )
        self.failures.extend([stored.failure] if stored.failure else [])
        return stored

    def _keep_rejects(self, decoded: Decoded, checked: Checked, left: set[int], deletions: Deletions) -> Counter[str]:
        """Keep what was rejected. Returns counts by reason. If that fails, the messages are added to ``left`` as well.

        Rejects that name a house forgotten since are counted but not kept, even if that happened just now.
        """
        rejected = _without(checked.rejected, left)
        rejects = describe(decoded, rejected)
        counts: Counter[str] = Counter()
        if rejects:
            places = list(rejected["message"].unique())
            try:
                deletions = deletions.naming(places, self.ports.houses)
                rejects, gone = deletions.split(rejects)
                if rejects:
                    key = self.ports.rejects.put(self.now.date(), rejects)
                    still, late = deletions.again(places, self.ports.houses).split(rejects)
                    if late:
                        self.ports.rejects.replace(key, still)
                        rejects, gone = still, gone + late
                counts[FORGOTTEN] += gone
            except Exception as error:  # whatever the error, the good readings of other messages are stored
                logger.exception("rejected readings could not be kept; their messages stay in the queue")
                self.failures.append(error)
                left.update(rejected["message"].unique())
                return counts
        for line in rejects:
            counts.update(count_by_reason(line))
        return counts


def _named(decoded: Decoded) -> set[str]:
    """Returns the houses that readings name."""
    sent = decoded.rows["house"].unique().drop_nulls()
    return {name for name in map(kept_name, sent) if is_name(name)}


def _beside(counts: Counter[int], left: Collection[int]) -> int:
    return sum(count for place, count in counts.items() if place not in left)


def _without(rows: pl.DataFrame, messages: Collection[int]) -> pl.DataFrame:
    return rows.filter(~pl.col("message").is_in(list(messages))) if messages else rows


def _of(rows: pl.DataFrame, messages: Collection[int]) -> pl.DataFrame:
    return rows.filter(pl.col("message").is_in(list(messages)))


def _refuse(checked: Checked, refused: pl.DataFrame) -> Checked:
    """Move readings that the houses have no place for to the rejected ones. Returns the result."""
    if refused.is_empty():
        return checked
    names = ["house", "room", "sensor"]
    readings = checked.accepted.join(refused, on=names).select(
        "message", "position", "house", "room", (pl.col("slot") + pl.col("time_ms")).alias("at"), "reason"
    )
    return Checked(
        accepted=checked.accepted.join(refused, on=names, how="anti"), rejected=pl.concat([checked.rejected, readings])
    )
