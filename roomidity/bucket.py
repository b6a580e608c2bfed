"""Objects in S3: get, put, list. What they are called is decided by who writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from roomidity.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Bucket"]


class Bucket:
    """One bucket."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self.name = name

    def put(self, key: str, content: bytes, *, content_type: str) -> None:
        """Write an object, replacing what stood there."""
        self._client.put_object(Bucket=self.name, Key=key, Body=content, ContentType=content_type)

    def get(self, key: str) -> bytes:
        """An object's bytes.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        try:
            return self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in {"NoSuchKey", "404", "NoSuchBucket"}:
                raise
            raise NotFoundError(f"object s3://{self.name}/{key}", hint="see what is there with `aws s3 ls`") from error

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below ``prefix``, sorted."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield entry["Key"]
