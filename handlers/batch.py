"""Batches of jobs from SQS of which those that fail are delivered again, and the others are not.

Powertools' batch utility does the same, and costs a cold start 20 ms for the types of every event source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["BatchFailedError", "Record", "process"]

Record = Mapping[str, Any]
"""A message as an event source mapping hands it over."""


class BatchFailedError(Exception):
    """Every job of a batch failed: the call fails, so that the function's errors are counted and SQS backs off.

    ``failures`` holds the records and what each failed with.
    """

    def __init__(self, failures: Sequence[tuple[Record, Exception]]) -> None:
        self.failures = failures
        super().__init__(f"all {len(failures)} jobs failed; each was logged. The first: {failures[0][1]}")


def process(event: Mapping[str, Any], handle: Callable[[Record], None]) -> dict[str, Any]:
    """Handle each record. Returns the response that reports those that failed.

    Raises
    ------
    BatchFailedError
        If all failed.
    """
    failures: list[tuple[Record, Exception]] = []
    for record in event["Records"]:
        try:
            handle(record)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other jobs are done, and this one comes again
            failures.append((record, error))
    if failures and len(failures) == len(event["Records"]):
        raise BatchFailedError(failures)
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record, _ in failures]}
