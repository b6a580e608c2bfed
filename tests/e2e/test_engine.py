"""The emulator under the local engine: what it does unlike AWS, and unlike what a laptop wants, is put right."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest

from roomidity.local.engine import Engine
from tests.e2e.engine import plain

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
