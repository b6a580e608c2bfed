"""A house that stands beside readings confines them: no path, spelling or company lets a reading out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from roomidity.readings import check, decode
from roomidity.readings.rejected import describe, expand
from tests.unit.samples import NOW, message, reading

GOOD = json.dumps(reading())
ODD = GOOD.replace("21.3", "NaN")
"""What makes a whole wave be read with care."""


def stamped(house: Any, *readings: Any) -> str:
    return json.dumps({"readings": list(readings), "house": house})


def outcome(*bodies: str) -> list[tuple[int, int, str]]:
    """Message, position, and house or reason of each reading."""
    checked = check(decode([message(body) for body in bodies]), now=NOW)
    found = checked.accepted.select("message", "position", "house").rows()
    return sorted([*found, *checked.rejected.select("message", "position", "reason").rows()])


@pytest.mark.parametrize("company", [[], [GOOD], [ODD], ["x"]], ids=["alone", "good", "NaN", "not JSON"])
def test_a_reading_of_another_house_is_rejected_and_costs_itself_alone(company: list[str]) -> None:
    body = stamped("alice", reading(house=...), reading(house="bob"), reading(house="alice"), reading(house=None))
    found = outcome(body, *company)[:4]
    assert found == [(0, 0, "alice"), (0, 1, "house_conflict"), (0, 2, "alice"), (0, 3, "alice")]


@pytest.mark.parametrize("care", [[], [ODD]], ids=["fast", "careful"])
@pytest.mark.parametrize(
    ("stamp", "own", "expected"),
    [
        ("caf\u00e9", "cafe\u0301", "caf\u00e9"),  # one name, spelt in two ways
        ("alice", " alice ", "alice"),
        (5, "5", "5"),
        ("alice", "Alice", "house_conflict"),
        ("alice", "alice\u200b", "bad_name"),
        ("a/b", "bob", "house_conflict"),  # a stamp that is no name vouches for nobody
        (["alice"], "bob", "house_conflict"),
        ({"alice": 1}, "bob", "house_conflict"),
        ("", "bob", "house_conflict"),
        (None, "bob", "bob"),
    ],
    ids=ascii,
)
def test_names_are_compared_as_they_are_kept(stamp: Any, own: Any, expected: str, care: list[str]) -> None:
    if own == "alice\u200b":
        expected = outcome(json.dumps(reading(house=own)))[0][2]
        expected = "house_conflict" if expected == own else expected
    assert outcome(stamped(stamp, reading(house=own)), *care)[0][2] == expected


@pytest.mark.parametrize("care", [[], [ODD]], ids=["fast", "careful"])
def test_the_stamp_that_comes_last_counts_as_of_any_key(care: list[str]) -> None:
    body = f'{{"house": "bob", "readings": [{json.dumps(reading(house="bob"))}], "house": "alice"}}'
    assert outcome(body, *care)[0][2] == "house_conflict"


def test_what_is_rejected_is_kept_beside_its_stamp() -> None:
    body = stamped("alice", reading(house="bob"), reading(house=..., humidity=150))
    decoded = decode([message(body)])
    (kept,) = describe(decoded, check(decoded, now=NOW).rejected)
    first, second = expand(kept)
    assert first["original"] == {"house": "alice", "readings": [reading(house="bob")]}
    assert (first["reason"], first["house"]) == ("house_conflict", "bob")
    assert second["original"] == reading(house="alice", humidity=150)


@pytest.mark.parametrize("field", ["room", "ts"])
def test_so_is_what_is_rejected_for_another_reason(field: str) -> None:
    """Mended by a newer version and sent back without it, it would be that other house's."""
    decoded = decode([message(stamped("alice", reading(house="bob", **{field: "a/b"})))])
    (kept,) = describe(decoded, check(decoded, now=NOW).rejected)
    assert json.loads(kept["packed"])["house"] == "alice"
