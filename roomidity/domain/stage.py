"""What can be learned about a stage's parts from outside: queues, tables, and why a query failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

__all__ = ["REMEDIES", "Kind", "QueueFacts", "TableFacts", "Trouble"]

Kind = Literal["credentials", "clock", "endpoint", "region", "denied", "missing", "busy", "other"]

REMEDIES: Final[Mapping[Kind, str]] = {
    "credentials": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or log in "
    "again; for the local engine export the lines that `roomidity up` prints",
    "clock": "set this machine's clock: AWS takes no requests that seem to be minutes old or ahead",
    "endpoint": "start the local engine (`roomidity up`) and export the lines that it prints, or for AWS unset "
    "AWS_ENDPOINT_URL and check AWS_REGION and the network",
    "region": "set AWS_REGION to the region that the stage was deployed to",
    "denied": "grant these credentials the right, or use others",
    "missing": "deploy the stack, or check ROOMIDITY_STAGE, ROOMIDITY_SERVICE, ROOMIDITY_BUCKET, AWS_REGION and "
    "AWS_ENDPOINT_URL",
    "busy": "run the same command again in a minute, it does what is left; if it stays, see the service's quotas and "
    "health in AWS",
    "other": "run the same command again; if it stays, `roomidity doctor` looks at everything that a stage needs",
}
"""What to do about each kind of trouble."""


@dataclass(frozen=True)
class Trouble:
    """Why a query failed: its kind, and the error text without secrets."""

    kind: Kind
    said: str

    @property
    def mend(self) -> str:
        """What to do about it."""
        return REMEDIES[self.kind]


@dataclass(frozen=True)
class QueueFacts:
    """The approximate numbers of waiting and in-flight messages, and the age of the oldest (None if unknown)."""

    waiting: int
    in_flight: int
    oldest: timedelta | None


@dataclass(frozen=True)
class TableFacts:
    """A table's status, such as ACTIVE, and the names of its keys."""

    status: str
    keys: tuple[str, ...]
