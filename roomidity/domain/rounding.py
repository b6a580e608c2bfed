"""Numbers as they are stored and shown: rounded, and absent where they are unknown."""

from __future__ import annotations

import math

__all__ = ["rounded"]


def rounded(value: float, digits: int) -> float | None:
    """Returns a number rounded to ``digits`` decimals, or None if it is unknown (NaN) or infinite.

    >>> rounded(1.25678, 2), rounded(math.nan, 2)
    (1.26, None)
    """
    return round(float(value), digits) if math.isfinite(value) else None
