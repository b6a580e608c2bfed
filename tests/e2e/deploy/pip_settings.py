"""What pip needs to reach its index, out of this machine's configuration: for an image, which has none of its files.

A configuration may also name constraints, folders of wheels, or an index on this machine's disk. An image is built
without them, as it is elsewhere: all that it installs is pinned, by hash.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["add_pip_settings", "pip_settings"]

_LEVELS: Final = ("global", "install", ":env:")
"""Where ``pip install`` finds an option; the last goes before. Files of machine, person and venv are merged by pip."""

_AS_THEY_ARE: Final = ("trusted-host", "proxy", "timeout", "default-timeout", "retries")
_ADDRESSES: Final = ("index-url", "extra-index-url", "find-links")
"""Each may be a file or folder as well."""

_CERTIFICATES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The environment's, for a pip that is told of none."""


def pip_settings(python: str | Path = sys.executable) -> dict[str, str]:
    """The options by which ``pip install`` reaches its index over the network. Files that they name exist."""
    listed = subprocess.run(  # noqa: S603  # our own Python
        [python, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, text=True, check=True
    )
    lines = [re.fullmatch(r"([^=]+)\.([^=.]+)=(.+)", line) for line in listed.stdout.splitlines()]
    named = sorted((_LEVELS.index(line[1]), line[2], line[3]) for line in lines if line and line[1] in _LEVELS)
    options = {option: str(ast.literal_eval(value)) for _, option, value in named}

    found = {option: options[option] for option in _AS_THEY_ARE if options.get(option)}
    for option in _ADDRESSES:
        words = options.get(option, "").split()
        found[option] = " ".join(word for word in words if urlsplit(word).scheme in {"http", "https"})
    index = urlsplit(found["index-url"] or "https:")
    if "proxy" not in found and not proxy_bypass(index.hostname or ""):
        found["proxy"] = getproxies().get(index.scheme, "")
    certificates = [options.get("cert"), *map(os.environ.get, _CERTIFICATES)]
    files = {"cert": next(filter(None, certificates), None), "client-cert": options.get("client-cert")}
    for option, name in files.items():
        if name and (path := Path(name).expanduser().resolve()).is_file():
            found[option] = str(path)
    return {option: value for option, value in found.items() if value}


def add_pip_settings(root: Path) -> None:
    """Give an image, whose files are made in ``root``, this machine's ``pip_settings`` and the certificates in them."""
    settings = pip_settings()
    folder = root / "etc"
    folder.mkdir(exist_ok=True)
    for option in {"cert", "client-cert"} & settings.keys():
        (folder / f"pip-{option}.pem").write_bytes(Path(settings[option]).read_bytes())
        settings[option] = f"/etc/pip-{option}.pem"
    configuration = ConfigParser(interpolation=None)
    configuration["global"] = settings
    with (folder / "pip.conf").open("w") as file:
        configuration.write(file)
