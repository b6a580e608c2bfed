"""Names that came in before such were refused are shown escaped by every command, and markup in them is text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner

from roomidity.aws.account import Account
from roomidity.cli.app import roomidity
from roomidity.cli.context import stage as cli_stage
from roomidity.cli.output import _console
from roomidity.composition import Stage
from roomidity.domain.names import visible
from roomidity.domain.slots import format_moment
from roomidity.pipeline.forecasts import forecast_house
from roomidity.pipeline.nightly import verify_day
from tests.integration.test_handlers import NOW, observe, promote

HOUSE: Final = "[b]h\u202e:bath:"
ROOM: Final = "r\u200b[i]"
THEN: Final = NOW - timedelta(days=2)
HIDDEN: Final = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
DAY: Final = THEN.date().isoformat()


@pytest.fixture
def lived_in(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A house of two rooms, one of them with a hostile name, that was observed, forecast, verified and promoted for."""
    monkeypatch.setattr(Account, "stack_status", lambda self, name: "CREATE_COMPLETE")
    observe(stage, HOUSE, days=2.1)
    home = stage.houses.get(HOUSE)
    assert home is not None
    stage.houses.put(replace(home, rooms={ROOM: home.rooms["room 0"], "room 1": home.rooms["room 1"]}))
    rename(stage)
    promote(stage, HOUSE, THEN)
    for at in (THEN, NOW):
        forecast_house(stage.forecast_ports, house=HOUSE, issued_at=at)
    verify_day(stage.verify_ports, house=HOUSE, day=THEN.date(), now=NOW)
    reject = {"reason": "bad_name", "house": HOUSE, "sent_at": format_moment(THEN), "original": f"\x9b2J{ROOM}"}
    stage.rejects.put(NOW.date(), [reject])
    cli_stage.cache_clear()
    yield
    cli_stage.cache_clear()


def rename(stage: Stage) -> None:
    """Let the observations of ``room 0`` be those of the hostile name."""
    found = {
        key: ({ROOM if room == "room 0" else room: of for room, of in observation.items()}, origin)
        for key, observation, origin in stage.observations.derived(HOUSE, NOW - timedelta(days=3), NOW)
    }
    keys = sorted(found)
    for first in range(0, len(keys), 20):
        stage.observations.put_many({key: found[key] for key in keys[first : first + 20]})


AT: Final = ("--now", format_moment(NOW))
TARGET: Final = f"{HOUSE}/{ROOM}"
INTERVAL: Final = ("--from", format_moment(THEN), "--to", format_moment(THEN + timedelta(hours=1)))

COMMANDS: Final[dict[str, list[tuple[str, ...]]]] = {
    "send": [("FILE", "--house", HOUSE)],
    "drain": [AT],
    "forecast": [(HOUSE, *AT), (f"{HOUSE}x",)],
    "show": [(HOUSE, *AT), (TARGET, *AT), (TARGET, "--explain", *AT), (f"{HOUSE}x",), (f"{HOUSE}/x{ROOM}",)],
    "verify": [(HOUSE, *AT), (HOUSE, "--day", DAY, *AT), (HOUSE, "--day", "2020-01-01", *AT)],
    "accuracy": [(HOUSE, *AT), (TARGET, *AT), (f"{HOUSE}/", *AT), (f"{HOUSE}/x{ROOM}",)],
    "train": [(HOUSE, *AT)],
    "models": [
        ("list", *AT),
        ("show", HOUSE, *AT),
        ("history", HOUSE),
        ("history", HOUSE, "--at", format_moment(NOW)),
        ("rollback", HOUSE, *AT),
        ("promote", HOUSE, ROOM, *AT),
        ("diff", HOUSE, ROOM, ROOM),
        ("prune", HOUSE, *AT),
        ("history", f"{HOUSE}x"),
    ],
    "rejects": [(), ("--house", HOUSE)],
    "replay": [("--dry-run",), ("--house", HOUSE, "--dry-run")],
    "quarantine": [
        ("add", TARGET, *INTERVAL),
        ("list", HOUSE),
        ("list", TARGET),
        ("list", f"{HOUSE}/x{ROOM}"),
        ("remove", HOUSE, "--rule", ROOM),
        ("add", f"{HOUSE}/x{ROOM}", *INTERVAL),
        ("add", TARGET, "--sensor", ROOM, *INTERVAL),
        ("add", f"{HOUSE}/"),
    ],
    "notices": [(HOUSE, *AT), (f"{HOUSE}x", *AT)],
    "advice": [(HOUSE, *AT), (f"{HOUSE}x", *AT)],
    "watch": [(HOUSE, *AT), (f"{HOUSE}x", *AT)],
    "weather": [
        ("show", HOUSE, *AT),
        ("list", HOUSE, *AT),
        ("list", f"{HOUSE}x", *AT),
        ("import", "FILE", "--house", HOUSE),
        ("import", "FILE", "--position", ROOM),
    ],
    "room": [(HOUSE,), (TARGET,), (f"{HOUSE}/",), (f"{HOUSE}/x{ROOM}",), (TARGET, "--remove")],
    "doctor": [AT],
    "house": [(HOUSE,), (f"{HOUSE}x",), (HOUSE, "--timezone", ROOM), (HOUSE, "--timezone", "Europe/Brussels")],
    "token": [
        ("list", HOUSE),
        ("add", HOUSE, "--label", ROOM),
        ("add", f"{HOUSE}x"),
        ("add", f"{HOUSE}/"),
        ("list", HOUSE),
        ("revoke", HOUSE, ROOM),
    ],
    "devices": [
        ("list", HOUSE, *AT),
        ("map", HOUSE, "bath", "bath"),
        ("map", HOUSE, ROOM, ROOM),
        ("map", HOUSE, ROOM, "--remove"),
        ("ignore", HOUSE, "bath"),
        ("ignore", HOUSE, ROOM),
        ("import", HOUSE, "MAP"),
        ("export", HOUSE),
        ("list", HOUSE, *AT),
    ],
    "translate": [
        ("--topic", ROOM, "--house", HOUSE, "FILE"),
        ("--topic", f"zigbee2mqtt/{ROOM}", "--house", "h1", "FILE"),
        ("--topic", "zigbee2mqtt/bath", "--devices", "MAP", "FILE"),
        ("--topic", "zigbee2mqtt/bath", "--timezone", ROOM, "FILE"),
    ],
    "rederive": [(HOUSE, *AT), ("--all", *AT), (f"{HOUSE}x", *AT)],
    "export": [(HOUSE, "--out", "OUT"), (HOUSE, "--out", "OUT"), (f"{HOUSE}x", "--out", "OTHER")],
    "forget": [(f"{HOUSE}x", "--yes"), (HOUSE,), (HOUSE, "--yes")],
}
"""Each command's ways to say a name, in an order in which they can be given one after the other."""

NEEDS_MORE: Final = {"demo", "up", "backtest", "bridge", "completion"}
"""They start an engine, read a file for long, talk to a broker, or take no name; they print to the same console."""

SAYS_BOTH: Final = {("room", HOUSE), ("show", TARGET, *AT), ("quarantine", "add", TARGET, *INTERVAL)}


def test_every_command_is_tried() -> None:
    assert COMMANDS.keys() | NEEDS_MORE == set(roomidity.commands)
    for name, group in roomidity.commands.items():
        if isinstance(group, click.Group):
            assert {line[0] for line in COMMANDS[name]} == set(group.commands)


@pytest.mark.usefixtures("lived_in")
def test_commands_show_hostile_names_escaped(stage: Stage, tmp_path: Path) -> None:
    assert stage.forecasts.latest(HOUSE, ROOM, now=NOW) is not None, "a house of before is forecast while it is active"
    file = tmp_path / "FILE.jsonl"
    file.write_text(json.dumps({"room": ROOM, "ts": format_moment(THEN), "temperature": 20}) + "\n")
    devices = tmp_path / "MAP.json"
    devices.write_text(json.dumps({ROOM: {"room": ROOM}}))
    paths = {"FILE": str(file), "MAP": str(devices), "OUT": str(tmp_path / "out"), "OTHER": str(tmp_path / "other")}
    for line in [(name, *line) for name, lines in COMMANDS.items() for line in lines]:
        arguments = [paths.get(part, part) for part in line]
        done = CliRunner().invoke(roomidity, arguments, input="n\n")
        assert done.exception is None or isinstance(done.exception, SystemExit), (arguments, done.exception)
        said = done.output + str(done.exception or "")
        hidden = {one for one in said if one != "\n" and unicodedata.category(one) in HIDDEN}
        assert not hidden, (arguments, said)
        if line in SAYS_BOTH:
            assert visible(ROOM) in said
            assert visible(HOUSE) in said


def test_a_console_takes_text_as_it_is_and_keeps_its_own_colours(capsys: pytest.CaptureFixture[str]) -> None:
    console = _console(stderr=False)
    console.print(f"{HOUSE} \x9b2J \u2066", style="bold")
    assert capsys.readouterr().out == f"{visible(HOUSE)} \\u009b2J \\u2066\n"
