"""Checks in a real account what drains rely on when they insert items in batches: consumed units and error codes.

    scripts/check-aws --yes [--json]       # in the account and region of the usual AWS variables
    scripts/check-aws --local [--json]     # on a local engine, to try it out

Creates two tables, <service>-check-<random>-readings and -observations, writes some 300 items of invented houses with
the drain's adapters, and deletes both tables at the end, even after an error. This costs less than one cent and needs
dynamodb:CreateTable, DescribeTable, DeleteTable, PutItem, GetItem, BatchGetItem and PartiQLInsert on these tables.

It exits with status 1 unless the following holds: an INSERT consumes as many units as a PutItem of the same item; an
existing item is answered with DuplicateItem and left unchanged; the other items of its batch are written; nothing is
lost on a throttled table. It also reports the error codes for an item that is too large, a repeated key, a missing
table, and throttling. If all is well, deploy with --param batchInsert=on.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from roomidity.aws.dynamodb import botocore_session, dynamodb_client
from roomidity.aws.store import BatchInsert, SetTable, bind
from roomidity.aws.store.inserting import statement_of
from roomidity.cli.output import Output, notes
from roomidity.domain.damage import Damage
from roomidity.domain.observations import StoredSet
from roomidity.domain.slots import SLOT, SlotKey, floor_slot, format_slot, to_epoch_ms
from roomidity.errors import RoomidityError
from roomidity.local.engine import running

ROOT: Final = Path(__file__).resolve().parents[2]
_SIZES: Final = (300, 900, 1_500, 2_500)
"""Sizes of a set in bytes. The whole items take 1, 1, 2 and 3 units."""

_TOO_LARGE: Final = 420_000
_THROTTLING_S: Final = 40.0


@dataclass(frozen=True)
class Row:
    """One result. ``holds`` is None if nothing was expected, or if it could not be observed."""

    check: str
    found: str
    expected: str
    holds: bool | None


@dataclass
class Check:
    """All checks, on one pair of tables. ``is_local`` means an emulator, which counts no units."""

    client: Any
    tables: Any
    is_local: bool
    start: datetime = field(default_factory=lambda: floor_slot(datetime.now(UTC)))
    _slot: int = 0

    def rows(self) -> Iterator[Row]:
        """Run all checks. Yields their results."""
        yield from self._units()
        yield from self._duplicates()
        yield from self._odd_batches()
        yield self._adapter()
        yield self._throttled()

    def _new(self, size: int = 300, table: str = "readings") -> Any:
        self._slot += 1
        slot = format_slot(self.start - self._slot * SLOT)
        item = getattr(self.tables, table)
        more: dict[str, Any] = {"packed": secrets.token_bytes(size)}
        if table == "observations":
            figure = {"M": {"mean": {"N": "21.5"}, "count": {"N": "15"}}}
            more = {"rooms": {f"room {place}": {"M": {"humidity": figure}} for place in range(8)}}
        return item(house="check", slot=slot, version=1, expires_at=to_epoch_ms(self.start) // 1000 + 86_400, **more)

    def _insert(self, items: list[Any]) -> tuple[list[str | None], float | None]:
        """Returns the error code of each item's statement, and the consumed units if they are reported."""
        asked = {"Statements": [statement_of(item) for item in items], "ReturnConsumedCapacity": "TOTAL"}
        answer = self._call("BatchExecuteStatement", asked)
        codes = [one["Error"].get("Code", "unknown") if one.get("Error") else None for one in answer["Responses"]]
        capacity = answer.get("ConsumedCapacity")
        return codes, sum(one["CapacityUnits"] for one in capacity) if capacity else None

    def _code_of(self, items: list[Any]) -> str:
        """Returns the outcome of a batch in words: the code of the whole call, or those of its statements."""
        try:
            codes, _ = self._insert(items)
        except (ClientError, BotoCoreError) as error:
            told = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            return f"all: {told}"
        return ", ".join(f"{count} {code or 'written'}" for code, count in Counter(codes).items())

    def _units(self) -> Iterator[Row]:
        for table, size in [*(("readings", size) for size in _SIZES), ("observations", 0)]:
            one = self._new(size, table)
            put = {"TableName": one.Meta.table_name, "Item": one.serialize(), "ReturnConsumedCapacity": "TOTAL"}
            told = self._call("PutItem", put).get("ConsumedCapacity")
            codes, units = self._insert([self._new(size, table) for _ in range(10)])
            expected = 10 * told["CapacityUnits"] if told else None
            is_known = units is not None and expected is not None and not self.is_local
            what = f"units of 10 INSERTs, {table}" + (f" of {size:,} bytes" if size else "")
            yield Row(
                what, _number(units), f"{_number(expected)}, as of 10 PutItems", units == expected if is_known else None
            )
            written = codes == [None] * 10
            if not written:
                yield Row(f"10 INSERTs into {table}", str(codes), "all written", holds=False)

    def _duplicates(self) -> Iterator[Row]:
        standing = [self._new() for _ in range(12)]
        self._insert(standing)
        others = [self._new(900) for _ in range(13)]
        rewritten = [type(one)(**{**one.attribute_values, "packed": b"another"}) for one in standing]
        codes, units = self._insert([*rewritten, *others])
        expected = ["DuplicateItem"] * 12 + [None] * 13
        yield Row("12 that stand there, 13 that do not", _counted(codes), _counted(expected), codes == expected)
        yield Row("units of those 25", _number(units), "13, or 25 where failures count", None)
        kept = [self._stored(one).get("packed", {}).get("B") == one.packed for one in [*standing, *others]]
        yield Row("what stands there afterwards", f"{sum(kept)} of 25 as they were", "25 of 25", all(kept))

    def _odd_batches(self) -> Iterator[Row]:
        twice = self._new()
        yield Row("one key twice in a batch", self._code_of([twice, twice]), "anything: drains never send it", None)
        small = self._new()
        found = self._code_of([small, self._new(_TOO_LARGE)])
        yield Row("an item too large beside a small one", found, "anything: puts decide", None)
        missing = bind("check-aws-no-such-stage", self.client).readings(house="check", slot="s", version=1)
        missing.packed, missing.expires_at = b"1", 1
        yield Row("a table that is not there", self._code_of([missing, missing]), "an error of any kind", None)

    def _adapter(self) -> Row:
        """Insert with the drain's adapter: at first all items are written, then all are found to exist."""
        batches = BatchInsert()
        table = SetTable(self.tables.readings, retention_days=1, damage=Damage(), inserting=batches)
        sets = {self._key(): StoredSet(b"\x01" + secrets.token_bytes(300), 1) for _ in range(60)}
        first, second, found = table.put_many(sets), table.put_many(sets), table.get_many(sets)
        holds = not first and second == sets.keys() and found == sets and batches.refused is None
        told = f"{60 - len(first)} written, then {len(second)} overtaken, {len(found)} read"
        told += f"; refused: {batches.refused}" if batches.refused else ""
        return Row("60 sets by the drain's adapter, twice", told, "60 written, then 60 overtaken, 60 read", holds)

    def _throttled(self) -> Row:
        """Write hundreds of items to a table of one unit a second until it throttles. The adapter then loses none."""
        codes: Counter[str] = Counter()
        until = time.monotonic() + (2.0 if self.is_local else _THROTTLING_S)
        expected = "ThrottlingError or ProvisionedThroughputExceeded, tried again"
        while time.monotonic() < until and not codes:
            try:
                found, _ = self._insert([self._new(table="observations") for _ in range(25)])
                codes.update(code for code in found if code)
            except ClientError as error:
                codes[f"all: {error.response['Error']['Code']}"] += 1
        if not codes:
            return Row("a table without capacity", "it never held back", expected, None)
        asked = [self._new(table="observations") for _ in range(25)]
        written = BatchInsert().insert([_New(one) for one in asked], self.client)
        there = [bool(self._stored(one)) for one in asked]
        told = f"{_counted(list(codes.elements()))}; then {len(written)} of 25 told as written, {sum(there)} are"
        return Row("a table without capacity", told, expected, all(there[place] for place in written))

    def _call(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.client._make_api_call(operation, asked)  # noqa: SLF001  # as the adapters do
        return answer

    def _key(self) -> SlotKey:
        self._slot += 1
        return SlotKey("check", to_epoch_ms(self.start - self._slot * SLOT))

    def _stored(self, item: Any) -> dict[str, Any]:
        key = {"house": {"S": item.house}, "slot": {"S": item.slot}}
        asked = {"TableName": item.Meta.table_name, "Key": key, "ConsistentRead": True}
        return dict(self._call("GetItem", asked).get("Item", {}))


@dataclass(frozen=True)
class _New:
    item: Any
    size_bytes: int = 500


def _number(units: float | None) -> str:
    return "not told" if units is None else f"{units:g}"


def _counted(codes: list[Any]) -> str:
    return ", ".join(f"{count} {code or 'written'}" for code, count in Counter(codes).items())


@contextmanager
def made(tables: Any) -> Iterator[None]:
    """Create the two tables, and delete them at the end."""
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (tables.readings, {"billing_mode": "PAY_PER_REQUEST"}),
        (tables.observations, {"read_capacity_units": 5, "write_capacity_units": 1}),
    ]
    try:
        for item, how in kinds:
            item.create_table(wait=True, **how)
        yield
    finally:
        for item, _ in kinds:
            _deleted(item.delete_table)


def _deleted(delete: Callable[[], Any]) -> None:
    try:
        delete()
    except Exception as error:  # noqa: BLE001  # the other table is deleted, too
        notes.print(f"a table may be left, delete it by hand: {error}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="check-aws", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--yes", action="store_true", help="make the tables in the account that the AWS variables name")
    where.add_argument("--local", action="store_true", help="on a local engine")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    asked = parser.parse_args()
    output = Output(as_json=asked.json)
    with ExitStack() as stack:
        if asked.local:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            engine = stack.enter_context(running(ROOT, folder / "engine", stage="check"))
            os.environ.update(engine.environment)
        session = botocore_session()
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
        if not region:
            raise RoomidityError("no region is set; expected AWS_REGION, such as eu-central-1")
        client = dynamodb_client(session, region=region)
        prefix = f"{os.environ.get('ROOMIDITY_SERVICE', 'roomidity')}-check-{secrets.token_hex(4)}"
        tables = bind(prefix, client)
        notes.print(f"two tables {prefix}-… in {region} at {client.meta.endpoint_url}")
        with made(tables):
            rows = list(Check(client, tables, is_local=asked.local).rows())
    shown = Table("", "found", "expected", "")
    for row in rows:
        shown.add_row(row.check, row.found, row.expected, {True: "holds", False: "FAILS", None: ""}[row.holds])
    output.tables.print(shown)
    failed = [row.check for row in rows if row.holds is False]
    unseen = [row.check for row in rows if row.holds is None and row.check.startswith("units of 10")]
    if failed:
        notes.print(f"Leave batchInsert off: {', '.join(failed)}. Drains put new items one by one, as ever.")
    elif unseen:
        notes.print("The units were not seen here: an emulator counts none that could be relied on.")
    else:
        notes.print("All holds: deploy with --param batchInsert=on.")
    output.answer({"rows": [asdict(row) for row in rows], "holds": not failed})
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RoomidityError, ClientError, BotoCoreError) as error:
        sys.exit(f"check-aws: {error}")
