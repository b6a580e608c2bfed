"""What a forecast makes of an airing: the warmth that the room regains, where a contact saw it and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from roomidity.domain.advice.effects import regained
from roomidity.domain.contacts import Opening, RoomContact, room_contacts
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.knots import at_knots
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.rooms import Room
from roomidity.domain.slots import SLOT
from roomidity.forecasting import Window
from roomidity.pipeline.forecasts import explain_room, forecast_house
from roomidity.pipeline.openings import contact_slots, open_since, opening_words, rewarming
from tests.fakes import FakeObservations, World
from tests.unit.pipeline.test_forecasts import observe
from tests.unit.samples import NOW, slot_key

LEADS_H = (np.arange(96) + 0.5) / 4


def cooled(by_k: float, *, agreed: bool = True, before_k: float = 0.0) -> Window:
    """Two rooms, of which the bath has cooled by so much in the last slot, and was so much warmer in the one before."""
    values = np.full((2, 2, 192), 21.0)
    values[..., :-8] += 0.3 * np.sin(np.arange(184) / 9)
    values[0, 1, -2:] += before_k, -by_k
    bear_out = np.full(values.shape, agreed)
    return Window(rooms=("bath", "hall"), end=NOW, timezone="UTC", values=values, agreed=bear_out)


def opened(minutes_ago: float, *, closed_ago: float = 0.0) -> RoomContact:
    return RoomContact((Opening(NOW - timedelta(minutes=minutes_ago), NOW - timedelta(minutes=closed_ago)),))


@pytest.mark.parametrize(
    ("by_k", "contact", "regained_k"),
    [
        (2.0, opened(10), 2.0),
        (2.0, opened(75), 2.0),
        (2.0, opened(40, closed_ago=14), 2.0),
        (2.0, opened(76), None),  # it may be as cold by now without
        (2.0, opened(40, closed_ago=15), None),  # it is warming already
        (20.0, opened(10), 6.0),
        (-1.0, opened(10), None),
        (0.0, opened(10), None),
        (np.nan, opened(10), None),
        (2.0, RoomContact(), None),
    ],
)
def test_what_a_room_lost_while_aired_comes_back(by_k: float, contact: RoomContact, regained_k: float | None) -> None:
    found = rewarming(cooled(by_k), {"bath": contact, "attic": opened(10)})
    assert found.keys() == (set() if regained_k is None else {"bath"})
    if regained_k is not None:
        np.testing.assert_allclose(found["bath"], regained_k * regained(LEADS_H))


@pytest.mark.parametrize(
    "window",
    [cooled(1.0, before_k=14.0), cooled(20.0, agreed=False)],
    ids=["a wild value before", "a drop that nothing has confirmed"],
)
def test_what_a_forecast_does_not_believe_is_not_given_back(window: Window) -> None:
    """It goes on from the value before, which the window has not lowered."""
    assert not rewarming(window, {"bath": opened(10)})


@pytest.mark.parametrize(("days", "grade"), [(3, "prior"), (0.25, "sparse")])
def test_a_forecast_beside_an_open_window_regains_the_temperature_and_no_other_number_moves(
    days: float, grade: str
) -> None:
    world = World()
    observe(world, ("kitchen", "bath", "outdoor"), days=days)
    key = slot_key("h1", NOW - SLOT)
    observed, version = world.observations.stored[key]
    cold = Statistics(observed["kitchen"]["temperature"].value - 1.5, 0, 0, 1)
    contact = Statistics(1.0, 1.0, 1.0, 1, changes={"": "+60"})
    kitchen = {**observed["kitchen"], "temperature": cold, "contact": contact}
    world.observations.stored[key] = ({**observed, "kitchen": kitchen}, version)

    def issued() -> list[StoredForecast]:
        return sorted(forecast_house(world.forecast_ports(), house="h1", issued_at=NOW).rooms, key=lambda one: one.room)

    plain = issued()
    home = world.houses.get("h1")
    assert home is not None
    room = home.rooms["kitchen"]
    heard = replace(room, measured={**room.measured, "contact": NOW})
    world.houses.put(replace(home, rooms={**home.rooms, "kitchen": heard}))
    bath, aired = issued()
    np.testing.assert_array_equal(bath.quantiles, plain[0].quantiles)
    home = world.houses.get("h1")
    assert home is not None
    reasons = {one.quantity: one for one in explain_room(world.forecast_ports(), house=home, forecast=aired)}
    for quantity, row in (("humidity", 0), ("temperature", 1)):
        assert reasons[quantity].regained.any() == (grade == "prior" and quantity == "temperature")
        said = reasons[quantity].newest + reasons[quantity].expected
        np.testing.assert_allclose(said, aired.quantiles[row, 1, [3, 11, 23, 47, 95]], atol=0.06)
    np.testing.assert_array_equal(aired.quantiles[0], plain[1].quantiles[0])
    assert (aired.grade["temperature"], aired.open_since) == (grade, NOW - timedelta(minutes=14))
    rise = at_knots(aired.quantiles[1] - plain[1].quantiles[1])
    if grade != "prior":  # it rests on too little to be put right
        assert not rise.any()
        return
    np.testing.assert_allclose(rise, np.tile(at_knots(1.5 * regained(LEADS_H)), (3, 1)), atol=0.15)
    assert rise.max() > 0.9


@pytest.mark.parametrize(("open_h", "said"), [(3, "since 05:10"), (10, "since 22:10"), (48, "since 20:10 or before")])
def test_a_window_that_is_open_for_longer_than_is_read_was_not_opened_when_reading_began(
    open_h: int, said: str
) -> None:
    """Its contact reports every hour, and the first report that is read says open."""
    stored = FakeObservations()
    for hours in range(1, 60):
        state = Statistics(1.0, 0.0, 1.0, 1, changes={"": "+600" if hours <= open_h else "-600"})
        stored.put_many({slot_key("h1", NOW - timedelta(hours=hours)): ({"bath": {"contact": state}}, Origin(1))})
    home = House("h1", "UTC", {"bath": Room(NOW, NOW, frozenset({""}), {"contact": NOW})})
    since = open_since(room_contacts(contact_slots(stored, home, NOW), until=NOW))["bath"]
    assert opening_words(since, issued_at=NOW, zone="UTC").startswith(f"forecast with the window open ({said});")
