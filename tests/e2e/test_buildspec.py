"""CodeBuild's way: what the buildspec says, and the branch way and the release really run, but for what takes long."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.conftest import CHECKOUT

SPEC: Final = yaml.safe_load((CHECKOUT / "container/buildspec.yml").read_text())
COMMANDS: Final = [(phase, command) for phase, content in SPEC["phases"].items() for command in content["commands"]]
OF_TAGS: Final = re.compile(r'^test -z "\$VERSION" \|\| ')
TOOLS: Final = {"aws", "bash", "docker", "echo", "npx", "test"}
"""What CodeBuild's image has; all else is in this repository, or made by a command before."""


def words(command: str) -> list[str]:
    """The program of each part of a command, without the variables that are set for it."""
    inner = re.sub(r"'[^']*'", "''", OF_TAGS.sub("", command))
    parts = re.split(r"\|\||&&|\||\$\(", inner)
    stripped = (re.sub(r'^(?:[A-Z_]+="?[^\s"]*"?\s+)+', "", part.strip()) for part in parts)
    return [part.split()[0] for part in stripped if part and not re.match(r"[A-Z_]+=", part)]


def run(*arguments: str, status: int = 0) -> list[dict[str, Any]]:
    """What scripts/run-buildspec says of each command."""
    if shutil.which("node") is None or not (CHECKOUT / "node_modules").exists():
        pytest.skip("the local engine needs Node.js and the Serverless CLI")
    done = subprocess.run(  # noqa: S603  # our own script
        [CHECKOUT / "scripts/run-buildspec", "--dry", "--json", *arguments],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] == (status == 0)
    found: list[dict[str, Any]] = answer["commands"]
    return found


def test_the_phases_and_that_a_failure_ends_them() -> None:
    assert SPEC["version"] == 0.2
    assert list(SPEC["phases"]) == ["install", "pre_build", "build", "post_build"]
    for content in SPEC["phases"].values():
        assert content["on-failure"] == "ABORT"
    assert SPEC["phases"]["install"]["runtime-versions"] == {"python": "3.13", "nodejs": 22}


@pytest.mark.parametrize("command", [command for _, command in COMMANDS])
def test_a_command_is_shell_and_what_it_calls_exists(command: str) -> None:
    subprocess.run(["bash", "-n", "-c", command], check=True)  # noqa: S603, S607  # reads it, runs nothing
    for program in words(command):
        if program.startswith((".venv/", ".roomidity/publish/")):
            assert program.endswith("/python")
        elif program not in TOOLS:
            assert (CHECKOUT / program).stat().st_mode & 0o111, f"{program} is no program of this repository"
    for path in re.findall(r"(?:container|scripts)/[\w.-]+", command):
        assert (CHECKOUT / path).exists()


def test_a_branch_publishes_and_deploys_nothing() -> None:
    """Every command that leaves the machine is one of tags alone, and stands after the tests."""
    leaves = re.compile(r"codeartifact|twine upload|docker (login|push)|serverless deploy|create-repository")
    before_tests = True
    for _, command in COMMANDS:
        if leaves.search(command):
            assert OF_TAGS.match(command), command
            assert not before_tests
        before_tests &= command != "scripts/test"
    assert not before_tests, "nothing is tested"


def test_a_release_has_each_step_in_its_order() -> None:
    steps = [
        "pip wheel",
        "docker build",
        "codeartifact login",
        "twine upload",
        "docker push",
        "serverless deploy",
        "doctor",
    ]
    places = [next(n for n, (_, command) in enumerate(COMMANDS) if step in command) for step in steps]
    assert places == sorted(places)
    (deploy,) = (command for _, command in COMMANDS if "serverless deploy" in command)
    assert '--param "image=$IMAGE"' in deploy, "what was tested is what is deployed"


@pytest.mark.parametrize(
    ("trigger", "version", "status"),
    [
        ("tag/v1.2.3", "1.2.3", 0),
        ("tag/v1.2.3rc1", "1.2.3rc1", 0),
        ("branch/main", "", 0),
        ("branch/v1.2.3", "", 0),
        ("pr/17", "", 0),
        ("tag/nightly", "", 0),
        ("", "", 0),
        ("tag/v1.2", "", 1),
        ("tag/v1.2.3; rm -rf /", "", 1),
    ],
)
def test_the_version_of_a_trigger(trigger: str, version: str, status: int) -> None:
    done = subprocess.run(  # noqa: S603  # our own script
        [CHECKOUT / "container/version-of-tag", trigger], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == (version, status)
    assert ("expected vMAJOR.MINOR.PATCH" in done.stderr) == (status == 1)


def test_the_branch_way_runs() -> None:
    ran = run("--branch", "some/branch")
    assert [(one["phase"], one["command"]) for one in ran] == COMMANDS
    assert {one["status"] for one in ran} == {0, None}
    assert [one["command"] for one in ran if one["status"] is None] == [
        command
        for _, command in COMMANDS
        if not OF_TAGS.match(command) and re.search("set_up|scripts/test|npx", command)
    ]
    assert all("--dry" in one["skipped"] for one in ran if one["status"] is None)


def test_the_release_way_runs_as_far_as_it_goes() -> None:
    ran = run("--tag", "v1.2.3")
    skipped = {one["command"]: one["skipped"] for one in ran if one["status"] is None}
    assert {one["status"] for one in ran} == {0, None}
    assert next(why for command, why in skipped.items() if "codeartifact login" in command) == (
        "the local engine has no CodeArtifact"
    )
    assert "--dry" in next(why for command, why in skipped.items() if "serverless deploy" in command)
    assert all(skipped.values())
    assert ran[-1]["command"].endswith("roomidity doctor")
    assert ran[-1]["status"] == 0


def test_until_ends_after_a_phase() -> None:
    assert {one["phase"] for one in run("--until", "pre_build")} == {"install", "pre_build"}


def test_a_failure_ends_it_and_variables_go_on(tmp_path: Path) -> None:
    path = tmp_path / "buildspec.yml"
    phases = {
        "install": {"commands": ["A=1", "B=$A$A", "false", "echo never"]},  # no ABORT: the next phase runs
        "build": {"on-failure": "ABORT", "commands": ['test "$B" = 11', "exit 7", "echo never"]},
        "post_build": {"commands": ["echo never"]},
    }
    path.write_text(yaml.safe_dump({"version": 0.2, "phases": phases}))
    ran = run("--file", str(path), status=1)
    assert [(one["command"], one["status"]) for one in ran] == [
        ("A=1", 0),
        ("B=$A$A", 0),
        ("false", 1),
        ('test "$B" = 11', 0),
        ("exit 7", 7),
    ]


def test_what_is_no_buildspec_is_said(tmp_path: Path) -> None:
    path = tmp_path / "buildspec.yml"
    path.write_text("phases: {deploy: {commands: [echo]}}")
    done = subprocess.run(  # noqa: S603  # our own script
        [CHECKOUT / "scripts/run-buildspec", "--file", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "found phases ['deploy']; expected some of install" in done.stderr
