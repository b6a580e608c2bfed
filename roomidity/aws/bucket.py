"""Objects in S3: get, put, list and delete them, including old versions in a versioned bucket.

Callers choose the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from roomidity.aws.silence import Silence
from roomidity.errors import NotFoundError, StoreError

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client

__all__ = ["Bucket", "ObjectVersion"]

_UNVERSIONED: Final = "null"
"""The version that S3 gives for an object in a bucket without versioning."""


@dataclass(frozen=True)
class ObjectVersion:
    """A current or former version of an object. ``is_marker`` is true for a delete marker, which has no content."""

    key: str
    version: str
    is_latest: bool
    is_marker: bool


class Bucket:
    """One bucket. The client is made at the first call, since most drains have nothing to reject.

    If a ``clock`` (monotonic seconds) is given, no object is read for a while after S3 failed to respond.
    """

    def __init__(self, connect: Callable[[], S3Client], name: str, *, clock: Callable[[], float] | None = None) -> None:
        self._connect = connect
        self._silence = Silence(clock) if clock is not None else None
        self.name = name

    @cached_property
    def _client(self) -> S3Client:
        return self._connect()

    def put(self, key: str, content: bytes, *, content_type: str) -> str:
        """Write an object, replacing any existing one. Returns its version."""
        answer = self._client.put_object(Bucket=self.name, Key=key, Body=content, ContentType=content_type)
        return answer.get("VersionId", _UNVERSIONED)

    def get(self, key: str) -> bytes:
        """Returns an object's bytes.

        Raises
        ------
        NotFoundError
            If it does not exist.
        StoreError
            If it cannot be read.
        """
        if self._silence is not None and self._silence.holds:
            raise StoreError(f"object s3://{self.name}/{key} is not asked for: S3 gave no answer in the last minute")
        try:
            return self._open(key, None).read()
        except (BotoCoreError, ClientError) as error:
            if self._silence is not None:
                self._silence.learn(error)
            raise StoreError(f"object s3://{self.name}/{key} cannot be read: {error}") from error

    def lines(self, key: str, *, version: str | None = None) -> Iterator[bytes]:
        """Returns an iterator over the lines of an object, read on demand, in the given ``version`` or the current one.

        Raises
        ------
        NotFoundError
            If it does not exist.
        """
        return self._open(key, version).iter_lines()

    def keys(self, prefix: str) -> Iterator[str]:
        """Yields the keys below ``prefix``, sorted."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"]

    def folders(self, prefix: str) -> Iterator[str]:
        """Yields the names between ``prefix`` and the next slash of the keys below it, sorted."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, Delimiter="/")
        for page in pages:
            for entry in page.get("CommonPrefixes", []):
                yield entry["Prefix"].removeprefix(prefix).rstrip("/")

    def delete(self, key: str) -> None:
        """Delete an object if it exists. A versioned bucket keeps its former content for a while."""
        self._client.delete_object(Bucket=self.name, Key=key)

    def versions(self, prefix: str) -> Iterator[list[ObjectVersion]]:
        """Yields all versions of the objects below ``prefix``, in pages of up to a thousand."""
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix):
            kinds = ((page.get("Versions", []), False), (page.get("DeleteMarkers", []), True))
            yield [
                ObjectVersion(entry["Key"], entry["VersionId"], entry["IsLatest"], is_marker)
                for entries, is_marker in kinds
                for entry in entries
            ]

    def erase(self, versions: Sequence[ObjectVersion]) -> None:
        """Permanently delete up to a thousand versions.

        Raises
        ------
        StoreError
            If some could not be deleted.
        """
        if not versions:
            return
        named = [{"Key": one.key, "VersionId": one.version} for one in versions]
        answer = self._client.delete_objects(Bucket=self.name, Delete={"Objects": named, "Quiet": True})  # type: ignore[typeddict-item]  # as the service takes it
        errors = answer.get("Errors", [])
        if errors:
            raise StoreError(
                f"bucket {self.name!r} did not delete {len(errors)} objects, such as {errors[0].get('Key')}: "
                f"{errors[0].get('Message')}; it takes s3:DeleteObjectVersion"
            )

    def _open(self, key: str, version: str | None) -> StreamingBody:
        try:
            if version is None:
                return self._client.get_object(Bucket=self.name, Key=key)["Body"]
            return self._client.get_object(Bucket=self.name, Key=key, VersionId=version)["Body"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in {"NoSuchKey", "404", "NoSuchBucket", "NoSuchVersion"}:
                raise
            raise NotFoundError(f"object s3://{self.name}/{key}", hint="see what is there with `aws s3 ls`") from error
