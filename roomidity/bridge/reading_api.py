"""Reads a house's data from the API with its token, using ETags and limits on time and size."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from roomidity.errors import BridgeError, InputError

__all__ = ["ApiReader", "check_api_url"]

_TIMEOUT_S: Final = 20.0
_MAX_BYTES: Final = 8_000_000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_api_url(text: str) -> str:
    """Returns the address without a trailing slash.

    Raises
    ------
    InputError
        If it is not a valid address, or would send the token over the network unencrypted.
    """
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError:
        url, host = urlsplit(""), None
    if url.scheme not in {"http", "https"} or not host or url.query or url.fragment or "@" in url.netloc:
        raise InputError(f"found the API's address {text!r:.100}; expected one such as https://example.com")
    if url.scheme == "http" and host not in _LOOPBACK:
        raise InputError(f"{text!r:.100} would carry the token unencrypted; expected https, or this machine")
    return text.rstrip("/")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses all redirects, because the token is meant for one host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Returns None, which turns the redirect into an error."""
        return


class ApiReader:
    """The API of one stage, read with the token in a file.

    The file is read each time, so that a token can be renewed while the bridge runs.
    """

    def __init__(self, url: str, token_file: Path) -> None:
        self._url = url
        self._token_file = token_file
        self._opener = urllib.request.build_opener(_NoRedirects())
        self._kept: dict[str, tuple[str, dict[str, Any]]] = {}

    def read(self, path: str) -> dict[str, Any]:
        """Returns the answer, which is the previous one if nothing has changed.

        Raises
        ------
        BridgeError
            If there is no token, no usable answer, or a refusal.
        """
        headers = {"Authorization": f"Bearer {self._token()}", "Accept-Encoding": "gzip"}
        etag, kept = self._kept.get(path, ("", {}))
        if etag:
            headers["If-None-Match"] = etag
        request = urllib.request.Request(f"{self._url}{path}", headers=headers)  # noqa: S310  # checked: http or https
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                body = answer.read(_MAX_BYTES + 1)
                if answer.headers.get("Content-Encoding") == "gzip":
                    with gzip.GzipFile(fileobj=BytesIO(body)) as plain:
                        body = plain.read(_MAX_BYTES + 1)
                etag = answer.headers.get("ETag", "")
        except urllib.error.HTTPError as error:
            with error:
                if error.code == HTTPStatus.NOT_MODIFIED and kept:
                    return kept
                raise BridgeError(self._refusal(error.code)) from None
        except (OSError, EOFError) as error:
            raise BridgeError(f"{self._url} cannot be read: {getattr(error, 'reason', None) or error}") from error
        try:
            content = json.loads(body) if len(body) <= _MAX_BYTES else None
        except ValueError:
            content = None
        if not isinstance(content, dict) or "house" not in content:
            raise BridgeError(f"{self._url}{path} answers something else; is it the address of roomidity's API?")
        self._kept[path] = (etag, content)
        return content

    def _token(self) -> str:
        try:
            token = self._token_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BridgeError(f"{self._token_file} cannot be read: {error}") from error
        if not token.startswith("rm1.") or any(one.isspace() for one in token) or not token.isascii():
            raise BridgeError(f"{self._token_file} holds no token; expected what `roomidity token add HOUSE` prints")
        return token

    def _refusal(self, code: int) -> str:
        if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return f"the API does not accept the token of {self._token_file} ({code}): add one by roomidity token add"
        if code == HTTPStatus.NOT_FOUND:
            return f"{self._url} knows no such house or address (404); it appears with its first reading"
        return f"{self._url} answers {code}"
