"""The queries that a dashboard makes, in plain boto3: nothing of roomidity is needed to read what it wrote.

``tables`` is ``boto3.resource("dynamodb")``; ``prefix`` is ``<service>-<stage>``, such as ``roomidity-prod``. Times are
text of the form ``YYYY-MM-DDTHH:MMZ``, so that sorting text sorts time. README and docs/queries.md quote them.
"""

from __future__ import annotations

from typing import Any

from boto3.dynamodb.conditions import Key

__all__ = ["forecast_as_issued", "houses", "latest_forecast", "observations_between", "spread"]


def latest_forecast(tables: Any, prefix: str, house: str, room: str) -> dict[str, Any] | None:
    """A room's newest forecast."""
    answer = tables.Table(f"{prefix}-forecasts").query(
        KeyConditionExpression=Key("room_id").eq(f"{house}/{room}"), ScanIndexForward=False, Limit=1
    )
    return answer["Items"][0] if answer["Items"] else None


def forecast_as_issued(tables: Any, prefix: str, house: str, room: str, issued_at: str) -> dict[str, Any] | None:
    """What was forecast for a room at ``issued_at``."""
    answer = tables.Table(f"{prefix}-forecasts").get_item(Key={"room_id": f"{house}/{room}", "issued_at": issued_at})
    return answer.get("Item")


def spread(item: dict[str, Any], name: str) -> list[float]:
    """The 96 numbers of a forecast's list such as ``humidity_p50``: straight lines between its knots."""
    knots: list[int] = []
    for part in item.get("knots", "1-96").split(","):  # 1-4,6,8-96/4; where it is absent (v = 1), every slot
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        knots += range(int(first), int(last or first) + 1, int(step or 1))
    values = [float(value) for value in item[name]]
    course = values[:1]
    for knot, after, here, there in zip(knots, knots[1:], values, values[1:], strict=False):
        course += [here + (there - here) * way / (after - knot) for way in range(1, after - knot + 1)]
    return course


def observations_between(tables: Any, prefix: str, house: str, first: str, last: str) -> list[dict[str, Any]]:
    """The slots of a house from ``first`` to ``last``, both included; ``rooms`` has what each room's sensors said."""
    table = tables.Table(f"{prefix}-observations")
    query = {"KeyConditionExpression": Key("house").eq(house) & Key("slot").between(first, last)}
    answer = table.query(**query)
    items = answer["Items"]
    while "LastEvaluatedKey" in answer:  # a page is 1 MB: about ten days
        answer = table.query(**query, ExclusiveStartKey=answer["LastEvaluatedKey"])
        items += answer["Items"]
    return items


def houses(tables: Any, prefix: str) -> dict[str, list[str]]:
    """Every house with its rooms."""
    table = tables.Table(f"{prefix}-houses")
    answer = table.scan()
    items = answer["Items"]
    while "LastEvaluatedKey" in answer:
        answer = table.scan(ExclusiveStartKey=answer["LastEvaluatedKey"])
        items += answer["Items"]
    return {item["house"]: sorted(item["rooms"]) for item in items if not item["house"].startswith("#")}  # no notes
