"""Advice of a whole house at a tick: pure, of what was measured, forecast and advised before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.advice.acting import ActState, Measured, act
from roomidity.domain.advice.air import UNKNOWN_AIR, Air
from roomidity.domain.advice.aired import learnt_share, score_new, seen_state, with_learnt
from roomidity.domain.advice.cellar import cellar_outlook
from roomidity.domain.advice.dehumidifier import limit_at, plan_dehumidifier, should_run
from roomidity.domain.advice.issue import AdviceIssue, RoomIssue
from roomidity.domain.advice.outlook import outdoor_mean_ahead, outlook_of
from roomidity.domain.advice.planning import DayPlan, plan_day
from roomidity.domain.advice.settings import HouseAdvice, RoomAdvice, usable_house, usable_room
from roomidity.domain.advice.withholding import withhold
from roomidity.domain.contacts import room_contacts
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.observations import Observation
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOTS_A_DAY
from roomidity.domain.weather import WeatherIssue

__all__ = ["MORNING", "HouseSeen", "advise", "last_morning"]

MORNING: Final = time(6, 30)
"""Local time at which the plan of the day is made."""

_REPLANNED_AFTER: Final = timedelta(hours=2)
"""A plan stands for so long at least: people do not follow one that changes under them."""

_MISSING: Final = frozenset({"no_forecast", "no_weather"})
_HUMIDITY: Final = QUANTITIES.index("humidity")
_TEMPERATURE: Final = QUANTITIES.index("temperature")


@dataclass(frozen=True)
class HouseSeen:
    """What is known of a house at a tick.

    Parameters
    ----------
    forecasts
        Of its rooms, as they were issued at the tick.
    measured
        By room the slots up to the tick, shape (2, slots), humidity (%RH) then temperature (°C), NaN where unknown.
    outdoor
        The same of the air outside, or None without a sensor there.
    weather
        The newest weather ahead that was known, or None.
    recent
        Start and observation of the slots of the last 12 h, by present names, if the house has window contacts.
    """

    forecasts: Sequence[StoredForecast]
    measured: Mapping[str, NDArray[np.float64]]
    outdoor: NDArray[np.float64] | None = None
    weather: WeatherIssue | None = None
    recent: Sequence[tuple[datetime, Observation]] = ()


def advise(
    home: House, seen: HouseSeen, *, at: datetime, before: AdviceIssue | None = None, forgot: bool = False
) -> AdviceIssue:
    """Returns the advice of a house at an issue time, from that ``before``.

    ``forgot`` says that what was advised before could not be read. Then every room rests first, for its window may
    have been open until now.
    """
    zone, house = ZoneInfo(home.zone), usable_house(home.settings)
    outside = _newest_air(seen.outdoor, at)
    temperatures = np.empty(0) if seen.outdoor is None else seen.outdoor[_TEMPERATURE]
    mean_c = float(outdoor_mean_ahead(math.nan, temperatures)[-1]) if len(temperatures) else math.nan
    local = at.astimezone(zone)
    minutes = _minutes_of_day(at, zone)
    known = {} if before is None else {home.present(room): one for room, one in before.rooms.items()}
    contacts = room_contacts(seen.recent, until=at)
    rooms = {}
    for forecast in seen.forecasts:
        room, last = usable_room(home.settings, forecast.room), known.get(forecast.room)
        stuck = "stuck" in forecast.notes
        inside = UNKNOWN_AIR if stuck else _newest_air(seen.measured.get(forecast.room), at)
        now = Measured(at, 60 * local.hour + local.minute, inside, outside, mean_c)
        contact = contacts.get(forecast.room)
        state = ActState(since=at) if forgot else _state_at(last, at)
        state = seen_state(state, contact, at=at, rest=timedelta(minutes=house.rest_min))
        aired = () if last is None else last.aired
        if contact is not None:
            told = None if last is None else last.plan
            aired = score_new(forecast.room, contact, seen.recent, aired, told, at=at, volume_m3=room.volume_m3)
        decision = act(state, now, room=room, house=house)
        outlook = outlook_of(forecast, now=at, weather=seen.weather)
        fresh = plan_day(outlook, outside_mean_c=mean_c, minutes_of_day=minutes, room=room, house=house)
        fresh = with_learnt(fresh, learnt_share(aired))
        plan, planned_at = _plan_to_keep(last, fresh, at=at, zone=zone, house=house)
        rooms[forecast.room] = RoomIssue(
            decision=decision,
            plan=withhold(plan, now, outlook=outlook, room=room, house=house),
            planned_at=planned_at,
            cellar=cellar_outlook(now, outlook) if room.kind == "cellar" else None,
            dehumidifier=plan_dehumidifier(outlook, minutes_of_day=minutes, power_w=room.dehumidifier_w, house=house)
            if room.dehumidifier_w > 0
            else None,
            is_running=_runs(room, house, now, is_on=last is not None and last.is_running, airs=decision.state.is_open),
            is_stuck=stuck,
            is_window_open=None if contact is None else contact.is_open,
            window_since=None if contact is None else contact.since,
            aired=aired,
        )
    return AdviceIssue(home.name, at, rooms)


def last_morning(at: datetime, zone: ZoneInfo) -> datetime:
    """Returns the newest local 06:30 up to ``at``, in UTC.

    >>> last_morning(datetime(2026, 1, 5, 5, 0, tzinfo=UTC), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-01-04T05:30:00+00:00'
    """
    local = at.astimezone(zone)
    today = datetime.combine(local.date(), MORNING, zone)
    if today.astimezone(UTC) > at:
        today = datetime.combine(local.date() - timedelta(days=1), MORNING, zone)
    return today.astimezone(UTC)


def _state_at(last: RoomIssue | None, at: datetime) -> ActState:
    """Returns what the last advice left: what was to be closed by a time before ``at`` has been closed since then."""
    if last is None:
        return ActState()
    decision = last.decision
    if decision.action == "open" and decision.until is not None and decision.until < at:
        return ActState(is_open=False, since=decision.until)
    return decision.state


def _plan_to_keep(
    last: RoomIssue | None, fresh: DayPlan, *, at: datetime, zone: ZoneInfo, house: HouseAdvice
) -> tuple[DayPlan, datetime]:
    """Returns the plan that is to be followed and when it was made: each morning anew, and on change."""
    if last is None or last.planned_at < last_morning(at, zone) or last.planned_at > at:
        return fresh, at
    kept = last.plan
    missed, misses = kept.not_today in _MISSING, fresh.not_today in _MISSING
    if missed or misses:
        is_same = (kept.not_today, kept.missing) == (fresh.not_today, fresh.missing)
        return (kept, last.planned_at) if is_same else (fresh, at)
    ahead = [airing.at.astimezone(zone) for airing in kept.intended if airing.at >= at]
    if any(house.quiet_hours.contains(60 * start.hour + start.minute) for start in ahead):
        return fresh, at  # Quiet hours were changed.
    if at - last.planned_at >= _REPLANNED_AFTER:
        next_morning = last_morning(at + timedelta(days=1), zone)
        not_needed = bool(ahead) and fresh.not_today is not None
        needed = kept.not_today is not None and any(airing.at < next_morning for airing in fresh.airings)
        if not_needed or needed:
            return fresh, at
    return kept, last.planned_at


def _runs(room: RoomAdvice, house: HouseAdvice, now: Measured, *, is_on: bool, airs: bool) -> bool:
    if room.dehumidifier_w <= 0 or not now.inside.is_known(now.at):
        return False
    limit = limit_at(now.minute_of_day, house)
    return should_run(is_on=is_on, humidity=now.inside.humidity, limit=limit, is_airing=airs)


def _newest_air(slots: NDArray[np.float64] | None, at: datetime) -> Air:
    """Returns the newest values of both quantities, as old as the older of the two; a slot's are of its start."""
    if slots is None:
        return UNKNOWN_AIR
    places = [np.flatnonzero(np.isfinite(row)) for row in slots]
    if not all(len(found) for found in places):
        return UNKNOWN_AIR
    newest = [int(found[-1]) for found in places]
    age = slots.shape[1] - min(newest)
    temperature, humidity = (float(slots[row, newest[row]]) for row in (_TEMPERATURE, _HUMIDITY))
    return Air(temperature, humidity, at - age * SLOT)


def _minutes_of_day(at: datetime, zone: ZoneInfo) -> NDArray[np.int64]:
    starts = [(at + slot * SLOT).astimezone(zone) for slot in range(SLOTS_A_DAY)]
    return np.array([60 * start.hour + start.minute for start in starts])
