"""Settings: defaults, what the environment says, and errors that name setting, found and expected."""

from __future__ import annotations

import pytest

from roomidity.errors import ConfigurationError
from roomidity.settings import Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().prefix == "roomidity-dev"


def test_the_environment_says_otherwise() -> None:
    settings = Settings.from_environment(
        {
            "ROOMIDITY_SERVICE": "humid",
            "ROOMIDITY_STAGE": "prod",
            "ROOMIDITY_BUCKET": "b",
            "ROOMIDITY_TIMEZONE": "Asia/Kathmandu",
            "ROOMIDITY_RETENTION_DAYS": "30",
            "ROOMIDITY_FORECAST_DAYS": "2",
            "ROOMIDITY_FORECAST_FORMAT": "1",
            "ROOMIDITY_POLL_WAIT_S": "0",
            "ROOMIDITY_NEW_HOUSES_A_TICK": "3",
            "ROOMIDITY_NEW_HOUSES_A_DAY": "5",
            "ROOMIDITY_HOUSE_READINGS_A_TICK": "7",
            "ROOMIDITY_WEATHER_URL": "https://weather.example/v1/forecast",
            "ROOMIDITY_WEATHER_KEY_NAME": "/humid/key",
            "ROOMIDITY_WEATHER_CALLS_A_DAY": "9",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
    )
    assert settings == Settings(
        service="humid",
        stage="prod",
        region="us-east-1",
        bucket="b",
        timezone="Asia/Kathmandu",
        retention_days=30,
        forecast_days=2,
        forecast_format=1,
        poll_wait_s=0,
        new_houses_a_tick=3,
        new_houses_a_day=5,
        house_readings_a_tick=7,
        weather_url="https://weather.example/v1/forecast",
        weather_key_name="/humid/key",
        weather_calls_a_day=9,
    )
    assert settings.prefix == "humid-prod"


def test_the_default_region_stands_where_there_is_no_other_and_empty_says_nothing() -> None:
    environment = {
        "AWS_REGION": "",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "ROOMIDITY_BUCKET": "",
        "ROOMIDITY_POLL_WAIT_S": "",
    }
    assert Settings.from_environment(environment) == Settings(region="eu-west-1")


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("ROOMIDITY_TIMEZONE", "Mars/Olympus"),
        ("ROOMIDITY_TIMEZONE", ""),
        ("ROOMIDITY_TIMEZONE", "../etc/passwd"),
        ("ROOMIDITY_TIMEZONE", "Europe"),
        ("ROOMIDITY_RETENTION_DAYS", "many"),
        ("ROOMIDITY_FORECAST_DAYS", "-1"),
        ("ROOMIDITY_FORECAST_FORMAT", "3"),
        ("ROOMIDITY_FORECAST_FORMAT", "0"),
        ("ROOMIDITY_POLL_WAIT_S", "1.5"),
        ("ROOMIDITY_POLL_WAIT_S", "²"),
    ],
)
def test_what_cannot_be_used_is_said_with_the_settings_name(setting: str, found: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment({setting: found})
    assert caught.value.setting == setting
    assert str(caught.value) == f"{setting} is {found!r}; expected {caught.value.expected}"
