"""What CI installs with, `.ci/apt-get`, while another program holds a lock of apt's; not on this machine's own apt."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.engine import CHECKOUT

pytestmark = pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt-get is Debian's")

FOLDERS: Final = ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "repository")


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    """All that apt has, in a folder: no package is installed, and a repository offers none."""
    for name in FOLDERS:
        (tmp_path / name).mkdir(parents=True)
    for name in ("state/status", "state/lists/lock", "repository/Packages"):
        (tmp_path / name).touch()
    (tmp_path / "etc/sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/repository ./\n")
    (tmp_path / "apt.conf").write_text(
        f'Dir "{tmp_path}"; Dir::State "state"; Dir::State::status "{tmp_path}/state/status";\n'
        'Dir::Cache "cache"; Dir::Etc "etc";\n'
    )
    return tmp_path


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """As another apt holds it."""
    with lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def start(apt: Path, *arguments: str, wait_s: int = 60) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # our own script
        [CHECKOUT / ".ci/apt-get", *arguments],
        env={**os.environ, "APT_CONFIG": str(apt / "apt.conf"), "APT_WAIT_S": str(wait_s), "LANG": "de_DE.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_waits_for_the_lock_of_the_lists_and_says_so(apt: Path) -> None:
    with held(apt / "state/lists/lock"):
        process = start(apt, "update")
        assert process.stderr is not None
        assert "Could not get lock" in process.stderr.readline()
        assert process.stderr.readline() == "Waiting for it, up to 60 s.\n"
        assert not list((apt / "state/lists").glob("*Packages"))
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert list((apt / "state/lists").glob("*Packages"))


def test_it_does_not_wait_for_ever(apt: Path) -> None:
    with held(apt / "state/lists/lock"):
        process = start(apt, "update", wait_s=1)
        assert "Could not get lock" in process.communicate(timeout=60)[1]
    assert process.returncode == 100


def test_it_does_not_wait_where_no_lock_is_the_matter(apt: Path) -> None:
    process = start(apt, "install", "--yes", "no-such-package", wait_s=600)
    assert "Unable to locate package no-such-package" in process.communicate(timeout=60)[1]
    assert process.returncode == 100
