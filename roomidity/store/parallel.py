"""Calls side by side: a conditional write is one call an item, and waiting is most of what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["WRITERS", "in_parallel"]

WRITERS: Final = 4
"""Threads; botocore takes about 1 ms of CPU a call under one lock, so that more only wait for each other."""

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


def in_parallel(call: Callable[[Task], Outcome], tasks: Iterable[Task]) -> list[Outcome]:
    """``call`` of each task, in their order; every call is made, then the first error is raised."""
    tasks = list(tasks)
    if len(tasks) < 2:
        return [call(task) for task in tasks]
    with ThreadPoolExecutor(max_workers=WRITERS) as pool:
        futures = [pool.submit(call, task) for task in tasks]
    return [future.result() for future in futures]
