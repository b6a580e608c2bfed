"""What Home Assistant is told of a room's advice: entities and states. Pure.

What was to be open until some time is off from then on, and what is an hour and a half old is unknown: an automation
must not leave a window open because nothing was heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from roomidity.domain.advice.issue import OUTDATED_AFTER
from roomidity.domain.slots import parse_time

__all__ = ["advice_components", "advice_state", "closes_at"]

_WINDOW: Final = {"ic": "mdi:window-open-variant"}


def advice_components(room: Mapping[str, Any], *, one: str, object_id: str, topic: str) -> dict[str, dict[str, Any]]:
    """Returns the entities of a room that is advised, for its device.

    Parameters
    ----------
    room
        Of the API's answer ``/v1/house/advice``.
    one, object_id
        The device's own name, and the beginning of its entities' names.
    topic
        Of the room's advice.
    """

    def entity(platform: str, key: str, called: str, template: str, **more: Any) -> dict[str, Any]:
        return {
            "p": platform,
            "name": called,
            "unique_id": f"{one}_{key}",
            "default_entity_id": f"{platform}.{object_id}_{key}",
            "stat_t": topic,
            "val_tpl": template,
            **more,
        }

    def switched(name: str) -> str:
        return f"{{{{ {{true: 'ON', false: 'OFF'}}.get(value_json.{name}, 'None') }}}}"

    found = {
        "air_now": entity("binary_sensor", "air_now", "Air now", switched("air"), json_attr_t=topic, **_WINDOW),
        "next_airing": entity(
            "sensor", "next_airing", "Next airing", "{{ value_json.next_airing }}", dev_cla="timestamp",
            json_attr_t=topic, json_attr_tpl="{{ value_json.plan | tojson }}",
        ),
    }  # fmt: skip
    if room["dehumidifier"] is not None:
        found["dehumidify_now"] = entity(
            "binary_sensor", "dehumidify_now", "Dehumidify now", switched("dehumidify"), ic="mdi:air-humidifier-off"
        )
    return found


def advice_state(room: Mapping[str, Any], *, issued_at: str | None, at: datetime) -> dict[str, Any]:
    """Returns a room's advice as it holds ``at`` some time; null is unknown."""
    holds = issued_at is not None and at - parse_time(issued_at) <= OUTDATED_AFTER
    until = room["until"]
    is_open = room["action"] == "open" and until is not None and at < parse_time(until)
    plan, dehumidifier = room["plan"], room["dehumidifier"]
    ahead = [airing["at"] for airing in plan["airings"] if parse_time(airing["at"]) > at - timedelta(minutes=1)]
    return {
        "air": is_open if holds else None,
        "dehumidify": dehumidifier["on"] if holds and dehumidifier is not None else None,
        "until": until if holds and is_open else None,
        "text": room["text"] if holds and (is_open or room["action"] != "open") else None,
        "reason": room["reason"] if holds and (is_open or room["action"] != "open") else None,
        "next_airing": ahead[0] if ahead else None,
        "plan": {
            "lines": plan["lines"],
            "airings": [
                {name: airing[name] for name in ("at", "minutes", "at_once", "after_1h")} for airing in plan["airings"]
            ],
            "made_at": plan["made_at"],
        },
    }


def closes_at(advice: Mapping[str, Any] | None, at: datetime) -> datetime | None:
    """Returns the first time after ``at`` by which a room is to be closed, or None."""
    rooms = () if advice is None else advice["rooms"]
    ends = [parse_time(room["until"]) for room in rooms if room["action"] == "open" and room["until"] is not None]
    return min((end for end in ends if end > at), default=None)
