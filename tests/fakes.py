"""Fakes of the ports, in memory, that keep the same promises: versions, visibility, at least once.

:class:`World` holds one of each. :class:`tests.faults.Faults` can stand between a drain and them.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar

import numpy as np

from roomidity.domain.advice.issue import KEPT_FOR as ADVICE_KEPT_FOR
from roomidity.domain.advice.issue import AdviceIssue
from roomidity.domain.comfort.course import MouldDay
from roomidity.domain.forecasts import QUANTILES, StoredForecast
from roomidity.domain.houses import House
from roomidity.domain.messages import Message
from roomidity.domain.notices.notice import KEPT_FOR, Notice, Watch
from roomidity.domain.observations import Observation, Origin, StoredSet
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.rejects import concerns
from roomidity.domain.setting import Setting
from roomidity.domain.slots import SLOT, SlotKey, to_epoch_ms
from roomidity.domain.weather import WeatherIssue, house_place
from roomidity.errors import ConflictError, ItemDamagedError
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.pipeline.advising import AdvicePorts
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.drain import DrainPorts
from roomidity.pipeline.forecasts import ForecastPorts
from roomidity.pipeline.forgetting import ForgetPorts
from roomidity.pipeline.noticing import NoticePorts
from roomidity.pipeline.ports import TrainingPorts, forgotten_since
from roomidity.pipeline.verification import VerifyPorts
from roomidity.readings import unpack_sets
from roomidity.readings.rejected import count_by_reason, divide, expand
from tests.fake_registry import FakeRegistry
from tests.faults import Faults, watched
from tests.schedules import Poisoned

__all__ = [
    "FakeAccuracy",
    "FakeAdvice",
    "FakeForecasts",
    "FakeHouses",
    "FakeJobs",
    "FakeMoulds",
    "FakeNotices",
    "FakeObservations",
    "FakeQueue",
    "FakeRegistry",
    "FakeRejects",
    "FakeSets",
    "FakeSettings",
    "FakeTelling",
    "FakeWeather",
    "InMemory",
    "World",
]


class FakeQueue:
    """At least once, in any order. What is received is hidden until :meth:`time_out`; an old handle deletes nothing."""

    batch = 10

    def __init__(self, *, seed: int = 0, twice: float = 0.0) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._twice = twice
        self._visible: list[Message] = []
        self._hidden: dict[str, Message] = {}
        self._sent = 0
        self._receives = 0
        self.undeletable: set[str] = set()
        self.received: list[str] = []
        self.deleted: list[str] = []

    def send(self, bodies: Iterable[str], *, sent: datetime) -> None:
        with self._lock:
            for body in bodies:
                self._visible.append(Message(f"message {self._sent}", body, to_epoch_ms(sent), handle=""))
                self._sent += 1

    def receive(self) -> list[Message]:
        with self._lock:
            self._random.shuffle(self._visible)
            taken, self._visible = self._visible[: self.batch], self._visible[self.batch :]
            batch = []
            for waiting in taken:
                self._receives += 1
                received = replace(waiting, handle=f"receipt {self._receives}")
                self._hidden[waiting.id] = received
                self.received.append(waiting.id)
                batch.append(received)
                if self._random.random() < self._twice:
                    self._visible.append(waiting)
            return batch

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        with self._lock:
            for message in messages:
                held = self._hidden.get(message.id)
                if held is not None and held.handle == message.handle and message.id not in self.undeletable:
                    del self._hidden[message.id]
                    self._visible = [waiting for waiting in self._visible if waiting.id != message.id]
                    self.deleted.append(message.id)
            return [message for message in messages if message.id in self.undeletable]

    def time_out(self) -> None:
        """The visibility timeout is over: what was received and not deleted waits again."""
        with self._lock:
            waiting = {message.id for message in self._visible}
            self._visible += [message for message in self._hidden.values() if message.id not in waiting]
            self._hidden.clear()

    def show(self, messages: Sequence[Message]) -> None:
        """Messages in flight wait again for others, as if their visibility timeout were over."""
        with self._lock:
            waiting = {message.id for message in self._visible}
            self._visible += [message for message in messages if message.id in self._hidden.keys() - waiting]

    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not self._visible and not self._hidden


class FakeJobs:
    """Jobs as they were sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send(self, bodies: Sequence[str]) -> None:
        self.bodies += bodies


class FakeHouses:
    """Houses, written only on the version that was read. ``meanwhile`` is called once between a read and a write.

    One that is ``damaged`` is there, and cannot be read: it is passed over, and nothing can be written in its place.
    """

    def __init__(self) -> None:
        self._houses: dict[str, House] = {}
        self.damaged: set[str] = set()
        self._lock = threading.Lock()
        self.meanwhile: Callable[[], object] | None = None

    def get(self, name: str) -> House | None:
        house = self.get_many([name]).get(name)
        return None if house is None or house.is_forgotten else house

    def erase(self, house: str) -> Iterator[int]:
        with self._lock:
            self.damaged.discard(house)
            yield int(self._houses.pop(house, None) is not None)

    def get_many(self, names: Iterable[str]) -> dict[str, House]:
        with self._lock:
            found = {name: self._houses[name] for name in names if name in self._houses.keys() - self.damaged}
        event, self.meanwhile = self.meanwhile, None
        if event is not None:
            event()
        return found

    def without_rooms(self, names: Iterable[str]) -> dict[str, House]:
        found = self.get_many(names)
        return {name: house if house.aliases else replace(house, rooms={}) for name, house in found.items()}

    def active(self, at: datetime) -> list[str]:
        return sorted(house.name for house in self.all() if house.is_active(at))

    def all(self) -> Iterator[House]:
        found = [house for house in list(self._houses.values()) if house.name not in self.damaged]
        return iter([house for house in found if not house.is_forgotten])

    def put(self, house: House) -> None:
        with self._lock:
            stored = self._houses.get(house.name)
            if house.name in self.damaged:
                raise ConflictError(f"house {house.name!r}", attempts=1)
            if (stored.version if stored else 0) != house.version:
                raise ConflictError(f"house {house.name!r}", attempts=1)
            self._houses[house.name] = replace(house, version=house.version + 1)

    def mark(self, houses: Iterable[House]) -> set[str]:
        overtaken = set()
        for house in houses:
            try:
                with self._lock:
                    stored = self._houses[house.name]
                self.put(replace(stored, version=house.version, reread=house.reread))
            except (ConflictError, KeyError):
                overtaken.add(house.name)
        return overtaken


class FakeSets:
    """Packed sets, each written only on the version that was read. ``meanwhile`` as in :class:`FakeHouses`."""

    def __init__(self) -> None:
        self.stored: dict[SlotKey, StoredSet] = {}
        self._lock = threading.Lock()
        self.meanwhile: Callable[[], object] | None = None

    def get_many(self, keys: Iterable[SlotKey]) -> dict[SlotKey, StoredSet]:
        with self._lock:
            found = {key: self.stored[key] for key in keys if key in self.stored}
        event, self.meanwhile = self.meanwhile, None
        if event is not None:
            event()
        return found

    def put_many(self, sets: Mapping[SlotKey, StoredSet]) -> set[SlotKey]:
        lost = set()
        with self._lock:
            for key, new in sets.items():
                held = self.stored.get(key)
                if (held.version if held else 0) != new.version - 1:
                    lost.add(key)
                else:
                    self.stored[key] = new
        return lost

    def raise_versions(self, sets: Mapping[SlotKey, StoredSet], to: Mapping[SlotKey, int]) -> set[SlotKey]:
        with self._lock:
            same = {
                key for key, read in sets.items() if key in self.stored and self.stored[key].version == read.version
            }
            self.stored |= {key: replace(sets[key], version=to[key]) for key in same}
        return sets.keys() - same

    def delete_before(self, lives: Mapping[SlotKey, int]) -> None:
        with self._lock:
            for key, life in lives.items():
                if key in self.stored and self.stored[key].life < life:
                    del self.stored[key]

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        return _erase(self.stored, house, dry_run=dry_run)

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[dict[SlotKey, StoredSet]]:
        """The sets of a span, two at once."""
        with self._lock:
            keys = sorted(key for key in self.stored if key.house == house and start - SLOT < key.start < end)
        for first in range(0, len(keys), 2):
            found = self.get_many(keys[first : first + 2])
            if found:
                yield found

    def values(self) -> Any:
        """All values of all sets."""
        return unpack_sets({key: one.packed for key, one in self.stored.items()}).values


class FakeObservations:
    """Observations, never replaced by those of an older set or of older rules (``rules``: the numbers above 0)."""

    def __init__(self) -> None:
        self.stored: dict[SlotKey, tuple[Observation, int]] = {}
        self.rules: dict[SlotKey, int] = {}
        self.digests: dict[SlotKey, str] = {}
        self._lock = threading.Lock()

    def origins(self, keys: Iterable[SlotKey]) -> dict[SlotKey, Origin]:
        with self._lock:
            return {key: self._origin(key) for key in keys if key in self.stored}

    def put_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        refused = set()
        with self._lock:
            for key, (observation, origin) in observed.items():
                if key in self.stored and not origin.is_as_new_as(self._origin(key)):
                    refused.add(key)
                    continue
                self.stored[key] = (observation, origin.version)
                self.rules[key] = origin.rules
                self.digests[key] = origin.digest
        return refused

    def _origin(self, key: SlotKey) -> Origin:
        return Origin(self.stored[key][1], self.rules.get(key, 0), self.digests.get(key, ""))

    def replace_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        with self._lock:
            same = {key for key, (_, origin) in observed.items() if key in self.stored and self._origin(key) == origin}
            self.stored |= {key: (observed[key][0], observed[key][1].version) for key in same}
        return observed.keys() - same

    def delete(self, keys: Iterable[SlotKey]) -> None:
        with self._lock:
            for key in keys:
                self.stored.pop(key, None)
                self.rules.pop(key, None)

    def rooms(self, house: str) -> set[str]:
        with self._lock:
            return {room for key, (rooms, _) in self.stored.items() if key.house == house for room in rooms}

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        return _erase(self.stored, house, dry_run=dry_run)

    def derived(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[SlotKey, Observation, Origin]]:
        with self._lock:
            keys = sorted(key for key in self.stored if key.house == house and start <= key.start < end)
            found = [(key, self.stored[key][0], self._origin(key)) for key in keys]
        return iter(found)

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, Observation]]:
        return ((key.start, observation) for key, observation, _ in self.derived(house, start, end))

    def means(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
        for slot, observed in self.between(house, start, end):
            observation = _without_contacts(observed)
            yield (
                slot,
                {
                    room: {quantity: statistics.value for quantity, statistics in quantities.items()}
                    | {
                        f"{quantity}_mean": statistics.mean
                        for quantity, statistics in quantities.items()
                        if statistics.robust is not None
                    }
                    for room, quantities in observation.items()
                },
            )

    def newest_means(self, house: str, slots: Iterable[datetime]) -> Iterator[tuple[datetime, dict[str, Any]]]:
        wanted = set(slots)
        for (slot, means), (_, observed) in zip(
            self.means(house, min(wanted), max(wanted) + SLOT),
            self.between(house, min(wanted), max(wanted) + SLOT),
            strict=True,
        ):
            if slot in wanted:
                for room, quantities in _without_contacts(observed).items():
                    means[room] |= {f"{quantity}_count": float(one.count) for quantity, one in quantities.items()}
                yield slot, means


def _without_contacts(observation: Observation) -> Observation:
    """What is stored apart from a slot's contacts."""
    climate = {
        room: {name: one for name, one in quantities.items() if name != "contact"}
        for room, quantities in observation.items()
    }
    return {room: quantities for room, quantities in climate.items() if quantities}


class FakeRejects:
    """Rejects as strict JSON lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[date, str]] = []
        self._objects: list[list[tuple[date, str]]] = []

    def put(self, day: date, rejects: Sequence[Mapping[str, Any]]) -> str:
        written = [(day, json.dumps(reject, allow_nan=False)) for reject in rejects]
        self.lines += written
        self._objects.append(written)
        return f"rejects/{day}/{len(self._objects) - 1}"

    def replace(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> None:
        day, number = key.split("/")[1:]
        for line in self._objects[int(number)]:
            if line in self.lines:
                self.lines.remove(line)
        self.lines += [(date.fromisoformat(day), json.dumps(reject, allow_nan=False)) for reject in rejects]

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        for key, text in list(self.lines):
            of_house, others = divide(json.loads(text), lambda reject: concerns(reject, house))
            if of_house is None:
                continue
            if not dry_run:
                self.lines.remove((key, text))
                self.lines += [(key, json.dumps(others))] if others else []
            yield sum(count_by_reason(of_house).values())

    def all(self) -> list[dict[str, Any]]:
        """All that was kept, one by one."""
        return [reject for _, line in self.lines for reject in expand(json.loads(line))]


When = TypeVar("When", datetime, date)
Kept = TypeVar("Kept")


class _ByRoom(Generic[When, Kept]):
    """A table that is keyed by house and room, as deletion sees it."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str, When], Kept] = {}

    def erase(self, house: str, room: str, *, dry_run: bool = False) -> Iterator[int]:
        found = [key for key in self.stored if key[:2] == (house, room)]
        for key in [] if dry_run else found:
            del self.stored[key]
        yield len(found)

    def erase_below(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        for room in {key[1] for key in self.stored if key[0] == house}:
            yield from self.erase(house, room, dry_run=dry_run)

    def bytes(self) -> int:
        return 0


class FakeForecasts(_ByRoom[datetime, StoredForecast]):
    """Forecasts by room and issue time."""

    keep = timedelta(days=35)

    def put_many(self, forecasts: Iterable[StoredForecast]) -> Sequence[StoredForecast]:
        written = tuple(forecasts)
        self.stored |= {(one.house, one.room, one.issued_at): one for one in written}
        return written

    def delete_many(self, forecasts: Iterable[StoredForecast]) -> None:
        for one in forecasts:
            self.stored.pop((one.house, one.room, one.issued_at), None)

    def between(self, house: str, room: str, first: datetime, last: datetime) -> list[StoredForecast]:
        if first > last:  # as DynamoDB does
            raise ValueError(f"between {first} and {last}: the upper bound must not be less than the lower bound")
        return [
            one
            for (of_house, of_room, issued_at), one in sorted(self.stored.items(), key=lambda item: item[0])
            if (of_house, of_room) == (house, room) and first <= issued_at <= last
        ]

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        found = self.between(house, room, datetime(1970, 1, 1, tzinfo=now.tzinfo), now)
        return found[-1] if found and found[-1].issued_at > now - self.keep else None

    def issued(
        self, house: str, rooms: Iterable[str], moments: Iterable[datetime], *, now: datetime
    ) -> list[StoredForecast]:
        keys = [(house, room, moment) for room in rooms for moment in list(moments)]
        return [self.stored[key] for key in keys if key in self.stored and key[2] > now - self.keep]


class FakeAccuracy(_ByRoom[date, DayAccuracy]):
    """Rows by room and day; one gives way only to one of as many forecasts or more."""

    def __init__(self, houses: FakeHouses | None = None) -> None:
        super().__init__()
        self.written = 0
        self._houses = houses

    def put_many(self, rows: Iterable[DayAccuracy], *, home: House | None = None) -> int:
        if home is not None and self._houses is not None and forgotten_since(self._houses, home):
            return 0
        fit = [
            row
            for row in rows
            if (held := self.stored.get((row.house, row.room, row.day))) is None or held.forecasts <= row.forecasts
        ]
        self.stored |= {(row.house, row.room, row.day): row for row in fit}
        self.written += len(fit)
        return len(fit)

    def between(self, house: str, room: str, first: date, last: date) -> list[DayAccuracy]:
        found = sorted(self.stored.items(), key=lambda item: item[0])
        return [
            row
            for (of_house, of_room, day), row in found
            if (of_house, of_room) == (house, room) and first <= day <= last
        ]

    def of_days(self, house: str, rooms: Iterable[str], days: Iterable[date]) -> list[DayAccuracy]:
        keys = [(house, room, day) for room in rooms for day in list(days)]
        return [self.stored[key] for key in keys if key in self.stored]


class FakeSettings:
    """What is set of a house by kind, written and deleted only on the version that was read."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], Setting] = {}
        self.read = 0

    def get(self, house: str, kind: str) -> Setting | None:
        self.read += 1
        return self.stored.get((house, kind))

    def list(self, house: str) -> list[Setting]:
        return [one for (of, _), one in sorted(self.stored.items()) if of == house]

    def put(self, setting: Setting) -> Setting:
        held = self.stored.get((setting.house, setting.kind))
        if (held.version if held else 0) != setting.version:
            raise ConflictError(f"the {setting.kind} of house {setting.house!r}", attempts=1)
        self.stored[setting.house, setting.kind] = replace(setting, version=setting.version + 1)
        return self.stored[setting.house, setting.kind]

    def delete(self, setting: Setting) -> None:
        held = self.stored.get((setting.house, setting.kind))
        if held is not None and held.version != setting.version:
            raise ConflictError(f"the {setting.kind} of house {setting.house!r}", attempts=1)
        self.stored.pop((setting.house, setting.kind), None)


class FakeMoulds:
    """Mould by house and day."""

    def __init__(self, houses: FakeHouses | None = None) -> None:
        self.stored: dict[tuple[str, date], MouldDay] = {}
        self.written = 0
        self._houses = houses

    def put_many(self, days: Iterable[MouldDay], *, home: House | None = None) -> int:
        if home is not None and self._houses is not None and forgotten_since(self._houses, home):
            return 0
        fit = list(days)
        self.stored |= {(one.house, one.day): one for one in fit}
        self.written += len(fit)
        return len(fit)

    def between(self, house: str, first: date, last: date) -> list[MouldDay]:
        found = sorted(self.stored.items(), key=lambda item: item[0])
        return [one for (of, day), one in found if of == house and first <= day <= last]

    def of_days(self, house: str, days: Iterable[date]) -> list[MouldDay]:
        return [self.stored[house, day] for day in sorted(days) if (house, day) in self.stored]

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        return _erase(self.stored, house, dry_run=dry_run)


class FakeNotices:
    """Notices, and what they go on from: written together on the version that was read, or not at all."""

    def __init__(self, houses: FakeHouses | None = None) -> None:
        self.watches: dict[str, Watch] = {}
        self.stored: dict[tuple[str, str], Notice] = {}
        self.written = 0
        self._houses = houses

    def watch(self, house: str) -> Watch:
        return self.watches.get(house, Watch(house))

    def newest(self, house: str, *, now: datetime, limit: int | None = None) -> list[Notice]:
        found = [one for (of, _), one in sorted(self.stored.items(), reverse=True) if of == house]
        return [one for one in found[:limit] if (one.cleared_at or one.raised_at) > now - KEPT_FOR]

    def put(self, watch: Watch, changed: Sequence[Notice] = (), *, home: House) -> bool:
        if self._houses is not None and forgotten_since(self._houses, home):
            return False
        if self.watch(watch.house).version != watch.version:
            return False
        self.watches[watch.house] = replace(watch, version=watch.version + 1)
        self.stored |= {(one.house, one.id): one for one in changed}
        self.written += 1
        return True

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        yield from _erase(self.stored, house, dry_run=dry_run)
        yield int(house in self.watches)
        if not dry_run:
            self.watches.pop(house, None)


class FakeAdvice:
    """Advice by house and issue time; what is written once stays as it is. ``damaged`` is what cannot be read."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, datetime], AdviceIssue] = {}
        self.damaged: set[tuple[str, datetime]] = set()
        self.written = 0

    def latest(self, house: str, *, now: datetime) -> AdviceIssue | None:
        known = [key for key in self.stored if key[0] == house and now - ADVICE_KEPT_FOR <= key[1] <= now]
        if not known:
            return None
        if max(known) in self.damaged:
            raise ItemDamagedError("advice", key={"house": house}, why="it was damaged")
        return self.stored[max(known)]

    def between(self, house: str, first: datetime, last: datetime) -> Iterator[AdviceIssue]:
        for key, issue in sorted(self.stored.items(), key=lambda item: item[0]):
            if key[0] == house and first <= key[1] <= last and key not in self.damaged:
                yield issue

    def put(self, issue: AdviceIssue) -> bool:
        key = issue.house, issue.issued_at
        self.written += key not in self.stored
        return self.stored.setdefault(key, issue) is issue

    def delete(self, issue: AdviceIssue) -> None:
        self.stored.pop((issue.house, issue.issued_at), None)

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        return _erase(self.stored, house, dry_run=dry_run)


class FakeTelling:
    """Takes what it is told, but for as many as ``refuses`` says; raises while ``away``."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.refuses = 0
        self.away = False

    def tell(self, events: Sequence[dict[str, Any]]) -> list[bool]:
        if self.away:
            raise ConnectionError("EventBridge does not answer")
        took = len(events) - self.refuses
        self.told += events[:took]
        return [place < took for place in range(len(events))]


class FakeWeather:
    """Issues by place and by when each became known; what is deleted is gone, what stands is never replaced."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, datetime], WeatherIssue] = {}
        self.calls: Counter[date] = Counter()
        self.read = 0

    def issues(
        self, places: Iterable[str], *, since: datetime, until: datetime, most: int | None = None
    ) -> list[WeatherIssue]:
        found: list[WeatherIssue] = []
        for place in places:
            self.read += 1
            known = sorted(key for key in self.stored if key[0] == place and since <= key[1] <= until)
            found += [self.stored[key] for key in known[-most if most else 0 :]]
        return sorted(found, key=lambda issue: issue.known_from)

    def put_many(self, issues: Iterable[WeatherIssue]) -> list[bool]:
        written = []
        for issue in issues:
            key = issue.place, issue.known_from
            written.append(key not in self.stored)
            self.stored.setdefault(key, issue)
        return written

    def delete_many(self, issues: Iterable[WeatherIssue]) -> None:
        for issue in issues:
            self.stored.pop((issue.place, issue.known_from), None)

    def take_call(self, day: date, *, at_most: int) -> bool:
        taken = self.calls[day] < at_most
        self.calls[day] += taken
        return taken

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        return _erase(self.stored, house_place(house), dry_run=dry_run)


def _erase(stored: dict[Any, Any], house: str, *, dry_run: bool) -> Iterator[int]:
    """Of what is kept under the house and something else."""
    found = [key for key in stored if key[0] == house]
    for key in [] if dry_run else found:
        del stored[key]
    yield len(found)


class World:
    """One fake of each port, and the ports of each use case made of them."""

    def __init__(self, *, seed: int = 0, twice: float = 0.0, sleep: Callable[[float], None] = lambda _: None) -> None:
        self.readings = FakeQueue(seed=seed, twice=twice)
        self.forecast_jobs = FakeJobs()
        self.houses = FakeHouses()
        self.sets = FakeSets()
        self.observations = FakeObservations()
        self.rejects = FakeRejects()
        self.settings = FakeSettings()
        self.forecasts = FakeForecasts()
        self.registry = FakeRegistry(self.houses)
        self.accuracy = FakeAccuracy(self.houses)
        self.moulds = FakeMoulds(self.houses)
        self.notices = FakeNotices(self.houses)
        self.telling = FakeTelling()
        self.advice = FakeAdvice()
        self.advice_telling = FakeTelling()
        self.weather = FakeWeather()
        self.training_jobs = FakeJobs()
        self.backoff = BackOff(sleep=sleep, randomness=random.Random(seed))

    def drain_ports(self, faults: Faults | None = None) -> DrainPorts:
        names = ("readings", "forecast_jobs", "houses", "sets", "observations", "rejects", "settings", "weather")
        ports = DrainPorts(**{name: getattr(self, name) for name in names}, backoff=self.backoff)
        return ports if faults is None else watched(ports, faults)

    def forecast_ports(self, *, advises: bool = False) -> ForecastPorts:
        return ForecastPorts(
            houses=self.houses,
            observations=self.observations,
            forecasts=self.forecasts,
            registry=self.registry,
            notices=NoticePorts(self.notices, self.telling),
            advice=AdvicePorts(self.advice, self.houses, self.observations, self.advice_telling) if advises else None,
            weather=self.weather,
        )

    def forget_ports(self, clock: Callable[[], datetime]) -> ForgetPorts:
        return ForgetPorts(
            houses=self.houses,
            observed=self.observations,
            by_house={
                "readings": self.sets,
                "observations": self.observations,
                "models": self.registry,
                "mould": self.moulds,
                "notices": self.notices,
                "advice": self.advice,
                "weather": self.weather,
            },
            by_room={"forecasts": self.forecasts, "accuracy": self.accuracy},
            objects=self.registry,
            rejects=self.rejects,
            backoff=self.backoff,
            clock=clock,
        )

    def training_ports(self) -> TrainingPorts:
        return TrainingPorts(
            houses=self.houses, observations=self.observations, registry=self.registry, weather=self.weather
        )

    def verify_ports(self) -> VerifyPorts:
        return VerifyPorts(
            houses=self.houses,
            observations=self.observations,
            forecasts=self.forecasts,
            registry=self.registry,
            accuracy=self.accuracy,
            moulds=self.moulds,
            training_jobs=self.training_jobs,
            weather=self.weather,
        )


class InMemory:
    """The fakes as a :class:`tests.schedules.Place`, where drains run."""

    def __init__(self, now: datetime, *, seed: int = 0) -> None:
        self.world = World(seed=seed)
        self.world.readings.batch = 3  # under ten, so that a drain receives in its own thread alone
        self.ports = self.world.drain_ports()
        self.now = now
        self.first_tag = 0
        self.is_fast = True
        self._whole: dict[SlotKey, StoredSet] = {}

    def houses(self) -> Sequence[str]:
        return "h1", "h2"

    def send(self, bodies: Iterable[str]) -> None:
        self.world.readings.send(bodies, sent=self.now + timedelta(seconds=1))

    def show(self, messages: Sequence[Message]) -> None:
        self.world.readings.show(messages)

    def is_empty(self) -> bool:
        return self.world.readings.is_empty()

    def sets(self) -> Mapping[SlotKey, StoredSet]:
        return self.world.sets.stored

    def observations(self) -> Mapping[SlotKey, tuple[Observation, int]]:
        return self.world.observations.stored

    def rejects(self) -> list[dict[str, Any]]:
        return self.world.rejects.all()

    def poison(self, what: Poisoned) -> bool:
        if what == "house":  # whoever is heard of it finds a house that is there and cannot be read
            self.world.houses.damaged.add("damaged")
            return True
        key = SlotKey(self.houses()[0], to_epoch_ms(self.now - 3 * SLOT))
        if key in self._whole or key not in self.world.sets.stored:
            return False
        self._whole[key] = self.world.sets.stored[key]
        self.world.sets.stored[key] = replace(self._whole[key], packed=b"damaged")
        return True

    def mend(self) -> None:
        self.world.houses.damaged.clear()
        for key, whole in self._whole.items():
            if self.world.sets.stored[key].packed == b"damaged":  # else a drain that had read it before wrote it anew
                self.world.sets.stored[key] = whole
        self._whole.clear()


def stacked(quantities: Mapping[str, Mapping[str, Any]]) -> np.ndarray:
    """Quantiles by quantity and name as the array that a stored forecast has; NaN for a quantity that is absent."""
    absent = dict.fromkeys(QUANTILES, np.full(96, np.nan))
    return np.array([[quantities.get(quantity, absent)[name] for name in QUANTILES] for quantity in QUANTITIES])
