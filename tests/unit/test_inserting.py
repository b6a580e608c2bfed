"""New items many at a time: whatever becomes of statements, what is told as written is, and puts decide the rest."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.aws.dynamodb import botocore_session, dynamodb_client
from roomidity.aws.store import BatchInsert, Tables, bind
from roomidity.aws.store.inserting import STATEMENTS

PASSING = ("ThrottlingError", "InternalServerError", "ProvisionedThroughputExceeded", "TransactionConflict")
LASTING = ("ValidationError", "AccessDenied", "ItemCollectionSizeLimitExceeded", "ConditionalCheckFailed")


class New(NamedTuple):
    item: Any
    size_bytes: int = 100


@dataclass
class Table:
    """A table that answers INSERTs as AWS says it does, but for faults: of a call, or of a statement."""

    of_call: list[str] = field(default_factory=list)
    of_statement: list[str] = field(default_factory=list)
    stored: dict[str, Any] = field(default_factory=dict)
    calls: int = 0

    def _make_api_call(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        assert operation == "BatchExecuteStatement"
        assert 0 < len(asked["Statements"]) <= STATEMENTS
        self.calls += 1
        fault = self.of_call.pop() if self.of_call else ""
        if fault.startswith("before "):
            raise self._error(fault.removeprefix("before "))
        answers = [self._insert(one) for one in asked["Statements"]]
        if fault:
            raise self._error(fault)
        return {"Responses": answers}

    @staticmethod
    def _error(code: str) -> Exception:
        if code == "timeout":
            return ReadTimeoutError(endpoint_url="https://dynamodb")
        return ClientError({"Error": {"Code": code, "Message": "no"}}, "BatchExecuteStatement")

    def _insert(self, one: dict[str, Any]) -> dict[str, Any]:
        names = re.findall(r"'(\w+)': \?", one["Statement"])
        assert one["Statement"].startswith('INSERT INTO "test-readings" VALUE {')
        item = dict(zip(names, one["Parameters"], strict=True))
        fault = self.of_statement.pop() if self.of_statement else ""
        if fault and not fault.startswith("after "):
            return {"Error": {"Code": fault, "Message": ""}}
        key = item["slot"]["S"]
        if key in self.stored:
            return {"Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}}
        self.stored[key] = item
        if fault:
            return {"Error": {"Code": fault.removeprefix("after "), "Message": ""}}
        return {"TableName": "test-readings"}


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with pytest.MonkeyPatch.context() as patched:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "test")
        yield bind("test", dynamodb_client(botocore_session(), region="eu-central-1"))


@pytest.fixture(scope="module")
def items(tables: Tables) -> Callable[[int], list[New]]:
    def made(count: int) -> list[New]:
        return [
            New(tables.readings(house="h1", slot=f"{place:04}", packed=b"\x01", version=1, expires_at=1))
            for place in range(count)
        ]

    return made


def inserting(**of: Any) -> BatchInsert:
    return BatchInsert(sleep=lambda _: None, randomness=random.Random(0), **of)


def test_new_items_go_twenty_five_a_call(items: Callable[[int], list[New]]) -> None:
    table = Table()
    assert inserting().insert(items(60), table) == set(range(60))
    assert table.calls == 3
    assert table.stored["0007"] == {
        "house": {"S": "h1"},
        "slot": {"S": "0007"},
        "packed": {"B": b"\x01"},
        "version": {"N": "1"},
        "expires_at": {"N": "1"},
    }


def test_large_items_go_fewer_a_call(items: Callable[[int], list[New]]) -> None:
    table = Table()
    assert inserting().insert([one._replace(size_bytes=400_000) for one in items(10)], table) == set(range(10))
    assert table.calls == 2


faults = st.lists(
    st.sampled_from(
        [
            "",
            "",
            "timeout",
            "before timeout",
            "before ThrottlingException",
            "InternalServerError",
            "before AccessDenied",
        ]
    ),
    max_size=6,
)
of_statements = st.lists(
    st.sampled_from(["", "", *PASSING, *LASTING, "after InternalServerError", "after ThrottlingError"]), max_size=40
)


@settings(max_examples=150, deadline=None)
@given(count=st.integers(1, 60), standing=st.sets(st.integers(0, 59)), call=faults, statement=of_statements)
def test_what_is_told_as_written_is_and_by_us(
    items: Callable[[int], list[New]], count: int, standing: set[int], call: list[str], statement: list[str]
) -> None:
    others = {f"{place:04}": "another's" for place in standing}
    table = Table(list(call), list(statement), dict(others))
    new = items(count)
    written = inserting().insert(new, table)
    assert written.isdisjoint(standing), "what stands there is left to the put, which reads and merges"
    for place in written:
        assert table.stored[f"{place:04}"]["version"] == {"N": "1"}
    assert others.items() <= table.stored.items()
    if not call and not statement:
        assert written == set(range(count)) - standing


@pytest.mark.parametrize("code", PASSING)
def test_what_passes_is_tried_again_and_only_that(items: Callable[[int], list[New]], code: str) -> None:
    table = Table(of_statement=[code, "", "DuplicateItem", "ValidationError"])
    assert inserting().insert(items(4), table) == {2, 3}
    assert table.calls == 2


def test_what_never_passes_is_left_within_bounds(items: Callable[[int], list[New]]) -> None:
    paused: list[float] = []
    table = Table(of_statement=["ThrottlingError"] * 10_000)
    batches = BatchInsert(sleep=paused.append, randomness=random.Random(0))
    assert batches.insert(items(500), table) == set()
    assert sum(paused) <= 5
    assert len(set(paused)) == len(paused) > 5, "with jitter"
    assert batches.refused is None


@pytest.mark.parametrize(
    "code", ["before AccessDeniedException", "before ValidationException", "before UnknownOperation"]
)
def test_a_batch_refused_whole_ends_batches_for_the_tick(items: Callable[[int], list[New]], code: str) -> None:
    now = [0.0]
    table, batches = Table(of_call=[code]), inserting(clock=lambda: now[0])
    assert batches.insert(items(20), table) == set()
    assert code.removeprefix("before ") in (batches.refused or "")
    assert batches.insert(items(20), table) == set()
    assert table.calls == 1
    now[0] = 900.0
    assert batches.refused is None
    assert batches.insert(items(20), table) == set(range(20))


def test_statements_that_are_all_refused_are_a_batch_that_is(items: Callable[[int], list[New]]) -> None:
    table, batches = Table(of_statement=["AccessDenied"] * 3), inserting()
    assert batches.insert(items(3), table) == set()
    assert "AccessDenied" in (batches.refused or "")
    table, batches = Table(of_statement=["AccessDenied", "DuplicateItem"]), inserting()
    assert batches.insert(items(2), table) == set()
    assert batches.refused is None


def test_a_timeout_is_no_refusal(items: Callable[[int], list[New]]) -> None:
    table, batches = Table(of_call=["timeout"]), inserting()
    assert batches.insert(items(3), table) == set(), "whether they are written, the puts find out"
    assert len(table.stored) == 3
    assert batches.refused is None
