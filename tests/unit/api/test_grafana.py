"""Grafana's dashboard asks the API for what there is: its URLs, parameters and columns are those of OpenAPI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from roomidity.domain.slots import format_moment
from tests.api import NOW, ApiWorld
from tests.conftest import CHECKOUT

DASHBOARD: Final[dict[str, Any]] = json.loads((CHECKOUT / "docs/grafana/roomidity.json").read_text("utf-8"))
DOCUMENT: Final[dict[str, Any]] = json.loads((CHECKOUT / "docs/openapi.json").read_text("utf-8"))


def queries() -> Iterator[tuple[str, dict[str, Any]]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["infinityQuery"]


QUERIES: Final = dict(queries())


def filled(text: str, room: str = "bath") -> str:
    """A text as Grafana fills it in, for the two days around NOW."""
    for name, at in (("from", NOW - timedelta(days=1)), ("to", NOW + timedelta(days=1))):
        text = text.replace(f"${{__{name}:date:iso}}", format_moment(at))
        text = text.replace(f"${{__{name}:date:YYYY-MM-DD}}", at.date().isoformat())
    return text.replace("${room}", room).replace("${api}", "")


def shape(of: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema's alternatives, without null, references followed."""
    if "$ref" in of:
        return shape(DOCUMENT["components"]["schemas"][of["$ref"].rpartition("/")[2]])
    if "anyOf" in of:
        return [one for part in of["anyOf"] for one in shape(part) if one.get("type") != "null"]
    return [of]


def within(of: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """What a schema says of a property; of a free-form object, or one with any keys, anything."""
    if name in of.get("properties", {}):
        return shape(of["properties"][name])
    more = of.get("additionalProperties")
    return [more if isinstance(more, dict) else {"additionalProperties": True}] if more else []


def follow(of: dict[str, Any], selector: str) -> list[dict[str, Any]]:
    """What a selector such as ``forecast.issued_at`` leads to."""
    found = shape(of)
    for name in selector.split("."):
        found = [part for one in found for part in within(one, name)]
    return found


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_s_url_parameters_and_columns_are_documented(title: str) -> None:
    query = QUERIES[title]
    path = filled(query["url"])
    operation = DOCUMENT["paths"][path]["get"]
    known = {one["name"] for one in operation.get("parameters", [])}
    assert {one["key"] for one in query["url_options"]["params"]} <= known
    (answer,) = shape(operation["responses"]["200"]["content"]["application/json"]["schema"])
    (rows,) = follow(answer, query["root_selector"])
    assert rows["type"] == "array"
    for column in query["columns"]:
        assert follow(rows["items"], column["selector"]), f"{title}: nothing is called {column['selector']}"


@pytest.fixture(scope="module")
def world() -> ApiWorld:
    world = ApiWorld()
    world.house("h1", "bath", "outdoor", days=2)
    for key, row in world.accuracy.stored.items():
        both = dict.fromkeys(("humidity", "temperature"), row.scores["humidity"])
        world.accuracy.stored[key] = replace(row, scores=both)
    return world


@pytest.mark.parametrize("title", QUERIES)
def test_the_api_answers_every_query_with_what_its_columns_take(world: ApiWorld, title: str) -> None:
    query = QUERIES[title]
    text = "&".join(f"{one['key']}={filled(one['value'])}" for one in query["url_options"]["params"])
    answered = world.get(filled(query["url"]), query=text, token=world.tokens["h1"])
    assert answered.status == 200, answered.json
    rows = answered.json[query["root_selector"]]
    assert rows, f"{title}: no row"
    types: dict[str, Any] = {"number": (int, float), "string": str, "timestamp": str}
    for column in query["columns"]:
        values = []
        for row in rows:
            value: Any = row
            for name in column["selector"].split("."):
                value = None if value is None else value.get(name)
            values.append(value)
        given = [value for value in values if value is not None]
        assert given, f"{title}: {column['selector']} is empty"
        assert all(isinstance(value, types[column["type"]]) for value in given)
        if column["type"] == "timestamp":
            assert all(re.match(r"20\d\d-\d\d-\d\d", value) for value in given)


def test_variables_that_are_used_are_there_and_bands_fill_between_quantiles() -> None:
    named = {one["name"] for one in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{(\w+)\}", json.dumps(DASHBOARD)))
    assert used <= named
    bands = [panel for panel in DASHBOARD["panels"] if panel.get("repeat") == "room"]
    assert len(bands) == 2
    for panel in bands:
        fill = [
            one["value"]
            for override in panel["fieldConfig"]["overrides"]
            if override["matcher"]["options"] == "p90"
            for one in override["properties"]
            if one["id"] == "custom.fillBelowTo"
        ]
        assert fill == ["p10"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
