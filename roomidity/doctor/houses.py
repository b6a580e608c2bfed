"""Houses: whether their readings and forecasts arrive, and whether their models are intact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from roomidity.doctor.deliveries import deliveries, rejects
from roomidity.doctor.devices import devices
from roomidity.doctor.findings import Finding, some
from roomidity.doctor.items import items
from roomidity.doctor.ports import DoctorPorts
from roomidity.doctor.weather import weather
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import ACTIVE_FOR, House
from roomidity.domain.slots import SLOT, format_slot
from roomidity.errors import RoomidityError
from roomidity.forecasting.serving.deliveries import DELIVERY_NOTES
from roomidity.pipeline.house_settings import bad_settings
from roomidity.pipeline.ports import Registry
from roomidity.pipeline.remedies import told
from roomidity.pipeline.renamed import latest_forecast

__all__ = ["houses"]

LATE_PERIODS: Final = 2
"""A house without a forecast for this many periods has missed one that was due."""


def houses(ports: DoctorPorts, *, now: datetime, most_houses: int | None) -> Iterator[Finding]:
    """Yields the number of houses, and findings on the active ones."""
    known = sorted(ports.houses().all(), key=lambda house: house.name)
    if not known:
        yield Finding("houses", "ok", "none yet; one appears with its first reading")
        yield rejects(ports, [], now=now)
        yield items(ports, [], now=now)
        return
    active = [house for house in known if house.rooms_to_forecast(now)]
    if not active:
        newest = max((house.last_seen for house in known if house.last_seen), default=None)
        found = (
            f"{len(known)} houses, none active; the newest reading is of {format_slot(newest) if newest else 'never'}"
        )
        mend = "do readings still reach the queue? Of a replayed house, give its time with --now"
        yield Finding("houses", "wrong", found, f"readings within {ACTIVE_FOR.days} days", mend)
        yield _settings(known)
        yield devices(ports.settings(), known[:most_houses], now=now)
        yield deliveries(known, now=now)
        yield rejects(ports, known, now=now)
        yield items(ports, known[:most_houses], now=now)
        return
    chosen = active if most_houses is None else active[:: -(-len(active) // most_houses)]
    looked = "all looked at" if len(chosen) == len(active) else f"{len(chosen)} looked at"
    yield Finding("houses", "ok", f"{len(known)}, of which {len(active)} active, {looked}")
    yield _settings(known)
    yield devices(ports.settings(), chosen, now=now)
    yield _champions(ports.registry(), chosen)
    table = ports.forecasts()
    latest = {
        house.name: [
            one
            for room in house.rooms_to_forecast(now)
            if (one := latest_forecast(table, house, room, now=now)) is not None
        ]
        for house in chosen
    }
    yield _last_run(latest, now=now)
    yield _stand_ins(ports.registry(), latest)
    yield _sensors(latest)
    yield from weather(ports, chosen, now=now)
    yield deliveries(known, now=now)
    yield rejects(ports, known, now=now)
    yield items(ports, chosen, now=now)


def _settings(houses: Sequence[House]) -> Finding:
    bad = [one for house in houses for one in bad_settings(house)]
    if not bad:
        zones = Counter(house.zone for house in houses).most_common()
        told = some(f"{count} in {zone}" for zone, count in zones)
        return Finding("settings", "ok", f"what is set of {len(houses)} houses can be used; their time zones: {told}")
    expected = "; ".join(dict.fromkeys(one.expected for one in bad))
    return Finding("settings", "wrong", some(map(str, bad)), expected, some(one.mend for one in bad))


def _champions(registry: Registry, houses: Sequence[House]) -> Finding:
    refused, own = {}, 0
    for house in houses:
        try:
            for version in registry.succession(house.name)[:1]:
                registry.load(house.name, version)
                own += 1
        except RoomidityError as error:
            refused[house.name] = str(error)
    found = f"{own} houses with a model of their own, intact; {len(houses) - own - len(refused)} with the prior"
    if not refused:
        return Finding("models", "ok", found)
    name = next(iter(refused))
    mend = (
        f"what served before serves meanwhile; roomidity models rollback {name}, then roomidity train {name}. The "
        "bucket keeps former versions of an object for 30 days"
    )
    return Finding(
        "models", "wrong", some(f"{house}: {why}" for house, why in refused.items()), "models that are intact", mend
    )


def _stand_ins(registry: Registry, latest: Mapping[str, Sequence[StoredForecast]]) -> Finding:
    """Returns the forecasts not made by the champion, because it failed or could not be read."""
    found = []
    for house, rooms in latest.items():
        try:
            pointer = registry.pointer(house)
        except RoomidityError:
            continue  # Reported above.
        champion, since = pointer.points_to, pointer.since
        found += [
            f"{house}/{one.room}: by {one.model_version}, the champion is {champion}"
            for one in rooms
            if champion not in {None, one.model_version} and (since is None or one.issued_at > since)
        ]
    if not found:
        return Finding("served by", "ok", "each newest forecast is by what serves its house")
    mend = (
        "see forecast-refused and model-refused in docs/runbook.md: roomidity models rollback HOUSE, then train HOUSE"
    )
    return Finding("served by", "wrong", some(found), "forecasts by the champion", mend)


def _last_run(latest: Mapping[str, Sequence[StoredForecast]], *, now: datetime) -> Finding:
    due = now - LATE_PERIODS * SLOT
    issued = {house: max((one.issued_at for one in found), default=None) for house, found in latest.items()}
    late = {house: at for house, at in issued.items() if at is None or at < due}
    newest = max((at for at in issued.values() if at is not None), default=None)
    if not late:
        assert newest is not None  # noqa: S101  # no house is late, so each has a forecast
        return Finding("last run", "ok", f"the newest forecast is of {format_slot(newest)}")
    behind = (f"{house}: {format_slot(at) if at else 'no forecast'}" for house, at in late.items())
    mend = (
        "does the schedule run drain, and the queue forecast? See their logs, and the dead letters above; by hand: "
        "roomidity drain, roomidity forecast HOUSE"
    )
    expected = f"a forecast of {format_slot(due)} or newer"
    return Finding("last run", "wrong", f"{len(late)} of {len(latest)} houses late: {some(behind)}", expected, mend)


def _sensors(latest: Mapping[str, Sequence[StoredForecast]]) -> Finding:
    """Returns what the newest forecasts note about sensors. How their readings arrive is a finding of its own."""
    notes = [
        (f"{house}/{name}", found, mend)
        for house, rooms in latest.items()
        for name, found, mend in told(rooms)
        if name.rpartition(": ")[2] not in DELIVERY_NOTES
    ]
    if not notes:
        return Finding("sensors", "ok", "nothing is noted of any")
    found = some(f"{name}: {found}" for name, found, _ in notes)
    mend = some(dict.fromkeys(f"{name.rpartition(': ')[2]}: {mend}" for name, _, mend in notes))
    return Finding("sensors", "wrong", found, "readings that can be believed", mend)
