"""The adapters keep the ports' contract: against moto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from roomidity.composition import Stage
from tests.contract import CONTRACT
from tests.contract_of_stores import STORE_CONTRACT, Stores, deployed_stores
from tests.integration.deployed import Deployed
from tests.schedules import Place


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
def test_the_adapters(promise: Callable[[Place], None], stage: Stage, plain_queues: Any) -> None:
    promise(Deployed(stage, plain_queues))


@pytest.mark.parametrize("promise", STORE_CONTRACT, ids=lambda promise: promise.__name__)
def test_the_adapters_of_stores(promise: Callable[[Stores], None], stage: Stage) -> None:
    promise(deployed_stores(stage))
