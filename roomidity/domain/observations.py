"""What is stored of a slot: the packed set of its values, the observation, and what it was derived from."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec.structs import replace

__all__ = [
    "CONTACT_SET_FORMAT",
    "SET_FORMAT",
    "Observation",
    "Origin",
    "RoomMeans",
    "Statistics",
    "StoredSet",
    "without_flags",
]

SET_FORMAT: Final = b"\x01"
"""First byte of a packed set without contacts."""

CONTACT_SET_FORMAT: Final = b"\x02"
"""First byte of a packed set with contacts, and the last that this version can read. A set with a higher one was
written by a newer version, and is left unchanged.
"""

_DIGEST_BYTES: Final = 6
"""Kept short because an observation has to fit into one write unit. The chance that a restored set has the same
digest as the set it replaces is one in 280 million million.
"""


@dataclass(frozen=True)
class StoredSet:
    """A slot's packed set. ``version`` counts its writes from 1. ``life`` is that of the house it belongs to."""

    packed: bytes
    version: int
    life: int = 0

    @property
    def is_newer(self) -> bool:
        """Whether a newer version packed the set. Format bytes count up from 1, and stay below those of text."""
        return CONTACT_SET_FORMAT < self.packed[:1] < b" "

    def digest(self, rules: Iterable[str] = ()) -> str:
        """Returns eight characters that identify the set's content and the quarantine rules (ids) applied to it."""
        content = hashlib.blake2b(self.packed, digest_size=_DIGEST_BYTES)
        for rule in sorted(rules):
            content.update(rule.encode())
        return base64.urlsafe_b64encode(content.digest()).decode()


class Statistics(msgspec.Struct, frozen=True, gc=False):
    """Statistics of a quantity's values in a room and a slot, in °C or %RH, rounded to 0.001.

    ``mean``, ``min``, ``max`` and ``count`` cover all values. ``robust`` is the mean of the values that agree, if it
    differs. ``fault`` is what the surrounding slots reveal about the sensor. It is not derived from the set.
    Verification adds it, so an observation that is derived again lacks it.

    Of contacts ``mean`` is the fraction of the time open from the slot's first reading on, and ``changes`` the course
    by sensor (:mod:`roomidity.domain.contacts`).

    This is a struct rather than a dataclass because a drain makes one for every quantity, room and slot, and a struct
    takes a tenth of the time.
    """

    mean: float
    min: float
    max: float
    count: int
    robust: float | None = None
    fault: str | None = None
    changes: Mapping[str, str] | None = None

    @property
    def value(self) -> float:
        """The value that forecasts use: the robust value if there are outliers, and the mean otherwise."""
        return self.mean if self.robust is None else self.robust


Observation = dict[str, dict[str, Statistics]]
"""room -> quantity -> statistics"""


def without_flags(observation: Observation) -> Observation:
    """Returns the observation as derived from its set, without the faults that verification added."""
    return {
        room: {quantity: replace(one, fault=None) if one.fault else one for quantity, one in quantities.items()}
        for room, quantities in observation.items()
    }


@dataclass(frozen=True, slots=True)
class Origin:
    """What an observation was derived from: the version of its set, and the number of the house's rules.

    ``digest`` covers their contents, since numbers alone are not enough: after a table is restored, the same numbers
    are given to other contents. It is empty if unknown, as in older observations. A ``sealed`` observation was written
    by a newer version of roomidity. It cannot be read and must not be replaced.
    """

    version: int
    rules: int = 0
    digest: str = field(default="", compare=False)
    sealed: bool = False

    def is_as_new_as(self, other: Origin) -> bool:
        """Returns whether neither number is lower than in ``other``.

        Neither of two origins may be as new as the other, for example a newer set under older rules.
        """
        return self.version >= other.version and self.rules >= other.rules

    def covers(self, other: Origin) -> bool:
        """Returns whether everything that went into ``other`` also went into this one."""
        is_other = self == other and bool(self.digest and other.digest) and self.digest != other.digest
        return self.is_as_new_as(other) and not is_other


RoomMeans = dict[str, dict[str, float]]
"""room -> quantity -> mean of the readings that agree (the robust value, or the mean if there are no outliers)

If outliers were left out, `<quantity>_mean` holds the mean of all readings. The newest slots, which no later slot
confirms, also have `<quantity>_count`, the number of readings.
"""
