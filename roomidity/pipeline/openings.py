"""What window contacts tell a forecast: which rooms are open now, since when, and what warmth they will regain."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from roomidity.domain.advice.effects import regained
from roomidity.domain.aliases import in_present_names
from roomidity.domain.contacts import HELD_FOR, RoomContact, may_be_older, room_contacts
from roomidity.domain.houses import House
from roomidity.domain.notices.words import Language
from roomidity.domain.observations import Observation
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.rooms import LAG
from roomidity.domain.slots import SLOT, floor_slot
from roomidity.forecasting import STEPS, Window
from roomidity.forecasting.serving.faults import believed, judge
from roomidity.forecasting.window import FloatArray
from roomidity.pipeline.ports import Observations

__all__ = [
    "contact_slots",
    "contacts_heard",
    "contacts_if_read",
    "open_since",
    "opening_words",
    "rewarming",
    "since_words",
]

logger: Final = logging.getLogger(__name__)

_AIRED_WITHIN: Final = 5 * SLOT
_MOST_COOLED_K: Final = 6.0
"""An airing cools by a ninth of the difference to outside. What is more is not its doing."""
_LEADS_H: Final = (np.arange(STEPS) + 0.5) / 4
"""From the issue time to the middle of each slot."""
_TEMPERATURE: Final = QUANTITIES.index("temperature")

_WORDS: Final[Mapping[Language, str]] = {
    "en": "forecast with the window open (since {since}); when it will be closed is not known",
    "de": "vorhergesagt bei offenem Fenster (seit {since}); wann es geschlossen wird, ist nicht bekannt",
}
_BOUND: Final[Mapping[Language, str]] = {"en": " or before", "de": " oder früher"}


def contacts_heard(home: House, since: datetime) -> bool:
    """Returns whether a contact of the house may have told something from ``since`` on."""
    heard = (room.measured["contact"] for room in home.rooms.values() if "contact" in room.measured)
    return max(heard, default=since - 2 * LAG) >= since - LAG


def contact_slots(observations: Observations, home: House, at: datetime) -> list[tuple[datetime, Observation]]:
    """Returns the slots whose contacts still tell something at ``at``, by the rooms' present names.

    A house without contacts, or one that has not heard from any for that long, costs no read.
    """
    first = at - HELD_FOR
    if not contacts_heard(home, first):
        return []
    return [
        (key.start, in_present_names(observed, home.aliases))
        for key, observed, _ in observations.derived(home.name, floor_slot(first), at)
    ]


def contacts_if_read(
    observations: Observations, home: House, at: datetime
) -> tuple[list[tuple[datetime, Observation]] | None, dict[str, RoomContact]]:
    """Returns the same, and what they tell by room; or None and nothing: no forecast is lost for it."""
    try:
        slots = contact_slots(observations, home, at)
        return slots, room_contacts(slots, until=at)
    except Exception:
        logger.exception("a house's contacts could not be read", extra={"house": home.name})
        return None, {}


def open_since(contacts: Mapping[str, RoomContact]) -> dict[str, datetime]:
    """Returns the rooms of which a window is open, and the minute since when."""
    return {
        room: told.since.replace(second=0, microsecond=0)
        for room, told in contacts.items()
        if told.is_open and told.since is not None
    }


def rewarming(window: Window, contacts: Mapping[str, RoomContact]) -> dict[str, FloatArray]:
    """Returns what the forecasts of rooms being aired lack: the warmth that they regain, in K at each lead, (STEPS,).

    Aired is a room whose window was opened at most 75 minutes before the window's end, and was open in the last slot;
    after longer, nobody knows what it would be like closed. A room that has not cooled since is absent, and one of
    which either temperature is not believed: its forecast does not go on from there.
    """
    found = {}
    known: FloatArray | None = None
    for room, told in contacts.items():
        began = [one.start for one in told.openings if window.end - _AIRED_WITHIN <= one.start]
        if not began or told.openings[-1].end <= window.end - SLOT or room not in window.rooms:
            continue
        if known is None:  # of most houses no room is being aired
            known = believed(window, judge(window.values, window.agreed)).values
        slots = (window.end - floor_slot(began[0])) // SLOT
        before, *_, newest = known[window.rooms.index(room), _TEMPERATURE, -slots - 1 :]
        cooled_k = min(float(before - newest), _MOST_COOLED_K)
        if cooled_k > 0:
            found[room] = cooled_k * regained(_LEADS_H)
    return found


def opening_words(since: datetime, *, issued_at: datetime, zone: str, language: Language = "en") -> str:
    """Returns what a forecast knows of an open window, by the clock of a time zone.

    It says what was so when it was issued, and stays true of one that is shown later.

    >>> from roomidity.domain.slots import parse_time
    >>> issued_at = parse_time("2026-03-02T06:15Z")
    >>> opening_words(parse_time("2026-03-02T06:10Z"), issued_at=issued_at, zone="Europe/Berlin")
    'forecast with the window open (since 07:10); when it will be closed is not known'
    """
    return _WORDS[language].format(since=since_words(since, at=issued_at, zone=zone, language=language))


def since_words(since: datetime, *, at: datetime, zone: str, language: Language = "en") -> str:
    """Returns since when a window has been open that was so at ``at``, by the clock; or that it may be for longer."""
    bound = _BOUND[language] if may_be_older(since, at) else ""
    return f"{since.astimezone(ZoneInfo(zone)):%H:%M}{bound}"
