"""A stored set that cannot be read costs its own slot alone, and nothing of that slot is lost."""

from __future__ import annotations

import json

import pytest

from roomidity.domain.messages import Message
from roomidity.domain.observations import StoredSet
from roomidity.domain.slots import SLOT, format_moment
from roomidity.pipeline.drain import DrainConfig, drain
from roomidity.pipeline.waves import WaveSize, portions
from tests.fakes import InMemory
from tests.oracle import sets_of
from tests.schedules import bins_of
from tests.unit.samples import NOW, SLOT_START, reading, slot_key


@pytest.mark.parametrize("damage", [b"\x02", b"\x01", b"\x01abc", b""])
def test_an_unreadable_set_leaves_its_readings_in_the_queue_and_stops_nothing_else(damage: bytes) -> None:
    place = InMemory(NOW)
    broken = slot_key("h1", SLOT_START)
    place.world.sets.stored[broken] = StoredSet(damage, 3)
    other = reading(ts=format_moment(SLOT_START + SLOT))
    place.send(map(json.dumps, [reading(), other, {"readings": [reading(), reading(house="h2")]}]))
    summary = drain(place.ports, DrainConfig(timezone="UTC"), now=NOW, remaining_s=lambda: 300.0)
    assert (summary.received, summary.stored, summary.violations, summary.undeleted) == (4, 2, 1, 2)
    assert place.world.sets.stored.pop(broken) == StoredSet(damage, 3)
    assert bins_of(place.sets()) == sets_of([other, reading(house="h2")])
    place.world.readings.time_out()
    again = drain(place.ports, DrainConfig(timezone="UTC"), now=NOW, remaining_s=lambda: 300.0)
    assert again.violations == again.undeleted == 0
    assert bins_of(place.sets()) == sets_of([reading(), other, reading(house="h2")])


def test_portions_keep_every_message_in_order_and_bound_what_is_decoded_at_once() -> None:
    messages = [Message(str(n), "1," * n, 0, str(n)) for n in (5, 5, 900, 1, 2)]
    found = list(portions(messages, WaveSize(commas=12)))
    assert [one for portion in found for one in portion] == messages
    assert [len(portion) for portion in found] == [2, 1, 2]
    assert list(portions([], WaveSize())) == []
