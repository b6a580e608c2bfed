"""Separates what was sent of a house before it was forgotten from everything else in a drain.

It is counted and dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import polars as pl

from roomidity.domain.deletion import lives_of
from roomidity.domain.houses import House
from roomidity.domain.messages import Message
from roomidity.domain.names import is_key, kept_name
from roomidity.domain.rejects import named_houses, quoted_houses
from roomidity.domain.slots import SlotKey
from roomidity.pipeline.ports import Houses
from roomidity.readings import Checked
from roomidity.readings.rejected import count_by_reason, divide

__all__ = ["Deletions", "slots_of"]


@dataclass(frozen=True)
class Deletions:
    """Deletions of the houses that messages name.

    ``lives`` maps a name to when a house of it was forgotten (ms since 1970).

    ``asked`` are the names that were looked up.
    """

    messages: Sequence[Message]
    asked: AbstractSet[str]
    lives: Mapping[str, int]

    @classmethod
    def of(cls, messages: Sequence[Message], asked: AbstractSet[str], homes: Mapping[str, House]) -> Deletions:
        """Returns the deletions among the houses that were asked for and found."""
        return cls(messages, asked, lives_of(homes.values()))

    def without(self, checked: Checked) -> tuple[Checked, pl.DataFrame]:
        """Returns the checked readings without those of forgotten houses, and the (message, house, slot) of these."""
        columns = ["message", "house", "slot"]
        if not self.lives:
            return checked, checked.accepted.select(columns).clear()
        sent = pl.Series("sent", [message.origin_ms for message in self.messages], dtype=pl.Int64)
        names = pl.Series(list(self.lives), dtype=pl.String)
        ends = pl.Series(list(self.lives.values()), dtype=pl.Int64)
        rows = checked.accepted.with_columns(
            sent.gather(checked.accepted["message"]).alias("sent"),
            pl.col("house").replace_strict(names, ends, default=-1, return_dtype=pl.Int64).alias("end"),
        )
        is_gone = pl.col("sent") <= pl.col("end")
        left = rows.filter(~is_gone).select(checked.accepted.columns)
        return replace(checked, accepted=left), rows.filter(is_gone).select(columns)

    def naming(self, places: Iterable[int], houses: Houses) -> Deletions:
        """Returns these deletions, extended by houses that some messages name in text that is not a reading."""
        more = self._named(places) - self.asked
        found = houses.get_many(sorted(more)) if more else {}
        return replace(self, asked=self.asked | more, lives={**self.lives, **lives_of(found.values())})

    def again(self, places: Iterable[int], houses: Houses) -> Deletions:
        """Returns the deletions read again, for the houses that some messages name."""
        named = sorted(self._named(places))
        return replace(self, lives={**self.lives, **lives_of(houses.get_many(named).values())}) if named else self

    def _named(self, places: Iterable[int]) -> set[str]:
        quoted = {name for place in places for name in quoted_houses(self.messages[place].body)}
        return {name for name in map(kept_name, quoted) if is_key(name)}

    def _is_of_before(self, sent_ms: int, reject: Mapping[str, Any]) -> bool:
        return any(sent_ms <= self.lives.get(house, -1) for house in named_houses(reject))

    def split(self, lines: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
        """Returns reject lines without those of houses forgotten since, and the number of readings removed."""
        if not self.lives:
            return list(lines), 0
        sent = {message.id: message.origin_ms for message in self.messages}
        kept, gone = [], 0
        for line in lines:
            of_before = partial(self._is_of_before, sent[line["message_id"]])
            of_gone, others = divide(line, of_before)
            gone += sum(count_by_reason(of_gone).values()) if of_gone else 0
            kept += [others] if others else []
        return kept, gone


def slots_of(gone: pl.DataFrame) -> list[SlotKey]:
    """Returns the slots of what was dropped."""
    return [SlotKey(*key) for key in gone.select("house", "slot").unique().iter_rows()]
