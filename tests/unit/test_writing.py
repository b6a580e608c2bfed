"""Conditional writes: what counts as not held, what is tried again, and what is nobody's to hide."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import PutError

from roomidity.aws.store.writing import Write, save


def refusal(code: str) -> PutError:
    return PutError(cause=ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem"))


def write(*answers: PutError | None) -> tuple[Write, list[Any]]:
    """A write whose item answers each attempt in turn; None is success."""
    left = list(answers)

    def attempt(condition: Any) -> None:
        answer = left.pop(0)
        if answer is not None:
            raise answer

    item: Any = SimpleNamespace(save=attempt)
    condition: Any = object()
    return Write(item, condition, house="h1", size_bytes=1), left


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr("roomidity.aws.store.writing.time.sleep", taken.append)
    return taken


def test_a_condition_that_does_not_hold_is_an_answer() -> None:
    assert save(write(None)[0])
    assert not save(write(refusal("ConditionalCheckFailedException"))[0])


def test_another_writers_transaction_is_waited_for(pauses: list[float]) -> None:
    conflict = refusal("TransactionConflictException")
    assert save(write(conflict, conflict, None)[0])
    assert pauses == [0.05, 0.1]
    assert not save(write(conflict, refusal("ConditionalCheckFailedException"))[0])


def test_not_for_ever(pauses: list[float]) -> None:
    attempt, left = write(*[refusal("TransactionConflictException")] * 6)
    with pytest.raises(PutError):
        save(attempt)
    assert left == []
    assert len(pauses) == 5


def test_any_other_error_ends_the_drain() -> None:
    with pytest.raises(PutError):
        save(write(refusal("ProvisionedThroughputExceededException"))[0])
