"""A configuration of pip that names files, at each level that pip has: what an image is given of it names none."""

from __future__ import annotations

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Final

import pip
import pytest

from tests.e2e.deploy.pip_settings import add_pip_settings, pip_settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an image is built on Linux; pip's files lie there")

PEM: Final = b"-----BEGIN CERTIFICATE-----\n"

FOR_THE_NETWORK: Final = {
    "extra-index-url": "https://second.example/simple http://third.example/simple",
    "find-links": "https://wheels.example/list.html",
    "index-url": "https://first.example/simple",
    "proxy": "http://proxy.example:3128",
    "retries": "7",
    "timeout": "31",
    "trusted-host": "third.example wheels.example",
}
"""What each level's configuration says of it, besides ``cert``."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's, who has configured nothing."""
    for name in os.environ:
        if name.startswith(("PIP_", "XDG_")) or name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    """The options of a machine that keeps much on its disk."""
    folder = tmp_path / "disk"
    for name in ("wheels", "simple"):
        (folder / name).mkdir(parents=True)
    (folder / "constraints.txt").write_text("numpy<1\n")
    (folder / "authority.pem").write_bytes(PEM)
    remote = FOR_THE_NETWORK
    return remote | {
        "cache-dir": str(folder / "cache"),
        "cert": str(folder / "authority.pem"),
        "constraint": str(folder / "constraints.txt"),
        "extra-index-url": f"file://{folder}/simple\n{remote['extra-index-url']} {folder}/simple",
        "find-links": f"{folder}/wheels {remote['find-links']}",
        "no-binary": ":all:",
        "require-virtualenv": "true",
        "target": str(folder),
    }


def write(path: Path, options: dict[str, str], *, section: str = "global") -> None:
    configuration = ConfigParser(interpolation=None)
    configuration[section] = {option: value.replace("\n", "\n  ") for option, value in options.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        configuration.write(file)


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment that may be configured: this one's belongs to all tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(pip.__file__).parents[1]))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)  # noqa: S603
    return tmp_path / "venv"


@pytest.mark.parametrize(
    ("level", "section"),
    [
        ("machine", "global"),
        ("machine", "install"),
        ("person", "global"),
        ("person, of old", "global"),
        ("venv", "install"),
        ("PIP_CONFIG_FILE", "global"),
    ],
)
def test_of_each_file_what_reaches_the_index_is_carried_and_no_file_but_certificates(
    level: str,
    section: str,
    options: dict[str, str],
    venv: Path,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_this_machine = pip_settings(venv / "bin/python")
    files = {
        "machine": tmp_path / "xdg/pip/pip.conf",
        "person": home / ".config/pip/pip.conf",
        "person, of old": home / ".pip/pip.conf",
        "venv": venv / "pip.conf",
        "PIP_CONFIG_FILE": tmp_path / "own.conf",
    }
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "xdg"))
    if level == "PIP_CONFIG_FILE":
        monkeypatch.setenv("PIP_CONFIG_FILE", str(files[level]))
    write(files[level], options, section=section)
    wanted = FOR_THE_NETWORK | {"cert": options["cert"]}
    if level == "machine" and section == "global":
        wanted |= of_this_machine  # /etc/pip.conf goes before
    assert pip_settings(venv / "bin/python") == of_this_machine | wanted


def test_so_it_is_of_the_environment_which_goes_before_files(
    options: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_this_machine = pip_settings()
    write(home / ".config/pip/pip.conf", {"index-url": "https://other.example/simple", "retries": "1"})
    write(home / ".pip/pip.conf", {"timeout": "2"}, section="install")
    for option, value in options.items():
        monkeypatch.setenv(f"PIP_{option.replace('-', '_').upper()}", value)
    assert pip_settings() == of_this_machine | FOR_THE_NETWORK | {"cert": options["cert"]}


def test_an_index_that_is_a_folder_is_left_out(home: Path, tmp_path: Path) -> None:
    of_this_machine = pip_settings()
    write(home / ".config/pip/pip.conf", {"index-url": f"file://{tmp_path}", "no-index": "true"})
    assert pip_settings() == of_this_machine


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_may_come_from_the_environment(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured = "cert" in pip_settings()
    (tmp_path / "authority.pem").write_bytes(PEM)
    monkeypatch.setenv(name, str(tmp_path / "authority.pem"))
    assert (pip_settings()["cert"] == str(tmp_path / "authority.pem")) is not configured


def test_certificates_that_are_not_there_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "authority.pem"))
    assert "cert" not in pip_settings()


def test_a_proxy_may_come_from_the_environment_unless_the_index_is_reached_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://first.example/simple")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert pip_settings()["proxy"] == "http://proxy.example:3128"
    monkeypatch.setenv("no_proxy", ".example")
    assert "proxy" not in pip_settings()


def test_an_image_gets_the_settings_and_certificates_at_places_of_its_own(
    options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for option in ("cert", "find-links", "index-url"):
        monkeypatch.setenv(f"PIP_{option.replace('-', '_').upper()}", options[option])
    (tmp_path / "image").mkdir()
    add_pip_settings(tmp_path / "image")
    assert (tmp_path / "image/etc/pip-cert.pem").read_bytes() == PEM
    written: Any = ConfigParser(interpolation=None)
    written.read(tmp_path / "image/etc/pip.conf")
    assert written.sections() == ["global"]
    assert dict(written["global"]) == pip_settings() | {"cert": "/etc/pip-cert.pem"}
    assert str(tmp_path) not in (tmp_path / "image/etc/pip.conf").read_text()
