"""The AWS IoT rule of a stage that has one."""

from __future__ import annotations

from collections.abc import Iterator

from roomidity.doctor.findings import Finding
from roomidity.doctor.ports import DoctorPorts

__all__ = ["iot_rule"]


def iot_rule(ports: DoctorPorts) -> Iterator[Finding]:
    """Yields whether the rule queues what is published. Yields nothing if there is none or it may not be queried.

    By default a stage has no rule, so the caller does not need the permission iot:GetTopicRule.
    """
    name = f"{ports.prefix}-readings".replace("-", "_")
    try:
        enabled = ports.account.iot_rule(name)
    except Exception:  # noqa: BLE001  # of a rule that is not there AWS says that it may not be asked for
        return
    expected = "one that is switched on"
    mend = f"switch it on: aws iot enable-topic-rule --rule-name {name}; what was published meanwhile is lost"
    yield Finding("iot rule", "ok", name) if enabled else Finding("iot rule", "wrong", f"{name}, off", expected, mend)
