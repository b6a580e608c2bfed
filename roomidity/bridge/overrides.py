"""What a person says on a room's override topic: ``on``, ``off`` or ``auto``, for some hours. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, cast

from roomidity.errors import InputError

__all__ = ["MOST_HOURS", "Mode", "Override", "read_override"]

Mode = Literal["on", "off", "auto"]

MOST_HOURS: Final = 24.0
"""For longer nobody remembers what they said; what is to stay so is not given to --command."""

_LONGEST_BYTES: Final = 64
_SAID: Final = re.compile(r"(on|off|auto)(?: +(\d{1,3}(?:\.\d{1,2})?) *h?)?", re.ASCII)


@dataclass(frozen=True)
class Override:
    """A person's word, which holds until some time (aware). ``auto`` ends the one before."""

    mode: Mode
    until: datetime


def read_override(payload: bytes, *, at: datetime, hours: float, is_retained: bool = False) -> Override:
    """Returns what a payload such as ``off``, ``on 2`` or ``auto`` says.

    Parameters
    ----------
    at
        When it was heard.
    hours
        How long it holds where it does not say.
    is_retained
        Whether the broker had kept it: it may have been said long ago, and would switch on at every start.

    Raises
    ------
    InputError
        If it says anything else. The message shows no more than the beginning, with control characters escaped.

    Examples
    --------
    >>> from datetime import UTC
    >>> read_override(b"Off 1.5h", at=datetime(2026, 1, 5, 12, tzinfo=UTC), hours=4.0).until.isoformat()
    '2026-01-05T13:30:00+00:00'
    """
    text = payload[:_LONGEST_BYTES].decode("utf-8", errors="replace").strip().casefold()
    found = _SAID.fullmatch(text) if len(payload) <= _LONGEST_BYTES else None
    lasts_h = hours if found is None or found[2] is None else float(found[2])
    if found is None or not (math.isfinite(lasts_h) and 0 < lasts_h <= MOST_HOURS):
        raise InputError(
            f"found {text!r:.40} ({len(payload)} bytes); expected on, off or auto, which may be followed by hours up "
            f"to {MOST_HOURS:g}, such as 'off 8'"
        )
    if is_retained and found[1] == "on":
        raise InputError("found a retained 'on', which would switch on at every start; publish it without retain")
    return Override(cast("Mode", found[1]), at + timedelta(hours=lasts_h))
