"""The slow path of ``wire``: one reading at a time in Python, each with its fault, none costing the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from roomidity.domain.messages import Message
from roomidity.domain.names import kept_name
from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.readings.lenient import loads
from roomidity.readings.numerals import read_number
from roomidity.readings.reasons import Reason

__all__ = [
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
)
ROWS: Final = pl.Schema({"message": pl.UInt32(), "position": pl.UInt32(), **WIRE, "fault": pl.String()})


LONGEST: Final = 256
"""Characters of a name or a time that are looked at: a name may have 64, and beside one can stand 80,000 readings."""

READING_KEYS: Final = tuple(name for name in WIRE if name != "house")
"""What makes the outermost level a reading, where its list of readings is empty: a house alone is only whose it is."""


def decode_with_care(messages: Sequence[Message]) -> pl.DataFrame:
    """Reading by reading, in Python: says what is wrong with which."""
    columns: dict[str, list[Any]] = {name: [] for name in ROWS}
    for index, message in enumerate(messages):
        common, readings = split_body(message.body)
        for position, reading in enumerate(readings):
            row = {"message": index, "position": position, **_read(common, reading)}
            for name, values in columns.items():
                values.append(row.get(name))
    return pl.DataFrame(columns, schema=ROWS)


def split_body(body: str) -> tuple[dict[str, Any], list[Any]]:
    """The common keys and the readings of a body; one reading, the text itself, where that is not JSON.

    So it is where a reading stands beside an empty list: it is neither, and must not be taken for nothing.
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
    """A reading as sent, with the common keys that it lacks; one of another house stays beside the house it came by."""
    if not isinstance(reading, dict):
        return reading
    if names_another_house(common, reading):
        return {"house": common["house"], "readings": [reading | _lacking(reading, common)]}
    return reading | _lacking(reading, common)


def _lacking(reading: dict[str, Any], common: dict[str, Any]) -> dict[str, Any]:
    """The common keys that a reading leaves out or says as null."""
    return {name: value for name, value in common.items() if reading.get(name) is None}


def names_another_house(common: dict[str, Any], reading: Any) -> bool:
    """Whether a reading names another house than the one that stands beside it, by the names as they are kept."""
    if not isinstance(reading, dict):
        return False
    own, _ = _scalar_text(reading.get("house"))
    if own is None or "house" not in common:
        return False
    stamped, _ = _scalar_text(common["house"])
    return stamped is None or kept_name(own) != kept_name(stamped)


def _read(common: dict[str, Any], reading: Any) -> dict[str, Any]:
    """A row of one parsed reading; what the reading leaves out or says as null is taken from ``common``."""
    if not isinstance(reading, dict):
        return {"fault": "malformed"}
    given = reading | _lacking(reading, common)
    row: dict[str, Any] = {}
    fault: Reason | None = None
    for quantity in QUANTITIES:
        row[quantity], wrong = _number(given.get(quantity), quantity)
        fault = "bad_value" if wrong else fault
    row["ts"], wrong = _scalar_text(given.get("ts"))
    fault = "bad_time" if wrong else fault
    fault = "house_conflict" if names_another_house(common, reading) else fault
    for name in NAMES:
        row[name], wrong = _scalar_text(given.get(name))
        fault = "bad_name" if wrong else fault
    return row | {"fault": fault}


def _scalar_text(value: Any) -> tuple[str | None, bool]:
    """A scalar's text, as Polars reads it, and whether it is none: no scalar, far too long, or not UTF-8."""
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


def _number(value: Any, quantity: Quantity) -> tuple[float | None, bool]:
    """A number, also as text, and whether it is something else; one too large for a float is infinite."""
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
