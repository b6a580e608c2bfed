"""The check-up: each thing that can be wrong is found by name, with what to mend, and nothing secret is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError

from roomidity.aws.account import trouble_of
from roomidity.doctor import TABLES, DoctorPorts, Finding, diagnose, diagnosis
from roomidity.domain.damage import Damaged
from roomidity.domain.deliveries import Deliveries, HouseDeliveries, Period, RoomDeliveries
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House, Room
from roomidity.domain.models import Pointer
from roomidity.domain.notices.notice import Notice, Watch
from roomidity.domain.setting import STAGE, Setting
from roomidity.domain.slots import SLOT, format_moment
from roomidity.domain.stage import QueueFacts, TableFacts
from roomidity.domain.weather import HOURS, WeatherIssue
from roomidity.errors import ItemDamagedError, ModelRefusedError
from roomidity.forecasting.model import Champion
from roomidity.forecasting.serving.notes import NOTES
from roomidity.pipeline.device_maps import HEARD_KIND, MAP_KIND
from roomidity.pipeline.remedies import FOUND, remedy, told
from tests.fakes import stacked

NOW = datetime(2026, 3, 15, 12, 7, tzinfo=UTC)
CALM = QueueFacts(waiting=0, in_flight=0, oldest=None)


def refusal(code: str, message: str = "as asked") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


@dataclass
class FakeStage:
    """A stage in which all is well, but for what a test changes; a value that is an exception is raised."""

    region: str = "eu-central-1"
    endpoint: str = "https://sqs.eu-central-1.amazonaws.com"
    is_emulator: bool = False
    arn: str | Exception = "arn:aws:iam::123456789012:user/someone"
    stack: str | Exception | None = "UPDATE_COMPLETE"
    queues: dict[str, QueueFacts | Exception] = field(default_factory=dict)
    tables: dict[str, TableFacts | Exception] = field(default_factory=dict)
    bucket_trouble: Exception | None = None
    concurrent: int | Exception = 1_000
    api: bool = True
    rule: bool | Exception = field(default_factory=lambda: refusal("UnauthorizedException"))
    houses: list[House] = field(default_factory=list)
    issued: dict[str, datetime] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    pointers: dict[str, Pointer] = field(default_factory=dict)
    damaged: tuple[Damaged, ...] = ()
    rejected: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[tuple[str, str], Setting] = field(default_factory=dict)
    weather: list[WeatherIssue] = field(default_factory=list)
    provider: str = "api.open-meteo.com"

    def regions(self) -> Sequence[str]:
        return ["eu-central-1", "us-east-1"]

    def identity(self) -> str:
        return answer(self.arn)

    def stack_status(self, name: str) -> str | None:
        assert name == "roomidity-test"
        return answer(self.stack)

    def queue(self, name: str, *, now: datetime) -> QueueFacts:
        return answer(self.queues.get(name.removeprefix("roomidity-test-"), CALM))

    def table(self, name: str) -> TableFacts:
        short = name.removeprefix("roomidity-test-")
        return answer(self.tables.get(short, TableFacts("ACTIVE", TABLES[short])))

    def concurrency(self) -> int:
        return answer(self.concurrent)

    def has_api(self, name: str) -> bool:
        assert name == "roomidity-test"
        return self.api

    def iot_rule(self, name: str) -> bool:
        assert name == "roomidity_test_readings"
        return answer(self.rule)

    def function_environment(self, name: str) -> dict[str, str]:
        assert name == "roomidity-test-weather"
        return {"ROOMIDITY_WEATHER_URL": f"https://{self.provider}/v1/forecast"}

    def issues(
        self, places: Iterable[str], *, since: datetime, until: datetime, most: int = 99
    ) -> Sequence[WeatherIssue]:
        return [issue for issue in self.weather if issue.place in places and since <= issue.known_from <= until][-most:]

    def reach_bucket(self, name: str) -> None:
        if self.bucket_trouble:
            raise self.bucket_trouble

    # As the other ports.

    def all(self) -> Iterator[House]:
        return iter(self.houses)

    def between(self, house: str, *_: Any) -> list[Any]:
        return []

    def means(self, house: str, *_: Any) -> list[Any]:
        return []

    def manifests(self, house: str) -> list[Any]:
        return []

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        issued = self.issued.get(house)
        notes = self.notes.get(house, ())
        return None if issued is None else StoredForecast(house, room, issued, stacked({}), {}, None, "m", notes)

    def list(self, house: str) -> Sequence[Setting]:
        return [setting for (of, _), setting in self.settings.items() if of == house]

    def newest(self, house: str, *, now: datetime) -> Sequence[Notice]:
        return []

    def watch(self, house: str) -> Watch:
        return Watch(house)

    def get(self, house: str, kind: str) -> Setting | None:
        return self.settings.get((house, kind))

    def days(self, first: date | None = None, last: date | None = None) -> Sequence[date]:
        assert (first, last) == ((NOW - timedelta(days=1)).date(), NOW.date())
        return [NOW.date()] if self.rejected else []

    def keys(self, day: date) -> Sequence[str]:
        return ["rejects/2026-03-15/0.ndjson"]

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        return iter(self.rejected)

    def succession(self, house: str) -> tuple[str, ...]:
        return ("20260301T0000Z-0123abcd",) if house in self.refused else ()

    def pointer(self, house: str) -> Pointer:
        return self.pointers.get(house, Pointer())

    def load(self, house: str, version: str) -> Champion:
        raise ModelRefusedError(version, found="sha256 of nothing", expected="another")

    def check(self, **options: Any) -> dict[str, Finding]:
        every: Any = self  # one for all ports, with what the doctor calls of each
        ports = DoctorPorts(
            prefix="roomidity-test",
            account=self,
            trouble_of=trouble_of,
            bucket=lambda: "roomidity-test-123456789012",
            houses=lambda: every,
            forecasts=lambda: every,
            registry=lambda: every,
            sets=lambda: every,
            observations=lambda: every,
            accuracy=lambda: every,
            moulds=lambda: every,
            settings=lambda: every,
            notices=lambda: every,
            advice=lambda: every,
            weather=lambda: every,
            rejects=lambda: every,
            damaged=lambda: self.damaged,
        )
        return {finding.check: finding for finding in diagnose(ports, now=NOW, **options)}


def answer(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def house(name: str = "h1", *, seen: datetime = NOW) -> House:
    return House(name=name, timezone="UTC", rooms={"kitchen": Room(seen, seen, frozenset({""}))})


def healthy() -> FakeStage:
    return FakeStage(houses=[house()], issued={"h1": NOW - SLOT})


def wrong(found: dict[str, Finding]) -> set[str]:
    for finding in found.values():
        if finding.status == "wrong":
            assert finding.found, finding
            assert finding.expected, finding
            assert finding.mend, finding
    return {name for name, finding in found.items() if finding.status == "wrong"}


def test_refused_batches_are_told_for_a_day() -> None:
    stage = healthy()
    assert "batch insert" not in stage.check()
    content = {"why": "AccessDeniedException: no", "at": "2026-03-15T00:00:00Z"}
    stage.settings[STAGE, "batch-insert"] = Setting(STAGE, "batch-insert", content, expires_at=NOW + SLOT)
    found = stage.check()
    assert wrong(found) == {"batch insert"}
    assert "AccessDeniedException" in found["batch insert"].found
    stage.settings[STAGE, "batch-insert"] = Setting(STAGE, "batch-insert", content, expires_at=NOW - SLOT)
    assert "batch insert" not in stage.check()


def test_a_rule_of_iot_is_looked_at_where_there_is_one() -> None:
    stage = healthy()
    assert "iot rule" not in stage.check()
    stage.rule = True
    assert stage.check()["iot rule"].status == "ok"
    stage.rule = False
    found = stage.check()
    assert wrong(found) == {"iot rule"}
    assert "enable-topic-rule --rule-name roomidity_test_readings" in (found["iot rule"].mend or "")


def test_where_all_is_well_everything_was_looked_at() -> None:
    found = healthy().check()
    assert {finding.status for finding in found.values()} == {"ok"}
    assert list(found) == [
        "prior",
        "target",
        "credentials",
        "stack",
        "concurrency",
        *(f"queue {name}" for name in ("readings", "forecast-jobs", "training-jobs")),
        *(f"dead letters {name}" for name in ("readings", "forecast-jobs", "training-jobs")),
        *(f"table {name}" for name in TABLES),
        "bucket",
        "houses",
        "settings",
        "devices",
        "models",
        "last run",
        "served by",
        "sensors",
        "weather",
        "deliveries",
        "rejects",
        "items",
    ]


@pytest.mark.parametrize(
    ("most", "api", "status"),
    [(10, True, "unknown"), (10, False, "ok"), (1_000, True, "ok"), (refusal("AccessDenied"), True, "unknown")],
)
def test_ten_functions_at_once_are_few_where_the_api_shares_them(most: Any, api: bool, status: str) -> None:
    found = replace(healthy(), concurrent=most, api=api).check()["concurrency"]
    assert found.status == status
    assert ("Service Quotas" in found.mend) == (most == 10 and api)


def test_devices_without_a_room_are_told_and_are_nothing_wrong() -> None:
    of = {"last": format_moment(NOW), "quantities": ["humidity"]}
    heard = {"zigbee2mqtt/new": of, "zigbee2mqtt/den": of, "lamp": {**of, "quantities": []}}
    stage = healthy()
    stage.settings = {
        ("h1", MAP_KIND): Setting("h1", MAP_KIND, {"devices": {"zigbee2mqtt/den": {"room": "den"}}}),
        ("h1", HEARD_KIND): Setting("h1", HEARD_KIND, {"devices": heard}),
    }
    finding = stage.check()["devices"]
    assert finding.status == "ok"
    assert "1 mapped; 1 heard within a day have no room (h1: zigbee2mqtt/new)" in finding.found
    assert "roomidity devices list h1" in finding.found


def test_a_device_map_that_cannot_be_used_is_named() -> None:
    stage = healthy()
    stage.settings = {("h1", MAP_KIND): Setting("h1", MAP_KIND, {"devices": {"x": 5}})}
    finding = stage.check()["devices"]
    assert finding.status == "wrong"
    assert "h1: device 'x' is 5" in finding.found
    assert "roomidity devices import h1" in finding.mend


def test_sensors_that_are_known_to_be_wrong_are_named_with_what_to_do() -> None:
    stage = healthy()
    stage.houses.append(house("h2"))
    stage.issued["h2"] = NOW - SLOT
    stage.notes = {"h2": ("stuck", "zone")}
    found = stage.check()
    assert wrong(found) == {"sensors"}
    assert "h2/kitchen: stuck: a value stands still" in found["sensors"].found
    assert "zone" not in found["sensors"].found  # of which the deliveries tell, with figures
    assert "h1" not in found["sensors"].found
    assert "stuck: restart the sensor" in found["sensors"].mend


def test_readings_that_come_in_oddly_are_told_with_figures_and_what_to_do() -> None:
    stage = healthy()
    late = Deliveries(288, 288, (21_602, 21_610, 21_650), ticks=96, late_ticks=96)
    ahead = Deliveries(12, 0, (-421, -420, -400), {"future": 12, "implausible": 9}, ticks=4)
    units = Deliveries(rejected={"unit": 90})
    rooms = {"attic": late, "bath": ahead, "cellar": units}
    begins = NOW.replace(minute=0)
    records = {name: RoomDeliveries((Period(begins, came),)) for name, came in rooms.items()}
    stage.houses = [replace(house(), deliveries=HouseDeliveries(records))]
    found = stage.check()
    assert wrong(found) == {"deliveries"}
    told = found["deliveries"].found.split("; ")
    assert told[0] == "h1/attic: zone: 288 readings bear times that are 6.0 h old when sent"
    assert told[1] == "h1/bath: clock: 12 readings bear times that are 7 min ahead when sent"
    assert told[2] == "h1/bath: rejected: 12 as future, 9 as implausible of some 21 readings were rejected"
    assert told[3] == "h1/cellar: unit: 90 as unit of some 90 readings were rejected"
    assert "zone: send times with their offset" in found["deliveries"].mend
    assert "roomidity room h1/cellar --unit f" in found["deliveries"].mend


def test_rejects_that_name_no_known_house_are_told() -> None:
    stage = healthy()
    of_known = {"packed": "{}", "rejects": [{"reason": "future", "house": "h1", "positions": [[0, 499], [502, 502]]}]}
    stage.rejected = [of_known, {"reason": "malformed", "house": None}]
    few = stage.check()["rejects"]
    assert (few.status, few.found) == ("ok", "502 readings since 2026-03-14")
    stage.rejected += [{"reason": "quota", "house": "new"}] * 8
    found = stage.check()
    assert wrong(found) == {"rejects"}
    assert found["rejects"].found.endswith("of which no house tells: 8 as quota of new; 1 as malformed of no house")
    assert "roomidity rejects" in found["rejects"].mend


def test_every_note_has_words_and_a_remedy() -> None:
    assert tuple(FOUND) == NOTES
    for code in (*NOTES, "of a newer version"):
        one = StoredForecast("h1", "bath", NOW, stacked({}), {}, None, "m", (code,))
        ((name, found, mend),) = told([one])
        assert name == f"bath: {code}"
        assert found
        assert mend
        assert "{" not in mend
    assert "h1/bath" in remedy("unit", house="h1", room="bath")


def test_a_stage_without_houses_is_well() -> None:
    assert wrong(FakeStage().check()) == set()


HTTPS = "https://sts.eu-central-1.amazonaws.com/"


@pytest.mark.parametrize(
    ("error", "check", "says"),
    [
        (NoCredentialsError(), "credentials", "roomidity up"),
        (refusal("InvalidClientTokenId"), "credentials", "AWS_PROFILE"),
        (refusal("ExpiredToken"), "credentials", "log in again"),
        (EndpointConnectionError(endpoint_url=HTTPS), "endpoint", "AWS_ENDPOINT_URL"),
        (ConnectTimeoutError(endpoint_url=HTTPS), "endpoint", "network"),
    ],
)
def test_what_keeps_us_out_is_said_once_and_nothing_more_is_asked(error: Exception, check: str, says: str) -> None:
    found = replace(healthy(), arn=error, stack=AssertionError("was asked")).check()
    assert wrong(found) == {check}
    assert says in found[check].mend
    assert list(found)[-1] == check


def test_a_local_engine_that_does_not_run_is_called_by_its_name() -> None:
    error = EndpointConnectionError(endpoint_url="http://127.0.0.1:4566")
    found = replace(healthy(), arn=error, is_emulator=True, endpoint="http://127.0.0.1:4566").check()
    assert "roomidity up" in found["endpoint"].mend


def test_a_region_that_does_not_exist() -> None:
    found = replace(healthy(), region="eu-centrall-1").check()
    assert wrong(found) == {"target"}
    assert "'eu-centrall-1'" in found["target"].found
    assert wrong(replace(healthy(), region="local", is_emulator=True).check()) == set()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "wrong"),
        ("ROLLBACK_COMPLETE", "wrong"),
        ("UPDATE_ROLLBACK_COMPLETE", "wrong"),
        ("UPDATE_ROLLBACK_FAILED", "wrong"),
        ("DELETE_IN_PROGRESS", "wrong"),
        ("CREATE_COMPLETE", "ok"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "ok"),
        (refusal("AccessDenied"), "unknown"),
    ],
)
def test_stacks(status: str | Exception | None, expected: str) -> None:
    found = replace(healthy(), stack=status).check()
    assert found["stack"].status == expected
    assert "last run" in found, "what lies behind is looked at all the same"
    wrong(found)


@pytest.mark.parametrize(
    ("queue", "allowed"),
    [
        ("readings", timedelta(minutes=30)),
        ("forecast-jobs", timedelta(minutes=15)),
        ("training-jobs", timedelta(hours=2)),
    ],
)
def test_a_message_that_waits_too_long(queue: str, allowed: timedelta) -> None:
    for oldest, expected in ((None, set()), (allowed, set()), (allowed + timedelta(minutes=1), {f"queue {queue}"})):
        facts = QueueFacts(waiting=3, in_flight=1, oldest=oldest)
        assert wrong(replace(healthy(), queues={queue: facts}).check()) == expected


def test_dead_letters() -> None:
    found = replace(healthy(), queues={"forecast-jobs-dlq": QueueFacts(2, 1, None)}).check()
    assert wrong(found) == {"dead letters forecast-jobs"}
    assert found["dead letters forecast-jobs"].found == "3 messages"


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"])
def test_a_missing_queue(code: str) -> None:
    found = replace(healthy(), queues={"readings": refusal(code)}).check()
    assert wrong(found) == {"queue readings"}
    assert "deploy" in found["queue readings"].mend


def test_a_missing_table_ends_what_needs_tables() -> None:
    found = replace(healthy(), tables={"forecasts": refusal("ResourceNotFoundException")}).check()
    assert wrong(found) == {"table forecasts"}
    assert found["table forecasts"].found == "no table roomidity-test-forecasts"
    assert found["houses"].status == "unknown"
    assert "last run" not in found


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (refusal("AccessDeniedException"), "grant"),
        (TableFacts("CREATING", ("house",)), "wait"),
        (TableFacts("ACTIVE", ("id",)), "another program's"),
    ],
)
def test_a_table_that_cannot_be_used(facts: TableFacts | Exception, says: str) -> None:
    found = replace(healthy(), tables={"houses": facts}).check()
    assert wrong(found) == {"table houses"}
    assert says in found["table houses"].mend


@pytest.mark.parametrize("code", ["404", "NoSuchBucket", "403"])
def test_a_bucket_that_is_not_there_or_not_ours(code: str) -> None:
    assert wrong(replace(healthy(), bucket_trouble=refusal(code)).check()) == {"bucket"}


def test_an_emptied_model_of_a_house() -> None:
    found = replace(healthy(), refused={"h1"}).check()
    assert wrong(found) == {"models"}
    assert "h1: model 20260301T0000Z-0123abcd refused: found sha256 of nothing" in found["models"].found
    assert "roomidity models rollback h1" in found["models"].mend


@pytest.mark.parametrize(
    "error", [ModelRefusedError("shipped prior", found="nothing", expected="a model"), FileNotFoundError("prior.npz")]
)
def test_an_emptied_prior(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "load_prior", raising(error))
    found = healthy().check()
    assert wrong(found) == {"prior"}
    assert "install" in found["prior"].mend


def raising(error: Exception) -> Callable[[], Any]:
    def call() -> Any:
        raise error

    return call


@pytest.mark.parametrize(("age", "late"), [(timedelta(minutes=30), False), (timedelta(minutes=31), True)])
def test_a_forecast_that_was_missed(age: timedelta, late: bool) -> None:
    found = replace(healthy(), issued={"h1": NOW - age}).check()
    assert wrong(found) == ({"last run"} if late else set())


def test_houses_without_a_forecast_are_named_but_not_all_of_them() -> None:
    houses = [house(f"h{number}") for number in range(9)]
    found = FakeStage(houses=houses, issued={"h8": NOW}).check()
    assert found["last run"].found.startswith("8 of 9 houses late: h0: no forecast; h1: no forecast;")
    assert found["last run"].found.endswith("and 3 more")


def test_readings_that_stopped_a_week_ago() -> None:
    found = FakeStage(houses=[house(seen=NOW - timedelta(days=8))]).check()
    assert wrong(found) == {"houses"}
    assert "2026-03-07" in found["houses"].found
    assert "--now" in found["houses"].mend


@pytest.mark.parametrize(("most", "count"), [(None, 10), (20, 10), (3, 3), (1, 1)])
def test_of_many_houses_some_are_looked_at(most: int | None, count: int) -> None:
    stage = FakeStage(houses=[house(f"h{number}") for number in range(10)])
    assert f" of {count} houses late" in stage.check(most_houses=most)["last run"].found


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://someone:hunter2@10.0.0.1:80"),
        refusal("SignatureDoesNotMatch", "for AKIAABCDEFGHIJKLMNOP it should have been\nx-amz-security-token:hunter2"),
        RuntimeError("proxy http://me:hunter2@proxy:3128 and ASIAABCDEFGHIJKLMNOP"),
    ],
)
def test_nothing_secret_is_said(error: Exception) -> None:
    said = trouble_of(error).said
    assert "hunter2" not in said
    assert "ABCDEFGHIJKLMNOP" not in said
    assert len(said) > 10


@pytest.mark.parametrize("table", list(TABLES))
def test_an_item_that_cannot_be_read_is_named_with_why_and_what_to_do(table: str) -> None:
    stage = healthy()
    stage.damaged = (Damaged(f"roomidity-test-{table}", {"house": "h9", "slot": "s"}, "its rooms cannot be read"),)
    found = stage.check()
    assert wrong(found) == {"items"}
    assert f"roomidity-test-{table} h9, s: its rooms cannot be read" in found["items"].found
    assert found["items"].mend.startswith(f"{table}: ")


@pytest.mark.parametrize(("since", "is_wrong"), [(NOW - 2 * SLOT, True), (NOW, False)])
def test_a_forecast_by_another_than_the_champion_is_named_unless_that_came_since(
    since: datetime, is_wrong: bool
) -> None:
    stage = healthy()
    stage.pointers["h1"] = Pointer("20260301T0000Z-0123abcd", None, since, 1)
    found = stage.check()
    assert wrong(found) == ({"served by"} if is_wrong else set())
    if is_wrong:
        assert found["served by"].found == "h1/kitchen: by m, the champion is 20260301T0000Z-0123abcd"


def test_a_pointer_that_cannot_be_read_costs_no_other_finding() -> None:
    stage = healthy()
    stage.succession = lambda house: answer(ItemDamagedError("models", key={"house": house}, why="odd"))  # type: ignore[method-assign]
    found = stage.check()
    assert wrong(found) == {"models"}
    assert "the item house 'h1' of table models is damaged: odd" in found["models"].found


def weather_of(place: str, *, hours_ago: int) -> WeatherIssue:
    at = NOW - hours_ago * timedelta(hours=1)
    return WeatherIssue(place, at, at, at.replace(minute=0), (5.0,) * HOURS, (80.0,) * HOURS)


def test_the_weather_ahead_is_looked_for_where_a_house_has_a_source_and_the_providers_terms_are_told() -> None:
    stage = healthy()
    found = stage.check()
    assert found["weather"].status == "ok"
    assert "docs/weather.md" in found["weather"].found
    assert "weather provider" not in found
    stage.houses = [
        replace(home, settings={"position": {"latitude": 52.5, "longitude": 13.4}}) for home in stage.houses
    ]
    assert "none came yet" in stage.check()["weather"].found
    stage.weather = [weather_of("place:52.5,13.4", hours_ago=40)]
    found = stage.check()
    assert (found["weather"].status, "40 h old" in found["weather"].found) == ("wrong", True)
    stage.weather = [weather_of("place:52.5,13.4", hours_ago=3)]
    found = stage.check()
    assert found["weather"].status == "ok"
    assert "Commercial use needs a paid plan" in found["weather provider"].found
    stage.provider = "customer-api.open-meteo.com"
    assert "paid plan" not in stage.check()["weather provider"].found
    stage.weather = [weather_of(f"house:{home.name}", hours_ago=3) for home in stage.houses]
    assert "weather provider" not in stage.check()
