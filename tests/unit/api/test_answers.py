"""What is answered: the shapes, the ranges, cursors that lose nothing, ETags, compression, and problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from roomidity.api.document import document_text
from roomidity.api.front import Clocks
from roomidity.api.page import CONTENT_SECURITY_POLICY
from roomidity.domain.observations import Statistics
from roomidity.domain.quantities import Quantity
from roomidity.domain.slots import SLOT, SlotKey, format_slot, to_epoch_ms
from roomidity.domain.weather import WeatherUsed
from roomidity.domain.weather_adds import WeatherAdds
from roomidity.errors import StoreError
from tests.api import ISSUED, NOW, ApiWorld, event_of

ROOT: Final = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def filled() -> ApiWorld:
    world = ApiWorld()
    world.house("h1", "bath, upper", "kitchen", "outdoor", days=8)
    return world


@pytest.fixture
def world(filled: ApiWorld) -> ApiWorld:
    filled.clocks = Clocks(NOW, NOW)
    return filled


def test_the_newest_forecast_has_what_a_card_shows(world: ApiWorld) -> None:
    answer = world.of("h1", "/forecasts").json
    assert {name: answer[name] for name in ("house", "timezone", "now", "replayed")} == {
        "house": "h1",
        "timezone": "Europe/Brussels",
        "now": "2026-03-15T08:07:00Z",
        "replayed": False,
    }
    bath, _, outdoor = answer["rooms"]
    assert (bath["room"], bath["outdoor"], bath["active"]) == ("bath, upper", False, True)
    assert bath["humidity"] == {"value": 50.0, "slot": "2026-03-15T07:45Z", "measured_at": "2026-03-15T07:58:00Z"}
    forecast = bath["forecast"]
    assert (forecast["issued_at"], forecast["first_slot"], forecast["step_s"]) == (*["2026-03-15T08:00Z"] * 2, 900)
    assert forecast["humidity"] == {"p10": [48.0] * 96, "p50": [50.0] * 96, "p90": [52.0] * 96}
    assert forecast["grade"] == {"humidity": "full", "temperature": "prior"}
    assert [note["code"] for note in forecast["notes"]] == ["stuck"]
    assert forecast["data_through"] == "2026-03-15T07:45Z"
    assert (forecast["weather"], forecast["weather_adds"]) == (None, {})
    assert (outdoor["room"], outdoor["outdoor"], outdoor["forecast"]) == ("outdoor", True, None)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "drier air from noon: -6 %RH by 15:00"),
        ("de", "trockenere Luft ab Mittag: -6 % Luftfeuchte bis 15:00"),
    ],
)
def test_what_the_weather_adds_is_told_in_the_houses_language_and_by_its_clock(language: str, text: str) -> None:
    world = ApiWorld()
    world.house("h1", "bath", settings={"language": language})
    key = "h1", "bath", ISSUED
    used = WeatherUsed(NOW - timedelta(hours=5, minutes=7), 4.88)
    adds: Mapping[Quantity, WeatherAdds] = {
        "humidity": WeatherAdds(begins=12, peaks=24, change=-6.2)
    }  # from 9:00 in Brussels on
    world.forecasts.stored[key] = replace(world.forecasts.stored[key], weather=used, weather_adds=adds)
    (bath,) = world.of("h1", "/forecasts").json["rooms"]
    assert bath["forecast"]["weather"] == {"issued_at": "2026-03-15T03:00:00Z", "age_h": 4.88}
    assert bath["forecast"]["weather_adds"] == {
        "humidity": {"begins": "2026-03-15T11:00Z", "peaks": "2026-03-15T14:00Z", "change": -6.2, "text": text}
    }


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "forecast with the window open (since 08:53); when it will be closed is not known"),
        ("de", "vorhergesagt bei offenem Fenster (seit 08:53); wann es geschlossen wird, ist nicht bekannt"),
    ],
)
def test_contacts_are_a_series_and_an_open_window_is_told_in_the_houses_language(language: str, text: str) -> None:
    world = ApiWorld()
    world.house("h1", "bath", "kitchen", settings={"language": language})
    home = world.houses.get("h1")
    assert home is not None
    query = "from=2026-03-15T06:15Z&to=2026-03-15T09:00Z"
    plain = world.of("h1", "/observations", query=query).json["rooms"]
    assert [one["contact"] for one in plain] == [None, None]
    assert [one["forecast"]["window"] for one in world.of("h1", "/forecasts").json["rooms"]] == [None, None]

    for start, changes in ((datetime(2026, 3, 15, 6, tzinfo=UTC), "-0"), (ISSUED - SLOT, "+480")):
        key = SlotKey("h1", to_epoch_ms(start))
        observed, version = world.observations.stored[key]
        contact = Statistics(0.5, 0.0, 1.0, 1, changes={"": changes})
        bath = {**observed["bath"], "contact": contact}
        world.observations.stored[key] = ({**observed, "bath": bath}, version)
    room = home.rooms["bath"]
    heard = replace(room, measured={**room.measured, "contact": ISSUED})
    world.houses.put(replace(home, rooms={**home.rooms, "bath": heard}))
    key_of_forecast = "h1", "bath", ISSUED
    since = ISSUED - timedelta(minutes=7)
    stored = world.forecasts.stored
    stored[key_of_forecast] = replace(stored[key_of_forecast], open_since=since)

    bath, kitchen = world.of("h1", "/observations", query=query).json["rooms"]
    # Closed since before the span, opened eight minutes into its seventh slot, and still open where the clock stands.
    assert bath["contact"] == {"value": [0.0] * 6 + [0.467, 1.0] + [None] * 3}
    assert kitchen["contact"] is None
    assert (bath["humidity"], kitchen["humidity"]) == tuple(one["humidity"] for one in plain)
    bath, kitchen = world.of("h1", "/forecasts").json["rooms"]
    assert bath["forecast"]["window"] == {"open_since": "2026-03-15T07:53:00Z", "text": text}
    assert kitchen["forecast"]["window"] is None
    early = world.of("h1", "/observations", query="from=2026-03-15T01:00Z&to=2026-03-15T06:15Z").json["rooms"][0]
    assert early["contact"] == {"value": [None] * 20 + [0.0]}


def test_a_forecast_as_issued_and_rooms_with_commas(world: ApiWorld) -> None:
    query = f"issued_at=2026-03-14T06:05:00%2B00:00&room={quote('bath, upper')}&room=kitchen"
    rooms = world.of("h1", "/forecasts", query=query).json["rooms"]
    assert [(one["room"], one["forecast"]["issued_at"]) for one in rooms] == [
        ("bath, upper", "2026-03-14T06:00Z"),
        ("kitchen", "2026-03-14T06:00Z"),
    ]


def test_a_house_that_fell_silent_keeps_its_last_forecast() -> None:
    world = ApiWorld()
    world.house("h1", "bath", issued=datetime(2026, 3, 15, 6, tzinfo=UTC))
    (bath,) = world.of("h1", "/forecasts").json["rooms"]
    assert bath["forecast"]["issued_at"] == "2026-03-15T06:00Z"


def test_observations_are_columns_and_a_cut_answer_goes_on_where_it_ended(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "from=2026-03-08T00:00Z&to=2026-03-15T09:00Z&statistics=true"
    whole = world.of("h1", "/observations", query=query).json
    assert (whole["first_slot"], whole["slots"], whole["cursor"]) == ("2026-03-08T00:00Z", 7 * 96 + 36, None)
    kitchen = whole["rooms"][1]["humidity"]
    assert (kitchen["value"][:2], kitchen["min"][0], kitchen["max"][0], kitchen["count"][0]) == (
        [51.0] * 2,
        49.0,
        51.0,
        3,
    )
    assert kitchen["value"][-4:] == [None] * 4
    assert kitchen["count"][-1] == 0
    monkeypatch.setattr("roomidity.api.asked.MAX_BYTES", 20_000)
    values: list[float | None] = []
    cursor: str | None = ""
    first = datetime(2026, 3, 8, tzinfo=UTC)
    while cursor is not None:
        part = world.of("h1", "/observations", query=query + (f"&cursor={cursor}" if cursor else "")).json
        assert part["first_slot"] == format_slot(first + len(values) * SLOT)
        values += part["rooms"][1]["humidity"]["value"]
        cursor = part["cursor"]
    assert values == kitchen["value"]


def test_series_has_what_was_forecast_and_what_was_measured(world: ApiWorld) -> None:
    rows = world.of("h1", "/series", query="room=kitchen&quantity=humidity").json["rows"]
    assert len(rows) == 2 * 96
    assert {tuple(row[name] for name in ("p10", "p50", "p90")) for row in rows} == {(48.0, 50.0, 52.0)}
    assert [row["actual"] for row in rows if row["time"] < "2026-03-15T08:00Z"] == [51.0] * 96
    assert {row["actual"] for row in rows if row["time"] >= "2026-03-15T08:00Z"} == {None}
    thin = world.of("h1", "/series", query="room=kitchen&quantity=humidity&every=4").json["rows"]
    assert thin == rows[::4]


def test_accuracy_and_models(world: ApiWorld) -> None:
    (first, _) = world.of("h1", "/accuracy").json["days"]
    assert (first["room"], first["day"], first["humidity"]["coverage"]) == ("bath, upper", "2026-03-13", 0.75)
    assert (first["humidity"]["mae"], first["humidity"]["persistence_mae"], first["temperature"]) == (2.0, 3.0, None)
    models = world.of("h1", "/models").json
    assert models["champion"] == models["models"][0]["version"] == models["served"][0]["version"]


def test_an_empty_house_is_answered() -> None:
    world = ApiWorld()
    world.house("empty")
    for what in ("", "/forecasts", "/observations", "/accuracy", "/series"):
        assert world.of("empty", what).status == 200
    assert world.of("empty", "/forecasts").json["rooms"] == []


@pytest.mark.parametrize(
    ("what", "query", "said"),
    [
        ("/observations", "from=monday", "found from='monday'; expected ISO 8601 with an offset"),
        ("/observations", "from=2026-03-15T00:00", "expected ISO 8601 with an offset"),
        ("/observations", "from=2026-03-15T00:00Z&to=2026-03-14T00:00Z", "expected `to` after `from`"),
        ("/observations", "from=2020-03-15T00:00Z", "by at most 400 days"),
        ("/observations", "from=0001-01-01T00:00Z", "expected ISO 8601"),
        ("/observations", "statistics=perhaps", "statistics: Input should be a valid boolean"),
        ("/observations", "frm=2026-03-15T00:00Z", "found the parameter 'frm'; expected of these: cursor, from, room"),
        ("/observations", "from=2026-03-15T00:00Z&from=2026-03-14T00:00Z", "found from was given twice"),
        ("/accuracy", "from=2026-02-30", "found from='2026-02-30'; expected a day such as 2026-11-22"),
        ("/accuracy", "to=0", "to: String should match pattern"),
        ("/series", "every=0", "every: Input should be greater than or equal to 1"),
        ("/series", "&".join(["room=kitchen"] * 70), "room: List should have at most 64 items"),
        ("/series", "&".join(["room=kitchen"] * 200), "found more than 100 parameters"),
        ("/forecasts", "issued_at=", None),
    ],
)
def test_a_bad_query_is_told(world: ApiWorld, what: str, query: str, said: str | None) -> None:
    answered = world.of("h1", what, query=query)
    if said is None:
        assert answered.status == 200
        return
    assert answered.status == 422
    assert said in answered.json["detail"]


def test_an_unknown_room_names_those_there_are(world: ApiWorld) -> None:
    answered = world.of("h1", "/forecasts", query="room=attic")
    assert answered.status == 404
    assert answered.json["detail"] == "found no room 'attic'; rooms of the house: bath, upper, kitchen, outdoor"


def test_what_has_not_changed_is_not_sent_again(world: ApiWorld) -> None:
    first = world.of("h1", "/forecasts")
    world.clocks = Clocks(NOW + timedelta(seconds=20), NOW + timedelta(seconds=20))
    same = world.of("h1", "/forecasts", if_none_match=first.headers["etag"])
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", first.headers["etag"])
    assert same.headers["cache-control"] == "private, no-cache"
    other = world.of("h1", "/forecasts", query="room=kitchen", if_none_match=f'W/"x", {first.headers["etag"]}')
    assert other.status == 200


def test_an_answer_is_compressed_for_who_can_take_it(world: ApiWorld) -> None:
    plain = world.of("h1", "/forecasts")
    small = world.of("h1", "/forecasts", accept_encoding="br;q=1.0, gzip;q=0.8")
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.body == plain.body
    assert small.wire_bytes < plain.wire_bytes / 5
    assert world.of("h1", "/forecasts", accept_encoding="gzip;q=0").wire_bytes == plain.wire_bytes
    assert small.headers["vary"] == plain.headers["vary"] == "Authorization, Accept-Encoding"


def test_head_is_answered_and_nothing_else_is(world: ApiWorld) -> None:
    head = world.of("h1", "/forecasts", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO"):
        answered = world.of("h1", "/forecasts", method=method)
        assert (answered.status, answered.headers["allow"]) == (405, "GET, HEAD")


def test_a_house_never_heard_and_an_event_of_nothing(world: ApiWorld) -> None:
    token = world.token("unheard")
    assert world.get("/v1/house", token=token).status == 404
    assert world.answer({}).status == 200  # the page
    assert world.answer({"rawPath": "/v1/house", "headers": None, "requestContext": None}).status == 401


def test_tables_that_do_not_answer_are_told_as_such(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise StoreError("throttled")

    monkeypatch.setattr(world.settings, "get", away)
    answered = world.of("h1", "/forecasts")
    assert (answered.status, answered.headers["retry-after"]) == (503, "5")


def test_replayed_data_go_by_their_own_clock_and_say_so(world: ApiWorld) -> None:
    world.clocks = Clocks(NOW + timedelta(hours=6), NOW)
    answer = world.of("h1", "/forecasts").json
    assert (answer["replayed"], answer["now"]) == (True, "2026-03-15T08:07:00Z")
    assert answer["rooms"][0]["forecast"] is not None


def test_the_page_is_public_closed_to_elsewhere_and_without_data(world: ApiWorld) -> None:
    page = world.get("/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert page.headers["referrer-policy"] == "no-referrer"
    assert b"h1" not in page.body.replace(b"<h1", b"").replace(b"</h1", b"")
    assert world.get("/", if_none_match=page.headers["etag"]).status == 304
    for path in ("/../pyproject.toml", "/__init__.py", "/.hidden", "/nothing", "/page/index.html", "//index.html"):
        assert world.get(path).status == 404


def test_the_description_is_committed_as_it_is_made() -> None:
    text = (ROOT / "docs/openapi.json").read_text("utf-8")
    assert text == document_text(), "write it anew: scripts/write-openapi"
    described = json.loads(text)
    assert described["openapi"].startswith("3.1")
    for item in described["paths"].values():
        assert set(item["get"]["responses"]) == {"200", "304", "401", "403", "404", "422", "429", "503"}


def test_sixty_rooms_fit(world: ApiWorld) -> None:
    large = ApiWorld()
    large.house("large", *(f"{'ü' * 60}{number:02}" for number in range(60)))
    for what in ("/forecasts", "/observations", "/series"):
        answered = large.of("large", what)
        assert answered.status == 200
        assert len(answered.body) < 1_000_000
    assert event_of("/")["rawPath"] == "/"
