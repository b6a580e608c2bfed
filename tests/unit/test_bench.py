"""scripts/bench: what a row says of its numbers, and in which form."""

from __future__ import annotations

import json
from argparse import Namespace

import pytest

from scripts.tools import bench


@pytest.mark.parametrize(
    ("value", "ratio", "aim", "at_least", "holds"),
    [
        (9.0, 2.0, 2.6, False, True),
        (1.0, 2.7, 2.6, False, False),
        (1.7, None, 1.7, False, True),
        (1.8, None, 1.7, False, False),
        (1.0, 6.0, 6.0, True, True),
        (9.0, 5.9, 6.0, True, False),
        (9.0, 5.9, None, False, None),
    ],
)
def test_an_aim_is_of_the_ratio_where_there_is_one_else_of_the_value(
    value: float, ratio: float | None, aim: float | None, at_least: bool, holds: bool | None
) -> None:
    assert bench.row("a", value, "ms", ratio=ratio, aim=aim, at_least=at_least).holds is holds


def test_json_is_rows_of_the_contract_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def part(arguments: Namespace) -> list[bench.Row]:
        return [bench.row("part", 1.5, "ms", beside=("another", 0.5), ratio=3.0, aim=float(arguments.rounds))]

    monkeypatch.setattr(bench, "PARTS", {"frames": part})
    monkeypatch.setattr("sys.argv", ["bench", "--json", "--rounds", "2", "--only", "frames"])
    bench.main()
    said = capsys.readouterr()
    (row,) = json.loads(said.out)["rows"]
    assert list(row) == ["name", "value", "unit", "beside", "ratio", "aim", "holds"]
    assert list(row.values()) == ["part", 1.5, "ms", "another: 0.5 ms", 3.0, 2.0, False]
    assert "MISSES" in said.err
