"""The composition root: settings, clients, adapters and back-off are made here, once, and passed in.

What a use case needs is imported when it is asked for: no function's cold start pays for what another does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore.config import Config

from roomidity.aws.bucket import Bucket
from roomidity.aws.dynamodb import botocore_session, dynamodb_client
from roomidity.aws.functions import Function
from roomidity.aws.queues import Queue
from roomidity.aws.store import (
    AccuracyTable,
    ForecastTable,
    HouseTable,
    MouldTable,
    ObservationTable,
    SetTable,
    SettingTable,
    Tables,
    bind,
)
from roomidity.domain.damage import Damage
from roomidity.pipeline.backoff import BackOff
from roomidity.settings import Settings

if TYPE_CHECKING:
    from roomidity.api.ports import ApiPorts
    from roomidity.aws.registry import Registry
    from roomidity.aws.rejects import RejectLog
    from roomidity.doctor import DoctorPorts
    from roomidity.pipeline.drain import DrainPorts, DrainRules
    from roomidity.pipeline.forecasts import ForecastPorts
    from roomidity.pipeline.forgetting import ForgetPorts
    from roomidity.pipeline.ports import TrainingPorts
    from roomidity.pipeline.quarantine import QuarantinePorts
    from roomidity.pipeline.verification import VerifyPorts

__all__ = ["Roomidity"]

_POLLING_S: Final = 25
"""How long a queue's answer is waited for: above SQS's longest poll."""

_ANSWER_S: Final = 5
"""How long any other answer is, but a forecast's model."""

_HASTY_S: Final = 2
_HASTY_ATTEMPTS: Final = 2
"""A model that hangs must leave time for the fallback in forecast's 60 s: ten houses wait 4 s in all. The second
attempt is for a connection that broke while the function was frozen: with one, a day's first read could be refused."""


@dataclass(frozen=True)
class Roomidity:
    """One stage of roomidity: its adapters, each made when it is first used."""

    settings: Settings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Roomidity:
        """The stage that ``environment`` names."""
        return cls(Settings.from_environment(environment))

    @cached_property
    def readings_queue(self) -> Queue:
        """Where readings come in."""
        return self._queue("readings")

    @cached_property
    def forecast_jobs(self) -> Queue:
        """Where drain asks for forecasts."""
        return self._queue("forecast-jobs")

    @cached_property
    def training_jobs(self) -> Queue:
        """Where training is asked for."""
        return self._queue("training-jobs")

    def dead_letters_of(self, queue: Queue) -> Queue:
        """Where the messages of a queue end that were received too often."""
        return Queue(self._sqs, f"{queue.name}-dlq", wait_s=self.settings.poll_wait_s)

    @cached_property
    def damage(self) -> Damage:
        """The stored items that were met and cannot be read."""
        return Damage()

    @cached_property
    def houses(self) -> HouseTable:
        """The table ``houses``."""
        return HouseTable(self._tables.houses, self.damage, timezone=self.settings.timezone)

    @cached_property
    def sets(self) -> SetTable:
        """The table ``readings``."""
        return SetTable(self._tables.readings, retention_days=self.settings.retention_days, damage=self.damage)

    @cached_property
    def observations(self) -> ObservationTable:
        """The table ``observations``."""
        return ObservationTable(
            self._tables.observations, retention_days=self.settings.retention_days, damage=self.damage
        )

    @cached_property
    def forecasts(self) -> ForecastTable:
        """The table ``forecasts``."""
        return ForecastTable(self._tables.forecasts, keep_days=self.settings.forecast_days, damage=self.damage)

    @cached_property
    def accuracy(self) -> AccuracyTable:
        """The table ``accuracy``."""
        days = self.settings.retention_days
        guard = self.houses.guard
        return AccuracyTable(self._tables.accuracy, retention_days=days, damage=self.damage, guard=guard)

    @cached_property
    def moulds(self) -> MouldTable:
        """Mould by day, in the table ``accuracy``."""
        days = self.settings.retention_days
        guard = self.houses.guard
        return MouldTable(self._tables.mould, retention_days=days, damage=self.damage, guard=guard)

    @cached_property
    def house_settings(self) -> SettingTable:
        """The table ``settings``."""
        return SettingTable(self._tables.settings, self.damage)

    @cached_property
    def bucket(self) -> Bucket:
        """Where models and rejects are kept."""
        name = self.settings.bucket or f"{self.settings.prefix}-{self._account()}"
        return Bucket(lambda: self._client("s3"), name)

    @cached_property
    def registry(self) -> Registry:
        """Models."""
        from roomidity.aws.registry import ModelTable, Registry

        return Registry(ModelTable(self._tables.models, self.damage, guard=self.houses.guard), self.bucket)

    @cached_property
    def hasty_registry(self) -> Registry:
        """Models, read by clients that give up soon, and then for a while: a forecast does not wait for its model."""
        from roomidity.aws.registry import ModelTable, Registry

        def connect() -> Any:
            return self._client("s3", answer_s=_HASTY_S, attempts=_HASTY_ATTEMPTS)

        table = ModelTable(self._hasty_tables.models, self.damage)
        return Registry(table, Bucket(connect, self.bucket.name, clock=time.monotonic))

    @cached_property
    def rejects(self) -> RejectLog:
        """Rejected readings."""
        from roomidity.aws.rejects import RejectLog

        return RejectLog(self.bucket)

    def function(self, name: str) -> Function:
        """A function of this stage, such as ``verify``."""
        return Function(lambda: self._client("lambda"), f"{self.settings.prefix}-{name}")

    @cached_property
    def drain_ports(self) -> DrainPorts:
        """What a drain talks to."""
        from roomidity.pipeline.drain import DrainPorts

        return DrainPorts(
            readings=self.readings_queue,
            forecast_jobs=self.forecast_jobs,
            houses=self.houses,
            sets=self.sets,
            observations=self.observations,
            rejects=self.rejects,
            settings=self.house_settings,
            backoff=self.backoff,
        )

    @cached_property
    def drain_rules(self) -> DrainRules:
        """What a drain goes by."""
        from roomidity.pipeline.drain import DrainRules
        from roomidity.pipeline.quotas import Quotas
        from roomidity.readings import Limits

        return DrainRules(
            timezone=self.settings.timezone,
            limits=Limits(retention_days=self.settings.retention_days),
            quotas=Quotas(
                new_houses_a_tick=self.settings.new_houses_a_tick,
                new_houses_a_day=self.settings.new_houses_a_day,
                house_readings_a_tick=self.settings.house_readings_a_tick,
            ),
        )

    @cached_property
    def forecast_ports(self) -> ForecastPorts:
        """What forecasting talks to, all of it by clients that give up soon: ten jobs have 60 s in all."""
        from roomidity.pipeline.forecasts import ForecastPorts

        tables, days = self._hasty_tables, self.settings.retention_days
        return ForecastPorts(
            houses=HouseTable(tables.houses, self.damage),
            observations=ObservationTable(tables.observations, retention_days=days, damage=self.damage),
            forecasts=ForecastTable(tables.forecasts, keep_days=self.settings.forecast_days, damage=self.damage),
            registry=self.hasty_registry,
        )

    @cached_property
    def training_ports(self) -> TrainingPorts:
        """What training talks to."""
        from roomidity.pipeline.ports import TrainingPorts

        return TrainingPorts(houses=self.houses, observations=self.observations, registry=self.registry)

    @cached_property
    def verify_ports(self) -> VerifyPorts:
        """What verification talks to."""
        from roomidity.pipeline.verification import VerifyPorts

        return VerifyPorts(
            houses=self.houses,
            observations=self.observations,
            forecasts=self.forecasts,
            registry=self.registry,
            accuracy=self.accuracy,
            moulds=self.moulds,
            training_jobs=self.training_jobs,
        )

    @cached_property
    def quarantine_ports(self) -> QuarantinePorts:
        """What quarantine talks to."""
        from roomidity.pipeline.quarantine import QuarantinePorts

        return QuarantinePorts(
            houses=self.houses,
            sets=self.sets,
            observations=self.observations,
            registry=self.registry,
            backoff=self.backoff,
        )

    @cached_property
    def forget_ports(self) -> ForgetPorts:
        """What forgetting talks to."""
        from roomidity.aws.store.erasing import by_house, by_room
        from roomidity.pipeline.forgetting import ForgetPorts

        return ForgetPorts(
            houses=self.houses,
            observed=self.observations,
            by_house={**by_house(self._tables), "mould": self.moulds},
            by_room=by_room(self._tables),
            objects=self.registry,
            rejects=self.rejects,
            backoff=self.backoff,
            clock=lambda: datetime.now(UTC),
        )

    @cached_property
    def api_ports(self) -> ApiPorts:
        """What the API reads, by clients that give up soon: who asks waits."""
        from roomidity.api.ports import ApiPorts
        from roomidity.aws.registry.records import ModelTable

        tables, days = self._hasty_tables, self.settings.retention_days
        return ApiPorts(
            settings=SettingTable(tables.settings, self.damage),
            houses=HouseTable(tables.houses, self.damage, timezone=self.settings.timezone),
            observations=ObservationTable(tables.observations, retention_days=days, damage=self.damage),
            forecasts=ForecastTable(tables.forecasts, keep_days=self.settings.forecast_days, damage=self.damage),
            accuracy=AccuracyTable(tables.accuracy, retention_days=days, damage=self.damage),
            moulds=MouldTable(tables.mould, retention_days=days, damage=self.damage),
            models=ModelTable(tables.models, self.damage),
        )

    @cached_property
    def doctor_ports(self) -> DoctorPorts:
        """What the doctor asks."""
        from roomidity.aws.account import Account, trouble_of
        from roomidity.doctor import DoctorPorts

        return DoctorPorts(
            prefix=self.settings.prefix,
            account=Account(self._session, region=self.settings.region),
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
            rejects=lambda: self.rejects,
            damaged=self.damage.take,
        )

    @cached_property
    def backoff(self) -> BackOff:
        """How to wait before another attempt."""
        return BackOff(sleep=time.sleep)

    @cached_property
    def _tables(self) -> Tables:
        return bind(self.settings.prefix, dynamodb_client(self._session, region=self.settings.region))

    @cached_property
    def _hasty_tables(self) -> Tables:
        client = dynamodb_client(self._session, region=self.settings.region, hasty=time.monotonic)
        return bind(self.settings.prefix, client)

    @cached_property
    def _session(self) -> botocore.session.Session:
        return botocore_session()

    @cached_property
    def _boto3(self) -> boto3.Session:
        return boto3.Session(botocore_session=self._session, region_name=self.settings.region)

    @cached_property
    def _sqs(self) -> Any:
        return self._client("sqs", answer_s=_POLLING_S)

    def _queue(self, name: str) -> Queue:
        return Queue(self._sqs, f"{self.settings.prefix}-{name}", wait_s=self.settings.poll_wait_s)

    def _client(self, service: str, *, answer_s: float = _ANSWER_S, attempts: int = 3) -> Any:
        config = Config(connect_timeout=2, read_timeout=answer_s, max_pool_connections=16)
        config = config.merge(Config(retries={"mode": "standard", "total_max_attempts": attempts}))
        return self._boto3.client(service, config=config)  # type: ignore[call-overload]  # three services, one place

    def _account(self) -> str:
        return str(self._client("sts").get_caller_identity()["Account"])
