"""A house's advice as plain values, with its words in the house's language: what the API, commands and events show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from roomidity.domain.advice.house import MORNING
from roomidity.domain.advice.issue import AdviceIssue, RoomIssue
from roomidity.domain.advice.scoring import AiringScore
from roomidity.domain.advice.settings import usable_room
from roomidity.domain.advice.words import (
    LIMITS,
    Language,
    say_airing,
    say_cellar,
    say_decision,
    say_missing,
    say_plan,
    say_score,
    say_withheld,
)
from roomidity.domain.houses import House
from roomidity.domain.rounding import rounded
from roomidity.domain.slots import format_moment, format_slot
from roomidity.pipeline.house_settings import language_of
from roomidity.pipeline.openings import since_words

__all__ = ["plain_advice", "plain_room"]

_SHOWN_FOR: Final = timedelta(hours=24)

_EN: Final = {
    "none": "No advice: none was made in the last hour and a half. Leave closed what is closed.",
    "stuck": "Keep closed: the room's sensor is stuck, so what the air is like is not known.",
    "fan": " Its ventilation can do that at full power.",
    "done": "No more airing until the next plan, at {morning}.",
    "run": "The dehumidifier should run: {hours}.",
    "rest": "The dehumidifier need not run in the next 24 h.",
    "unknown": "When the dehumidifier should run is not known ({missing}); what is measured now decides.",
    "on": "Switch it on.",
    "off": "Leave it off.",
    "cost": " At most {kwh} kWh, {eur} EUR.",
    "is_open": " Its window is open since {since}.",
    "close_it": " Its window is open since {since}: close it.",
    "not_opened": "Keep closed for now: the window stayed closed when airing was advised. It is advised anew after "
    "the rest, if it is still needed.",
    "effect": "A fifth of what an airing takes out is left after an hour, a sixtieth after a day.",
}
_DE: Final = {
    "none": "Kein Rat: in den letzten anderthalb Stunden gab es keinen. Was zu ist, bleibt zu.",
    "stuck": "Geschlossen lassen: der Sensor im Raum hängt; wie die Luft ist, ist nicht bekannt.",
    "fan": " Das kann die Lüftung auf voller Stufe.",
    "done": "Bis zum nächsten Plan, um {morning}, kein Lüften mehr.",
    "run": "Der Entfeuchter sollte laufen: {hours}.",
    "rest": "Der Entfeuchter muss in den nächsten 24 h nicht laufen.",
    "unknown": "Wann der Entfeuchter laufen sollte, ist nicht bekannt ({missing}); es gilt, was jetzt gemessen wird.",
    "on": "Einschalten.",
    "off": "Ausgeschaltet lassen.",
    "cost": " Höchstens {kwh} kWh, {eur} EUR.",
    "is_open": " Das Fenster ist seit {since} offen.",
    "close_it": " Das Fenster ist seit {since} offen: schließen.",
    "not_opened": "Vorerst geschlossen lassen: das Fenster blieb zu, als zu lüften war. Der Rat kommt nach der Pause "
    "wieder, wenn es noch nötig ist.",
    "effect": "Von dem, was einmal lüften hinausbringt, ist nach einer Stunde ein Fünftel übrig, nach einem Tag ein "
    "Sechzigstel.",
}
_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {"en": _EN, "de": _DE}


def plain_advice(home: House, issue: AdviceIssue | None, *, now: datetime) -> dict[str, Any]:
    """Returns the advice of a house that holds ``now``, or says that there is none.

    ``note`` says why there are no rooms, ``effect`` what one airing cannot do, and ``limits`` what is not known.
    """
    language = language_of(home)
    words = _WORDS[language]
    rooms = {} if issue is None else issue.rooms
    return {
        "issued_at": None if issue is None else format_slot(issue.issued_at),
        "note": words["none"] if issue is None else None,
        "rooms": [plain_room(home, room, one, now=now) for room, one in sorted(rooms.items())],
        "effect": words["effect"],
        "limits": LIMITS[language],
    }


def plain_room(home: House, room: str, one: RoomIssue, *, now: datetime) -> dict[str, Any]:
    """Returns what a room is advised as plain values. What is not known is None."""
    decision, zone, language = one.decision, ZoneInfo(home.zone), language_of(home)
    settings, words = usable_room(home.settings, room), _WORDS[language]
    text = words["stuck"] if one.is_stuck else say_decision(decision, zone=zone, language=language)
    if decision.reason == "ran_longest" and one.is_window_open is False and not _was_opened(one):
        text = words["not_opened"]
    if decision.action == "open" and settings.ventilation != "none":
        text += words["fan"]
    if one.is_window_open and one.window_since is not None:
        since = since_words(one.window_since, at=now, zone=home.zone, language=language)
        text += words["is_open" if decision.action == "open" else "close_it"].format(since=since)
    return {
        "room": room,
        "kind": settings.kind,
        "action": decision.action,
        "reason": "inside_stuck" if one.is_stuck else decision.reason,
        "text": text,
        "until": None if decision.until is None else format_moment(decision.until),
        "surface_humidity": rounded(decision.surface, 1),
        "gap_g_kg": rounded(decision.gap_g_kg, 2),
        "plan": _plan(one, zone, language, now=now, least_c=settings.min_temperature_c),
        "window": None
        if one.is_window_open is None
        else {
            "open": one.is_window_open,
            "since": None if one.window_since is None else format_moment(one.window_since),
        },
        "aired": [_aired(score, zone, language) for score in one.aired if now - score.opening.end <= _SHOWN_FOR],
        "cellar": None
        if one.cellar is None
        else {
            "outside": one.cellar.outside,
            "until": None if one.cellar.until is None else format_moment(one.cellar.until),
            "text": say_cellar(one.cellar, zone=zone, language=language),
        },
        "dehumidifier": None if one.dehumidifier is None else _dehumidifier(one, zone, language, now=now),
    }


def _was_opened(one: RoomIssue) -> bool:
    """Returns whether the window was closed again within the run that has ended."""
    began = one.decision.state.since
    return one.window_since is not None and began is not None and one.window_since > began - timedelta(hours=2)


def _aired(score: AiringScore, zone: ZoneInfo, language: Language) -> dict[str, Any]:
    return {
        "start": format_moment(score.opening.start),
        "end": format_moment(score.opening.end),
        "planned_at": None if score.planned_at is None else format_slot(score.planned_at),
        "at_once": rounded(score.at_once, 1),
        "after_1h": None if score.disturbed else rounded(score.after_1h, 1),
        "expected_at_once": rounded(score.expected_at_once, 1),
        "expected_after_1h": rounded(score.expected_after_1h, 1),
        "disturbed": score.disturbed,
        "text": say_score(score, zone=zone, language=language),
    }


def _plan(one: RoomIssue, zone: ZoneInfo, language: Language, *, now: datetime, least_c: float) -> dict[str, Any]:
    plan = one.plan
    ahead = [airing for airing in plan.airings if airing.end > now]
    withheld = [held for held in plan.withheld if held.airing.end > now]
    if plan.not_today is not None:
        lines = say_plan(plan, zone=zone, language=language)
    else:
        lines = say_withheld(withheld, least_c=least_c, zone=zone, language=language)
        lines += [say_airing(airing, zone=zone, language=language) for airing in ahead]
    if not lines:
        lines = [_WORDS[language]["done"].format(morning=MORNING.strftime("%H:%M"))]
    return {
        "made_at": format_slot(one.planned_at),
        "not_today": plan.not_today,
        "humid_hours": rounded(plan.humid_hours, 1),
        "missing": list(plan.missing),
        "lines": lines,
        "airings": [
            {
                "at": format_slot(airing.at),
                "minutes": airing.effect.minutes,
                "at_once": rounded(airing.effect.at_once, 1),
                "after_1h": rounded(airing.effect.after_1h, 1),
                "heat_kwh": rounded(airing.effect.heat_kwh, 2),
                "text": say_airing(airing, zone=zone, language=language),
            }
            for airing in plan.airings
        ],
        "withheld": [{"at": format_slot(held.airing.at), "reason": held.why} for held in withheld],
    }


def _dehumidifier(one: RoomIssue, zone: ZoneInfo, language: Language, *, now: datetime) -> dict[str, Any] | None:
    plan, words = one.dehumidifier, _WORDS[language]
    if plan is None:
        return None
    runs = [run for run in plan.runs if run.end > now]
    unknown = bool({*plan.missing} - {"no_weather"})
    if unknown:
        said = words["unknown"].format(missing=say_missing(plan.missing, language=language))
    elif runs:
        spans = [f"{_clock(run.start, zone)}-{_clock(run.end, zone)}" for run in runs]
        cost = {name: f"{getattr(plan, name):.2f}" for name in ("kwh", "eur")}
        if language == "de":
            cost = {name: text.replace(".", ",") for name, text in cost.items()}
        said = words["run"].format(hours=", ".join(spans)) + words["cost"].format(**cost)
    else:
        said = words["rest"]
    return {
        "on": one.is_running,
        "runs": [{"start": format_slot(run.start), "end": format_slot(run.end)} for run in runs],
        "kwh": None if unknown else rounded(plan.kwh, 2),
        "eur": None if unknown else rounded(plan.eur, 2),
        "text": f"{words['on' if one.is_running else 'off']} {said}",
    }


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%H:%M")
