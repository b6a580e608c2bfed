"""How long the functions take, and how much that varies, from their logs.

    scripts/run-times [FILE...] [--function NAME] [--plot FILE.png] [--json]
    aws logs tail /aws/lambda/roomidity-prod-forecast --since 1d | scripts/run-times

Reads the lines `timed` that every call logs, from files or standard input: as JSON lines, as `aws logs tail` prints
them, or as `aws logs filter-log-events` answers. Other lines are passed over, and counted. Shown are the median, p95
and p99 by function and phase, cold starts and warm calls apart. The init of a cold start is from the process's start
until the handler is imported; `all` is the init and the call.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from roomidity.cli.output import Output

QUANTILES = (50, 95, 99)
BINS = 20
BAR = 40

PHASES = (
    "init",
    "connect",
    "receive",
    "decode",
    "store",
    "delete",
    "ask",
    "read_house",
    "load_model",
    "read_window",
    "read_weather",
)
COLOURS = {phase: place for place, phase in enumerate((*PHASES, "forecast", "write"))}


@dataclass
class Calls:
    """The calls of a function that were cold, or warm: ms by phase. A phase that a call had not is absent from it."""

    function: str
    cold: bool
    ms: dict[str, list[float]] = field(default_factory=dict)

    def add(self, phases: Mapping[str, float]) -> None:
        for phase, ms in phases.items():
            self.ms.setdefault(phase, []).append(ms)

    @property
    def count(self) -> int:
        return len(self.ms["all"])

    @property
    def name(self) -> str:
        return f"{self.function}, {'cold' if self.cold else 'warm'}"


def entries(lines: Iterable[str]) -> Iterator[Mapping[str, Any] | None]:
    """Each line's log entry; None for a line that is none."""
    for line in lines:
        if '"message"' not in line:
            yield None
            continue
        text = line[line.find("{") :]
        try:
            entry = json.loads(text)
            if isinstance(entry.get("message"), str) and entry["message"].lstrip().startswith(
                "{"
            ):  # an event of CloudWatch
                entry = json.loads(entry["message"])
        except (ValueError, AttributeError):
            yield None
            continue
        yield entry


def flat(content: str) -> Iterator[str]:
    """Lines; of an answer of `filter-log-events`, which is one JSON object, its events."""
    if content.lstrip().startswith("{"):
        try:
            answer = json.loads(content)
        except ValueError:
            pass  # more than one object: lines
        else:
            if isinstance(answer.get("events"), list):
                yield from (json.dumps(event) for event in answer["events"])
                return
    yield from content.splitlines()


def gather(lines: Iterable[str], function: str | None) -> tuple[list[Calls], int]:
    """The calls by function, cold and warm; and how many lines were something else."""
    found: dict[tuple[str, bool], Calls] = {}
    others = 0
    for entry in entries(lines):
        if entry is None or entry.get("message") != "timed" or "total_ms" not in entry:
            others += 1
            continue
        name = str(entry.get("function_name", "?")).rpartition("-")[2]
        if function is not None and name != function:
            continue
        init = entry.get("init_ms")
        calls = found.setdefault((name, init is not None), Calls(name, init is not None))
        phases = {"all": entry["total_ms"] + (init or 0.0)}
        phases |= {} if init is None else {"init": init}
        calls.add(phases | entry.get("phases_ms", {}))
    return [found[key] for key in sorted(found)], others


def summary(ms: list[float]) -> dict[str, float]:
    quantiles = np.percentile(ms, QUANTILES)
    return {f"p{level}": round(float(value), 2) for level, value in zip(QUANTILES, quantiles, strict=True)}


def table_of(several: list[Calls]) -> Table:
    table = Table("function", "phase", "calls", *(f"p{level}, ms" for level in QUANTILES), "p95 / p50")
    for column in table.columns[2:]:
        column.justify = "right"
    for calls in several:
        for place, (phase, ms) in enumerate(calls.ms.items()):
            of = summary(ms)
            ratio = f"{of['p95'] / of['p50']:.2f}" if of["p50"] else "–"
            cells = (f"{len(ms):,}", *(f"{value:,.1f}" for value in of.values()), ratio)
            table.add_row(calls.name if place == 0 else "", phase, *cells, style="bold" if phase == "all" else None)
        table.add_section()
    return table


def histogram(calls: Calls) -> str:
    """Bars of the calls' time, from the fastest to p99; what lies beyond is the last bar's."""
    ms = np.array(calls.ms["all"])
    low, high = float(ms.min()), float(np.percentile(ms, 99))
    edges = np.linspace(low, max(high, low + 0.1), BINS + 1)
    counts, _ = np.histogram(np.minimum(ms, edges[-1]), edges)
    lines = [f"{calls.name}: ms, {calls.count:,} calls"]
    lines += [
        f"{start:10,.1f} {'█' * max(round(BAR * count / counts.max()), int(count > 0))} {count or ''}".rstrip()
        for start, count in zip(edges, counts, strict=False)
    ]
    return "\n".join(lines)


def plot(several: list[Calls], path: Path) -> None:
    """The share of calls that took no longer, cold and warm apart, and the medians of the phases."""
    if find_spec("matplotlib") is None:
        sys.exit("run-times: --plot needs matplotlib; install it with: pip install 'roomidity[plots]'")
    from matplotlib import colormaps  # noqa: PLC0415  # only for a plot
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    shares, phases = figure.subplots(1, 2)
    for calls in several:
        shares.ecdf(calls.ms["all"], label=f"{calls.name} ({calls.count:,})")
        left = 0.0
        for phase, ms in calls.ms.items():
            if phase != "all":
                width = float(np.median(ms))
                phases.barh(calls.name, width, left=left, label=phase, color=colormaps["tab20"](COLOURS.get(phase, 19)))
                left += width
    shares.set(xscale="log", xlabel="ms", ylabel="share of calls", title="took no longer than")
    shares.grid(alpha=0.3)
    shares.legend(fontsize="small")
    handles = dict(zip(*reversed(phases.get_legend_handles_labels()), strict=True))
    names = sorted(handles, key=lambda phase: COLOURS.get(phase, 19))
    phases.legend([handles[name] for name in names], names, fontsize="small")
    phases.set(xlabel="ms, medians", title="phases")
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="run-times", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="logs (default: standard input)")
    parser.add_argument("--function", help="of one function: drain, forecast, verify or train")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the distribution")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    output = Output(as_json=arguments.json)
    try:
        contents = [path.read_text() for path in arguments.files] if arguments.files else [sys.stdin.read()]
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"run-times: {error}")
    several, others = gather((line for content in contents for line in flat(content)), arguments.function)
    if not several:
        sys.exit(
            f"run-times: found no line of a timed call among {others:,}; expected JSON with the message `timed` and "
            "total_ms, which a function logs at level INFO"
        )
    output.tables.print(table_of(several))
    for calls in several:
        output.tables.print(histogram(calls), markup=False)
    output.tables.print(f"{others:,} other lines were passed over")
    if arguments.plot:
        plot(several, arguments.plot)
    output.answer(
        {
            "calls": [
                {"function": one.function, "cold": one.cold, "count": one.count}
                | {"ms": {phase: summary(ms) for phase, ms in one.ms.items()}}
                for one in several
            ],
            "other_lines": others,
        }
    )


if __name__ == "__main__":
    main()
