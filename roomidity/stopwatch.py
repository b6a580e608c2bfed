"""Measures how long each phase of a run takes, with an injected clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

__all__ = ["Stopwatch", "Timed", "untimed"]

Timed = Callable[[str], AbstractContextManager[None]]
"""The callable with which a use case names its phases: ``with timed("store"): ...``."""


def untimed(_phase: str) -> AbstractContextManager[None]:
    """Returns a context manager that measures nothing."""
    return nullcontext()


class Stopwatch:
    """Measures the seconds of each phase, in the order in which phases first began. Repeated phases are added up.

    Parameters
    ----------
    clock
        A monotonic clock in seconds, such as :func:`time.perf_counter`.

    Examples
    --------
    >>> moments = iter([0.0, 1.5, 1.5, 2.0])
    >>> watch = Stopwatch(lambda: next(moments))
    >>> for _ in range(2):
    ...     with watch("store"):
    ...         pass
    >>> watch.seconds
    {'store': 2.0}
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Measure a phase, whether or not it fails. Phases must not be nested."""
        self.seconds.setdefault(phase, 0.0)
        begin = self._clock()
        try:
            yield
        finally:
            self.seconds[phase] += self._clock() - begin

    def reset(self) -> None:
        """Discard all measurements."""
        self.seconds = {}
