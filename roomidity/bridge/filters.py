"""MQTT topic filters: checks whether they are well-formed and which topics they match."""

from __future__ import annotations

from typing import Final

__all__ = ["is_filter", "matches"]

_LONGEST_BYTES: Final = 65_535
_SHARED: Final = "$share/"


def is_filter(text: str) -> bool:
    r"""Returns whether a broker accepts ``text`` as a filter, including that of a shared subscription.

    >>> is_filter("zigbee2mqtt/#"), is_filter("+/status/+"), is_filter("$share/roomidity/shellies/#")
    (True, True, True)
    >>> is_filter(""), is_filter("a/#/b"), is_filter("a#"), is_filter("a/b+"), is_filter("$share//a")
    (False, False, False, False, False)
    """
    if text.startswith(_SHARED):
        group, slash, text = text.removeprefix(_SHARED).partition("/")
        if not group or not slash or set(group) & set("+#"):
            return False
    if not text or "\0" in text or len(text.encode(errors="replace")) > _LONGEST_BYTES:
        return False
    levels = text.split("/")
    return "#" not in "".join(levels[:-1]) and all(
        level in {"+", "#"} or not set(level) & set("+#") for level in levels
    )


def matches(asked: str, topic: str) -> bool:
    """Returns whether the filter ``asked`` matches ``topic``. A leading wildcard matches no topic that begins with $.

    >>> matches("zigbee2mqtt/#", "zigbee2mqtt/bath"), matches("zigbee2mqtt/#", "zigbee2mqtt"), matches("+/bath", "a/b")
    (True, True, False)
    >>> matches("#", "$SYS/broker/version"), matches("$share/roomidity/#", "shellies/plug")
    (False, True)
    """
    if asked.startswith(_SHARED):
        asked = asked.removeprefix(_SHARED).partition("/")[2]
    if topic.startswith("$") and asked[:1] in {"+", "#"}:
        return False
    wanted, levels = asked.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        if len(levels) < len(wanted):
            return False
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(want in {"+", level} for want, level in zip(wanted, levels, strict=True))
