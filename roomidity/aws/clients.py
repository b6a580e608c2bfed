"""Clients of AWS: one session, how long each answer is waited for, and the tables by patient and by hasty clients."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import boto3
import botocore.session
from botocore.config import Config

from roomidity.aws.dynamodb import botocore_session, dynamodb_client
from roomidity.aws.store import Tables, bind
from roomidity.settings import Settings

__all__ = ["Clients"]

_POLLING_S: Final = 25
"""How long a queue's answer is waited for: above SQS's longest poll."""

_SENDING_S: Final = 15
"""How long the answer to 256,000 bytes is, that went through half a Mbit/s."""

_ANSWER_S: Final = 5
"""How long any other answer is, but a forecast's model."""

_ATTEMPTS: Final = 3

_HASTY_S: Final = 2
_HASTY_ATTEMPTS: Final = 2
"""A model that hangs must leave time for the fallback in forecast's 60 s: ten houses wait 4 s in all. The second
attempt is for a connection that broke while the function was frozen: with one, a day's first read could be refused."""


@dataclass(frozen=True)
class Clients:
    """The clients of a stage, each made when it is first used."""

    settings: Settings

    @cached_property
    def session(self) -> botocore.session.Session:
        """What all clients are made from."""
        return botocore_session()

    @cached_property
    def sqs(self) -> Any:
        """Of all queues."""
        return self._make("sqs", answer_s=_POLLING_S, attempts=_ATTEMPTS)

    @cached_property
    def sqs_from_afar(self) -> Any:
        """Of the queue that a bridge sends to: the second attempt is for a connection that was closed meanwhile."""
        return self._make("sqs", answer_s=_SENDING_S, attempts=_HASTY_ATTEMPTS)

    @cached_property
    def tables(self) -> Tables:
        """The tables."""
        return bind(self.settings.prefix, dynamodb_client(self.session, region=self.settings.region))

    @cached_property
    def hasty_tables(self) -> Tables:
        """The tables, for those who give up soon: what does not answer is not asked again for a while."""
        client = dynamodb_client(self.session, region=self.settings.region, hasty=time.monotonic)
        return bind(self.settings.prefix, client)

    def make(self, service: str, *, hasty: bool = False) -> Any:
        """Returns a client of ``service``; a ``hasty`` one gives up soon."""
        if hasty:
            return self._make(service, answer_s=_HASTY_S, attempts=_HASTY_ATTEMPTS)
        return self._make(service, answer_s=_ANSWER_S, attempts=_ATTEMPTS)

    def account(self) -> str:
        """Returns the number of the account."""
        return str(self.make("sts").get_caller_identity()["Account"])

    @cached_property
    def _boto3(self) -> boto3.Session:
        return boto3.Session(botocore_session=self.session, region_name=self.settings.region)

    def _make(self, service: str, *, answer_s: float, attempts: int) -> Any:
        config = Config(connect_timeout=2, read_timeout=answer_s, max_pool_connections=16)
        config = config.merge(Config(retries={"mode": "standard", "total_max_attempts": attempts}))
        return self._boto3.client(service, config=config)  # type: ignore[call-overload]  # three services, one place
