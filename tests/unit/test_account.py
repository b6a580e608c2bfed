"""What a person is told of an error: what failed and what to do; nothing of what only a traceback explains."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from pynamodb.exceptions import GetError, PutError

from roomidity.aws.account import explanation_of
from roomidity.errors import NotFoundError, StoreError

NOWHERE = EndpointConnectionError(endpoint_url="http://127.0.0.1:9/")


def refused(code: str, message: str = "it said") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetItem")


@pytest.mark.parametrize(
    ("error", "found", "to_do"),
    [
        (NotFoundError("house 'h1'", hint="send"), "house 'h1' does not exist", "send"),
        (NOWHERE, "http://127.0.0.1:9/", "`roomidity up`"),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:9/"), "http://127.0.0.1:9/", "`roomidity up`"),
        (ResponseParserError("no JSON"), "no JSON", "AWS_ENDPOINT_URL"),
        (ValueError("Invalid endpoint: nonsense"), "nonsense", "AWS_ENDPOINT_URL"),
        (NoCredentialsError(), "credentials", "`roomidity up`"),
        (NoRegionError(), "region", "AWS_REGION"),
        (refused("AccessDeniedException"), "AccessDenied", "grant"),
        (refused("ResourceNotFoundException"), "ResourceNotFound", "ROOMIDITY_STAGE"),
        (refused("ThrottlingException"), "Throttling", "run the same command again in a minute"),
        (refused("SlowDown"), "SlowDown", "run the same command again in a minute"),
        (refused("RequestTimeTooSkewed"), "Skewed", "clock"),
        (refused("ExpiredToken"), "ExpiredToken", "log in again"),
        (refused("PermanentRedirect"), "PermanentRedirect", "AWS_REGION"),
        (refused("ValidationException"), "Validation", "`roomidity doctor`"),
        (PutError("max_retry_attempts exceeded"), "not take all", "run the same command again"),
        (GetError("Failed to get item", NOWHERE), "http://127.0.0.1:9/", "`roomidity up`"),
    ],
)
def test_what_the_world_does_is_told_in_a_line(error: Exception, found: str, to_do: str) -> None:
    explanation = explanation_of(error)
    assert explanation is not None
    assert found in explanation
    assert to_do in explanation
    assert "\n" not in explanation


def test_what_ours_came_of_says_what_to_do() -> None:
    try:
        try:
            raise refused("ExpiredToken")
        except ClientError as cause:
            raise StoreError("object s3://b/models/h1 cannot be read") from cause
    except StoreError as error:
        explanation = explanation_of(error)
    assert explanation is not None
    assert explanation.startswith("object s3://b/models/h1 cannot be read; ")
    assert "log in again" in explanation


def test_of_a_missing_table_its_name_is_told_but_not_the_requests() -> None:
    said = (
        "An error occurred (ResourceNotFoundException) on request (1b3c) on table (t) when calling GetItem: not found"
    )
    explanation = explanation_of(GetError("Failed to get item", refused("ResourceNotFoundException", said)))
    assert explanation is not None
    assert "on table (t)" in explanation
    assert "1b3c" not in explanation


@pytest.mark.parametrize("error", [KeyError("house"), ValueError("too many"), OSError("disk full")])
def test_a_fault_of_the_program_has_no_explanation(error: Exception) -> None:
    assert explanation_of(error) is None
