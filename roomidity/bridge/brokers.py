"""What a broker's answers reveal about losing messages, and what no client can see of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from roomidity.bridge.ports import Linked

__all__ = ["DROPPED", "SESSION_S", "UNSEEN", "VERSION", "dangers"]

SESSION_S: Final = 7 * 86_400
"""How long the broker is asked to keep the session, and the messages for it, while the bridge is away, in s."""

VERSION: Final = "$SYS/broker/version"
DROPPED: Final = "$SYS/broker/publish/messages/dropped"
"""Where Mosquitto publishes its version, and how many messages it has dropped because a client's queue was full."""

UNSEEN: Final = (
    "No client can see how much the broker keeps for a bridge that is away. For Mosquitto set in mosquitto.conf: "
    "`persistence true` (else a restart forgets all), `max_queued_messages 100000` (else 1,000, and the newest go), "
    "`queue_qos0_messages true` (else what devices publish at QoS 0, as most do, is not kept)."
)


def dangers(linked: Linked, granted: Mapping[str, int | str]) -> list[str]:
    """Returns warnings about answers of the broker that imply lost messages, each with a remedy."""
    found = []
    if linked.maximum_qos < 1:
        found.append(
            "The broker takes no QoS above 0: nothing is acknowledged, so what is under way when the bridge or its "
            "network fails is lost. Use a broker with QoS 1."
        )
    if linked.expiry_s is not None and linked.expiry_s < SESSION_S:
        found.append(
            f"The broker keeps the session for {_span(linked.expiry_s)}, not for the {_span(SESSION_S)} that were "
            "asked for: what it holds for a bridge that is away for longer is lost. Raise its limit (Mosquitto: "
            "persistent_client_expiration; EMQX: session_expiry_interval)."
        )
    lower = [name for name, qos in granted.items() if qos == 0]
    if lower and linked.maximum_qos >= 1:
        found.append(
            f"The broker grants {', '.join(lower)} at QoS 0 only: what is published while the bridge is away is lost. "
            "Look at its access rules for this user."
        )
    return found


def _span(seconds: int) -> str:
    """Returns a duration in its largest whole unit.

    >>> _span(604_800), _span(7_200), _span(90), _span(0)
    ('7 days', '2 hours', '90 s', '0 s')
    """
    for name, unit in (("days", 86_400), ("hours", 3_600)):
        if seconds >= 2 * unit and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
