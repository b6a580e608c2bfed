"""Processes batches of jobs from SQS so that only failed jobs are delivered again.

Powertools' batch utility does the same, but it loads the types of every event source, which adds 20 ms to a cold start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["BatchFailedError", "Record", "process"]

Record = Mapping[str, Any]
"""A message as an event source mapping passes it to the function."""


class BatchFailedError(Exception):
    """Every job of a batch failed. Failing the whole call counts as an error of the function and makes SQS back off.

    ``failures`` holds each record with its error.
    """

    def __init__(self, failures: Sequence[tuple[Record, Exception]]) -> None:
        self.failures = failures
        super().__init__(f"all {len(failures)} jobs failed; each was logged. The first: {failures[0][1]}")


def process(event: Mapping[str, Any], handle: Callable[[Record], None]) -> dict[str, Any]:
    """Handle each record. Returns the response that reports the failed ones.

    Raises
    ------
    BatchFailedError
        If all failed.
    """
    failures: list[tuple[Record, Exception]] = []
    for record in event["Records"]:
        try:
            handle(record)
        except Exception as error:  # noqa: BLE001  # any error fails only this job, which is delivered again
            failures.append((record, error))
    if failures and len(failures) == len(event["Records"]):
        raise BatchFailedError(failures)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, _ in failures]}
