"""Drains that move only when told, one call of a port at a time, so that an interleaving is drawn, kept and shrunk."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Protocol, get_args

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from roomidity.domain.houses import House
from roomidity.domain.messages import ForecastJob, Message
from roomidity.domain.observations import Observation, StoredSet
from roomidity.domain.slots import SLOT, SlotKey
from roomidity.errors import ConflictError
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.drain import DrainConfig, DrainPorts, DrainSummary, drain
from roomidity.pipeline.quotas import Quotas
from roomidity.pipeline.waves import WaveSize
from roomidity.readings import unpack_sets
from tests.faults import ASKING, FAULTS, LATE_S, Fault, Killed, OutageError, faults_of, go_wrong, watched
from tests.oracle import Bin, observed_of, sets_of

__all__ = ["Case", "Drain", "Effort", "Place", "Tally", "assert_derived", "bins_of", "schedules"]

MOST_DRAINS: Final = 3


Poisoned = Literal["set", "house"]
"""An item that cannot be read: a slot's set of the first house, and the item of another house."""

Hostility = Literal["together", "conflict", "beside nothing", "year one", "flood", "of a damaged house"]
"""Messages by those who mean harm."""

QUOTAS: Final = Quotas(new_houses_a_tick=4, new_houses_a_day=10**9)
CONFIG: Final = DrainConfig(timezone="UTC", quotas=QUOTAS)


class Place(Protocol):
    """Where drains run: fakes, moto or the local engine."""

    ports: DrainPorts
    now: datetime
    first_tag: int
    """Readings are numbered from here, so that those of another case at the same place have other numbers."""
    is_fast: bool
    """Whether all that is stored can be looked at after every event."""

    def houses(self) -> Sequence[str]:
        """Two houses that nothing was stored of."""

    def send(self, bodies: Iterable[str]) -> None:
        """Send messages."""

    def show(self, messages: Sequence[Message]) -> None:
        """Messages in flight wait again."""

    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is in flight."""

    def sets(self) -> Mapping[SlotKey, StoredSet]:
        """All sets of the houses."""

    def observations(self) -> Mapping[SlotKey, tuple[Observation, int]]:
        """All observations of the houses."""

    def rejects(self) -> list[dict[str, Any]]:
        """All rejects that are kept, one by one."""

    def poison(self, what: Poisoned) -> bool:
        """Damage an item of a table; whether this place can."""

    def mend(self) -> None:
        """Bring back what was damaged."""


class Effort:
    """How many cases are tried; :mod:`tests.soak` changes it."""

    times: ClassVar[int] = 1
    shrinks: ClassVar[bool] = True

    @classmethod
    def cases(cls, usual: int, *, shrinks: bool = True) -> settings:
        """``usual`` cases, times the effort; a place that keeps what was stored cannot shrink."""
        phases = tuple(phase for phase in Phase if (shrinks and cls.shrinks) or phase is Phase.generate)
        return settings(
            max_examples=usual * cls.times, deadline=None, phases=phases, suppress_health_check=list(HealthCheck)
        )


@dataclass
class Tally:
    """How much was tried."""

    cases: int = 0
    drains: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain values, for a test's report."""
        return {"cases": self.cases, "drains": self.drains, "faults": dict(self.faults)}

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        return f"{self.cases} cases, {self.drains} drains, {self.faults.total()} faults: {kinds}"


class Drain:
    """A drain in a thread of its own that stands before a call (``next_call``) until :meth:`step` lets it go on.

    Waiting between attempts is a call as well: ``("backoff", "sleep")``, which takes no time.
    """

    def __init__(self, place: Place, config: DrainConfig, *, seed: int = 0) -> None:
        self._place = place
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._fault: Fault | None = None
        self.next_call: tuple[str, str] | None = None
        self.waits_s: float = 0.0
        self.in_flight: list[Message] = []
        self.received: list[Message] = []
        self.deleted: list[Message] = []
        self.attempts = self.most_attempts = 0
        self.calls: list[tuple[str, str]] = []
        self.left_s = 300.0
        self.asked: set[str] = set()
        self.asking_went_wrong = False
        self.active_before = {house.name for house in place.ports.houses.all() if house.is_active(place.now)}
        self.summary: DrainSummary | None = None
        self.error: BaseException | None = None
        self._config = config
        self._backoff = BackOff(sleep=self._sleep, randomness=random.Random(seed))
        threading.Thread(target=self._run, daemon=True).start()
        self._stands.acquire()

    def step(self, fault: Fault | None = None) -> None:
        """Make the next call, with a fault if one is given; then stand before the one after."""
        assert self.next_call is not None, "the drain has ended"
        self._fault = fault
        self._go.release()
        self._stands.acquire()

    def go_on(self, calls: int = 1_000) -> None:
        """Make calls, at most ``calls``, until the drain ends."""
        for _ in range(calls):
            if self.next_call is None:
                return
            self.step()

    def call(self, name: str, method: str, do: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Called by the ports in the drain's own thread."""
        fault = self._stand(name, method)
        self.calls.append((name, method))
        if fault == "out of time":
            self.left_s = LATE_S
        elif fault and (name, method) in ASKING:
            self.asking_went_wrong = True
        if (name, method) == ("forecast_jobs", "send"):
            self.asked |= {ForecastJob.from_body(body).house for body in arguments[0]}
        if method == "delete":
            self.deleted += arguments[0]
            self.attempts = 0
        if method == "receive":
            do = self._receiving(do)
        answer = go_wrong(fault, f"{name}.{method}", do, *arguments, show=self._place.show) if fault else do(*arguments)
        if method == "receive":
            self.received += answer
        return answer

    def _receiving(self, receive: Callable[[], list[Message]]) -> Callable[[], list[Message]]:
        """Notes what is in flight, whether or not the answer comes through."""

        def noted() -> list[Message]:
            messages = receive()
            self.in_flight += messages
            return messages

        return noted

    def _sleep(self, seconds: float) -> None:
        self.waits_s = seconds
        self.attempts += 1
        self.most_attempts = max(self.attempts, self.most_attempts)
        fault = self._stand("backoff", "sleep")
        self.waits_s = 0.0
        if fault:
            raise Killed(fault)

    def _stand(self, name: str, method: str) -> Fault | None:
        self.next_call = name, method
        self._stands.release()
        self._go.acquire()
        return self._fault

    def _run(self) -> None:
        ports = replace(watched(self._place.ports, self), backoff=self._backoff)
        try:
            self.summary = drain(ports, self._config, now=self._place.now, remaining_s=lambda: self.left_s)
        except BaseException as error:  # noqa: BLE001  # whoever steps looks at it
            self.error = error
        self.next_call = None
        self._stands.release()


def bins_of(sets: Mapping[SlotKey, StoredSet]) -> dict[Bin, tuple[int, int]]:
    """What sets hold, as :func:`tests.oracle.sets_of` says it."""
    found: dict[Bin, tuple[int, int]] = {}
    values = unpack_sets({key: one.packed for key, one in sets.items()}).values
    for house, slot, room, sensor, code, rank in values.iter_rows():
        time, value = rank >> 18, (rank & (1 << 18) - 1) - 100_000
        place = (house, slot, room, sensor, ("humidity", "temperature")[code], time // 5_000)
        assert place not in found, f"two values in {place}"
        found[place] = (time, value)
    return found


def assert_derived(place: Place) -> None:
    """Each set has its observation, of its version, and it says what the set holds."""
    sets, observations = place.sets(), place.observations()
    assert {key: version for key, (_, version) in observations.items()} == {
        key: one.version for key, one in sets.items()
    }
    found = {
        (key.house, key.slot_ms, room, quantity): (one.mean, one.min, one.max, one.count)
        for key, (observation, _) in observations.items()
        for room, quantities in observation.items()
        for quantity, one in quantities.items()
    }
    expected = observed_of(bins_of(sets))
    assert found.keys() == expected.keys()
    for where, (mean, least, greatest, number) in expected.items():
        assert abs(found[where][0] - mean) < 0.000_501, where
        assert found[where][1:] == (float(least), float(greatest), number), where


@dataclass(frozen=True)
class Spec:
    """A reading to be sent: places by number, and what is wrong with it, if anything is."""

    house: int
    room: int
    sensor: int
    slot: int
    ms: int
    values: tuple[int | None, int | None]
    wrong: str | None

    def build(self, place: Place, tag: int) -> Any:
        """The reading as it is sent; its tag makes it one of its kind."""
        at = (place.now - (4 - self.slot) * SLOT).timestamp() + self.ms / 1000
        temperature, humidity = self.values
        whole = {
            "house": place.houses()[self.house],
            "room": ("kitchen", "bath")[self.room],
            "sensor": ("", "z2m-1")[self.sensor],
            "ts": datetime.fromtimestamp(at, place.now.tzinfo).isoformat(timespec="milliseconds"),
            "temperature": None if temperature is None else 20 + temperature / 1000,
            "humidity": None if humidity is None else 50 + humidity / 1000,
            "tag": tag,
        }
        return WRONG[self.wrong](whole) if self.wrong else whole


WRONG: Final[Mapping[str, Callable[[dict[str, Any]], Any]]] = {
    "malformed": lambda whole: f"reading {whole['tag']}",
    "bad_name": lambda whole: {**whole, "room": "a/b"},
    "bad_time": lambda whole: {**whole, "ts": "noon"},
    "bad_value": lambda whole: {**whole, "temperature": "warm"},
    "implausible": lambda whole: {**whole, "humidity": float("inf")},
    "too_old": lambda whole: {**whole, "ts": "2001-01-01T00:00:00Z"},
    "future": lambda whole: {**whole, "ts": "2999-01-01T00:00:00Z"},
}


@dataclass(frozen=True)
class Send:
    """Some readings are sent, in a message each or packed; or a message that is no JSON."""

    specs: tuple[Spec, ...]
    packed: bool


@dataclass(frozen=True)
class Start:
    """A drain begins."""

    wave: int
    seed: int


@dataclass(frozen=True)
class GoOn:
    """A drain makes some calls."""

    which: int
    calls: int


@dataclass(frozen=True)
class GoWrong:
    """A drain makes some calls, goes on to one that can go wrong so, and that does."""

    which: int
    calls: int
    fault: Fault


@dataclass(frozen=True)
class TimeOut:
    """All that is in flight waits again."""


@dataclass(frozen=True)
class Hostile:
    """A message comes by who means harm, with so many readings."""

    kind: Hostility
    readings: int


@dataclass(frozen=True)
class Poison:
    """An item is damaged, until the end of the schedule."""

    what: Poisoned


Event = Send | Start | GoOn | GoWrong | TimeOut | Hostile | Poison

_specs = st.builds(
    Spec,
    house=st.integers(0, 1),
    room=st.integers(0, 1),
    sensor=st.integers(0, 1),
    slot=st.integers(0, 2),
    ms=st.sampled_from([0, 1, 4_999, 5_000, 60_000, 899_999]),
    values=st.sampled_from([(0, None), (1, None), (None, 0), (0, 0), (700, 300), (2, 1)]),
    wrong=st.none() | st.none() | st.none() | st.sampled_from(sorted(WRONG)),
)
_sends = st.builds(Send, st.lists(_specs, max_size=8).map(tuple), st.booleans())
_starts = st.builds(Start, wave=st.integers(1, 12), seed=st.integers(0, 3))
_which = st.integers(0, MOST_DRAINS - 1)
_go_on = st.builds(GoOn, _which, st.integers(1, 8))
_go_wrong = st.builds(GoWrong, _which, st.integers(0, 4), st.sampled_from(FAULTS))
_hostile = st.builds(Hostile, st.sampled_from(get_args(Hostility)), st.integers(1, 12))
_poison = st.builds(Poison, st.sampled_from(get_args(Poisoned)))
_events = st.sampled_from(
    [_sends] * 8
    + [_starts] * 4
    + [_go_on] * 4
    + [_go_wrong] * 12
    + [_hostile] * 3
    + [_poison, *[st.just(TimeOut())] * 2]
).flatmap(lambda chosen: chosen)
schedules = st.lists(_events, min_size=10, max_size=40)
"""What happens, in order; it shrinks to the few events that matter."""


class Case:
    """Random messages, some hostile, faults, damage, interleaved drains and redeliveries; at the end all is exact.

    At the end: no faults any more, drains until the queue is empty. Then the sets are those of the readings that were
    sent, observations follow from them, and the rejects hold every bad reading and no good one. Meanwhile: what was
    deleted is durable, and a drain that ended says what became of what it received. And there is progress: a drain that
    was not killed has asked for a forecast of every active house, after all else that it did.
    """

    def __init__(self, place: Place, tally: Tally) -> None:
        self.place = place
        self.tally = tally
        self.drains: list[Drain] = []
        self.ended: list[Drain] = []
        self.good: dict[int, dict[str, Any]] = {}
        self.bad: dict[int, str] = {}
        self.made_up: dict[int, str] = {}  # house, of readings that a quota may refuse
        self.is_poisoned = False
        self.contents: dict[str, list[int]] = {}  # body -> tags of its readings
        self.stored = 0
        self.durable: set[str] = set()

    def run(self, schedule: Sequence[Event]) -> None:
        """Let the events happen, check after each, and at the end."""
        self.tally.cases += 1
        try:
            for event in schedule:
                self.happen(event)
                self.what_a_drain_did_is_accounted_for()
                self.what_was_deleted_is_durable()
                if self.place.is_fast:
                    self.what_is_observed_is_stored()
            self.end()
        finally:
            for one in self.drains:
                while one.next_call is not None:
                    one.step("killed before")

    def happen(self, event: Event) -> None:
        match event:
            case Send():
                self.send(event)
            case Start():
                if len(self.drains) < MOST_DRAINS:
                    self.start(replace(CONFIG, wave=WaveSize(messages=event.wave)), seed=event.seed)
            case Hostile():
                self.tally.faults[event.kind] += 1
                self.send_hostile(event)
            case Poison():
                if self.place.poison(event.what):
                    self.tally.faults[f"a damaged {event.what}"] += 1
                    self.is_poisoned = True
            case GoOn():
                self.drain(event.which).go_on(event.calls)
            case GoWrong():
                self.go_wrong(event)
            case TimeOut():
                self.tally.faults["redelivered"] += any(one.in_flight for one in (*self.drains, *self.ended))
                self.time_out()

    def send(self, event: Send) -> None:
        first = self.next_tag
        readings = {tag: spec.build(self.place, tag) for tag, spec in enumerate(event.specs, start=first)}
        self.bad |= {tag: spec.wrong for tag, spec in enumerate(event.specs, start=first) if spec.wrong}
        self.good |= {tag: reading for tag, reading in readings.items() if tag not in self.bad}
        if not readings:
            self.bad[first] = "malformed"
            bodies = {f'{{"tag": {first}': [first]}
        elif event.packed:
            bodies = {json.dumps({"readings": list(readings.values())}): list(readings)}
        else:
            bodies = {json.dumps(reading): [tag] for tag, reading in readings.items()}
        self.contents |= bodies
        self.place.send(bodies)

    @property
    def next_tag(self) -> int:
        return self.place.first_tag + len(self.good) + len(self.bad) + len(self.made_up)

    def send_hostile(self, event: Hostile) -> None:
        tags = range(self.next_tag, self.next_tag + event.readings)
        one, other = self.place.houses()[:2]
        ts = (self.place.now - SLOT).isoformat()
        common: dict[str, Any] = {"room": "kitchen", "ts": ts, "humidity": 50.0}
        readings: list[dict[str, Any]] = [{"tag": tag} for tag in tags]
        match event.kind:
            case "together":
                common |= {"house": one, "room": "a/b", "sensor": "x" * 300}
                self.bad |= dict.fromkeys(tags, "bad_name")
            case "conflict":
                common["house"] = other
                readings = [{"house": one, **reading} for reading in readings]
                self.bad |= dict.fromkeys(tags, "house_conflict")
            case "beside nothing":
                tags = tags[:1]
                common |= {"house": one, "tag": tags[0]}
                readings = []
                self.bad[tags[0]] = "malformed"
            case "year one":
                common |= {"house": one, "ts": "0001-01-01T00:00:00+23:59"}
                self.bad |= dict.fromkeys(tags, "too_old")
            case "flood":
                self.know_the_houses()
                self.made_up |= {tag: f"made up {tag}" for tag in tags}
                readings = [{"house": self.made_up[tag], "tag": tag} for tag in tags]
            case "of a damaged house":
                self.know_the_houses()
                self.made_up |= dict.fromkeys(tags, "damaged")
                common["house"] = "damaged"
        body = json.dumps({"readings": readings, **common})
        self.contents[body] = list(tags)
        self.place.send([body])

    def know_the_houses(self) -> None:
        """Known houses pass, whatever flood of new ones comes."""
        for name in self.place.houses():
            if self.place.ports.houses.get(name) is None:
                with suppress(ConflictError):
                    self.place.ports.houses.put(House(name, "UTC"))

    def start(self, config: DrainConfig, *, seed: int = 0) -> Drain:
        one = Drain(self.place, config, seed=seed)
        self.drains.append(one)
        self.tally.drains += 1
        return one

    def drain(self, which: int) -> Drain:
        """One of the drains; if there is none, it begins now, with small waves so that it has much to do."""
        if not self.drains:
            self.start(replace(CONFIG, wave=WaveSize(messages=2)))
        return self.drains[which % len(self.drains)]

    def go_wrong(self, event: GoWrong) -> None:
        one = self.drain(event.which)
        one.go_on(event.calls)
        while one.next_call is not None:
            if event.fault in faults_of(*one.next_call):
                self.tally.faults[event.fault] += 1
                one.step(event.fault)
                return
            one.step()

    def time_out(self) -> None:
        self.place.show([message for one in (*self.drains, *self.ended) for message in one.in_flight])

    # What must hold

    def what_a_drain_did_is_accounted_for(self) -> None:
        for one in [one for one in self.drains if one.next_call is None]:
            self.drains.remove(one)
            self.ended.append(one)
            self.every_active_house_is_asked_for(one)
            if one.summary is None:
                assert isinstance(one.error, Killed | OutageError | ConflictError), repr(one.error)
            else:
                self.what_it_counts_is_so(one, one.summary)
        assert self.stored <= len(sets_of(self.good.values())) + len(self.made_up), "a reading was stored twice"

    def what_it_counts_is_so(self, one: Drain, summary: DrainSummary) -> None:
        received = [tag for message in one.received for tag in self.contents[message.body]]
        self.stored += summary.stored
        refused = summary.rejected["quota"]
        rejected = summary.rejected - Counter(quota=refused)
        expected = Counter(self.bad[tag] for tag in received if tag in self.bad)
        if one.left_s < 300.0 or (summary.left and self.is_poisoned):  # nor does it know a wave that it did not begin
            assert summary.received + summary.left <= len(received)
            assert rejected <= expected
        else:
            assert (summary.received, summary.left) == (len(received), 0)
            assert rejected == expected
        assert refused <= sum(tag in self.made_up for tag in received)
        if not self.is_poisoned:
            assert summary.violations == 0
            assert summary.stored + summary.duplicate == summary.received - summary.rejected.total()

    def every_active_house_is_asked_for(self, one: Drain) -> None:
        if isinstance(one.error, Killed) or one.asking_went_wrong:
            return
        assert one.active_before - {"damaged"} <= one.asked, "an active house misses its forecast"
        assert one.calls[-1] == ("forecast_jobs", "send"), "forecasts are asked for before all is stored"

    def what_was_deleted_is_durable(self) -> None:
        deleted = {message.body for one in (*self.drains, *self.ended) for message in one.deleted}
        new = deleted - self.durable
        if new:
            self.durable = deleted
            tags = [tag for body in new for tag in self.contents[body]]
            sets = self.readable_sets()
            held = bins_of(sets)
            for where, value in sets_of(self.good[tag] for tag in tags if tag in self.good).items():
                if SlotKey(*where[:2]) in sets or SlotKey(*where[:2]) not in self.place.sets():
                    assert held.get(where, (10**9, 0)) <= value, f"{where} was deleted before it was stored"
            kept = self.kept()
            assert {tag for tag in tags if tag in self.bad} <= kept.keys()
            houses = {house.name for house in self.place.ports.houses.all()}
            houses |= {"damaged"} if self.is_poisoned else set()  # let in before that: looked at at the end
            assert all(tag in kept or self.made_up[tag] in houses for tag in tags if tag in self.made_up)

    def readable_sets(self) -> dict[SlotKey, StoredSet]:
        """Those of the two houses that are not damaged: what was stored in others before is looked at at the end."""
        sets = {key: one for key, one in self.place.sets().items() if key.house in self.place.houses()}
        unreadable = unpack_sets({key: one.packed for key, one in sets.items()}).unreadable
        return {key: one for key, one in sets.items() if key not in unreadable}

    def what_is_observed_is_stored(self) -> None:
        sets = self.place.sets()
        for key, (_, version) in self.place.observations().items():
            assert key in sets, f"{key} is observed and not stored"
            assert version <= sets[key].version, f"{key} is observed before it is stored"

    def kept(self) -> dict[int, set[str]]:
        """The reasons of each reading among the rejects."""
        found: dict[int, set[str]] = {}
        for reject in self.place.rejects():
            original = reject["original"]
            text = original if isinstance(original, str) else json.dumps(original)
            numbers = "".join(character if character.isdigit() else " " for character in text.rpartition("tag")[2])
            tag = int(numbers.split()[0])
            if tag in self.good or tag in self.bad or tag in self.made_up:
                found.setdefault(tag, set()).add(reject["reason"])
        return found

    def end(self) -> None:
        for one in self.drains:
            one.go_on()
        self.place.mend()
        self.what_a_drain_did_is_accounted_for()
        for _ in range(8):
            self.time_out()
            if self.place.is_empty():
                break
            last = self.start(CONFIG)
            last.go_on()
            assert last.summary is not None, repr(last.error)
            self.what_a_drain_did_is_accounted_for()
        assert self.place.is_empty(), "messages that are never deleted"
        assert bins_of(self.readable_sets()) == sets_of(self.good.values())
        assert_derived(self.place)
        kept = self.kept()
        refused = {tag for tag in self.made_up if tag in kept}
        assert kept == {tag: {reason} for tag, reason in self.bad.items()} | {tag: {"quota"} for tag in refused}
        houses = {house.name for house in self.place.ports.houses.all()}
        assert {self.made_up[tag] for tag in self.made_up.keys() - refused} <= houses
