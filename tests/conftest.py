"""No test sees an AWS account, a profile or a stage of the person who runs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import botocore.session
import pytest

CHECKOUT: Final = Path(__file__).parents[1]

# Before anything of ours is imported: Powertools reads its names when a handler is.
for name in [name for name in os.environ if name.startswith(("AWS_", "ROOMIDITY_", "POWERTOOLS_"))]:
    if name != "ROOMIDITY_DATA":
        del os.environ[name]
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "roomidity",
    "POWERTOOLS_METRICS_NAMESPACE": "roomidity",
}


@pytest.fixture(scope="session", autouse=True)
def descriptions_read_once() -> Iterator[None]:
    """AWS's descriptions of its services, which each session would read from files anew: most of many tests' time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def data_file() -> Callable[[str], Path]:
    """The path of a real house's file; the test is skipped where it is absent."""

    def path_of(name: str) -> Path:
        folder = Path(os.environ.get("ROOMIDITY_DATA", CHECKOUT.parent / "shared" / "data"))
        path = folder / f"{name}.parquet"
        if not path.exists():
            pytest.skip(f"{path} is not there; set ROOMIDITY_DATA to the folder of the real houses")
        return path

    return path_of
