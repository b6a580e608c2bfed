"""The table ``weather``: outdoor forecasts as they were issued, keyed by place and by the time they became known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
from pynamodb.exceptions import QueryError, UpdateError

from roomidity.aws.store.reading import FORMAT_VERSION, Reader
from roomidity.aws.store.tables import WeatherItem, connection_of
from roomidity.aws.store.writing import Write, remove, save_many
from roomidity.domain.damage import Damage
from roomidity.domain.slots import format_moment, format_slot, parse_slot, parse_time, to_epoch_ms
from roomidity.domain.weather import WeatherIssue, checked_issue
from roomidity.errors import StoreError

__all__ = ["WeatherTable"]

_STEP_S: Final = 3600
_SIZE_BYTES: Final = 1_000
_CALLS: Final = "calls"
"""Key of the items that count calls to the provider. No place has this name."""

_CALLS_KEPT: Final = timedelta(days=7)


class WeatherTable:
    """Weather issues by place and the time each became known. An existing issue is never replaced."""

    def __init__(self, item: type[WeatherItem], *, retention_days: int, damage: Damage) -> None:
        self._item = item
        self._reader = Reader(damage)
        self._retention_s = retention_days * 86_400

    def issues(
        self, places: Iterable[str], *, since: datetime, until: datetime, most: int | None = None
    ) -> list[WeatherIssue]:
        """Returns the issues of places known from ``since`` to ``until``, both included, oldest first.

        Makes one eventually consistent query a place, which takes half a read unit for four issues.

        Parameters
        ----------
        most
            Maximum number of issues for each place, of which the newest are kept. None for all.

        Raises
        ------
        StoreError
            If the table does not answer.
        """
        if until < since:
            return []
        span = self._item.known_from.between(_moment(since), _moment(until))
        found: list[WeatherIssue] = []
        try:
            for place in places:
                items = self._item.query(place, span, scan_index_forward=False, limit=most)
                found += self._reader.each(items, _to_issue)
        except QueryError as error:
            raise StoreError(f"table {self._item.Meta.table_name} does not answer: {error}") from error
        return sorted(found, key=lambda issue: issue.known_from)

    def put_many(self, issues: Iterable[WeatherIssue]) -> list[bool]:
        """Write issues. Returns for each False if one with the same place and `known_from` exists, which is kept."""
        return save_many([self._write(issue) for issue in issues], connection_of(self._item))

    def delete_many(self, issues: Iterable[WeatherIssue]) -> None:
        """Delete those of the issues that exist."""
        for issue in issues:
            remove(self._item(issue.place, _moment(issue.known_from)))

    def take_call(self, day: date, *, at_most: int) -> bool:
        """Count a call to the provider on a UTC day. Returns False without counting once ``at_most`` is reached."""
        if at_most < 1:
            return False
        midnight = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
        item = self._item(_CALLS, day.isoformat())
        calls = self._item.calls
        try:
            item.update(
                [
                    calls.add(1),
                    self._item.v.set(FORMAT_VERSION),
                    self._item.expires_at.set(to_epoch_ms(midnight + _CALLS_KEPT) // 1000),
                ],
                condition=calls.does_not_exist() | (calls < at_most),
            )
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise StoreError(f"table {self._item.Meta.table_name} does not answer: {error}") from error
            return False
        return True

    def _write(self, issue: WeatherIssue) -> Write:
        item = self._item(
            place=issue.place,
            known_from=_moment(issue.known_from),
            issued_at=format_moment(issue.issued_at),
            first_slot=format_slot(issue.first),
            step_s=_STEP_S,
            temperature=np.array(issue.temperature),
            humidity=np.array(issue.humidity),
            v=FORMAT_VERSION,
            expires_at=to_epoch_ms(issue.known_from) // 1000 + self._retention_s,
        )
        return Write(item, self._item.place.does_not_exist(), house=issue.place, size_bytes=_SIZE_BYTES)


def _moment(moment: datetime) -> str:
    """Returns a time in milliseconds as text that sorts by time."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _to_issue(item: WeatherItem) -> WeatherIssue:
    if item.step_s != _STEP_S:
        raise ValueError(f"its step is {item.step_s!r} s; expected {_STEP_S}")
    return checked_issue(
        WeatherIssue(
            place=item.place,
            issued_at=parse_time(str(item.issued_at)),
            known_from=parse_time(item.known_from),
            first=parse_slot(str(item.first_slot)),
            temperature=tuple(item.temperature.tolist()),
            humidity=tuple(item.humidity.tolist()),
        )
    )
