"""Asking for forecasts: once in a drain, of every active house, whatever becomes of its readings.

A silent gateway, a wave that takes too long, and a call that hangs must not silence the forecast. So it is asked for in
a guard of its own: when the drain is through, or by a clock while it still works.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from roomidity.domain.messages import ForecastJob
from roomidity.pipeline.ports import Houses, JobQueue

__all__ = ["Asking"]

logger: Final = logging.getLogger(__name__)


@dataclass
class Asking:
    """Asks for the forecasts of an issue time. ``active`` and ``asked`` say of how many houses."""

    houses: Houses
    jobs: JobQueue
    now: datetime
    active: int = 0
    asked: int = 0
    _is_done: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self) -> None:
        """Ask, unless it was done."""
        with self._lock:
            if self._is_done:
                return
            active = self.houses.active(self.now)
            self.active = len(active)
            self.jobs.send([ForecastJob(name, self.now).to_body() for name in active])
            self.asked = len(active)
            self._is_done = True

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Ask after so many seconds, in another thread, if what is done here is not done by then."""
        if math.isinf(seconds):
            yield
            return
        clock = threading.Timer(max(0.0, seconds), self._ask_beside)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def _ask_beside(self) -> None:
        try:
            logger.error("storing takes long; forecasts are asked for without waiting for it")
            self.ask()
        except Exception:  # the drain asks again when it is through, if it ever is
            logger.exception("forecasts could not be asked for beside the drain")
