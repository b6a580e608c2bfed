"""What the functions log of their run time, and what scripts/run-times makes of such logs."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from roomidity.composition import Stage
from roomidity.errors import VerificationError
from roomidity.local.functions import Context
from tests.conftest import CHECKOUT
from tests.integration.test_handlers import NOW, observe, records, sample

DRAIN = ["connect", "receive", "decode", "store", "delete", "ask"]
FORECAST = [
    "connect",
    "read_house",
    "load_model",
    "read_window",
    "read_weather",
    "forecast",
    "write",
    "notices",
    "advice",
]


@pytest.fixture
def logged(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines `timed`; the functions find their stage in the environment."""
    runtime = import_module("handlers.runtime")
    runtime.stage.cache_clear()
    found: list[dict[str, Any]] = []

    def info(message: str, *, extra: dict[str, Any] | None = None, **_: Any) -> None:
        if message == "timed":
            assert extra is not None
            found.append(json.loads(json.dumps(extra)))

    monkeypatch.setattr(runtime.logger, "info", info)
    return found


def test_each_call_logs_its_phases(stage: Stage, logged: list[dict[str, Any]]) -> None:
    observe(stage, "demo", days=1)
    stage.readings_queue.send([json.dumps(sample("reading"))])
    import_module("handlers.drain").handler(sample("drain"), Context(function_name="drain"))
    jobs = records("forecast", *[{"house": "demo", "issued_at": "2026-03-15T00:00Z"}] * 3)
    import_module("handlers.forecast").handler(jobs, Context(function_name="forecast"))
    drain, forecast = logged
    assert list(drain["phases_ms"]) == DRAIN
    assert list(forecast["phases_ms"]) == FORECAST
    assert (drain["jobs"], forecast["jobs"]) == (1, 3)
    for line in logged:
        assert all(ms >= 0 for ms in line["phases_ms"].values())
        assert sum(line["phases_ms"].values()) <= line["total_ms"] + 0.1


def test_a_call_that_fails_is_timed_as_well(
    stage: Stage, logged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, fleet = import_module("handlers.verify"), import_module("roomidity.pipeline.fleet")
    observe(stage, "demo", days=1)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("as asked")

    monkeypatch.setattr(fleet, "run_night", broken)
    with pytest.raises(VerificationError):
        verify.handler({"time": NOW.isoformat()}, Context(function_name="verify"))
    (line,) = logged
    assert line["total_ms"] > 0


INIT = """
import sys, time
before_ms = 1000 * time.process_time()
from handlers.runtime import run_timed, logger
found = []
logger.info = lambda message, *, extra: found.append(extra)
handler = run_timed(lambda event, context: {})
time.sleep(0.3)  # an environment that was started ahead of need
for _ in range(2):
    handler({}, None)
first, second = found
assert first["init_ms"] > before_ms, (first, before_ms)
assert "init_ms" not in second
started_s = int(open("/proc/self/stat").read().rpartition(")")[2].split()[19]) / 100
age_s = float(open("/proc/uptime").read().split()[0]) - started_s
assert first["init_ms"] <= 1000 * (age_s - 0.25), "the wait counted"
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="tells a process's age by /proc")
def test_the_first_call_alone_tells_the_init_which_ends_with_the_imports() -> None:
    done = subprocess.run(  # noqa: S603  # our own Python
        [sys.executable, "-c", INIT], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# ---- scripts/run-times


def line(function: str = "roomidity-prod-forecast", *, total: float = 50.0, **more: Any) -> str:
    entry = {"level": "INFO", "message": "timed", "function_name": function, "jobs": 1, "total_ms": total, **more}
    return json.dumps({"phases_ms": {"read_window": total / 2, "write": total / 4}} | entry)


def run_times(content: str, *arguments: str | Path, status: int = 0) -> Any:
    done = subprocess.run(  # noqa: S603  # our own script
        [CHECKOUT / "scripts/run-times", *arguments],
        input=content,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout) if "--json" in arguments else done.stdout + done.stderr


def test_quantiles_by_function_and_phase_cold_and_warm_apart() -> None:
    lines = [line(total=float(total)) for total in range(1, 101)]
    lines += [
        line(total=200.0, init_ms=1000.0),
        line("drain", total=80.0),
        "START RequestId: 1",
        "{}",
        '{"message": 1}',
    ]
    answer = run_times("\n".join(lines), "--json")
    assert [(one["function"], one["cold"], one["count"]) for one in answer["calls"]] == [
        ("drain", False, 1),
        ("forecast", False, 100),
        ("forecast", True, 1),
    ]
    warm, cold = answer["calls"][1:]
    assert warm["ms"]["all"] == {"p50": 50.5, "p95": 95.05, "p99": 99.01}
    assert warm["ms"]["write"]["p50"] == pytest.approx(12.62, abs=0.01)
    assert cold["ms"]["init"]["p50"] == 1000
    assert cold["ms"]["all"]["p50"] == 1200
    assert answer["other_lines"] == 3
    assert len(run_times("\n".join(lines), "--json", "--function", "drain")["calls"]) == 1


def test_logs_as_the_aws_command_prints_them(tmp_path: Path) -> None:
    tail = f"2026-03-15T00:01:02+00:00 2026/03/15/[$LATEST]0123 {line()}\n"
    events = json.dumps({"events": [{"timestamp": 1, "message": line() + "\n"}, {"message": "REPORT RequestId: 1"}]})
    path = tmp_path / "events.json"
    path.write_text(events)
    assert run_times(tail, "--json")["calls"][0]["count"] == 1
    assert run_times("", path, path, "--json")["calls"][0]["count"] == 2


def test_a_chart_for_the_terminal_and_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "times.png"
    shown = run_times("\n".join([line(total=float(n)) for n in range(40)] + [line(init_ms=900.0)]), "--plot", path)
    assert "forecast, warm: ms, 40 calls" in shown
    assert "forecast, cold: ms, 1 calls" in shown
    assert "█" in shown
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_log_without_timed_calls_says_what_was_expected() -> None:
    said = run_times("START\nEND\n", status=1)
    assert "among 2; expected JSON with the message `timed`" in said
