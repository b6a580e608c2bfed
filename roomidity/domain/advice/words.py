"""Advice in words, in English and German: why, what it brings, and what it does not know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, tzinfo

from roomidity.domain.advice.acting import Decision
from roomidity.domain.advice.cellar import CellarOutlook
from roomidity.domain.advice.planning import DayPlan, PlannedAiring, Withheld
from roomidity.domain.advice.scoring import AiringScore
from roomidity.domain.advice.sentences import DECISION, LIMITS, MISSING, PLAN, Language

__all__ = [
    "LIMITS",
    "MISSING",
    "Language",
    "say_airing",
    "say_cellar",
    "say_decision",
    "say_missing",
    "say_plan",
    "say_score",
    "say_withheld",
]


def say_decision(decision: Decision, *, zone: tzinfo, language: Language = "en") -> str:
    """Returns what to do now and why, as a sentence."""
    return DECISION[language][decision.reason].format(
        surface=f"{decision.surface:.0f} %RH",
        gap=_number(decision.gap_g_kg, language),
        until=_clock(decision.until, zone),
    )


def say_airing(airing: PlannedAiring, *, zone: tzinfo, language: Language = "en") -> str:
    """Returns an airing as a line: when, how long, what it brings and costs."""
    effect = airing.effect
    return PLAN[language]["airing"].format(
        at=_clock(airing.at, zone),
        minutes=f"{effect.minutes:.0f}",
        at_once=_change(effect.at_once, language),
        after_1h=_change(effect.after_1h, language),
        heat=_number(effect.heat_kwh, language, digits=2),
    )


def say_plan(plan: DayPlan, *, zone: tzinfo, language: Language = "en") -> list[str]:
    """Returns a plan as lines: one for each airing, or one that says why there is none."""
    if plan.not_today is None:
        return [say_airing(airing, zone=zone, language=language) for airing in plan.airings]
    missing = say_missing(plan.missing, language=language)
    return [PLAN[language][plan.not_today].format(until=_clock(plan.until, zone), missing=missing)]


def say_withheld(withheld: Sequence[Withheld], *, least_c: float, zone: tzinfo, language: Language = "en") -> list[str]:
    """Returns why airings do not take place for now: a sentence for each reason, with the times that it forbids.

    ``least_c`` is the room's minimum temperature (°C).
    """
    return [
        PLAN[language][f"withheld_{why}"].format(
            at=", ".join(_clock(one.airing.at, zone) for one in withheld if one.why == why),
            found=_number(next(one.found_c for one in reversed(withheld) if one.why == why), language),
            least=_number(least_c, language),
        )
        for why in dict.fromkeys(one.why for one in withheld)
    ]


def say_missing(missing: tuple[str, ...], *, language: Language = "en") -> str:
    """Returns what advice had to do without, in words. Empty if nothing was missing."""
    return ", ".join(MISSING[language][one] for one in missing)


def say_cellar(cellar: CellarOutlook, *, zone: tzinfo, language: Language = "en") -> str:
    """Returns whether to vent a cellar, and until when, as a sentence."""
    ends = cellar.until is not None or cellar.outside == "unknown"
    return PLAN[language][cellar.outside if ends else f"{cellar.outside}_open"].format(until=_clock(cellar.until, zone))


def say_score(score: AiringScore, *, zone: tzinfo, language: Language = "en") -> str:
    """Returns what an airing brought and what was expected, as a sentence."""
    return PLAN[language]["score_disturbed" if score.disturbed else "score"].format(
        at=_clock(score.opening.start, zone),
        at_once=_change(score.at_once, language),
        after_1h=_change(score.after_1h, language),
        expected=_change(score.expected_after_1h, language),
    )


def _clock(at: datetime | None, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%H:%M") if at is not None else "–"


def _change(value: float, language: Language) -> str:
    if not math.isfinite(value):
        return PLAN[language]["unmeasured"]
    sign = "-" if value < 0 else "+"
    return sign + _number(abs(value), language)


def _number(value: float, language: Language, *, digits: int = 1) -> str:
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language == "de" else text
