"""Memory is bounded by the bytes of what comes in: the worst bodies, each in a process of its own, under a limit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worst_bodies import WORST

ROOT = Path(__file__).parents[3]
LIMIT_MB = 900
TWO_LIMIT_MB = 1_769

DRAIN = r"""
import json, sys
from roomidity.pipeline.drain import DrainConfig, drain
from scripts.tools.memory import peak_mb
from tests.fakes import InMemory
from tests.unit.samples import NOW
from tests.worst_bodies import full_sets, worst_body

name = sys.argv[1]
stored = full_sets("h1", NOW) if name == "full slots" else {}
for count in (1, 2):
    place = InMemory(NOW)
    place.world.sets.stored.update(stored)
    bodies = [worst_body(name, "h1", NOW, number=number) for number in range(count)]
    place.send(bodies)
    summary = drain(place.ports, DrainConfig(timezone="UTC"), now=NOW, remaining_s=lambda: 300.0)
    assert summary.conserved and place.is_empty(), summary
    print(json.dumps({
        "peak_mb": peak_mb(),
        "kept": sum(len(line) for _, line in place.world.rejects.lines), "sent": sum(map(len, bodies)),
        **summary.as_dict(),
    }))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a program by itself is known on Linux")
@pytest.mark.parametrize("name", WORST)
def test_the_worst_bodies_take_no_more_memory_than_the_function_has(name: str) -> None:
    """One at a time, then two."""
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", DRAIN, name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2_000:]
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    for count, limit_mb, answer in zip((1, 2), (LIMIT_MB, TWO_LIMIT_MB), answers, strict=True):
        assert answer["peak_mb"] < limit_mb
        assert answer["kept"] < 8 * answer["sent"]
        assert answer["readings"]["received"] >= 60 * count
