"""How large is the container image, and how long does a cold start take? Measured in the image as it is deployed.

    scripts/measure-image [--runs N] [--function NAME...] [--json]

The image is built by Docker on a stand-in for AWS's base image (Debian with the same Python), in a sandbox that nothing
leaves; an emulator is AWS. A cold start is the time from a process's start to its first result under the Runtime
Interface Emulator, on one CPU, which is what the functions' memory gives. Beside it, in the same container and paired
run by run, stands that of a bare interpreter which imports NumPy and boto3 and makes clients for SQS, S3 and DynamoDB.
Files are in the page cache: what Lambda takes to load an image for the first time is not in it.

What is asked: drain takes a message of a house's readings, forecast a job of that house, verify a day of it that has no
forecasts, train a job of a house that is new; so each imports all that it uses, and none waits for a long poll.

Wants root, and says what else is missing. Takes some three minutes; Debian is fetched once and kept in .roomidity.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl
from rich.table import Table

from roomidity.cli.output import Output, notes
from roomidity.domain.slots import SLOT, floor_slot, format_slot
from roomidity.local.simulation import simulate_house
from roomidity.local.stack import resolved, template_of
from roomidity.readings import pack_readings
from tests.e2e.deploy.base import BASE_IMAGE, make_base_image
from tests.e2e.deploy.cloud import ACCOUNT, Cloud, cloud
from tests.e2e.deploy.sandbox import REGION, Sandbox, SandboxError, missing, sandbox

ROOT = Path(__file__).resolve().parents[2]

IMAGE = "roomidity:measured"
STAGE = "measured"
FUNCTIONS = ("drain", "forecast", "verify", "train")
NOW = floor_slot(datetime.now(UTC))


def build(inside: Sandbox) -> dict[str, Any]:
    """Build the image; its size over the base, and of each layer, in MB."""
    inside.run(
        *("docker", "build", "--file", ROOT / "container/Dockerfile", "--build-arg", f"BASE_IMAGE={BASE_IMAGE}"),
        *("--tag", IMAGE, ROOT),
        environment={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
    )
    below = len(_history(inside, BASE_IMAGE))
    layers = [layer for layer in _history(inside, IMAGE)[:-below] if layer["mb"]]
    return {"base_mb": _size(inside, BASE_IMAGE), "over_base_mb": _size(inside, IMAGE, BASE_IMAGE), "layers": layers}


def _size(inside: Sandbox, image: str, over: str | None = None) -> float:
    size = int(inside.run("docker", "image", "inspect", "--format", "{{.Size}}", image)) / 1e6
    return round(size - (_size(inside, over) if over else 0), 1)


def _history(inside: Sandbox, image: str) -> list[dict[str, Any]]:
    """The steps that made an image, the newest first."""
    told = inside.run(
        *("docker", "history", "--human=false", "--no-trunc", "--format", "{{.Size}}\t{{.CreatedBy}}", image)
    )
    lines = [line.split("\t", 1) for line in told.splitlines()]
    return [
        {"mb": round(int(size) / 1e6, 2), "step": step.partition("#(nop)")[2].strip() or step} for size, step in lines
    ]


def contents(inside: Sandbox) -> dict[str, float]:
    """The largest folders of the image's code, in MB."""
    told = inside.run(
        "docker", "run", "--rm", "--entrypoint", "sh", IMAGE, "-c", "du -sk /var/task/* | sort -rn | head -12"
    )
    return {
        line.split("\t")[1].rpartition("/")[2]: round(int(line.split("\t")[0]) / 1e3, 1) for line in told.splitlines()
    }


class Container:
    """One of the image, that functions start in again and again, with the stage's queues, tables and bucket."""

    def __init__(self, aws: Cloud, folder: Path) -> None:
        self._aws = aws
        template = template_of(resolved(ROOT, stage=STAGE, cache=folder))
        formation = aws.client("cloudformation")
        formation.create_stack(StackName=STAGE, TemplateBody=template)
        formation.get_waiter("stack_create_complete").wait(StackName=STAGE, WaiterConfig={"Delay": 1})
        environment = {
            "AWS_ENDPOINT_URL": "http://host.docker.internal:80",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "ROOMIDITY_STAGE": STAGE,
            "ROOMIDITY_BUCKET": f"roomidity-{STAGE}-{ACCOUNT}",
            "ROOMIDITY_POLL_WAIT_S": "0",
            "POWERTOOLS_SERVICE_NAME": "roomidity",
            "POWERTOOLS_METRICS_NAMESPACE": "roomidity",
        }
        probe = folder / "probe.py"
        shutil.copy(ROOT / "tests/e2e/deploy/probe.py", probe)
        self._name = aws.inside.run(
            *("docker", "run", "--detach", "--cpus", "1", "--add-host", "host.docker.internal:host-gateway"),
            *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
            *("--volume", f"{probe}:/probe.py:ro", "--entrypoint", "sleep", IMAGE, "infinity"),
        ).strip()
        start = NOW - timedelta(days=4)
        readings = simulate_house(seed=11, start=start, days=5, house="measured").readings
        self._history = readings.filter(pl.col("ts") < NOW)
        self._newest = self._history.filter(pl.col("ts") >= NOW - SLOT)
        self._send(self._history)
        self._send(self._newest.with_columns(house=pl.lit("new")))
        self.start("drain")

    def start(self, function: str) -> dict[str, float]:
        """Start a function and a bare interpreter; the seconds of each."""
        if function == "drain":
            self._send(self._newest)
        told = self._aws.inside.run(
            "docker",
            "exec",
            self._name,
            "python3",
            "/probe.py",
            f"handlers.{function}.handler",
            json.dumps(_event(function)),
        )
        found: dict[str, Any] = json.loads(told.splitlines()[-1])
        if "errorMessage" in found["answer"] or found["answer"].get("batchItemFailures"):
            raise SandboxError(f"{function} failed: {found['answer']}")
        return found

    def _send(self, readings: pl.DataFrame) -> None:
        sqs = self._aws.client("sqs")
        queue = sqs.get_queue_url(QueueName=f"roomidity-{STAGE}-readings")["QueueUrl"]
        for body in pack_readings(readings):
            sqs.send_message(QueueUrl=queue, MessageBody=body)


def _event(function: str) -> dict[str, Any]:
    if function == "drain":
        return {"time": NOW.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if function == "verify":
        return {"house": "measured", "day": (NOW - timedelta(days=2)).date().isoformat()}
    job = (
        {"house": "measured", "issued_at": format_slot(NOW)}
        if function == "forecast"
        else {"house": "new", "reason": "measured"}
    )
    record = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": json.dumps(job),
        "eventSource": "aws:sqs",
        "attributes": {},
    }
    return {"Records": [record]}


def measure(container: Container, functions: Sequence[str], runs: int) -> dict[str, dict[str, float]]:
    """Medians and extremes by function; functions take turns, so that none has the machine's quiet minute alone."""
    pairs: dict[str, list[dict[str, float]]] = {name: [] for name in functions}
    for number in range(runs + 1):
        notes.print(f"run {number} of {runs}" + ("" if number else ", which only fills the page cache"))
        for name in functions:
            pair = container.start(name)
            if number:
                pairs[name].append(pair)
    return {
        name: {
            "cold_start_s": round(median(pair["function_s"] for pair in found), 3),
            "fastest_s": round(min(pair["function_s"] for pair in found), 3),
            "slowest_s": round(max(pair["function_s"] for pair in found), 3),
            "bare_s": round(median(pair["bare_s"] for pair in found), 3),
            "times_bare": round(median(pair["function_s"] / pair["bare_s"] for pair in found), 2),
        }
        for name, found in pairs.items()
    }


def show(found: dict[str, Any], output: Output) -> None:
    image = found["image"]
    sizes = Table("MB", "layer", title=f"The image: {image['over_base_mb']} MB over its base of {image['base_mb']} MB")
    for layer in image["layers"]:
        sizes.add_row(f"{layer['mb']:.1f}", layer["step"])
    for name, mb in found["contents_mb"].items():
        sizes.add_row(f"{mb:.1f}", f"  /var/task/{name}")
    starts = Table("function", "cold start, s", "fastest", "slowest", "bare, s", "times bare", title="Cold starts")
    for name, one in found["cold_starts"].items():
        starts.add_row(name, *(f"{value:.2f}" for value in one.values()))
    output.tables.print(sizes, starts)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="measure-image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7, help="pairs of starts of each function (default: 7)")
    parser.add_argument("--function", action="append", choices=FUNCTIONS, help="only this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else on standard output")
    given = parser.parse_args()
    if given.runs < 1:
        parser.error("--runs takes a whole number, 1 or more")
    if lacks := missing():
        notes.print(f"This machine lacks: {'; '.join(lacks)}", style="red")
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="measure-image-") as name, sandbox(Path(name)) as inside:
            notes.print("Making the base image ...")
            make_base_image(inside, ROOT / ".roomidity/deploy")
            notes.print("Building the image ...")
            found = {"image": build(inside), "contents_mb": contents(inside)}
            with cloud(inside) as aws:
                container = Container(aws, Path(name))
                found["cold_starts"] = measure(container, given.function or FUNCTIONS, given.runs)
    except SandboxError as error:
        notes.print(str(error), style="red", markup=False)
        return 1
    output = Output(as_json=given.json)
    show(found, output)
    output.answer(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
