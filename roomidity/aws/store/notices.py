"""The table ``notices``: a house's notices by id, and under the id ``watch`` their state between issue times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast, get_args

from pynamodb.exceptions import GetError
from pynamodb.transactions import TransactWrite

from roomidity.aws.store.erasing import erase
from roomidity.aws.store.reading import FORMAT_VERSION, Reader
from roomidity.aws.store.tables import NoticeItem, connection_of
from roomidity.aws.store.writing import Guard, transact, updates_of
from roomidity.domain.damage import Damage, number_within, whole
from roomidity.domain.houses import House
from roomidity.domain.notices.notice import KEPT_FOR, KINDS, Change, Finding, Key, Notice, Told, Watch, Word
from roomidity.domain.slots import format_slot, parse_slot, parse_time, to_epoch_ms
from roomidity.errors import StoreError

__all__ = ["NoticeTable"]

_WATCH: Final = "watch"
_FIRST: Final = "0"
_LAST: Final = ":"
"""Sort before and after all ids of notices, which begin with a year."""


class NoticeTable:
    """Notices and their state, written in one transaction with optimistic locking on the state's version."""

    def __init__(
        self, item: type[NoticeItem], damage: Damage, *, guard: Callable[[House], Guard] | None = None
    ) -> None:
        self._item = item
        self._guard = guard
        self._reader = Reader(damage)

    def watch(self, house: str) -> Watch:
        """Returns the state of a house's notices in one consistent read. It is empty if none is stored.

        Raises
        ------
        ItemDamagedError
            If the item cannot be read, which is noted.
        StoreError
            If the table does not answer.
        """
        try:
            item = self._item.get(house, _WATCH, consistent_read=True)
        except self._item.DoesNotExist:
            return Watch(house)
        except GetError as error:
            raise StoreError(f"the notices of house {house!r} cannot be read from the table: {error}") from error
        return self._reader.needed(item, _to_watch)

    def newest(self, house: str, *, now: datetime, limit: int | None = None) -> list[Notice]:
        """Returns a house's notices that have not expired, newest first, without unreadable ones. Makes one query."""
        span = self._item.id.between(_FIRST, _LAST)
        items = self._item.query(house, span, scan_index_forward=False, limit=limit)
        found = self._reader.each(items, _to_notice)
        return [one for one in found if (one.cleared_at or one.raised_at) > now - KEPT_FOR]

    def put(self, watch: Watch, changed: Sequence[Notice] = (), *, home: House) -> bool:
        """Write the state of a house's notices with up to 98 notices that changed, all or nothing.

        Returns
        -------
        False if another writer was first, or if the house was forgotten since ``home`` was read.
        """
        item = self._watch_item(watch)
        unchanged = self._item.version == watch.version if watch.version else self._item.house.does_not_exist()

        def write(transaction: TransactWrite) -> None:
            if self._guard is not None:
                self._guard(home).check(transaction)
            transaction.update(item, updates_of(item), condition=unchanged)
            for notice in changed:
                one = self._notice_item(notice)
                transaction.update(one, updates_of(one))

        return transact(connection_of(self._item), write)

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete a house's notices in parts. Yields the number of items in each."""
        return erase(self._item, house, dry_run=dry_run)

    def _watch_item(self, watch: Watch) -> NoticeItem:
        content = {
            "at": _text(watch.at),
            "opened": [_from_notice(one) for one in watch.opened.values()],
            "lapsing": {_from_key(key): format_slot(since) for key, since in watch.lapsing.items()},
            "rested": {_from_key(key): format_slot(until) for key, until in watch.rested.items()},
            "told": None if watch.told is None else [watch.told.day.isoformat(), watch.told.count],
            "unsent": [[one.word, _from_notice(one.notice)] for one in watch.unsent],
        }
        return self._item(
            house=watch.house,
            id=_WATCH,
            content=content,
            version=watch.version + 1,
            v=FORMAT_VERSION,
            expires_at=None if watch.at is None else _expiry(watch.at),
        )

    def _notice_item(self, notice: Notice) -> NoticeItem:
        return self._item(
            house=notice.house,
            id=notice.id,
            content=_from_notice(notice),
            version=None,
            v=FORMAT_VERSION,
            expires_at=_expiry(notice.cleared_at or notice.raised_at),
        )


def _expiry(at: datetime) -> int:
    return to_epoch_ms(at + KEPT_FOR) // 1000


def _text(slot: datetime | None) -> str | None:
    return None if slot is None else format_slot(slot)


def _slot(text: str | None) -> datetime | None:
    return None if text is None else parse_slot(text)


def _from_key(key: Key) -> str:
    return f"{key[0]}/{key[1] or ''}"


def _to_key(text: str) -> Key:
    kind, _, room = text.partition("/")
    if kind not in KINDS:
        raise ValueError(f"found a notice of the kind {kind!r:.40}")
    return next(one for one in KINDS if one == kind), room or None


def _from_notice(notice: Notice) -> dict[str, Any]:
    finding = notice.finding
    return {
        "kind": finding.kind,
        "room": finding.room,
        "likely": round(finding.likely, 3),
        "start": format_slot(finding.start),
        "end": _text(finding.end),
        "raised_at": format_slot(notice.raised_at),
        "cleared_at": _text(notice.cleared_at),
        "muted": notice.muted,
    }


def _to_notice_of(house: str, of: Mapping[str, Any]) -> Notice:
    kind, room = _to_key(_from_key((of["kind"], of["room"])))
    likely = number_within(float(of["likely"]), (0.0, 1.0))
    return Notice(
        house=house,
        finding=Finding(kind, room, likely, parse_time(of["start"]), _slot(of["end"])),
        raised_at=parse_slot(of["raised_at"]),
        cleared_at=_slot(of["cleared_at"]),
        muted=bool(of["muted"]),
    )


def _to_notice(item: NoticeItem) -> Notice:
    notice = _to_notice_of(item.house, item.content)
    if notice.id != item.id:
        raise ValueError(f"it says that it is {notice.id!r:.80}")
    return notice


def _to_word(text: str) -> Word:
    if text not in get_args(Word):
        raise ValueError(f"found the change {text!r:.40}")
    return cast("Word", text)


def _to_watch(item: NoticeItem) -> Watch:
    of, house = item.content, item.house
    opened = [_to_notice_of(house, one) for one in of["opened"]]
    told = of["told"]
    return Watch(
        house=house,
        version=whole(item.version, least=1),
        at=_slot(of["at"]),
        opened={one.finding.key: one for one in opened},
        lapsing={_to_key(key): parse_slot(since) for key, since in of["lapsing"].items()},
        rested={_to_key(key): parse_slot(until) for key, until in of["rested"].items()},
        told=None if told is None else Told(datetime.fromisoformat(told[0]).date(), whole(told[1])),
        unsent=tuple(Change(_to_word(word), _to_notice_of(house, one)) for word, one in of["unsent"]),
    )
