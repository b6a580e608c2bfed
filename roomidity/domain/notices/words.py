"""Notices in words, in the house's language and by its clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

from roomidity.domain.notices.notice import Finding, Notice

__all__ = ["LANGUAGES", "Language", "words_of"]

Language = Literal["en", "de"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "humid": "{room}: over 70 %RH {span}, {likely} % likely",
        "humid_cleared": "{room}: not over 70 %RH, nor expected to be",
        "mould": "mould risk in the {room} {day}, {likely} % likely",
        "mould_cleared": "no mould risk in the {room} any more",
        "silent": "no readings from the {room} since {since}",
        "silent_cleared": "readings from the {room} again",
        "house_silent": "no readings from the house since {since}",
        "house_silent_cleared": "readings from the house again",
        "stuck": "sensor stuck: {room}",
        "stuck_cleared": "sensor not stuck any more: {room}",
        "from_to": "from {start} to {end}",
        "from": "from {start}",
        "to": "until {end}",
        "all": "for the next 24 h",
        "today": "today",
        "tomorrow": "tomorrow",
        "yesterday": "yesterday",
    },
    "de": {
        "humid": "{room}: über 70 % Luftfeuchte {span}, zu {likely} % wahrscheinlich",
        "humid_cleared": "{room}: nicht über 70 % Luftfeuchte, und auch nicht zu erwarten",
        "mould": "{room}: Schimmelgefahr {day}, zu {likely} % wahrscheinlich",
        "mould_cleared": "{room}: keine Schimmelgefahr mehr",
        "silent": "{room}: keine Messwerte seit {since}",
        "silent_cleared": "{room}: wieder Messwerte",
        "house_silent": "keine Messwerte aus dem Haus seit {since}",
        "house_silent_cleared": "wieder Messwerte aus dem Haus",
        "stuck": "{room}: Sensor hängt",
        "stuck_cleared": "{room}: Sensor hängt nicht mehr",
        "from_to": "von {start} bis {end}",
        "from": "ab {start}",
        "to": "bis {end}",
        "all": "in den nächsten 24 Stunden",
        "today": "heute",
        "tomorrow": "morgen",
        "yesterday": "gestern",
    },
}


def words_of(notice: Notice, *, at: datetime, zone: str, language: Language) -> str:
    """Returns a notice in words, for a person who reads it at the time ``at``.

    >>> from roomidity.domain.slots import parse_slot
    >>> at, start, end = map(parse_slot, ("2026-11-22T07:00Z", "2026-11-22T18:15Z", "2026-11-22T20:30Z"))
    >>> notice = Notice("h1", Finding("humid", "bathroom", 0.8, start, end), at)
    >>> words_of(notice, at=at, zone="Europe/Berlin", language="en")
    'bathroom: over 70 %RH from 19:15 to 21:30, 80 % likely'
    """
    words, finding = _WORDS[language], notice.finding
    here = ZoneInfo(zone)
    kind: str = finding.kind if finding.room is not None else f"house_{finding.kind}"
    if notice.cleared_at is not None:
        kind += "_cleared"
    return words[kind].format(
        room=finding.room,
        likely=min(99, max(1, round(100 * finding.likely))),
        span=_span(finding, words, at, here),
        day=_day(max(finding.start, at).astimezone(here).date(), words, at.astimezone(here).date()),
        since=_clock(finding.start, words, at, here),
    )


def _span(finding: Finding, words: Mapping[str, str], at: datetime, here: ZoneInfo) -> str:
    begun, end = finding.start <= at, finding.end
    form = "all" if begun and end is None else "to" if begun else "from" if end is None else "from_to"
    start = _clock(finding.start, words, at, here)
    if end is None:
        return words[form].format(start=start)
    same_day = not begun and end.astimezone(here).date() == finding.start.astimezone(here).date()
    return words[form].format(
        start=start, end=f"{end.astimezone(here):%H:%M}" if same_day else _clock(end, words, at, here)
    )


def _clock(moment: datetime, words: Mapping[str, str], at: datetime, here: ZoneInfo) -> str:
    """Returns the time of day, preceded by the day unless it is today."""
    local, today = moment.astimezone(here), at.astimezone(here).date()
    return f"{local:%H:%M}" if local.date() == today else f"{_day(local.date(), words, today)} {local:%H:%M}"


def _day(day: date, words: Mapping[str, str], today: date) -> str:
    named = {0: "today", 1: "tomorrow", -1: "yesterday"}.get((day - today) // timedelta(days=1))
    return words[named] if named else day.isoformat()
