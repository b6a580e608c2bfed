"""The context of a request: the house, the clock, the rooms and the time span it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from roomidity.api.ports import ApiPorts
from roomidity.api.problems import ProblemError
from roomidity.domain.houses import House
from roomidity.domain.names import kept_name
from roomidity.domain.slots import SLOT, floor_slot, format_moment, is_present, parse_time

__all__ = ["MAX_BYTES", "Asked", "moment_of", "slots_that_fit"]

MAX_BYTES: Final = 900_000
"""Maximum size of a response before compression. Lambda's limit is 6 MB in base64, and readers lose patience sooner."""

_MAX_SPAN: Final = timedelta(days=400)
"""The longest period for which data are kept."""


@dataclass(frozen=True)
class Asked:
    """A request by someone who may read ``home``.

    ``now`` is the clock, and ``replayed`` says whether it follows replayed data.

    ``query`` holds all parameters but the cursor. A cursor is valid only for the same query.
    """

    ports: ApiPorts
    home: House
    now: datetime
    replayed: bool = False
    query: Mapping[str, Any] = field(default_factory=dict)

    @property
    def head(self) -> dict[str, Any]:
        """The members that every response begins with."""
        return {
            "house": self.home.name,
            "timezone": self.home.zone,
            "now": format_moment(self.now),
            "replayed": self.replayed,
        }

    def rooms(self, names: Sequence[str] | None) -> list[str]:
        """Returns the present names of the requested rooms, sorted, or of all the house's rooms if none was requested.

        Raises
        ------
        ProblemError
            If the house has no such room.
        """
        if not names:
            return sorted(self.home.rooms)
        found = [self.home.present(kept_name(name, is_room=True)) for name in names]
        unknown = [name for name, present in zip(names, found, strict=True) if present not in self.home.rooms]
        if unknown:
            rooms = ", ".join(sorted(self.home.rooms)) or "none"
            raise ProblemError(HTTPStatus.NOT_FOUND, f"found no room {unknown[0]!r:.80}; rooms of the house: {rooms}")
        return sorted(set(found))

    def names_of(self, rooms: Sequence[str]) -> list[str]:
        """Returns all names under which data of the given rooms may be stored."""
        return [name for room in rooms for name in self.home.names_of(room)]

    def span(
        self, first: str | None, last: str | None, *, before: timedelta, after: timedelta
    ) -> tuple[datetime, datetime]:
        """Returns the start and end (exclusive) of the requested slots.

        By default they span from ``before`` earlier than the clock to ``after`` later than it.

        Raises
        ------
        ProblemError
            If either is not a valid time, or the span is empty or longer than data are kept.
        """
        start = floor_slot(moment_of("from", first) if first else self.now - before)
        end = moment_of("to", last) if last else self.now + after
        end = floor_slot(end + SLOT - timedelta(microseconds=1))
        if not start < end <= start + _MAX_SPAN:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"from {format_moment(start)} to {format_moment(end)} is no span; expected `to` after `from`, by at "
                f"most {_MAX_SPAN.days} days",
            )
        return start, end

    def day_span(self, first: str | None, last: str | None, *, before: int) -> tuple[date, date]:
        """Returns the requested first and last day, both included. The default is the newest ``before`` days.

        Raises
        ------
        ProblemError
            If either is not a valid day, or the span is empty or longer than data are kept.
        """
        end = _day("to", last) if last else self.now.date()
        start = _day("from", first) if first else end - timedelta(days=before - 1)
        if not start <= end < start + _MAX_SPAN:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"from {start} to {end} is no span of days; expected `to` not before `from`, at most {_MAX_SPAN.days}",
            )
        return start, end


def moment_of(name: str, text: str) -> datetime:
    """Returns the time in a parameter as an aware UTC time.

    Raises
    ------
    ProblemError
        If the parameter is not a valid time.
    """
    try:
        moment = parse_time(text)
    except ValueError:
        moment = None
    if moment is None or not is_present(moment):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"found {name}={text!r:.40}; expected ISO 8601 with an offset, such as 2026-11-22T07:15Z (a + as %2B)",
        )
    return moment


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not is_present(datetime(day.year, day.month, day.day, tzinfo=UTC)):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"found {name}={text!r:.40}; expected a day such as 2026-11-22"
        )
    return day


def slots_that_fit(rooms: int, *, bytes_a_room_slot: int) -> int:
    """Returns how many slots of the given number of rooms fit into a response, which is at least one."""
    return max(1, MAX_BYTES // (max(1, rooms) * bytes_a_room_slot))
