"""A fan by advice: on only while it holds, off in every doubt, and the person wins; by a clock that is passed in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.bridge.act_log import ActLog
from roomidity.bridge.commanding import AGAIN_S, LOST_AFTER_S, OFF_AGAIN, Commander, Heard
from roomidity.bridge.discovery import is_own, override_topic
from roomidity.bridge.overrides import read_override
from roomidity.bridge.relay import Clocks
from roomidity.domain.slots import format_moment
from roomidity.errors import InputError

NOON: Final = datetime(2026, 1, 12, 12, tzinfo=UTC)
REST: Final = timedelta(minutes=30)


class FakeLink:
    """A connection that is there, until told otherwise; the broker's last will is an OFF."""

    def __init__(self) -> None:
        self.connections = 1
        self.is_connected = True
        self.is_on = False
        self.sent: list[bool] = []
        self.waiting: list[Heard] = []

    def heard(self) -> list[Heard]:
        found, self.waiting = self.waiting, []
        return found

    def switch(self, *, on: bool) -> None:
        if self.is_connected:
            self.sent.append(on)
            self.is_on = on

    def lose(self) -> None:
        self.is_connected = self.is_on = False

    def come_back(self) -> None:
        self.is_connected, self.connections = True, self.connections + 1

    def hear(self, payload: bytes, *, is_retained: bool = False) -> None:
        self.waiting.append(Heard(payload, is_retained))


class NoLog(ActLog):
    """Keeps acts in memory."""

    def __init__(self) -> None:
        self.acts: list[dict[str, Any]] = []

    def write(self, act: Any) -> None:
        self.acts.append(dict(act))

    def overrides(self, house: str, *, at: datetime) -> dict[str, Any]:
        return {}


class Fan:
    """A house with one fan, and a clock."""

    def __init__(self, log: ActLog | None = None, *, now: datetime = NOON) -> None:
        self.now, self.link, self.log = now, FakeLink(), log or NoLog()
        clocks = Clocks(lambda: self.now, self._monotonic)
        self.commander = Commander("h1", {"bath": self.link}, clocks=clocks, log=self.log)

    def _monotonic(self) -> float:
        return (self.now - NOON).total_seconds()

    def offer(self, action: str = "open", *, minutes: float = 30, **more: Any) -> None:
        until = format_moment(self.now + timedelta(minutes=minutes)) if action == "open" else None
        room = {"room": "bath", "action": action, "reason": "humid_surface", "until": until} | more.pop("room", {})
        self.commander.offer({"house": "h1", "issued_at": format_moment(self.now), "rooms": [room], **more})

    def after(self, **span: float) -> bool:
        """Steps every 30 s for so long. Returns whether it is on in the end."""
        end = self.now + timedelta(**span)
        while True:
            self.commander.step()
            if self.now >= end:
                return self.link.is_on
            self.now += min(timedelta(seconds=30), end - self.now)

    def rested(self) -> Fan:
        self.after(minutes=30)
        return self


def test_it_is_on_while_advice_holds_repeated_each_minute_and_off_at_its_end() -> None:
    fan = Fan()
    fan.offer(minutes=60)
    assert not fan.after(minutes=29), "what the fan did before is not known: it rests first"
    fan.rested().offer(minutes=12)
    assert fan.after(minutes=11)
    assert fan.link.sent[-1:] == [True]
    assert fan.link.sent.count(True) == 1 + 11 * 60 / AGAIN_S
    assert not fan.after(minutes=1)
    fan.after(minutes=20)
    assert fan.link.sent[-1 - OFF_AGAIN :] == [False] * (1 + OFF_AGAIN), "said again for a device that was away"
    assert isinstance(fan.log, NoLog)
    assert [(one["act"], one["why"]) for one in fan.log.acts] == [
        ("off", "connected"), ("on", "humid_surface"), ("off", "until"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"action": "close", "room": {"reason": "room_cold"}}, "room_cold"),
        ({"action": "no_effect"}, "humid_surface"),
        ({"house": "h2"}, "no_advice"),
        ({"replayed": True}, "no_advice"),
        ({"issued_at": None}, "no_advice"),
        ({"issued_at": "2026-01-12T10:00Z"}, "advice_outdated"),
        ({"issued_at": "2026-01-13T12:00Z"}, "advice_outdated"),
        ({"room": {"room": "attic"}}, "not_advised"),
        ({"room": {"until": None}}, "humid_surface"),
    ],
)
def test_whatever_else_is_answered_is_off(answer: dict[str, Any], why: str) -> None:
    fan = Fan().rested()
    fan.offer()
    assert fan.after(minutes=1)
    fan.offer(**answer)
    assert not fan.after(seconds=1)
    assert isinstance(fan.log, NoLog)
    assert fan.log.acts[-1]["why"] in {why, "until"}


def test_it_goes_off_when_the_source_of_advice_is_lost_or_answers_nonsense() -> None:
    fan = Fan().rested()
    fan.offer(minutes=60)
    assert fan.after(seconds=LOST_AFTER_S)
    assert not fan.after(seconds=30)
    broken = Fan().rested()
    broken.offer()
    assert broken.after(minutes=1)
    broken.commander.offer({"house": "h1", "issued_at": "soon", "rooms": 3})
    assert not broken.after(seconds=1)


def test_it_never_runs_longer_than_its_own_longest_run_and_rests() -> None:
    fan = Fan().rested()
    for _ in range(6):
        fan.offer(minutes=60)
        fan.after(minutes=10)
    runs = [fan.now - timedelta(minutes=30), fan.now]
    assert isinstance(fan.log, NoLog)
    assert [one["why"] for one in fan.log.acts] == ["connected", "humid_surface", "ran_longest", "humid_surface"]
    assert format_moment(runs[0]) == fan.log.acts[2]["at"]


def test_a_person_wins_for_as_long_as_they_said() -> None:
    fan = Fan().rested()
    fan.offer()
    assert fan.after(minutes=1)
    fan.link.hear(b"off 1")
    assert not fan.after(seconds=1)
    fan.offer()
    assert not fan.after(minutes=59)
    fan.offer()
    assert fan.after(minutes=2), "over, and rested"
    fan.link.hear(b"OFF")
    fan.link.hear(b"on 2h")
    fan.offer("close")
    assert fan.after(minutes=119)
    assert not fan.after(minutes=2)
    fan.link.hear(b"on")
    assert fan.after(seconds=1)
    fan.link.hear(b" auto ")
    assert not fan.after(seconds=1)


@pytest.mark.parametrize(
    "payload", [b"", b"maybe", b"on 25", b"on 0", b"on -1", b"off 1e3", b"on nan", b"\xff\xfe", b"on\n\x1b[31m",
                b'{"a": 1}', b"x" * 100_000, "оn".encode(), b"off 8 " * 20],
)  # fmt: skip
def test_a_hostile_payload_changes_nothing_and_does_not_flood_the_log(payload: bytes) -> None:
    with pytest.raises(InputError, match="expected on, off or auto") as caught:
        read_override(payload, at=NOON, hours=4.0)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()
    fan = Fan().rested()
    fan.offer()
    assert fan.after(minutes=1)
    for _ in range(50):
        fan.link.hear(payload)
    assert fan.after(seconds=30)
    assert isinstance(fan.log, NoLog)
    assert [one["act"] for one in fan.log.acts].count("refused") == 1


def test_a_retained_on_is_refused_and_a_retained_off_is_heeded() -> None:
    fan = Fan()
    fan.link.hear(b"on", is_retained=True)
    assert not fan.after(minutes=1)
    fan.link.hear(b"off", is_retained=True)
    fan.after(minutes=31)
    fan.offer()
    assert not fan.after(minutes=1)


def test_after_a_lost_connection_it_is_off_and_rests() -> None:
    fan = Fan().rested()
    fan.offer(minutes=60)
    assert fan.after(minutes=1)
    fan.link.lose()
    assert not fan.after(minutes=1)
    fan.link.come_back()
    fan.offer(minutes=60)
    assert not fan.after(minutes=28)
    fan.offer(minutes=60)
    assert fan.after(minutes=3)


def test_what_a_person_said_outlives_the_bridge_and_so_does_the_log(tmp_path: Path) -> None:
    path = tmp_path / "acts.ndjson"
    fan = Fan(ActLog(path))
    fan.link.hear(b"off 8")
    fan.after(minutes=1)
    with path.open("a") as file:
        file.write('{"act": "override", "house": "h1", "room": "ba')  # killed while it wrote
    again = Fan(ActLog(path), now=NOON + timedelta(hours=1)).rested()
    again.offer()
    assert not again.after(minutes=5)
    later = Fan(ActLog(path), now=NOON + timedelta(hours=9)).rested()
    later.offer()
    assert later.after(minutes=5)
    later.commander.leave()
    assert not later.link.is_on
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    assert [one["act"] for one in lines[:3]] == ["off", "override", "off"], "the cut line takes no other with it"
    assert lines[-1]["why"] == "bridge_ends"
    assert {"at", "house", "room", "act", "why"} <= lines[-1].keys()


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    fan = Fan(ActLog(tmp_path)).rested()
    fan.offer()
    assert fan.after(minutes=1)


def test_the_log_is_put_aside_when_it_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roomidity.bridge.act_log._MOST_BYTES", 200)
    log = ActLog(tmp_path / "acts")
    for number in range(9):
        log.write({"act": "off", "number": number})
    assert (tmp_path / "acts").stat().st_size <= 200
    assert (tmp_path / "acts.1").exists()


def test_what_is_commanded_is_no_reading() -> None:
    assert is_own(override_topic("h1", "bath"))


happenings = st.lists(
    st.tuples(
        st.sampled_from(["open", "open", "open", "close", "silence", "lose", "return", "nonsense"]), st.integers(1, 25)
    ),
    min_size=3, max_size=25,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(happenings)
def test_whatever_happens_runs_are_short_rests_long_and_none_beyond_the_advice(course: list[tuple[str, int]]) -> None:
    fan = Fan()
    minutes: list[tuple[bool, bool]] = []
    open_until = heard = NOON - timedelta(days=1)
    for what, lasts in course:
        if what in {"open", "close"}:
            fan.offer(what, minutes=30)
            open_until = fan.now + REST if what == "open" else fan.now
            heard = fan.now
        elif what == "lose":
            fan.link.lose()
        elif what == "return" and not fan.link.is_connected:
            fan.link.come_back()
        elif what == "nonsense":
            fan.link.hear(b"\x00on")
        for _ in range(lasts):
            fan.commander.step()
            allowed = fan.now < open_until and (fan.now - heard).total_seconds() <= LOST_AFTER_S
            minutes.append((fan.link.is_on, allowed))
            fan.now += timedelta(minutes=1)
    assert all(allowed for is_on, allowed in minutes if is_on)
    text = "".join("1" if is_on else "0" for is_on, _ in minutes)
    assert max(map(len, text.split("0"))) <= 31
    assert all(len(rest) >= 29 for rest in text.strip("0").split("1") if rest)
    assert not text[:30].count("1")
