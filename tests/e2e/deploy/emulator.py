"""The emulator's process: ``python -m tests.e2e.deploy.emulator``, with what it does unlike AWS put right.

It puts a request's body together by adding part to part, which for the 150 MB of a layer takes a quarter of an hour. It
validates only templates that are sent, none that lie in a bucket, as the Serverless CLI's do. It deletes with a stack
what the template would keep, and buckets that are not empty. It
makes a table anew, and empty, when one of its settings changes. What else is put right for the local engine is so here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ministack import app
from ministack.services import cloudformation, dynamodb, s3
from ministack.services.cloudformation import stacks
from ministack.services.cloudformation.handlers import _ACTION_HANDLERS
from ministack.services.cloudformation.helpers import _resolve_template
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

from roomidity.local.emulator import give_queues_their_dead_letters, keep_events_in_order

__all__: list[str] = []

_read_at_once = app._read_request_body
_delete = stacks._delete_resource
_validate_sent = _ACTION_HANDLERS["ValidateTemplate"]


async def _read(receive: Callable[[], Awaitable[dict[str, Any]]], method: str, headers: Mapping[str, str]) -> Any:
    """Read the body to its end first, then hand it over as one part."""
    if not (headers.get("content-length") or headers.get("transfer-encoding")):
        return await _read_at_once(receive, method, headers)
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break

    async def whole() -> dict[str, Any]:
        return {"body": b"".join(parts), "more_body": False}

    return await _read_at_once(whole, method, headers)


def _validate(parameters: Mapping[str, Any]) -> Any:
    """Fetch the template first, wherever it lies."""
    template, error = _resolve_template(parameters)
    return error or _validate_sent({**parameters, "TemplateBody": [template]})


def _delete_what_goes(
    kind: str, name: str, properties: Any, stack_name: str | None = None, logical_id: str | None = None
) -> None:
    """Delete a resource of a stack, unless it is to be kept or is a bucket that holds something."""
    resources = cloudformation._stacks[stack_name]["_template"]["Resources"]
    if resources.get(logical_id, {}).get("DeletionPolicy") == "Retain":
        return
    if kind == "AWS::S3::Bucket" and name in s3._buckets:
        kept = [versions for (bucket, _), versions in s3._object_versions.items() if bucket == name and versions]
        if kept or s3._buckets[name]["objects"]:
            raise ValueError("The bucket you tried to delete is not empty")
    _delete(kind, name, properties, stack_name, logical_id)


_TABLE: Final = "AWS::DynamoDB::Table"
_IN_PLACE: Final = {
    "BillingMode",
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "Tags",
    "TimeToLiveSpecification",
}
"""Properties of a table that CloudFormation updates without an interruption, by its reference."""


def _update_table(name: str, before: Mapping[str, Any], after: Mapping[str, Any], stack_name: str) -> tuple[str, Any]:
    """Leave a table as it is if only settings change; anything else makes it anew, for the test to see."""
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    if changed <= _IN_PLACE and name in dynamodb._tables:
        return name, {"Arn": dynamodb._tables[name]["TableArn"]}
    made: tuple[str, Any] = _RESOURCE_HANDLERS[_TABLE]["create"](name, after, stack_name)
    return made


if __name__ == "__main__":
    _RESOURCE_HANDLERS[_TABLE]["update"] = _update_table
    stacks._delete_resource = _delete_what_goes
    give_queues_their_dead_letters()
    keep_events_in_order()
    app._read_request_body = _read
    _ACTION_HANDLERS["ValidateTemplate"] = _validate
    app.main()
