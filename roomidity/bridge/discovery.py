"""Builds a house's MQTT messages for Home Assistant: discovery of its devices and entities, and their states.

State topics begin with ``roomidity-forecast/<house>/``, so that they are never taken for readings. Discovery messages
are per device (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload). There is one for the house
and one for each room, which suggests the room as the device's area. The module does no I/O.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from roomidity.bridge.advised import advice_components, advice_state
from roomidity.domain.likelihood import lasting, likely_over
from roomidity.domain.notices.findings import DAMP, DAMP_SLOTS
from roomidity.domain.slots import SLOT, SLOT_S, parse_time

__all__ = [
    "BASE",
    "MAX_ATTRIBUTE_BYTES",
    "OFFLINE",
    "ONLINE",
    "STALE_AFTER",
    "announcements",
    "is_own",
    "override_topic",
    "status_topic",
]

BASE: Final = "roomidity-forecast"
ONLINE: Final = "online"
OFFLINE: Final = "offline"

STALE_AFTER: Final = timedelta(hours=1)
"""Entities become unavailable once their forecast is older than this."""

MAX_ATTRIBUTE_BYTES: Final = 16_384
"""Home Assistant's recorder drops the attributes of an entity that are larger."""

_MAX_NOTICES: Final = 20
_COMMAND: Final = "roomidity-command"
_DEVICE_TOPIC: Final = "homeassistant/device/roomidity_"
_ORIGIN: Final = {"name": "roomidity"}
_HUMIDITY: Final = {"dev_cla": "humidity", "unit_of_meas": "%", "suggested_display_precision": 0}
_TEMPERATURE: Final = {"dev_cla": "temperature", "unit_of_meas": "°C", "suggested_display_precision": 1}
_MEASURED: Final = {"stat_cla": "measurement"}


def is_own(topic: str) -> bool:
    """Returns whether a topic is one that the bridge publishes, so that its messages are not readings.

    >>> is_own("roomidity-forecast/h1/bath/state"), is_own("zigbee2mqtt/bath")
    (True, False)
    """
    return topic.startswith((f"{BASE}/", f"{_COMMAND}/", _DEVICE_TOPIC))


def override_topic(house: str, room: str) -> str:
    """Returns the topic on which people override what is commanded in a room."""
    return f"{_COMMAND}/{house}/{room}/override"


def status_topic(house: str) -> str:
    """Returns the topic that says whether a house's bridge is online."""
    return f"{BASE}/{house}/status"


def announcements(
    forecasts: Mapping[str, Any],
    notices: Mapping[str, Any],
    *,
    at: datetime,
    version: str,
    advice: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Returns payloads by topic, all to be retained: discovery first, then states, then availability.

    Parameters
    ----------
    forecasts, notices
        The API's answers to ``/v1/house/forecasts`` and ``/v1/house/notices``.
    at
        The current time, aware.
    version
        roomidity's version.
    advice
        The API's answer to ``/v1/house/advice``, or None if it knows none.
    """
    advised = {} if advice is None else {room["room"]: room for room in advice["rooms"]}
    house, zone = forecasts["house"], forecasts["timezone"]
    rooms = [room for room in forecasts["rooms"] if room["active"] and not room["outdoor"]]
    found = {_config_topic(house): _house_device(house, version)}
    for room in rooms:
        found[_config_topic(house, room["room"])] = _room_device(house, room, version, advised.get(room["room"]))
    found[_topic(house, "notices")] = _notices_state(notices["open"], zone)
    for room in rooms:
        name = room["room"]
        found[_topic(house, name, "state")] = _json(_state(room))
        if (forecast := _attributes(room)) is not None:
            found[_topic(house, name, "forecast")] = _json(forecast)
        own = [notice for notice in notices["open"] if notice["room"] == name]
        found[_topic(house, name, "notices")] = _notices_state(own, zone)
        if advice is not None and name in advised:
            state = advice_state(advised[name], issued_at=advice["issued_at"], at=at)
            found[_topic(house, name, "advice")] = _json(state)
    for room in rooms:
        found[_topic(house, room["room"], "status")] = ONLINE if _is_fresh(room, at) else OFFLINE
    return found


# ---- Devices.


def _config_topic(house: str, room: str | None = None) -> str:
    return f"homeassistant/device/{_id(house, room)}/config"


def _topic(house: str, *levels: str) -> str:
    return "/".join([BASE, house, *levels])


def _id(house: str, room: str | None = None) -> str:
    """Returns an identifier of ASCII letters, digits and underscores that differs between different names.

    >>> _id("h1", "Küche") == _id("h1", "Küche") != _id("h1", "Kuche")
    True
    """
    names = [house] if room is None else [house, room]
    slugs = [_slug(name) for name in names]
    digest = hashlib.sha256("/".join(names).encode()).hexdigest()[:6]
    return "_".join(["roomidity", *slugs, digest])


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "x"


def _house_device(house: str, version: str) -> str:
    one = _id(house)
    return _json(
        {
            "dev": {"ids": [one], "name": house, "mf": "roomidity", "mdl": "House", "sw": version},
            "o": _ORIGIN | {"sw": version},
            "avty_t": status_topic(house),
            "qos": 1,
            "cmps": {"notices": _binary(one, "notices", "Notices", _topic(house, "notices"), _slug(house))},
        }
    )


def _room_device(house: str, room: Mapping[str, Any], version: str, advised: Mapping[str, Any] | None = None) -> str:
    name = room["room"]
    one, object_id = _id(house, name), f"{_slug(house)}_{_slug(name)}"
    state, forecast = _topic(house, name, "state"), _topic(house, name, "forecast")

    def sensor(key: str, called: str, **more: Any) -> dict[str, Any]:
        return {
            "p": "sensor",
            "name": called,
            "unique_id": f"{one}_{key}",
            "default_entity_id": f"sensor.{object_id}_{key}",
            "stat_t": state,
            "val_tpl": f"{{{{ value_json.{key} }}}}",
            **more,
        }

    components: dict[str, Any] = {
        "notices": _binary(one, "notices", "Notices", _topic(house, name, "notices"), object_id),
    }
    if advised is not None:
        topic = _topic(house, name, "advice")
        components |= advice_components(advised, one=one, object_id=object_id, topic=topic)
    if room["humidity"] is not None:
        components |= {
            "humidity_now": sensor("humidity_now", "Humidity now", **_HUMIDITY, **_MEASURED),
            "humidity_max": sensor(
                "humidity_max", "Highest humidity in 24 h", **_HUMIDITY, json_attr_t=forecast,
                json_attr_tpl="{{ value_json.humidity | tojson }}",
            ),
            "humidity_max_at": sensor("humidity_max_at", "Time of the highest humidity", dev_cla="timestamp"),
            "damp_risk": sensor("damp_risk", "Risk of over 70 %RH in 24 h", unit_of_meas="%", ic="mdi:water-alert"),
        }  # fmt: skip
    if room["temperature"] is not None:
        components |= {
            "temperature_now": sensor("temperature_now", "Temperature now", **_TEMPERATURE, **_MEASURED),
            "temperature_max": sensor(
                "temperature_max", "Highest temperature in 24 h", **_TEMPERATURE, json_attr_t=forecast,
                json_attr_tpl="{{ value_json.temperature | tojson }}",
            ),
        }  # fmt: skip
    if room["humidity"] is not None and room["temperature"] is not None:
        components["mould_hours"] = sensor(
            "mould_hours", "Hours of mould risk in 24 h", dev_cla="duration", unit_of_meas="h", ic="mdi:mushroom"
        )
    return _json(
        {
            "dev": {
                "ids": [one],
                "name": name,
                "mf": "roomidity",
                "mdl": "Room",
                "sw": version,
                "sa": name,
                "via_device": _id(house),
            },
            "o": _ORIGIN | {"sw": version},
            "avty": [{"t": status_topic(house)}, {"t": _topic(house, name, "status")}],
            "avty_mode": "all",
            "qos": 1,
            "cmps": components,
        }
    )


def _binary(one: str, key: str, called: str, topic: str, object_id: str) -> dict[str, Any]:
    return {
        "p": "binary_sensor",
        "name": called,
        "unique_id": f"{one}_{key}",
        "default_entity_id": f"binary_sensor.{object_id}_{key}",
        "dev_cla": "problem",
        "stat_t": topic,
        "val_tpl": "{{ 'ON' if value_json.notices else 'OFF' }}",
        "json_attr_t": topic,
    }


# ---- States.


def _state(room: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a room's entities. None means unknown."""
    now = {f"{name}_now": room[name]["value"] if room[name] else None for name in ("humidity", "temperature")}
    surface = room["derived"].get("surface") or {}
    state: dict[str, Any] = now | {"mould_hours": surface.get("risk_hours_ahead")}
    forecast = room["forecast"]
    for name in ("humidity", "temperature"):
        median = forecast[name]["p50"] if forecast and forecast[name] else None
        place = int(np.argmax(median)) if median else None
        state[f"{name}_max"] = median[place] if median and place is not None else None
        if name == "humidity":
            first = parse_time(forecast["first_slot"]) if forecast else None
            at = None if first is None or place is None else (first + place * SLOT).isoformat()
            state["humidity_max_at"] = at
    state["damp_risk"] = _damp_risk(forecast)
    return state


def _damp_risk(forecast: Mapping[str, Any] | None) -> int | None:
    if not forecast or not forecast["humidity"]:
        return None
    quantiles = np.array([forecast["humidity"][name] for name in ("p10", "p50", "p90")], dtype=np.float64)
    return round(100 * lasting(likely_over(quantiles, DAMP), DAMP_SLOTS)[0])


def _attributes(room: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns a room's forecast for dashboard cards, as lists. An object for each slot would be five times as large."""
    forecast = room["forecast"]
    if forecast is None:
        return None
    head = {"start": forecast["first_slot"], "step_s": SLOT_S, "issued_at": forecast["issued_at"]}
    if window := forecast.get("window"):  # an API of an earlier version does not say
        head["window_open_since"] = window["open_since"]
    return {name: head | dict(forecast[name]) if forecast[name] else head for name in ("humidity", "temperature")}


def _notices_state(notices: Iterable[Mapping[str, Any]], zone: str) -> str:
    listed = [{key: one[key] for key in ("kind", "room", "text", "likely", "start", "end")} for one in notices]
    content: dict[str, Any] = {"notices": listed[:_MAX_NOTICES], "count": len(listed), "timezone": zone}
    while len(_json(content).encode()) >= MAX_ATTRIBUTE_BYTES:
        content["notices"].pop()
    return _json(content)


def _is_fresh(room: Mapping[str, Any], at: datetime) -> bool:
    forecast = room["forecast"]
    return forecast is not None and at - parse_time(forecast["issued_at"]) <= STALE_AFTER


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
