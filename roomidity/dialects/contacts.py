"""Window contacts in what gateways hear: which key or name is a contact's, and what its state says.

Two conventions contradict each other. Home Assistant, ESPHome, BTHome and Tasmota say on, true or 1 of an open window.
Zigbee2MQTT and Matter say ``contact: true`` of a closed one, for the contact is made; OCF says it of an open one. So a
Boolean named *contact* is only understood of a dialect that is known. A state that can be read in two ways, or that is
neither open nor closed (a tilted window), is passed on as it came, to be rejected with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from roomidity.domain.quantities import MeasuredQuantity

__all__ = ["CONTACT_CLASSES", "contact_named", "contact_values", "opening_state", "stated"]

CONTACT_CLASSES: Final = frozenset({"window", "opening", "door"})
"""Device classes of Home Assistant's binary sensors whose ``on`` is open. A garage door airs no room."""

_WORDS: Final = {"open": "open", "opened": "open", "closed": "closed", "close": "closed"}
_OPENING: Final = _WORDS | {
    "on": "open",
    "true": "open",
    "1": "open",
    "off": "closed",
    "false": "closed",
    "0": "closed",
}
_NAMES: Final = frozenset(
    {"window", "opening", "fenster", "balcony", "patio", "fensterkontakt", "tuerkontakt", "türkontakt"}
)
_NO_NAMES: Final = frozenset({"battery", "lock", "cover", "shutter", "blind", "tamper", "garage", "update", "problem"})
_OPENING_KEYS: Final = frozenset(
    {"open", "isopen", "window", "windowopen", "opening", "door", "dooropen", "dooropenstatus"}
)
_WORD_KEYS: Final = frozenset({"contact", "contactstate", "magnetstatus", "windowstate", "doorstate"})
_NO_SIGN: Final = re.compile(r"[\W_]+")
_TOKENS: Final = re.compile(r"[^\W\d_]+")

Said = tuple[MeasuredQuantity, Any, None]


def stated(value: Any) -> Any:
    """Returns ``open`` or ``closed`` if ``value`` is a word for one of them, else ``value`` as it is.

    >>> stated("Open"), stated("close"), stated(True), stated("tilted")
    ('open', 'closed', True, 'tilted')
    """
    return _WORDS.get(value.strip().lower(), value) if isinstance(value, str) and len(value) <= 64 else value


def opening_state(value: Any) -> Any:
    """Returns the state by the convention that on, true and 1 are open, else ``value`` as it is.

    >>> opening_state("on"), opening_state(False), opening_state(1), opening_state("unavailable")
    ('open', 'closed', 'open', 'unavailable')
    """
    if not isinstance(value, str | bool | int | float):
        return value
    return _OPENING.get(str(value).strip().lower(), value) if len(str(value)) <= 64 else value


def contact_named(name: str) -> bool:
    """Returns whether the name of a binary sensor is that of a window's contact.

    >>> contact_named("kitchen_window"), contact_named("fenster_bad"), contact_named("window_battery_low")
    (True, True, False)
    """
    tokens = _TOKENS.findall(name.lower())
    return not _NAMES.isdisjoint(tokens) and _NO_NAMES.isdisjoint(tokens)


def contact_values(found: Mapping[str, Any]) -> Iterator[Said]:
    """Yields the state of a contact among values under plain names, if there is just one and it can be read.

    A value that could be something else, such as a window of 30 minutes, is left alone.
    """
    states = set()
    for key, value in found.items():
        letters = _NO_SIGN.sub("", key.lower()) if len(key) <= 64 else ""
        if letters in _OPENING_KEYS or letters in _WORD_KEYS:
            said = opening_state(value) if letters in _OPENING_KEYS else stated(value)
            if said in ("open", "closed"):
                states.add(said)
    if len(states) == 1:
        yield "contact", states.pop(), None
