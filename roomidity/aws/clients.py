"""AWS clients: one session, the timeout of each client, and the tables with patient or hasty clients."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import botocore.session
from botocore.config import Config

from roomidity.aws.dynamodb import botocore_session, dynamodb_client
from roomidity.aws.store import Tables, bind
from roomidity.settings import Settings

__all__ = ["Clients"]

_POLLING_S: Final = 25
"""Timeout in s of a queue's response, above SQS's longest long poll."""

_SENDING_S: Final = 15
"""Timeout in s of a response to 256,000 bytes that were sent at half a Mbit/s."""

_ANSWER_S: Final = 5
"""Timeout in s of all other responses, except for a forecast's model."""

_ATTEMPTS: Final = 3

_HASTY_S: Final = 2
_HASTY_ATTEMPTS: Final = 2
"""A model that does not load must leave time for the fallback within the 60 s of a forecast. Ten houses then wait 4
s in all. The second attempt is for a connection that broke while the function was frozen. With a single attempt,
the first read of a day could fail.
"""


@dataclass(frozen=True)
class Clients:
    """The clients of a stage, each made on first use."""

    settings: Settings

    @cached_property
    def session(self) -> botocore.session.Session:
        """The session that all clients are made from."""
        return botocore_session()

    @cached_property
    def sqs(self) -> Any:
        """The client of all queues."""
        return self._make("sqs", answer_s=_POLLING_S, attempts=_ATTEMPTS)

    @cached_property
    def sqs_from_afar(self) -> Any:
        """The client of the queue that a bridge sends to.

        Its second attempt is for a connection that was closed in the meantime.
        """
        return self._make("sqs", answer_s=_SENDING_S, attempts=_HASTY_ATTEMPTS)

    @cached_property
    def tables(self) -> Tables:
        """The tables, with the patient client."""
        return bind(self.settings.prefix, dynamodb_client(self.session, region=self.settings.region))

    @cached_property
    def hasty_tables(self) -> Tables:
        """The tables with short timeouts. A table that does not respond is not called again for a while."""
        client = dynamodb_client(self.session, region=self.settings.region, hasty=time.monotonic)
        return bind(self.settings.prefix, client)

    def make(self, service: str, *, hasty: bool = False) -> Any:
        """Returns a client of ``service``. A ``hasty`` one has a short timeout."""
        if hasty:
            return self._make(service, answer_s=_HASTY_S, attempts=_HASTY_ATTEMPTS)
        return self._make(service, answer_s=_ANSWER_S, attempts=_ATTEMPTS)

    def account(self) -> str:
        """Returns the account number."""
        return str(self.make("sts").get_caller_identity()["Account"])

    def _make(self, service: str, *, answer_s: float, attempts: int) -> Any:
        config = Config(connect_timeout=2, read_timeout=answer_s, max_pool_connections=16)
        config = config.merge(Config(retries={"mode": "standard", "total_max_attempts": attempts}))
        # As boto3's clients are made; importing boto3 as well costs a cold start 20 ms.
        return self.session.create_client(service, region_name=self.settings.region, config=config)
