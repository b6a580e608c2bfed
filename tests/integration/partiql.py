"""What moto lacks: it reads no maps in parameters of PartiQL. INSERTs of ours are answered here, by its own puts."""

from __future__ import annotations

import random
import re
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import DynamoDBBackend

from tests.integration.stage import REGION

__all__ = ["answering_inserts"]

_NAMES: Final = re.compile(r"'(\w+)': \?")
_TABLE: Final = re.compile(r'INSERT INTO "([^"]+)" VALUE {')


class Inserts:
    """Answers as AWS documents it; with ``faults`` one statement in eight fails, and one is done and told as failed."""

    def __init__(self, faults: random.Random | None) -> None:
        self._plain: Any = boto3.client("dynamodb", region_name=REGION)
        self._faults = faults
        self.statements = 0
        self.codes: set[str] = set()

    def answer(self, statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        assert 0 < len(statements) <= 25
        return [self._answer(one) for one in statements]

    def _answer(self, one: dict[str, Any]) -> dict[str, Any]:
        self.statements += 1
        luck = self._faults.random() if self._faults else 1.0
        code = None
        if luck > 0.125:
            code = self._failed() if luck < 0.25 else self._insert(one)
        elif self._insert(one) is None:  # done, and told as failed
            code = self._failed()
        else:
            code = "DuplicateItem"
        if code is None:
            return {"TableName": "t"}
        self.codes.add(code)
        return {"Error": {"Code": code, "Message": "as asked for"}}

    def _failed(self) -> str:
        assert self._faults is not None
        return self._faults.choice(["ThrottlingError", "InternalServerError", "ValidationError", "TransactionConflict"])

    def _insert(self, one: dict[str, Any]) -> str | None:
        table = _TABLE.match(one["Statement"])
        assert table is not None
        item = dict(zip(_NAMES.findall(one["Statement"]), one["Parameters"], strict=True))
        try:
            self._plain.put_item(
                TableName=table[1],
                Item=item,
                ConditionExpression="attribute_not_exists(#h)",
                ExpressionAttributeNames={"#h": "house"},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return "DuplicateItem"
        return None


def answering_inserts(patched: pytest.MonkeyPatch, faults: random.Random | None = None) -> Inserts:
    """Have moto answer so."""
    inserts = Inserts(faults)
    patched.setattr(DynamoDBBackend, "batch_execute_statement", lambda _, statements: inserts.answer(statements))
    return inserts
