"""What a warm function keeps: bounded in bytes, the least used goes first, of a key the newest alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import roomidity.aws.store  # noqa: F401  # before the registry, which imports it half way
from roomidity.aws.registry.cache import ByteCache, held_bytes
from roomidity.forecasting import load_prior


def test_what_was_used_least_recently_goes_first() -> None:
    loads: Counter[str] = Counter()
    cache = ByteCache[str, bytes](10, len)

    def read(key: str, size: int = 4) -> bytes:
        return cache.get(key, "1", lambda: loads.update([key]) or bytes(size))

    for key in ("a", "b", "a", "c", "a", "b"):
        read(key)
    assert loads == {"a": 1, "b": 2, "c": 1}
    read("huge", 11)
    read("huge", 11)
    assert loads["huge"] == 2
    assert cache.bytes == 8


def test_of_a_key_the_newest_is_kept() -> None:
    cache = ByteCache[str, bytes](10, len)
    assert cache.get("a", "1", lambda: b"one") == b"one"
    assert cache.get("a", "2", lambda: b"three") == b"three"
    assert cache.get("a", "2", lambda: b"") == b"three"
    assert cache.bytes == 5
    with pytest.raises(ZeroDivisionError):
        cache.get("b", "1", lambda: b"" * (1 // 0))
    assert cache.get("b", "1", lambda: b"b") == b"b"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 12)), max_size=40))
def test_it_never_holds_more_than_it_may(asked: list[tuple[int, int, int]]) -> None:
    cache = ByteCache[int, tuple[int, int]](10, lambda value: value[1])
    for key, stamp, size in asked:
        assert cache.get(key, str(stamp), lambda stamp=stamp, size=size: (stamp, size))[0] == stamp  # type: ignore[misc]
        assert 0 <= cache.bytes <= 10


def test_a_model_counts_by_its_arrays() -> None:
    model, state, _ = load_prior()
    assert held_bytes(model) > model.hidden1.nbytes + model.skip.nbytes
    assert held_bytes(state) > state.error_histogram.nbytes
