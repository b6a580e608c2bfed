"""Notices: from forecasts to what is found, from that to what has changed, and both in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import OUTDOOR, House, Room
from roomidity.domain.likelihood import lasting, likely_over
from roomidity.domain.notices.changes import RULES, advance, taken
from roomidity.domain.notices.findings import find, outdoor_ahead
from roomidity.domain.notices.notice import KINDS, Change, Finding, Kind, Notice, Watch
from roomidity.domain.notices.words import LANGUAGES, Language, words_of
from roomidity.domain.slots import SLOT
from tests.unit.samples import fast

AT: Final = datetime(2026, 11, 22, 7, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
ZONE: Final = "Europe/Berlin"


def forecast(
    humidity: Iterable[float] | float = 50.0, *, room: str = "bath", spread: float = 2.0, **more: Any
) -> StoredForecast:
    """A room's forecast at AT: the median, and p10 and p90 that far from it; 20 °C."""
    quantiles = np.zeros((2, 3, 96))
    quantiles[0, 1] = np.asarray(humidity)
    quantiles[1] = 20.0
    quantiles[0, 0], quantiles[0, 2] = quantiles[0, 1] - spread, quantiles[0, 1] + spread
    facts: dict[str, Any] = {"grade": {"humidity": "full", "temperature": "full"}, "data_through": AT - SLOT} | more
    return StoredForecast("h1", room, AT, quantiles, model_version="m", **facts)


def home(silent: Mapping[str, timedelta] | None = None) -> House:
    """A house whose rooms were heard a minute ago, or so long."""
    rooms = {}
    for room, since in {"bath": timedelta(0), "cellar": timedelta(0), **(silent or {})}.items():
        seen = AT - since - timedelta(minutes=1)
        rooms[room] = Room(AT - timedelta(days=9), seen, frozenset({""}), {"humidity": seen, "temperature": seen})
    return House("h1", ZONE, rooms)


def found(*forecasts: StoredForecast, of: House | None = None, outside: float = np.nan) -> dict[Any, Finding]:
    ahead = np.full(96, outside)
    return {one.key: one for one in find(of or home(), forecasts, outside=ahead, issued_at=AT)}


def silence(room: str) -> StoredForecast:
    return forecast(room=room, grade={"humidity": "persistence", "temperature": "persistence"}, notes=("dead",))


# ---- How likely.


@fast
@given(st.floats(0, 100), st.floats(0, 20), st.floats(0, 20), st.floats(0, 100))
def test_likelihood_agrees_with_the_quantiles_and_falls_with_the_limit(
    median: float, down: float, up: float, limit: float
) -> None:
    quantiles = np.array([[median - down - 0.1], [median], [median + up + 0.1]])
    limits = [quantiles[0, 0], median, quantiles[2, 0]]
    assert [float(likely_over(quantiles, one)[0]) for one in limits] == pytest.approx([0.9, 0.5, 0.1], abs=0.001)
    assert 0 <= likely_over(quantiles, limit + 1)[0] <= likely_over(quantiles, limit)[0] <= 1


@fast
@given(st.lists(st.floats(0, 1), min_size=2, max_size=96))
def test_the_span_holds_what_is_likelier_than_not_around_the_peak(values: list[float]) -> None:
    likely = np.array(values)
    peak, first, end = lasting(likely, 2)
    assert peak == max(min(pair) for pair in pairwise(values))
    assert end - first >= 2
    assert peak < 0.5 or (likely[first:end] >= 0.5).all()
    assert first == 0 or likely[first - 1] < 0.5
    assert end == len(values) or likely[end] < 0.5


# ---- What is found.


def test_damp_air_ahead_is_found_with_its_span_and_how_likely_it_is() -> None:
    evening = np.full(96, 55.0)
    evening[45:54] = 71.5
    one = found(forecast(evening))["humid", "bath"]
    assert (one.start, one.end) == (AT + 45 * SLOT, AT + 54 * SLOT)
    assert one.likely == pytest.approx(0.83, abs=0.01)
    assert found(forecast(50.0))["humid", "bath"].likely < 0.01
    assert found(forecast(80.0))["humid", "bath"].end is None, "no end is seen"
    once = np.full(96, 55.0)
    once[45] = 80.0
    assert found(forecast(once))["humid", "bath"].likely < 0.1, "a quarter of an hour is nobody's concern"


def test_mould_is_a_risk_where_the_coldest_surface_is_wet_for_six_hours() -> None:
    def likely(humidity: Any, **more: Any) -> float:
        return found(forecast(humidity), outside=0.0, **more)["mould", "bath"].likely

    assert likely(50.0) < 0.01  # 73 %RH at 14 °C
    assert likely(60.0) > 0.99  # 88 %RH
    some = np.full(96, 45.0)
    some[40:63] = 60.0
    assert likely(some) < 0.01
    some[63] = 60.0
    assert likely(some) > 0.99
    warm = replace(home(), settings={"rooms": {"bath": {"f_rsi": 0.95}}})
    assert likely(60.0, of=warm) < 0.01
    assert ("mould", "bath") not in found(forecast(60.0)), "without air outside nothing is known of walls"


def test_a_sensor_that_is_stuck_is_found_and_what_rests_on_it_is_not_judged() -> None:
    of = found(forecast(80.0, notes=("stuck",)), outside=0.0)
    assert of["stuck", "bath"].likely == 1
    assert not of["humid", "bath"].judged
    assert not of["mould", "bath"].judged


def test_a_silent_room_is_found_since_when_it_was_heard() -> None:
    of = found(forecast(), silence("cellar"), of=home({"cellar": 5 * HOUR}))
    assert of["silent", "cellar"].start == AT - 5 * HOUR - SLOT
    assert of["silent", "cellar"].judged
    assert ("silent", None) not in of
    assert not of["humid", "cellar"].judged


def test_a_room_whose_sensor_is_often_silent_for_so_long_is_not() -> None:
    assert ("silent", "cellar") not in found(forecast(room="cellar"), of=home({"cellar": 5 * HOUR}))


def test_nor_is_one_whose_readings_come_late_or_in_vain() -> None:
    one = replace(silence("cellar"), notes=("late",))
    assert ("silent", "cellar") not in found(one, of=home({"cellar": 5 * HOUR}))


def test_of_a_house_that_is_silent_as_a_whole_one_thing_is_told() -> None:
    of = found(silence("bath"), silence("cellar"), of=home({"bath": 4 * HOUR, "cellar": 5 * HOUR}))
    assert of["silent", None].start == AT - 4 * HOUR - SLOT
    assert [of["silent", room].judged for room in ("bath", "cellar")] == [False, False]


def test_air_outside_may_be_silent_for_a_day() -> None:
    assert ("silent", OUTDOOR) not in found(forecast(), of=home({OUTDOOR: 23 * HOUR}))
    assert found(forecast(), of=home({OUTDOOR: 25 * HOUR}))["silent", OUTDOOR].judged


def test_the_day_outside_is_expected_to_be_like_the_last() -> None:
    for unknown in (None, np.full((2, 192), np.nan), np.zeros((2, 95))):
        assert np.isnan(outdoor_ahead(unknown)).all()
    np.testing.assert_allclose(outdoor_ahead(np.full((2, 191), 4.0)), 4.0)
    hours = np.arange(192) / 4
    swing = np.tile(10 - 5 * np.cos(2 * np.pi * hours / 24), (2, 1))  # cold now, as it was a day ago
    ahead = outdoor_ahead(swing)
    assert ahead[0] < 10 < ahead.max()
    assert ahead[-1] == pytest.approx(ahead[0], abs=0.7)


# ---- What has changed.


def finding(likely: float = 0.8, *, kind: Kind = "humid", room: str | None = "bath", **more: Any) -> Finding:
    facts: dict[str, Any] = {"start": AT + 12 * HOUR, "end": AT + 14 * HOUR} | more
    return Finding(kind, room, likely, **facts)


def run(*steps: Iterable[Finding], watch: Watch | None = None, start: int = 0, **rules: Any) -> tuple[Watch, list[str]]:
    """What was found at one issue time after the other; the watch then, and what changed: the step and the word."""
    watch, told = watch or Watch("h1"), []
    facts: dict[str, Any] = {"zone": ZONE, "a_day": 6, "sends": True} | rules
    for number, step in enumerate(steps, start=start):
        watch, changes = advance(watch, step, at=AT + number * SLOT, **facts)
        told += [f"{number} {change.word} {change.notice.finding.kind}" for change in changes]
    return watch, told


def test_what_is_likely_is_raised_once_and_cleared_after_it_was_unlikely_for_an_hour() -> None:
    steps = [[finding(0.6)], *[[finding(0.8)]] * 3, [finding(0.4)], *[[finding(0.1)]] * 5]
    watch, told = run(*steps)
    assert told == ["1 raised humid", "9 cleared humid"]
    assert watch.opened == {}
    assert [one.word for one in watch.unsent] == ["raised", "cleared"]


def test_what_goes_up_and_down_around_a_limit_does_not_flap() -> None:
    _, told = run(*[[finding(likely)] for likely in (0.71, 0.69, 0.31, 0.29, 0.31, 0.29, 0.29, 0.31) * 12])
    assert told == ["0 raised humid"]
    _, told = run(*[[finding(likely)] for likely in (0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9)])
    assert told == ["0 raised humid", "5 cleared humid"], "it rests for six hours"


def test_the_same_issue_time_again_or_an_earlier_one_changes_nothing() -> None:
    watch, _ = run([finding()])
    for at in (AT, AT - SLOT):
        assert advance(watch, [], at=at, zone=ZONE, a_day=6, sends=True) == (watch, ())


def test_where_nothing_changes_nothing_is_written() -> None:
    watch, _ = run([finding()])
    again, changes = advance(watch, [finding(0.82)], at=AT + SLOT, zone=ZONE, a_day=6, sends=True)
    assert again is watch
    assert changes == ()
    moved, changes = advance(watch, [finding(end=AT + 16 * HOUR)], at=AT + SLOT, zone=ZONE, a_day=6, sends=True)
    assert moved.opened["humid", "bath"].finding.end == AT + 16 * HOUR
    assert changes == ()
    assert moved.unsent == watch.unsent, "nobody is told that times have moved"


def test_what_is_not_judged_neither_raises_nor_clears_until_its_time_is_over() -> None:
    unknown = finding(1.0, judged=False)
    assert run([unknown])[1] == []
    watch, _ = run([finding()])
    assert run(*[[unknown]] * 50, watch=watch, start=1)[1] == []
    assert run(*[[unknown]] * 5, watch=watch, start=57)[1] == ["61 cleared humid"]


def test_over_its_number_a_day_a_house_is_sent_no_more_until_the_next() -> None:
    rooms = [finding(room=f"room {number}") for number in range(3)]
    watch, told = run(rooms, a_day=2)
    assert len(told) == 3
    assert [one.notice.muted for one in watch.unsent] == [False, False]
    assert sum(one.muted for one in watch.opened.values()) == 1
    evening = 16 * 4  # midnight in Berlin
    watch, _ = run([*rooms, finding(room="attic")], watch=replace(watch, unsent=()), start=evening, a_day=2)
    assert [one.notice.finding.room for one in watch.unsent] == ["attic"]


def test_the_most_urgent_comes_first() -> None:
    kinds: list[Kind] = ["humid", "stuck", "mould", "silent"]
    watch, _ = run([finding(1.0, kind=kind) for kind in kinds], a_day=2)
    assert [one.notice.finding.kind for one in watch.unsent] == ["silent", "stuck"]


def test_what_nobody_takes_is_told_again_for_a_day() -> None:
    watch, _ = run([finding()])
    (change,) = watch.unsent
    assert run(*[[finding()]] * 95, watch=watch, start=1)[0].unsent == (change,)
    assert run([finding(0.95)], watch=watch, start=97)[0].unsent == ()
    assert taken(watch, [change]).unsent == ()
    assert taken(watch, []).unsent == (change,)


def test_where_nobody_is_told_nothing_waits() -> None:
    assert run([finding()], sends=False)[0].unsent == ()


def test_of_very_many_changes_some_wait_for_the_next_issue_time() -> None:
    rooms = [finding(room=f"room {number}") for number in range(95)]
    watch, told = run(rooms)
    assert len(told) == 90
    assert len(run(rooms, watch=watch, start=1)[1]) == 5


@fast
@given(
    st.lists(
        st.lists(
            st.builds(
                finding,
                st.floats(0, 1),
                kind=st.sampled_from(KINDS),
                room=st.sampled_from(["bath", "cellar"]),
                judged=st.booleans(),
            ),
            max_size=4,
        ),
        max_size=40,
    )
)
def test_whatever_is_found_a_notice_is_raised_then_cleared_and_never_soon_again(steps: list[list[Finding]]) -> None:
    watch = Watch("h1")
    standing: dict[Any, Notice] = {}
    cleared: dict[Any, datetime] = {}
    for number, step in enumerate(steps):
        at = AT + number * SLOT
        watch, changes = advance(watch, step, at=at, zone=ZONE, a_day=6, sends=True)
        for change in changes:
            key = change.notice.finding.key
            rule = RULES[change.notice.finding.kind]
            if change.word == "raised":
                assert key not in standing
                assert at - cleared.get(key, at - timedelta(days=9)) >= rule.rest
                standing[key] = change.notice
            else:
                assert change.notice.id == standing.pop(key).id, "the id is stable"
                cleared[key] = at
        assert watch.opened.keys() == standing.keys()
        assert sum(one.word == "raised" for one in watch.unsent) <= 6


# ---- Words.

EVENING: Final = finding(0.8, start=AT + 11.25 * HOUR, end=AT + 13.5 * HOUR)


@pytest.mark.parametrize(
    ("about", "language", "said"),
    [
        (EVENING, "en", "bath: over 70 %RH from 19:15 to 21:30, 80 % likely"),
        (EVENING, "de",
         "bath: über 70 % Luftfeuchte von 19:15 bis 21:30, zu 80 % wahrscheinlich"),
        (finding(1.0, start=AT, end=AT + 2 * HOUR), "en", "bath: over 70 %RH until 10:00, 99 % likely"),
        (finding(0.8, start=AT + 23 * HOUR, end=None), "en", "bath: over 70 %RH from tomorrow 07:00, 80 % likely"),
        (finding(0.8, start=AT + 15 * HOUR, end=AT + 18 * HOUR), "en",
         "bath: over 70 %RH from 23:00 to tomorrow 02:00, 80 % likely"),
        (finding(0.8, start=AT, end=None), "en", "bath: over 70 %RH for the next 24 h, 80 % likely"),
        (finding(0.8, kind="mould", start=AT + 20 * HOUR), "en", "mould risk in the bath tomorrow, 80 % likely"),
        (finding(0.8, kind="mould", start=AT + 20 * HOUR), "de", "bath: Schimmelgefahr morgen, zu 80 % wahrscheinlich"),
        (finding(1.0, kind="silent", start=AT - 2 * HOUR), "en", "no readings from the bath since 06:00"),
        (finding(1.0, kind="silent", room=None, start=AT - 16 * HOUR), "en",
         "no readings from the house since yesterday 16:00"),
        (finding(1.0, kind="silent", start=AT - 48 * HOUR), "de", "bath: keine Messwerte seit 2026-11-20 08:00"),
        (finding(1.0, kind="stuck"), "en", "sensor stuck: bath"),
    ],
)  # fmt: skip
def test_a_notice_in_words(about: Finding, language: Language, said: str) -> None:
    assert words_of(Notice("h1", about, AT), at=AT, zone=ZONE, language=language) == said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("room", ["a{room}b", None])
def test_every_notice_has_words_raised_and_cleared(language: Language, kind: Kind, room: str | None) -> None:
    if room is None and kind != "silent":
        return
    notice = Notice("h1", finding(kind=kind, room=room), AT)
    said = [words_of(one, at=AT, zone=ZONE, language=language) for one in (notice, replace(notice, cleared_at=AT))]
    assert said[0] != said[1]
    assert all((room or "") in one for one in said), "a name is no template"
    assert Change("raised", notice).notice.id.endswith(f"/{kind}/{room or ''}")
