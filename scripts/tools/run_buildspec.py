"""Run the commands of container/buildspec.yml as CodeBuild would, with the local engine in AWS's place.

    scripts/run-buildspec [--branch NAME | --tag NAME] [--until PHASE] [--dry] [--skip REGEX] [--file FILE] [--json]

Phase by phase and in order, in this checkout; each command is shown with its exit status and how long it took. The
first that fails ends it, where its phase says on-failure: ABORT. By default it is a push of the branch main, which
tests and deploys nothing; --tag v1.2.3 is a release.

What cannot run here is named and skipped, with the reason: CodeArtifact, which the engine has not; Docker where no
engine of it runs; the AWS command where it is not installed; and what depends on one of these. --dry also skips what
takes long (the tests, installing, building), and runs the rest; --skip skips what a pattern finds.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml
from rich.table import Table
from rich.text import Text

from roomidity.cli.output import Output, notes
from roomidity.errors import RoomidityError
from roomidity.local.engine import running

ROOT = Path(__file__).resolve().parents[2]

PHASES = ("install", "pre_build", "build", "post_build")
GUARD = re.compile(r'^test -z "\$VERSION" \|\| ')
COSTLY = re.compile(
    r"scripts/test|set_up|pip (install|wheel)|-m (venv|twine)|docker build|serverless (package|deploy)|test -f .dist/"
)
STATE = "trap 'status=$?; export -p >\"$BUILDSPEC_STATE\"; exit $status' EXIT\nset -a\n"
"""CodeBuild runs all commands in one shell. Here each has its own, and hands on its variables."""


@dataclass(frozen=True)
class Ran:
    """A command, and what became of it: its exit status, or why it was skipped."""

    phase: str
    command: str
    status: int | None
    seconds: float = 0.0
    skipped: str = ""


class Shell:
    """Where the commands run; variables that one sets are there for the next."""

    def __init__(self, environment: Mapping[str, str], folder: Path, *, dry: bool, skip: str | None) -> None:
        self._state = folder / "state"
        self._environment = {**environment, "BUILDSPEC_STATE": str(self._state)}
        self._dry = dry
        self._skip = skip
        self._lacking: set[str] = set()

    def run(self, phase: str, command: str) -> Ran:
        reason = self._reason_to_skip(command)
        if reason:
            return Ran(phase, command, None, skipped=reason)
        notes.rule(Text(command), align="left")
        begin = perf_counter()
        before = f'source "{self._state}"\n' if self._state.exists() else ""
        done = subprocess.run(
            ["bash", "-c", f"{before}{STATE}{command}"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            check=False,
        )
        return Ran(phase, command, done.returncode, round(perf_counter() - begin, 2))

    def variable(self, name: str) -> str:
        if not self._state.exists():
            return self._environment.get(name, "")
        printed = subprocess.run(
            ["bash", "-c", f'source "{self._state}"; printf %s "${{{name}:-}}"'],
            env={},
            capture_output=True,
            text=True,
            check=True,
        )
        return printed.stdout

    def _reason_to_skip(self, command: str) -> str:
        if GUARD.match(command) and not self.variable("VERSION"):
            return ""  # of a tag alone: it runs, and does nothing
        inner = GUARD.sub("", command)
        needed = set(re.findall(r"\$\{?([A-Z_]+)", inner)) & self._lacking
        reasons = (
            ("as asked", bool(self._skip and re.search(self._skip, inner))),
            ("takes long, and --dry was given", self._dry and bool(COSTLY.search(inner))),
            ("the local engine has no CodeArtifact", "codeartifact" in inner),
            (
                "the engine's registry is not found by AWS's name for it (tests/e2e/deploy does that)",
                bool(re.search(r"\bdocker (login|push)\b|imageDigest", inner)),
            ),
            ("no Docker engine answers here", "docker " in inner and not _answers("docker", "info")),
            ("the AWS command is not installed", "aws " in inner and not _answers("aws", "--version")),
            (f"{', '.join(sorted(needed))} is not known, for what sets it was skipped", bool(needed)),
        )
        reason = next((reason for reason, holds in reasons if holds), "")
        if reason:
            self._lacking |= set(re.findall(r"^([A-Z_]+)=", inner))
        return reason


def _answers(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def read(path: Path) -> dict[str, Any]:
    """The buildspec, as far as this script knows such."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise RoomidityError(f"{path}: {error}") from error
    found = list(content.get("phases", {})) if isinstance(content, dict) else []
    if not found or not set(found) <= set(PHASES):
        raise RoomidityError(f"{path}: found phases {found}; expected some of {', '.join(PHASES)}")
    return dict(content)


def run(spec: Mapping[str, Any], shell: Shell, until: str) -> list[Ran]:
    ran: list[Ran] = []
    for phase in PHASES[: PHASES.index(until) + 1]:
        content = spec["phases"].get(phase, {})
        for command in content.get("commands", []):
            ran.append(shell.run(phase, command))
            if ran[-1].status:
                if content.get("on-failure") == "ABORT":
                    return ran
                break  # CodeBuild goes on with the next phase
    return ran


def trigger_environment(branch: str, tag: str | None, spec: Mapping[str, Any]) -> dict[str, str]:
    """What CodeBuild sets, and what the buildspec does unless it is set already."""
    defaults = {name: str(value) for name, value in spec.get("env", {}).get("variables", {}).items()}
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        **defaults,
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},  # it is for this program
        "CI": "true",
        "CODEBUILD_SRC_DIR": str(ROOT),
        "CODEBUILD_WEBHOOK_TRIGGER": f"tag/{tag}" if tag else f"branch/{branch}",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": head.stdout.strip(),
    }


def table_of(ran: list[Ran]) -> Table:
    table = Table("phase", "command", "status", "s")
    for one in ran:
        status = Text(f"skipped: {one.skipped}", style="yellow") if one.status is None else Text(str(one.status))
        if one.status:
            status.stylize("bold red")
        table.add_row(one.phase, Text(one.command), status, "" if one.status is None else f"{one.seconds:.1f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="run-buildspec", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    trigger = parser.add_mutually_exclusive_group()
    trigger.add_argument("--branch", default="main", metavar="NAME", help="a push of this branch (default %(default)s)")
    trigger.add_argument("--tag", metavar="NAME", help="a push of this tag, such as v1.2.3")
    parser.add_argument("--until", choices=PHASES, default=PHASES[-1], help="the last phase (default %(default)s)")
    parser.add_argument("--dry", action="store_true", help="skip what takes long")
    parser.add_argument("--skip", metavar="REGEX", help="skip the commands in which this is found")
    parser.add_argument("--file", type=Path, default=ROOT / "container/buildspec.yml", help="another buildspec")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; tables to the other")
    arguments = parser.parse_args()
    output = Output(as_json=arguments.json)
    try:
        spec = read(arguments.file)
        environment = trigger_environment(arguments.branch, arguments.tag, spec)
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            engine = stack.enter_context(running(ROOT, Path(folder) / "engine", stage=environment.get("STAGE", "dev")))
            shell = Shell({**environment, **engine.environment}, Path(folder), dry=arguments.dry, skip=arguments.skip)
            ran = run(spec, shell, arguments.until)
    except RoomidityError as error:
        sys.exit(f"run-buildspec: {error}")
    output.tables.print(table_of(ran))
    failed = [one for one in ran if one.status]
    skipped = [one for one in ran if one.status is None]
    output.tables.print(f"{len(ran) - len(failed) - len(skipped)} ran, {len(skipped)} skipped, {len(failed)} failed")
    output.answer({"ok": not failed, "commands": [asdict(one) for one in ran]})
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
