"""Rejected readings take a few times the bytes that they came in, and come back as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.readings import check, decode
from roomidity.readings.rejected import bodies_of, count_by_reason, describe, divide, expand
from tests.unit.readings.test_hostile_wire import bodies as any_bodies
from tests.unit.samples import NOW, fast, message, originals_of, reading


def kept_of(*bodies: str) -> list[dict[str, Any]]:
    decoded = decode([message(body) for body in bodies])
    return describe(decoded, check(decoded, now=NOW).rejected)


LONG = dict.fromkeys(reading(), "x" * 1000)
WORST = {
    "six long common keys": json.dumps({**LONG, "readings": [{}] * 83_304}, separators=(",", ":")),
    "numbers": '{"readings":[' + ",".join("1" * 128_000) + "]}",
    "numbers beside long keys": json.dumps({**LONG, "readings": [1] * 120_000}, separators=(",", ":")),
    "every other one": json.dumps(
        {"house": "h1", "room": "a", "ts": reading()["ts"], "readings": [{}, {"humidity": 1}] * 12_000}
    ),
    "houses": json.dumps({"room": "a", "readings": [{"house": str(number)} for number in range(10_000)]}),
    "small messages": '{"readings":[{},{},{}]}',
}


@pytest.mark.parametrize("worst", WORST)
def test_what_is_kept_is_bounded_by_what_came_in(worst: str) -> None:
    body = WORST[worst]
    lines = kept_of(body)
    assert sum(len(json.dumps(line)) for line in lines) < 8 * len(body) + 500
    assert all(reject["original"] is not None for line in lines for reject in expand(line))


def test_a_few_readings_are_kept_one_by_one_and_many_together() -> None:
    few = kept_of(json.dumps({"house": "h1", "readings": [reading(house=...), reading(house=..., humidity=150)]}))
    assert [(line["position"], line["original"]) for line in few] == [(1, reading(humidity=150))]
    (many,) = kept_of(json.dumps({"house": "h1", "readings": [{}, reading(house=...), {}, {"room": "a"}] * 2}))
    assert many["rejects"] == [
        {"reason": "bad_name", "house": None, "positions": [[0, 0], [2, 2], [4, 4], [6, 6]]},
        {"reason": "bad_time", "house": "h1", "positions": [[3, 3], [7, 7]]},
    ]
    assert json.loads(many["packed"]) == {"house": "h1", "readings": [{}, {}, {"room": "a"}] * 2}
    assert count_by_reason(many) == {"bad_name": 4, "bad_time": 2}


@fast
@given(st.lists(any_bodies, min_size=1, max_size=3), st.integers(0, 3), st.booleans())
def test_each_reject_comes_back_as_it_came_whatever_is_chosen(texts: list[str], remainder: int, packs: bool) -> None:
    if packs:  # so many that they are kept together
        texts = [json.dumps({"house": "h1", "readings": [*texts, *[{}] * 20]})]
    rejects = [reject for line in kept_of(*texts) for reject in expand(line)]
    decoded = decode([message(text) for text in texts])
    rejected = check(decoded, now=NOW).rejected.sort("message", "position")
    assert [reject["reason"] for reject in rejects] == rejected["reason"].to_list()
    assert [reject["house"] for reject in rejects] == rejected["house"].to_list()
    for reject, (place, position) in zip(rejects, rejected.select("message", "position").iter_rows(), strict=True):
        original = originals_of(texts[place])[position]
        assert reject["original"] in (original, json.dumps(original))
        assert json.dumps(reject, allow_nan=False)
    for line in kept_of(*texts):
        both = divide(line, lambda reject: reject["position"] % 4 == remainder)
        parts = [list(expand(part)) for part in both if part]
        assert sorted((one for part in parts for one in part), key=lambda one: one["position"]) == list(expand(line))
        assert all(one["position"] % 4 == remainder for one in (expand(both[0]) if both[0] else ()))


def test_what_is_sent_back_is_rejected_for_the_same_reasons_in_messages_of_any_size() -> None:
    (line,) = kept_of(json.dumps({"house": "h1", "temperature": 1e9, "readings": [{"room": "a"}, {}, 1] * 40}))
    for most in (10**6, 300, 1):
        sent = list(bodies_of(line, max_bytes=most))
        found = check(decode([message(body) for body in sent]), now=NOW).rejected.sort("message", "position")["reason"]
        assert found.to_list() == ["bad_time", "bad_name", "malformed"] * 40
        assert all(len(body) <= most or len(json.loads(body)["readings"]) == 1 for body in sent)
