"""Source of randomness: a generator for each purpose and day, so that a longer run begins like a shorter one."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["Purpose", "generator"]


class Purpose(IntEnum):
    """What a stream of random numbers is used for. A separate purpose leaves the numbers of the others unchanged."""

    CLIMATE = 1
    WEATHER = 2
    HABITS = 3
    WEEK = 4
    DAY = 5
    SENSORS = 6
    READINGS = 7


def generator(seed: int, purpose: Purpose, *which: int) -> np.random.Generator:
    """Returns the independent generator of a purpose, and of one day or sensor if it has several.

    >>> bool(generator(1, Purpose.DAY, 5).random() == generator(1, Purpose.DAY, 5).random())
    True
    """
    return np.random.default_rng([seed, int(purpose), *which])
