"""Completion: each shell gets a script, and bash completes commands and options by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity

BASH = shutil.which("bash")
TRIED = """
eval "$(roomidity completion bash)"
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_roomidity_completion roomidity
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("shell", "holds"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --no-files")]
)
def test_each_shell_gets_its_script(shell: str, holds: str) -> None:
    plain = CliRunner().invoke(roomidity, ["completion", shell])
    assert (plain.exit_code, holds in plain.stdout) == (0, True)
    answer = json.loads(CliRunner().invoke(roomidity, ["completion", shell, "--json"]).stdout)
    assert answer == {"shell": shell, "script": plain.stdout.removesuffix("\n")}
    assert CliRunner().invoke(roomidity, ["completion", "cmd"]).exit_code == 2


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "completed"),
    [("roomidity quar", ["quarantine"]), ("roomidity models history h1 --a", ["--at"])],
)
def test_bash_completes(words: str, completed: list[str]) -> None:
    programs = Path(sys.executable).parent
    done = subprocess.run(  # noqa: S603  # the text above
        [str(BASH), "-c", TRIED.format(words=words)],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == completed
