"""Phases are timed by a clock that is passed in, however they end; and use cases name the ones they have."""

from __future__ import annotations

import json
from itertools import count

import pytest

from roomidity.pipeline.drain import DrainConfig, drain
from roomidity.pipeline.forecasts import forecast_house
from roomidity.stopwatch import Stopwatch, untimed
from tests.fakes import World
from tests.unit.samples import NOW, reading


def ticking() -> Stopwatch:
    """A clock that goes on by a second each time it is looked at."""
    clock = count()
    return Stopwatch(lambda: float(next(clock)))


def test_a_phase_that_comes_again_is_added_and_order_is_kept() -> None:
    watch = ticking()
    for phase in ("b", "a", "b"):
        with watch(phase):
            pass
    assert list(watch.seconds.items()) == [("b", 2.0), ("a", 1.0)]
    watch.reset()
    assert watch.seconds == {}


def test_a_phase_that_fails_took_its_time_and_the_error_goes_on() -> None:
    watch = ticking()
    with pytest.raises(RuntimeError, match="as asked"), watch("store"):
        raise RuntimeError("as asked")
    assert watch.seconds == {"store": 1.0}
    with pytest.raises(RuntimeError), untimed("store"):
        raise RuntimeError


def test_the_phases_of_a_drain_and_of_a_forecast() -> None:
    world, watch = World(), ticking()
    world.readings.send([json.dumps(reading())], sent=NOW)
    drain(world.drain_ports(), DrainConfig(timezone="UTC"), now=NOW, remaining_s=lambda: 300.0, timed=watch)
    assert list(watch.seconds) == ["receive", "decode", "store", "delete", "ask"]
    assert dict(watch.seconds) == {"receive": 1.0, "decode": 2.0, "store": 3.0, "delete": 1.0, "ask": 1.0}  # in parts
    watch.reset()
    forecast_house(world.forecast_ports(), house=reading()["house"], issued_at=NOW, timed=watch)
    assert list(watch.seconds) == [
        "read_house",
        "load_model",
        "read_window",
        "read_weather",
        "forecast",
        "write",
        "notices",
        "advice",
    ]
