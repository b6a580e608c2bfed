"""A house's advice: when to air, and when to run a dehumidifier."""

from __future__ import annotations

from typing import Any

from roomidity.api.asked import Asked
from roomidity.pipeline.advice_words import plain_advice
from roomidity.pipeline.advising import newest_advice

__all__ = ["advice"]


def advice(asked: Asked) -> dict[str, Any]:
    """Returns the response: what holds now, and the plan of the day."""
    issue = newest_advice(asked.ports.advice, asked.home, now=asked.now)
    return asked.head | plain_advice(asked.home, issue, now=asked.now)
