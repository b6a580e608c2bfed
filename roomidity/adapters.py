"""The adapters of a stage, each made once, on first use, from its settings.

What only some functions need is imported when it is used, so that no function's cold start pays for another's
imports.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from roomidity.aws.bucket import Bucket
from roomidity.aws.clients import Clients
from roomidity.aws.functions import Function
from roomidity.aws.queues import Queue
from roomidity.aws.store import (
    BatchInsert,
    ForecastTable,
    HouseTable,
    NoticeTable,
    ObservationTable,
    SetTable,
    SettingTable,
    WeatherTable,
)
from roomidity.domain.damage import Damage
from roomidity.pipeline.backoff import BackOff
from roomidity.settings import Settings

if TYPE_CHECKING:
    from roomidity.aws.registry import Registry
    from roomidity.aws.rejects import RejectLog
    from roomidity.aws.store.accuracy import AccuracyTable
    from roomidity.aws.store.advice import AdviceTable
    from roomidity.aws.store.mould import MouldTable
    from roomidity.aws.store.tables import Tables
    from roomidity.aws.telling import EventBus

__all__ = ["Adapters"]


@dataclass(frozen=True)
class Adapters:
    """A stage's clients, queues, tables, bucket, functions and event bus, and the back-off of its retries."""

    settings: Settings

    @cached_property
    def clients(self) -> Clients:
        """The AWS clients that everything here uses."""
        return Clients(self.settings)

    @cached_property
    def readings_queue(self) -> Queue:
        """The queue in which readings arrive."""
        return self._queue("readings")

    @cached_property
    def readings_queue_from_afar(self) -> Queue:
        """The same queue for senders on a slow connection, with a client that waits longer before it retries."""
        return Queue(self.clients.sqs_from_afar, f"{self.settings.prefix}-readings")

    @cached_property
    def forecast_jobs(self) -> Queue:
        """The queue in which a drain requests forecasts."""
        return self._queue("forecast-jobs")

    @cached_property
    def training_jobs(self) -> Queue:
        """The queue in which trainings are requested."""
        return self._queue("training-jobs")

    def dead_letters_of(self, queue: Queue) -> Queue:
        """Returns the dead-letter queue of a queue, for messages that were received too often."""
        return Queue(self.clients.sqs, f"{queue.name}-dlq", wait_s=self.settings.poll_wait_s)

    @cached_property
    def damage(self) -> Damage:
        """The stored items met so far that cannot be read."""
        return Damage()

    @cached_property
    def houses(self) -> HouseTable:
        """The table ``houses``."""
        return HouseTable(self.clients.tables.houses, self.damage, timezone=self.settings.timezone)

    @cached_property
    def sets(self) -> SetTable:
        """The table ``readings``."""
        days, item = self.settings.retention_days, self.clients.tables.readings
        return SetTable(item, retention_days=days, damage=self.damage, inserting=self.inserting)

    @cached_property
    def observations(self) -> ObservationTable:
        """The table ``observations``."""
        days, item = self.settings.retention_days, self.clients.tables.observations
        return ObservationTable(item, retention_days=days, damage=self.damage, inserting=self.inserting)

    @cached_property
    def inserting(self) -> BatchInsert | None:
        """What writes new sets and observations many at a time; None where each is put."""
        return BatchInsert() if self.settings.batch_insert else None

    @cached_property
    def forecasts(self) -> ForecastTable:
        """The table ``forecasts``."""
        return self.forecast_table(self.clients.tables)

    @cached_property
    def accuracy(self) -> AccuracyTable:
        """The table ``accuracy``."""
        from roomidity.aws.store.accuracy import AccuracyTable

        days, guard = self.settings.retention_days, self.houses.guard
        return AccuracyTable(self.clients.tables.accuracy, retention_days=days, damage=self.damage, guard=guard)

    @cached_property
    def moulds(self) -> MouldTable:
        """Mould records by day, in the table ``accuracy``."""
        from roomidity.aws.store.mould import MouldTable

        days, guard = self.settings.retention_days, self.houses.guard
        return MouldTable(self.clients.tables.mould, retention_days=days, damage=self.damage, guard=guard)

    @cached_property
    def house_settings(self) -> SettingTable:
        """The table ``settings``."""
        return SettingTable(self.clients.tables.settings, self.damage)

    @cached_property
    def notices(self) -> NoticeTable:
        """The table ``notices``."""
        return NoticeTable(self.clients.tables.notices, self.damage, guard=self.houses.guard)

    @cached_property
    def advice(self) -> AdviceTable:
        """The table ``advice``."""
        from roomidity.aws.store.advice import AdviceTable

        return AdviceTable(self.clients.tables.advice, self.damage)

    @cached_property
    def weather(self) -> WeatherTable:
        """The table ``weather``."""
        return WeatherTable(
            self.clients.tables.weather, retention_days=self.settings.retention_days, damage=self.damage
        )

    @cached_property
    def bucket(self) -> Bucket:
        """The bucket that holds models and rejects."""
        name = self.settings.bucket or f"{self.settings.prefix}-{self.clients.account()}"
        return Bucket(lambda: self.clients.make("s3"), name)

    @cached_property
    def registry(self) -> Registry:
        """The model registry."""
        from roomidity.aws.registry import ModelTable, Registry

        return Registry(ModelTable(self.clients.tables.models, self.damage, guard=self.houses.guard), self.bucket)

    @cached_property
    def hasty_registry(self) -> Registry:
        """The model registry with short timeouts and a circuit breaker. A forecast does not wait for its model."""
        from roomidity.aws.registry import ModelTable, Registry

        def connect() -> Any:
            return self.clients.make("s3", hasty=True)

        table = ModelTable(self.clients.hasty_tables.models, self.damage)
        return Registry(table, Bucket(connect, self.bucket.name, clock=time.monotonic))

    @cached_property
    def rejects(self) -> RejectLog:
        """The log of rejected readings."""
        from roomidity.aws.rejects import RejectLog

        return RejectLog(self.bucket)

    def function(self, name: str) -> Function:
        """Returns a function of this stage, such as ``verify``."""
        return Function(lambda: self.clients.make("lambda"), f"{self.settings.prefix}-{name}")

    @cached_property
    def event_bus(self) -> EventBus | None:
        """Where notices and advice are told, or None if nobody is."""
        from roomidity.aws.telling import EventBus

        bus = EventBus(lambda: self.clients.make("events", hasty=True), f"{self.settings.prefix}-notices")
        return bus if self.settings.tells_notices else None

    def secret(self, name: str) -> str:
        """A parameter of SSM that is kept encrypted."""
        answer = self.clients.make("ssm").get_parameter(Name=name, WithDecryption=True)
        return str(answer["Parameter"]["Value"]).strip()

    @cached_property
    def backoff(self) -> BackOff:
        """The back-off to wait for before another attempt."""
        return BackOff(sleep=time.sleep)

    def forecast_table(self, tables: Tables) -> ForecastTable:
        """Returns the table ``forecasts``, reached by given tables."""
        settings = self.settings
        return ForecastTable(
            tables.forecasts,
            keep_days=settings.forecast_days,
            damage=self.damage,
            write_format=settings.forecast_format,
        )

    def _queue(self, name: str) -> Queue:
        return Queue(self.clients.sqs, f"{self.settings.prefix}-{name}", wait_s=self.settings.poll_wait_s)
