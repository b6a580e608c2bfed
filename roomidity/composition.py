"""The composition root, which gives each use case the adapters of a stage as its ports.

Modules of a use case are imported only when it is used, so that no function's cold start pays for another's imports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from roomidity.adapters import Adapters
from roomidity.aws.store import (
    HouseTable,
    NoticeTable,
    ObservationTable,
    SettingTable,
    WeatherTable,
)
from roomidity.settings import Settings

if TYPE_CHECKING:
    from roomidity.api.ports import ApiPorts
    from roomidity.doctor import DoctorPorts
    from roomidity.pipeline.advising import AdvicePorts
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
class Stage(Adapters):
    """One stage of roomidity: the ports of each use case, made on first use."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Stage:
        """Returns the stage that ``environment`` describes."""
        return cls(Settings.from_environment(environment))

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
            forecasts=self.forecast_table(tables),
            registry=self.hasty_registry,
            notices=self.notice_ports,
            advice=self.advice_ports if self.settings.advises else None,
            weather=WeatherTable(tables.weather, retention_days=days, damage=self.damage),
        )

    @cached_property
    def notice_ports(self) -> NoticePorts:
        """What notices talk to, by clients that give up soon: a forecast does not wait for them."""
        from roomidity.pipeline.noticing import NoticePorts

        tables = self.clients.hasty_tables
        houses = HouseTable(tables.houses, self.damage, timezone=self.settings.timezone)
        return NoticePorts(notices=NoticeTable(tables.notices, self.damage, guard=houses.guard), telling=self.event_bus)

    @cached_property
    def advice_ports(self) -> AdvicePorts:
        """What advice talks to, by clients that give up soon: a forecast does not wait for it."""
        from roomidity.aws.store.advice import AdviceTable
        from roomidity.pipeline.advising import AdvicePorts

        tables, days = self.clients.hasty_tables, self.settings.retention_days
        return AdvicePorts(
            advice=AdviceTable(tables.advice, self.damage),
            houses=HouseTable(tables.houses, self.damage, timezone=self.settings.timezone),
            observations=ObservationTable(tables.observations, retention_days=days, damage=self.damage),
            telling=self.event_bus,
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
            provider=OpenMeteo(self.settings.weather_url, None if name is None else lambda: self.secret(name)),
            calls_a_day=self.settings.weather_calls_a_day,
            backoff=self.backoff,
        )

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
        from roomidity.aws.store.accuracy import AccuracyTable
        from roomidity.aws.store.advice import AdviceTable
        from roomidity.aws.store.mould import MouldTable

        tables, days = self.clients.hasty_tables, self.settings.retention_days
        return ApiPorts(
            settings=SettingTable(tables.settings, self.damage),
            houses=HouseTable(tables.houses, self.damage, timezone=self.settings.timezone),
            observations=ObservationTable(tables.observations, retention_days=days, damage=self.damage),
            forecasts=self.forecast_table(tables),
            accuracy=AccuracyTable(tables.accuracy, retention_days=days, damage=self.damage),
            moulds=MouldTable(tables.mould, retention_days=days, damage=self.damage),
            models=ModelTable(tables.models, self.damage),
            notices=NoticeTable(tables.notices, self.damage),
            advice=AdviceTable(tables.advice, self.damage),
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
            advice=lambda: self.advice,
            weather=lambda: self.weather,
            rejects=lambda: self.rejects,
            damaged=self.damage.take,
        )
