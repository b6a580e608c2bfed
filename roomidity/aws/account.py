"""The AWS account or its emulator: the identity in use, and whether the stage's stack, queues, tables and bucket exist.

Nothing is changed, and all calls have short timeouts, because this module is for finding out what is wrong.
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
    ConfigNotFound,
    ConfigParseError,
    ConnectionError,  # noqa: A004  # botocore's, for its kinds of it
    CredentialRetrievalError,
    HTTPClientError,
    InvalidRegionError,
    MetadataRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
    UnknownCredentialError,
)
from botocore.parsers import ResponseParserError
from pynamodb.exceptions import PynamoDBException

from roomidity.domain.stage import REMEDIES, Kind, QueueFacts, TableFacts, Trouble
from roomidity.errors import RoomidityError

__all__ = ["Account", "explanation_of", "trouble_of"]

_QUICK: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 1},
    parameter_validation=False,
)

_CODES: Final[Mapping[Kind, frozenset[str]]] = {
    "missing": frozenset(
        {
            "404",
            "AWS.SimpleQueueService.NonExistentQueue",
            "NoSuchBucket",
            "NotFound",
            "QueueDoesNotExist",
            "ResourceNotFoundException",
        }
    ),
    "denied": frozenset({"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}),
    "credentials": frozenset(
        {
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "OptInRequired",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
            "UnrecognizedClientException",
        }
    ),
    "clock": frozenset({"RequestExpired", "RequestTimeTooSkewed"}),
    "region": frozenset(
        {"301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
    ),
    "busy": frozenset(
        {
            "500",
            "502",
            "503",
            "504",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "LimitExceededException",
            "OverLimit",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "ServiceUnavailable",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
            "TransactionInProgressException",
        }
    ),
}
"""AWS error codes by kind of trouble: those common to all services, and each service's own."""

_SECRET: Final = re.compile(r"(?<=//)[^/@\s]+@|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
_REQUEST_ID: Final = re.compile(r" on request \([^)]*\)")
_LONGEST: Final = 300


def trouble_of(error: Exception) -> Trouble:
    """Returns what an error of a call means.

    >>> trouble_of(NoCredentialsError()).kind
    'credentials'
    """
    said = _plain(str(error)) or type(error).__name__
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


_ERRORS: Final[Mapping[Kind, tuple[type[Exception], ...]]] = {
    "credentials": (
        ConfigNotFound,
        ConfigParseError,
        CredentialRetrievalError,
        MetadataRetrievalError,
        NoAuthTokenError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        RefreshWithMFAUnsupportedError,
        SSOError,
        TokenRetrievalError,
        UnknownCredentialError,
    ),
    "region": (InvalidRegionError, NoRegionError),
    "endpoint": (ConnectionError, HTTPClientError, ResponseParserError, ValueError),  # ValueError: not a valid URL
}


def explanation_of(error: BaseException) -> str | None:
    """Returns one line that tells a person what failed and what to do, or None if the program itself is at fault.

    >>> (explanation_of(NoCredentialsError()) or "").partition(";")[0]
    'Unable to locate credentials'
    >>> explanation_of(KeyError("house")) is None
    True
    """
    cause = _aws_error(error)
    if cause is not None:
        trouble = trouble_of(cause)
        said = f"{error}" if isinstance(error, RoomidityError) else trouble.said
        return f"{_plain(said)}; {trouble.mend}"
    if isinstance(error, PynamoDBException):  # pynamodb's own error: part of a batch was never accepted
        return f"DynamoDB did not take all that it was given: {_plain(str(error))}; {REMEDIES['busy']}"
    return str(error) if isinstance(error, RoomidityError) else None


def _aws_error(error: BaseException) -> Exception | None:
    """Returns the error that AWS or the connection raised: the error itself, or the cause of ours or pynamodb's."""
    for one in (error, getattr(error, "cause", None), error.__cause__, getattr(error.__cause__, "cause", None)):
        if isinstance(one, (BotoCoreError, ClientError, ResponseParserError)) or (
            isinstance(one, ValueError) and str(one).startswith("Invalid endpoint: ")  # botocore's: not a valid URL
        ):
            return one
    return None


def _plain(text: str) -> str:
    """Returns the first line of a text without secrets and request ids, truncated if it is long."""
    lines = _REQUEST_ID.sub("", _SECRET.sub("", text)).splitlines()
    return lines[0][:_LONGEST] if lines else ""


class Account:
    """The account that the usual AWS variables lead to."""

    def __init__(self, session: botocore.session.Session, *, region: str) -> None:
        self._session = session
        self.region = region
        self._client: Callable[[str], Any] = cache(partial(session.create_client, region_name=region, config=_QUICK))

    @cached_property
    def endpoint(self) -> str:
        """Where calls go, without a user name or password."""
        url = urlsplit(self._client("sqs").meta.endpoint_url)
        return f"{url.scheme}://{url.hostname}" + (f":{url.port}" if url.port else "")

    @property
    def is_emulator(self) -> bool:
        """Whether a custom endpoint stands in for AWS."""
        return not self.endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn"))

    def regions(self) -> list[str]:
        """Returns the names of all regions, in all partitions."""
        partitions = self._session.get_available_partitions()
        return sorted({name for one in partitions for name in self._session.get_available_regions("sqs", one)})

    def identity(self) -> str:
        """Returns the ARN of the user or role whose credentials are in use. It contains the account number."""
        return str(self._client("sts").get_caller_identity()["Arn"])

    def stack_status(self, name: str) -> str | None:
        """Returns the status of a CloudFormation stack, or None if it does not exist."""
        try:
            answer = self._client("cloudformation").describe_stacks(StackName=name)
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        stacks = answer.get("Stacks", [])
        return str(stacks[0]["StackStatus"]) if stacks else None

    def queue(self, name: str, *, now: datetime) -> QueueFacts:
        """Returns how many messages a queue holds, and the age of the oldest.

        The age comes from CloudWatch, which knows it only while messages wait.
        """
        queues = self._client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = queues.get_queue_url(QueueName=name)["QueueUrl"]
        found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        waiting, in_flight = (int(found[one]) for one in names)
        oldest = self._oldest(name, now) if waiting + in_flight else None
        return QueueFacts(waiting=waiting, in_flight=in_flight, oldest=oldest)

    def table(self, name: str) -> TableFacts:
        """Returns what is known of a table.

        Also proves that the table can be read, by requesting one item, which need not exist.
        """
        tables = self._client("dynamodb")
        table = tables.describe_table(TableName=name)["Table"]
        keys = tuple(key["AttributeName"] for key in table["KeySchema"])
        tables.get_item(TableName=name, Key={key: {"S": "doctor"} for key in keys})
        return TableFacts(status=str(table["TableStatus"]), keys=keys)

    def reach_bucket(self, name: str) -> None:
        """Check that a bucket exists and can be reached. Raises an error of botocore otherwise."""
        self._client("s3").head_bucket(Bucket=name)

    def concurrency(self) -> int:
        """Returns the account's limit on concurrently running functions."""
        limits = self._client("lambda").get_account_settings()["AccountLimit"]
        return int(limits["ConcurrentExecutions"])

    def has_api(self, name: str) -> bool:
        """Returns whether an HTTP API of that name exists."""
        apis = self._client("apigatewayv2").get_apis().get("Items", [])
        return any(one.get("Name") == name for one in apis)

    def iot_rule(self, name: str) -> bool:
        """Returns whether a rule of AWS IoT is enabled. Raises an error of botocore if it does not exist."""
        return not self._client("iot").get_topic_rule(ruleName=name)["rule"].get("ruleDisabled", False)

    def function_environment(self, name: str) -> dict[str, str]:
        """The environment of a function; it raises where there is none, or it may not be asked for."""
        answer = self._client("lambda").get_function_configuration(FunctionName=name)
        return dict(answer.get("Environment", {}).get("Variables", {}))

    def _oldest(self, queue: str, now: datetime) -> timedelta | None:
        """Returns the age of the oldest message by the metric of the last 15 minutes, or None if unknown."""
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
        except (BotoCoreError, ClientError):  # an emulator without metrics, or a role without the permission
            return None
        points = sorted(answer.get("Datapoints", []), key=lambda point: point["Timestamp"])
        return timedelta(seconds=float(points[-1]["Maximum"])) if points else None
