"""The registry: models in the bucket; in the table ``models`` their manifests, the champion, and who served when."""

from __future__ import annotations

from roomidity.aws.registry.records import ModelTable
from roomidity.aws.registry.registry import Registry

__all__ = ["ModelTable", "Registry"]
