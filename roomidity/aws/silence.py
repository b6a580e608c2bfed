"""A circuit breaker: an AWS service that timed out is not called again for a minute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from botocore.exceptions import ConnectionError as NotConnectedError
from botocore.exceptions import HTTPClientError

__all__ = ["SILENT_S", "Silence"]

SILENT_S: Final = 60.0
"""How long, in s, a service is not called after a timeout or a broken connection. That covers all houses of one
batch, but not those of the next slot.
"""

_NO_ANSWER: Final = (NotConnectedError, HTTPClientError)


class Silence:
    """Remembers whether something recently failed to respond, by a monotonic ``clock`` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = -math.inf

    @property
    def holds(self) -> bool:
        """Whether it must not be called now."""
        return self._clock() < self._until

    def learn(self, error: Exception) -> None:
        """Start the silence if ``error`` means that there was no response at all, not even a refusal."""
        if isinstance(error, _NO_ANSWER):
            self._until = self._clock() + SILENT_S
