"""Houses for the page, over fakes, behind the API's own code; and a server on loopback that can be made to fail."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import numpy as np

from roomidity.api.front import Clocks, answer
from roomidity.api.request import Request
from roomidity.domain.comfort.course import MouldDay, RoomMould
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House, Room
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.quantities import Quantity
from roomidity.domain.slots import SLOT, SlotKey, floor_slot, to_epoch_ms
from roomidity.domain.weather import WeatherUsed
from roomidity.domain.weather_adds import WeatherAdds
from tests.api import ApiWorld, event_of

__all__ = ["HOSTILE", "NAMES", "NOW", "Served", "furnish", "served"]

NOW: Final = datetime(2026, 2, 12, 8, 7, tzinfo=UTC)
NAMES: Final = ("bath", "bedroom", "cellar", "kitchen", "living room", "nursery", "office", "hall")
HOSTILE: Final = "<img src=x onerror=alert(1)>&room='\"><script>alert(2)<"
_BASE: Final = {"bath": (71, 21), "cellar": (68, 13), "kitchen": (55, 21), "hall": (41, 17), "office": (24, 22)}
_DAY: Final = timedelta(days=1)


def furnish(
    world: ApiWorld,
    house: str,
    rooms: Sequence[str],
    *,
    outdoor: bool = True,
    silent: timedelta = timedelta(minutes=7),
    days: int = 7,
) -> str:
    """Adds a house with a winter's course of days, and forecasts of now and a day ago; its token."""
    names = [*rooms, *(["outdoor"] if outdoor else [])]
    newest = floor_slot(NOW - silent)
    seen = {"humidity": NOW - silent, "temperature": NOW - silent}
    world.houses.put(
        House(
            house,
            "Europe/Berlin",
            rooms={name: Room(NOW - 40 * _DAY, NOW - silent, frozenset({""}), seen) for name in names},
            settings={"rooms": {"bath": {"f_rsi": 0.65, "material": "sensitive"}}} if "bath" in rooms else {},
        )
    )
    for number in range(days * 96):
        slot = newest - number * SLOT
        observed: Observation = {
            name: {
                quantity: Statistics(value, value, value, 5)
                for quantity, value in zip(("humidity", "temperature"), _happened(name, place, slot), strict=True)
            }
            for place, name in enumerate(names)
        }
        world.observations.stored[SlotKey(house, to_epoch_ms(slot))] = (observed, 1)
    issued = floor_slot(NOW)
    for place, name in enumerate(rooms):
        for at in (issued, issued - _DAY):
            middle = np.array([_values(name, place, at + step * SLOT) for step in range(96)]).T
            spread = np.array([[4.0], [0.9]]) * (0.3 + 0.7 * np.arange(96) / 96)
            quantiles = np.round(np.stack([middle - spread, middle, middle + spread], axis=1), 1)
            grade = {"humidity": "full", "temperature": "prior" if place == 1 else "full"}
            notes = ("stuck",) if name == "hall" else ()
            used = WeatherUsed(at - timedelta(hours=5), 5.0) if name == "bath" else None
            peak = WeatherAdds(begins=0, peaks=24, change=-6.2)
            adds: Mapping[Quantity, WeatherAdds] = {"humidity": peak} if used else {}
            opened = at - SLOT if name == "nursery" else None
            world.forecasts.stored[house, name, at] = StoredForecast(
                house, name, at, quantiles, grade, at - SLOT, "20260201T0000Z-0123abcd", notes, used, adds, opened
            )
    yesterday = (NOW - _DAY).date()
    indices = {name: 1.4 if name == "bath" else 0.2 if name == "cellar" else 0.0 for name in rooms}
    since = yesterday - 30 * _DAY
    mould = {name: RoomMould(index, 0, since, 24, 9 if index else 0) for name, index in indices.items()}
    world.moulds.put_many([MouldDay(house, yesterday, "i", "s", rooms=mould if outdoor else {})])
    return world.token(house)


def _happened(name: str, place: int, slot: datetime) -> tuple[float, float]:
    """What came otherwise than forecast: a slow drift, and noise."""
    humidity, temperature = _values(name, place, slot)
    hours = slot.timestamp() / 3600
    drift = np.sin(hours / 5 + place) + 0.6 * np.sin(hours * 2.3 + 2 * place)
    return round(humidity + float(1.9 * drift), 3), round(temperature + float(0.35 * drift), 3)


def _values(name: str, place: int, slot: datetime) -> tuple[float, float]:
    hour = slot.hour + slot.minute / 60
    day = np.sin((hour - 9) / 24 * 2 * np.pi)
    if name == "outdoor":
        return round(float(84 - 6 * day), 3), round(float(2.5 + 3.5 * day), 3)
    humidity, temperature = _BASE.get(name, (45 + place % 9, 20 + place % 3 * 0.7))
    shower = 12 * np.exp(-(((hour - 6.5) % 24) / 1.5)) if name == "bath" else 0.0
    wobble = np.sin(slot.toordinal() * 3 + hour * 1.7 + place)
    return round(float(humidity + 3 * day + wobble + shower), 3), round(float(temperature + 0.8 * day), 3)


@dataclass
class Served:
    """A server of a world at ``url``; ``fails`` makes every call to the API fail with 503."""

    url: str
    world: ApiWorld
    clocks: Clocks
    fails: bool = False
    asked: list[str] = field(default_factory=list)

    def link(self, token: str) -> str:
        return f"{self.url}/#{token}"


@contextmanager
def served(world: ApiWorld) -> Iterator[Served]:
    """The API and its page on a free port of loopback, by the same code that a function runs."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            server.asked.append(self.path)
            if server.fails and path.startswith("/v1"):
                self.send_response(503)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            headers = {name.replace("-", "_").lower(): value for name, value in self.headers.items()}
            request = Request.from_event(event_of(path, query=query, **headers))
            with lock:  # a resolver serves one request at a time
                given: dict[str, Any] = answer(request, lambda: world.ports, server.clocks).to_event(request)
            body = base64.b64decode(given["body"])
            self.send_response(given["statusCode"])
            for name, value in given["headers"].items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Served(f"http://127.0.0.1:{httpd.server_address[1]}", world, Clocks(NOW, NOW))
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
