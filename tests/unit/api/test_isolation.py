"""Nobody reads another house: by every route, by names that look alike, by tokens of every kind, by cursors."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.api.front import Clocks
from roomidity.api.routes import BASE, ROUTES
from roomidity.domain.tokens import TOKENS, format_token
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.tokens import revoke_token
from tests.api import NOW, Answered, ApiWorld

WHATS: Final = sorted(path.removeprefix(BASE) for path in ROUTES)
SECRET: Final = 77.0
"""What is measured in the other house, and nowhere else."""

OTHER: Final = "h2"


@pytest.fixture(scope="module")
def filled() -> ApiWorld:
    world = ApiWorld()
    world.house("h1", "bath", "outdoor")
    world.house(OTHER, "vault", "outdoor", value=SECRET)
    world.house("h10", "bath")
    return world


@pytest.fixture
def world(filled: ApiWorld) -> ApiWorld:
    filled.settings.read = 0
    filled.clocks = Clocks(NOW, NOW)
    return filled


def gives_away(answered: Answered) -> bool:
    """Whether an answer has anything of the other house."""
    return b"77." in answered.body or b"vault" in answered.body


def refused(answered: Answered, *statuses: int) -> None:
    assert answered.status in statuses
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.headers["cache-control"] == "no-store"
    assert not gives_away(answered)
    assert set(answered.json) == {"type", "title", "status", "detail"}


@pytest.mark.parametrize("what", WHATS)
def test_its_own_token_reads_a_house_by_both_ways(world: ApiWorld, what: str) -> None:
    """Else what follows would prove nothing."""
    token = world.tokens[OTHER]
    named = world.get(f"/v1/houses/{OTHER}{what}", token=token)
    assert (named.status, named.json["house"]) == (200, OTHER)
    assert gives_away(named) == (what != "/models")
    assert world.get(f"{BASE}{what}", token=token).body == named.body


TOKENS_THAT_ARE_NONE: Final = {
    "nothing": None,
    "an empty one": "",
    "a word": "rm1",
    "another prefix": "rm2.h2." + 43 * "A",
    "no secret": "rm1.h2.",
    "no house": "rm1.." + 43 * "A",
    "a short secret": "rm1.h2." + 42 * "A",
    "a long secret": "rm1.h2." + 44 * "A",
    "another alphabet": "rm1.h2." + 42 * "A" + "+",
    "bits beyond the secret": "rm1.h2." + 42 * "A" + "B",
    "a house escaped without need": "rm1.%682." + 43 * "A",
    "small letters in an escape": "rm1.%c3%bc." + 43 * "A",
    "half a character": "rm1.%C3." + 43 * "A",
    "a house with a slash": "rm1.h2%2Fvault." + 43 * "A",
    "a house not in NFC": "rm1.u%CC%88." + 43 * "A",
    "a line feed": "rm1.h2." + 43 * "A" + "\n",
    "two": f"rm1.h2.{43 * 'A'},rm1.h2.{43 * 'A'}",
    "very long": "rm1." + 3000 * "h" + "." + 43 * "A",
}


@pytest.mark.parametrize("text", TOKENS_THAT_ARE_NONE.values(), ids=TOKENS_THAT_ARE_NONE.keys())
def test_nothing_is_read_before_a_well_formed_token(world: ApiWorld, text: str | None) -> None:
    for what in WHATS:
        for path in (f"{BASE}{what}", f"/v1/houses/{OTHER}{what}"):
            answered = world.get(path, token=text)
            refused(answered, 401)
            assert answered.headers["www-authenticate"].startswith("Bearer")
    assert world.settings.read == 0


@pytest.mark.parametrize("what", WHATS)
def test_a_wrong_secret_costs_one_read_and_opens_nothing(world: ApiWorld, what: str) -> None:
    refused(world.get(f"{BASE}{what}", token=format_token(OTHER, b"x" * 32)), 401)
    assert world.settings.read == 1
    refused(world.get(f"{BASE}{what}", token=format_token("never heard", b"x" * 32)), 401)
    assert world.settings.read == 2


def test_tokens_that_were_good_and_are_cut_stale_or_revoked_open_nothing(world: ApiWorld) -> None:
    good = world.tokens[OTHER]
    for cut in range(1, len(good), 7):
        refused(world.get(BASE, token=good[:-cut]), 401)
    refused(world.get(BASE, token=good[:-1] + ("A" if good[-1] != "A" else "Q")), 401)
    short = world.token(OTHER, days=0.5, secret=b"t" * 32)
    assert world.get(BASE, token=short).status == 200
    world.clocks = Clocks(NOW + timedelta(days=0.5), NOW)  # data may stand still, tokens expire
    refused(world.get(BASE, token=short), 401)
    assert world.get(BASE, token=good).status == 200
    world.clocks = Clocks(NOW, NOW)
    again = world.token(OTHER, secret=b"u" * 32)
    (one,) = (held["id"] for held in world.settings.stored[OTHER, TOKENS].content["tokens"][-1:])
    revoke_token(world.settings, BackOff(sleep=lambda _: None), OTHER, one)
    refused(world.get(BASE, token=again), 401)


@pytest.mark.parametrize("what", WHATS)
def test_a_foreign_token_is_refused_by_the_path_and_reads_nothing(world: ApiWorld, what: str) -> None:
    refused(world.get(f"/v1/houses/{OTHER}{what}", token=world.tokens["h1"]), 403)
    assert world.settings.read == 0


LOOK_ALIKE: Final = [
    "h2", "%682", "%68%32", "h%32", "H2", "h2 ", " h2", "h2%20", "h2%00", "h2\x00", "h2/", "h1/../h2", "../h2", "h2%2F",
    "h2%2Fvault", "h2?", "h2%3F", "h2#", "h2%23", "h\u200b2", "h%E2%80%8B2", "\uff482", "h\uff12", "h1,h2",
    "h1;h2", "*", "h*",
    "h1%2Fbath", "..", ".", "h1/bath/../../h2", "%2e%2e/h2", "h1%252F..%252Fh2", "h10/../h2", "h1\\..\\h2",
]  # fmt: skip
"""Ways to write the other house, or something like it, into a path."""


@pytest.mark.parametrize("what", WHATS)
def test_however_a_path_writes_it_what_is_read_is_the_tokens_house(world: ApiWorld, what: str) -> None:
    for name in LOOK_ALIKE:
        for path in (
            f"/v1/houses/{name}{what}",
            f"/v1/house/{name}{what}",
            f"{BASE}{what}/{name}",
            f"//v1/houses/{name}{what}",
        ):
            answered = world.get(path, token=world.tokens["h1"])
            assert not gives_away(answered), path
            assert answered.status in {403, 404}


@pytest.mark.parametrize("what", WHATS)
def test_no_query_names_another_house(world: ApiWorld, what: str) -> None:
    for query in (
        "house=h2", "room=h2/vault", "room=vault", "room=..%2Fh2%2Fvault", "room=%2Fvault", "room=h2%2Fvault&room=bath",
        "room=bath%00", "house=h2&house=h1", "token=" + world.tokens[OTHER],
        "Authorization=Bearer%20" + world.tokens[OTHER],
    ):  # fmt: skip
        answered = world.of("h1", what, query=query)
        assert answered.status in {404, 422}, query
        assert b"77." not in answered.body, "what was asked for may be said again, and no more"


def test_a_cursor_of_another_house_or_query_opens_nothing(world: ApiWorld) -> None:
    query = "from=2026-01-01T00:00Z&to=2026-03-14T00:00Z"
    cursor = world.of(OTHER, "/series", query=query).json["cursor"]
    assert world.of(OTHER, "/series", query=f"{query}&cursor={cursor}").status == 200
    for house, what, more in (
        ("h1", "/series", query),
        (OTHER, "/series", query.replace("01-01", "01-02")),
        (OTHER, "/series", f"{query}&every=2"),
        (OTHER, "/observations", query),
    ):
        refused(world.of(house, what, query=f"{more}&cursor={cursor}"), 422)
    for made_up in ("x", "%00", quote(base64.urlsafe_b64encode(b"h2.2026-01-01").decode()), "ü", 200 * "A"):
        refused(world.of("h1", "/series", query=f"cursor={made_up}"), 422)


@settings(max_examples=150, deadline=None)
@given(path=st.text(max_size=40), query=st.text(max_size=30), token=st.sampled_from(["h1", "h10", "none"]))
def test_no_path_or_query_gives_anything_of_the_other_house_away(
    filled: ApiWorld, path: str, query: str, token: str
) -> None:
    for prefix in ("", "/v1/", "/v1/houses/", f"/v1/houses/{OTHER}"):
        answered = filled.get(prefix + path, query=query, token=filled.tokens.get(token))
        assert not gives_away(answered)
        assert answered.status in {200, 401, 403, 404, 422}


def test_a_header_given_twice_or_of_another_scheme_is_none(world: ApiWorld) -> None:
    mine, other = world.tokens["h1"], world.tokens[OTHER]
    for value in (f"Bearer {mine},Bearer {other}", f"Basic {mine}", mine, f"Bearer{mine}", f"Bearer {other} {mine}"):
        refused(world.get(BASE, authorization=value), 401)
    assert world.settings.read == 0
    assert world.get(BASE, authorization=f"bearer  {mine}").json["house"] == "h1"  # the scheme has no case


@pytest.mark.parametrize("what", WHATS)
def test_names_that_no_path_carries_are_read_by_the_token_alone(world: ApiWorld, what: str) -> None:
    for name in ("..", "a?b", "50%", "%68%31", "ümläut ☔", "a b", ".", "x" * 64):
        if name not in world.tokens:
            world.house(name, "bath")
        answered = world.get(f"{BASE}{what}", token=world.tokens[name])
        assert (answered.status, answered.json["house"]) == (200, name)
    assert world.get("/v1/houses/%68%31", token=world.tokens["%68%31"]).json["house"] == "%68%31"


# ---- Where the gateway has checked who asks.


def by_gateway(world: ApiWorld, path: str, **authorizer: Any) -> Answered:
    event = {
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {world.tokens[OTHER]}"},
        "requestContext": {"http": {"method": "GET"}, "authorizer": authorizer},
    }
    return world.answer(event, authority="iam" if "iam" in authorizer else "jwt")


def test_a_jwt_reads_the_houses_of_its_claim_alone(world: ApiWorld) -> None:
    for claim in ("h1", "[h1 h10]", "[h1]"):
        assert by_gateway(world, "/v1/houses/h1", jwt={"claims": {"houses": claim}}).json["house"] == "h1"
        refused(by_gateway(world, f"/v1/houses/{OTHER}", jwt={"claims": {"houses": claim}}), 403)
        refused(by_gateway(world, BASE, jwt={"claims": {"houses": claim}}), 403)
    for claims in ({}, {"houses": ""}, {"houses": "[]"}, {"house": "h1"}, {"houses": "h1 h10"}):
        refused(by_gateway(world, "/v1/houses/h1", jwt={"claims": claims}), 403)
    refused(by_gateway(world, "/v1/houses/h1"), 403)
    assert world.settings.read == 0


def test_with_iam_the_house_is_in_the_path_plainly(world: ApiWorld) -> None:
    iam = {"userArn": "arn:aws:iam::123456789012:user/reader"}
    assert by_gateway(world, "/v1/houses/h1", iam=iam).json["house"] == "h1"
    for path in (BASE, "/v1/houses/", "/v1/houses/h1%2F..", "/v1/houses/h%31", "/v1/houses/a b"):
        refused(by_gateway(world, path, iam=iam), 403)
    unsigned = world.answer(
        {"rawPath": "/v1/houses/h1", "requestContext": {"http": {"method": "GET"}}}, authority="iam"
    )
    refused(unsigned, 403)


def test_what_the_gateway_says_counts_only_where_it_was_asked(world: ApiWorld) -> None:
    event = {
        "rawPath": f"/v1/houses/{OTHER}",
        "requestContext": {
            "http": {"method": "GET"},
            "authorizer": {"jwt": {"claims": {"houses": OTHER}}, "iam": {"a": 1}},
        },
    }
    refused(world.answer(event), 401)


def test_the_log_of_a_failure_has_neither_query_nor_token(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError("the table is away")

    monkeypatch.setattr(world.forecasts, "issued", fails)
    with caplog.at_level(logging.DEBUG):
        answered = world.of("h1", "/forecasts", query="room=bath")
    refused(answered, 500)
    assert b"away" not in answered.body
    assert "the table is away" in caplog.text
    assert world.tokens["h1"] not in caplog.text
    assert "room=bath" not in caplog.text
