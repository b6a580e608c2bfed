"""Whether AWS took the batches in which drains write what is new."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from roomidity.doctor.findings import Finding
from roomidity.doctor.ports import DoctorPorts
from roomidity.pipeline.refusals import noted_refusal

__all__ = ["batches"]


def batches(ports: DoctorPorts, *, now: datetime) -> Iterator[Finding]:
    """That they were refused within the last day; nothing, where they were not, or there are none."""
    refused = noted_refusal(ports.settings(), now=now)
    if refused is not None:
        expected = (
            "INSERTs that are taken (dynamodb:PartiQLInsert); meanwhile items are put one by one, and none is lost"
        )
        mend = "run scripts/check-aws, which says what is refused; or deploy with --param batchInsert=off"
        yield Finding("batch insert", "wrong", refused, expected, mend)
