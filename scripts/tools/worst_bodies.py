"""What the worst messages cost a tick, on the local engine: memory and time of the function `drain`, as deployed.

    scripts/worst-bodies [--only NAME...] [--counts N...] [--json]

A message has 256 KB at most, and who sends it may fill it with what takes the most: readings by the ten thousand,
names, slots, or one reading for each of sixty slots that are full. Each body goes into the queue, once and twice. Then
the function drains it in a fresh process of its own, with the quotas, the timeout and the memory of serverless.yml.

Last comes a flood: nine messages that name 12,000 houses each, none ever heard of. Counted are calls of AWS, too, and
the units of DynamoDB, as AWS would bill them.

Exit status 1 if a body alone takes more than 900 MB or 60 s, two of them more memory than the function has, or if a
reading is not accounted for.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from roomidity.cli.output import Output, notes
from roomidity.composition import Stage
from roomidity.domain.slots import format_moment
from roomidity.errors import RoomidityError
from roomidity.local.engine import running
from roomidity.local.stack import resolved
from tests.worst_bodies import WORST, full_sets, worst_body

ROOT = Path(__file__).resolve().parents[2]

STAGE = "worst"
START = datetime(2026, 1, 5, tzinfo=UTC)
APART = timedelta(days=2)
"""Between ticks: the houses that one brought ask for no forecasts in the next, and count for no day's quota."""

MOST_MB = 900
MOST_S = 60.0
"""Of one body."""

FLOOD = 9
"""Messages, each with houses of its own."""

DRAIN = """
import io, json, sys, time
from contextlib import redirect_stdout
from roomidity.local.functions import Context

class Limited(Context):
    def get_remaining_time_in_millis(self):
        return round(1_000 * (float(sys.argv[2]) - time.perf_counter() + begin))

begin, cpu = time.perf_counter(), time.process_time()
with redirect_stdout(io.StringIO()):  # metrics
    from handlers.drain import handler
    from handlers.runtime import stage
    from roomidity.local.units import Meter
    from scripts.tools.memory import peak_mb

    meter = Meter(stage().clients.session, stored=lambda table, key: {})  # a drain updates no item, it puts them
    answer = handler({"source": "aws.events", "time": sys.argv[1], "detail": {}}, Limited("drain"))
took = {"wall_s": time.perf_counter() - begin, "cpu_s": time.process_time() - cpu, "peak_mb": peak_mb()}
units = {}
for (what, _), count in meter.take().items():
    units[what] = units.get(what, 0) + round(count)
print(json.dumps(took | {"answer": answer, "units": units}))
"""


@dataclass(frozen=True)
class Tick:
    """What one or more of a body cost."""

    body: str
    count: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    received: int
    stored: int
    rejected: int
    units: dict[str, int]
    problems: list[str]


@dataclass(frozen=True)
class Place:
    """A stage on an engine, and what its drain may take."""

    stage: Stage
    timeout_s: int
    memory_mb: int

    def tick(self, name: str, count: int, *, number: int) -> Tick:
        """Send a body so many times, and drain it."""
        now, house = START + number * APART, f"w{number}-"
        if name == "full slots":
            self.stage.sets.put_many(dict(full_sets(house, now)))
        self.stage.readings_queue.send([worst_body(name, house, now, number=copy) for copy in range(count)])
        run = subprocess.run(  # this interpreter, and the text above
            [sys.executable, "-c", DRAIN, format_moment(now), str(self.timeout_s)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise RoomidityError(f"the drain of {name!r} failed: {run.stderr[-2_000:]}")
        took = json.loads(run.stdout)
        answer, units = took.pop("answer"), took.pop("units")
        return Tick(
            body=name,
            count=count,
            **{of: round(value, 1) for of, value in took.items()},
            **{of: answer["readings"][of] for of in ("received", "stored", "rejected")},
            units=units,
            problems=list(self._problems(count, took, answer)),
        )

    def _problems(self, count: int, took: dict[str, float], answer: dict[str, Any]) -> Iterator[str]:
        most_mb = MOST_MB if count == 1 else self.memory_mb
        if took["peak_mb"] > most_mb:
            yield f"it took {took['peak_mb']:.0f} MB; at most {most_mb} MB"
        if count == 1 and took["wall_s"] > MOST_S:
            yield f"it took {took['wall_s']:.0f} s; at most {MOST_S:.0f} s"
        if answer["violations"] or answer["undeleted"] or self.stage.readings_queue.depth():
            yield f"{answer['violations']} violations; {answer['undeleted']} messages were left"


@contextmanager
def fresh() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder, running(ROOT, Path(folder) / "engine", stage=STAGE) as engine:
        os.environ.update(engine.environment)  # the quotas among it
        function = resolved(ROOT, stage=STAGE, cache=Path(folder))["functions"]["drain"]
        yield Place(Stage.from_environment(os.environ), int(function["timeout"]), int(function["memorySize"]))


def table_of(ticks: Sequence[Tick]) -> Table:
    table = Table(
        "body",
        "times",
        "s",
        "CPU s",
        "peak MB",
        "received",
        "stored",
        "rejected",
        "calls",
        "WCU",
        "RCU",
        title="The worst bodies",
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for tick in ticks:
        table.add_row(
            *(tick.body, str(tick.count), f"{tick.wall_s:.1f}", f"{tick.cpu_s:.1f}", f"{tick.peak_mb:.0f}"),
            *(f"{tick.received:,}", f"{tick.stored:,}", f"{tick.rejected:,}"),
            *(f"{tick.units.get(of, 0):,}" for of in ("calls", "write_units", "read_units")),
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="worst-bodies", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=tuple(WORST), metavar="NAME", help=f"of {', '.join(WORST)}")
    parser.add_argument("--counts", nargs="+", type=int, default=[1, 2], metavar="N", help="times (default 1 2)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    output = Output(as_json=arguments.json)
    ticks: list[Tick] = []
    try:
        with fresh() as place:
            for name in arguments.only or WORST:
                for count in [*arguments.counts, *([FLOOD] if name == "houses" else [])]:
                    ticks.append(place.tick(name, count, number=len(ticks)))
                    notes.print(f"{name}, {count}: {ticks[-1].wall_s} s, {ticks[-1].peak_mb:.0f} MB")
            memory_mb = place.memory_mb
    except RoomidityError as error:
        sys.exit(f"worst-bodies: {error}")
    output.tables.print(table_of(ticks))
    output.tables.print(f"s: with the function's start, in a fresh process. The function has {memory_mb} MB.")
    output.answer({"memory_mb": memory_mb, "ticks": [asdict(tick) for tick in ticks]})
    problems = [f"{tick.body}, {tick.count}: {problem}" for tick in ticks for problem in tick.problems]
    if problems:
        sys.exit("worst-bodies: " + "; ".join(problems))


if __name__ == "__main__":
    main()
