"""A deployment in the sandbox: a copy of the checkout, what a person does with it, and what they see of it."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import polars as pl

from roomidity.readings import pack_readings
from tests.e2e.deploy.base import BASE_IMAGE, architecture
from tests.e2e.deploy.cloud import Cloud
from tests.e2e.deploy.sandbox import REGION
from tests.e2e.engine import CHECKOUT

Found = TypeVar("Found")

__all__ = ["Deployment", "Stored", "Timings", "copy_checkout", "copy_version", "until"]

_COPIED: Final = ("container", "handlers", "roomidity", "serverless.yml", "package.json", "pyproject.toml")
_COPIED_TOO: Final = ("README.md", "LICENSE", ".dockerignore")
_LOOK: Final = timedelta(seconds=10)
"""More than a look at all tables takes."""


def copy_checkout(folder: Path) -> Path:
    """What a deployment is made of, in ``folder``; there it may be changed. What is there of another version goes."""
    _clear(folder)
    for name in (*_COPIED, *_COPIED_TOO):
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def copy_version(folder: Path, commit: str) -> Path:
    """The same, as it was at a commit.

    Raises
    ------
    LookupError
        If the checkout has no such commit, as a shallow clone has not.
    """
    git = ["git", "-c", "safe.directory=*", "-C", str(CHECKOUT), "archive", commit, "--", *_COPIED, *_COPIED_TOO]
    try:
        archive = subprocess.run(git, capture_output=True, check=True).stdout  # noqa: S603  # our own words
    except (OSError, subprocess.CalledProcessError) as error:
        why = getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)
        raise LookupError(
            f"the checkout has no commit {commit} to deploy over ({why}); fetch the whole history"
        ) from error
    _clear(folder)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def _clear(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in (*_COPIED, *_COPIED_TOO):
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(CHECKOUT / "node_modules")


def until(found: Callable[[], Found], *, within_s: float, every_s: float = 1.0) -> Found:
    """What ``found`` answers once it is something; the last answer where ``within_s`` pass without."""
    deadline = time.monotonic() + within_s
    while not (answer := found()) and time.monotonic() < deadline:
        time.sleep(every_s)
    return answer


@dataclass
class Timings:
    """A plain log of what took how long, for people; written as it goes, so that a failure leaves what was before."""

    path: Path
    _lines: list[str] = field(default_factory=list)
    _begin: float = field(default_factory=time.monotonic)
    _last: float = field(default_factory=time.monotonic)

    def done(self, phase: str) -> None:
        """Note that a phase is over, which began with the end of the one before."""
        now = time.monotonic()
        self.note(f"{now - self._last:7.1f} s  {now - self._begin:7.1f} s  {phase}")
        self._last = now

    def note(self, line: str) -> None:
        """Add a line."""
        self._lines.append(line + "\n")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("".join(self._lines))


@dataclass(frozen=True)
class Stored:
    """What a stage's tables hold: each one's identity, and its items, as text, by table."""

    identities: dict[str, tuple[str, str]]
    items: dict[str, set[str]]


@dataclass(frozen=True)
class Deployment:
    """The stage ``dev``, deployed from ``folder``."""

    aws: Cloud
    folder: Path
    stage: str = "dev"

    @property
    def prefix(self) -> str:
        return f"roomidity-{self.stage}"

    @property
    def template(self) -> dict[str, Any]:
        """The CloudFormation template that the last deploy packaged."""
        packaged: dict[str, Any] = json.loads(
            (self.folder / ".serverless/cloudformation-template-update-stack.json").read_text()
        )
        return packaged

    def serverless(self, *arguments: str) -> str:
        """What the Serverless CLI says to a command, within the sandbox, as a person would call it."""
        return self.aws.inside.run(
            self.folder / "node_modules/.bin/serverless",
            *arguments,
            "--stage",
            self.stage,
            cwd=self.folder,
            environment={
                "AWS_ENDPOINT_URL": self.aws.inner_endpoint,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "NODE_NO_WARNINGS": "1",
            },
            timeout_s=900,
        )

    def deploy(self, *, minute: int) -> None:
        """Build, log in, push, create or update the stack; drains run at ``minute`` of every quarter of an hour."""
        parameters = {
            "baseImage": BASE_IMAGE,
            "architecture": architecture(),
            "scheduleMinute": str(minute % 15),
            "version": "1.2.3",
            "verifyHouses": "1",
            "notices": "on",
            "advice": "on",
            "weather": "on",
            "weatherUrl": self.aws.weather_url,
        }
        given = [word for name, value in parameters.items() for word in ("--param", f"{name}={value}")]
        self.serverless("deploy", "--verbose", *given)

    def deploy_to_fire_in(self, seconds: float) -> datetime:
        """Deploy so that the next drain runs some ``seconds`` from now; when that is. Again where it took longer.

        There is time then to look at what is stored before the drain changes it. ``seconds`` must be more than a deploy
        takes: else the schedule may fire while it goes on, and that is seen here as well.
        """
        while True:
            at = datetime.fromtimestamp((time.time() + seconds) // 60 * 60 + 60, UTC)
            self.deploy(minute=at.minute)
            if datetime.now(UTC) + _LOOK < at:
                return at
            seconds *= 2

    def send(self, readings: pl.DataFrame) -> None:
        """Queue readings as a producer does."""
        queue = self.queue("readings")
        for body in pack_readings(readings):
            self.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=body)

    def queue(self, name: str) -> str:
        """A queue's URL."""
        return str(self.aws.client("sqs").get_queue_url(QueueName=f"{self.prefix}-{name}")["QueueUrl"])

    def listen(self) -> None:
        """Subscribe a queue ``heard`` to the topic of notices, as a person would their mailbox."""
        sqs, sns = self.aws.client("sqs"), self.aws.client("sns")
        url = sqs.create_queue(QueueName=f"{self.prefix}-heard")["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topics = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
        (topic,) = (one for one in topics if one.endswith(f":{self.prefix}-notices"))
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})

    def heard(self) -> list[str]:
        """What the queue ``heard`` was sent since the last call: notices in words."""
        sqs, url = self.aws.client("sqs"), self.queue("heard")
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for one in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in messages]

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, those that someone has taken included."""
        kinds = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self.aws.client("sqs").get_queue_attributes(QueueUrl=self.queue(queue), AttributeNames=list(kinds))
        return sum(int(found["Attributes"][kind]) for kind in kinds)

    def roomidity(self, *arguments: str) -> None:
        """Run a command of the CLI on the stage, as a person does."""
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "ROOMIDITY_STAGE": self.stage,
        }
        command = [sys.executable, "-m", "roomidity", *arguments]
        done = subprocess.run(  # noqa: S603  # our own Python
            command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def invoke(self, function: str, event: Any) -> Any:
        """What a function answers."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=f"{self.prefix}-{function}", Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def stored(self) -> Stored:
        """All that the tables hold."""
        client = self.aws.client("dynamodb")
        names = sorted(name for name in client.list_tables()["TableNames"] if name.startswith(f"{self.prefix}-"))
        facts = {name: client.describe_table(TableName=name)["Table"] for name in names}
        return Stored(
            {name: (str(one.get("TableId")), str(one["CreationDateTime"])) for name, one in facts.items()},
            {
                name: {
                    json.dumps(item, sort_keys=True, default=str)
                    for page in client.get_paginator("scan").paginate(TableName=name)
                    for item in page["Items"]
                }
                for name in names
            },
        )

    def forecasts(self, house: str) -> dict[str, list[str]]:
        """The issue times of a house's forecasts, by room."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=f"{self.prefix}-forecasts")
        found: dict[str, list[str]] = {}
        for item in (item for page in pages for item in page["Items"]):
            of, _, room = item["room_id"]["S"].partition("/")
            if of == house:
                found.setdefault(room, []).append(item["issued_at"]["S"])
        return found
