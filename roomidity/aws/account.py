"""The AWS account, or its emulator: who we are there, and whether the stage's stack, queues, tables and bucket exist.

Nothing is changed, and every question gives up soon: this is how one finds out what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache, cached_property, partial
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's, for its kinds of it
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from roomidity.domain.stage import Kind, QueueFacts, TableFacts, Trouble
from roomidity.errors import RoomidityError

__all__ = ["Account", "explanation_of", "trouble_of"]

_QUICK: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 1},
    parameter_validation=False,
)

_MISSING: Final = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NotFound",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_DENIED: Final = frozenset({"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_NOT_OURS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_SECRET: Final = re.compile(r"(?<=//)[^/@\s]+@|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
_REQUEST_ID: Final = re.compile(r" on request \([^)]*\)")
_LONGEST: Final = 200


def trouble_of(error: Exception) -> Trouble:
    """What an error of a call means.

    >>> trouble_of(NoCredentialsError()).kind
    'credentials'
    """
    text = _REQUEST_ID.sub("", _SECRET.sub("", str(error)))
    said = text.splitlines()[0][:_LONGEST] if text else type(error).__name__
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        for kind, codes in _CODES.items():
            if code in codes:
                return Trouble(kind, said)
        return Trouble("other", said)
    for kind, kinds in _ERRORS.items():
        if isinstance(error, kinds):
            return Trouble(kind, said)
    return Trouble("other", said if isinstance(error, BotoCoreError) else f"{type(error).__name__}: {said}")


_CODES: Final[Mapping[Kind, frozenset[str]]] = {"missing": _MISSING, "denied": _DENIED, "credentials": _NOT_OURS}
_ERRORS: Final[Mapping[Kind, tuple[type[Exception], ...]]] = {
    "credentials": (NoCredentialsError, PartialCredentialsError, ProfileNotFound),
    "region": (InvalidRegionError, NoRegionError),
    "endpoint": (ConnectionError, HTTPClientError, ResponseParserError, ValueError),  # ValueError: that is no URL
}


def explanation_of(error: BaseException) -> str | None:
    """What failed and what to do about it, in a line for a person; None where it is a fault of the program.

    >>> explanation_of(NoCredentialsError())
    'Unable to locate credentials; export the lines that `roomidity up` prints, or for AWS set AWS_PROFILE or log in'
    >>> explanation_of(KeyError("house")) is None
    True
    """
    if isinstance(error, RoomidityError):
        return str(error)
    cause = getattr(error, "cause", None) or error  # pynamodb's errors carry botocore's
    if isinstance(cause, (BotoCoreError, ClientError, ResponseParserError)) or (
        isinstance(cause, ValueError) and str(cause).startswith("Invalid endpoint: ")  # botocore's: that is no URL
    ):
        trouble = trouble_of(cause)
        return f"{trouble.said}; {_TO_DO[trouble.kind]}"
    return None


_TO_DO: Final[Mapping[Kind, str]] = {
    "credentials": "export the lines that `roomidity up` prints, or for AWS set AWS_PROFILE or log in",
    "endpoint": "start the local engine (`roomidity up`) and export the lines that it prints, or for AWS unset "
    "AWS_ENDPOINT_URL and check the network",
    "region": "set AWS_REGION to the region that the stage was deployed to",
    "denied": "grant these credentials the right, or use others",
    "missing": "deploy the stack, or check ROOMIDITY_STAGE, AWS_REGION and AWS_ENDPOINT_URL",
    "other": "`roomidity doctor` looks at everything that a stage needs",
}


class Account:
    """What is behind the usual AWS variables."""

    def __init__(self, session: botocore.session.Session, *, region: str) -> None:
        self._session = session
        self.region = region
        self._client: Callable[[str], Any] = cache(partial(session.create_client, region_name=region, config=_QUICK))

    @cached_property
    def endpoint(self) -> str:
        """Where calls go, without a user's name or password."""
        url = urlsplit(self._client("sqs").meta.endpoint_url)
        return f"{url.scheme}://{url.hostname}" + (f":{url.port}" if url.port else "")

    @property
    def is_emulator(self) -> bool:
        """Whether an endpoint of one's own stands in for AWS."""
        return not self.endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn"))

    def regions(self) -> list[str]:
        """The regions that there are, of all partitions."""
        partitions = self._session.get_available_partitions()
        return sorted({name for one in partitions for name in self._session.get_available_regions("sqs", one)})

    def identity(self) -> str:
        """Who the credentials say we are: a user's or a role's ARN, which names the account."""
        return str(self._client("sts").get_caller_identity()["Arn"])

    def stack_status(self, name: str) -> str | None:
        """The status of a CloudFormation stack, or None where there is none."""
        try:
            answer = self._client("cloudformation").describe_stacks(StackName=name)
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        stacks = answer.get("Stacks", [])
        return str(stacks[0]["StackStatus"]) if stacks else None

    def queue(self, name: str, *, now: datetime) -> QueueFacts:
        """What waits in a queue; the age is CloudWatch's, which knows it only where messages wait."""
        queues = self._client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = queues.get_queue_url(QueueName=name)["QueueUrl"]
        found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        waiting, in_flight = (int(found[one]) for one in names)
        oldest = self._oldest(name, now) if waiting + in_flight else None
        return QueueFacts(waiting=waiting, in_flight=in_flight, oldest=oldest)

    def table(self, name: str) -> TableFacts:
        """A table, of which one item can be read; that there is none is as good."""
        tables = self._client("dynamodb")
        table = tables.describe_table(TableName=name)["Table"]
        keys = tuple(key["AttributeName"] for key in table["KeySchema"])
        tables.get_item(TableName=name, Key={key: {"S": "doctor"} for key in keys})
        return TableFacts(status=str(table["TableStatus"]), keys=keys)

    def reach_bucket(self, name: str) -> None:
        """Ask for a bucket; it raises where there is none."""
        self._client("s3").head_bucket(Bucket=name)

    def _oldest(self, queue: str, now: datetime) -> timedelta | None:
        """How old the oldest message is, by the metric of the last quarter of an hour."""
        try:
            answer = self._client("cloudwatch").get_metric_statistics(
                Namespace="AWS/SQS",
                MetricName="ApproximateAgeOfOldestMessage",
                Dimensions=[{"Name": "QueueName", "Value": queue}],
                StartTime=now - timedelta(minutes=15),
                EndTime=now,
                Period=60,
                Statistics=["Maximum"],
            )
        except (BotoCoreError, ClientError):  # an emulator without metrics, or a role that may not ask
            return None
        points = sorted(answer.get("Datapoints", []), key=lambda point: point["Timestamp"])
        return timedelta(seconds=float(points[-1]["Maximum"])) if points else None
