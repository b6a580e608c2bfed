"""The registry: models as objects in the bucket, their manifests and the champion's name in the table ``models``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from roomidity.bucket import Bucket
from roomidity.errors import ModelRefusedError, NotFoundError
from roomidity.forecasting import Model, State
from roomidity.slots import format_moment
from roomidity.store.erasing import erase
from roomidity.store.tables import ModelItem

__all__ = ["Champion", "Registry"]

_POINTER: Final = "champion"
_NPZ: Final = "application/octet-stream"


_CACHED: Final = 64
"""Champions kept by a warm function, about 1 MB each."""


@dataclass(frozen=True)
class Champion:
    """The model that serves a house, its state, and what is known of them."""

    version: str
    manifest: Mapping[str, Any]
    model: Model
    state: State


class Registry:
    """Models by house and version. A version is when it was trained and what its bytes are, so it never changes."""

    def __init__(self, item: type[ModelItem], bucket: Bucket) -> None:
        self._item = item
        self._bucket = bucket
        self._load = lru_cache(maxsize=_CACHED)(self._load_verified)

    def publish(
        self, house: str, *, model: Model, state: State, manifest: Mapping[str, Any], trained_at: datetime
    ) -> str:
        """Keep a model with its first state; its version. It serves only once it is promoted."""
        content = model.to_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        version = f"{trained_at:%Y%m%dT%H%MZ}-{sha256[:8]}"
        self._bucket.put(_model_key(house, version), content, content_type=_NPZ)
        facts = {
            **manifest,
            "house": house,
            "version": version,
            "sha256": sha256,
            "bytes": len(content),
            "state_sha256": self._put_state(house, version, state),
        }
        self._item(house=house, version=version, manifest=facts).save()
        return version

    def put_state(self, house: str, version: str, state: State) -> None:
        """Replace the state of a version: the object first, then its checksum in the manifest.

        Raises
        ------
        NotFoundError
            If the registry has no such version.
        """
        manifest = {**self.manifest(house, version), "state_sha256": self._put_state(house, version, state)}
        self._item(house=house, version=version, manifest=manifest).save()

    def _put_state(self, house: str, version: str, state: State) -> str:
        content = state.to_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        self._bucket.put(_state_key(house, version, sha256), content, content_type=_NPZ)
        return sha256

    def promote(self, house: str, version: str, *, at: datetime) -> None:
        """Make ``version`` the champion from ``at`` on.

        Raises
        ------
        NotFoundError
            If the registry has no such version.
        """
        self.manifest(house, version)
        self._item(house=house, version=_POINTER, points_to=version, since=format_moment(at)).save()

    def manifest(self, house: str, version: str) -> dict[str, Any]:
        """What is known of a version.

        Raises
        ------
        NotFoundError
            If the registry has no such version.
        """
        try:
            return dict(self._item.get(house, version, consistent_read=True).manifest)
        except self._item.DoesNotExist as error:
            raise NotFoundError(
                f"model {version} of house {house!r}", hint=f"list them with `roomidity models {house}`"
            ) from error

    def manifests(self, house: str) -> list[dict[str, Any]]:
        """What is known of every version, oldest first."""
        return [dict(item.manifest) for item in self._item.query(house) if item.version != _POINTER]

    def champion_version(self, house: str) -> str | None:
        """The name of the model that serves, or None while the house has none of its own."""
        try:
            return self._item.get(house, _POINTER).points_to
        except self._item.DoesNotExist:
            return None

    def champion(self, house: str) -> Champion | None:
        """The model that serves, or None; loaded once per version of model and state.

        Raises
        ------
        ModelRefusedError
            If its bytes are not those that were registered, or are not there.
        """
        version = self.champion_version(house)
        if version is None:
            return None
        manifest = self.manifest(house, version)
        model, state = self._load(house, version, manifest["sha256"], manifest["state_sha256"])
        return Champion(version=version, manifest=manifest, model=model, state=state)

    def erase(self, house: str) -> Iterator[int]:
        """Delete a house's manifests and its pointer; how many, some at a time. From then on the prior serves it."""
        return erase(self._item, house)

    def erase_objects(self, house: str) -> Iterator[int]:
        """Delete a house's objects, with what a versioned bucket keeps of them; how many, some at a time."""
        for page in self._bucket.versions(_house_prefix(house)):
            self._bucket.erase(page)
            yield len(page)

    def _load_verified(self, house: str, version: str, sha256: str, state_sha256: str) -> tuple[Model, State]:
        model = self._verified(_model_key(house, version), version, sha256)
        state = self._verified(_state_key(house, version, state_sha256), version, state_sha256)
        return Model.from_bytes(model, version), State.from_bytes(state, version)

    def _verified(self, key: str, version: str, sha256: str) -> bytes:
        try:
            content = self._bucket.get(key)
        except NotFoundError as error:
            raise ModelRefusedError(version, found="nothing", expected=f"an object at {key}") from error
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise ModelRefusedError(version, found=f"sha256 {found}", expected=sha256)
        return content


def _house_prefix(house: str) -> str:
    return f"models/{house}/"


def _model_key(house: str, version: str) -> str:
    return f"{_house_prefix(house)}{version}/model.npz"


def _state_key(house: str, version: str, sha256: str) -> str:
    return f"{_house_prefix(house)}{version}/state-{sha256[:8]}.npz"
