"""What functions call at AWS against what their roles allow, both read from the packaged CloudFormation template.

An emulator checks no rights, so a role that lacks one is found out in the cloud, and one that has too many never. Here
each call that was seen is judged by the statements of its function's role. The matcher knows what the template uses:
Allow and Deny of actions on resources, with wildcards. What it does not know (conditions, ``NotAction``, managed
policies) it refuses to judge, rather than judge it wrongly. Queue and bucket policies stay out: ours only deny callers
without TLS, which an emulator on loopback has none of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "NEVER_SEEN",
    "RESOURCELESS",
    "Call",
    "UnjudgeableError",
    "called_by_aws",
    "calls_of",
    "granted_in_vain",
    "not_allowed",
    "on_everything",
]


class UnjudgeableError(Exception):
    """The template or a call holds something that the matcher does not know."""


@dataclass(frozen=True, order=True)
class Call:
    """A call that is allowed or not as a whole.

    Parameters
    ----------
    function
        The function's short name, such as ``drain``.
    service
        As botocore names it: ``sqs``, ``dynamodb``, ``s3``.
    operation
        The API's operation. One of several parts, such as a transaction, is a call for each part: see :func:`calls_of`.
    resource
        The ARN that it is about.
    """

    function: str
    service: str
    operation: str
    resource: str


NEVER_SEEN: Final = {
    ("forecast", "s3:ListBucket"): "S3 answers 404 for a missing object only to who may list; to others it says 403",
    (
        "forecast",
        "dynamodb:DeleteItem (KeepAdvice)",
    ): "advice of a house that is forgotten while it is written goes again",
    ("verify", "s3:ListBucket"): "as with forecast: a missing model must not look like a broken role",
}
"""Rights that no call shows, by function and action, each with why it is granted. No other may be granted in vain.

Where the exception is of one statement alone, its name stands after the action."""

RESOURCELESS: Final = {
    "xray:PutTraceSegments": "X-Ray knows no resources for it",
    "xray:PutTelemetryRecords": "X-Ray knows no resources for it",
}
"""Actions that may stand with the resource ``*``, each with why."""

_ACTIONS: Final = {
    "lambda": {"Invoke": "InvokeFunction"},
    "sqs": {
        "SendMessageBatch": "SendMessage",
        "DeleteMessageBatch": "DeleteMessage",
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    },
    "s3": {
        "AbortMultipartUpload": "AbortMultipartUpload",
        "CompleteMultipartUpload": "PutObject",
        "CreateMultipartUpload": "PutObject",
        "DeleteObject": "DeleteObject",
        "DeleteObjectVersion": "DeleteObjectVersion",
        "DeleteObjects": "DeleteObject",
        "GetObject": "GetObject",
        "GetObjectVersion": "GetObjectVersion",
        "HeadBucket": "ListBucket",
        "HeadObject": "GetObject",
        "ListObjectVersions": "ListBucketVersions",
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "PutObject": "PutObject",
        "UploadPart": "PutObject",
    },
}
"""Where an operation's right has another name. In S3 most have, so that there only these are known."""

_OF_A_TRANSACTION: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}

_INSERT: Final = re.compile(r'INSERT INTO "([^"]+)" VALUE ')

_MAPPING_CALLS: Final = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_LOG_CALLS: Final = ("CreateLogStream", "PutLogEvents")
_TRACE_CALLS: Final = ("PutTraceSegments", "PutTelemetryRecords")


# ---- Calls.


def calls_of(
    function: str, service: str, operation: str, parameters: Mapping[str, Any], *, account: str, region: str
) -> list[Call]:
    """What a request to AWS has to be allowed, part by part.

    ``parameters`` are those that botocore takes, and that stand in the body of a request by JSON.

    Raises
    ------
    UnjudgeableError
        If the matcher does not know the operation.

    Examples
    --------
    >>> parameters = {"TransactItems": [{"Put": {"TableName": "t", "Item": {}}}]}
    >>> calls_of("train", "dynamodb", "TransactWriteItems", parameters, account="1", region="r")
    [Call(function='train', service='dynamodb', operation='PutItem', resource='arn:aws:dynamodb:r:1:table/t')]
    """
    if service == "sts" and operation == "GetCallerIdentity":
        return []  # everyone may
    known = {
        "dynamodb": _table_parts,
        "events": _bus_parts,
        "lambda": _function_parts,
        "s3": _object_parts,
        "sqs": _queue_parts,
    }
    parts = known.get(service)
    if parts is None:
        raise UnjudgeableError(f"{service}:{operation} by {function}")
    where = "arn:aws:s3::" if service == "s3" else f"arn:aws:{service}:{region}:{account}"
    return [Call(function, service, name, f"{where}:{resource}") for name, resource in parts(operation, parameters)]


def _table_parts(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation.startswith("Transact"):
        for item in parameters["TransactItems"]:
            for kind, part in item.items():
                yield _OF_A_TRANSACTION[kind], f"table/{part['TableName']}"
    elif operation == "BatchExecuteStatement":
        for one in parameters["Statements"]:
            table = _INSERT.match(one["Statement"])
            if table is None:
                raise UnjudgeableError(f"the statement {one['Statement']}")
            yield "PartiQLInsert", f"table/{table[1]}"
    elif operation in {"BatchGetItem", "BatchWriteItem"}:
        for table in parameters["RequestItems"]:
            yield operation, f"table/{table}"
    else:
        yield operation, f"table/{parameters['TableName']}"


def _object_parts(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    bucket = parameters["Bucket"]
    if operation == "DeleteObjects":
        for one in parameters["Delete"]["Objects"]:
            yield "DeleteObjectVersion" if one.get("VersionId") else "DeleteObject", f"{bucket}/{one['Key']}"
    elif "Key" in parameters:
        versioned = operation in {"GetObject", "DeleteObject"} and parameters.get("VersionId")
        yield f"{operation}Version" if versioned else operation, f"{bucket}/{parameters['Key']}"
    else:
        yield operation, bucket


def _queue_parts(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield operation, parameters.get("QueueName") or parameters["QueueUrl"].rpartition("/")[2]


def _bus_parts(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for bus in {one["EventBusName"] for one in parameters["Entries"]}:
        yield operation, f"event-bus/{bus}"


def _function_parts(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield operation, f"function:{parameters['FunctionName']}"


def called_by_aws(template: Mapping[str, Any], account: str, region: str) -> list[Call]:
    """What AWS itself calls in the functions' names: event sources take from queues, Lambda writes logs and traces."""
    resources = _Resources(template, account, region)
    functions = resources.functions()
    calls = []
    for logical, function in functions.items():
        properties = template["Resources"][logical]["Properties"]
        group = properties.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{properties['FunctionName']}"
        log = f"arn:aws:logs:{region}:{account}:log-group:{resources.text(group)}"
        calls += [Call(function, "logs", name, f"{log}:log-stream:any") for name in _LOG_CALLS]
        if properties.get("TracingConfig", {}).get("Mode") == "Active":
            calls += [Call(function, "xray", name, "*") for name in _TRACE_CALLS]
    for source in resources.of_type("AWS::Lambda::EventSourceMapping").values():
        (function,) = (name for logical, name in functions.items() if logical in _names(source["FunctionName"]))
        queue = resources.text(source["EventSourceArn"])
        calls += [Call(function, "sqs", name, queue) for name in _MAPPING_CALLS]
    return calls


# ---- Verdicts, each a list of complaints; empty where all is well.


def not_allowed(template: Mapping[str, Any], calls: Iterable[Call], account: str, region: str) -> list[str]:
    """The ``calls``, and those of AWS itself, that the functions' roles do not allow.

    Raises
    ------
    UnjudgeableError
        If a role holds what the matcher does not know, or a call is of no function of the template.
    """
    rights = _rights_by_function(template, account, region)
    missing = set()
    for call in {*calls, *called_by_aws(template, account, region)}:
        if call.function not in rights:
            raise UnjudgeableError(f"the template has no function {call.function!r}")
        matching = [right for right in rights[call.function] if right.covers(call)]
        if not matching or any(right.effect == "Deny" for right in matching):
            missing.add(f"{call.function} may not {_action(call)} on {call.resource}")
    return sorted(missing)


def granted_in_vain(template: Mapping[str, Any], calls: Iterable[Call], account: str, region: str) -> list[str]:
    """Each action on a resource that a role allows, that no call used, and that is not of ``NEVER_SEEN``.

    Also each of ``NEVER_SEEN`` that was seen, or is not granted: the list must not outlive its reasons.
    """
    seen = {*calls, *called_by_aws(template, account, region)}
    complaints, excepted = set(), set()
    for function, rights in _rights_by_function(template, account, region).items():
        for right in rights:
            if right.effect == "Deny" or any(call.function == function and right.covers(call) for call in seen):
                continue
            names = {(function, right.action), (function, f"{right.action} ({right.statement})")} & NEVER_SEEN.keys()
            if names:
                excepted |= names
            else:
                complaints.add(f"{function} may {right.action} on {right.resource} ({right.statement}), and never does")
    complaints |= {f"{function} needs no exception for {action}" for function, action in NEVER_SEEN.keys() - excepted}
    return sorted(complaints)


def on_everything(template: Mapping[str, Any]) -> list[str]:
    """Each action that a role or policy allows on ``*`` though it knows resources, and each action with a wildcard."""
    resources = _Resources(template, "0", "none")
    complaints = set()
    for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
        for holder in resources.of_type(kind):
            for right in resources.rights_of(holder):
                if right.effect == "Deny":
                    continue
                if right.resource == "*" and right.action not in RESOURCELESS:
                    complaints.add(f"{holder} allows {right.action} on * ({right.statement})")
                if "*" in right.action or "?" in right.action:
                    complaints.add(f"{holder} allows all of {right.action} ({right.statement})")
    return sorted(complaints)


# ---- The template.


@dataclass(frozen=True)
class _Right:
    """One action on one resource, and the statement's name."""

    effect: str
    action: str
    resource: str
    statement: str

    def covers(self, call: Call) -> bool:
        return _matches(self.action.lower(), _action(call).lower()) and _matches(self.resource, call.resource)


def _action(call: Call) -> str:
    """The right that a call takes."""
    known = _ACTIONS.get(call.service, {})
    if call.operation.startswith("Transact") or (call.service == "s3" and call.operation not in known):
        raise UnjudgeableError(f"{call.service}:{call.operation} by {call.function}")
    return f"{call.service}:{known.get(call.operation, call.operation)}"


def _matches(pattern: str, text: str) -> bool:
    """As IAM does: ``*`` is any text, ``?`` any character."""
    parts = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def _rights_by_function(template: Mapping[str, Any], account: str, region: str) -> dict[str, list[_Right]]:
    resources = _Resources(template, account, region)
    found = {}
    for logical, function in resources.functions().items():
        (role,) = _names(template["Resources"][logical]["Properties"]["Role"])
        found[function] = resources.rights_of(role)
    return found


def _names(reference: Any) -> list[str]:
    """The logical name that a Ref or GetAtt is about."""
    match reference:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), str()]}:
            return [name]
    raise UnjudgeableError(f"a reference to a resource: {reference}")


def _as_list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


class _Resources:
    """A template's resources, with what CloudFormation would make of references to them."""

    def __init__(self, template: Mapping[str, Any], account: str, region: str) -> None:
        self._template = template
        self._pseudo = {
            "AWS::AccountId": account,
            "AWS::Region": region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._where = f"{region}:{account}"

    def of_type(self, kind: str) -> dict[str, Any]:
        """Properties by logical name."""
        resources = self._template["Resources"].items()
        return {name: one.get("Properties", {}) for name, one in resources if one["Type"] == kind}

    def functions(self) -> dict[str, str]:
        """The functions' short names by their logical names."""
        found = self.of_type("AWS::Lambda::Function")
        return {logical: self.text(one["FunctionName"]).rpartition("-")[2] for logical, one in found.items()}

    def rights_of(self, holder: str) -> list[_Right]:
        """All that a role or policy allows and denies."""
        properties = self._template["Resources"][holder]["Properties"]
        if properties.get("ManagedPolicyArns"):
            raise UnjudgeableError(f"{holder} has managed policies")
        beside = [
            one["Properties"]
            for one in self._template["Resources"].values()
            if one["Type"] == "AWS::IAM::Policy"
            and "Condition" not in one  # which is not evaluated here: what needs such a right is missed, not granted
            and {"Ref": holder} in one["Properties"]["Roles"]
        ]
        found = []
        for policy in [*properties.get("Policies", [properties]), *beside]:
            for number, statement in enumerate(_as_list(policy["PolicyDocument"]["Statement"])):
                name = statement.get("Sid", f"statement {number}")
                unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource"}
                if unknown:
                    raise UnjudgeableError(f"{holder}, {name}: {', '.join(sorted(unknown))}")
                found += [
                    _Right(statement["Effect"], action, self.text(resource), name)
                    for action in _as_list(statement["Action"])
                    for resource in _as_list(statement["Resource"])
                ]
        return found

    def text(self, value: Any) -> str:
        """What CloudFormation makes of a value."""
        match value:
            case str():
                return value
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"Fn::GetAtt": [str(name), "Arn"]}:
                return self._arn(name)
            case {"Fn::Join": [str(between), list(parts)]}:
                return between.join(self.text(part) for part in parts)
            case {"Fn::Sub": str(pattern)}:
                return re.sub(r"\$\{([^!}]+)\}", self._substitute, pattern)
        raise UnjudgeableError(f"the value {value}")

    def _substitute(self, found: re.Match[str]) -> str:
        name, _, attribute = found[1].partition(".")
        if attribute == "Arn":
            return self._arn(name)
        if attribute:
            raise UnjudgeableError(f"the value {found[0]}")
        return self._reference(name)

    def _reference(self, name: str) -> str:
        if name in self._pseudo:
            return self._pseudo[name]
        return self._physical_name(name)

    def _physical_name(self, name: str) -> str:
        resource = self._template["Resources"][name]
        named_by = {
            "AWS::DynamoDB::Table": "TableName",
            "AWS::Events::EventBus": "Name",
            "AWS::Logs::LogGroup": "LogGroupName",
            "AWS::S3::Bucket": "BucketName",
            "AWS::SQS::Queue": "QueueName",
        }
        if resource["Type"] not in named_by:
            raise UnjudgeableError(f"a reference to {name}, of type {resource['Type']}")
        return self.text(resource["Properties"][named_by[resource["Type"]]])

    def _arn(self, name: str) -> str:
        physical = self._physical_name(name)
        match self._template["Resources"][name]["Type"]:
            case "AWS::DynamoDB::Table":
                return f"arn:aws:dynamodb:{self._where}:table/{physical}"
            case "AWS::Events::EventBus":
                return f"arn:aws:events:{self._where}:event-bus/{physical}"
            case "AWS::Logs::LogGroup":
                return f"arn:aws:logs:{self._where}:log-group:{physical}:*"
            case "AWS::S3::Bucket":
                return f"arn:aws:s3:::{physical}"
            case "AWS::SQS::Queue":
                return f"arn:aws:sqs:{self._where}:{physical}"
        raise UnjudgeableError(f"the ARN of {name}")
