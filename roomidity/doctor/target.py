"""Which endpoint answers, and whether it accepts the credentials. Without an answer nothing further can be known."""

from __future__ import annotations

from roomidity.doctor.findings import Finding
from roomidity.doctor.ports import DoctorPorts
from roomidity.domain.stage import REMEDIES, Trouble

__all__ = ["identity", "target"]


def target(ports: DoctorPorts) -> Finding:
    """Returns where calls go, and whether this target is possible."""
    account = ports.account
    try:
        regions = account.regions()
        known = account.region in regions
        found = f"{ports.prefix} at {account.endpoint}, region {account.region}"
    except Exception as error:  # noqa: BLE001  # whatever a configuration makes botocore raise is a finding
        trouble = ports.trouble_of(error)
        if trouble.kind == "region":
            return _no_region(account.region)
        if trouble.kind == "credentials":
            return _not_known(trouble)
        mend = (
            "AWS_ENDPOINT_URL is for the local engine: export the lines that `roomidity up` prints, or unset it for AWS"
        )
        return Finding("target", "wrong", trouble.said, "a URL such as http://127.0.0.1:4566, or none", mend)
    if not known and not account.is_emulator:
        return _no_region(account.region)
    return Finding("target", "ok", found)


def _no_region(region: str) -> Finding:
    return Finding("target", "wrong", f"region {region!r}", "a region of AWS, such as eu-central-1", REMEDIES["region"])


def _not_known(trouble: Trouble) -> Finding:
    return Finding("credentials", "wrong", trouble.said, "credentials that AWS accepts", trouble.mend)


def identity(ports: DoctorPorts) -> Finding:
    """Returns the identity of the caller."""
    try:
        found = ports.account.identity()
    except Exception as error:  # noqa: BLE001  # see above
        trouble = ports.trouble_of(error)
        if trouble.kind in {"credentials", "clock"}:
            return _not_known(trouble)
        if trouble.kind in {"endpoint", "region"}:
            mend = (
                "is the local engine running (`roomidity up`), and are its lines exported?"
                if ports.account.is_emulator
                else "check the network, and AWS_REGION; for the local engine set AWS_ENDPOINT_URL"
            )
            return Finding("endpoint", "wrong", trouble.said, f"an answer from {ports.account.endpoint}", mend)
        return Finding("credentials", "unknown", trouble.said, "to be told who we are", "may they call STS?")
    return Finding("credentials", "ok", found)
