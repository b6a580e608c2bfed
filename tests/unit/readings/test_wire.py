"""The wire contract: whatever a body holds, each reading in it is a row, and a bad one costs itself alone."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from roomidity.readings import check, decode, wire
from tests.unit.samples import NOW, fast, message, originals_of, reading

GOOD = json.dumps(reading())
DEEP = "[" * 100_000 + "]" * 100_000
FIELDS = ("house", "room", "sensor", "ts", "temperature", "humidity")


def packed(*readings: str, common: str = "") -> str:
    """A packed body of readings in JSON, written as they are."""
    return "{" + (f"{common}," if common else "") + f'"readings":[{",".join(readings)}]' + "}"


def rows(*bodies: Any) -> list[dict[str, Any]]:
    """What bodies decode to, without message and position."""
    return decode([message(body) for body in bodies]).rows.select(*FIELDS, "fault").to_dicts()


def row(**changes: Any) -> dict[str, Any]:
    return {**reading(), "fault": None, **changes}


def reasons(*bodies: Any) -> list[str | None]:
    """The reason of each reading in order, None for those accepted."""
    checked = check(decode([message(body) for body in bodies]), now=NOW)
    found = pl.concat(
        [checked.rejected.select("message", "position", "reason"), checked.accepted.select("message", "position")],
        how="diagonal",
    )
    return found.sort("message", "position")["reason"].to_list()


def test_one_reading_is_one_row() -> None:
    assert rows(reading()) == [row()]


def test_a_packed_message_is_a_row_a_reading_in_order() -> None:
    decoded = decode([message({"readings": [reading(room="bath"), reading(room="hall")]}), message(reading())])
    assert decoded.rows.select("message", "position", "room").rows() == [
        (0, 0, "bath"),
        (0, 1, "hall"),
        (1, 0, "kitchen"),
    ]


def test_keys_common_to_all_may_stand_once_and_a_reading_may_say_otherwise() -> None:
    bare = {"room": "kitchen", "ts": "2026-11-22T07:14:55Z", "temperature": 21.3}
    body = {"house": "h1", "sensor": "s1", "humidity": 40.0, "readings": [bare, {**bare, "humidity": 41.0}]}
    assert rows(body) == [row(humidity=40.0), row(humidity=41.0)]


def test_null_says_nothing_so_the_common_key_stands() -> None:
    assert rows({"house": "h1", "room": None, "readings": [reading(house=None)]}) == [row()]


@pytest.mark.parametrize("body", [reading(), {"readings": [reading()]}, {"house": "h1", "readings": [reading()]}])
def test_what_the_contract_says_needs_no_care(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget: the hot path holds no Python loop over readings."""
    monkeypatch.setattr(wire, "decode_with_care", None)
    assert rows(body) == [row()]


@pytest.mark.parametrize("absent", ["sensor", "temperature", "humidity"])
@pytest.mark.parametrize("how", [..., None])
def test_some_fields_may_be_absent_or_null(absent: str, how: Any) -> None:
    assert rows(reading(**{absent: how})) == [row(**{absent: None})]


@pytest.mark.parametrize(
    "ts",
    [
        "2026-11-22T07:14:55Z",
        "2026-11-22T07:14:55.000Z",
        "2026-11-22T08:14:55+01:00",
        "2026-11-22T08:14:55+0100",
        "2026-11-22 07:14:55+00:00",
        "20261122T071455Z",
        "2026-11-22T07:14:55,000Z",
        "2026-W47-7T07:14:55Z",
        1_795_331_695,
        1_795_331_695.0,
        1_795_331_695_000,
        "1795331695",
    ],
)
def test_a_time_is_iso_with_an_offset_or_epoch_seconds_or_milliseconds(ts: Any) -> None:
    accepted = check(decode([message(reading(ts=ts))]), now=NOW).accepted
    at = datetime(2026, 11, 22, 7, 14, 55, tzinfo=UTC)
    assert accepted.select(pl.col("slot") + pl.col("time_ms")).item() == at.timestamp() * 1000


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
def test_white_space_does_not_matter(indent: Any) -> None:
    bodies = [json.dumps({"readings": [reading(), reading()]}, indent=indent), json.dumps(reading(), indent=indent)]
    assert rows(*bodies, bodies[0].replace("\n", "\r\n")) == [row()] * 5


@pytest.mark.parametrize("name", ["[kitchen]", "{kitchen", '"', "null", 'a,"temperature":null', "Küche", "🛁"])
def test_a_name_may_look_like_anything(name: str) -> None:
    assert rows(reading(room=name), {"readings": [reading(room=name)]}) == [row(room=name)] * 2
    assert reasons(reading(room=name)) == [None]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (GOOD.replace("21.3", "NaN"), "implausible"),
        (GOOD.replace("21.3", "-Infinity"), "implausible"),
        (GOOD.replace("21.3", "1e400"), "implausible"),
        (GOOD.replace("21.3", "9" * 400), "implausible"),
        (GOOD.replace("21.3", "9" * 100_000), "bad_value"),
        (GOOD.replace("21.3", '"warm"'), "bad_value"),
        (GOOD.replace("21.3", '"21 %"'), "bad_value"),
        (GOOD.replace("21.3", '"2 1.3"'), "bad_value"),
        (GOOD.replace("21.3", "true"), "bad_value"),
        (GOOD.replace("21.3", "[21.3]"), "bad_value"),
        (GOOD.replace("21.3", DEEP), "bad_value"),
        (GOOD.replace('"kitchen"', '{"name":"kitchen"}'), "bad_name"),
        (GOOD.replace('"kitchen"', '["kitchen"]'), "bad_name"),
        (GOOD.replace('"kitchen"', "NaN"), "bad_name"),
        (GOOD.replace('"kitchen"', DEEP), "bad_name"),
        (GOOD.replace('"kitchen"', '"\\ud800"'), "bad_name"),
        (GOOD.replace('"kitchen"', '"\ud800"'), "bad_name"),
        (GOOD.replace('"kitchen"', '"kit\tchen"'), "bad_name"),
        (GOOD.replace('"2026-11-22T07:14:55Z"', "{}"), "bad_time"),
        (GOOD.replace('"2026-11-22T07:14:55Z"', "true"), "bad_time"),
        (GOOD.replace('"2026-11-22T07:14:55Z"', "9" * 100_000), "bad_time"),
        (GOOD.replace('"2026-11-22T07:14:55Z"', "-1e999"), "bad_time"),
        ("null", "malformed"),
        ("21.3", "malformed"),
        ('"kitchen"', "malformed"),
        ("[]", "malformed"),
        (DEEP, "malformed"),
        ("9" * 100_000, "malformed"),
        ("{}", "bad_name"),
    ],
    ids=lambda case: str(case)[:60],
)
def test_a_bad_reading_costs_itself_alone(odd: str, reason: str) -> None:
    assert reasons(packed(GOOD, odd, GOOD)) == [None, reason, None]
    assert reasons(odd, GOOD) == [reason, None]


@pytest.mark.parametrize(
    "odd", [GOOD.replace("}", f',"x":{DEEP}}}'), GOOD.replace("}", f',"x":{"9" * 100_000}}}')], ids=["deep", "long"]
)
def test_what_a_reading_has_beside_its_fields_is_its_own_affair(odd: str) -> None:
    assert reasons(packed(GOOD, odd, GOOD)) == [None, None, None]


@pytest.mark.parametrize(
    "body",
    [
        *("", " \n", "x", "\x00", "[", "{", "{]", "[1]]"),
        *("{" * 100_000, "[" * 100_000, "]" * 100_000, '{"a":' * 100_000, '"' * 100_001, '"\\"' * 50_001),
        *(GOOD[:-1], GOOD + GOOD, f"{GOOD}\n{GOOD}", "\ufeff" + GOOD),
        *(packed(GOOD, GOOD)[:-1], packed(GOOD, "01"), packed(GOOD, "+1"), packed(GOOD, '"\\q"'), packed(GOOD, "")),
    ],
    ids=lambda body: repr(body)[:30],
)
def test_what_is_no_json_is_one_malformed_reading_kept_as_it_came(body: str) -> None:
    decoded = decode([message(body), message(GOOD)])
    assert decoded.rows["fault"].to_list() == ["malformed", None]
    assert originals_of(decoded.messages[0].body) == [body]


@pytest.mark.parametrize("readings", [None, "x", {}, 1, "[]"])
def test_readings_that_are_no_list_make_it_one_reading(readings: Any) -> None:
    assert rows(reading(readings=readings)) == [row()]


def test_an_empty_list_holds_no_reading() -> None:
    assert rows({"readings": []}) == []
    assert rows({"readings": []}, reading(), {"readings": []}) == [row()]
    assert rows() == []


@pytest.mark.parametrize("common", ['"temperature":"warm"', '"temperature":NaN', '"temperature":[]'])
def test_a_bad_common_key_costs_only_the_readings_that_rely_on_it(common: str) -> None:
    relying = json.dumps(reading(temperature=...))
    first, second = reasons(packed(GOOD, relying, common=common))
    assert first is None
    assert second in ("bad_value", "implausible")


def test_originals_are_what_was_sent_with_the_common_keys() -> None:
    sent = {"house": "h1", "readings": [reading(house=..., extra=[1, {"a": None}]), reading(house=None), "odd", None]}
    decoded = decode([message(sent)])
    assert originals_of(decoded.messages[0].body) == [reading(extra=[1, {"a": None}]), reading(), "odd", None]


def test_originals_keep_what_is_nested_too_deep_as_text() -> None:
    (original,) = originals_of(GOOD.replace("}", f',"x":{DEEP}}}'))
    while isinstance(original, dict | list):
        original = original["x"] if isinstance(original, dict) else original[0]
    assert isinstance(original, str)
    assert original in DEEP


@pytest.mark.parametrize("levels", [60, 64, 65, 66, 900, 985, 990, 995, 1000, 2000])
def test_how_deep_the_caller_stands_does_not_matter(levels: int) -> None:
    """The standard parser's limit depends on the stack: what decode read, originals must read too."""
    nested = GOOD.replace("}", ',"x":' + "[" * levels + "]" * levels + "}").replace("21.3", "99")
    decoded = decode([message(packed(GOOD, nested, GOOD))])
    assert len(decoded.rows) == 3

    def deeper(frames: int) -> list[Any]:
        return deeper(frames - 1) if frames else originals_of(decoded.messages[0].body)

    originals = deeper(sys.getrecursionlimit() // 2)
    assert len(originals) == 3
    assert json.dumps(originals)


# Any mixture decodes to the same as each message alone: the fast path and the careful one give the same rows.

texts = st.text(st.characters(exclude_categories=()), max_size=8)
numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**18, 10**25, -(10**400), 1e16, 1e-5, 1e300, 5e-324, -0.0, 0, True, False, 1_795_331_695.5])
)
anything = st.recursive(
    st.none() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | texts, inner, max_size=4),
    max_leaves=6,
)
near_readings = st.fixed_dictionaries(
    {}, optional={name: st.just(value) | anything for name, value in reading(extra=1).items()}
)
near_packed = st.fixed_dictionaries(
    {"readings": st.lists(near_readings | st.just(reading()) | anything, max_size=4)},
    optional={name: st.just(value) | anything for name, value in reading().items()},
)
plain_packed = st.lists(st.just(reading(house=...)), max_size=3).map(lambda many: {"house": "h1", "readings": many})
bodies = (st.just(reading()) | plain_packed | near_packed | near_readings | anything).map(json.dumps) | texts


def verdicts(mixture: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    checked = check(decode([message(body) for body in mixture]), now=NOW)
    return checked.accepted, checked.rejected


def assert_each_as_alone(mixture: list[str]) -> None:
    alone = [verdicts([body]) for body in mixture]
    for kind, together in enumerate(verdicts(mixture)):
        apart = [one[kind].with_columns(message=pl.lit(place, pl.UInt32)) for place, one in enumerate(alone)]
        assert_frame_equal(together, pl.concat([together.clear(), *apart]), check_exact=True)


@fast
@given(st.lists(bodies, max_size=5))
def test_any_mixture_is_judged_as_each_message_alone(mixture: list[str]) -> None:
    assert_each_as_alone(mixture)


def test_many_messages_with_a_few_bad_ones_are_judged_as_each_alone() -> None:
    good = packed(*[GOOD] * 50)
    assert_each_as_alone(
        [good] * 20 + ["x"] + [good] * 7 + [packed(GOOD, "null"), GOOD.replace("21.3", "NaN")] + [good] * 5
    )


@fast
@given(bodies)
def test_no_text_makes_anything_raise_and_each_reading_has_its_original(body: str) -> None:
    decoded = decode([message(body)])
    checked = check(decoded, now=NOW)
    originals = originals_of(decoded.messages[0].body)
    assert len(decoded.rows) == len(originals) == len(checked.accepted) + len(checked.rejected)
    if originals == []:
        assert json.loads(body)["readings"] == []
    assert decoded.rows["position"].to_list() == list(range(len(originals)))
