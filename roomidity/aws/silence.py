"""A circuit breaker: an AWS service that timed out is not called again for a minute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from botocore.exceptions import ConnectionError as NotConnectedError
from botocore.exceptions import HTTPClientError

__all__ = ["SILENT_S", "Silence"]

SILENT_S: Final = 60.0
"""After a timeout or a broken connection: all houses of a batch fall under it, those of the next slot do not."""

_NO_ANSWER: Final = (NotConnectedError, HTTPClientError)


class Silence:
    """Whether something gave no answer lately, by a ``clock`` in seconds that never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = -math.inf

    @property
    def holds(self) -> bool:
        """Whether it is not to be asked now."""
        return self._clock() < self._until

    def learn(self, error: Exception) -> None:
        """Begin where an error says that there was no answer, and no refusal either."""
        if isinstance(error, _NO_ANSWER):
            self._until = self._clock() + SILENT_S
