"""Cellars in the closed loop, and advice told of real readings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from roomidity.errors import InputError
from scripts.tools.closed_loop import main
from scripts.tools.closing import cellars
from scripts.tools.closing.told import tell


def test_machines_dry_cellars_and_never_run_while_they_are_vented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cellars, "LEAD_DAYS", 3)
    steps: list[int] = []
    start = datetime(2026, 7, 1, tzinfo=UTC)
    found = cellars.run_cellars(
        3, seed=2, start=start, days=2, zone=UTC, progress=lambda done, of: steps.append(done)
    )  # fmt: skip
    assert steps == list(range(5 * 288))
    assert (found["none"].kwh == 0).all()
    assert (found["none"].vented_h == 0).all()
    assert (found["hygrostat 65"].risk_h < found["none"].risk_h).any()
    assert (found["hygrostat 65"].kwh > 0).all()
    for one in found.values():
        assert (one.vented_h + one.kwh / (cellars.POWER_W / 1000) <= 720 + 1e-6).all()
    assert (found["hygrostat 68.5"].kwh <= found["hygrostat 65"].kwh).all()
    paid = found["tariff"].eur / found["tariff"].kwh
    assert ((paid >= 0.20) & (paid <= 0.35)).all()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Eleven days of a damp bathroom and a dry hall, and the winter outside."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    slots = [start + timedelta(minutes=15 * slot) for slot in range(11 * 96)]
    hour = np.arange(len(slots)) / 4
    swing = 2 * np.sin(hour * np.pi / 12)
    rooms = [
        pl.DataFrame(
            {"house": "flat", "room": room, "ts": slots, "temperature": 20 + swing / 4, "humidity": level + swing}
        )
        for room, level in (("bathroom", 66.0), ("hall", 35.0))
    ]
    pl.concat(rooms).write_parquet(tmp_path / "flat.parquet")
    outside = pl.DataFrame({"ts": slots, "temperature": 2 + swing, "humidity": 85 - swing})
    outside.write_parquet(tmp_path / "outside.parquet")
    return tmp_path / "flat.parquet", tmp_path / "outside.parquet"


def test_advice_is_told_of_real_readings(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    readings, outdoor = files
    given = ["--replay", str(readings), "--outdoor", str(outdoor), "--days", "1", "--timezone", "UTC"]
    assert main([*given, "--until", "2026-01-15"]) == 0
    told = capsys.readouterr().out
    assert "flat, new to the prior" in told
    assert "Wednesday 14 January 2026, 06:30" in told
    assert told.count("15 min: -") == 4
    assert "hall:\n    Not today: the coldest surface stays dry enough." in told
    assert "bathroom 195 min" in told  # Of 6.5 hours, in which nothing that it does shows: half open, half resting.


def test_too_little_to_tell_of_is_said(files: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="holds too little of flat; expected 10 days or more"):
        next(tell(*files, timezone="UTC", days=1, seed=1, until=date(2026, 1, 8)))
    with pytest.raises(SystemExit, match="2"):
        main(["--replay", str(files[0])])
