"""What the API derives on read: all of it for a whole house, and what it says is missing where something is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from roomidity.api.front import Clocks
from roomidity.domain.comfort.walls import surface_humidity
from tests.api import ApiWorld
from tests.browser.world import NOW, furnish

EMPTY = {"airing": None, "surface": None, "mould": None}


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld(clocks=Clocks(NOW, NOW))


def derived(world: ApiWorld, token: str, query: str = "") -> dict[str, dict[str, Any]]:
    answer = world.get("/v1/house/forecasts", token=token, query=query)
    assert answer.status == 200, answer.body
    return {room["room"]: room["derived"] for room in answer.json["rooms"]}


def test_a_whole_house_has_all_of_it(world: ApiWorld) -> None:
    found = derived(world, furnish(world, "h1", ["bath", "office"]))
    bath = found["bath"]
    assert bath["comfort"]["word"] == "damp"
    assert bath["comfort"]["why"][0]["limit"] == 70
    assert 14 < bath["dew_point_c"] < 18
    assert bath["airing"]["verdict"] == "yes"
    assert bath["airing"]["inside_g_m3"] > bath["airing"]["outside_g_m3"] + 5
    assert (bath["surface"]["f_rsi"], bath["surface"]["ahead_by"]) == (0.65, "outdoor_mean")
    assert bath["surface"]["hours_past"] == 24
    assert 0 < bath["surface"]["risk_hours_past"] <= 24
    assert bath["surface"]["risk_hours_ahead"] <= bath["surface"]["risk_hours_ahead_p90"] <= 24
    assert bath["mould"] == {"index": 1.4, "since": "2026-01-12", "through": "2026-02-11", "risk_hours": 9}
    assert bath["missing"] == found["outdoor"]["missing"] == []
    assert bath["concern"] > found["office"]["concern"]
    assert "concern" not in found["outdoor"]


def test_the_surface_goes_by_the_mean_outside(world: ApiWorld) -> None:
    surface = derived(world, furnish(world, "h1", ["bath"]))["bath"]["surface"]
    assert -1 < surface["outdoor_mean_c"] < 6
    room = world.get("/v1/house/forecasts", token=world.token("h1")).json["rooms"][0]
    expected = surface_humidity(
        room["temperature"]["value"], room["humidity"]["value"], surface["outdoor_mean_c"], f_rsi=0.65
    )
    assert surface["humidity"] == pytest.approx(float(expected), abs=0.2)


def test_without_air_outside_what_needs_it_is_absent_and_told(world: ApiWorld) -> None:
    bath = derived(world, furnish(world, "h1", ["bath"], outdoor=False))["bath"]
    assert {name: bath[name] for name in EMPTY} == EMPTY
    assert bath["missing"] == ["outdoor"]
    assert bath["comfort"]["word"] == "damp"


def test_old_values_say_nothing_of_now(world: ApiWorld) -> None:
    bath = derived(world, furnish(world, "h1", ["bath"], silent=timedelta(hours=4)))["bath"]
    assert bath["comfort"] is None
    assert "dew_point_c" not in bath
    assert bath["missing"] == ["stale", "outdoor_stale"]
    assert bath["mould"] is not None, "what the last night computed stands"


def test_before_the_first_night_there_is_no_mould_yet(world: ApiWorld) -> None:
    token = furnish(world, "h1", ["bath"])
    world.moulds.stored.clear()
    bath = derived(world, token)["bath"]
    assert (bath["mould"], bath["missing"]) == (None, ["night"])


def test_a_forecast_of_a_time_says_nothing_of_now(world: ApiWorld) -> None:
    token = furnish(world, "h1", ["bath"])
    assert derived(world, token, "issued_at=2026-02-11T08:00Z") == {"bath": {}, "outdoor": {}}


def test_air_of_0_percent_has_no_dew_point_and_breaks_nothing(world: ApiWorld) -> None:
    token = furnish(world, "h1", ["bath"], days=2)
    for observation, _ in world.observations.stored.values():
        for quantities in observation.values():
            quantities["humidity"] = type(quantities["humidity"])(0.0, 0.0, 0.0, 1)
    bath = derived(world, token)["bath"]
    assert bath["comfort"]["word"] == "very_dry"
    assert "dew_point_c" not in bath
    assert np.isfinite(bath["concern"])
