"""SQS queues: receive, send and delete in batches, and handle what each call leaves undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from roomidity.domain.messages import Message, Refusal, Resent
from roomidity.domain.stage import REMEDIES
from roomidity.errors import StoreError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["Queue"]

_BATCH: Final = 10
_BATCH_BYTES: Final = 256_000
"""Limit on all bodies of one SendMessageBatch together. The service accepts 1 MiB, but other endpoints only 256 KiB."""

_ATTEMPTS: Final = 3

_FIRST_SENT: Final = "first_sent_ms"
"""Attribute with the time at which a replayed message was first sent. Without it, the message would count as sent
after a deletion.
"""

_OF_CONTENT: Final = frozenset({"BatchRequestTooLong", "InvalidMessageContents", "MessageTooLong"})
_OF_LENGTH: Final = ("shorter than", "too long", "must be less than")
"""Fragments of the errors with which services refuse a message that is too long for the queue."""

_LONGEST_WITH_ATTRIBUTE: Final = 262_000
"""Limit in bytes of UTF-8. A queue accepts 262,144 including the attribute."""


class Queue:
    """One queue, whose URL is looked up by name on first use."""

    def __init__(self, client: SQSClient, name: str, *, wait_s: int = 1) -> None:
        self._client = client
        self._wait_s = wait_s
        self.name = name

    @cached_property
    def url(self) -> str:
        """The URL of the queue."""
        try:
            return self._client.get_queue_url(QueueName=self.name)["QueueUrl"]
        except self._client.exceptions.QueueDoesNotExist as error:
            raise StoreError(f"queue {self.name!r} does not exist here; {REMEDIES['missing']}") from error

    def receive(self) -> list[Message]:
        """Returns up to ten messages, hidden from other readers until the visibility timeout.

        The list is empty if none arrived during a long poll.
        """
        answer = self._client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=self._wait_s,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=[_FIRST_SENT],
        )
        return [
            Message(
                id=message["MessageId"],
                body=message["Body"],
                sent_ms=int(message["Attributes"]["SentTimestamp"]),
                handle=message["ReceiptHandle"],
                first_sent_ms=_first_sent(message),
            )
            for message in answer.get("Messages", [])
        ]

    def delete(self, messages: Sequence[Message]) -> list[Message]:
        """Delete ``messages``.

        Returns those that could not be deleted after some attempts, which will be received again.
        """
        undone: list[Message] = []
        for start in range(0, len(messages), _BATCH):
            batch = list(messages[start : start + _BATCH])
            for _ in range(_ATTEMPTS):
                answer = self._client.delete_message_batch(
                    QueueUrl=self.url,
                    Entries=[{"Id": str(index), "ReceiptHandle": one.handle} for index, one in enumerate(batch)],
                )
                batch = [batch[int(failure["Id"])] for failure in answer.get("Failed", [])]
                if not batch:
                    break
            undone += batch
        return undone

    def send(self, bodies: Sequence[str], *, delay_s: int = 0) -> None:
        """Send each body as a message that can be received after ``delay_s`` seconds.

        A :class:`Resent` body carries the time at which it was first sent. If it is too long to carry it, the time is
        left out rather than losing the message.

        Raises
        ------
        StoreError
            If some were still refused after some attempts. All others are sent.
        """
        refused: list[Any] = []
        for whole in _batches(bodies):
            batch = whole
            for attempt in range(_ATTEMPTS):
                answer = self._client.send_message_batch(
                    QueueUrl=self.url,
                    Entries=[_entry(index, body, delay_s) for index, body in enumerate(batch)],
                )
                failures = answer.get("Failed", [])
                batch = [batch[int(failure["Id"])] for failure in failures]
                if not batch:
                    break
                if attempt == _ATTEMPTS - 1:
                    refused += failures
        if refused:
            raise StoreError(f"queue {self.name!r} refused {len(refused)} messages: {refused[0].get('Message')}")

    def offer(self, bodies: Sequence[str]) -> list[Refusal | None]:
        """Offer up to ten bodies in one call. Returns for each None if it was accepted, or why it was refused.

        If the whole call fails, the client's error is raised, except for a call that was refused because of its
        content.
        """
        entries = [_entry(index, body, 0) for index, body in enumerate(bodies)]
        try:
            answer = self._client.send_message_batch(QueueUrl=self.url, Entries=entries)
        except self._client.exceptions.ClientError as error:
            of = error.response.get("Error", {})
            if not _is_final(of):
                raise
            return [Refusal(_words(of), is_final=True)] * len(bodies)
        refusals: list[Refusal | None] = [None] * len(bodies)
        for failure in answer.get("Failed", []):
            refusals[int(failure["Id"])] = Refusal(_words(failure), is_final=_is_final(failure))
        return refusals

    def depth(self) -> int:
        """Returns the approximate number of waiting messages."""
        answer = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _entry(index: int, body: str, delay_s: int) -> Any:
    entry: dict[str, Any] = {"Id": str(index), "MessageBody": body} | ({"DelaySeconds": delay_s} if delay_s else {})
    if not isinstance(body, Resent) or len(body.encode()) > _LONGEST_WITH_ATTRIBUTE:
        return entry
    number = {"DataType": "Number", "StringValue": str(body.first_sent_ms)}
    return {**entry, "MessageAttributes": {_FIRST_SENT: number}}


def _is_final(error: Any) -> bool:
    """Returns whether an error is about a message's content or length.

    After any other error, the sender may succeed later.
    """
    code = str(error.get("Code", "")).rpartition(".")[2]
    return code in _OF_CONTENT or (
        code == "InvalidParameterValue" and any(word in str(error.get("Message", "")).lower() for word in _OF_LENGTH)
    )


def _words(error: Any) -> str:
    return ": ".join(str(error[key]) for key in ("Code", "Message") if error.get(key))


def _first_sent(message: Any) -> int | None:
    text = message.get("MessageAttributes", {}).get(_FIRST_SENT, {}).get("StringValue", "")
    return int(text) if text.isascii() and text.isdecimal() else None


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Yields the bodies in order, in batches of at most ten and ``_BATCH_BYTES`` together. A longer body goes alone."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode())
        if batch and (len(batch) == _BATCH or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch
