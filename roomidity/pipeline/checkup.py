"""A check-up of a stage: what was found, what was expected, and what to mend. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from roomidity.account import QueueFacts, TableFacts, Trouble
from roomidity.errors import RoomidityError
from roomidity.forecasting import load_prior
from roomidity.houses import ACTIVE_FOR, House
from roomidity.pipeline.ports import Houses, Registry
from roomidity.pipeline.remedies import told
from roomidity.slots import SLOT, format_slot
from roomidity.store import StoredForecast

__all__ = ["CheckupPorts", "Finding", "Status", "check_up"]

Status = Literal["ok", "wrong", "unknown"]

QUEUES: Final = {
    "readings": timedelta(minutes=30),
    "forecast-jobs": timedelta(minutes=15),
    "training-jobs": timedelta(hours=2),
}
"""How long a message may wait: readings two ticks, a forecast one, a training those of the houses before it."""

TABLES: Final = {
    "houses": ("house",),
    "readings": ("house", "slot"),
    "observations": ("house", "slot"),
    "forecasts": ("room_id", "issued_at"),
    "models": ("house", "version"),
    "accuracy": ("room_id", "day"),
}
LATE_PERIODS: Final = 2
"""A house without a forecast of so many periods has missed one that was due."""

_EXAMPLES: Final = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``mend`` is empty where all is well."""

    check: str
    status: Status
    found: str
    expected: str = ""
    mend: str = ""


class Account(Protocol):
    """What is behind the usual AWS variables; each question raises where it has no answer."""

    region: str

    @property
    def endpoint(self) -> str:
        """Where calls go."""

    @property
    def is_emulator(self) -> bool:
        """Whether that is not AWS."""

    def regions(self) -> Sequence[str]:
        """The regions that there are."""

    def identity(self) -> str:
        """Who we are there."""

    def stack_status(self, name: str) -> str | None:
        """A stack's status, or None."""

    def queue(self, name: str, *, now: datetime) -> QueueFacts:
        """What waits in a queue."""

    def table(self, name: str) -> TableFacts:
        """A table that can be read."""

    def reach_bucket(self, name: str) -> None:
        """Ask for a bucket."""


class Forecasts(Protocol):
    """Forecasts."""

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        """A room's newest."""


@dataclass(frozen=True)
class CheckupPorts:
    """What a check-up asks; the last four are made only once the endpoint is known to answer.

    ``bucket`` names the bucket; ``trouble_of`` says what an error of a call means.
    """

    prefix: str
    account: Account
    trouble_of: Callable[[Exception], Trouble]
    bucket: Callable[[], str]
    houses: Callable[[], Houses]
    forecasts: Callable[[], Forecasts]
    registry: Callable[[], Registry]


def check_up(ports: CheckupPorts, *, now: datetime, most_houses: int | None = None) -> Iterator[Finding]:
    """Look at everything that a stage needs, from the outside in; it ends where nothing further can be known.

    Parameters
    ----------
    now
        The time that forecasts are expected for.
    most_houses
        How many active houses' models and forecasts are looked at; all if None.
    """
    yield _prior()
    for gate in (_target, _identity):
        finding = gate(ports)
        yield finding
        if finding.status == "wrong":
            return
    yield _stack(ports)
    yield from (_queue(ports, name, allowed, now=now) for name, allowed in QUEUES.items())
    yield from (_dead_letters(ports, name, now=now) for name in QUEUES)
    tables = [_table(ports, name, keys) for name, keys in TABLES.items()]
    yield from tables
    bucket = _bucket(ports)
    yield bucket
    if any(finding.status != "ok" for finding in (*tables, bucket)):
        yield Finding("houses", "unknown", "not looked at", mend="mend the tables and the bucket first")
        return
    yield from _houses(ports, now=now, most_houses=most_houses)


def _prior() -> Finding:
    expected = "the model shipped with the package"
    try:
        _, _, manifest = load_prior()
    except (RoomidityError, OSError) as error:
        mend = "install the package again; every house without a model of its own is forecast by the prior"
        return Finding("prior", "wrong", str(error), expected, mend)
    return Finding("prior", "ok", f"{manifest['version']}, intact")


def _target(ports: CheckupPorts) -> Finding:
    account = ports.account
    try:
        regions = account.regions()
        known = account.region in regions
        found = f"{ports.prefix} at {account.endpoint}, region {account.region}"
    except Exception as error:  # noqa: BLE001  # whatever a configuration makes botocore raise is a finding
        trouble = ports.trouble_of(error)
        if trouble.kind == "region":
            return _no_region(account.region)
        if trouble.kind == "credentials":
            return _not_known(trouble)
        mend = (
            "AWS_ENDPOINT_URL is for the local engine: export the lines that `roomidity up` prints, or unset it for AWS"
        )
        return Finding("target", "wrong", trouble.said, "a URL such as http://127.0.0.1:4566, or none", mend)
    if not known and not account.is_emulator:
        return _no_region(account.region)
    return Finding("target", "ok", found)


def _no_region(region: str) -> Finding:
    mend = "set AWS_REGION to the region that the stage was deployed to"
    return Finding("target", "wrong", f"region {region!r}", "a region of AWS, such as eu-central-1", mend)


def _not_known(trouble: Trouble) -> Finding:
    mend = (
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or log in again; for "
        "the local engine export the lines that `roomidity up` prints"
    )
    return Finding("credentials", "wrong", trouble.said, "credentials that AWS accepts", mend)


def _identity(ports: CheckupPorts) -> Finding:
    try:
        found = ports.account.identity()
    except Exception as error:  # noqa: BLE001  # see above
        trouble = ports.trouble_of(error)
        if trouble.kind == "credentials":
            return _not_known(trouble)
        if trouble.kind in {"endpoint", "region"}:
            mend = (
                "is the local engine running (`roomidity up`), and are its lines exported?"
                if ports.account.is_emulator
                else "check the network, and AWS_REGION; for the local engine set AWS_ENDPOINT_URL"
            )
            return Finding("endpoint", "wrong", trouble.said, f"an answer from {ports.account.endpoint}", mend)
        return Finding("credentials", "unknown", trouble.said, "to be told who we are", "may they call STS?")
    return Finding("credentials", "ok", found)


def _stack(ports: CheckupPorts) -> Finding:
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


def _queue(ports: CheckupPorts, name: str, allowed: timedelta, *, now: datetime) -> Finding:
    check, full = f"queue {name}", f"{ports.prefix}-{name}"
    try:
        facts = ports.account.queue(full, now=now)
    except Exception as error:  # noqa: BLE001  # see above
        return _lacking(check, full, "queue", ports.trouble_of(error))
    found = f"{facts.waiting} waiting, {facts.in_flight} in flight"
    if facts.oldest is not None:
        found += f", the oldest since {_age(facts.oldest)}"
        if facts.oldest > allowed:
            worker = {"readings": "drain", "forecast-jobs": "forecast", "training-jobs": "train"}[name]
            mend = f"does the function {worker} run? See its log: npx serverless logs -f {worker} --stage STAGE"
            return Finding(check, "wrong", found, f"none older than {_age(allowed)}", mend)
    return Finding(check, "ok", found)


def _dead_letters(ports: CheckupPorts, name: str, *, now: datetime) -> Finding:
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


def _table(ports: CheckupPorts, name: str, keys: tuple[str, ...]) -> Finding:
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


def _bucket(ports: CheckupPorts) -> Finding:
    name = "the bucket"
    try:
        name = ports.bucket()
        ports.account.reach_bucket(name)
    except Exception as error:  # noqa: BLE001  # see above
        return _lacking("bucket", name, "bucket", ports.trouble_of(error))
    return Finding("bucket", "ok", name)


def _lacking(check: str, name: str, kind: str, trouble: Trouble) -> Finding:
    """What is wrong with something that could not be asked."""
    expected = f"a {kind} {name} that can be used"
    if trouble.kind == "missing":
        mend = "deploy the stack, or check ROOMIDITY_STAGE, ROOMIDITY_SERVICE, ROOMIDITY_BUCKET and AWS_REGION"
        return Finding(check, "wrong", f"no {kind} {name}", expected, mend)
    if trouble.kind == "denied":
        return Finding(check, "wrong", trouble.said, expected, "grant these credentials the right, or use others")
    return Finding(check, "wrong", trouble.said, expected, "try again; if it stays, see the service's health in AWS")


def _houses(ports: CheckupPorts, *, now: datetime, most_houses: int | None) -> Iterator[Finding]:
    houses = sorted(ports.houses().all(), key=lambda house: house.name)
    if not houses:
        yield Finding("houses", "ok", "none yet; one appears with its first reading")
        return
    active = [house for house in houses if house.rooms_to_forecast(now)]
    if not active:
        newest = max((house.last_seen for house in houses if house.last_seen), default=None)
        found = (
            f"{len(houses)} houses, none active; the newest reading is of {format_slot(newest) if newest else 'never'}"
        )
        mend = "do readings still reach the queue? Of a replayed house, give its time with --now"
        yield Finding("houses", "wrong", found, f"readings within {ACTIVE_FOR.days} days", mend)
        return
    chosen = active if most_houses is None else active[:: -(-len(active) // most_houses)]
    looked = "all looked at" if len(chosen) == len(active) else f"{len(chosen)} looked at"
    yield Finding("houses", "ok", f"{len(houses)}, of which {len(active)} active, {looked}")
    yield _champions(ports.registry(), chosen)
    table = ports.forecasts()
    latest = {
        house.name: [one for room in house.rooms_to_forecast(now) if (one := table.latest(house.name, room, now=now))]
        for house in chosen
    }
    yield _last_run(latest, now=now)
    yield _sensors(latest)


def _champions(registry: Registry, houses: Sequence[House]) -> Finding:
    refused, own = {}, 0
    for house in houses:
        for version in registry.succession(house.name)[:1]:
            try:
                registry.load(house.name, version)
                own += 1
            except RoomidityError as error:
                refused[house.name] = str(error)
    found = f"{own} houses with a model of their own, intact; {len(houses) - own - len(refused)} with the prior"
    if not refused:
        return Finding("models", "ok", found)
    name = next(iter(refused))
    mend = (
        f"what served before serves meanwhile; roomidity models rollback {name}, then roomidity train {name}. The "
        "bucket keeps former versions of an object for 30 days"
    )
    return Finding(
        "models", "wrong", _some(f"{house}: {why}" for house, why in refused.items()), "models that are intact", mend
    )


def _last_run(latest: Mapping[str, Sequence[StoredForecast]], *, now: datetime) -> Finding:
    due = now - LATE_PERIODS * SLOT
    issued = {house: max((one.issued_at for one in found), default=None) for house, found in latest.items()}
    late = {house: at for house, at in issued.items() if at is None or at < due}
    newest = max((at for at in issued.values() if at is not None), default=None)
    if not late:
        assert newest is not None  # noqa: S101  # no house is late, so each has a forecast
        return Finding("last run", "ok", f"the newest forecast is of {format_slot(newest)}")
    behind = (f"{house}: {format_slot(issued) if issued else 'no forecast'}" for house, issued in late.items())
    mend = (
        "does the schedule run drain, and the queue forecast? See their logs, and the dead letters above; by hand: "
        "roomidity drain, roomidity forecast HOUSE"
    )
    expected = f"a forecast of {format_slot(due)} or newer"
    return Finding("last run", "wrong", f"{len(late)} of {len(latest)} houses late: {_some(behind)}", expected, mend)


def _sensors(latest: Mapping[str, Sequence[StoredForecast]]) -> Finding:
    """What the newest forecasts note of the sensors."""
    notes = [(f"{house}/{name}", found, mend) for house, rooms in latest.items() for name, found, mend in told(rooms)]
    if not notes:
        return Finding("sensors", "ok", "nothing is noted of any")
    found = _some(f"{name}: {found}" for name, found, _ in notes)
    mend = _some(dict.fromkeys(f"{name.rpartition(': ')[2]}: {mend}" for name, _, mend in notes))
    return Finding("sensors", "wrong", found, "readings that can be believed", mend)


def _some(of: Iterable[str]) -> str:
    several = list(of)
    more = f" and {len(several) - _EXAMPLES} more" if len(several) > _EXAMPLES else ""
    return "; ".join(several[:_EXAMPLES]) + more


def _age(age: timedelta) -> str:
    minutes = round(age.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
