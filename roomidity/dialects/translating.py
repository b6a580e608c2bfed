"""Translates what a gateway heard into readings of the project's own form.

The translation is pure: device maps and time zones are passed in as functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from roomidity.dialects.devices import DeviceMap, Mapped, device_named, sensor_of
from roomidity.dialects.envelopes import Broken, Found, Kept, Opened, Stamp, is_own
from roomidity.dialects.heard import Heard, Measured
from roomidity.dialects.recognise import recognise
from roomidity.dialects.times import TimeSource, absolute, format_exact, measured_at
from roomidity.domain.names import is_name, kept_name
from roomidity.domain.quantities import MEASURED, VALUE_DECIMALS, MeasuredQuantity, Quantity
from roomidity.domain.units import DEFAULT_UNITS, Unit
from roomidity.readings.careful import CONTACT_STATES
from roomidity.readings.numerals import NO_VALUE, split_number
from roomidity.readings.units import convert

__all__ = ["Devices", "HeardDevice", "Reading", "Translation", "Zones", "house_of", "translate"]

Devices = Callable[[str], DeviceMap]
"""Returns the device map of a house."""

Zones = Callable[[str], str]
"""Returns the IANA time zone of a house."""

_UNITS_OF: Final[Mapping[Unit, Quantity]] = {
    "c": "temperature",
    "f": "temperature",
    "k": "temperature",
    "percent": "humidity",
    "share": "humidity",
}
_OWN: Final = "roomidity"
_LONGEST_STATE: Final = 64
_LONGEST_HOUSE: Final = 256
"""Maximum length in characters of a house name that is examined, as for the project's own form."""


@dataclass(frozen=True)
class Reading:
    """A reading to be passed on. ``sent`` has the project's own form, or that of a device without a room.

    ``ts_from`` says whose time it has. ``device`` is the device it came from, or None if it arrived in the project's
    own form. ``sent`` names a house only if that differs from the stamped one.
    """

    sent: Mapping[str, Any]
    stamp: Stamp
    ts_from: TimeSource
    device: str | None = None
    is_mapped: bool = True

    @property
    def house(self) -> str | None:
        """The stamped house in the spelling in which it is stored, or None if it is not a valid name."""
        return house_of(self.stamp)


@dataclass(frozen=True)
class HeardDevice:
    """A device that no map knows: its house, its quantity if known, and the room suggested by its name."""

    house: str
    device: str
    quantity: MeasuredQuantity | None
    room: str | None
    dialect: str | None
    message: Heard | None


@dataclass(frozen=True)
class _Value:
    """A value in the contract's unit, whether the message stated a unit, and whether the quantity is a guess.

    Of a contact it is ``open`` or ``closed``, or anything else, which is to be rejected (``is_odd``).
    """

    quantity: MeasuredQuantity
    number: float | str
    has_unit: bool
    is_guess: bool
    is_odd: bool = False


@dataclass
class Translation:
    """The result of a translation: readings (mapped or not), broken entries, and counts of messages without any."""

    readings: list[Reading] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    unmapped: list[HeardDevice] = field(default_factory=list)
    dialects: list[str] = field(default_factory=list)
    no_reading: int = 0
    retained: int = 0


def translate(found: Iterable[Found], *, devices: Devices, zones: Zones) -> Translation:
    """Returns the translation of the messages ``found`` in an envelope. Never raises because of their content.

    A message without a house has no map, so its devices are unmapped and its readings name no house.
    """
    translation = Translation()
    for one in found:
        if isinstance(one, Broken):
            translation.broken.append(one)
        elif isinstance(one, Kept):
            _kept(one, translation, devices)
        elif is_own(one.heard.payload):
            _own(one, translation)
        else:
            _foreign(one, translation, devices, zones)
    return translation


def _own(opened: Opened, translation: Translation) -> None:
    """Adds readings that arrived in the project's own form. A reading without a time gets the time of receipt."""
    payload, heard = opened.heard.payload, opened.heard
    translation.dialects.append(_OWN)
    inner = payload.get("readings")
    common = {key: value for key, value in payload.items() if key != "readings"}
    retained = False
    for reading in inner if isinstance(inner, list) else [payload]:
        if not isinstance(reading, dict):
            translation.broken.append(Broken(reading, opened.stamp))
            continue
        beside = common if isinstance(inner, list) else {}
        sent = {**beside, **{key: value for key, value in reading.items() if value is not None}}
        stamp = opened.stamp.within(beside).within(reading)
        ts_from: TimeSource = "device"
        if sent.get("ts") is None:
            if heard.retain:
                retained = True
                continue
            sent["ts"], ts_from = format_exact(heard.received), "received"
        translation.readings.append(Reading(_confined(sent, stamp), stamp, ts_from))
    translation.retained += retained


def _foreign(opened: Opened, translation: Translation, devices: Devices, zones: Zones) -> None:
    heard = opened.heard
    dialect, measured = recognise(heard)
    if dialect is not None:
        translation.dialects.append(dialect)
    house = house_of(opened.stamp)
    known = None if house is None else devices(house)
    zone = "UTC" if house is None else zones(house)
    groups: dict[tuple[str, datetime], list[_Value]] = {}
    sources: dict[tuple[str, datetime], tuple[TimeSource, Mapped | None]] = {}
    retained = False
    for one in measured:
        device = device_named(one.device)
        if device is None:
            continue
        mapped = None if known is None else known.get(device)
        value = _value(one, mapped)
        if mapped is None and house is not None and not one.asked and (_quantity(one, None) or one.listed):
            quantity = _quantity(one, None)
            translation.unmapped.append(HeardDevice(house, device, quantity, one.room, dialect, heard))
        if value is None or (mapped is not None and mapped.ignored):
            continue
        at, source = measured_at(one.at, received=heard.received, zone=zone)
        if heard.retain and source == "received":
            retained = True
            continue
        groups.setdefault((device, at), []).append(value)
        sources[device, at] = source, mapped
    for (device, at), values in groups.items():
        source, mapped = sources[device, at]
        _add(translation, opened.stamp, device, mapped, at, source, values)
    translation.retained += retained
    translation.no_reading += not groups and not retained


def _quantity(one: Measured, mapped: Mapped | None) -> MeasuredQuantity | None:
    """Returns a value's quantity by message and map, or None if unknown or if the map asks for another one."""
    wanted = mapped.quantity if mapped is not None else None
    quantity = one.quantity or wanted or one.guess
    if (wanted is not None and quantity != wanted) or (one.asked and wanted is None):
        return None
    return quantity


def _value(one: Measured, mapped: Mapped | None) -> _Value | None:
    """Returns the value in the contract's unit, or None if there is none or it does not count."""
    quantity = _quantity(one, mapped)
    if quantity is None:
        return None
    if quantity == "contact":
        return _contact(one)
    number, unit = _number(one.value, quantity)
    unit = one.unit or unit
    has_unit = unit is not None
    if unit is None and mapped is not None:
        unit = mapped.unit
    if number is not None and unit is not None and _UNITS_OF.get(unit) == quantity:
        number = convert(number, unit)
    if number is None or not isfinite(number):
        return None
    return _Value(quantity, round(number, VALUE_DECIMALS), has_unit, one.quantity is None)


def _contact(one: Measured) -> _Value | None:
    """Returns a contact's state, None if it is stated to be missing. Whatever else it is goes on, to be rejected."""
    said = one.value.strip().lower() if isinstance(one.value, str) else one.value
    if said is None or said in NO_VALUE:
        return None
    is_odd = said not in CONTACT_STATES
    return _Value("contact", str(said)[:_LONGEST_STATE], has_unit=False, is_guess=one.quantity is None, is_odd=is_odd)


def _number(value: Any, quantity: Quantity) -> tuple[float | None, Unit | None]:
    """Returns the number and the unit stated beside it. Each is None if missing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None, None
    try:
        if isinstance(value, str):
            return (None, None) if value.strip().lower() in NO_VALUE else split_number(value, quantity)
        return float(value), None
    except (ValueError, OverflowError):
        return None, None


def _add(
    translation: Translation,
    stamp: Stamp,
    device: str,
    mapped: Mapped | None,
    at: datetime,
    source: TimeSource,
    values: list[_Value],
) -> None:
    """Adds a device's values at one time as a single reading, or as several if a quantity occurs more than once.

    A state that will be rejected stands alone, so that it costs no other value.
    """
    readings: list[dict[str, Any]] = []
    for value in values:
        reading = next((one for one in readings if value.quantity not in one), None) if not value.is_odd else None
        if reading is None:
            named = {"device": device, "ts_from": source} if mapped is None else _place(device, mapped)
            reading = {**named, "ts": format_exact(at)}
            readings.append(reading)
        reading[value.quantity] = value.number
        if mapped is None and value.has_unit:
            reading[f"{value.quantity}_unit"] = DEFAULT_UNITS[value.quantity]
        if mapped is None and value.is_guess:
            reading[f"{value.quantity}_guessed"] = True
    translation.readings += (
        Reading(_confined(reading, stamp), stamp, source, device, mapped is not None) for reading in readings
    )


def _place(device: str, mapped: Mapped) -> dict[str, Any]:
    return {"room": mapped.room, "sensor": mapped.sensor or sensor_of(device)}


def _kept(kept: Kept, translation: Translation, devices: Devices) -> None:
    """Adds a reading of a device that had no room when the reading arrived, using the present map."""
    reading, house = kept.reading, house_of(kept.stamp)
    device, at = device_named(reading["device"]), absolute(reading["ts"])
    if device is None or at is None:
        translation.broken.append(Broken(reading, kept.stamp))
        return
    source: TimeSource = "received" if reading.get("ts_from") == "received" else "device"
    mapped = None if house is None else devices(house).get(device)
    if mapped is not None and mapped.ignored:
        translation.no_reading += 1
        return
    values = []
    for name in MEASURED:
        is_guess = bool(reading.get(f"{name}_guessed"))
        unit = None if reading.get(f"{name}_unit") is None else DEFAULT_UNITS.get(name)
        said = Measured(device, reading.get(name), None if is_guess else name, unit, guess=name if is_guess else None)
        value = _value(said, mapped)
        if value is not None:
            values.append(value)
            if mapped is None and house is not None:
                translation.unmapped.append(HeardDevice(house, device, value.quantity, None, None, None))
    translation.no_reading += not values
    _add(translation, kept.stamp, device, mapped, at, source, values)


def house_of(stamp: Stamp) -> str | None:
    """Returns the stamped house in the spelling in which it is stored, or None if it is not a valid name."""
    return _house_named(stamp.house) if isinstance(stamp.house, str) and len(stamp.house) <= _LONGEST_HOUSE else None


@lru_cache(maxsize=4096)
def _house_named(stamped: str) -> str | None:
    name = kept_name(stamped)
    return name if is_name(name) else None


def _confined(sent: dict[str, Any], stamp: Stamp) -> dict[str, Any]:
    """Returns ``sent`` without its house, or with the claimed house if that differs from the stamped one."""
    own = {key: value for key, value in sent.items() if key != "house"}
    return own if stamp.claimed is None else {**own, "house": stamp.claimed}
