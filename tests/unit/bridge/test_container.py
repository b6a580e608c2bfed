"""The bridge's container pins what its extra asks for, at the versions that are tested."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[3]


def pins(path: str) -> dict[str, str]:
    text = re.sub(r"\\\n", "", (CHECKOUT / path).read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert all("--hash=sha256:" in line for line in lines)
    return dict(re.split(r"==| ", line)[:2] for line in lines)


def test_the_container_has_what_was_tested() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["cli"], *extras["bridge"][1:]]
    assert extras["bridge"][0] == "roomidity[cli]"
    pinned, tested = pins("container/requirements-bridge.txt"), pins("scripts/requirements-dev.txt")
    assert {re.split(r"[^\w.-]", one)[0] for one in wanted} <= pinned.keys()
    assert pinned.items() <= tested.items()


def test_its_build_is_given_what_it_copies() -> None:
    copied = re.findall(r"^COPY (.*) \S+$", (CHECKOUT / "container/bridge.Dockerfile").read_text("utf-8"), re.MULTILINE)
    let_in = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"}
    assert {name for line in copied for name in line.split()} <= let_in
