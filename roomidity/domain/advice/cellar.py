"""When venting dries a cellar: its walls are cold all year, so that only the water inside and outside counts.

In summer venting does little: in simulated cellars the wall stays above 80 %RH for 562 of 716 hours however well it is
timed. Only a dehumidifier solves that (:mod:`roomidity.domain.advice.dehumidifier`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import numpy as np

from roomidity.domain.advice.acting import CELLAR_GAP_G_KG, Measured
from roomidity.domain.advice.air import moisture_gap
from roomidity.domain.advice.outlook import Outlook
from roomidity.domain.slots import SLOT_S

__all__ = ["CellarOutlook", "Outside", "cellar_outlook"]

Outside = Literal["drier", "wetter", "unknown"]

_SLOT: Final = timedelta(seconds=SLOT_S)


@dataclass(frozen=True)
class CellarOutlook:
    """Whether outside is ``drier`` or ``wetter`` now (or ``unknown``), and until when.

    ``until`` is None if that does not change within the hours ahead that are known, of which there are ``known_h``.
    ``gap_g_kg`` is the water inside beyond that outside.
    """

    outside: Outside
    until: datetime | None
    known_h: float
    gap_g_kg: float


def cellar_outlook(now: Measured, outlook: Outlook) -> CellarOutlook:
    """Returns whether venting dries the cellar now, and when that changes.

    The cellar's water is that of its forecast, or without one that measured now, which changes slowly.
    """
    if not (now.inside.is_known(now.at) and now.outside.is_known(now.at)):
        return CellarOutlook("unknown", None, 0.0, math.nan)
    gap = moisture_gap(now.inside, now.outside)
    is_drier = gap > CELLAR_GAP_G_KG[0]
    outside = outlook.outside_g_kg
    if outside is None:
        return CellarOutlook("drier" if is_drier else "wetter", None, 0.0, gap)
    inside = outlook.room_g_kg if outlook.room_g_kg is not None else np.full(len(outside), now.inside.water_g_kg)
    ahead = inside - outside
    known = np.isfinite(ahead)
    changes = known & ((ahead <= CELLAR_GAP_G_KG[1]) if is_drier else (ahead > CELLAR_GAP_G_KG[0]))
    starts = [outlook.first + slot * _SLOT for slot in np.flatnonzero(changes).tolist()]
    until = next((start for start in starts if start > now.at), None)
    return CellarOutlook("drier" if is_drier else "wetter", until, float(known.sum()) * SLOT_S / 3600, gap)
