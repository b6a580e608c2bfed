"""Memory is bounded by the bytes of what comes in: the worst bodies, each in a process of its own, under a limit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LIMIT_MB = 900
TWO_LIMIT_MB = 1_769

WORST = r'''
import json, resource, sys
import numpy as np, polars as pl
from roomidity.domain.observations import StoredSet
from roomidity.domain.slots import to_epoch_ms
from roomidity.pipeline.drain import DrainRules, drain
from roomidity.readings import pack_sets
from roomidity.readings.union import SLOT_VALUES, rank_of
from tests.fakes import InMemory
from tests.unit.samples import NOW

name = sys.argv[1]
base = int(NOW.timestamp())
LONG = dict.fromkeys(("house", "room", "sensor", "ts", "temperature", "humidity"), "x" * 1_000)
WHOLE = {"house": "h1", "room": "a", "humidity": 5, "ts": base - 600}


def beside(common, reading, count):
    return '{"readings":[' + ",".join([reading] * count) + "]," + json.dumps(common)[1:]


def each(common, key, values):
    return json.dumps({**common, "readings": [{key: value} for value in values]}, separators=(",", ":"))


BODIES = {
    "six long common keys": lambda: beside(LONG, "{}", 83_304),
    "the same, read with care": lambda: beside(LONG, "{},[]", 41_000),
    "numbers": lambda: beside({"x": 1}, "1", 128_000),
    "readings of one moment": lambda: beside(WHOLE, "{}", 80_000),
    "houses": lambda: each({**WHOLE, "house": None}, "house", [f"h{number:x}" for number in range(14_000)]),
    "houses beside a stamp": lambda: each(WHOLE, "house", [f"{number:x}" for number in range(14_000)]),
    "sensors": lambda: each(WHOLE, "sensor", [f"{number:x}" for number in range(12_000)]),
    "slots": lambda: each({**WHOLE, "ts": None}, "ts", [base - 900 * number - 1 for number in range(14_000)]),
    "full slots": lambda: each(
        {**WHOLE, "room": "room 0", "sensor": "s0", "humidity": 0}, "ts", range(base - 900 * 60, base, 900)
    ),
}


def full(slot):
    """A set with all the values that one can have."""
    sensor = np.repeat(np.arange(256), 360)
    time = np.tile(np.arange(180), 512).astype(np.int64) * 5_000
    value = np.random.default_rng(slot // 900_000).integers(20_000, 25_000, len(sensor))
    values = {"house": "h1", "slot": slot, "room": [f"room {one % 64}" for one in sensor],
        "sensor": [f"s{one}" for one in sensor], "quantity": np.tile(np.repeat([0, 1], 180), 256),
        "rank": rank_of(time, value)}
    return pack_sets(pl.DataFrame(values, schema=SLOT_VALUES))


stored = {}
if name == "full slots":
    for number in range(60):
        for key, packed in full(to_epoch_ms(NOW) - 900_000 * (number + 1)).items():
            stored[key] = StoredSet(packed, 1)
body = BODIES[name]()
assert len(body) <= 262_144
for count in (1, 2):
    place = InMemory(NOW)
    place.world.sets.stored.update(stored)
    place.send([body + " " * number for number in range(count)])
    summary = drain(place.ports, DrainRules(timezone="UTC"), now=NOW, remaining_s=lambda: 300.0)
    assert summary.conserved and place.is_empty(), summary
    print(json.dumps({
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "kept": sum(len(line) for _, line in place.world.rejects.lines), "sent": count * len(body), **summary.as_dict(),
    }))
'''

NAMES = [
    *("six long common keys", "the same, read with care", "numbers", "readings of one moment", "houses"),
    *("houses beside a stamp", "sensors", "slots", "full slots"),
]


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
@pytest.mark.parametrize("name", NAMES)
def test_the_worst_bodies_take_no_more_memory_than_the_function_has(name: str) -> None:
    """One at a time, then two."""
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", WORST, name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2_000:]
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    for count, limit_mb, answer in zip((1, 2), (LIMIT_MB, TWO_LIMIT_MB), answers, strict=True):
        assert answer["peak_mb"] < limit_mb
        assert answer["kept"] < 8 * answer["sent"]
        assert answer["readings"]["received"] >= 60 * count
