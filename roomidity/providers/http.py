"""A single HTTP request to a server that is not trusted, bounded in time and size."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import urllib3

from roomidity.errors import ConfigurationError, ProviderError

__all__ = ["Asker", "check_url"]

logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # at DEBUG it would log the query with the key in it

_CONNECT_S: Final = 3.0
_READ_S: Final = 5.0
"""Timeouts for connecting, and between any two parts of an answer."""

_ANSWER_S: Final = 15.0
"""Limit for a whole answer, however slowly it arrives."""

_LARGEST: Final = 1_000_000
"""Maximum bytes of an answer. 49 hours of two quantities take 2 KB, a week of all quantities about 300 KB."""

_CHUNK: Final = 65_536
_LONGEST_WAIT_S: Final = 60.0

_PASSING: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses of transient errors, after which a retry may succeed."""


def check_url(url: str, *, has_key: bool) -> str:
    """Returns ``url`` if it is valid: HTTPS, or without a key also HTTP, for a server of the user's own.

    Raises
    ------
    ConfigurationError
        If it is not.
    """
    expected = "https://HOST/PATH without query, user or password" + ("" if has_key else ", or http://")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError("ROOMIDITY_WEATHER_URL", found="an address that is none", expected=expected) from error
    schemes = {"https"} if has_key else {"https", "http"}
    if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        found = f"{parts.scheme}://{parts.hostname}{f':{port}' if port else ''}{parts.path}"  # no secret parts
        raise ConfigurationError("ROOMIDITY_WEATHER_URL", found=found, expected=expected)
    return url


@dataclass(frozen=True)
class Asker:
    """Sends requests to one address and never follows a redirection.

    Parameters
    ----------
    agent
        The User-Agent.
    clock
        Monotonic clock in seconds.
    answer_s, read_s
        Limits in seconds for a whole answer, and between any two parts of it.
    """

    url: str
    agent: str
    clock: Callable[[], float] = time.monotonic
    answer_s: float = _ANSWER_S
    read_s: float = _READ_S

    def get(self, query: Mapping[str, str]) -> bytes:
        """Returns the body of the answer to ``query``.

        Raises
        ------
        ProviderError
            If the answer is late, too large, or has a status other than 200. The error never quotes the query, which
            may contain a key.
        """
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=self.read_s)
        begin = self.clock()
        try:
            with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
                response = pool.request(
                    "GET",
                    f"{self.url}?{urlencode(query)}",
                    headers={"User-Agent": self.agent, "Accept": "application/json", "Accept-Encoding": "identity"},
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
                try:
                    return self._read(response, begin)
                finally:
                    response.close()
        except ProviderError:
            raise
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            kind = type(error).__name__  # its text may quote the query
            raise ProviderError(f"no answer came ({kind})", is_passing=True) from None

    def _read(self, response: urllib3.BaseHTTPResponse, begin: float) -> bytes:
        status = response.status
        if 300 <= status < 400:
            raise ProviderError(f"it answered {status}, a redirection, which is not followed")
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > _LARGEST:
                raise ProviderError(f"its answer is larger than {_LARGEST:,} bytes")
            if self.clock() - begin > self.answer_s:
                raise ProviderError(f"its answer was not all there after {self.answer_s:g} s", is_passing=True)
        if status != 200:
            wait_s = _seconds(response.headers.get("Retry-After"))
            raise ProviderError(f"it answered {status}", is_passing=status in _PASSING, wait_s=wait_s, body=bytes(body))
        return bytes(body)


def _seconds(text: str | None) -> float | None:
    """Returns the seconds to wait according to Retry-After, or None if it is missing or a date."""
    return min(float(text), _LONGEST_WAIT_S) if text and text.isdecimal() and len(text) < 9 else None
