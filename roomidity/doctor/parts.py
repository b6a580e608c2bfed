"""The parts of a stage: its stack, queues, tables and bucket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from roomidity.doctor.findings import Finding, age_text
from roomidity.doctor.ports import DoctorPorts
from roomidity.domain.stage import REMEDIES, Trouble

__all__ = ["QUEUES", "TABLES", "bucket", "concurrency", "queues", "stack", "tables"]

QUEUES: Final = {
    "readings": timedelta(minutes=30),
    "forecast-jobs": timedelta(minutes=15),
    "training-jobs": timedelta(hours=2),
}
"""How long a message may wait: readings two ticks, a forecast one, and a training as long as those before it take."""

_FEW: Final = 10
"""Concurrent executions available to a new account."""

TABLES: Final = {
    "houses": ("house",),
    "readings": ("house", "slot"),
    "observations": ("house", "slot"),
    "forecasts": ("room_id", "issued_at"),
    "models": ("house", "version"),
    "accuracy": ("room_id", "day"),
    "settings": ("house", "kind"),
    "notices": ("house", "id"),
    "weather": ("place", "known_from"),
    "advice": ("house", "issued_at"),
}


def queues(ports: DoctorPorts, *, now: datetime) -> Iterator[Finding]:
    """Yields what waits in each queue, and its dead letters."""
    yield from (_queue(ports, name, allowed, now=now) for name, allowed in QUEUES.items())
    yield from (_dead_letters(ports, name, now=now) for name in QUEUES)


def tables(ports: DoctorPorts) -> list[Finding]:
    """Returns whether each table is readable and belongs to roomidity."""
    return [_table(ports, name, keys) for name, keys in TABLES.items()]


def stack(ports: DoctorPorts) -> Finding:
    """Returns the state of the CloudFormation stack."""
    expected = f"a stack {ports.prefix} that is up"
    elsewhere = (
        "deploy it (`npx serverless deploy --stage STAGE`), or check ROOMIDITY_STAGE, AWS_REGION and the account"
    )
    try:
        status = ports.account.stack_status(ports.prefix)
    except Exception as error:  # noqa: BLE001  # see above
        return Finding(
            "stack", "unknown", ports.trouble_of(error).said, expected, "it takes cloudformation:DescribeStacks"
        )
    if status is None:
        return Finding("stack", "wrong", f"no stack {ports.prefix} in {ports.account.region}", expected, elsewhere)
    if status.endswith(("ROLLBACK_COMPLETE", "FAILED")) or status.startswith("DELETE"):
        mend = f"see why: aws cloudformation describe-stack-events --stack-name {ports.prefix}; then deploy again"
        return Finding("stack", "wrong", f"{ports.prefix}: {status}", expected, mend)
    return Finding("stack", "ok", f"{ports.prefix}: {status}")


def _queue(ports: DoctorPorts, name: str, allowed: timedelta, *, now: datetime) -> Finding:
    check, full = f"queue {name}", f"{ports.prefix}-{name}"
    try:
        facts = ports.account.queue(full, now=now)
    except Exception as error:  # noqa: BLE001  # see above
        return _lacking(check, full, "queue", ports.trouble_of(error))
    found = f"{facts.waiting} waiting, {facts.in_flight} in flight"
    if facts.oldest is not None:
        found += f", the oldest since {age_text(facts.oldest)}"
        if facts.oldest > allowed:
            worker = {"readings": "drain", "forecast-jobs": "forecast", "training-jobs": "train"}[name]
            mend = f"does the function {worker} run? See its log: npx serverless logs -f {worker} --stage STAGE"
            return Finding(check, "wrong", found, f"none older than {age_text(allowed)}", mend)
    return Finding(check, "ok", found)


def _dead_letters(ports: DoctorPorts, name: str, *, now: datetime) -> Finding:
    check, full = f"dead letters {name}", f"{ports.prefix}-{name}-dlq"
    try:
        facts = ports.account.queue(full, now=now)
    except Exception as error:  # noqa: BLE001  # see above
        return _lacking(check, full, "queue", ports.trouble_of(error))
    count = facts.waiting + facts.in_flight
    if count:
        mend = (
            "see in the function's log what they failed on, mend it, and send them back: roomidity replay "
            f"--dead-letters {name}. They are kept 14 days"
        )
        return Finding(check, "wrong", f"{count} messages", "none", mend)
    return Finding(check, "ok", "none")


def _table(ports: DoctorPorts, name: str, keys: tuple[str, ...]) -> Finding:
    check, full = f"table {name}", f"{ports.prefix}-{name}"
    try:
        facts = ports.account.table(full)
    except Exception as error:  # noqa: BLE001  # see above
        return _lacking(check, full, "table", ports.trouble_of(error))
    if facts.keys != keys:
        found, expected = f"keys {', '.join(facts.keys)}", f"keys {', '.join(keys)}"
        return Finding(check, "wrong", found, expected, f"{full} is another program's table: use another stage")
    if facts.status not in {"ACTIVE", "UPDATING"}:
        return Finding(check, "wrong", facts.status, "ACTIVE", "wait until it is made, or deploy again")
    return Finding(check, "ok", f"{facts.status}, can be read")


def bucket(ports: DoctorPorts) -> Finding:
    """Returns whether the bucket is reachable."""
    name = "the bucket"
    try:
        name = ports.bucket()
        ports.account.reach_bucket(name)
    except Exception as error:  # noqa: BLE001  # see above
        return _lacking("bucket", name, "bucket", ports.trouble_of(error))
    return Finding("bucket", "ok", name)


def concurrency(ports: DoctorPorts) -> Finding:
    """Returns whether API requests may starve the functions. A new account may run ten executions at once in total."""
    if ports.account.is_emulator:
        return Finding("concurrency", "ok", "an emulator has no limit")
    mend = "it takes lambda:GetAccountSettings and apigateway:GET"
    try:
        most = ports.account.concurrency()
        is_public = ports.account.has_api(ports.prefix)
    except Exception as error:  # noqa: BLE001  # see above
        return Finding("concurrency", "unknown", ports.trouble_of(error).said, "to be told the account's limit", mend)
    found = f"{most} functions at once, in all"
    if most > _FEW or not is_public:
        return Finding("concurrency", "ok", found)
    mend = (
        "requests to the API may hold up drain and forecast: ask AWS for more (Service Quotas, Lambda, concurrent "
        "executions); until then keep apiRate and apiBurst low, or the API off"
    )
    shared = f"{found}, shared with the API: whether they suffice depends on who asks"
    return Finding("concurrency", "unknown", shared, f"more than {_FEW}", mend)


def _lacking(check: str, name: str, kind: str, trouble: Trouble) -> Finding:
    """Returns what is wrong with a resource that could not be queried."""
    expected = f"a {kind} {name} that can be used"
    if trouble.kind == "missing":
        return Finding(check, "wrong", f"no {kind} {name}", expected, trouble.mend)
    mend = REMEDIES["busy"] if trouble.kind == "other" else trouble.mend
    return Finding(check, "wrong", trouble.said, expected, mend)
