"""The API over fakes: houses with rooms, forecasts, accuracy, models and tokens, and requests to them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from roomidity.api.authority import Authority
from roomidity.api.front import Clocks, answer
from roomidity.api.ports import ApiPorts
from roomidity.api.request import Request
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House, Room
from roomidity.domain.models import ModelRecord, Pointer, Served
from roomidity.domain.notices.notice import Finding, Notice, Watch
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.slots import SLOT, SlotKey, to_epoch_ms
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import Score
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.tokens import add_token
from tests.advice_samples import advice_of
from tests.fakes import (
    FakeAccuracy,
    FakeAdvice,
    FakeForecasts,
    FakeHouses,
    FakeMoulds,
    FakeNotices,
    FakeObservations,
    FakeSettings,
)

__all__ = ["ISSUED", "NOW", "Answered", "ApiWorld", "FakeModels", "event_of"]

NOW: Final = datetime(2026, 3, 15, 8, 7, tzinfo=UTC)
ISSUED: Final = datetime(2026, 3, 15, 8, tzinfo=UTC)


class FakeModels:
    """One champion a house, promoted once."""

    def pointer(self, house: str) -> Pointer:
        return Pointer("20260301T0000Z-0123abcd", None, ISSUED - timedelta(days=14), 1)

    def records(self, house: str) -> list[ModelRecord]:
        manifest = {"trained_from": "2026-01-01T00:00Z", "trained_through": "2026-03-01T00:00Z", "house": house}
        return [ModelRecord("20260301T0000Z-0123abcd", manifest, "00", 0)]

    def served(self, house: str) -> Iterator[Served]:
        yield Served("20260301T0000Z-0123abcd", ISSUED - timedelta(days=14), "promoted", None)


@dataclass(frozen=True)
class Answered:
    """An answer, decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def event_of(
    path: str, *, query: str = "", token: str | None = None, method: str = "GET", **headers: str
) -> dict[str, Any]:
    """A request by payload 2.0."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": sent,
        "requestContext": {"stage": "$default", "http": {"method": method, "path": path}},
        "isBase64Encoded": False,
    }


@dataclass
class ApiWorld:
    """Some houses; each room of each has values of its own, so that an answer gives away whose it is."""

    houses: FakeHouses = field(default_factory=FakeHouses)
    settings: FakeSettings = field(default_factory=FakeSettings)
    observations: FakeObservations = field(default_factory=FakeObservations)
    forecasts: FakeForecasts = field(default_factory=FakeForecasts)
    accuracy: FakeAccuracy = field(default_factory=FakeAccuracy)
    moulds: FakeMoulds = field(default_factory=FakeMoulds)
    models: FakeModels = field(default_factory=FakeModels)
    notices: FakeNotices = field(default_factory=FakeNotices)
    advice: FakeAdvice = field(default_factory=FakeAdvice)
    clocks: Clocks = field(default_factory=lambda: Clocks(NOW, NOW))
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def ports(self) -> ApiPorts:
        return ApiPorts(
            settings=self.settings,
            houses=self.houses,
            observations=self.observations,
            forecasts=self.forecasts,
            accuracy=self.accuracy,
            moulds=self.moulds,
            models=self.models,
            notices=self.notices,
            advice=self.advice,
        )

    def house(
        self,
        name: str,
        *rooms: str,
        value: float = 50.0,
        days: float = 1.0,
        issued: datetime = ISSUED,
        settings: Mapping[str, Any] | None = None,
    ) -> str:
        """Adds a house; its token. The rooms are measured up to the clock and forecast every six hours and now."""
        seen = NOW - timedelta(minutes=9)
        measured = {"humidity": seen, "temperature": seen}
        self.houses.put(
            House(
                name,
                "Europe/Brussels",
                rooms={room: Room(NOW - timedelta(days=40), seen, frozenset({""}), measured) for room in rooms},
                settings=settings or {},
            )
        )
        for number in range(int(days * 96)):
            start = ISSUED - (number + 1) * SLOT
            observed: Observation = {
                room: {
                    "humidity": Statistics(value + place, value - 1, value + 1, 3),
                    "temperature": Statistics(20.0 + place, 19.0, 21.0, 3),
                }
                for place, room in enumerate(rooms)
            }
            self.observations.stored[SlotKey(name, to_epoch_ms(start))] = (observed, 1)
        for room in rooms:
            if room != "outdoor":
                self._forecast(name, room, value, issued)
        notices = [Notice(name, Finding("humid", room, 0.8, ISSUED, ISSUED + SLOT), ISSUED) for room in rooms]
        was = [Notice(name, Finding("silent", room, 1.0, ISSUED - SLOT), ISSUED - SLOT, ISSUED) for room in rooms]
        self.notices.watches[name] = Watch(name, version=1, at=ISSUED, opened={one.finding.key: one for one in notices})
        self.notices.stored |= {(name, one.id): one for one in (*notices, *was)}
        self.advice.stored[name, ISSUED] = advice_of(name, at=ISSUED, rooms=rooms or ("none",))
        self.tokens[name] = self.token(name)
        return self.tokens[name]

    def token(self, house: str, *, days: float = 1.0, secret: bytes = b"s" * 32) -> str:
        """Adds a token of a house."""
        text, _ = add_token(
            self.settings,
            BackOff(sleep=lambda _: None),
            house,
            label="test",
            now=NOW,
            expires_at=NOW + timedelta(days=days),
            secret=secret,
        )
        return text

    def get(self, path: str, *, authority: Authority = "token", **of: Any) -> Answered:
        """The answer to a request, given as for :func:`event_of`."""
        return self.answer(event_of(path, **of), authority=authority)

    def answer(self, event: dict[str, Any], *, authority: Authority = "token") -> Answered:
        """The answer to an event."""
        request = Request.from_event(event)
        given = answer(request, lambda: self.ports, self.clocks, authority=authority).to_event(request)
        body = base64.b64decode(given["body"]) if given["isBase64Encoded"] else given["body"].encode()
        plain = gzip.decompress(body) if given["headers"].get("content-encoding") == "gzip" else body
        return Answered(given["statusCode"], given["headers"], plain, len(body))

    def of(self, house: str, what: str = "", **of: Any) -> Answered:
        """The answer to who has the house's token and names it in the path."""
        return self.get(f"/v1/houses/{quote(house)}{what}", token=self.tokens[house], **of)

    def _forecast(self, house: str, room: str, value: float, issued: datetime) -> None:
        quantiles = np.array(
            [[[value + step] * 96 for step in (-2, 0, 2)], [[20.0 + step] * 96 for step in (-1, 0, 1)]]
        )
        for at in [issued, *(datetime(2026, 3, 14, tzinfo=UTC) + hours * SLOT * 4 for hours in range(0, 31, 6))]:
            one = StoredForecast(
                house, room, at, quantiles, {"humidity": "full", "temperature": "prior"}, at - SLOT, "m1", ("stuck",)
            )
            self.forecasts.stored[house, room, at] = one
        score = Score(*(np.full(24, float(number)) for number in (4, 8, 16, 12, 36, 3, 2)))
        day = (NOW - timedelta(days=2)).date()
        row = DayAccuracy(house, room, day, 96, complete=True, scores={"humidity": score}, six_hourly={})
        self.accuracy.stored[house, room, day] = row
