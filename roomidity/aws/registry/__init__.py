"""The model registry.

Models are in the bucket. The table ``models`` has their manifests, the champion, and the log of which model served
when.
"""

from __future__ import annotations

from roomidity.aws.registry.records import ModelTable
from roomidity.aws.registry.registry import Registry

__all__ = ["ModelTable", "Registry"]
