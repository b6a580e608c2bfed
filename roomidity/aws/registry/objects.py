"""Models and states as objects in the bucket, whose bytes are verified before they are parsed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from roomidity.aws.bucket import Bucket
from roomidity.aws.registry.cache import ByteCache, held_bytes
from roomidity.domain.models import sha256_of
from roomidity.errors import ModelRefusedError, ModelUnreadableError, NotFoundError, StoreError
from roomidity.forecasting import Model, State

__all__ = ["MODEL_BYTES", "STATE_BYTES", "ModelObjects"]

_NPZ: Final = "application/octet-stream"

MODEL_BYTES: Final = 512 * 2**20
STATE_BYTES: Final = 256 * 2**20
"""What a warm function keeps, of its 1,769 MB: 400 houses of 8 rooms, with 1.3 and 0.5 MB each. Models and states are
cached separately, because a state changes every night.
"""


_Key = tuple[str, str]
"""House and version."""


class ModelObjects:
    """The objects of models, by house and version."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._models = ByteCache[_Key, Model](MODEL_BYTES, held_bytes)
        self._states = ByteCache[_Key, State](STATE_BYTES, held_bytes)

    def model(self, house: str, version: str, sha256: str) -> Model:
        """Returns a model, which is read only once.

        Raises
        ------
        ModelRefusedError
            If its bytes are not those that were registered.
        ModelUnreadableError
            If they cannot be read now.
        """
        return self._models.get((house, version), sha256, lambda: self._load_model(house, version, sha256))

    def state(self, house: str, version: str, sha256: str) -> State:
        """Returns a state of a model, which is read only once. Raises the same errors as :meth:`model`."""
        return self._states.get((house, version), sha256, lambda: self._load_state(house, version, sha256))

    def put_model(self, house: str, version: str, content: bytes) -> None:
        """Write a model's bytes."""
        self._bucket.put(_model_key(house, version), content, content_type=_NPZ)

    def put_state(self, house: str, version: str, content: bytes) -> str:
        """Write a state's bytes. Returns their checksum."""
        sha256 = sha256_of(content)
        self._bucket.put(_state_key(house, version, sha256), content, content_type=_NPZ)
        return sha256

    def delete_state(self, house: str, version: str, sha256: str) -> None:
        """Delete a state."""
        self._bucket.delete(_state_key(house, version, sha256))

    def by_version(self, house: str) -> dict[str, list[str]]:
        """Returns the keys of a house's objects, by version."""
        prefix = _house_prefix(house)
        keys: dict[str, list[str]] = {}
        for key in self._bucket.keys(prefix):
            keys.setdefault(key.removeprefix(prefix).partition("/")[0], []).append(key)
        return keys

    def contents(self, house: str) -> Iterator[tuple[str, bytes]]:
        """Yields a house's present objects, as (path below the house, bytes)."""
        prefix = _house_prefix(house)
        for key in self._bucket.keys(prefix):
            yield key.removeprefix(prefix), self._bucket.get(key)

    def delete(self, keys: list[str]) -> None:
        """Delete objects by their keys."""
        for key in keys:
            self._bucket.delete(key)

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete a house's objects with all their versions. Yields the number deleted, page by page."""
        for page in self._bucket.versions(_house_prefix(house)):
            if not dry_run:
                self._bucket.erase(page)
            yield len(page)

    def _load_model(self, house: str, version: str, sha256: str) -> Model:
        return Model.from_bytes(self._verified(_model_key(house, version), version, sha256), version)

    def _load_state(self, house: str, version: str, sha256: str) -> State:
        return State.from_bytes(self._verified(_state_key(house, version, sha256), version, sha256), version)

    def _verified(self, key: str, version: str, sha256: str) -> bytes:
        try:
            content = self._bucket.get(key)
        except NotFoundError as error:
            raise ModelRefusedError(version, found="nothing", expected=f"an object at {key}") from error
        except StoreError as error:
            raise ModelUnreadableError(version, why=str(error)) from error
        found = sha256_of(content)
        if found != sha256:
            raise ModelRefusedError(version, found=f"sha256 {found}", expected=sha256)
        return content


def _house_prefix(house: str) -> str:
    return f"models/{house}/"


def _model_key(house: str, version: str) -> str:
    return f"{_house_prefix(house)}{version}/model.npz"


def _state_key(house: str, version: str, sha256: str) -> str:
    return f"{_house_prefix(house)}{version}/state-{sha256[:8]}.npz"
