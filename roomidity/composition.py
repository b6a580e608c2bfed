"""The composition root, which makes settings, clients, adapters and back-off once and passes them in.

Modules of a use case are imported only when it is used, so that no function's cold start pays for another's imports.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from roomidity.aws.bucket import Bucket
from roomidity.aws.clients import Clients
from roomidity.aws.functions import Function
from roomidity.aws.queues import Queue
from roomidity.aws.store import (
    AccuracyTable,
    BatchInsert,
    ForecastTable,
    HouseTable,
    MouldTable,
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
    from roomidity.api.ports import ApiPorts
    from roomidity.aws.registry import Registry
    from roomidity.aws.rejects import RejectLog
    from roomidity.aws.store.tables import Tables
    from roomidity.doctor import DoctorPorts
    from roomidity.pipeline.drain import DrainConfig, DrainPorts
    from roomidity.pipeline.forecasts import ForecastPorts
    from roomidity.pipeline.forgetting import ForgetPorts
    from roomidity.pipeline.noticing import NoticePorts
    from roomidity.pipeline.ports import TrainingPorts
    from roomidity.pipeline.quarantine import QuarantinePorts
    from roomidity.pipeline.verification import VerifyPorts
    from roomidity.pipeline.weather_fetching import WeatherPorts

__all__ = ["Stage"]


@dataclass(frozen=True)
class Stage:
    """One stage of roomidity, with adapters that are made on first use."""

    settings: Settings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Stage:
        """Returns the stage that ``environment`` describes."""
        return cls(Settings.from_environment(environment))

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
        return self._forecast_table(self.clients.tables)

    @cached_property
    def accuracy(self) -> AccuracyTable:
        """The table ``accuracy``."""
        days, guard = self.settings.retention_days, self.houses.guard
        return AccuracyTable(self.clients.tables.accuracy, retention_days=days, damage=self.damage, guard=guard)

    @cached_property
    def moulds(self) -> MouldTable:
        """Mould records by day, in the table ``accuracy``."""
        days, guard = self.settings.retention_days, self.houses.guard
        return MouldTable(self.clients.tables.mould, retention_days=days, damage=self.damage, guard=guard)

    @cached_property
    def house_settings(self) -> SettingTable:
        """The table ``settings``."""
        return SettingTable(self.clients.tables.settings, self.damage)

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
    def drain_ports(self) -> DrainPorts:
        """The ports of a drain."""
        from roomidity.pipeline.drain import DrainPorts

        return DrainPorts(
            readings=self.readings_queue,
            forecast_jobs=self.forecast_jobs,
            houses=self.houses,
            sets=self.sets,
            observations=self.observations,
            rejects=self.rejects,
            settings=self.house_settings,
            weather=self.weather,
            backoff=self.backoff,
            batches_refused=lambda: self.inserting.refused if self.inserting else None,
        )

    @cached_property
    def drain_config(self) -> DrainConfig:
        """The configuration of a drain."""
        from roomidity.pipeline.drain import DrainConfig
        from roomidity.pipeline.quotas import Quotas
        from roomidity.readings import Limits

        return DrainConfig(
            timezone=self.settings.timezone,
            limits=Limits(retention_days=self.settings.retention_days),
            quotas=Quotas(
                self.settings.new_houses_a_tick, self.settings.new_houses_a_day, self.settings.house_readings_a_tick
            ),
        )

    @cached_property
    def forecast_ports(self) -> ForecastPorts:
        """The ports of forecasting, all with short timeouts, because ten jobs share 60 s."""
        from roomidity.pipeline.forecasts import ForecastPorts

        tables, days = self.clients.hasty_tables, self.settings.retention_days
        return ForecastPorts(
            houses=HouseTable(tables.houses, self.damage, timezone=self.settings.timezone),
            observations=ObservationTable(tables.observations, retention_days=days, damage=self.damage),
            forecasts=self._forecast_table(tables),
            registry=self.hasty_registry,
            notices=self.notice_ports,
            weather=WeatherTable(tables.weather, retention_days=days, damage=self.damage),
        )

    @cached_property
    def notices(self) -> NoticeTable:
        """The table ``notices``."""
        return NoticeTable(self.clients.tables.notices, self.damage, guard=self.houses.guard)

    @cached_property
    def notice_ports(self) -> NoticePorts:
        """What notices talk to, by clients that give up soon: a forecast does not wait for them."""
        from roomidity.aws.telling import EventBus
        from roomidity.pipeline.noticing import NoticePorts

        tables = self.clients.hasty_tables
        houses = HouseTable(tables.houses, self.damage, timezone=self.settings.timezone)
        bus = EventBus(lambda: self.clients.make("events", hasty=True), f"{self.settings.prefix}-notices")
        return NoticePorts(
            notices=NoticeTable(tables.notices, self.damage, guard=houses.guard),
            telling=bus if self.settings.tells_notices else None,
        )

    @cached_property
    def weather_ports(self) -> WeatherPorts:
        """What fetching the weather ahead talks to."""
        from roomidity.pipeline.weather_fetching import WeatherPorts
        from roomidity.providers.openmeteo import OpenMeteo

        name = self.settings.weather_key_name
        return WeatherPorts(
            houses=self.houses,
            weather=self.weather,
            provider=OpenMeteo(self.settings.weather_url, None if name is None else lambda: self._secret(name)),
            calls_a_day=self.settings.weather_calls_a_day,
            backoff=self.backoff,
        )

    def _secret(self, name: str) -> str:
        """A parameter of SSM that is kept encrypted."""
        answer = self.clients.make("ssm").get_parameter(Name=name, WithDecryption=True)
        return str(answer["Parameter"]["Value"]).strip()

    @cached_property
    def training_ports(self) -> TrainingPorts:
        """The ports of training."""
        from roomidity.pipeline.ports import TrainingPorts

        return TrainingPorts(self.houses, self.observations, self.registry, self.weather)

    @cached_property
    def verify_ports(self) -> VerifyPorts:
        """The ports of verification."""
        from roomidity.pipeline.verification import VerifyPorts

        return VerifyPorts(
            houses=self.houses,
            observations=self.observations,
            forecasts=self.forecasts,
            registry=self.registry,
            accuracy=self.accuracy,
            moulds=self.moulds,
            training_jobs=self.training_jobs,
            weather=self.weather,
        )

    @cached_property
    def quarantine_ports(self) -> QuarantinePorts:
        """The ports of quarantine."""
        from roomidity.pipeline.quarantine import QuarantinePorts

        return QuarantinePorts(self.houses, self.sets, self.observations, self.registry, self.backoff)

    @cached_property
    def forget_ports(self) -> ForgetPorts:
        """The ports of forgetting."""
        from roomidity.aws.store.erasing import by_house, by_room
        from roomidity.pipeline.forgetting import ForgetPorts

        return ForgetPorts(
            houses=self.houses,
            observed=self.observations,
            by_house={**by_house(self.clients.tables), "mould": self.moulds},
            by_room=by_room(self.clients.tables),
            objects=self.registry,
            rejects=self.rejects,
            backoff=self.backoff,
            clock=lambda: datetime.now(UTC),
        )

    @cached_property
    def api_ports(self) -> ApiPorts:
        """The ports of the API, with short timeouts because the caller is waiting."""
        from roomidity.api.ports import ApiPorts
        from roomidity.aws.registry.records import ModelTable

        tables, days = self.clients.hasty_tables, self.settings.retention_days
        return ApiPorts(
            settings=SettingTable(tables.settings, self.damage),
            houses=HouseTable(tables.houses, self.damage, timezone=self.settings.timezone),
            observations=ObservationTable(tables.observations, retention_days=days, damage=self.damage),
            forecasts=self._forecast_table(tables),
            accuracy=AccuracyTable(tables.accuracy, retention_days=days, damage=self.damage),
            moulds=MouldTable(tables.mould, retention_days=days, damage=self.damage),
            models=ModelTable(tables.models, self.damage),
            notices=NoticeTable(tables.notices, self.damage),
        )

    @cached_property
    def doctor_ports(self) -> DoctorPorts:
        """The ports of the doctor."""
        from roomidity.aws.account import Account, trouble_of
        from roomidity.doctor import DoctorPorts

        return DoctorPorts(
            prefix=self.settings.prefix,
            account=Account(self.clients.session, region=self.settings.region),
            trouble_of=trouble_of,
            bucket=lambda: self.bucket.name,
            houses=lambda: self.houses,
            forecasts=lambda: self.forecasts,
            registry=lambda: self.registry,
            sets=lambda: self.sets,
            observations=lambda: self.observations,
            accuracy=lambda: self.accuracy,
            moulds=lambda: self.moulds,
            settings=lambda: self.house_settings,
            notices=lambda: self.notices,
            weather=lambda: self.weather,
            rejects=lambda: self.rejects,
            damaged=self.damage.take,
        )

    @cached_property
    def backoff(self) -> BackOff:
        """The back-off to wait for before another attempt."""
        return BackOff(sleep=time.sleep)

    def _forecast_table(self, tables: Tables) -> ForecastTable:
        settings = self.settings
        return ForecastTable(
            tables.forecasts,
            keep_days=settings.forecast_days,
            damage=self.damage,
            write_format=settings.forecast_format,
        )

    def _queue(self, name: str) -> Queue:
        return Queue(self.clients.sqs, f"{self.settings.prefix}-{name}", wait_s=self.settings.poll_wait_s)
