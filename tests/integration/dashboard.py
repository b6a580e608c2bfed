"""The queries that a dashboard makes, in plain boto3: nothing of roomidity is needed to read what it wrote.

``tables`` is ``boto3.resource("dynamodb")``; ``prefix`` is ``<service>-<stage>``, such as ``roomidity-prod``. Times are
text of the form ``YYYY-MM-DDTHH:MMZ``, so that sorting text sorts time. README and docs/queries.md quote them.
"""

from __future__ import annotations

from typing import Any

from boto3.dynamodb.conditions import Key

__all__ = ["forecast_as_issued", "houses", "latest_forecast", "observations_between"]


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
