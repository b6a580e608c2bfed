"""Attributes that convert directly between DynamoDB's form and plain values or arrays.

They take a tenth of the time of nested models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pynamodb.attributes import Attribute
from pynamodb.constants import LIST, MAP

__all__ = ["Numbers", "Plain", "Texts", "Wire", "from_wire", "number_text", "to_wire"]


def number_text(number: float) -> str:
    """Returns the shortest decimal text of a rounded number. DynamoDB bills numbers by their digits.

    >>> number_text(51.0), number_text(51.25)
    ('51', '51.25')
    """
    text = repr(float(number))
    return text.removesuffix(".0")


def to_wire(value: Any) -> dict[str, Any]:
    """Returns the DynamoDB form of a plain value: maps, lists, strings, numbers, booleans and None, possibly nested.

    Raises TypeError for any other type.
    """
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case float():
            return {"N": number_text(value)}
        case Mapping():
            return {"M": {name: to_wire(inner) for name, inner in value.items()}}
        case Sequence():
            return {"L": [to_wire(inner) for inner in value]}
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a DynamoDB item; use plain values")


def from_wire(wire: Mapping[str, Any]) -> Any:
    """Returns the plain value of a DynamoDB form. Numbers without a fraction become int."""
    ((kind, inner),) = wire.items()
    match kind:
        case "M":
            return {name: from_wire(value) for name, value in inner.items()}
        case "L":
            return [from_wire(value) for value in inner]
        case "N":
            return int(inner) if inner.lstrip("-").isdigit() else float(inner)
        case "NULL":
            return None
        case _:
            return inner


class Plain(Attribute[Mapping[str, Any]]):
    """A map of plain values, without a schema of its own."""

    attr_type = MAP

    def serialize(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the map in DynamoDB's form."""
        return {name: to_wire(inner) for name, inner in value.items()}

    def deserialize(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the plain map."""
        return {name: from_wire(inner) for name, inner in value.items()}


class Wire(Attribute[Mapping[str, Any]]):
    """A map that stays in DynamoDB's form, from which readers take what they need."""

    attr_type = MAP

    def serialize(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the map unchanged."""
        return value

    def deserialize(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the map unchanged."""
        return value


class Numbers(Attribute[npt.NDArray[np.float64]]):
    """A list of numbers, converted to and from a one-dimensional array."""

    attr_type = LIST

    def serialize(self, value: npt.NDArray[np.float64]) -> list[dict[str, str]]:
        """Returns the list in DynamoDB's form."""
        return [{"N": number_text(number)} for number in value.tolist()]

    def deserialize(self, value: Sequence[Mapping[str, str]]) -> npt.NDArray[np.float64]:
        """Returns the array."""
        return np.array([float(number["N"]) for number in value])


class Texts(Attribute[Sequence[str]]):
    """A list of texts."""

    attr_type = LIST

    def serialize(self, value: Sequence[str]) -> list[dict[str, str]]:
        """Returns the list in DynamoDB's form."""
        return [{"S": text} for text in value]

    def deserialize(self, value: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
        """Returns the texts."""
        return tuple(text["S"] for text in value)
