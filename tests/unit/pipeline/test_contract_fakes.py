"""The fakes keep the ports' contract, so that what is tested with them holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract import CONTRACT
from tests.contract_of_stores import STORE_CONTRACT, Stores
from tests.fakes import InMemory, World
from tests.schedules import Place
from tests.unit.samples import NOW


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
def test_the_fakes(promise: Callable[[Place], None]) -> None:
    promise(InMemory(NOW))


@pytest.mark.parametrize("promise", STORE_CONTRACT, ids=lambda promise: promise.__name__)
def test_the_fakes_of_stores(promise: Callable[[Stores], None]) -> None:
    world = World()
    promise(
        Stores(
            houses=world.houses,
            forecasts=world.forecasts,
            accuracy=world.accuracy,
            moulds=world.moulds,
            settings=world.settings,
            weather=world.weather,
            registry=world.registry,
            models=world.registry,
            notices=world.notices,
            advice=world.advice,
            house="h1",
        )
    )
