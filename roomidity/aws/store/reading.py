"""Converts DynamoDB items one by one, so that a damaged item is named, counted and left out.

pynamodb deserialises within a query, scan or batch, where one malformed attribute would lose all items after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final, Self, TypeVar

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from roomidity.domain.damage import Damage, Damaged
from roomidity.errors import ItemDamagedError

__all__ = ["FORMAT_VERSION", "NEWER", "Item", "Reader", "is_sound", "key_of"]

FORMAT_VERSION: Final = 1
"""Format of items, in the attribute ``v``, which some tables lack. Forecasts have a format of their own."""

NEWER: Final = "a newer version of roomidity wrote it, and deployed again it reads it"

_LONGEST: Final = 200

Converted = TypeVar("Converted")
Found = TypeVar("Found", bound="Item")


class Item(Model):
    """A model whose items are read as far as possible.

    ``flaw`` says what could not be read, and is None for most items.

    An item of a newer version may have unknown attributes. They are ignored, and preserved when the item is changed. If
    they change the meaning of other attributes, the item has a higher ``v``, and is left alone.
    """

    flaw: str | None = None
    is_newer: bool = False
    newest_format: ClassVar[int] = FORMAT_VERSION

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Self:
        """Returns the item. Attributes that cannot be deserialised are None, and make up its flaw."""
        try:
            item = super().from_raw_data(data)
        except Exception:  # noqa: BLE001  # whatever an odd value raises is examined below, attribute by attribute
            item = cls._in_part(data)
        if _format_of(data) > cls.newest_format:
            item.is_newer = True
            item.flaw = f"it has format {_format_of(data):g}; this version reads {cls.newest_format}: {NEWER}"
        return item

    @classmethod
    def _in_part(cls, data: dict[str, Any]) -> Self:
        item = cls(_user_instantiated=False)
        flaws = []
        for name, attribute in cls.get_attributes().items():
            value = data.get(attribute.attr_name)
            if not value or "NULL" in value:
                continue
            try:
                setattr(item, name, attribute.deserialize(attribute.get_value(value)))
            except Exception as error:  # noqa: BLE001  # see above
                flaws.append(f"{name} is {_said(error)}")
        item.flaw = "; ".join(flaws) or "it cannot be read"
        return item


def _format_of(data: dict[str, Any]) -> float:
    """Returns the format that an item declares, or 0 if it declares none that can be read."""
    try:
        return float(data["v"]["N"])
    except (KeyError, TypeError, ValueError):
        return 0.0


def key_of(item: Item) -> dict[str, str]:
    """Returns the names and values of an item's key."""
    keys = [name for name, one in item.get_attributes().items() if one.is_hash_key or one.is_range_key]
    return {name: getattr(item, name) for name in keys}


def is_sound(attribute: Attribute[Any]) -> Condition:
    """Returns the condition that the stored attribute has its declared type.

    Comparisons with any other type never hold.
    """
    condition: Condition = attribute.is_type()  # type: ignore[no-untyped-call]  # pynamodb leaves it untyped
    return condition


class Reader:
    """Converts a table's items one at a time, and notes those that are damaged."""

    def __init__(self, damage: Damage) -> None:
        self._damage = damage

    def each(self, items: Iterable[Found], convert: Callable[[Found], Converted]) -> Iterator[Converted]:
        """Yields the items that can be converted, in order. Errors of the table itself are raised as usual."""
        for item in items:
            converted = self.one(item, convert)
            if converted is not None:
                yield converted

    def one(self, item: Found, convert: Callable[[Found], Converted]) -> Converted | None:
        """Returns the converted item, or None if it cannot be converted, which is noted."""
        try:
            return self.needed(item, convert)
        except ItemDamagedError:
            return None

    def needed(self, item: Found, convert: Callable[[Found], Converted]) -> Converted:
        """Returns the converted item.

        Raises
        ------
        ItemDamagedError
            If it cannot be converted, which is noted.
        """
        try:
            if item.flaw is not None:
                raise ValueError(item.flaw)  # handled like any other item that cannot be converted
            return convert(item)
        except Exception as error:  # whatever an odd item raises must not cost the others
            raise self.note(item, _said(error)) from error

    def note(self, item: Item, why: str) -> ItemDamagedError:
        """Note that an item is damaged. Returns the error that says so, for the caller to raise."""
        damaged = Damaged(item.Meta.table_name, key_of(item), why)
        self._damage.note(damaged)
        return ItemDamagedError(damaged.table, key=damaged.key, why=why)


def _said(error: Exception) -> str:
    text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return text[:_LONGEST]
