"""Stored items that cannot be read: which they are, why, and how to correct them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from roomidity.doctor.findings import Finding, some
from roomidity.doctor.ports import DoctorPorts
from roomidity.domain.damage import Damaged
from roomidity.domain.houses import House
from roomidity.domain.slots import floor_slot
from roomidity.domain.weather import house_place
from roomidity.errors import StoreError
from roomidity.forecasting import WINDOW_SLOTS
from roomidity.readings import unpack_sets

__all__ = ["items"]

_WINDOW: Final = WINDOW_SLOTS * timedelta(minutes=15)
_ACCURACY: Final = timedelta(days=28)

_MENDS: Final[Mapping[str, str]] = {
    "houses": "put the item right (aws dynamodb update-item); its readings wait in the queue meanwhile",
    "readings": "bring the item back as it was (point-in-time recovery, see docs/runbook.md); its readings wait in the "
    "queue meanwhile",
    "observations": "roomidity rederive HOUSE --from SLOT --to NEXT-SLOT",
    "forecasts": "nothing: the next one stands beside it, and it expires; an item of a newer format wants a newer "
    "roomidity",
    "models": "delete the item; of a pointer (champion), promote the version that roomidity models history shows: "
    "roomidity models promote HOUSE VERSION. Without, the prior serves and a training is asked for",
    "accuracy": "delete the item, then roomidity verify HOUSE --day DAY; of mould (#mould), the next night writes it",
    "weather": "delete the item; the next issue stands beside it",
    "settings": "delete the item and set anew what its kind says, or, where the stage has recoverAll, bring it back as "
    "it was (see docs/runbook.md); until then it counts as not set, and no token of the house opens anything",
    "notices": "delete the item; of `watch`, the next forecast raises anew what is so still",
    "advice": "nothing: the next tick advises anew, from rest, and the item expires",
}
"""What to do, by table."""


def items(ports: DoctorPorts, houses: Sequence[House], *, now: datetime) -> Finding:
    """Returns whether recent items of some houses can be read: sets, observations, models and so on.

    Houses and forecasts were read before. Other unreadable items are named in the functions' logs, and counted by the
    metric ItemsDamaged.
    """
    unpackable: list[str] = []
    end = floor_slot(now)
    for house in houses:
        try:
            for held in ports.sets().between(house.name, end - _WINDOW, end):
                unpackable += unpack_sets(
                    {key: one.packed for key, one in held.items() if one.packed and not one.is_newer}  # noted
                ).unreadable.values()
            for _ in ports.observations().means(house.name, end - _WINDOW, end):
                pass
            ports.registry().manifests(house.name)
            ports.moulds().between(house.name, _days_before(now, _ACCURACY), now.date())
            ports.settings().list(house.name)
            ports.notices().newest(house.name, now=now)
            ports.notices().watch(house.name)
            for _ in ports.advice().between(house.name, end - _WINDOW, end):
                pass
            ports.weather().issues([house_place(house.name)], since=now - _WINDOW, until=now)
            for room in house.rooms:
                ports.accuracy().between(house.name, room, _days_before(now, _ACCURACY), now.date())
        except StoreError:
            continue  # An unavailable table is reported elsewhere.
    return _finding(ports.damaged(), unpackable, looked_at=len(houses))


def _days_before(now: datetime, span: timedelta) -> date:
    return (now - span).date()


def _finding(damaged: Sequence[Damaged], unpackable: Sequence[str], *, looked_at: int) -> Finding:
    if not damaged and not unpackable:
        return Finding("items", "ok", f"what is stored of {looked_at} houses can be read")
    told = [f"{one.table} {', '.join(one.key.values())}: {one.why}" for one in damaged]
    tables = [name for name in _MENDS if any(one.table.endswith(name) for one in damaged)]
    if unpackable and "readings" not in tables:
        tables.append("readings")
    mend = "; ".join(f"{name}: {_MENDS[name]}" for name in tables)
    found = f"{len(told) + len(unpackable)} cannot be read: {some([*told, *unpackable])}"
    return Finding("items", "wrong", found, "items as roomidity writes them", mend)
