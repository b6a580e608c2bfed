"""The table ``settings``, with one item per house and kind of settings, so that the house's own item stays small."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pynamodb.exceptions import DeleteError, GetError

from roomidity.aws.store.erasing import erase
from roomidity.aws.store.reading import Reader
from roomidity.aws.store.tables import SettingItem
from roomidity.aws.store.writing import Write, save
from roomidity.domain.damage import Damage, whole
from roomidity.domain.names import is_key
from roomidity.domain.setting import MAX_SETTING_BYTES, STAGE, Setting, is_kind
from roomidity.domain.slots import from_epoch_ms, to_epoch_ms
from roomidity.errors import ConflictError, InputError, StoreError

__all__ = ["SettingTable"]


class SettingTable:
    """Settings by house and kind, written and deleted with optimistic locking on the version that was read."""

    def __init__(self, item: type[SettingItem], damage: Damage) -> None:
        self._item = item
        self._reader = Reader(damage)

    def get(self, house: str, kind: str) -> Setting | None:
        """Returns a setting, read consistently, or None if nothing was ever set.

        This takes one call, with one read unit for each 4 KB.

        Raises
        ------
        ItemDamagedError
            If the stored item cannot be read, which is noted.
        StoreError
            If the table does not respond.
        """
        try:
            item = self._item.get(house, kind, consistent_read=True)
        except self._item.DoesNotExist:
            return None
        except GetError as error:
            raise StoreError(f"the {kind} of house {house!r} cannot be read from the table: {error}") from error
        return self._reader.needed(item, _to_setting)

    def list(self, house: str) -> list[Setting]:
        """Returns all settings of a house, by kind, read consistently.

        Those that cannot be read are noted and left out.
        """
        return list(self._reader.each(self._item.query(house, consistent_read=True), _to_setting))

    def put(self, setting: Setting) -> Setting:
        """Store a setting that was changed after reading version ``setting.version`` (0 if there was none).

        Returns
        -------
        Setting
            The setting as it is now stored, on which the next change has to be based.

        Raises
        ------
        ConflictError
            If another writer was there first.
        InputError
            If it is too large or contains an empty name, or its house or kind is not a valid name.
        """
        if not _may_have(setting.house, setting.kind):
            raise InputError(f"{setting.house!r:.80}, {setting.kind!r:.80}: found no house and kind of settings")
        if _has_empty_name(setting.content):
            raise InputError(f"the {setting.kind} of house {setting.house!r} have an empty name; DynamoDB keeps none")
        size = len(json.dumps(setting.content, ensure_ascii=False).encode())
        if size > MAX_SETTING_BYTES:
            raise InputError(
                f"the {setting.kind} of house {setting.house!r} take {size:,} bytes; expected at most "
                f"{MAX_SETTING_BYTES:,}: take out what is not needed"
            )
        item = self._item(
            house=setting.house,
            kind=setting.kind,
            content=setting.content,
            version=setting.version + 1,
            expires_at=to_epoch_ms(setting.expires_at) // 1000 if setting.expires_at else None,
        )
        unchanged = self._item.version == setting.version if setting.version else self._item.house.does_not_exist()
        if not save(Write(item, unchanged, house=setting.house, size_bytes=size)):
            raise ConflictError(f"the {setting.kind} of house {setting.house!r}", attempts=1)
        return replace(setting, version=setting.version + 1)

    def delete(self, setting: Setting) -> None:
        """Delete a setting that was read as version ``setting.version``. Nothing happens if it is already gone.

        Raises
        ------
        ConflictError
            If another writer changed it in the meantime.
        """
        item = self._item(setting.house, setting.kind)
        gone = self._item.house.does_not_exist()
        try:
            item.delete(condition=gone | (self._item.version == setting.version))
        except DeleteError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise ConflictError(f"the {setting.kind} of house {setting.house!r}", attempts=1) from error

    def erase(self, house: str) -> Iterator[int]:
        """Delete all settings of a house. Yields the number deleted, batch by batch."""
        return erase(self._item, house)


def _has_empty_name(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "" in value or any(map(_has_empty_name, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_empty_name, value))


def _may_have(house: str, kind: str) -> bool:
    return (house == STAGE or is_key(house)) and is_kind(kind)


def _to_setting(item: SettingItem) -> Setting:
    if not _may_have(item.house, item.kind):
        raise ValueError("no house can have this name, or no settings this kind")
    if item.content is None:
        raise ValueError("it has no content")
    expires_at = item.expires_at
    return Setting(
        house=item.house,
        kind=item.kind,
        content=dict(item.content),
        version=whole(item.version, least=1),
        expires_at=None if expires_at is None else from_epoch_ms(whole(expires_at) * 1000),
    )
