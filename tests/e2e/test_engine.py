"""The emulator under the local engine: what it does unlike AWS, and unlike what a laptop wants, is put right."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from roomidity.local.engine import Engine, _create_stack
from roomidity.local.stack import resolved, template_of
from tests.e2e.engine import CHECKOUT, plain

LISTENS = "0A"


def listening() -> dict[str, str]:
    """All TCP sockets of this machine that listen: the address, by the socket's number."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {row[9]: row[1] for row in rows if row[3] == LISTENS}


def sockets(process: Path) -> set[str]:
    """The numbers of a process's sockets."""
    try:
        links = [str(file.readlink()) for file in (process / "fd").iterdir()]
    except OSError:  # gone, or not ours
        return set()
    return {link.removeprefix("socket:[").removesuffix("]") for link in links}


@pytest.mark.skipif(sys.platform != "linux", reason="sockets are looked up in Linux's /proc")
def test_nothing_listens_beyond_loopback(engine: Engine) -> None:
    port = int(engine.endpoint.rpartition(":")[2])
    loopback = f"0100007F:{port:04X}"
    found = listening()
    (mine,) = [number for number, address in found.items() if address == loopback]
    (emulator,) = [held for one in Path("/proc").glob("[0-9]*") if mine in (held := sockets(one))]
    assert {found[number] for number in emulator & found.keys()} == {loopback}


def test_events_of_a_stack_are_told_newest_first(engine: Engine) -> None:
    """As the Serverless CLI reads them, back to where its own work began."""
    cloudformation = plain(engine.environment, "cloudformation")
    name = f"{engine.service}-{engine.stage}"
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert len(events) > 20
    assert (events[0]["LogicalResourceId"], events[0]["ResourceStatus"]) == (name, "CREATE_COMPLETE")
    assert (events[-1]["LogicalResourceId"], events[-1]["ResourceStatus"]) == (name, "CREATE_IN_PROGRESS")
    times = [event["Timestamp"] for event in events]
    assert all(later > earlier for later, earlier in pairwise(times))


def test_a_state_that_an_earlier_version_kept_gets_what_this_one_has_more(engine: Engine, states: Path) -> None:
    older = replace(engine, stage="older")
    whole = template_of(resolved(CHECKOUT, stage="older", cache=states))
    before = json.loads(whole)
    del before["Resources"]["SettingsTable"]
    dynamodb = plain(engine.environment, "dynamodb")
    _create_stack(older, json.dumps(before))
    item = {"house": {"S": "h1"}}
    dynamodb.put_item(TableName="roomidity-older-houses", Item=item)
    assert "roomidity-older-settings" not in dynamodb.list_tables()["TableNames"]
    for _ in range(2):
        _create_stack(older, whole)
        assert "roomidity-older-settings" in dynamodb.list_tables()["TableNames"]
        assert dynamodb.scan(TableName="roomidity-older-houses")["Items"] == [item]
