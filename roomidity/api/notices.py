"""A house's notices: those that are open, and those that were."""

from __future__ import annotations

from typing import Any

from roomidity.api.asked import Asked
from roomidity.pipeline.noticing import open_and_cleared

__all__ = ["notices"]


def notices(asked: Asked) -> dict[str, Any]:
    """The answer: what is so now, or expected, and what was."""
    return asked.head | open_and_cleared(asked.ports.notices, asked.home, now=asked.now)
