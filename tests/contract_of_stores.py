"""What forecasts, training, verification and people rely on their ports for: one contract, as :mod:`tests.contract` is.

It runs against the fakes, moto and the local engine: what is stored of forecasts, accuracy, mould and settings, and the
registry of models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final, Protocol

import numpy as np
import pytest

from roomidity.api.ports import KnownModels, ReadAccuracy, ReadForecasts, ReadMoulds
from roomidity.composition import Stage
from roomidity.domain.comfort.course import MouldDay, RoomMould
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.models import ModelRecord, Pointer
from roomidity.domain.notices.notice import Change, Finding, Notice, Told, Watch
from roomidity.domain.setting import Setting
from roomidity.domain.slots import SLOT
from roomidity.domain.weather import HOURS, WeatherIssue, house_place
from roomidity.errors import ChampionChangedError, ConflictError, InputError, ModelRefusedError, NotFoundError
from roomidity.forecasting import Model, State, load_prior
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import LEAD_HOURS, Score
from roomidity.pipeline.advising import Advices
from roomidity.pipeline.noticing import KeptNotices, Notices
from roomidity.pipeline.ports import Accuracy, Forecasts, Houses, Moulds, Registry, Settings, Weather
from tests.advice_samples import advice_of

__all__ = ["STORE_CONTRACT", "Stores", "deployed_stores"]

_cases = count(1)
NOW: Final = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)
DAY: Final = timedelta(days=1)


class ForecastStore(Forecasts, ReadForecasts, Protocol):
    """All that is asked of forecasts."""


class AccuracyStore(Accuracy, ReadAccuracy, Protocol):
    """All that is asked of accuracy."""


class MouldStore(Moulds, ReadMoulds, Protocol):
    """All that is asked of mould."""


class NoticeStore(Notices, KeptNotices, Protocol):
    """All that is asked of notices."""


@dataclass(frozen=True)
class Stores:
    """What is promised of, and a house of which nothing is stored. ``models`` is what of the registry the API reads."""

    houses: Houses
    forecasts: ForecastStore
    accuracy: AccuracyStore
    moulds: MouldStore
    settings: Settings
    weather: Weather
    registry: Registry
    models: KnownModels
    notices: NoticeStore
    advice: Advices
    house: str


def deployed_stores(stage: Stage) -> Stores:
    """A stage's, behind the real adapters, with a new house."""
    return Stores(
        houses=stage.houses,
        forecasts=stage.forecasts,
        accuracy=stage.accuracy,
        moulds=stage.moulds,
        settings=stage.house_settings,
        weather=stage.weather,
        registry=stage.registry,
        models=stage.api_ports.models,
        notices=stage.notices,
        advice=stage.advice,
        house=f"store {next(_cases)}",
    )


# ---- Forecasts.


def forecast_of(stores: Stores, *, at: datetime, room: str = "kitchen", level: float = 50.0) -> StoredForecast:
    quantiles = np.full((2, 3, 96), np.nan)
    quantiles[0] = level + np.array([[-1.0], [0.0], [1.0]])
    return StoredForecast(
        house=stores.house,
        room=room,
        issued_at=at,
        quantiles=quantiles,
        grade={"humidity": "full"},
        data_through=at - SLOT,
        model_version="prior",
        notes=("stuck",),
    )


def medians(found: Iterable[StoredForecast]) -> list[tuple[datetime, float]]:
    return [(one.issued_at, float(one.quantiles[0, 1, 0])) for one in found]


def a_forecast_that_is_issued_again_takes_the_place_of_the_first(stores: Stores) -> None:
    stores.forecasts.put_many([forecast_of(stores, at=NOW), forecast_of(stores, at=NOW, room="bath", level=70.0)])
    stores.forecasts.put_many([forecast_of(stores, at=NOW, level=40.0)])
    (found,) = stores.forecasts.between(stores.house, "kitchen", NOW - DAY, NOW + DAY)
    expected = forecast_of(stores, at=NOW, level=40.0)
    np.testing.assert_array_equal(found.quantiles, expected.quantiles)  # what is absent stays absent
    for part in fields(StoredForecast):
        if part.name != "quantiles":
            value = getattr(found, part.name)
            assert (tuple(value) if part.name == "notes" else value) == getattr(expected, part.name), part.name


def forecasts_come_by_room_and_issue_time_in_order(stores: Stores) -> None:
    moments = [NOW + number * SLOT for number in range(4)]
    stores.forecasts.put_many([forecast_of(stores, at=at, level=float(n)) for n, at in enumerate(reversed(moments))])
    stores.forecasts.put_many([forecast_of(stores, at=moments[0], room="bath")])
    found = stores.forecasts.between(stores.house, "kitchen", moments[1], moments[3])
    assert medians(found) == [(moments[1], 2.0), (moments[2], 1.0), (moments[3], 0.0)]
    latest = stores.forecasts.latest(stores.house, "kitchen", now=moments[2])
    assert latest is not None
    assert latest.issued_at == moments[2]
    assert stores.forecasts.latest(stores.house, "kitchen", now=moments[0] - SLOT) is None
    assert stores.forecasts.latest(stores.house, "attic", now=NOW) is None
    some = stores.forecasts.issued(stores.house, ["kitchen", "attic"], [moments[0], NOW + DAY], now=moments[3])
    assert medians(some) == [(moments[0], 3.0)]


def a_forecast_that_has_expired_is_none(stores: Stores) -> None:
    stores.forecasts.put_many([forecast_of(stores, at=NOW)])
    for later, is_there in ((34 * DAY, True), (36 * DAY, False)):
        latest = stores.forecasts.latest(stores.house, "kitchen", now=NOW + later)
        issued = stores.forecasts.issued(stores.house, ["kitchen"], [NOW], now=NOW + later)
        assert (latest is not None, bool(issued)) == (is_there, is_there)


def deleted_forecasts_are_gone_and_those_that_never_were_do_no_harm(stores: Stores) -> None:
    stores.forecasts.put_many([forecast_of(stores, at=NOW), forecast_of(stores, at=NOW + SLOT)])
    stores.forecasts.delete_many([forecast_of(stores, at=NOW), forecast_of(stores, at=NOW + DAY)])
    left = stores.forecasts.between(stores.house, "kitchen", NOW - DAY, NOW + DAY)
    assert [one.issued_at for one in left] == [NOW + SLOT]


# ---- Accuracy and mould, by day.


def row_of(stores: Stores, *, day: date, forecasts: int, room: str = "kitchen", error: float = 1.0) -> DayAccuracy:
    sums = {part.name: np.full(LEAD_HOURS, error if part.name == "absolute_error" else 4.0) for part in fields(Score)}
    return DayAccuracy(
        stores.house,
        room,
        day,
        forecasts,
        complete=True,
        scores={"humidity": Score(**sums)},
        six_hourly={},
        rests_on=None if forecasts < 10 else "1:0a1b",  # as older rows
    )


def a_day_of_accuracy_gives_way_only_to_one_of_as_many_forecasts_or_more(stores: Stores) -> None:
    day = NOW.date()
    for error, (forecasts, written) in enumerate([(10, True), (9, False), (10, True), (96, True), (95, False)]):
        row = row_of(stores, day=day, forecasts=forecasts, error=float(error))
        assert stores.accuracy.put_many([row]) == int(written)
    (found,) = stores.accuracy.between(stores.house, "kitchen", day, day)
    assert (found.forecasts, found.scores["humidity"].absolute_error[0]) == (96, 3.0)
    assert found.plain() == row_of(stores, day=day, forecasts=96, error=3.0).plain()


def accuracy_comes_by_room_and_day_in_order(stores: Stores) -> None:
    days = [NOW.date() + timedelta(days=number) for number in range(3)]
    rows = [row_of(stores, day=day, forecasts=4) for day in reversed(days)]
    assert stores.accuracy.put_many([*rows, row_of(stores, day=days[0], forecasts=4, room="bath")]) == 4
    assert [row.day for row in stores.accuracy.between(stores.house, "kitchen", days[1], days[2])] == days[1:]
    assert stores.accuracy.between(stores.house, "kitchen", days[2], days[0]) == []
    found = stores.accuracy.of_days(stores.house, ["kitchen", "bath", "attic"], [days[0], days[0] - timedelta(days=1)])
    assert {(row.room, row.day) for row in found} == {("kitchen", days[0]), ("bath", days[0])}


def mould_of(stores: Stores, *, day: date, index: float = 1.0) -> MouldDay:
    mould = RoomMould(index=index, dry_h=0, since=NOW.date(), hours=24, risk_hours=3)
    return MouldDay(stores.house, day, inputs="i", settings="s", rooms={"kitchen": mould})


def a_day_of_mould_is_what_was_written_last(stores: Stores) -> None:
    days = [NOW.date() + timedelta(days=number) for number in range(3)]
    assert stores.moulds.put_many([mould_of(stores, day=day) for day in reversed(days)]) == 3
    assert stores.moulds.put_many([mould_of(stores, day=days[1], index=2.5)]) == 1
    found = stores.moulds.between(stores.house, days[0], days[1])
    assert [(one.day, one.rooms["kitchen"].index) for one in found] == [(days[0], 1.0), (days[1], 2.5)]
    assert found[1].rooms == mould_of(stores, day=days[1], index=2.5).rooms
    assert stores.moulds.between(stores.house, days[1], days[0]) == []
    assert [
        one.day for one in stores.moulds.of_days(stores.house, [days[2], days[0], days[0] - timedelta(days=1)])
    ] == [days[0], days[2]]


def of_a_house_that_was_forgotten_since_it_was_read_nothing_is_written(stores: Stores) -> None:
    stores.houses.put(House(stores.house, "UTC", admitted_at=NOW))
    home = stores.houses.get(stores.house)
    assert home is not None
    day = NOW.date()
    assert stores.accuracy.put_many([row_of(stores, day=day, forecasts=1)], home=home) == 1
    assert stores.moulds.put_many([mould_of(stores, day=day)], home=home) == 1
    kept = publish(stores, 1, home=home)
    stores.houses.put(House(stores.house, "UTC", version=home.version, forgotten_at=NOW))
    assert stores.houses.get(stores.house) is None
    assert stores.accuracy.put_many([row_of(stores, day=day + timedelta(days=1), forecasts=1)], home=home) == 0
    assert stores.moulds.put_many([mould_of(stores, day=day + timedelta(days=1))], home=home) == 0
    publish(stores, 2, home=home)
    assert [one["version"] for one in stores.registry.manifests(stores.house)] == [kept]


# ---- Settings.


def settings_are_written_and_deleted_on_the_version_that_was_read_or_not_at_all(stores: Stores) -> None:
    settings, new = stores.settings, Setting(stores.house, "tokens", {"a": 1})
    assert settings.get(stores.house, "tokens") is None
    first = settings.put(new)
    assert (first.version, settings.get(stores.house, "tokens")) == (1, first)
    with pytest.raises(ConflictError):
        settings.put(new)
    second = settings.put(replace(first, content={"a": 2}, expires_at=NOW))
    assert (second.version, settings.get(stores.house, "tokens")) == (2, second)
    for overtaken in (settings.put, settings.delete):
        with pytest.raises(ConflictError):
            overtaken(first)
    assert settings.get(stores.house, "tokens") == second
    settings.delete(second)
    settings.delete(second)  # it is gone already
    assert settings.get(stores.house, "tokens") is None
    with pytest.raises(ConflictError):
        settings.put(second)


def settings_are_listed_by_kind_and_of_their_house_alone(stores: Stores) -> None:
    put = [stores.settings.put(Setting(stores.house, kind, {"kind": kind})) for kind in ("walls", "devices")]
    assert stores.settings.list(stores.house) == put[::-1]
    assert stores.settings.list(f"{stores.house} b") == []


# ---- Notices.


def notice_of(stores: Stores, *, at: datetime = NOW, room: str | None = "kitchen") -> Notice:
    return Notice(stores.house, Finding("humid", room, 0.75, at, at + 4 * SLOT), raised_at=at)


def a_watch_is_written_with_its_notices_on_the_version_that_was_read_or_not_at_all(stores: Stores) -> None:
    home = House(stores.house, "UTC", admitted_at=NOW)
    stores.houses.put(home)
    assert stores.notices.watch(stores.house) == Watch(stores.house)
    one, other = notice_of(stores), notice_of(stores, room=None)
    full = Watch(
        stores.house,
        at=NOW,
        opened={one.finding.key: one, other.finding.key: other},
        lapsing={one.finding.key: NOW},
        rested={("mould", "attic"): NOW + SLOT},
        told=Told(NOW.date(), 2),
        unsent=(Change("raised", one), Change("raised", other)),
    )
    assert stores.notices.put(full, [one, other], home=home)
    assert stores.notices.watch(stores.house) == replace(full, version=1)
    late = notice_of(stores, at=NOW + SLOT)
    assert not stores.notices.put(full, [late], home=home), "another writer was first"
    assert stores.notices.newest(stores.house, now=NOW) == [one, other]
    cleared = replace(one, cleared_at=NOW + 9 * SLOT)
    assert stores.notices.put(Watch(stores.house, version=1, at=NOW + 9 * SLOT), [cleared, late], home=home)
    assert stores.notices.newest(stores.house, now=NOW) == [late, cleared, other]
    assert stores.notices.newest(stores.house, now=NOW, limit=1) == [late]
    assert stores.notices.watch(stores.house) == Watch(stores.house, version=2, at=NOW + 9 * SLOT)
    assert stores.notices.newest(f"{stores.house} b", now=NOW) == []


def a_notice_is_kept_for_ninety_days_after_it_was_cleared(stores: Stores) -> None:
    home = House(stores.house, "UTC", admitted_at=NOW)
    stores.houses.put(home)
    cleared = replace(notice_of(stores), cleared_at=NOW + DAY)
    assert stores.notices.put(Watch(stores.house, at=NOW + DAY), [cleared], home=home)
    for later, is_there in ((90 * DAY, True), (91 * DAY, False)):
        assert bool(stores.notices.newest(stores.house, now=NOW + later)) is is_there


# ---- Advice.


def what_was_advised_is_read_back_and_stands_as_it_was_written(stores: Stores) -> None:
    first = advice_of(stores.house, at=NOW)
    assert stores.advice.latest(stores.house, now=NOW) is None
    assert stores.advice.put(first)
    assert not stores.advice.put(advice_of(stores.house, at=NOW, open_until=None)), "some of this time stands already"
    later = advice_of(stores.house, at=NOW + 3 * SLOT, open_until=None)
    assert stores.advice.put(later)
    assert stores.advice.latest(stores.house, now=NOW + 2 * SLOT) == first
    assert stores.advice.latest(stores.house, now=NOW + 3 * SLOT) == later
    assert list(stores.advice.between(stores.house, NOW, NOW + 3 * SLOT)) == [first, later]
    assert stores.advice.latest(f"{stores.house} b", now=NOW + 3 * SLOT) is None
    stores.advice.delete(later)
    stores.advice.delete(later)
    assert stores.advice.latest(stores.house, now=NOW + 3 * SLOT) == first
    assert stores.advice.latest(stores.house, now=NOW + 36 * DAY) is None, "it has expired"


def of_a_house_that_was_forgotten_no_notice_is_written(stores: Stores) -> None:
    stores.houses.put(House(stores.house, "UTC", admitted_at=NOW))
    home = stores.houses.get(stores.house)
    assert home is not None
    stores.houses.put(House(stores.house, "UTC", version=home.version, forgotten_at=NOW))
    assert not stores.notices.put(Watch(stores.house, at=NOW), [notice_of(stores)], home=home)
    assert stores.notices.newest(stores.house, now=NOW) == []


# ---- The weather ahead.


def issue_of(stores: Stores, *, known_from: datetime, place: str | None = None, level: float = 5.0) -> WeatherIssue:
    return WeatherIssue(
        place=place or house_place(stores.house),
        issued_at=known_from.replace(microsecond=0) - timedelta(hours=4),
        known_from=known_from,
        first=NOW.replace(minute=0),
        temperature=tuple(round(level + hour / 8, 2) for hour in range(HOURS)),
        humidity=(81.5,) * HOURS,
    )


def issues_come_by_place_and_when_they_were_known_and_none_is_replaced(stores: Stores) -> None:
    moments = [NOW + number * timedelta(hours=6) + timedelta(milliseconds=7) for number in range(4)]
    issues = [issue_of(stores, known_from=at) for at in moments]
    elsewhere = issue_of(stores, known_from=moments[1] + SLOT, place=f"place:{stores.house}")
    assert stores.weather.put_many([issues[2], issues[0], elsewhere, issues[3], issues[1]]) == [True] * 5
    assert stores.weather.put_many([issue_of(stores, known_from=moments[0], level=9.0)]) == [False]
    own = [house_place(stores.house)]
    assert stores.weather.issues(own, since=moments[0], until=moments[3]) == issues
    assert stores.weather.issues(own, since=moments[0] + SLOT, until=moments[2]) == issues[1:3]
    assert stores.weather.issues(own, since=moments[0], until=moments[2], most=2) == issues[1:3]
    assert stores.weather.issues(own, since=moments[3], until=moments[0]) == []
    both = stores.weather.issues([*own, elsewhere.place, "place:nowhere"], since=moments[0], until=moments[2])
    assert both == [issues[0], issues[1], elsewhere, issues[2]]
    stores.weather.delete_many([issues[0], issue_of(stores, known_from=NOW - DAY)])
    assert stores.weather.issues(own, since=NOW - DAY, until=NOW + DAY) == issues[1:]


def calls_of_a_provider_are_counted_by_day_up_to_a_budget(stores: Stores) -> None:
    day = NOW.date() + timedelta(days=next(_cases))
    assert [stores.weather.take_call(day, at_most=2) for _ in range(3)] == [True, True, False]
    assert stores.weather.take_call(day, at_most=3)
    assert stores.weather.take_call(day + timedelta(days=10_000), at_most=1)
    assert not stores.weather.take_call(day + timedelta(days=20_000), at_most=0)


# ---- Models.


def model_of(number: int) -> Model:
    """Models that differ."""
    model = load_prior()[0]
    return replace(model, bias3=model.bias3 + number / 1024)


def state_at(through: int) -> State:
    return replace(load_prior()[1], through=through)


def publish(stores: Stores, number: int, *, at: datetime = NOW, **more: Any) -> str:
    return stores.registry.publish(
        stores.house,
        model=model_of(number),
        state=state_at(1000),
        manifest={"reason": "test"},
        trained_at=at,
        first_state=state_at(500),
        **more,
    )


def record_of(stores: Stores, version: str) -> ModelRecord:
    (found,) = (one for one in stores.models.records(stores.house) if one.version == version)
    return found


def standings(stores: Stores) -> dict[str, str]:
    pointer = stores.models.pointer(stores.house)
    return {record.version: record.standing(pointer) for record in stores.models.records(stores.house)}


def of_a_new_house_there_is_no_model(stores: Stores) -> None:
    registry, models = stores.registry, stores.models
    assert registry.pointer(stores.house) == models.pointer(stores.house) == Pointer()
    assert registry.succession(stores.house) == ()
    for held in (registry.manifests(stores.house), models.records(stores.house), models.served(stores.house)):
        assert list(held) == []
    assert list(registry.prune(stores.house, now=NOW)) == []
    with pytest.raises(ModelRefusedError):
        registry.load(stores.house, "nowhere")
    with pytest.raises(NotFoundError):
        registry.promote(stores.house, "nowhere", at=NOW)
    with pytest.raises(NotFoundError):
        registry.put_state(stores.house, "nowhere", state_at(2000))
    registry.refuse(stores.house, "nowhere", decision={"won": False, "reasons": []}, at=NOW)
    assert registry.pointer(stores.house) == Pointer()


def a_published_model_is_a_candidate_with_its_manifest(stores: Stores) -> None:
    decision = {"won": True, "reasons": ["better"]}
    version = publish(stores, 1, decision=decision)
    (manifest,) = stores.registry.manifests(stores.house)
    assert manifest == record_of(stores, version).facts
    assert (manifest["house"], manifest["version"], manifest["reason"]) == (stores.house, version, "test")
    assert manifest["decision"] == decision
    assert manifest["bytes"] == len(model_of(1).to_bytes())
    loaded = stores.registry.load(stores.house, version)
    assert loaded.manifest == manifest
    assert loaded.model.to_bytes() == model_of(1).to_bytes()
    assert (loaded.state.through, loaded.state_lost) == (1000, None)
    assert stores.registry.load(stores.house, version, first_state=True).state.through == 500
    assert standings(stores) == {version: "candidate"}


def what_is_promoted_serves_and_what_served_before_is_its_predecessor(stores: Stores) -> None:
    first, second, third = (publish(stores, number) for number in (1, 2, 3))
    moved = stores.registry.promote(stores.house, first, at=NOW)
    assert moved == stores.registry.pointer(stores.house) == Pointer(first, None, NOW, 1)
    stores.registry.promote(stores.house, second, at=NOW + DAY)
    assert stores.registry.succession(stores.house) == (second, first)
    moved = stores.registry.promote(stores.house, third, at=NOW + 2 * DAY, refused=[second])
    assert moved.succession == (third, first), "what was refused is no predecessor"
    assert [(one.version, one.since, one.previous) for one in stores.models.served(stores.house)] == [
        (third, NOW + 2 * DAY, first),
        (second, NOW + DAY, first),
        (first, NOW, None),
    ]
    assert standings(stores) == {first: "retired", second: "retired", third: "champion"}


def what_serves_is_not_promoted_again(stores: Stores) -> None:
    first, second = publish(stores, 1), publish(stores, 2)
    stores.registry.promote(stores.house, first, at=NOW)
    serving = stores.registry.promote(stores.house, second, at=NOW)
    assert stores.registry.promote(stores.house, second, at=NOW + DAY) == serving
    assert stores.registry.pointer(stores.house) == serving == Pointer(second, first, NOW, 2)
    assert len(list(stores.models.served(stores.house))) == 2


def a_pointer_moves_only_from_where_it_was_seen_and_never_back_in_time(stores: Stores) -> None:
    first, second = publish(stores, 1), publish(stores, 2)
    seen = stores.registry.pointer(stores.house)
    stores.registry.promote(stores.house, first, at=NOW + DAY, seen=seen)
    with pytest.raises(ChampionChangedError) as changed:
        stores.registry.promote(stores.house, second, at=NOW + 2 * DAY, seen=seen)
    assert (changed.value.found, changed.value.expected) == (first, None)
    assert stores.registry.succession(stores.house) == (first,)
    assert stores.registry.promote(stores.house, second, at=NOW).since == NOW + DAY


def a_candidate_can_be_refused_and_what_has_served_cannot(stores: Stores) -> None:
    lost, served = publish(stores, 1), publish(stores, 2)
    stores.registry.promote(stores.house, served, at=NOW)
    for version in (lost, served):
        stores.registry.refuse(stores.house, version, decision={"won": False, "reasons": ["worse"]}, at=NOW)
    assert standings(stores) == {lost: "refused", served: "champion"}
    by_version = {one["version"]: one for one in stores.registry.manifests(stores.house)}
    assert by_version[lost]["decision"]["reasons"] == ["worse"]
    assert "decision" not in by_version[served]


def what_was_never_promoted_expires(stores: Stores) -> None:
    waiting, served = publish(stores, 1), publish(stores, 2)
    lost = publish(stores, 3, decision={"won": False, "reasons": ["worse"]})
    stores.registry.promote(stores.house, served, at=NOW)

    def known(later: timedelta) -> set[str]:
        return {one["version"] for one in stores.registry.manifests(stores.house, now=NOW + later)}

    assert known(29 * DAY) == {waiting, lost, served}
    assert known(31 * DAY) == {lost, served}
    assert known(91 * DAY) == {served}
    with pytest.raises(NotFoundError):
        stores.registry.promote(stores.house, waiting, at=NOW + 31 * DAY)


def published_again_what_has_served_stays_as_it_is(stores: Stores) -> None:
    version = publish(stores, 1)
    assert publish(stores, 1, decision={"won": True, "reasons": ["again"]}) == version
    assert record_of(stores, version).decision is not None, "a candidate is replaced"
    stores.registry.promote(stores.house, version, at=NOW)
    stores.registry.put_state(stores.house, version, state_at(2000))
    assert publish(stores, 1, decision={"won": False, "reasons": ["worse"]}) == version
    assert standings(stores) == {version: "champion"}
    assert stores.registry.load(stores.house, version).state.through == 2000


def a_state_moves_on_and_never_back(stores: Stores) -> None:
    version = publish(stores, 1)
    moved = [stores.registry.put_state(stores.house, version, state_at(slot)) for slot in (2000, 2000, 1500, 3000)]
    assert moved == [True, False, False, True]
    assert stores.registry.load(stores.house, version).state.through == 3000
    assert stores.registry.load(stores.house, version, first_state=True).state.through == 500
    assert record_of(stores, version).state_through == 3000


def what_serves_no_more_is_pruned_and_never_serves_again(stores: Stores) -> None:
    served = [publish(stores, number, at=NOW + number * DAY) for number in range(5)]
    for number, version in enumerate(served):
        stores.registry.promote(stores.house, version, at=NOW + number * DAY)
    at = NOW + 5 * DAY
    lost = publish(stores, 10, at=at, decision={"won": False, "reasons": ["worse"]})
    waiting = publish(stores, 11, at=at)
    pruned = stores.registry.prune(stores.house, now=at)
    assert {one.version: one.objects for one in pruned} == dict.fromkeys(served[:2], 3)
    assert [one.version for one in stores.registry.prune(stores.house, now=at + DAY)] == [lost]
    assert [one.version for one in stores.registry.prune(stores.house, now=at + 31 * DAY)] == [waiting]
    with pytest.raises(InputError, match="was pruned"):
        stores.registry.promote(stores.house, served[0], at=at)
    with pytest.raises(ModelRefusedError):
        stores.registry.load(stores.house, served[0])
    assert stores.registry.load(stores.house, served[2]).version == served[2]


STORE_CONTRACT: Final[Sequence[Callable[[Stores], None]]] = (
    a_forecast_that_is_issued_again_takes_the_place_of_the_first,
    forecasts_come_by_room_and_issue_time_in_order,
    a_forecast_that_has_expired_is_none,
    deleted_forecasts_are_gone_and_those_that_never_were_do_no_harm,
    a_day_of_accuracy_gives_way_only_to_one_of_as_many_forecasts_or_more,
    accuracy_comes_by_room_and_day_in_order,
    a_day_of_mould_is_what_was_written_last,
    of_a_house_that_was_forgotten_since_it_was_read_nothing_is_written,
    settings_are_written_and_deleted_on_the_version_that_was_read_or_not_at_all,
    settings_are_listed_by_kind_and_of_their_house_alone,
    a_watch_is_written_with_its_notices_on_the_version_that_was_read_or_not_at_all,
    a_notice_is_kept_for_ninety_days_after_it_was_cleared,
    of_a_house_that_was_forgotten_no_notice_is_written,
    what_was_advised_is_read_back_and_stands_as_it_was_written,
    issues_come_by_place_and_when_they_were_known_and_none_is_replaced,
    calls_of_a_provider_are_counted_by_day_up_to_a_budget,
    of_a_new_house_there_is_no_model,
    a_published_model_is_a_candidate_with_its_manifest,
    what_is_promoted_serves_and_what_served_before_is_its_predecessor,
    what_serves_is_not_promoted_again,
    a_pointer_moves_only_from_where_it_was_seen_and_never_back_in_time,
    a_candidate_can_be_refused_and_what_has_served_cannot,
    what_was_never_promoted_expires,
    published_again_what_has_served_stays_as_it_is,
    a_state_moves_on_and_never_back,
    what_serves_no_more_is_pruned_and_never_serves_again,
)
