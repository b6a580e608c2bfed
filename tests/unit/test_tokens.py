"""Tokens: one spelling each, only their hash kept, and as many of a house as are compared in constant time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.names import is_key
from roomidity.domain.tokens import MAX_TOKENS, TOKENS, format_token, parse_token, plain_tokens, stored_tokens
from roomidity.errors import ConflictError, InputError, NotFoundError
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.tokens import add_token, may_read, revoke_token, tokens_of
from tests.fakes import FakeSettings

NOW: Final = datetime(2026, 3, 15, tzinfo=UTC)
backoff: Final = BackOff(sleep=lambda _: None)
names: Final = st.text(min_size=1, max_size=64).filter(is_key)


def add(kept: FakeSettings, number: int, *, days: float = 1.0, label: str = "", of_label: int | None = None) -> str:
    until = NOW + timedelta(days=days)
    secret = number.to_bytes(32, "big")
    text, _ = add_token(kept, backoff, "h1", label=label, now=NOW, expires_at=until, secret=secret, of_label=of_label)
    return text


@settings(max_examples=60, deadline=None)
@given(house=names, secret=st.binary(min_size=32, max_size=32))
def test_a_token_names_its_house_and_is_ascii_that_a_link_carries(house: str, secret: bytes) -> None:
    text = format_token(house, secret)
    token = parse_token(text)
    assert token is not None
    assert (token.house, token.text) == (house, text)
    assert text.isascii()
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%")


@settings(max_examples=100, deadline=None)
@given(house=names, place=st.integers(0, 200), put=st.characters(), drop=st.booleans())
def test_what_is_changed_anywhere_is_none_or_another_token(house: str, place: int, put: str, drop: bool) -> None:
    text = format_token(house, bytes(range(32)))
    place %= len(text)
    changed = text[:place] + ("" if drop else put) + text[place + 1 :]
    token = parse_token(changed)
    assert token is None or format_token(token.house, bytes(32))[:-43] == changed[:-43]


def test_what_is_stored_opens_nothing() -> None:
    kept = FakeSettings()
    text = add(kept, 1)
    stored = json.dumps(kept.stored["h1", TOKENS].content)
    assert text not in stored
    assert text.rpartition(".")[2] not in stored
    token = parse_token(text)
    assert token is not None
    assert may_read(kept, token, now=NOW)
    assert not may_read(kept, token, now=NOW + timedelta(days=1))
    assert kept.stored["h1", TOKENS].expires_at == NOW + timedelta(days=1)


def test_tokens_that_have_expired_make_place_and_those_of_a_label_are_bounded() -> None:
    kept = FakeSettings()
    for number in range(MAX_TOKENS):
        add(kept, number, days=0.0 if number < 2 else 1.0)
    add(kept, 200)
    assert len(tokens_of(kept, "h1")) == MAX_TOKENS - 1
    add(kept, 201)
    with pytest.raises(InputError, match="has 100 tokens, as many as it may; revoke one first"):
        add(kept, 202)
    few = FakeSettings()
    for number in range(12):
        add(few, number, label="link", of_label=10)
        add(few, 100 + number, label="mine")
    assert [one.label for one in tokens_of(few, "h1")].count("link") == 10
    assert [one.label for one in tokens_of(few, "h1")].count("mine") == 12


def test_revoking_the_last_leaves_nothing_and_another_writer_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = FakeSettings()
    add(kept, 1)
    (one,) = tokens_of(kept, "h1")
    with pytest.raises(NotFoundError, match=f"tokens: {one.id}"):
        revoke_token(kept, backoff, "h1", "nothing")
    put = kept.put
    calls = iter([True])

    def overtaken(setting: object) -> object:
        if next(calls, False):
            raise ConflictError("the tokens", attempts=1)
        return put(setting)  # type: ignore[arg-type]

    monkeypatch.setattr(kept, "put", overtaken)
    add(kept, 2)
    assert len(tokens_of(kept, "h1")) == 2
    for held in tokens_of(kept, "h1"):
        revoke_token(kept, backoff, "h1", held.id)
    assert kept.stored == {}


@pytest.mark.parametrize(
    "entry", [None, 7, {}, {"sha256": 64 * "A"}, {"id": "a", "sha256": 64 * "a", "created_at": "x", "expires_at": "y"}]
)
def test_an_odd_entry_opens_nothing_and_costs_no_other(entry: object) -> None:
    kept = FakeSettings()
    add(kept, 1)
    (good,) = tokens_of(kept, "h1")
    assert stored_tokens({"tokens": [entry, *plain_tokens([good])["tokens"]]}) == (good,)
