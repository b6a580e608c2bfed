"""Requests forecasts once per drain for every active house, whatever happens to the readings.

A silent gateway, a wave that takes too long, or a call that hangs must not prevent the forecast. It is therefore
requested independently of storing: when the drain is done, or by a timer while it still works.
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
    """Requests the forecasts of an issue time.

    ``active`` and ``asked`` count the active houses and those whose forecasts were requested.
    """

    houses: Houses
    jobs: JobQueue
    now: datetime
    active: int = 0
    asked: int = 0
    _is_done: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self) -> None:
        """Request the forecasts, unless that was already done."""
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
        """Request the forecasts from another thread, if the block is not done after ``seconds``."""
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
        except Exception:  # the drain asks again when it is done, if it ever is
            logger.exception("forecasts could not be asked for beside the drain")
