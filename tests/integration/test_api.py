"""The handler against moto: tokens by the command line, what is read, what the log says, and who can set the clock."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import pytest

from roomidity.aws.store.batches import batch_get
from roomidity.composition import Stage
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House, Room
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.slots import SLOT, SlotKey, to_epoch_ms
from roomidity.errors import StoreError
from roomidity.local.functions import Context
from tests.api import ISSUED, NOW, event_of
from tests.integration.stage import Run, tables_of

ROOMS: Final = [f"room {number}" for number in range(52)]


@pytest.fixture
def handler(stage: Stage) -> Iterator[Any]:
    runtime = import_module("handlers.runtime")
    runtime.stage.cache_clear()
    yield import_module("handlers.api").handler
    runtime.stage.cache_clear()


def fill(stage: Stage) -> None:
    """A house of more rooms than one batch of the newest two forecasts takes, one of which has an older one alone."""
    seen = NOW - timedelta(minutes=9)
    rooms = {room: Room(seen - timedelta(days=9), seen, frozenset({""}), {"humidity": seen}) for room in ROOMS}
    stage.houses.put(House("h1", "Europe/Brussels", rooms=rooms))
    observed = {room: {"humidity": Statistics(50.0, 49.0, 51.0, 3)} for room in ROOMS}
    stage.observations.put_many({SlotKey("h1", to_epoch_ms(ISSUED - SLOT)): (observed, Origin(1))})
    quantiles = np.full((2, 3, 96), 50.0)
    grade = {"humidity": "full", "temperature": "full"}
    stage.forecasts.put_many(
        StoredForecast("h1", room, ISSUED - (9 * SLOT if room == ROOMS[0] else 0 * SLOT), quantiles, grade, None, "m")
        for room in ROOMS
    )


def ask(handler: Any, path: str, *, context: Any = None, **of: Any) -> tuple[int, Any]:
    given = handler(event_of(path, **of), context or Context(function_name="api", replayed_to=NOW))
    body = base64.b64decode(given["body"]) if given["isBase64Encoded"] else b""
    return given["statusCode"], json.loads(body) if body.startswith(b"{") else body


def test_a_token_opens_its_house_until_it_is_revoked_and_the_log_has_the_route_alone(
    stage: Stage, run: Run, handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fill(stage)
    added = run("token", "add", "h1", "--label", "kitchen tablet")
    token = added["token"]
    assert token.startswith("rm1.h1.")
    import_module("handlers.runtime").logger.setLevel("INFO")
    caplog.clear()
    status, answer = ask(handler, "/v1/houses/h1/forecasts", token=token, query="room=room%2051&room=room%200")
    assert status == 200
    assert [(one["room"], one["forecast"]["issued_at"]) for one in answer["rooms"]] == [
        ("room 0", "2026-03-15T05:45Z"),
        ("room 51", "2026-03-15T08:00Z"),
    ]
    status, answer = ask(handler, "/v1/house/forecasts", token=token)
    assert len(answer["rooms"]) == len(ROOMS)
    assert {one["humidity"]["value"] for one in answer["rooms"]} == {50.0}
    assert (answer["replayed"], answer["now"]) == (True, "2026-03-15T08:07:00Z")
    answered = [record for record in caplog.records if record.message == "answered"]
    assert [vars(record)["route"] for record in answered] == ["/v1/house/forecasts"] * 2
    said = " ".join(str(vars(record)) for record in caplog.records)
    assert not [word for word in (token, token[-20:], "room%20", "room 5", "Bearer", "houses/h1") if word in said]

    listed = run("token", "list", "h1")["tokens"]
    assert [(one["id"], one["label"], one["expired"]) for one in listed] == [(added["id"], "kitchen tablet", False)]
    assert token not in json.dumps(listed)
    assert "does not exist; tokens: " + added["id"] in run("token", "revoke", "h1", "00000000", status=1)["error"]
    assert run("token", "revoke", "h1", added["id"])["revoked"]["id"] == added["id"]
    assert ask(handler, "/v1/house", token=token)[0] == 401
    assert run("token", "list", "h1")["tokens"] == []


def test_on_aws_nothing_sets_the_clock(stage: Stage, run: Run, handler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(stage)
    token = run("token", "add", "h1")["token"]
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert ask(handler, "/v1/house", token=token)[1]["replayed"] is False


def test_a_damaged_item_of_tokens_opens_nothing(stage: Stage, run: Run, handler: Any, plain_tables: Any) -> None:
    fill(stage)
    token = run("token", "add", "h1")["token"]
    plain_tables.Table("roomidity-test-settings").put_item(Item={"house": "h1", "kind": "tokens", "content": "odd"})
    assert ask(handler, "/v1/house", token=token)[0] == 503


def test_keys_that_were_not_processed_are_asked_for_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(stage)
    item = tables_of(stage).forecasts
    page: Any = item._batch_get_page
    asked: list[int] = []
    slept: list[float] = []

    def half(keys: list[Any], **more: Any) -> Any:
        asked.append(len(keys))
        found, _ = page(keys[: max(1, len(keys) // 2)], **more)
        return found, keys[max(1, len(keys) // 2) :]

    monkeypatch.setattr(item, "_batch_get_page", half)
    keys = [(f"h1/{room}", "2026-03-15T08:00Z") for room in ROOMS[1:15]]
    assert len(list(batch_get(item, keys, sleep=slept.append))) == 14
    assert (asked, len(slept)) == ([14, 7, 4, 2, 1], 4)
    with pytest.raises(StoreError, match="is busy: 1 items were not read"):
        list(_never(item))


def _never(item: Any) -> Iterator[Any]:
    stuck: Any = SimpleNamespace(
        get_attributes=item.get_attributes, Meta=item.Meta, _batch_get_page=lambda keys, **_: ([], keys)
    )
    return batch_get(stuck, [("h1/bath", "2026-03-15T08:00Z")], sleep=lambda _: None)
