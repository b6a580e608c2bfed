"""A stand-in for AWS's base image: Debian, the same Python at the same paths, the Runtime Interface Emulator."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

from tests.e2e.deploy.pip_settings import add_pip_settings
from tests.e2e.deploy.sandbox import Sandbox

__all__ = ["BASE_IMAGE", "architecture", "make_base_image"]

BASE_IMAGE: Final = "roomidity-base:stand-in"

_HERE: Final = Path(__file__).parent / "base"
_SUITE: Final = "trixie"
"""The Debian that has the base image's Python, 3.13."""
_PACKAGES: Final = "python3,python3-pip,python3-venv,ca-certificates,libstdc++6"


def architecture() -> str:
    """What Lambda calls this machine's."""
    return "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"


def make_base_image(inside: Sandbox, kept: Path) -> None:
    """Make ``BASE_IMAGE``; Debian and the emulator's program are fetched once and ``kept`` for the next time."""
    made_of = [_SUITE, _PACKAGES, architecture(), (_HERE / "emulator.txt").read_text()]
    folder = kept / f"base-{hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    root, emulator = folder / "root.tar", folder / "aws-lambda-rie"
    if not root.exists():
        made = inside.folder / "root.tar"
        inside.run(
            "mmdebstrap", "--quiet", "--mode=root", "--variant=essential", f"--include={_PACKAGES}", _SUITE, made
        )
        _keep(made, root)
    if not emulator.exists():
        _keep(_fetch_emulator(inside.folder), emulator)
    inside.run("docker", "import", root, "roomidity-base-root")
    context = inside.folder / "base"
    shutil.copytree(_HERE, context)
    _add(context / "context/usr/local/bin/aws-lambda-rie", emulator.read_bytes(), mode=0o755)
    _add(context / "context/tmp/requirements.txt", (_HERE / "requirements.txt").read_bytes())
    add_pip_settings(context / "context")
    inside.run("docker", "build", "--tag", BASE_IMAGE, context)


def _keep(made: Path, place: Path) -> None:
    """In one step, so that what is there is whole."""
    part = place.with_name(f"{place.name}.{os.getpid()}")
    shutil.move(made, part)
    part.replace(place)


def _fetch_emulator(folder: Path) -> Path:
    """The Runtime Interface Emulator, out of the wheel that it comes in."""
    wheels = folder / "wheels"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    subprocess.run([*pip, "-r", _HERE / "emulator.txt", "-d", wheels], check=True)  # noqa: S603  # our own Python
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        return Path(content.extract(f"samcli/local/rapid/aws-lambda-rie-{architecture()}", folder))


def _add(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
