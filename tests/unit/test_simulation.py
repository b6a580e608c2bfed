"""The simulated house: a frame of the right shape, physics that loses nothing, people who live by the clock."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from roomidity.local import simulation
from roomidity.local.simulation import (
    DEMO_KIND,
    HouseKind,
    RoomKind,
    SimulatedHouse,
    Use,
    random_kind,
    simulate_house,
    simulate_issues,
    simulate_slots,
)
from roomidity.local.simulation.course import STEP_S
from roomidity.local.simulation.household import Activity, simulate_household
from roomidity.local.simulation.physics import HeatBalance, MoistureBalance
from roomidity.local.simulation.sensors import lagged

START = datetime(2026, 1, 12, tzinfo=UTC)
DAYS = 7
YEARS = (datetime(2000, 1, 1), datetime(2040, 1, 1))  # noqa: DTZ001  (hypothesis adds the zone)


@pytest.fixture(scope="module")
def week() -> SimulatedHouse:
    return simulate_house(seed=4, start=START, days=DAYS)


@pytest.fixture(scope="module")
def slots() -> pl.DataFrame:
    return simulate_slots(seed=4, start=START, days=DAYS)


def test_the_public_surface_is_deliberate() -> None:
    assert set(simulation.__all__) == {
        "DEMO_KIND",
        "READINGS_SCHEMA",
        "ClimateKind",
        "HouseKind",
        "RoomKind",
        "Sensor",
        "SimulatedHouse",
        "Use",
        "random_kind",
        "simulate_house",
        "simulate_issues",
        "simulate_slots",
    }


class TestReadings:
    def test_schema_order_and_names(self, week: SimulatedHouse) -> None:
        readings = week.readings
        assert readings.schema == simulation.READINGS_SCHEMA
        assert readings["ts"].is_sorted()
        assert readings["house"].unique().to_list() == ["demo"]
        measured = {room.name for room in DEMO_KIND.rooms if room.sensors}
        assert set(readings["room"]) == measured | {"outdoor"}
        assert set(readings["sensor"]) == {sensor.name for sensor in week.sensors}
        assert week.sensors[0].name == "z2m-0x00158d0001"

    def test_values_are_plausible_or_absent(self, week: SimulatedHouse) -> None:
        readings = week.readings
        assert readings["humidity"].drop_nulls().is_between(0, 100).all()
        assert readings["temperature"].drop_nulls().is_between(-30, 45).all()
        assert readings["temperature"].is_not_nan().all()
        assert not readings.filter(pl.col("temperature").is_null() & pl.col("humidity").is_null()).height

    def test_some_sensors_send_their_quantities_apart_and_some_rooms_have_two(self, week: SimulatedHouse) -> None:
        apart = week.readings.group_by("sensor").agg(pl.col("temperature").is_null().mean().alias("share"))
        assert set(apart["share"].round(2)) == {0.0, 0.5}
        sensors = week.readings.group_by("room").agg(pl.col("sensor").n_unique())
        assert dict(sensors.iter_rows())["living_room"] == 2

    def test_times_are_inside_the_days_and_distinct(self, week: SimulatedHouse) -> None:
        assert week.readings["ts"].min() >= START
        assert week.readings["ts"].max() < START + timedelta(days=DAYS)
        assert week.readings.select("sensor", "ts").is_duplicated().sum() == 0

    def test_about_one_reading_a_minute(self, week: SimulatedHouse) -> None:
        heard = week.readings.filter(pl.col("temperature").is_not_null()).group_by("sensor").len()
        assert (heard["len"] / (DAYS * 1440)).is_between(0.8, 1.0).all()
        assert heard["len"].mean() > 0.95 * DAYS * 1440

    def test_rounding_is_the_sensors(self, week: SimulatedHouse) -> None:
        for sensor in week.sensors:
            values = week.readings.filter(pl.col("sensor") == sensor.name)["temperature"].drop_nulls()
            assert (values == values.round(sensor.decimals)).all()

    def test_the_same_seed_gives_the_same_frame_and_another_does_not(self, week: SimulatedHouse) -> None:
        again = simulate_house(seed=4, start=START, days=DAYS)
        assert again.readings.equals(week.readings, null_equal=True)
        other = simulate_house(seed=5, start=START, days=DAYS)
        assert not other.readings.equals(week.readings, null_equal=True)

    @pytest.mark.parametrize("hour", [0, 5, 16])
    def test_a_longer_simulation_begins_with_the_shorter_one(self, hour: int) -> None:
        start = START + timedelta(hours=hour)
        short = simulate_house(seed=3, start=start, days=2).readings
        long = simulate_house(seed=3, start=start, days=4).readings
        assert_frame_equal(long.filter(pl.col("ts") < start + timedelta(days=2)), short)

    @settings(max_examples=8, deadline=None)
    @given(
        seed=st.integers(0, 2**32),
        start=st.datetimes(*YEARS, timezones=st.just(UTC)),
        zone=st.sampled_from(["Europe/Brussels", "Asia/Kolkata", "America/St_Johns", "UTC"]),
    )
    def test_any_house_at_any_time(self, seed: int, start: datetime, zone: str) -> None:
        kind = random_kind(seed)
        house = simulate_house(seed=seed, start=start, days=1, house="h", timezone=zone, kind=kind)
        readings = house.readings
        assert readings.schema == simulation.READINGS_SCHEMA
        assert readings["ts"].min() >= start
        assert readings["ts"].max() < start + timedelta(days=1)
        assert readings["ts"].is_sorted()
        assert readings["humidity"].drop_nulls().is_between(0, 100).all()
        assert readings["temperature"].drop_nulls().is_between(-45, 70).all()
        assert "outdoor" in readings["room"]

    def test_naive_times_and_no_days_are_refused(self) -> None:
        with pytest.raises(ValueError, match="no offset"):
            simulate_house(seed=1, start=datetime(2026, 1, 1), days=1)  # noqa: DTZ001  (that is the point)
        with pytest.raises(ValueError, match="no offset"):
            simulate_slots(seed=1, start=datetime(2026, 1, 1), days=1)  # noqa: DTZ001  (that is the point)
        with pytest.raises(ValueError, match="days is 0"):
            simulate_house(seed=1, start=START, days=0)


class TestSlots:
    def test_shape(self, slots: pl.DataFrame) -> None:
        assert slots.columns == ["house", "room", "ts", "temperature", "humidity"]
        assert slots.schema["ts"] == pl.Datetime("ms", "UTC")
        rooms = slots.group_by("room").agg(pl.len(), pl.col("ts").min(), pl.col("ts").diff().max().alias("gap"))
        assert set(rooms["len"]) == {DAYS * 96}
        assert set(rooms["ts"]) == {START}
        assert set(rooms["gap"]) == {timedelta(minutes=15)}
        assert slots.null_count().sum_horizontal().item() == 0

    def test_they_are_the_means_of_the_readings_but_for_the_sensors_faults(
        self, week: SimulatedHouse, slots: pl.DataFrame
    ) -> None:
        means = week.readings.group_by("room", pl.col("ts").dt.truncate("15m")).agg(
            pl.col("temperature").mean(), pl.col("humidity").mean()
        )
        both = slots.join(means, on=["room", "ts"], suffix="_read").drop_nulls()
        assert both.height > 0.9 * slots.height
        assert (both["temperature"] - both["temperature_read"]).abs().max() < 1.0
        assert (both["humidity"] - both["humidity_read"]).abs().mean() < 2.5
        for _, room in both.group_by("room"):
            assert np.corrcoef(room["humidity"], room["humidity_read"])[0, 1] > 0.97

    def test_a_start_inside_a_slot_counts_from_that_slot(self, slots: pl.DataFrame) -> None:
        inside = simulate_slots(seed=4, start=START + timedelta(minutes=7), days=DAYS)
        assert_frame_equal(inside, slots)

    def test_the_order_of_size_is_that_of_real_houses(self) -> None:
        # candanedo: change over 24 h 2.9 %RH and 0.64 K, hourly 0.8 %RH; sml2010: 4.2, 1.5, 0.65
        month = simulate_slots(seed=2, start=START, days=35).filter(pl.col("room") != "outdoor")
        change = month.group_by("room").agg(
            pl.col("humidity").diff(96).abs().mean().alias("day"),
            pl.col("humidity").diff(4).abs().mean().alias("hour"),
            pl.col("temperature").diff(96).abs().mean().alias("kelvin"),
            pl.col("humidity").mean().alias("mean"),
        )
        assert 2 < change["day"].mean() < 5
        assert 0.4 < change["hour"].mean() < 1.6
        assert 0.3 < change["kelvin"].mean() < 1.5
        assert 25 < change["mean"].mean() < 60


class TestKinds:
    def test_many_different_houses(self) -> None:
        kinds = [random_kind(seed) for seed in range(60)]
        assert len({len(kind.rooms) for kind in kinds}) >= 4
        assert len({kind.people for kind in kinds}) >= 3
        assert all(sum(room.sensors > 0 for room in kind.rooms) >= 2 for kind in kinds)
        assert any(kind.heater_w_m3 == 0 for kind in kinds)
        assert all(kind == random_kind(seed) for seed, kind in enumerate(kinds))

    def test_a_house_has_one_hall_which_comes_first_and_distinct_names(self) -> None:
        hall = RoomKind(name="hall", use=Use.HALL, volume_m3=20)
        room = RoomKind(name="room", use=Use.LIVING, volume_m3=50)
        HouseKind(rooms=(hall, room), climate=DEMO_KIND.climate)
        for rooms in ((room, hall), (hall, hall), (hall, room, room), (hall,), ()):
            with pytest.raises(ValueError, match="found"):
                HouseKind(rooms=rooms, climate=DEMO_KIND.climate)
        with pytest.raises(ValueError, match="outdoor"):
            HouseKind(rooms=(hall, dataclasses.replace(room, name="outdoor")), climate=DEMO_KIND.climate)


class TestPeople:
    @staticmethod
    def activity(start: datetime, days: int, kind: HouseKind = DEMO_KIND) -> Activity:
        steps = days * 86_400 // STEP_S
        return simulate_household(
            kind,
            seed=8,
            begin_s=int(start.timestamp()),
            steps=steps,
            step_s=STEP_S,
            zone=ZoneInfo("Europe/Brussels"),
            outdoor_c=np.full(steps, 5.0),
            mild_c=np.full(steps, 5.0),
        )

    def test_showers_raise_the_bathrooms_humidity(self, slots: pl.DataFrame) -> None:
        kind = dataclasses.replace(DEMO_KIND, shower_g_h=0.0)
        dry = simulate_slots(seed=4, start=START, days=DAYS, kind=kind)
        rise = slots.join(dry, on=["room", "ts"], suffix="_dry").with_columns(
            rise=pl.col("humidity") - pl.col("humidity_dry")
        )
        most = dict(rise.group_by("room").agg(pl.col("rise").max()).iter_rows())
        assert most["bathroom"] > 20
        assert most["outdoor"] == 0
        assert most["parents_room"] < most["bathroom"] / 3  # it reaches other rooms through the hall, thinned
        assert rise["rise"].min() > -0.01

    def test_a_shower_is_one_or_two_kilograms_an_hour_for_ten_minutes(self) -> None:
        activity = self.activity(START, 28)
        bathroom = [room.name for room in DEMO_KIND.rooms].index("bathroom")
        wet = activity.moisture_g_h[:, bathroom]
        assert 700 < np.percentile(wet[wet > 600], 50) < 2000
        assert 0.5 < (wet > 600).sum() * STEP_S / 600 / 28 < 6  # a family's showers a day

    def test_people_live_by_local_time_through_daylight_saving(self) -> None:
        # Brussels goes to UTC+2 on 29 March 2026: weekday mornings come an hour earlier in UTC
        kind = dataclasses.replace(DEMO_KIND, home_workers=0.0, laundry_a_week=0.0)
        kitchen = [room.name for room in kind.rooms].index("kitchen")

        def morning(monday: datetime) -> float:
            wet = self.activity(monday, 5, kind).moisture_g_h[:, kitchen].reshape(5, -1)
            hours = np.arange(wet.shape[1]) * STEP_S / 3600
            before_noon = wet[:, hours < 9.5].sum(axis=0) - wet[:, :24].sum(axis=0).mean() / 24
            return float((before_noon * hours[hours < 9.5]).sum() / before_noon.sum())

        before = np.mean([morning(datetime(2026, 3, day, tzinfo=UTC)) for day in (2, 9, 16, 23)])
        after = np.mean([morning(datetime(2026, 4, day, tzinfo=UTC)) for day in (6, 13, 20, 27)])
        assert before - after == pytest.approx(1.0, abs=0.35)

    @pytest.mark.parametrize("start", [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)])
    def test_a_day_of_23_or_25_hours_has_no_gap(self, start: datetime) -> None:
        changed = simulate_slots(seed=1, start=start, days=3)
        assert set(changed.group_by("room").len()["len"]) == {3 * 96}
        assert changed["humidity"].is_between(0, 100).all()


rooms_and_steps = st.tuples(st.integers(2, 6), st.integers(1, 30))


class TestPhysics:
    @settings(max_examples=60, deadline=None)
    @given(rooms_and_steps, st.integers(0, 2**32), st.booleans())
    def test_a_closed_house_without_sources_keeps_its_water(self, shape: Any, seed: int, condensing: bool) -> None:
        rooms, steps = shape
        rng = np.random.default_rng(seed)
        saturation = rng.uniform(5, 25, (steps, rooms))
        balance = MoistureBalance(
            step_s=STEP_S,
            air_kg=rng.uniform(10, 200, rooms),
            outdoor_kg_h=np.zeros((steps, rooms)),
            door_kg_h=rng.uniform(0, 500, (steps, rooms)),
            outdoor_g_kg=rng.uniform(1, 15, steps),
            source_g_h=np.zeros((steps, rooms)),
            saturation_g_kg=saturation,
            surface_g_kg=saturation * (rng.uniform(0.3, 1, (steps, rooms)) if condensing else np.inf),
            store_g=rng.uniform(500, 20_000, (2, rooms)),
            store_kg_h=rng.uniform(1, 100, (2, rooms)),
        )
        air, stores = rng.uniform(0, 10, rooms), rng.uniform(0, 1, (2, rooms))
        before = (balance.air_kg * air).sum() + (balance.store_g * stores).sum()
        course = balance.run(air_g_kg=air, stores=stores)
        in_air = (balance.air_kg * course.air_g_kg).sum(axis=1)
        in_stores = (balance.store_g * course.stores).sum(axis=(1, 2))
        total = in_air + in_stores + course.drained_g.sum(axis=1)
        np.testing.assert_allclose(total, before, rtol=1e-9)
        assert (course.air_g_kg >= 0).all()
        assert (np.diff(course.drained_g, axis=0) >= 0).all()
        if condensing:
            assert (course.air_g_kg <= saturation + 1e-9).all()

    def test_sources_and_air_change_account_for_every_gram(self) -> None:
        rng = np.random.default_rng(1)
        steps, rooms = 200, 4
        balance = MoistureBalance(
            step_s=STEP_S,
            air_kg=rng.uniform(20, 90, rooms),
            outdoor_kg_h=rng.uniform(0, 60, (steps, rooms)),
            door_kg_h=rng.uniform(0, 200, (steps, rooms)),
            outdoor_g_kg=rng.uniform(3, 8, steps),
            source_g_h=rng.uniform(0, 900, (steps, rooms)),
            saturation_g_kg=np.full((steps, rooms), 15.0),
            surface_g_kg=np.full((steps, rooms), 9.0),
            store_g=np.full((2, rooms), 3000.0),
            store_kg_h=np.full((2, rooms), 40.0),
        )
        air, stores = np.full(rooms, 6.0), np.full((2, rooms), 0.4)
        course = balance.run(air_g_kg=air, stores=stores)
        # the exchange of a step is with the value that its linear system found, before condensation took its share
        condensed = np.diff(course.drained_g, axis=0, prepend=0) / balance.air_kg
        came = STEP_S / 3600 * (
            balance.source_g_h
            + balance.outdoor_kg_h * (balance.outdoor_g_kg[:, None] - course.air_g_kg - condensed)
        )  # fmt: skip
        grown = (balance.air_kg * (course.air_g_kg[-1] - air)).sum() + (
            balance.store_g * (course.stores[-1] - stores)
        ).sum()
        assert course.drained_g[-1].sum() > 0
        assert grown + course.drained_g[-1].sum() == pytest.approx(came.sum())

    def test_an_unheated_empty_house_ends_at_the_outdoor_temperature(self) -> None:
        steps, rooms = 4000, 3
        still = np.zeros((steps, rooms))
        balance = HeatBalance(
            step_s=STEP_S,
            air_j_k=np.full(rooms, 3e5),
            mass_j_k=np.full(rooms, 3e6),
            air_mass_w_k=np.full(rooms, 300.0),
            mass_outdoor_w_k=np.full(rooms, 10.0),
            air_outdoor_w_k=still + 15.0,
            door_w_k=still + 40.0,
            outdoor_c=np.full(steps, 4.0),
            air_gain_w=still,
            mass_gain_w=still,
            setpoint_c=still + 20.0,
            heater_w=np.zeros(rooms),
        )
        course = balance.run(air_c=np.array([20.0, 18.0, 22.0]), mass_c=np.full(rooms, 20.0))
        np.testing.assert_allclose(course[-1], 4.0, atol=0.05)
        heated = dataclasses.replace(balance, heater_w=np.full(rooms, 2000.0))
        warm = heated.run(air_c=np.full(rooms, 20.0), mass_c=np.full(rooms, 20.0))
        assert ((warm[-1] > 18.5) & (warm[-1] < 20.5)).all()

    @given(st.floats(30, 3600))
    def test_a_lagging_sensor_is_one_time_constant_behind_a_steady_slope(self, lag_s: float) -> None:
        ramp = np.arange(2000.0)[:, None]
        shown = lagged(ramp, lag_s=np.array([lag_s]), step_s=300.0)
        assert ramp[-1, 0] - shown[-1, 0] == pytest.approx(lag_s / 300, rel=1e-6)


def test_the_weather_ahead_of_a_simulated_house_is_its_own_weather_with_errors() -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    issues = simulate_issues(seed=4, start=start, days=6, house="h1")
    slots = simulate_slots(seed=4, start=start, days=6, kind=DEMO_KIND)
    outside = dict(slots.filter(pl.col("room") == "outdoor").select("ts", "temperature").iter_rows())
    known = [one for one in issues if one.known_from <= start]
    assert known
    assert {one.place for one in issues} == {"house:h1"}
    assert issues == simulate_issues(seed=4, start=start, days=6, house="h1")
    assert max(one.known_from for one in issues) <= start + timedelta(days=6)
    errors = [
        value - outside[moment]
        for one in issues
        for hour, value in enumerate(one.temperature[:25])
        if (moment := one.first + timedelta(hours=hour)) in outside
    ]
    assert 0.3 < float(np.abs(errors).mean()) < 1.6
