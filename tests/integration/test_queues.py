"""Queues against moto: what each call leaves undone comes back, or is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from roomidity.aws.queues import Queue
from roomidity.composition import Stage
from roomidity.domain.messages import Refusal
from roomidity.errors import StoreError
from tests.integration.stage import REGION


class Failing:
    """A client whose batch calls fail for some entries the first ``times`` times; the rest reaches the service."""

    def __init__(self, client: Any, call: str, *, of: set[str], times: int) -> None:
        self._client = client
        self._call = call
        self._of = of  # bodies or receipt handles
        self._times = times
        self.sizes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._call else getattr(self._client, name)

    def _fail(self, **arguments: Any) -> Any:
        entries = arguments.pop("Entries")
        self.sizes.append(len(entries))
        chosen = self._of if len(self.sizes) <= self._times else set()
        failed = [entry["Id"] for entry in entries if chosen & set(entry.values())]
        rest = [entry for entry in entries if entry["Id"] not in failed]
        answer = getattr(self._client, self._call)(Entries=rest, **arguments) if rest else {}
        return {**answer, "Failed": [{"Id": one, "Message": "the service is busy"} for one in failed]}


def received(queue: Queue) -> list[str]:
    bodies = []
    while messages := queue.receive():
        bodies += [message.body for message in messages]
    return bodies


def test_what_is_sent_is_received_with_the_time_it_was_sent(stage: Stage) -> None:
    queue = stage.readings_queue
    queue.send(["first", "zweite ☔"])
    messages = queue.receive()
    assert sorted(message.body for message in messages) == ["first", "zweite ☔"]
    assert all(message.sent_ms > 1_600_000_000_000 and message.id and message.handle for message in messages)
    assert queue.receive() == []  # hidden from others


def test_nothing_to_send_or_delete_makes_no_call(stage: Stage) -> None:
    stage.readings_queue.send([])
    assert stage.readings_queue.delete([]) == []


@pytest.mark.parametrize("count", [9, 10, 11, 25])
def test_more_than_ten_go_in_several_batches(stage: Stage, count: int) -> None:
    queue = stage.readings_queue
    bodies = [f"body {number}" for number in range(count)]
    queue.send(bodies)
    messages = [message for _ in range(4) for message in queue.receive()]
    assert sorted(message.body for message in messages) == sorted(bodies)
    assert queue.delete(messages) == []
    assert queue.depth() == 0


def test_a_batch_holds_no_more_than_the_service_takes(stage: Stage, plain_queues: Any) -> None:
    client: Any = Failing(plain_queues, "send_message_batch", of=set(), times=0)
    queue = Queue(client, stage.readings_queue.name, wait_s=0)
    bodies = [letter * 100_000 for letter in "abcdef"] + ["é" * 100_000]  # in UTF-8 the last is twice as long
    queue.send(bodies)
    assert client.sizes == [2, 2, 2, 1]
    assert sorted(received(queue)) == sorted(bodies)


def test_those_that_the_service_refuses_are_sent_again(stage: Stage, plain_queues: Any) -> None:
    client: Any = Failing(plain_queues, "send_message_batch", of={"body 1", "body 3"}, times=1)
    queue = Queue(client, stage.readings_queue.name, wait_s=0)
    bodies = [f"body {number}" for number in range(5)]
    queue.send(bodies)
    assert client.sizes == [5, 2]
    assert sorted(received(queue)) == bodies


def test_a_message_refused_every_time_is_an_error_that_says_why(stage: Stage, plain_queues: Any) -> None:
    client: Any = Failing(plain_queues, "send_message_batch", of={"body"}, times=99)
    queue = Queue(client, stage.readings_queue.name)
    with pytest.raises(StoreError, match="refused 1 messages: the service is busy"):
        queue.send(["body"])


def test_what_is_offered_is_answered_one_by_one(stage: Stage, plain_queues: Any) -> None:
    client: Any = Failing(plain_queues, "send_message_batch", of={"body 1"}, times=1)
    queue = Queue(client, stage.readings_queue.name, wait_s=0)
    busy = Refusal("the service is busy", is_final=False)
    assert queue.offer(["body 0", "body 1", "body 2"]) == [None, busy, None]
    assert queue.offer(["body 1"]) == [None]
    assert sorted(received(queue)) == ["body 0", "body 1", "body 2"]


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        ({"Code": "InvalidMessageContents", "Message": "a character"}, True),
        ({"Code": "AWS.SimpleQueueService.BatchRequestTooLong", "Message": "too long"}, True),
        ({"Code": "InvalidParameterValue", "Message": "Reason: Message must be shorter than 1024 bytes."}, True),
        ({"Code": "InvalidParameterValue", "Message": "the queue should end in .fifo"}, False),
        ({"Code": "InternalError"}, False),
        ({"Code": "AccessDenied", "Message": "no", "SenderFault": True}, False),
    ],
)
def test_only_what_a_message_holds_is_a_reason_never_to_offer_it_again(
    stage: Stage, plain_queues: Any, error: dict[str, Any], is_final: bool
) -> None:
    client: Any = Failing(plain_queues, "send_message_batch", of=set(), times=0)
    queue = Queue(client, stage.readings_queue.name, wait_s=0)
    client._fail = lambda **_: {"Failed": [{"Id": "1", **error}]}
    assert [one and one.is_final for one in queue.offer(["body 0", "body 1"])] == [None, is_final]

    answer: Any = {"Error": error}

    def raises(**_: Any) -> Any:
        raise ClientError(answer, "SendMessageBatch")

    client._fail = raises
    if is_final:
        assert [one and one.is_final for one in queue.offer(["body 0", "body 1"])] == [True, True]
    else:
        with pytest.raises(ClientError):
            queue.offer(["body"])


def test_those_that_could_not_be_deleted_come_back(stage: Stage, plain_queues: Any) -> None:
    stage.readings_queue.send([f"body {number}" for number in range(3)])
    messages = stage.readings_queue.receive()
    client: Any = Failing(plain_queues, "delete_message_batch", of={messages[1].handle}, times=99)
    assert Queue(client, stage.readings_queue.name).delete(messages) == [messages[1]]
    assert client.sizes[0] == 3
    assert set(client.sizes[1:]) == {1}


def test_a_deletion_that_failed_once_is_tried_again(stage: Stage, plain_queues: Any) -> None:
    stage.readings_queue.send([f"body {number}" for number in range(3)])
    messages = stage.readings_queue.receive()
    client: Any = Failing(plain_queues, "delete_message_batch", of={messages[0].handle}, times=1)
    queue = Queue(client, stage.readings_queue.name)
    assert queue.delete(messages) == []
    attributes = plain_queues.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_queue_that_does_not_exist_is_an_error_that_says_where_to_look(stage: Stage, plain_queues: Any) -> None:
    with pytest.raises(StoreError, match=r"queue 'roomidity-tset-readings' does not exist.*ROOMIDITY_STAGE"):
        Queue(plain_queues, "roomidity-tset-readings").receive()


def test_a_job_is_a_message_of_its_own(stage: Stage, plain_queues: Any) -> None:
    stage.forecast_jobs.send([json.dumps({"house": "h1", "issued_at": "2026-03-15T00:00Z"})])
    url = plain_queues.get_queue_url(QueueName="roomidity-test-forecast-jobs")["QueueUrl"]
    (message,) = plain_queues.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"house": "h1", "issued_at": "2026-03-15T00:00Z"}
    assert plain_queues.meta.region_name == REGION
