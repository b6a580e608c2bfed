"""`serverless remove`: data that is to go goes with its stage; data that is to stay is not touched, whoever asks."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from roomidity.local.engine import ONLY_HTTP
from tests.e2e.engine import CHECKOUT, CLI, laid_out

REGION: Final = "eu-central-1"
IMAGE: Final = f"000000000000.dkr.ecr.{REGION}.amazonaws.com/roomidity@sha256:{'a' * 64}"
"""One that is never run: no function is called here."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the CLI and boto3 need to reach an emulator of their own."""
    if not CLI.exists() or shutil.which("node") is None:
        pytest.skip(
            "the Serverless CLI is not installed; `npm ci` does it, as scripts/test does where there is Node.js"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    folder = tmp_path_factory.mktemp("emulator")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {"HOME": str(folder)}
    emulator = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.deploy.emulator"],
        cwd=CHECKOUT,
        env=plain
        | {"GATEWAY_PORT": port, "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": REGION, "LOG_LEVEL": "WARNING"}
        | ONLY_HTTP,
    )
    endpoint = f"http://127.0.0.1:{port}"
    access = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": endpoint}
    try:
        wait_for(endpoint)
        yield plain | access | {"NODE_NO_WARNINGS": "1", "AWS_REGION": REGION}
    finally:
        emulator.terminate()
        emulator.wait()


def wait_for(endpoint: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=1):  # noqa: S310  # loopback
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the emulator did not start")


def s3(environment: dict[str, str]) -> Any:
    return boto3.Session("test", "test", region_name=REGION).client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])


@pytest.fixture
def service(tmp_path: Path) -> Path:
    return laid_out(tmp_path)


def serverless(service: Path, environment: dict[str, str], *arguments: str) -> str:
    run = subprocess.run(  # noqa: S603  # our own CLI
        [CLI, *arguments],
        cwd=service,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def versions(environment: dict[str, str], bucket: str) -> int:
    """How many versions of objects a bucket holds, with the marks of deleted ones."""
    found = s3(environment).list_object_versions(Bucket=bucket)
    return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_what_happens_to_the_data(stage: str, service: Path, environment: dict[str, str]) -> None:
    bucket = f"roomidity-{stage}-000000000000"
    serverless(service, environment, "deploy", "--stage", stage, "--param", f"image={IMAGE}")
    client = s3(environment)
    for content in (b"one", b"two"):
        client.put_object(Bucket=bucket, Key="models/h/x", Body=content)
    client.delete_object(Bucket=bucket, Key="models/h/x")
    assert versions(environment, bucket) == 3
    # What the stage was deployed with counts, not what is asked for now.
    said = serverless(service, environment, "remove", "--stage", stage, "--param", "dataPolicy=Delete")
    buckets = [one["Name"] for one in client.list_buckets()["Buckets"]]
    if stage == "dev":
        assert f"Emptied the bucket {bucket}, which goes with the stack: 3 versions of objects deleted" in said
        assert buckets == []
    else:
        assert "Emptied" not in said
        assert buckets == [bucket]
        assert versions(environment, bucket) == 3
