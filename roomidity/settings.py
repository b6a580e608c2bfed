"""Settings from environment variables, with the same names in Lambda, on a laptop and in tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from roomidity.errors import ConfigurationError

__all__ = ["WITHOUT_QUOTAS", "Settings", "check_timezone", "is_timezone"]

_ANY_NUMBER: Final = 10**9

WITHOUT_QUOTAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ROOMIDITY_NEW_HOUSES_A_TICK": str(_ANY_NUMBER),
        "ROOMIDITY_NEW_HOUSES_A_DAY": str(_ANY_NUMBER),
        "ROOMIDITY_HOUSE_READINGS_A_TICK": str(_ANY_NUMBER),
    }
)
"""Environment for trusted senders, such as a demo, an import or a benchmark."""


@dataclass(frozen=True)
class Settings:
    """Where everything is and how long it is kept. Resources are named ``<service>-<stage>-<name>``.

    ``verify_houses`` is how many houses one call of the function ``verify`` processes, one after the other. If
    ``bucket`` is None, the bucket is ``<service>-<stage>-<account>``, with the account looked up. The three fields
    after ``verify_houses`` are the quotas of a sender, described in :class:`roomidity.pipeline.quotas.Quotas`.
    ``weather_key_name`` is the name of the SSM parameter that holds a provider's key, or None if it needs none.
    ``forecast_format`` is the format of forecast items that are written: 1 while readers know no other.
    ``batch_insert`` says whether new items are written many at a time.
    ``tells_notices`` says whether the stage has an event bus for notices, and ``advises`` whether houses are advised.
    """

    service: str = "roomidity"
    stage: str = "dev"
    region: str = "eu-central-1"
    bucket: str | None = None
    timezone: str = "Europe/Berlin"
    retention_days: int = 400
    forecast_days: int = 35
    forecast_format: int = 2
    poll_wait_s: int = 1
    verify_houses: int = 300
    new_houses_a_tick: int = 500
    new_houses_a_day: int = 5_000
    house_readings_a_tick: int = 2_000_000
    tells_notices: bool = False
    advises: bool = False
    batch_insert: bool = False
    weather_url: str = "https://api.open-meteo.com/v1/forecast"
    weather_key_name: str | None = None
    weather_calls_a_day: int = 9_000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Returns the settings in ``environment``, with defaults for those that are missing.

        Raises
        ------
        ConfigurationError
            If a number is not valid, or the time zone is unknown.
        """
        default = cls()
        return cls(
            service=environment.get("ROOMIDITY_SERVICE", default.service),
            stage=environment.get("ROOMIDITY_STAGE", default.stage),
            region=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or default.region,
            bucket=environment.get("ROOMIDITY_BUCKET") or None,
            timezone=check_timezone(environment.get("ROOMIDITY_TIMEZONE", default.timezone), "ROOMIDITY_TIMEZONE"),
            retention_days=_whole(environment, "ROOMIDITY_RETENTION_DAYS", default.retention_days),
            forecast_days=_whole(environment, "ROOMIDITY_FORECAST_DAYS", default.forecast_days),
            forecast_format=_whole(environment, "ROOMIDITY_FORECAST_FORMAT", default.forecast_format, least=1, most=2),
            poll_wait_s=_whole(environment, "ROOMIDITY_POLL_WAIT_S", default.poll_wait_s),
            tells_notices=_switch(environment, "ROOMIDITY_NOTICES"),
            advises=_switch(environment, "ROOMIDITY_ADVICE"),
            verify_houses=_whole(environment, "ROOMIDITY_VERIFY_HOUSES", default.verify_houses, least=1),
            batch_insert=_switch(environment, "ROOMIDITY_BATCH_INSERT"),
            weather_url=environment.get("ROOMIDITY_WEATHER_URL") or default.weather_url,
            weather_key_name=environment.get("ROOMIDITY_WEATHER_KEY_NAME") or None,
            weather_calls_a_day=_whole(environment, "ROOMIDITY_WEATHER_CALLS_A_DAY", default.weather_calls_a_day),
            **{
                name: _whole(environment, f"ROOMIDITY_{name.upper()}", getattr(default, name), least=1)
                for name in ("new_houses_a_tick", "new_houses_a_day", "house_readings_a_tick")
            },
        )

    @property
    def prefix(self) -> str:
        """The prefix of the names of this stage's resources."""
        return f"{self.service}-{self.stage}"


def check_timezone(name: str, setting: str) -> str:
    """Returns ``name`` if it is a time zone.

    Raises
    ------
    ConfigurationError
        If it is not. The message suggests the closest match.
    """
    if not is_timezone(name):
        like = get_close_matches(str(name), available_timezones(), n=1)
        expected = f"an IANA time zone such as {like[0] if like else 'Europe/Brussels'}"
        raise ConfigurationError(setting, found=name, expected=expected)
    return name


def is_timezone(name: str) -> bool:
    """Returns whether ``name`` is a time zone that this machine knows.

    >>> is_timezone("Europe/Brussels"), is_timezone("Europe/Brusels"), is_timezone("")
    (True, False, False)
    """
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError, TypeError):  # TypeError: a stored value that is not text
        return False
    return True


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name) or "off"
    if text not in {"on", "off"}:
        raise ConfigurationError(name, found=text, expected="on or off")
    return text == "on"


def _whole(environment: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    text = environment.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
        bound = f"{least} or more" if most is None else f"{least} to {most}"
        raise ConfigurationError(name, found=text, expected=f"a whole number, {bound}")
    return int(text)
