"""The slow path of ``wire``: reads one reading at a time in Python, so that a faulty one does not cost the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import polars as pl

from roomidity.domain.messages import Message
from roomidity.domain.names import kept_name
from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.readings.lenient import loads
from roomidity.readings.numerals import NO_VALUE, read_number
from roomidity.readings.reasons import Reason

__all__ = [
    "CONTACT_STATES",
    "LONGEST",
    "NAMES",
    "READING_KEYS",
    "ROWS",
    "WIRE",
    "decode_with_care",
    "names_another_house",
    "original_of",
    "split_body",
]

NAMES: Final = ("house", "room", "sensor")
WIRE: Final = pl.Schema(
    {"house": pl.String, "room": pl.String, "sensor": pl.String, "ts": pl.String}
    | dict.fromkeys(QUANTITIES, pl.Float64())
    | {"contact": pl.String}
)
ROWS: Final = pl.Schema(
    {"message": pl.UInt32(), "position": pl.UInt32(), **WIRE, "contact": pl.Float64(), "fault": pl.String()}
)

CONTACT_STATES: Final = MappingProxyType({"open": 1.0, "closed": 0.0})
"""The words for a contact's state. A number or a Boolean is refused: Zigbee2MQTT and Matter say true of a closed
contact, OCF and Home Assistant of an open one.
"""


LONGEST: Final = 256
"""Maximum length in characters of a name or time that is examined.

A name may have 64 characters. A body can apply a longer common one to 80,000 readings.
"""

READING_KEYS: Final = tuple(name for name in WIRE if name != "house")
"""Keys that make the outermost object a reading even if its list of readings is empty. A house alone does not."""


def decode_with_care(messages: Sequence[Message]) -> pl.DataFrame:
    """Returns the decoded rows, read one by one, with the fault of each."""
    columns: dict[str, list[Any]] = {name: [] for name in ROWS}
    for index, message in enumerate(messages):
        common, readings = split_body(message.body)
        for position, reading in enumerate(readings):
            row = {"message": index, "position": position, **_read(common, reading)}
            for name, values in columns.items():
                values.append(row.get(name))
    return pl.DataFrame(columns, schema=ROWS)


def split_body(body: str) -> tuple[dict[str, Any], list[Any]]:
    """Returns a body's common keys and its readings.

    If it is not JSON, the text itself is the only reading. The same holds if a reading stands beside an empty list, so
    that it is not dropped silently.
    """
    try:
        content = loads(body)
    except ValueError:
        return {}, [body]
    if isinstance(content, dict) and isinstance(content.get("readings"), list):
        common = {name: value for name, value in content.items() if name in WIRE and value is not None}
        if not content["readings"] and any(name in common for name in READING_KEYS):
            return {}, [body]
        return common, content["readings"]
    return {}, [content]


def original_of(common: dict[str, Any], reading: Any) -> Any:
    """Returns a reading as sent, completed with the common keys that it lacks.

    A reading that names another house is returned as a body, beside the house it came with.
    """
    if not isinstance(reading, dict):
        return reading
    if names_another_house(common, reading):
        return {"house": common["house"], "readings": [reading | _lacking(reading, common)]}
    return reading | _lacking(reading, common)


def _lacking(reading: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """Returns the common keys that a reading leaves out or has as null."""
    return {name: value for name, value in common.items() if reading.get(name) is None}


def names_another_house(common: dict[str, Any], reading: Any) -> bool:
    """Returns whether a reading names another house than that beside it. Names are compared as they are stored."""
    if not isinstance(reading, dict):
        return False
    own, _ = _scalar_text(reading.get("house"))
    if own is None or "house" not in common:
        return False
    stamped, _ = _scalar_text(common["house"])
    return stamped is None or kept_name(own) != kept_name(stamped)


def _read(common: dict[str, Any], reading: Any) -> dict[str, Any]:
    """Returns the row of one parsed reading. What the reading leaves out or has as null is taken from ``common``."""
    if not isinstance(reading, dict):
        return {"fault": "malformed"}
    given = reading | _lacking(reading, common)
    row: dict[str, Any] = {}
    fault: Reason | None = None
    for quantity in QUANTITIES:
        row[quantity], wrong = _number(given.get(quantity), quantity)
        fault = "bad_value" if wrong else fault
    row["contact"], wrong = _contact(given.get("contact"))
    fault = "bad_value" if wrong else fault
    row["ts"], wrong = _scalar_text(given.get("ts"))
    fault = "bad_time" if wrong else fault
    fault = "house_conflict" if names_another_house(common, reading) else fault
    for name in NAMES:
        row[name], wrong = _scalar_text(given.get(name))
        fault = "bad_name" if wrong else fault
    return row | {"fault": fault}


def _scalar_text(value: Any) -> tuple[str | None, bool]:
    """Returns a scalar's text as Polars reads it, and whether it is invalid: no scalar, far too long, or not UTF-8."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, float) and math.isfinite(value):
        text = np.format_float_positional(value, trim="-")
    else:
        return None, value is not None
    return (text, False) if len(text) <= LONGEST and (text.isascii() or _is_utf8(text)) else (None, True)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _contact(value: Any) -> tuple[float | None, bool]:
    """Returns 1 for an open contact and 0 for a closed one, and whether the state is neither and not missing."""
    said = value.strip().lower() if isinstance(value, str) and len(value) <= LONGEST else value
    if said is None or (isinstance(said, str) and said in NO_VALUE):
        return None, False
    state = CONTACT_STATES.get(said) if isinstance(said, str) else None
    return state, state is None


def _number(value: Any, quantity: Quantity) -> tuple[float | None, bool]:
    """Returns a number, which may be given as text, and whether it is something else. Overflow gives infinity."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        return None, True
    try:
        if isinstance(value, str):
            return read_number(value, quantity), False
        return (None if value is None else float(value)), False
    except ValueError:
        return None, True
    except OverflowError:
        return float("inf"), False
