"""How readings arrive according to the houses' records, and rejects that belong to no known house."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from roomidity.doctor.findings import Finding, some
from roomidity.doctor.ports import DoctorPorts
from roomidity.domain.deliveries import Deliveries
from roomidity.domain.houses import House
from roomidity.errors import RoomidityError
from roomidity.forecasting.serving.deliveries import FEW, delivery_notes
from roomidity.pipeline.remedies import remedy

__all__ = ["deliveries", "rejects"]

_OBJECTS: Final = 50
"""Maximum number of reject objects read.

A drain writes one per portion of a wave. For a stage that always rejects, this is half a day.
"""


def deliveries(houses: Sequence[House], *, now: datetime) -> Finding:
    """Returns what the drains noted about rooms' readings in the last 24 h, with figures."""
    told: list[str] = []
    mends: dict[str, None] = {}
    for house in houses:
        for room in sorted(house.deliveries.rooms):
            came = house.deliveries.of([room], now)
            for code in delivery_notes(came):
                told.append(f"{house.name}/{room}: {code}: {_figures(code, came)}")
                mends[f"{code}: {remedy(code, house=house.name, room=room)}"] = None
    if not told:
        return Finding("deliveries", "ok", "readings come in time and are accepted")
    return Finding("deliveries", "wrong", some(told), "readings that come soon after they were measured", some(mends))


def _figures(code: str, came: Deliveries) -> str:
    if code in ("zone", "clock"):
        off = _span(abs(came.lag_s[1])) + (" old" if came.lag_s[1] > 0 else " ahead")
        return f"{came.readings:,} readings bear times that are {off} when sent"
    if code == "late":
        late = f"{came.late:,} of {came.readings:,} readings came after their slot was forecast"
        return f"{late}, half of all {_span(came.lag_s[1])} after they were measured or more"
    counts = {reason: count for reason, count in came.rejected.items() if (reason == "unit") == (code == "unit")}
    told = ", ".join(f"{count:,} as {reason}" for reason, count in sorted(counts.items()))
    return f"{told} of some {max(came.readings, sum(came.rejected.values())):,} readings were rejected"


def _span(seconds: float) -> str:
    """Returns a duration in words.

    >>> _span(421), _span(21_610)
    ('7 min', '6.0 h')
    """
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def rejects(ports: DoctorPorts, houses: Sequence[House], *, now: datetime) -> Finding:
    """Returns rejects since yesterday that name no known house. Those of known houses appear in their rooms' notes."""
    known = {house.name for house in houses}
    counts: Counter[tuple[str, str]] = Counter()
    first = (now - timedelta(days=1)).date()
    try:
        log = ports.rejects()
        days = reversed(log.days(first, now.date()))
        keys = list(islice((key for day in days for key in log.keys(day)), _OBJECTS + 1))
        for key in keys[:_OBJECTS]:
            for line in log.lines(key):
                counts.update(dict(_by_house(line)))
    except RoomidityError as error:
        return Finding("rejects", "unknown", str(error), mend="mend the bucket first")
    more = "more than " if len(keys) > _OBJECTS else ""
    found = f"{more}{counts.total():,} readings since {first}"
    if not counts:
        return Finding("rejects", "ok", f"none since {first}")
    strange = {of: count for of, count in counts.items() if of[0] not in known}
    if sum(strange.values()) < FEW:
        return Finding("rejects", "ok", found)
    most = sorted(strange.items(), key=lambda item: (-item[1], item[0]))
    told = some(f"{count:,} as {reason} of {name or 'no house'}" for (name, reason), count in most)
    mend = "see them: roomidity rejects; once the sender or a setting is mended, roomidity replay sends them in again"
    return Finding("rejects", "wrong", f"{found}, of which no house tells: {told}", "readings that are accepted", mend)


def _by_house(line: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], int]]:
    """Yields house ('' for none), reason and count for a line of kept rejects."""
    groups = line["rejects"] if "packed" in line else [{**line, "positions": [(0, 0)]}]
    counts: Counter[tuple[str, str]] = Counter()
    for group in groups:
        readings = sum(last - begin + 1 for begin, last in group["positions"])
        counts[group["house"] or "", group["reason"]] += readings
    yield from counts.items()
