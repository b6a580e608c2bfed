"""What a drain relies on its ports for: one contract, run against the fakes, moto and the local engine alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from roomidity.domain.houses import House, Seen
from roomidity.domain.messages import Message
from roomidity.domain.observations import Observation, Origin, Statistics, StoredSet
from roomidity.domain.reread import Reread
from roomidity.domain.slots import SLOT, SLOT_MS, SlotKey, to_epoch_ms
from roomidity.errors import ConflictError
from tests.schedules import Place

__all__ = ["CONTRACT"]

DAY: Final = date(2026, 1, 5)


def keys(place: Place, count: int) -> list[SlotKey]:
    first = to_epoch_ms(place.now - 4 * SLOT)
    return [SlotKey(place.houses()[0], first + number * SLOT_MS) for number in range(count)]


def observation(mean: float) -> Observation:
    return {"kitchen": {"temperature": Statistics(mean, mean, mean, 1)}}


def received(place: Place, count: int) -> list[Message]:
    """What waits, in as many calls as it takes."""
    found: list[Message] = []
    for _ in range(20):
        found += place.ports.readings.receive()
        if len(found) >= count:
            break
    return found


def a_message_comes_until_it_is_deleted(place: Place) -> None:
    bodies = {f"body {number} ☔" for number in range(5)}
    place.send(bodies)
    first = received(place, 5)
    assert {message.body for message in first} == bodies
    assert len({message.id for message in first}) == len({message.handle for message in first}) == 5
    assert place.ports.readings.receive() == [], "in flight it is hidden from others"
    assert place.ports.readings.delete(first[:3]) == []
    place.show(first)
    again = received(place, 2)
    assert {message.body for message in again} == {message.body for message in first[3:]}
    assert {message.id for message in again} == {message.id for message in first[3:]}
    assert place.ports.readings.delete(again) == []
    assert place.is_empty()


def deleting_nothing_and_what_is_deleted_does_no_harm(place: Place) -> None:
    place.send(["body"])
    messages = received(place, 1)
    assert place.ports.readings.delete([]) == []
    assert place.ports.readings.delete(messages) == []
    assert place.ports.readings.delete(messages) in ([], messages), "the service may say that it failed"
    assert place.is_empty()


def a_set_is_written_on_the_version_before_it_or_not_at_all(place: Place) -> None:
    sets, (first, second, third) = place.ports.sets, keys(place, 3)
    assert sets.put_many({}) == set()
    assert sets.get_many([first]) == {}
    assert sets.put_many({first: StoredSet(b"a", 1), second: StoredSet(b"b", 1)}) == set()
    lost = sets.put_many({first: StoredSet(b"x", 1), second: StoredSet(b"c", 2), third: StoredSet(b"x", 2)})
    assert lost == {first, third}
    assert sets.put_many({second: StoredSet(b"x", 4)}) == {second}
    assert sets.get_many([first, second, third]) == {first: StoredSet(b"a", 1), second: StoredSet(b"c", 2)}


def a_set_is_raised_to_any_version_if_it_is_as_it_was_read(place: Place) -> None:
    sets, (first, second) = place.ports.sets, keys(place, 2)
    sets.put_many({first: StoredSet(b"a", 1)})
    read = sets.get_many([first])
    assert sets.raise_versions({}, {}) == set()
    assert sets.raise_versions(read | {second: StoredSet(b"gone", 3)}, {first: 9, second: 9}) == {second}
    assert sets.get_many([first, second]) == {first: StoredSet(b"a", 9)}
    assert sets.raise_versions(read, {first: 11}) == {first}, "it was changed since it was read"
    assert sets.put_many({first: StoredSet(b"b", 10)}) == set()


def of_many_sets_each_is_written_or_not_on_its_own(place: Place) -> None:
    """So many that the tables write them as a transaction, which one refusal cancels."""
    sets, many = place.ports.sets, keys(place, 60)
    sets.put_many({many[30]: StoredSet(b"there", 1)})
    assert sets.put_many({key: StoredSet(b"new", 1) for key in many}) == {many[30]}
    found = sets.get_many(many)
    assert found.pop(many[30]) == StoredSet(b"there", 1)
    assert found == {key: StoredSet(b"new", 1) for key in many if key != many[30]}


def an_observation_gives_way_only_to_one_of_a_set_and_rules_no_older(place: Place) -> None:
    observations, (key,) = place.ports.observations, keys(place, 1)
    steps = [
        (Origin(2, 1), True),
        (Origin(2, 1), True),  # the same again
        (Origin(1, 1), False),
        (Origin(3, 0), False),  # a newer set under older rules
        (Origin(1, 2), False),
        (Origin(2, 2), True),
        (Origin(4, 2), True),
    ]
    standing = 0.0
    for mean, (origin, written) in enumerate(steps, start=1):
        assert observations.put_many({key: (observation(mean), origin)}) == (set() if written else {key})
        standing = mean if written else standing
        ((_, means),) = observations.means(key.house, key.start, key.start + SLOT)
        assert means == {"kitchen": {"temperature": standing}}
    assert observations.origins([key, SlotKey(key.house, key.slot_ms + SLOT_MS)]) == {key: Origin(4, 2)}
    assert observations.put_many({key: (observation(1.0), Origin(4, 2, "01234567"))}) == set()
    assert observations.origins([key])[key].digest == "01234567"


def a_house_is_written_on_the_version_that_was_read_or_not_at_all(place: Place) -> None:
    houses, name = place.ports.houses, place.houses()[0]
    seen = [Seen(room, "", place.now, place.now) for room in ("kitchen", "bath")]
    assert houses.get(name) is None
    houses.put(House(name, "UTC").admit(seen[:1])[0])
    with pytest.raises(ConflictError):
        houses.put(House(name, "UTC").admit(seen[1:])[0])
    stored = houses.get_many([name, "no such house"])
    assert stored.keys() == {name}
    houses.put(stored[name].admit(seen[1:])[0])
    with pytest.raises(ConflictError):
        houses.put(stored[name])
    found = houses.get(name)
    assert found is not None
    assert (set(found.rooms), found.version) == ({"kitchen", "bath"}, 2)
    assert name in {house.name for house in houses.all()}


def marks_are_written_alone_and_on_the_version_that_was_read_or_not_at_all(place: Place) -> None:
    houses, name = place.ports.houses, place.houses()[0]
    houses.put(House(name, "UTC").admit([Seen("kitchen", "", place.now, place.now)])[0])
    assert houses.mark([]) == set()
    read = houses.without_rooms([name])[name]
    assert read.reread is None
    assert houses.mark([replace(read, reread=Reread(5, 9))]) == set()
    assert houses.mark([replace(read, reread=Reread(1, 2))]) == {name}, "it was marked since it was read"
    found = houses.get(name)
    assert found is not None
    assert (found.reread, found.version, set(found.rooms)) == (Reread(5, 9), 2, {"kitchen"})
    assert houses.without_rooms([name])[name].reread == Reread(5, 9)
    with pytest.raises(ConflictError):
        houses.put(replace(found, version=1, reread=None))
    houses.put(replace(found, timezone="Europe/Brussels"))
    assert houses.get_many([name])[name].reread == Reread(5, 9)


def rejects_of_one_day_stand_beside_each_other(place: Place) -> None:
    def some(first: int) -> list[dict[str, Any]]:
        numbers = range(place.first_tag + first, place.first_tag + first + 2)
        return [{"reason": "malformed", "house": None, "original": f"☔ {number}"} for number in numbers]

    for rejects in (some(0), some(2), some(0)):  # the last as of a wave that came again
        place.ports.rejects.put(DAY, rejects)
    originals = [reject["original"] for reject in place.rejects()]
    assert {f"☔ {place.first_tag + number}" for number in range(4)} <= set(originals)


CONTRACT: Final[tuple[Callable[[Place], None], ...]] = (
    a_message_comes_until_it_is_deleted,
    deleting_nothing_and_what_is_deleted_does_no_harm,
    a_set_is_written_on_the_version_before_it_or_not_at_all,
    a_set_is_raised_to_any_version_if_it_is_as_it_was_read,
    of_many_sets_each_is_written_or_not_on_its_own,
    an_observation_gives_way_only_to_one_of_a_set_and_rules_no_older,
    a_house_is_written_on_the_version_that_was_read_or_not_at_all,
    marks_are_written_alone_and_on_the_version_that_was_read_or_not_at_all,
    rejects_of_one_day_stand_beside_each_other,
)
