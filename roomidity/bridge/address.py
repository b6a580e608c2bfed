"""Parses broker addresses (``mqtt://``, ``mqtts://``). One with a password is refused, as other users could see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from roomidity.errors import InputError

__all__ = ["Address"]

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_EXPECTED: Final = "expected mqtt://HOST[:PORT], or mqtts://HOST[:PORT] with TLS"


@dataclass(frozen=True)
class Address:
    """A broker's host and port, whether it uses TLS, and the user named by the address."""

    host: str
    port: int
    tls: bool
    user: str | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Returns the parsed address.

        Raises
        ------
        InputError
            If it is not a valid address, or contains a password, which the message does not repeat.

        Examples
        --------
        >>> Address.parse("mqtt://homeassistant.local")
        Address(host='homeassistant.local', port=1883, tls=False, user=None)
        >>> Address.parse("mqtts://bridge@[fd00::1]:8884")
        Address(host='fd00::1', port=8884, tls=True, user='bridge')
        """
        try:
            url = urlsplit(text)
            host, port = url.hostname, url.port
            has_password = url.password is not None
        except ValueError:  # The port or IPv6 address is invalid.
            raise InputError(f"found an address that cannot be read; {_EXPECTED}") from None
        if has_password or "@" in url.path + url.query + url.fragment:
            raise InputError(
                "the address holds a password, which everybody on this machine can see (`ps`); put it into a file and "
                "give --password-file, or set ROOMIDITY_MQTT_PASSWORD; the user may stay: mqtt://USER@HOST"
            )
        if url.scheme not in _PORTS or not host or url.path not in {"", "/"} or url.query or url.fragment:
            raise InputError(f"found the address {text!r}; {_EXPECTED}")
        if port == 0:
            raise InputError(f"found the port 0 in {text!r}; {_EXPECTED}")
        user = None if url.username is None else unquote(url.username)
        return cls(host, port or _PORTS[url.scheme], url.scheme == "mqtts", user)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"
