"""A stage behind the real adapters as a :class:`tests.schedules.Place`: moto in process, or the local engine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import boto3
from botocore.exceptions import ClientError

from roomidity.composition import Stage
from roomidity.domain.messages import Message
from roomidity.domain.observations import Observation, StoredSet
from roomidity.domain.slots import SLOT, SlotKey, floor_slot, format_slot, parse_slot, to_epoch_ms
from roomidity.readings.rejected import expand
from tests.schedules import Poisoned

__all__ = ["Deployed"]

_cases = count(1)
_DAMAGED = {"house": {"S": "damaged"}}


class Deployed:
    """Two new houses of a stage, and its queue, which must be empty."""

    def __init__(self, stage: Stage, queues: Any) -> None:
        self.ports = stage.drain_ports
        self.now = floor_slot(datetime.now(UTC)) + SLOT
        self._stage = stage
        self._queues = queues
        self._case = next(_cases)
        self.first_tag = self._case * 1_000_000
        self.is_fast = False
        self._whole: dict[SlotKey, StoredSet] = {}
        self._damaged: dict[str, Any] | None = None  # what it was before

    def houses(self) -> Sequence[str]:
        return f"case {self._case} a", f"case {self._case} b"

    def send(self, bodies: Iterable[str]) -> None:
        self._stage.readings_queue.send(list(bodies))

    def show(self, messages: Sequence[Message]) -> None:
        for message in messages:
            with suppress(ClientError):  # it is deleted, or visible already
                self._queues.change_message_visibility(
                    QueueUrl=self._stage.readings_queue.url, ReceiptHandle=message.handle, VisibilityTimeout=0
                )

    def is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self._stage.readings_queue.url
        answer = self._queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return {int(answer["Attributes"][name]) for name in names} == {0}

    def sets(self) -> Mapping[SlotKey, StoredSet]:
        return {
            SlotKey(house, to_epoch_ms(parse_slot(item.slot))): StoredSet(item.packed, int(item.version))
            for house in self.houses()
            for item in self._stage.clients.tables.readings.query(house, consistent_read=True)
        }

    def observations(self) -> Mapping[SlotKey, tuple[Observation, int]]:
        day = timedelta(days=1)
        found = {}
        for house in self.houses():
            items = self._stage.clients.tables.observations.query(house, consistent_read=True)
            versions = {parse_slot(item.slot): int(item.version) for item in items}
            for slot, observation in self._stage.observations.between(house, self.now - day, self.now + day):
                found[SlotKey(house, to_epoch_ms(slot))] = (observation, versions[slot])
        return found

    def poison(self, what: Poisoned) -> bool:
        if what == "house":  # the key alone: neither rooms, nor when it was last seen
            client, table = self._dynamodb
            if self._damaged is None:
                self._damaged = client.get_item(TableName=table, Key=_DAMAGED).get("Item", {})
            client.put_item(TableName=table, Item={**_DAMAGED, "rooms": {"L": []}})
            return True
        for key, one in self.sets().items():
            if key.house == self.houses()[0] and key not in self._whole:
                self._whole[key] = one
                self._replace(key, b"damaged", one.version)
                return True
        return False

    def mend(self) -> None:
        for key, one in self._whole.items():
            if self.sets()[key].packed == b"damaged":  # else a drain that had read it before wrote it anew
                self._replace(key, one.packed, one.version)
        self._whole.clear()
        if self._damaged is not None:
            client, table = self._dynamodb
            client.delete_item(TableName=table, Key=_DAMAGED)
            if self._damaged:
                client.put_item(TableName=table, Item=self._damaged)
            self._damaged = None

    @property
    def _dynamodb(self) -> tuple[Any, str]:
        return boto3.client("dynamodb"), f"{self._stage.settings.prefix}-houses"

    def _replace(self, key: SlotKey, packed: bytes, version: int) -> None:
        item = self._stage.clients.tables.readings
        item(house=key.house, slot=format_slot(key.start), packed=packed, version=version, expires_at=2**33).save()

    def rejects(self) -> list[dict[str, Any]]:
        bucket = self._stage.bucket
        lines = [line for key in bucket.keys("rejects/") for line in bucket.get(key).splitlines()]
        return [reject for line in lines for reject in expand(json.loads(line))]
