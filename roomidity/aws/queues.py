"""Queues in SQS: receive, send and delete in batches, minding what each call leaves undone."""

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
"""All bodies of one SendMessageBatch together; the service takes 1 MiB, other endpoints no more than 256 KiB."""

_ATTEMPTS: Final = 3

_FIRST_SENT: Final = "first_sent_ms"
"""A replayed message's attribute: when it was sent first. Without it, it would count as sent after a deletion."""

_OF_CONTENT: Final = frozenset({"BatchRequestTooLong", "InvalidMessageContents", "MessageTooLong"})
_OF_LENGTH: Final = ("shorter than", "too long", "must be less than")
"""What services say of a message that is longer than the queue takes."""

_LONGEST_WITH_ATTRIBUTE: Final = 262_000
"""Bytes of UTF-8: a queue takes 262,144 with the attribute."""


class Queue:
    """One queue, found by its name when it is first used."""

    def __init__(self, client: SQSClient, name: str, *, wait_s: int = 1) -> None:
        self._client = client
        self._wait_s = wait_s
        self.name = name

    @cached_property
    def url(self) -> str:
        """Where the queue is."""
        try:
            return self._client.get_queue_url(QueueName=self.name)["QueueUrl"]
        except self._client.exceptions.QueueDoesNotExist as error:
            raise StoreError(f"queue {self.name!r} does not exist here; {REMEDIES['missing']}") from error

    def receive(self) -> list[Message]:
        """Up to ten messages, hidden from others until the visibility timeout; none after a long poll in vain."""
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
        """Delete ``messages``; those that could not be, after some attempts, come back (and will be received again)."""
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
        """Send each body as a message, to be received after ``delay_s``; with a :class:`Resent` goes when it was first.

        Not with one so long that it would be refused with it: nothing is lost for that.

        Raises
        ------
        StoreError
            If some were refused after some attempts; all others are sent.
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
        """Offer at most ten bodies in one call; for each None where it was taken, else why it was not.

        A call that fails as a whole raises what the client raises, but for one that is refused for what it holds.
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
        """About how many messages wait."""
        answer = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def _entry(index: int, body: str, delay_s: int) -> Any:
    entry: dict[str, Any] = {"Id": str(index), "MessageBody": body} | ({"DelaySeconds": delay_s} if delay_s else {})
    if not isinstance(body, Resent) or len(body.encode()) > _LONGEST_WITH_ATTRIBUTE:
        return entry
    number = {"DataType": "Number", "StringValue": str(body.first_sent_ms)}
    return {**entry, "MessageAttributes": {_FIRST_SENT: number}}


def _is_final(error: Any) -> bool:
    """Whether an error is about what a message holds or how long it is; of any other the sender may yet be cured."""
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
    """Bodies in order, at most ten and ``_BATCH_BYTES`` together; a longer one goes alone."""
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
