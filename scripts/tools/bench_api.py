"""How long the API takes, and what a request costs: on the local engine, for a simulated house that was just forecast.

    scripts/bench-api [--requests N] [--colds N] [--json]

Warm: each route through the laptop's server on a connection that stays, N times, its wall time on this machine; the
calls of DynamoDB and their read units are counted by the items' sizes. Cold: a new process until its first answer,
which is what a first request waits for on AWS beside the start of the environment. A page that is open asks for its
forecasts every five minutes, and for the last day's observations and yesterday's forecasts every fifteen: what that
takes in a month is priced at list prices of us-east-1, without what is free.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from rich.table import Table

from roomidity.cli.output import Output, notes
from roomidity.cli.token import token_for_a_day
from roomidity.domain.slots import format_slot
from roomidity.local.engine import running
from roomidity.local.functions import Functions
from roomidity.local.server import serving
from roomidity.local.simulation import simulate_house
from roomidity.local.units import Meter
from roomidity.readings import pack_readings

ROOT = Path(__file__).resolve().parents[2]

END = datetime(2026, 3, 15, tzinfo=UTC)
DAYS = 3
COLD = (
    "import json, sys; sys.path.insert(0, '.'); from datetime import datetime; from handlers.api import handler; "
    "from roomidity.local.functions import Context; event = json.loads(sys.argv[1]); "
    "answer = handler(event, Context('api', replayed_to=datetime.fromisoformat(sys.argv[2]))); "
    "assert answer['statusCode'] == 200"
)
DAY_REQUESTS = {"/forecasts": 288, "/observations": 96, "/forecasts yesterday": 96}
USD = {"request": 1.00e-6 + 0.20e-6, "GB-s": 16.6667e-6, "read unit": 0.125e-6, "GB out": 0.09}
MEMORY_GB = 1769 / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench-api", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--requests", type=int, default=200, metavar="N", help="warm ones a route (default %(default)s)"
    )
    parser.add_argument("--colds", type=int, default=9, metavar="N", help="cold ones (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    output = Output(as_json=arguments.json)
    with tempfile.TemporaryDirectory() as folder, running(ROOT, Path(folder) / "engine", stage="bench") as engine:
        os.environ.update(engine.environment)
        answer = measure(arguments.requests, arguments.colds)
    table = Table("route", "p50 ms", "p99 ms", "calls", "read units", "kB", "kB gzipped")
    for column in table.columns[1:]:
        column.justify = "right"
    for route, of in answer["warm"].items():
        numbers = (of["p50_ms"], of["p99_ms"], of["calls"], of["read_units"], of["bytes"] / 1e3, of["gzip_bytes"] / 1e3)
        table.add_row(route, *(f"{number:.1f}" for number in numbers))
    output.tables.print(table)
    output.tables.print(
        f"Cold, a new process until its first answer: p50 {answer['cold']['p50_ms']:.0f} ms, slowest "
        f"{answer['cold']['most_ms']:.0f} ms. A page open all month: {answer['page_usd_a_month']:.3f} USD, list price."
    )
    output.answer(answer)


def measure(requests: int, colds: int) -> dict[str, Any]:
    from handlers import runtime  # noqa: PLC0415  # reads the environment that the engine set

    stage = runtime.stage()
    plain: Any = boto3.client("dynamodb")
    meter = Meter(
        stage.clients.session,
        stored=lambda table, key: plain.get_item(TableName=table, Key=key).get("Item", {}),
    )
    fill(stage)
    token = token_for_a_day("demo")
    headers = {"Authorization": f"Bearer {token}"}
    yesterday = format_slot(END - timedelta(days=1))
    routes = {
        "/": "/",
        "/v1/house": "/v1/house",
        "/forecasts": "/v1/house/forecasts",
        "/forecasts yesterday": f"/v1/house/forecasts?issued_at={yesterday}",
        "/observations": "/v1/house/observations",
        "/accuracy": "/v1/house/accuracy",
        "/models": "/v1/house/models",
        "/series": "/v1/house/series",
    }
    notes.print(f"{requests} warm requests to each of {len(routes)} routes")
    warm = {}
    with serving(None, replayed_to=END) as address:
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        for name, path in routes.items():
            ask(connection, path, headers)
            meter.take()
            size = ask(connection, path, headers)[1]
            units = meter.take()
            taken = [ask(connection, path, headers | {"Accept-Encoding": "gzip"}) for _ in range(requests)]
            warm[name] = {
                "p50_ms": float(np.quantile([ms for ms, _ in taken], 0.5)),
                "p99_ms": float(np.quantile([ms for ms, _ in taken], 0.99)),
                "calls": sum(count for (what, _), count in units.items() if what == "calls"),
                "read_units": sum(count for (what, _), count in units.items() if what == "read_units"),
                "bytes": size,
                "gzip_bytes": taken[-1][1],
            }
    notes.print(f"{colds} cold requests")
    event = {"rawPath": "/v1/house/forecasts", "headers": {"authorization": headers["Authorization"]}}
    cold = []
    for _ in range(colds):
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", COLD, json.dumps(event), END.isoformat()], cwd=ROOT, check=True, capture_output=True
        )
        cold.append(1000 * (time.perf_counter() - begin))
    return {
        "warm": warm,
        "cold": {"p50_ms": float(np.median(cold)), "most_ms": max(cold)},
        "page_usd_a_month": page_usd(warm),
    }


def ask(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> tuple[float, int]:
    """Milliseconds and bytes of an answer."""
    begin = time.perf_counter()
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        sys.exit(f"bench-api: {path} is answered {answer.status}: {body[:200]!r}")
    return 1000 * (time.perf_counter() - begin), len(body)


def fill(stage: Any) -> None:
    """A simulated house of some days, forecast at their end."""
    notes.print(f"simulating {DAYS} days of a house, taking them in and forecasting it")
    readings = simulate_house(seed=1, start=END - timedelta(days=DAYS), days=DAYS).readings
    functions = Functions()
    stage.readings_queue.send(list(pack_readings(readings)))
    for at in (END - timedelta(days=1), END):
        functions.scheduled("drain", at)
        functions.work_off("forecast", stage.forecast_jobs)


def page_usd(warm: Mapping[str, Mapping[str, float]]) -> float:
    """USD of a page that is open for a month."""
    day = 0.0
    for name, count in DAY_REQUESTS.items():
        of = warm[name]
        one = USD["request"] + USD["GB-s"] * MEMORY_GB * of["p50_ms"] / 1000
        day += count * (one + USD["read unit"] * of["read_units"] + USD["GB out"] * of["gzip_bytes"] / 1e9)
    return day * 365.25 / 12


if __name__ == "__main__":
    main()
