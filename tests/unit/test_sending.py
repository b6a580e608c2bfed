"""The pace of what is sent, and what is known of it when it breaks off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from roomidity.cli.sending import Pace, Queued, inside, queue_all
from roomidity.readings import pack_readings

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s

    def sleep(self, seconds: float) -> None:
        self.s += seconds


class Line:
    """A queue that takes so many messages and then breaks."""

    def __init__(self, takes: int = 10_000) -> None:
        self.bodies: list[str] = []
        self.calls = 0
        self.takes = takes

    def send(self, bodies: Sequence[str]) -> None:
        if len(self.bodies) + len(bodies) > self.takes:
            raise ConnectionError
        self.calls += 1
        self.bodies += bodies


def readings(count: int) -> pl.DataFrame:
    start = NOW - timedelta(days=2)
    return pl.DataFrame(
        {
            "house": "h1",
            "room": 'k"ts":x',
            "ts": [start + timedelta(minutes=at) for at in range(count)],
            "temperature": 21.5,
        }
    )


def test_no_faster_than_asked() -> None:
    clock, line, sent = Clock(), Line(), Queued()
    bodies = pack_readings(readings(1_000), max_bytes=2_000)
    queue_all(bodies, line, Pace(100, clock=clock, sleep=clock.sleep), sent, lambda _count: None)
    assert (sent.readings, sent.messages) == (1_000, len(line.bodies))
    assert line.calls == sent.messages  # one at a time, so that the rate is even
    assert clock.s - 100.0 == pytest.approx(10.0, abs=1.0)


def test_as_fast_as_it_takes_them_by_tens() -> None:
    clock, line, sent = Clock(), Line(), Queued()
    queue_all([f"{at}" for at in range(25)], line, Pace(0, clock=clock, sleep=clock.sleep), sent, lambda _count: None)
    assert (line.calls, sent.messages, clock.s) == (3, 25, 100.0)


def test_what_was_sent_before_it_broke_is_known() -> None:
    clock, line, sent = Clock(), Line(takes=2), Queued()
    bodies = list(pack_readings(readings(100), max_bytes=2_000))
    with pytest.raises(ConnectionError):
        queue_all(bodies, line, Pace(1e6, clock=clock, sleep=clock.sleep), sent, lambda _count: None)
    assert sent.messages == 2
    assert 0 < sent.readings < 100


def test_what_a_drain_would_find_too_old_is_not_sent() -> None:
    kept = inside(readings(2 * 24 * 60), NOW, 1)
    assert kept["ts"].min() == NOW - timedelta(hours=23)
    assert inside(kept.clear(), NOW, 1).is_empty()
