"""Any schedule of faults, interleaved drains and redeliveries ends exact with the real adapters: against moto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from roomidity.aws import queues
from roomidity.composition import Stage
from tests.integration.deployed import Deployed
from tests.schedules import Case, Effort, Tally, schedules


def test_any_schedule_of_faults_and_drains_ends_exact(
    stage: Stage,
    plain_queues: Any,
    record_property: Callable[[str, Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queues, "_BATCH", 3)  # under ten, so that a drain receives in its own thread alone
    tally = Tally()

    @Effort.cases(6, shrinks=False)
    @given(schedules)
    def ends_exact(schedule: list[Any]) -> None:
        Case(Deployed(stage, plain_queues), tally).run(schedule)

    ends_exact()
    record_property("tally", tally.as_dict())
    assert tally.faults.total() > tally.cases
