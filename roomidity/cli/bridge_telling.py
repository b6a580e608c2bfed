"""How the bridge's other connections reach the broker, and the thread that tells Home Assistant what the API says."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from roomidity import __version__
from roomidity.bridge.address import Address

__all__ = ["Reach", "announcing", "stepping"]

logger: Final = logging.getLogger("roomidity.bridge")

_STEP_S: Final = 1.0
_LEAVE_S: Final = 5.0


@contextmanager
def stepping(name: str, step: Callable[[], None], *, failed: str) -> Iterator[None]:
    """Within it, a thread calls ``step`` every second. What it raises is logged as ``failed``, and ends nothing."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(_STEP_S):
            try:
                step()
            except Exception:
                logger.exception("%s", failed)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(_LEAVE_S)


@dataclass(frozen=True)
class Reach:
    """Where the broker is, and as whom to reach it."""

    address: Address
    user: str | None
    password: str | None = field(repr=False)
    files: Mapping[str, Path | None]

    def options(self) -> dict[str, Any]:
        """Returns the credentials and the TLS context, for a client of the broker."""
        from roomidity.bridge.mqtt import Credentials, tls_context  # noqa: PLC0415  # paho is an extra

        tls = tls_context(**self.files) if self.address.tls else None
        return {"credentials": Credentials(self.user, self.password), "tls": tls}


@contextmanager
def announcing(
    reach: Reach,
    session: str,
    house: str,
    api: str | None,
    token_file: Path | None,
    *,
    offer: Callable[[Mapping[str, Any]], None] | None = None,
) -> Iterator[None]:
    """Within it, a thread tells Home Assistant what the API says, if there is an API; it ends with it.

    ``offer`` is called with the advice.
    """
    if api is None or token_file is None:
        yield
        return
    from roomidity.bridge.announcing import Announcer  # noqa: PLC0415  # as paho, for who asks for it
    from roomidity.bridge.discovery import OFFLINE, status_topic  # noqa: PLC0415
    from roomidity.bridge.publishing import MqttPublisher  # noqa: PLC0415
    from roomidity.bridge.reading_api import ApiReader  # noqa: PLC0415

    will = (status_topic(house), OFFLINE)
    publisher = MqttPublisher(reach.address, client_id=session, will=will, **reach.options())
    announcer = Announcer(
        house,
        ApiReader(api, token_file),
        publisher,
        random.Random(),  # noqa: S311  # so that houses do not all ask at once
        lambda: datetime.now(UTC),
        version=__version__,
        advised=offer,
    )
    failed = "Home Assistant could not be told what is forecast; tried again"
    try:
        with stepping("announcing", announcer.step, failed=failed):
            yield
    finally:
        announcer.leave()
        publisher.close()
