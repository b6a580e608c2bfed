"""How long the forecasts of a house take, cold and warm, beside the same work done as it is often written.

    .venv/bin/pip install -e '.[peers]'       # pandas, for the other one
    scripts/bench-run-time [--repeats N] [--warm N] [--days N] [--log FILE] [--json]

A simulated house of 8 rooms lives N days on the local engine, and both are trained on it: roomidity by its function
`train`, and scripts/tools/old_way.py (pandas, scikit-learn, a joblib file a room and quantity, 96 steps one
after the other). Then they take turns. Cold is a new process: from its start until the forecasts of all rooms are in
the table. Warm are further calls of that process. Each runs on one core; the engine is the same.

roomidity writes p10, p50 and p90; the other one the mean alone. --log keeps what the function logged, for
scripts/run-times.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.table import Table

from roomidity.cli.output import Output, notes, progress
from roomidity.domain.slots import format_slot
from roomidity.errors import RoomidityError
from roomidity.local.engine import running
from roomidity.local.functions import Functions
from roomidity.local.simulation import DEMO_KIND, RoomKind, Use, simulate_house
from roomidity.readings import pack_readings
from roomidity.settings import WITHOUT_QUOTAS

ROOT = Path(__file__).resolve().parents[2]

END = datetime(2026, 3, 15, tzinfo=UTC)
HOUSE = "bench"
KIND = replace(
    DEMO_KIND,
    rooms=(
        *DEMO_KIND.rooms,
        RoomKind(name="laundry_room", use=Use.LAUNDRY, volume_m3=22),
        RoomKind(name="guest_room", use=Use.BEDROOM, volume_m3=30),
    ),
)
ROOMS = sum(room.sensors > 0 for room in KIND.rooms)
QUANTILES = (50, 95, 99)

OURS = """
import io, json, sys, time
from contextlib import redirect_stdout
from pathlib import Path
from handlers.forecast import handler
from roomidity.local.functions import Context
body = json.dumps({"house": sys.argv[1], "issued_at": sys.argv[2]})
record = {"messageId": "job", "receiptHandle": "", "body": body, "eventSource": "aws:sqs", "awsRegion": "local"}
record |= {"attributes": {"SentTimestamp": "0"}, "messageAttributes": {}}
for _ in range(int(sys.argv[3])):
    begin = time.perf_counter()
    with redirect_stdout(io.StringIO()):
        answer = handler({"Records": [record]}, Context(function_name="forecast"))
    assert not answer["batchItemFailures"]
    print(json.dumps({"call_s": time.perf_counter() - begin}), flush=True)
if (status := Path("/proc/self/status")).exists():
    print(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")))
"""
"""The function as it is deployed, called as Lambda does."""


@dataclass
class Taken:
    """Seconds of a contestant: of each new process, of each further call, and the processes' memory at the most."""

    name: str
    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)


def prepare(days: int) -> None:
    """The house's past, and both contestants' models."""
    notes.print(f"{days} days of a house of {ROOMS} rooms, then a training of each")
    readings = simulate_house(seed=1, start=END - timedelta(days=days), days=days, house=HOUSE, kind=KIND).readings
    from handlers.runtime import stage  # noqa: PLC0415  # reads the environment

    functions = Functions()
    stage().readings_queue.send(list(pack_readings(readings)))
    functions.scheduled("drain", END)
    stage().forecast_jobs.delete(stage().forecast_jobs.receive())
    stage().training_jobs.send([json.dumps({"house": HOUSE, "reason": "bench", "now": format_slot(END)})])
    functions.work_off("train", stage().training_jobs)
    subprocess.run(
        [sys.executable, ROOT / "scripts/tools/old_way.py", "train", HOUSE, format_slot(END)], cwd=ROOT, check=True
    )


def take(taken: Taken, command: list[str], calls: int, log: Any) -> None:
    """Run a contestant as a process of its own: the first call is cold."""
    begin = perf_counter()
    child = subprocess.Popen(
        [sys.executable, *command, HOUSE, format_slot(END), str(calls)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert child.stdout is not None
    first = child.stdout.readline()
    cold = perf_counter() - begin
    rest = child.stdout.readlines()
    if child.wait() or not first:
        raise RoomidityError(f"{taken.name} failed with exit status {child.returncode}; its log above says why")
    taken.cold.append(cold)
    if rest and rest[-1].startswith("VmHWM"):
        taken.peak_mb.append(int(rest.pop().split()[1]) / 1024)
    taken.warm += [json.loads(line)["call_s"] for line in rest]


def bench(repeats: int, warm: int, days: int, log_path: Path | None) -> list[Taken]:
    ours, old = Taken("roomidity"), Taken("as often written")
    with tempfile.TemporaryDirectory() as folder, running(ROOT, Path(folder) / "engine", stage="bench") as engine:
        os.environ.update({**engine.environment, **WITHOUT_QUOTAS})
        os.environ["PYTHONPATH"] = str(ROOT)
        prepare(days)
        os.environ["POWERTOOLS_LOG_LEVEL"] = "INFO"  # as deployed
        with (log_path or Path(os.devnull)).open("w") as log, progress() as bar:
            task = bar.add_task("taking turns", total=repeats)
            for turn in range(repeats):
                pair = [
                    partial(take, ours, ["-c", OURS], 1 + warm, log),
                    partial(take, old, [str(ROOT / "scripts/tools/old_way.py"), "run"], 1 + max(1, warm // 10), None),
                ]
                for one in pair if turn % 2 else reversed(pair):
                    one()
                bar.advance(task)
    return [ours, old]


def summary(seconds: list[float]) -> dict[str, float]:
    found = np.percentile(seconds, QUANTILES)
    return {"count": len(seconds)} | {f"p{q}": round(float(of), 4) for q, of in zip(QUANTILES, found, strict=True)}


def table_of(several: list[Taken]) -> Table:
    table = Table("", "", "runs", *(f"p{level}, s" for level in QUANTILES), "memory, MB")
    for column in table.columns[2:]:
        column.justify = "right"
    for one in several:
        for kind, seconds in (("cold", one.cold), ("warm", one.warm)):
            count, *quantiles = summary(seconds).values()
            memory = f"{max(one.peak_mb):.0f}" if kind == "cold" and one.peak_mb else ""
            cells = (f"{count:.0f}", *(f"{of:.3f}" for of in quantiles), memory)
            table.add_row(one.name if kind == "cold" else "", kind, *cells)
    ours, old = several
    ratios = [(np.median(getattr(old, kind)) / np.median(getattr(ours, kind))) for kind in ("cold", "warm")]
    table.caption = f"of the medians: {ratios[0]:.1f} times as fast cold, {ratios[1]:.0f} times warm"
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench-run-time", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=20, metavar="N", help="processes of each (default %(default)s)")
    parser.add_argument(
        "--warm",
        type=int,
        default=30,
        metavar="N",
        help="further calls; a tenth of the slower one (default %(default)s)",
    )
    parser.add_argument("--days", type=int, default=28, metavar="N", help="history of the house (default %(default)s)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep the function's log, for scripts/run-times")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    if min(arguments.repeats, arguments.warm) < 1 or arguments.days < 7:
        parser.error("expected at least 1 of --repeats and --warm, and 7 of --days")
    lacking = [name for name in ("pandas", "sklearn", "joblib", "ministack") if find_spec(name) is None]
    if lacking:
        sys.exit(
            f"bench-run-time: {sys.executable} lacks {', '.join(lacking)}; .venv/bin/pip install -e '.[dev,peers]' "
            "brings them, into the checkout's environment"
        )
    output = Output(as_json=arguments.json)
    try:
        several = bench(arguments.repeats, arguments.warm, arguments.days, arguments.log)
    except (RoomidityError, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"bench-run-time: {error}")
    output.tables.print(table_of(several))
    output.answer(
        {
            one.name: {
                "cold_s": summary(one.cold),
                "warm_s": summary(one.warm),
                "peak_mb": round(max(one.peak_mb), 1) if one.peak_mb else None,
            }
            for one in several
        }
    )


if __name__ == "__main__":
    main()
