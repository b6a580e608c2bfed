"""What the wheel installs: the package, typed, with its data and page, and nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest
from hatchling.build import build_wheel

CHECKOUT: Final = Path(__file__).parents[2]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ZipFile:
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.setenv("SETUPTOOLS_SCM_PRETEND_VERSION", "1.2.3")
    return ZipFile(tmp_path / build_wheel(str(tmp_path)))


def test_the_wheel_installs_the_package_alone(wheel: ZipFile) -> None:
    names = wheel.namelist()
    assert {name.partition("/")[0] for name in names} == {"roomidity", "roomidity-1.2.3.dist-info"}
    sources = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "roomidity").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources
    assert {"roomidity/py.typed", "roomidity/data/prior.npz", "roomidity/page/index.html"} <= set(names)
    assert wheel.read("roomidity-1.2.3.dist-info/entry_points.txt").split() == [
        b"[console_scripts]",
        b"roomidity",
        b"=",
        b"roomidity.cli:main",
    ]


def test_the_image_has_the_handlers_that_the_wheel_has_not() -> None:
    dockerfile = (CHECKOUT / "container/Dockerfile").read_text("utf-8")
    assert "COPY handlers /package/handlers\n" in dockerfile
    assert "!handlers\n" in (CHECKOUT / ".dockerignore").read_text("utf-8")
