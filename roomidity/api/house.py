"""A house and its rooms."""

from __future__ import annotations

from typing import Any

from roomidity.api.asked import Asked
from roomidity.domain.houses import OUTDOOR
from roomidity.domain.slots import format_moment
from roomidity.pipeline.hearing import as_heard

__all__ = ["house"]


def house(asked: Asked) -> dict[str, Any]:
    """Returns the response: the house's rooms as they were seen."""
    active = set(asked.home.rooms_to_forecast(asked.now))
    return asked.head | {
        "rooms": [
            {
                "room": name,
                "outdoor": name == OUTDOOR,
                "active": name in active,
                "first_seen": format_moment(room.first_seen),
                "last_seen": format_moment(room.last_seen),
                "measured": {quantity: format_moment(when) for quantity, when in sorted(room.measured.items())},
            }
            for name, room in sorted(as_heard(asked.ports.observations, asked.home).rooms.items())
        ]
    }
