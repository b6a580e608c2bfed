"""A house's models as they are exported: all that is known of them, and their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roomidity.aws.bucket import Bucket
from roomidity.aws.registry.objects import ModelObjects
from roomidity.aws.registry.registry import Registry
from roomidity.domain.slots import format_moment

__all__ = ["ExportedModels"]


class ExportedModels:
    """Read access to all models of a house, for exports."""

    def __init__(self, registry: Registry, bucket: Bucket) -> None:
        self._registry = registry
        self._objects = ModelObjects(bucket)

    def records_of(self, house: str) -> dict[str, Any]:
        """Returns all that is known of a house's models, as plain values."""
        served = [
            {"version": one.version, "since": format_moment(one.since), "why": one.why}
            for one in self._registry.served(house)
        ]
        return {
            "champion": self._registry.pointer(house).points_to,
            "versions": self._registry.manifests(house),
            "served": served,
        }

    def objects_of(self, house: str) -> Iterator[tuple[str, bytes]]:
        """Returns an iterator over a house's present objects, as (path below the house, bytes)."""
        return self._objects.contents(house)
