"""The weather ahead: whether houses that have a source of it have it, and by which terms it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from roomidity.doctor.findings import Finding, age_text, some
from roomidity.doctor.ports import DoctorPorts
from roomidity.domain.houses import House
from roomidity.domain.position import Position
from roomidity.domain.weather import covers_a_day, house_place
from roomidity.errors import StoreError
from roomidity.pipeline.weather_ahead import places_of

__all__ = ["weather"]

_LOOKED_BACK: Final = timedelta(days=8)
_FREE_HOST: Final = "api.open-meteo.com"


def weather(ports: DoctorPorts, houses: Sequence[House], *, now: datetime) -> Iterator[Finding]:
    """What is known of the weather ahead of some houses; and the provider's terms, where one is asked."""
    with_it, without, behind = 0, 0, []
    asked = False
    try:
        for home in houses:
            found = ports.weather().issues(places_of(home), since=now - _LOOKED_BACK, until=now, most=1)
            asked = asked or any(issue.place != house_place(home.name) for issue in found)
            if any(covers_a_day(issue, now) for issue in found):
                with_it += 1
            elif found or Position.of_settings(home.settings) is not None:
                age = f"the newest is {age_text(now - found[-1].issued_at)} old" if found else "none came yet"
                behind.append(f"{home.name}: {age}")
            else:
                without += 1
    except StoreError as error:
        yield Finding("weather", "unknown", str(error), "a table that answers")
        return
    told = f"{with_it} houses know the weather ahead, {without} have no source of it"
    if behind:
        mend = (
            "of a position: is the parameter weather on, and what does the function's log say (docs/runbook.md, "
            "weather)? Of a gateway: does it still send? Forecasts go without it meanwhile"
        )
        yield Finding("weather", "wrong", f"{told}; {some(behind)}", "one that covers the next 24 h", mend)
    else:
        yield Finding("weather", "ok", f"{told}{'' if with_it else ': docs/weather.md says where it can come from'}")
    if asked:
        yield from _provider(ports)


def _provider(ports: DoctorPorts) -> Iterator[Finding]:
    """By which terms a provider is asked; nothing, where the function may not be asked for its settings."""
    try:
        environment = ports.account.function_environment(f"{ports.prefix}-weather")
    except Exception:  # noqa: BLE001  # where it was imported there is none, or who asks has no right for it
        return
    host = urlsplit(environment.get("ROOMIDITY_WEATHER_URL", "")).hostname or "nobody"
    if host == _FREE_HOST:
        found = (
            f"{host} without a key: free for non-commercial use alone, up to 10,000 calls a day, and to be named "
            "(CC BY 4.0). Commercial use needs a paid plan: set weatherUrl and weatherKeyName (docs/weather.md)"
        )
        yield Finding("weather provider", "ok", found)
    else:
        key = "with a key from SSM" if environment.get("ROOMIDITY_WEATHER_KEY_NAME") else "without a key"
        yield Finding("weather provider", "ok", f"{host}, {key}")
