"""What window contacts tell a forecast: the slots in which they still tell something, and which rooms are open now."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from roomidity.domain.aliases import in_present_names
from roomidity.domain.contacts import HELD_FOR, room_contacts
from roomidity.domain.houses import House
from roomidity.domain.notices.words import Language
from roomidity.domain.observations import Observation
from roomidity.domain.rooms import LAG
from roomidity.domain.slots import floor_slot
from roomidity.pipeline.ports import Observations

__all__ = ["contact_slots", "contact_slots_if_read", "contacts_heard", "open_since", "opening_words"]

logger: Final = logging.getLogger(__name__)

_WORDS: Final[Mapping[Language, str]] = {
    "en": "forecast with the window open (since {since}); when it will be closed is not known",
    "de": "vorhergesagt bei offenem Fenster (seit {since}); wann es geschlossen wird, ist nicht bekannt",
}


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
        (key.start, {room: {**of} for room, of in in_present_names(observed, home.aliases).items()})
        for key, observed, _ in observations.derived(home.name, floor_slot(first), at)
    ]


def contact_slots_if_read(
    observations: Observations, home: House, at: datetime
) -> list[tuple[datetime, Observation]] | None:
    """Returns the same, or None if they cannot be read, which costs a forecast only what it would say of windows."""
    try:
        return contact_slots(observations, home, at)
    except Exception:
        logger.exception("a house's contacts could not be read", extra={"house": home.name})
        return None


def open_since(slots: Sequence[tuple[datetime, Observation]], *, at: datetime) -> dict[str, datetime]:
    """Returns the rooms of which a window is open at ``at``, and the minute since when."""
    return {
        room: told.since.replace(second=0, microsecond=0)
        for room, told in room_contacts(slots, until=at).items()
        if told.is_open and told.since is not None
    }


def opening_words(since: datetime, *, zone: str, language: Language = "en") -> str:
    """Returns what a forecast knows of an open window, by the clock of a time zone.

    It says what was so when it was issued, and stays true of one that is shown later.

    >>> from roomidity.domain.slots import parse_time
    >>> opening_words(parse_time("2026-03-02T06:10Z"), zone="Europe/Berlin")
    'forecast with the window open (since 07:10); when it will be closed is not known'
    """
    return _WORDS[language].format(since=f"{since.astimezone(ZoneInfo(zone)):%H:%M}")
