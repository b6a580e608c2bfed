"""The fakes keep the ports' contract, so that what is tested with them holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract import CONTRACT
from tests.fakes import InMemory
from tests.schedules import Place
from tests.unit.samples import NOW


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
def test_the_fakes(promise: Callable[[Place], None]) -> None:
    promise(InMemory(NOW))
