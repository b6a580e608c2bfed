"""Settings, from the environment: the same names in Lambda, on the laptop and in tests."""

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
"""The environment of who knows the sender: a demo, an import, a benchmark."""


@dataclass(frozen=True)
class Settings:
    """Where everything is and how long it is kept. Resources are called ``<service>-<stage>-<name>``.

    ``verify_houses`` is how many houses one call of the function verify takes, one after the other. ``bucket`` is None
    where it is not set: then it is ``<service>-<stage>-<account>``, the account being asked for. The three from
    ``new_houses_a_tick`` on are a sender's quotas: :class:`roomidity.pipeline.quotas.Quotas`. ``weather_key_name`` is
    the name of the parameter of SSM that holds a provider's key, None where it wants none.
    """

    service: str = "roomidity"
    stage: str = "dev"
    region: str = "eu-central-1"
    bucket: str | None = None
    timezone: str = "Europe/Berlin"
    retention_days: int = 400
    forecast_days: int = 35
    poll_wait_s: int = 1
    verify_houses: int = 300
    new_houses_a_tick: int = 500
    new_houses_a_day: int = 5_000
    house_readings_a_tick: int = 2_000_000
    weather_url: str = "https://api.open-meteo.com/v1/forecast"
    weather_key_name: str | None = None
    weather_calls_a_day: int = 9_000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """The settings that ``environment`` says, else the defaults.

        Raises
        ------
        ConfigurationError
            If a number is none, or the time zone is unknown.
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
            poll_wait_s=_whole(environment, "ROOMIDITY_POLL_WAIT_S", default.poll_wait_s),
            verify_houses=_whole(environment, "ROOMIDITY_VERIFY_HOUSES", default.verify_houses, least=1),
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
        """What the names of this stage's resources begin with."""
        return f"{self.service}-{self.stage}"


def check_timezone(name: str, setting: str) -> str:
    """``name``, if it is a time zone.

    Raises
    ------
    ConfigurationError
        If it is not; it names the one that was most likely meant.
    """
    if not is_timezone(name):
        like = get_close_matches(str(name), available_timezones(), n=1)
        expected = f"an IANA time zone such as {like[0] if like else 'Europe/Brussels'}"
        raise ConfigurationError(setting, found=name, expected=expected)
    return name


def is_timezone(name: str) -> bool:
    """Whether ``name`` is a time zone that this machine knows.

    >>> is_timezone("Europe/Brussels"), is_timezone("Europe/Brusels"), is_timezone("")
    (True, False, False)
    """
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError, TypeError):  # the last: a stored one that is no text
        return False
    return True


def _whole(environment: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    text = environment.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) < least:
        raise ConfigurationError(name, found=text, expected=f"a whole number, {least} or more")
    return int(text)
