"""What is set of a house: written and deleted only on the version that was read, by the table and by its fake alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from roomidity.composition import Stage
from roomidity.domain.setting import MAX_SETTING_BYTES, Setting
from roomidity.errors import ConflictError, InputError, ItemDamagedError
from roomidity.pipeline.ports import Settings
from tests.fakes import FakeSettings

NOW: Final = datetime(2026, 3, 15, tzinfo=UTC)
CONTENT: Final = {"a": {"list": [1, 2.5, "x", True, None]}}


@pytest.fixture(params=["table", "fake"])
def settings(request: pytest.FixtureRequest) -> Settings:
    return request.getfixturevalue("stage").house_settings if request.param == "table" else FakeSettings()


def test_it_is_written_on_the_version_that_was_read_or_not_at_all(settings: Settings) -> None:
    assert settings.get("h1", "devices") is None
    first = settings.put(Setting("h1", "devices", CONTENT, expires_at=NOW))
    assert settings.get("h1", "devices") == first == Setting("h1", "devices", CONTENT, version=1, expires_at=NOW)
    assert first.has_expired(NOW)
    with pytest.raises(ConflictError, match="the devices of house 'h1'"):
        settings.put(Setting("h1", "devices", {}))
    second = settings.put(replace(first, content={"b": 1}, expires_at=None))
    assert second == Setting("h1", "devices", {"b": 1}, version=2) == settings.get("h1", "devices")
    for stale in (first, replace(first, version=3)):
        with pytest.raises(ConflictError):
            settings.put(stale)


def test_it_is_deleted_on_the_version_that_was_read_or_not_at_all(settings: Settings) -> None:
    first = settings.put(Setting("h1", "devices", CONTENT))
    second = settings.put(first)
    with pytest.raises(ConflictError):
        settings.delete(first)
    settings.delete(second)
    settings.delete(second)
    assert settings.get("h1", "devices") is None
    assert settings.put(Setting("h1", "devices", {})).version == 1


def test_a_house_has_its_own_by_kind(settings: Settings) -> None:
    for house, kind in (("h1", "tokens"), ("h1", "devices"), ("h10", "tokens")):
        settings.put(Setting(house, kind, {"of": house}))
    assert [(one.kind, one.content["of"]) for one in settings.list("h1")] == [("devices", "h1"), ("tokens", "h1")]
    assert settings.list("h") == []


def test_what_cannot_be_kept_is_refused(stage: Stage) -> None:
    with pytest.raises(InputError, match=r"take 256,009 bytes; expected at most 256,000"):
        stage.house_settings.put(Setting("h1", "devices", {"a": "x" * MAX_SETTING_BYTES}))
    stage.house_settings.put(Setting("h1", "devices", {"a": "ä" * (MAX_SETTING_BYTES // 2 - 8)}))
    contents: list[dict[str, Any]] = [{"": 1}, {"a": [{"b": {"": {}}}]}]
    for content in contents:
        with pytest.raises(InputError, match="have an empty name"):
            stage.house_settings.put(Setting("h1", "devices", content))
    for house, kind in (("h/1", "devices"), ("", "devices"), ("h1", ""), ("h1", "De vices")):
        with pytest.raises(InputError, match="found no house and kind"):
            stage.house_settings.put(Setting(house, kind, {}))


@pytest.mark.parametrize(
    "odd", [{"content": "text"}, {"version": "first"}, {"version": 0}, {"expires_at": "soon"}], ids=str
)
def test_a_damaged_one_is_told_and_costs_no_other(stage: Stage, plain_tables: Any, odd: dict[str, Any]) -> None:
    stage.house_settings.put(Setting("h1", "devices", CONTENT))
    item = {"house": "h1", "kind": "tokens", "content": {}, "version": 1} | odd
    plain_tables.Table("roomidity-test-settings").put_item(Item=item)
    with pytest.raises(ItemDamagedError, match="roomidity doctor"):
        stage.house_settings.get("h1", "tokens")
    assert [one.kind for one in stage.house_settings.list("h1")] == ["devices"]
    assert [dict(one.key) for one in stage.damage.take()] == [{"house": "h1", "kind": "tokens"}]


def test_all_of_a_house_is_erased(stage: Stage) -> None:
    for number in range(30):
        stage.house_settings.put(Setting("h1", f"kind-{number}", {}))
    stage.house_settings.put(Setting("h10", "tokens", {}))
    assert sum(stage.house_settings.erase("h1")) == 30
    assert stage.house_settings.list("h1") == []
    assert len(stage.house_settings.list("h10")) == 1
