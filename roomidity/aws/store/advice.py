"""The table ``advice``: what a house was advised, by issue time. What is written once stays as it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, cast, get_args

from pynamodb.exceptions import QueryError

from roomidity.aws.store.erasing import erase
from roomidity.aws.store.reading import FORMAT_VERSION, Reader
from roomidity.aws.store.tables import AdviceItem
from roomidity.aws.store.writing import Write, remove, save
from roomidity.domain.advice.acting import Action, ActState, Decision, Reason
from roomidity.domain.advice.cellar import CellarOutlook, Outside
from roomidity.domain.advice.dehumidifier import DehumidifierPlan, Run
from roomidity.domain.advice.effects import AiringEffect
from roomidity.domain.advice.issue import KEPT_FOR, AdviceIssue, RoomIssue
from roomidity.domain.advice.planning import DayPlan, Forbids, NotToday, PlannedAiring, Withheld
from roomidity.domain.advice.scoring import AiringScore
from roomidity.domain.contacts import Opening
from roomidity.domain.damage import Damage
from roomidity.domain.rounding import rounded
from roomidity.domain.slots import format_moment, format_slot, parse_slot, parse_time, to_epoch_ms
from roomidity.errors import StoreError

__all__ = ["AdviceTable"]

_SCORES: Final = ("at_once", "after_1h", "expected_at_once", "expected_after_1h", "kernel_at_once")
_EFFECT: Final = ("minutes", "at_once", "after_1h", "heat_kwh")
"""Of an airing what is told; the rest of its effect would take a third of the item."""


class AdviceTable:
    """Advice by house and issue time."""

    def __init__(self, item: type[AdviceItem], damage: Damage) -> None:
        self._item = item
        self._reader = Reader(damage)

    def latest(self, house: str, *, now: datetime) -> AdviceIssue | None:
        """Returns the newest advice issued by ``now`` that has not expired, or None. One call.

        Raises
        ------
        ItemDamagedError
            If it cannot be read, which is noted.
        StoreError
            If the table does not answer.
        """
        span = self._item.issued_at.between(format_slot(now - KEPT_FOR), format_slot(now))
        try:
            items = list(self._item.query(house, span, scan_index_forward=False, limit=1))
        except QueryError as error:
            raise StoreError(f"the advice of house {house!r} cannot be read from the table: {error}") from error
        return self._reader.needed(items[0], _to_issue) if items else None

    def between(self, house: str, first: datetime, last: datetime) -> Iterator[AdviceIssue]:
        """Yields the advice issued from ``first`` to ``last``, oldest first; what cannot be read is left out."""
        span = self._item.issued_at.between(format_slot(first), format_slot(last))
        yield from self._reader.each(self._item.query(house, span), _to_issue)

    def put(self, issue: AdviceIssue) -> bool:
        """Write advice. Returns False if some of the same issue time stands already."""
        item = self._item(
            house=issue.house,
            issued_at=format_slot(issue.issued_at),
            rooms={room: _from_room(one) for room, one in issue.rooms.items()},
            untold=list(issue.untold) or None,
            v=FORMAT_VERSION,
            expires_at=to_epoch_ms(issue.issued_at + KEPT_FOR) // 1000,
        )
        return save(Write(item, self._item.house.does_not_exist(), house=issue.house, size_bytes=0, is_new=True))

    def delete(self, issue: AdviceIssue) -> None:
        """Delete advice, if it is there."""
        remove(self._item(issue.house, format_slot(issue.issued_at)))

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete a house's advice. Yields how many items, some at a time."""
        return erase(self._item, house, dry_run=dry_run)


# ---- To plain values. What is absent is unknown, or nothing: DynamoDB bills every name.


def _from_room(one: RoomIssue) -> dict[str, Any]:
    decision, plan = one.decision, one.plan
    plain: dict[str, Any] = {
        "action": decision.action,
        "reason": decision.reason,
        "until": _moment(decision.until),
        "surface": rounded(decision.surface, 1),
        "gap": rounded(decision.gap_g_kg, 2),
        "open": decision.state.is_open or None,
        "since": _moment(decision.state.since),
        "stuck": one.is_stuck or None,
        "window": None if one.is_window_open is None else {"open": one.is_window_open, **_since(one.window_since)},
        "aired": [_from_score(score) for score in one.aired] or None,
        "plan": _present(
            {
                "at": format_slot(one.planned_at),
                "not_today": plan.not_today,
                "hours": rounded(plan.humid_hours, 1),
                "until": _moment(plan.until),
                "missing": list(plan.missing) or None,
                "airings": [_from_airing(airing) for airing in plan.airings] or None,
                "withheld": [_from_withheld(one) for one in plan.withheld] or None,
            }
        ),
    }
    if one.cellar is not None:
        cellar = one.cellar
        plain["cellar"] = _present(
            {
                "outside": cellar.outside,
                "until": _moment(cellar.until),
                "known_h": cellar.known_h,
                "gap": rounded(cellar.gap_g_kg, 2),
            }
        )
    if one.dehumidifier is not None:
        dehumidifier = one.dehumidifier
        plain["dehumidifier"] = _present(
            {
                "on": one.is_running or None,
                "runs": [[format_slot(run.start), format_slot(run.end)] for run in dehumidifier.runs],
                "kwh": rounded(dehumidifier.kwh, 2),
                "eur": rounded(dehumidifier.eur, 2),
                "missing": list(dehumidifier.missing) or None,
            }
        )
    return _present(plain)


def _since(at: datetime | None) -> dict[str, str]:
    return {} if at is None else {"since": format_moment(at)}


def _from_score(score: AiringScore) -> dict[str, Any]:
    return _present(
        {
            "from": format_moment(score.opening.start),
            "to": format_moment(score.opening.end),
            "planned": None if score.planned_at is None else format_slot(score.planned_at),
            "disturbed": score.disturbed or None,
            **{name: rounded(getattr(score, name), 2) for name in _SCORES},
        }
    )


def _from_airing(airing: PlannedAiring) -> dict[str, Any]:
    effect = {name: rounded(getattr(airing.effect, name), 2) for name in _EFFECT}
    return _present({"at": format_slot(airing.at), **effect})


def _from_withheld(one: Withheld) -> dict[str, Any]:
    return _present({**_from_airing(one.airing), "why": one.why, "found": rounded(one.found_c, 1)})


def _present(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plain.items() if value is not None}


def _moment(at: datetime | None) -> str | None:
    return None if at is None else format_moment(at)


# ---- And back. Whatever is odd raises, and the item counts as damaged.


def _to_issue(item: AdviceItem) -> AdviceIssue:
    rooms = {room: _to_room(of) for room, of in item.rooms.items()}
    untold = item.untold or ()
    return AdviceIssue(item.house, parse_slot(item.issued_at), rooms, tuple(one for one in untold if one in rooms))


def _to_room(of: Mapping[str, Any]) -> RoomIssue:
    cellar, dehumidifier = of.get("cellar"), of.get("dehumidifier")
    window = of.get("window", {})
    action = cast("Action", _one_of(of["action"], get_args(Action)))
    is_open = _flag(of, "open")
    if is_open != (action == "open") or (is_open and not {"since", "until"} <= of.keys()):
        raise ValueError(f"its action is {action}, but what it goes on from is not")
    return RoomIssue(
        decision=Decision(
            action=action,
            reason=cast("Reason", _one_of(of["reason"], get_args(Reason))),
            until=_to_moment(of.get("until")),
            surface=_to_number(of.get("surface")),
            gap_g_kg=_to_number(of.get("gap")),
            state=ActState(is_open, _to_moment(of.get("since"))),
        ),
        plan=_to_plan(of["plan"]),
        planned_at=parse_slot(of["plan"]["at"]),
        cellar=None if cellar is None else _to_cellar(cellar),
        dehumidifier=None if dehumidifier is None else _to_dehumidifier(dehumidifier),
        is_running=dehumidifier is not None and _flag(dehumidifier, "on"),
        is_stuck=_flag(of, "stuck"),
        is_window_open=_flag(window, "open") if window else None,
        window_since=_to_moment(window.get("since")),
        aired=tuple(map(_to_score, of.get("aired", ()))),
    )


def _to_score(of: Mapping[str, Any]) -> AiringScore:
    planned = of.get("planned")
    return AiringScore(
        opening=Opening(parse_time(of["from"]), parse_time(of["to"])),
        disturbed=_flag(of, "disturbed"),
        planned_at=None if planned is None else parse_slot(planned),
        **{name: _to_number(of.get(name)) for name in _SCORES},
    )


def _to_plan(of: Mapping[str, Any]) -> DayPlan:
    not_today = of.get("not_today")
    airings = tuple(_to_airing(one) for one in of.get("airings", ()))
    withheld = tuple(_to_withheld(one) for one in of.get("withheld", ()))
    if bool(airings or withheld) == (not_today is not None):
        raise ValueError("its plan has airings and a reason for none, or neither")
    return DayPlan(
        airings=airings,
        not_today=None if not_today is None else cast("NotToday", _one_of(not_today, get_args(NotToday))),
        humid_hours=_to_number(of.get("hours")),
        until=_to_moment(of.get("until")),
        missing=_texts(of.get("missing", ())),
        withheld=withheld,
    )


def _to_withheld(of: Mapping[str, Any]) -> Withheld:
    why = cast("Forbids", _one_of(of["why"], get_args(Forbids)))
    return Withheld(_to_airing(of), why, _to_number(of.get("found")))


def _to_airing(of: Mapping[str, Any]) -> PlannedAiring:
    names = [field.name for field in dataclasses.fields(AiringEffect)]
    return PlannedAiring(parse_slot(of["at"]), AiringEffect(**{name: _to_number(of.get(name)) for name in names}))


def _to_cellar(of: Mapping[str, Any]) -> CellarOutlook:
    outside = cast("Outside", _one_of(of["outside"], get_args(Outside)))
    return CellarOutlook(outside, _to_moment(of.get("until")), float(of["known_h"]), _to_number(of.get("gap")))


def _to_dehumidifier(of: Mapping[str, Any]) -> DehumidifierPlan:
    runs = tuple(Run(parse_slot(start), parse_slot(end)) for start, end in of["runs"])
    return DehumidifierPlan(runs, float(of["kwh"]), float(of["eur"]), _texts(of.get("missing", ())))


def _one_of(text: Any, known: tuple[Any, ...]) -> str:
    if not isinstance(text, str) or text not in known:
        raise ValueError(f"found {text!r:.40}; expected one of {', '.join(known)}")
    return text


def _flag(of: Mapping[str, Any], name: str) -> bool:
    value = of.get(name, False)
    if not isinstance(value, bool):
        raise TypeError(f"{name} is {value!r:.40}; expected true or false")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(one, str) for one in values):
        raise TypeError(f"found {values!r:.40}; expected texts")
    return tuple(values)


def _to_moment(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)


def _to_number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"found {value!r:.40}; expected a number")
    return float(value)
