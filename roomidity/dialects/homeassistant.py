"""Home Assistant: ``state_changed`` events, state objects, and the statestream's topics with one value each.

A state is text, and its unit may be °F. The statestream publishes unit and time in topics of their own, so they are
unknown for a value. It retains every topic, so all old states arrive again after a reconnect. A binary sensor is a
window's contact by its ``device_class`` (window, opening, door), in the statestream by its name; its ``on`` is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from roomidity.dialects.contacts import CONTACT_CLASSES, contact_named, opening_state
from roomidity.dialects.heard import Heard, Measured, as_map, is_scalar
from roomidity.dialects.words import quantity_named, room_named, unit_signed
from roomidity.domain.quantities import QUANTITIES, MeasuredQuantity, Quantity

__all__ = ["NAME", "read"]

NAME: Final = "home-assistant"

_BASES: Final = frozenset({"homeassistant", "hass", "home-assistant", "home_assistant", "ha"})
_DOMAINS: Final = frozenset({"sensor", "input_number", "number"})
_CLIMATE: Final[Mapping[str, Quantity]] = {"current_temperature": "temperature", "current_humidity": "humidity"}
_WEATHER: Final[Mapping[str, Quantity]] = {"temperature": "temperature", "humidity": "humidity"}
_ATTRIBUTES: Final = {"climate": _CLIMATE, "weather": _WEATHER}


def read(heard: Heard) -> list[Measured] | None:
    """Returns the values in the message, or None if it belongs to another dialect."""
    payload = as_map(heard.payload)
    event = as_map(payload.get("event")) or payload
    if event.get("event_type") == "state_changed":
        changed = as_map(event.get("data")) or as_map(event.get("event_data"))
        return _state(as_map(changed.get("new_state")), changed.get("entity_id"))
    if "event_type" in event and ("data" in event or "event_data" in event):
        return []
    if isinstance(payload.get("entity_id"), str) and "state" in payload:
        return _state(payload, None)
    return _stream(heard)


def _stream(heard: Heard) -> list[Measured] | None:
    """Returns the values in a statestream topic: ``<base>/<domain>/<object>/state``, or that of an attribute."""
    parts = heard.parts
    if len(parts) < 4 or not (parts[0] in _BASES or "statestream" in parts):
        return None
    domain, name, what = parts[-3:]
    entity = f"{domain}.{name}"
    if what == "state" and domain in _DOMAINS and is_scalar(heard.payload):
        guess = quantity_named(name)
        return [Measured(entity, heard.payload, None, guess=guess, listed=False, room=room_named(name))]
    if what == "state" and domain == "binary_sensor" and is_scalar(heard.payload):
        contact: MeasuredQuantity | None = "contact" if contact_named(name) else None
        said = opening_state(heard.payload)
        return [Measured(entity, said, None, guess=contact, listed=False, room=room_named(name))]
    quantity = _ATTRIBUTES.get(domain, {}).get(what)
    if quantity is not None and is_scalar(heard.payload):
        return [Measured(entity, heard.payload, quantity, asked=domain == "climate", room=room_named(name))]
    return []


def _state(state: Mapping[str, Any], entity: Any) -> list[Measured]:
    entity = state.get("entity_id", entity)
    if not isinstance(entity, str):
        return []
    attributes, at = as_map(state.get("attributes")), state.get("last_updated")
    domain = entity.partition(".")[0]
    room = _room(entity, attributes)
    if domain in _ATTRIBUTES:
        unit = unit_signed(attributes.get("temperature_unit"), "temperature")
        return [
            Measured(
                entity,
                attributes[name],
                quantity,
                unit if quantity == "temperature" else "percent",
                at,
                asked=domain == "climate",
                room=room,
            )
            for name, quantity in _ATTRIBUTES[domain].items()
            if name in attributes
        ]
    sign = attributes.get("unit_of_measurement")
    kind = attributes.get("device_class")
    if domain == "binary_sensor":
        if kind not in CONTACT_CLASSES and kind not in (None, ""):
            return []
        stated: MeasuredQuantity | None = "contact" if kind in CONTACT_CLASSES else None
        contact_guess: MeasuredQuantity | None = "contact" if contact_named(entity) else None
        said = opening_state(state.get("state"))
        return [Measured(entity, said, stated, at=at, guess=contact_guess, listed=False, room=room)]
    quantity = next((one for one in QUANTITIES if one == kind), None)
    guess: Quantity | None = None
    if quantity is None:
        if kind is not None and kind != "":
            return []
        is_degrees = unit_signed(sign, "temperature") is not None
        guess = quantity_named(entity)
        if sign is not None and guess is not None and (guess == "temperature") != is_degrees:
            guess = None
    unit = unit_signed(sign, quantity or guess or "temperature")
    return [Measured(entity, state.get("state"), quantity, unit, at, guess, listed=False, room=room)]


def _room(entity: str, attributes: Mapping[str, Any]) -> str | None:
    for key in ("area", "area_name", "area_id"):
        if isinstance(attributes.get(key), str) and attributes[key]:
            return str(attributes[key])[:64]
    name = attributes.get("friendly_name")
    return room_named(name if isinstance(name, str) else entity.partition(".")[2])
