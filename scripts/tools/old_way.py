"""The forecast of a house as it is often written: pandas frames, a scikit-learn model a room and quantity, each a
joblib file in a bucket, 96 steps one after the other. What `bench-run-time` compares with; nothing else uses it.

    python scripts/tools/old_way.py train HOUSE NOW      fits the models, and puts them into the bucket
    python scripts/tools/old_way.py run HOUSE NOW N      forecasts N times, a line of JSON after each

NOW is a slot, such as 2026-03-15T00:00Z. A function of this kind does everything in its handler, so that a warm call
reads the models again. The forecasts are of the mean alone, under the house's name with `-old` behind it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import joblib
import pandas as pd
from boto3.dynamodb.conditions import Key
from sklearn.ensemble import HistGradientBoostingRegressor

PREFIX = f"{os.environ['ROOMIDITY_SERVICE']}-{os.environ['ROOMIDITY_STAGE']}"
LAGS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 95, 96)
STEPS = 96
QUANTITIES = ("humidity", "temperature")

tables: Any = boto3.resource("dynamodb")
bucket: Any = boto3.client("s3")


def read(house: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    """Means by slot, a column for each room and quantity."""
    span = Key("house").eq(house) & Key("slot").between(text(first), text(last))
    query = {"KeyConditionExpression": span}
    rows = []
    while True:
        answer = tables.Table(f"{PREFIX}-observations").query(**query)
        for item in answer["Items"]:
            means = {
                (room, quantity): float(statistics["mean"])
                for room, quantities in item["rooms"].items()
                for quantity, statistics in quantities.items()
            }
            rows.append({"slot": item["slot"]} | means)
        if "LastEvaluatedKey" not in answer:
            break
        query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    frame = pd.DataFrame(rows)
    frame.index = pd.to_datetime(frame.pop("slot"))
    return frame.asfreq("15min").ffill().bfill()


def features(values: pd.Series) -> pd.DataFrame:
    """Lags and the time of day of each slot."""
    frame = pd.DataFrame({f"lag{lag}": values.shift(lag) for lag in LAGS})
    index = pd.DatetimeIndex(values.index)
    return frame.assign(hour=index.hour, minute=index.minute, weekday=index.day_of_week)


def next_features(values: list[float], at: pd.Timestamp) -> pd.DataFrame:
    """The same of one slot, from the values before it."""
    row = {f"lag{lag}": values[-lag] for lag in LAGS}
    return pd.DataFrame([row | {"hour": at.hour, "minute": at.minute, "weekday": at.day_of_week}])


def train(house: str, now: pd.Timestamp) -> None:
    history = read(house, now - pd.Timedelta(days=400), now - pd.Timedelta(minutes=15))
    for room, quantity in history.columns:
        frame = features(history[room, quantity]).dropna()
        model = HistGradientBoostingRegressor(random_state=0).fit(frame, history[room, quantity].loc[frame.index])
        content = io.BytesIO()
        joblib.dump(model, content)
        bucket.put_object(
            Bucket=os.environ["ROOMIDITY_BUCKET"], Key=key(house, room, quantity), Body=content.getvalue()
        )


def run(house: str, now: pd.Timestamp) -> int:
    """Forecast every room; how many forecasts there are."""
    history = read(house, now - pd.Timedelta(days=2), now - pd.Timedelta(minutes=15))
    forecasts: dict[str, dict[str, list[float]]] = {}
    for room, quantity in history.columns:
        if room == "outdoor":
            continue
        answer = bucket.get_object(Bucket=os.environ["ROOMIDITY_BUCKET"], Key=key(house, room, quantity))
        model = joblib.load(io.BytesIO(answer["Body"].read()))
        values = history[room, quantity].tolist()
        for step in range(STEPS):
            values.append(model.predict(next_features(values, now + step * pd.Timedelta(minutes=15)))[0])
        forecasts.setdefault(room, {})[quantity] = values[-STEPS:]
    with tables.Table(f"{PREFIX}-forecasts").batch_writer() as batch:
        for room, quantities in forecasts.items():
            item = {
                quantity: [Decimal(str(round(value, 1))) for value in values] for quantity, values in quantities.items()
            }
            batch.put_item(Item={"room_id": f"{house}-old/{room}", "issued_at": text(now), **item})
    return sum(map(len, forecasts.values()))


def key(house: str, room: str, quantity: str) -> str:
    return f"old/{house}/{room}/{quantity}.joblib"


def text(moment: pd.Timestamp) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%MZ"))


def main() -> None:
    action, house, now = sys.argv[1], sys.argv[2], pd.Timestamp(sys.argv[3])
    if action == "train":
        train(house, now)
        return
    for _ in range(int(sys.argv[4])):
        begin = time.perf_counter()
        forecasts = run(house, now)
        print(json.dumps({"forecasts": forecasts, "call_s": time.perf_counter() - begin}), flush=True)
    if (status := Path("/proc/self/status")).exists():
        print(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")))


if __name__ == "__main__":
    main()
