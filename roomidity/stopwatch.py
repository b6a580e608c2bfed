"""How long each phase of a run takes, by a clock that is passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

__all__ = ["Stopwatch", "Timed", "untimed"]

Timed = Callable[[str], AbstractContextManager[None]]
"""What a use case is given to name its phases by: ``with timed("store"): ...``."""


def untimed(_phase: str) -> AbstractContextManager[None]:
    """No clock runs."""
    return nullcontext()


class Stopwatch:
    """Seconds by phase, in the order in which phases began; one that comes again is added.

    Parameters
    ----------
    clock
        Seconds that only grow, such as :func:`time.perf_counter`.

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
        """Add the time that a phase takes, however it ends. Phases do not lie within each other."""
        self.seconds.setdefault(phase, 0.0)
        begin = self._clock()
        try:
            yield
        finally:
            self.seconds[phase] += self._clock() - begin

    def reset(self) -> None:
        """Begin anew."""
        self.seconds = {}
