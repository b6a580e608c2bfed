"""The weather ahead: which issue counts, what it says, and what happens where there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.climate import dew_point, vapour_pressure
from roomidity.domain.knots import KNOTS
from roomidity.domain.quantities import Quantity
from roomidity.domain.slots import SLOT, SLOT_MS, from_epoch_ms
from roomidity.domain.weather import HOURS, WeatherIssue
from roomidity.domain.weather_adds import WeatherAdds, weather_adds, weather_words
from roomidity.forecasting import Model, State, Window, advance, explain, forecast
from roomidity.forecasting.artifacts import pack
from roomidity.forecasting.formats import MODEL_FIELDS, STATE_FIELDS
from roomidity.forecasting.model import _arrays
from roomidity.forecasting.serving.explanation import EXPLAINED_HOURS
from roomidity.forecasting.serving.features import WEATHER_FEATURES, WEATHER_LEADS, design
from roomidity.forecasting.serving.weather import Outlook, observed_ahead
from roomidity.forecasting.simulated_issues import DELAY, EVERY_SLOTS, simulate_issues
from roomidity.forecasting.training.ridges import Trained, train
from roomidity.forecasting.window import slot_number


def outside(slots: int, *, seed: int = 7) -> np.ndarray:
    """Humidity (%RH) and temperature (°C) of the air outside: a daily course and weather of days."""
    rng = np.random.default_rng(seed)
    time = np.arange(slots) / 96
    slow = np.cumsum(rng.normal(0, 0.25, slots))
    slow -= np.linspace(0, slow[-1], slots)
    temperature = 8 + 4 * np.sin(2 * np.pi * time) + slow
    return np.stack([np.clip(75 - 2 * slow, 20, 99), temperature])


@pytest.fixture(scope="module")
def house(make_house) -> Window:
    """12 days of two rooms that follow the air outside, with a sensor there, and issues with errors."""
    rooms = make_house(days=12)
    air = outside(rooms.slots)
    values = rooms.values.copy()
    values[:, 1] += 0.3 * (air[1] - air[1].mean())
    values[:, 0] = np.clip(values[:, 0] + 0.2 * (air[0] - air[0].mean()), 5, 95)
    issues = tuple(simulate_issues(air, first=rooms.first, seed=3))
    return replace(rooms, values=values, outdoor=air, issues=issues)


@pytest.fixture(scope="module")
def learnt(house: Window, prior: tuple[Model, State]) -> Trained:
    return train(house, prior=prior, seed=0)


def issue(begin: int, *, known: int | None = None, temperature: float = 10.0, humidity: float = 60.0) -> WeatherIssue:
    """One of constant values from slot ``begin`` on, known from slot ``known`` on."""
    issued_at = from_epoch_ms(begin * SLOT_MS)
    return WeatherIssue(
        place="house:h1",
        issued_at=issued_at,
        known_from=from_epoch_ms((begin if known is None else known) * SLOT_MS),
        first=issued_at,
        temperature=(temperature,) * HOURS,
        humidity=(humidity,) * HOURS,
    )


def ahead_of(house: Window, *issues: WeatherIssue, outdoor: np.ndarray | None = None) -> np.ndarray | None:
    """What the issues say at the house's end, (rooms, WEATHER_FEATURES)."""
    window = replace(house, issues=issues, outdoor=outdoor)
    now = np.array([window.slots])
    found = Outlook.of(window).ahead(design(window.values, now, outdoor), window, now).weather
    return None if found is None else found[:, 0]


# ---- Which issue.


def test_the_newest_issue_that_was_known_and_covers_the_24_h_is_used(house: Window) -> None:
    end = house.last
    issues = [issue(end - 96), issue(end - 48), issue(end - 24, known=end), issue(end - 12, known=end + 1)]
    used = forecast_used(house, *issues)
    assert used is not None
    assert (used.issued_at, used.age_h) == (issues[2].issued_at, 6.0)


def forecast_used(house: Window, *issues: WeatherIssue):
    return Outlook.of(replace(house, issues=issues)).used(house.end)


def test_an_issue_of_a_day_ago_is_the_oldest_that_covers_24_h(house: Window) -> None:
    assert forecast_used(house, issue(house.last - 96)) is not None
    assert forecast_used(house, issue(house.last - 97)) is None


def test_a_newer_issue_that_begins_later_leaves_its_turn_to_the_one_before(house: Window) -> None:
    older, newer = (
        issue(house.last - 24),
        replace(issue(house.last - 4), first=from_epoch_ms((house.last + 4) * SLOT_MS)),
    )
    used = forecast_used(house, older, newer)
    assert used is not None
    assert used.issued_at == older.issued_at


@settings(max_examples=40, deadline=None)
@given(
    given=st.lists(st.tuples(st.integers(-250, 40), st.integers(0, 90)), max_size=8),
    ahead=st.sampled_from([0, 96]),
)
def test_each_of_many_times_has_the_newest_issue_that_was_known_then_and_covers_it(
    given: list[tuple[int, int]], ahead: int, house: Window
) -> None:
    """A state is scored at many times at once: what became known between them must not serve the earlier ones."""
    issues = [issue(house.last + begin, known=house.last + begin + delay) for begin, delay in given]
    outlook = Outlook.of(replace(house, issues=tuple(issues)))
    times = house.last + np.arange(-192, 1)
    for at, place in zip(times.tolist(), outlook.newest(times, ahead=ahead).tolist(), strict=True):
        counts = [
            one.issued_at
            for one in issues
            if slot_number(one.known_from) <= at
            and slot_number(one.first) <= at
            and at + ahead <= slot_number(one.first) + 4 * (HOURS - 1)
        ]
        assert (outlook.issues[place].issued_at if place >= 0 else None) == max(counts, default=None)


@pytest.mark.parametrize("broken", [(10.0,) * 48, (10.0,) * 48 + (np.nan,), ()])
def test_an_issue_that_is_not_whole_is_none(house: Window, broken: tuple[float, ...]) -> None:
    assert forecast_used(house, replace(issue(house.last - 24), temperature=broken)) is None


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_later_issue_changes_a_forecast_or_a_state(data: st.DataObject, house: Window, learnt: Trained) -> None:
    known = tuple(one for one in house.issues if one.known_from <= house.end)
    later = tuple(
        issue(
            house.last - data.draw(st.integers(0, 300)),
            known=house.last + data.draw(st.integers(1, 400)),
            temperature=data.draw(st.floats(-40, 50)),
            humidity=data.draw(st.floats(1, 100)),
        )
        for _ in range(data.draw(st.integers(1, 4)))
    )
    one, other = replace(house, issues=known), replace(house, issues=(*known, *later))
    begin = data.draw(st.integers(3, 10)) * 96
    assert np.array_equal(
        forecast(one.tail(192), learnt.model, learnt.state).quantiles,
        forecast(other.tail(192), learnt.model, learnt.state).quantiles,
    )
    early = replace(learnt.state, through=one.first + begin, scored=one.first + begin)
    model = replace(learnt.model, trained_through=one.first)
    assert advance(early, model, one).to_bytes() == advance(early, model, other).to_bytes()


def test_an_issue_that_became_known_during_the_window_is_not_used_for_hours_before(
    house: Window, learnt: Trained
) -> None:
    """A state is scored on forecasts as they were: late news of the past must not improve them."""
    cut = house.end - timedelta(days=3)
    early = tuple(one for one in house.issues if one.known_from <= cut)
    late = tuple(replace(one, known_from=house.end) for one in house.issues if one.known_from > cut)
    model = replace(learnt.model, trained_through=house.first)
    start = replace(learnt.state, through=house.last - 384, scored=house.last - 384)
    one = advance(start, model, replace(house, issues=early))
    other = advance(start, model, replace(house, issues=(*early, *late)))
    assert one.to_bytes() == other.to_bytes()


def test_training_rests_on_issues_as_they_became_known(house: Window, prior: tuple[Model, State]) -> None:
    short = house.between(house.first, house.first + 6 * 96)
    late = tuple(replace(one, known_from=house.end) for one in house.issues)
    blind = train(replace(short, outdoor=None, issues=()), prior=prior, seed=0)
    seen = train(replace(short, outdoor=None, issues=late), prior=prior, seed=0)
    assert seen.model.to_bytes() == blind.model.to_bytes()
    assert seen.state.to_bytes() == blind.state.to_bytes()


# ---- What it says.


def test_inputs_are_changes_from_now_in_units_of_an_unusual_day(house: Window) -> None:
    end = house.last
    rising = replace(issue(end - 24), temperature=tuple(5.0 + 0.5 * hour for hour in range(HOURS)))
    found = ahead_of(house, rising)
    assert found is not None
    assert found.shape == (len(house.rooms), WEATHER_FEATURES)
    warmth = found[:, WEATHER_FEATURES // 2 :][:, : len(WEATHER_LEADS)]
    assert warmth == pytest.approx(np.broadcast_to(0.5 * WEATHER_LEADS / 4 / 5, warmth.shape))
    vapour = vapour_pressure(5.0 + 0.5 * (6 + np.array([0.0, 24.0])), 60.0)
    saturated = vapour_pressure(house.values[:, 1, -1], 100.0)
    assert found[:, len(WEATHER_LEADS) - 1] == pytest.approx(100 * (vapour[1] - vapour[0]) / saturated / 10)


def test_a_sensor_outside_anchors_the_issue_and_its_mean_error_is_subtracted(house: Window) -> None:
    """A provider 2 K too cold all week tells of no change; a sensor that is off now by 3 K is heeded for hours."""
    slots = house.slots
    steady = np.stack([np.full(slots, 60.0), np.full(slots, 10.0)])
    biased = tuple(issue(begin, temperature=8.0) for begin in range(house.first, house.last, 24))
    found = ahead_of(house, *biased, outdoor=steady)
    assert found is not None
    assert found[:, WEATHER_FEATURES // 2 :][:, : len(WEATHER_LEADS)] == pytest.approx(0.0, abs=0.02)
    exact = tuple(issue(begin) for begin in range(house.first, house.last, 24))
    sunny = steady.copy()
    sunny[1, -1] += 3.0
    found = ahead_of(house, *exact, outdoor=sunny)
    assert found is not None
    warmth = found[0, WEATHER_FEATURES // 2 :][: len(WEATHER_LEADS)]
    assert warmth == pytest.approx(3.0 * (np.exp(-WEATHER_LEADS / 48) - 1) / 5, abs=0.01)


def test_without_a_sensor_the_past_is_stitched_from_what_was_issued(house: Window) -> None:
    end = house.last
    past = [issue(begin, temperature=10.0) for begin in range(end - 400, end - 24, 24)]
    now = issue(end - 24, temperature=12.0)
    found = ahead_of(house, *past, now)
    assert found is not None
    means = found[0, WEATHER_FEATURES // 2 + len(WEATHER_LEADS) :] * 5
    assert means == pytest.approx([0.0, -2 * 72 / 96, -2 * 264 / 288])


def test_what_came_stands_in_where_no_issue_was_known(house: Window) -> None:
    columns = np.arange(96 * 4, house.slots - 96, 40)
    window = replace(house, issues=())
    basis = design(window.values, columns, window.outdoor)
    assert Outlook.of(window).ahead(basis, window, columns) is basis
    seen = observed_ahead(basis, window, columns)
    assert seen.informed.all()
    perfect = replace(house, issues=tuple(simulate_issues(np.asarray(house.outdoor), first=house.first, seed=None)))
    issued = Outlook.of(perfect).ahead(basis, perfect, columns)
    assert issued.informed.all()
    assert np.abs(np.asarray(seen.weather) - np.asarray(issued.weather)).mean() < 0.05


def test_weather_that_is_learnt_improves_forecasts_of_a_house_that_follows_it(
    house: Window, learnt: Trained, prior: tuple[Model, State]
) -> None:
    blind = train(replace(house, issues=()), prior=prior, seed=0)
    assert not blind.model.knows_weather
    assert learnt.model.knows_weather
    assert learnt.report["replay"]["temperature"]["mae"] < blind.report["replay"]["temperature"]["mae"]


# ---- Where there is none.


def test_without_an_issue_a_forecast_is_that_of_the_ridges_without_weather(house: Window, learnt: Trained) -> None:
    window = replace(house, issues=()).tail(192)
    found = forecast(window, learnt.model, learnt.state)
    assert found.weather is None
    forgot = replace(learnt.model, weather_skip=np.zeros_like(learnt.model.weather_skip))
    assert np.array_equal(found.quantiles, forecast(window, forgot, learnt.state).quantiles)
    assert forecast(house.tail(192), learnt.model, learnt.state).weather is not None


def test_missing_weather_widens_quantiles_to_those_learnt_without(house: Window, learnt: Trained) -> None:
    state = learnt.state
    share = state.weather_days / state.days
    assert (share > 0.5).all()
    assert (share <= 1).all()
    wide = replace(state, bare_offsets=3 * state.bare_offsets)
    window = replace(house, issues=()).tail(192)
    spread, wider = (np.ptp(forecast(window, learnt.model, one).quantiles, axis=2).mean() for one in (state, wide))
    assert wider > 1.5 * spread
    with_issue = house.tail(192)
    assert np.array_equal(
        forecast(with_issue, learnt.model, state).quantiles, forecast(with_issue, learnt.model, wide).quantiles
    )


def test_a_house_that_never_knew_the_weather_uses_its_rooms_own_quantiles(
    house: Window, prior: tuple[Model, State]
) -> None:
    blind = train(replace(house, issues=()), prior=prior, seed=0)
    assert not blind.state.weather_days.any()
    window = replace(house, issues=()).tail(192)
    wide = replace(blind.state, bare_offsets=3 * blind.state.bare_offsets)
    assert np.array_equal(
        forecast(window, blind.model, blind.state).quantiles, forecast(window, blind.model, wide).quantiles
    )


@pytest.mark.parametrize("odd", ["no sensor", "sensor silent", "room without temperature", "one slot"])
def test_forecasts_are_whole_whatever_the_window_lacks(house: Window, learnt: Trained, odd: str) -> None:
    window = house.tail(192)
    if odd == "no sensor":
        window = replace(window, outdoor=None)
    elif odd == "sensor silent":
        window = replace(window, outdoor=np.full_like(window.outdoor, np.nan))
    elif odd == "room without temperature":
        values = window.values.copy()
        values[0, 1] = np.nan
        window = replace(window, values=values)
    else:
        window = house.tail(1)
    state = replace(learnt.state, recent=np.full_like(learnt.state.recent, np.nan))
    found = forecast(window, learnt.model, state)
    expected = 3 if odd == "room without temperature" else 4
    assert np.isfinite(found.quantiles).all(axis=(2, 3)).sum() == expected


# ---- Models and states of before, and their size.


def test_models_and_states_of_before_are_read_and_serve_as_they_did(house: Window, prior: tuple[Model, State]) -> None:
    blind = train(replace(house, issues=()), prior=prior, seed=0)
    old_model, old_state = (
        pack(
            _arrays(one),
            schema,
            {name: of for name, of in fields.items() if not name.startswith(("weather_", "bare_"))},
        )
        for one, schema, fields in (
            (blind.model, "roomidity-model-2", MODEL_FIELDS),
            (blind.state, "roomidity-state-2", STATE_FIELDS),
        )
    )
    model, state = Model.from_bytes(old_model, "old"), State.from_bytes(old_state, "old")
    window = replace(house, issues=()).tail(192)
    assert np.array_equal(
        forecast(window, model, state).quantiles, forecast(window, blind.model, blind.state).quantiles
    )
    assert np.isfinite(forecast(house.tail(192), model, state).quantiles).all()
    moved = advance(replace(state, through=house.last - 96, scored=house.last - 200), model, house)
    assert State.from_bytes(moved.to_bytes(), "moved").weather_days.shape == (2,)


def test_model_and_state_keep_their_sizes(learnt: Trained) -> None:
    """Of eight rooms a model has to stay below 1 MB, a state below 200 kB."""
    rooms = tuple(f"room {number}" for number in range(8))
    rng = np.random.default_rng(0)
    names = ("local", "residual", "weather_local", "weather_residual")
    four: dict[str, Any] = {
        name: np.tile(getattr(learnt.model, name), (4, 1, 1)) * rng.normal(1, 0.1, (8, 1, 1)) for name in names
    }
    assert len(replace(learnt.model, rooms=rooms, **four).to_bytes()) < 1_000_000


# ---- Explained.


def test_an_explanation_says_what_the_weather_ahead_adds(house: Window, learnt: Trained) -> None:
    for reason in explain(house.tail(192), learnt.model, learnt.state, "room 0"):
        assert reason.weather.any()
    for reason in explain(replace(house, issues=()).tail(192), learnt.model, learnt.state, "room 0"):
        assert not reason.weather.any()
        assert reason.weather_words is None


def test_a_forecast_carries_what_its_explanation_says_that_the_weather_adds(house: Window, learnt: Trained) -> None:
    window = house.tail(192)
    issued = forecast(window, learnt.model, learnt.state)
    assert issued.weather_adds is not None
    hours = np.searchsorted(KNOTS, 4 * np.array(EXPLAINED_HOURS))
    for place, room in enumerate(house.rooms):
        for q, reason in enumerate(explain(window, learnt.model, learnt.state, room)):
            np.testing.assert_allclose(issued.weather_adds[place, q, hours], reason.weather)
            adds = weather_adds(issued.weather_adds[place, q], reason.quantity)
            words = adds and weather_words(adds, reason.quantity, issued_at=house.end, zone=house.timezone)
            assert words == reason.weather_words
    assert forecast(replace(window, issues=()), learnt.model, learnt.state).weather_adds is None


def test_to_the_forecast_of_a_silent_sensor_the_weather_adds_nothing(house: Window, learnt: Trained) -> None:
    window = house.tail(192)
    values = window.values.copy()
    values[0, 0, -40:] = np.nan
    issued = forecast(replace(window, values=values), learnt.model, learnt.state)
    assert issued.grades[0]["humidity"] == "persistence"
    assert issued.weather_adds is not None
    assert np.isnan(issued.weather_adds[0, 0]).all()
    assert weather_adds(issued.weather_adds[0, 0], "humidity") is None
    assert np.isfinite(issued.weather_adds[0, 1]).all()


@pytest.mark.parametrize(
    ("adds", "quantity", "told"),
    [
        (WeatherAdds(0, 20, 2.04), "temperature", "warmer air from now: +2.0 °C by 16:00"),
        (WeatherAdds(4, 96, 12.0), "humidity", "moister air from noon: +12 %RH by 11:00 tomorrow"),
        (WeatherAdds(52, 60, -1.2), "temperature", "colder air from midnight tomorrow: -1.2 °C by 02:00"),
    ],
)
def test_words_have_the_houses_clock_and_name_the_day_where_it_is_another(
    adds: WeatherAdds, quantity: Quantity, told: str
) -> None:
    """At 11:00 in Brussels."""
    issued_at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert weather_words(adds, quantity, issued_at=issued_at, zone="Europe/Brussels") == told


def test_what_the_weather_adds_begins_with_its_direction_not_before() -> None:
    added = np.where(KNOTS < 24, 0.9, -6.0)
    assert weather_adds(added, "humidity") == WeatherAdds(begins=24, peaks=24, change=-6.0)
    assert weather_adds(np.full(len(KNOTS), np.nan), "temperature") is None


# ---- Simulated issues.


def test_simulated_issues_err_as_forecasts_do_come_every_6_h_and_are_known_4_h_later() -> None:
    days = 3000
    air = np.stack([np.full(96 * days, 50.0), np.full(96 * days, 12.0)])
    issues = simulate_issues(air, first=0, seed=1)
    times = [one.issued_at for one in issues]
    assert {later - one for one, later in pairwise(times)} == {timedelta(hours=6)}
    assert {one.known_from - one.issued_at for one in issues} == {timedelta(hours=4)} == {DELAY}
    assert timedelta(hours=6) == EVERY_SLOTS * SLOT
    assert slot_number(times[0]) == 0
    temperature = np.array([one.temperature for one in issues])
    dew = dew_point(vapour_pressure(temperature, np.array([one.humidity for one in issues])))
    true_dew = dew_point(vapour_pressure(12.0, 50.0))
    unsaturated = np.array([one.humidity for one in issues]) < 99.9
    for hour in (1, 12, 24, 30):
        assert temperature[:, hour].std() == pytest.approx(np.hypot(0.6 + 0.8 * hour / 24, 0.4), rel=0.06)
        errors = (dew - true_dew)[unsaturated[:, hour], hour]
        assert errors.std() == pytest.approx(np.hypot(0.8 + 0.9 * hour / 24, 0.5), rel=0.06)
    assert abs(temperature.mean() - 12.0) < 0.15
    steps = temperature[:, 1:] - temperature[:, :-1]
    assert steps.std() < 0.6


def test_simulated_issues_are_perfect_without_a_seed_and_leave_out_what_was_not_measured() -> None:
    air = outside(96 * 8)
    air[:, 300:420] = np.nan
    issues = simulate_issues(air, first=10, seed=None)
    for one in issues:
        assert one.known_from == one.issued_at
        begin = slot_number(one.first) - 10
        assert begin % 4 == 2
        reached = [value for place, value in enumerate(one.temperature) if begin + 4 * place < air.shape[1]]
        measured = air[1, begin : begin + 4 * len(reached) : 4]
        known = np.isfinite(measured)
        assert np.asarray(reached)[known] == pytest.approx(measured[known])
    begins = {slot_number(one.first) - 10 for one in issues}
    assert not begins & set(range(300 - 4 * 48, 420))
    assert simulate_issues(np.full((2, 96), np.nan), first=0, seed=1) == []
    assert simulate_issues(np.empty((2, 0)), first=0, seed=1) == []
