"""Export into S3 with object lock: every object is locked with its first version."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from audits.export.destination import (
    DestinationBroken,
    DestinationFailed,
    FileDiffers,
)
from audits.export.layout import POINTER, manifest_number

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError as error:  # it comes with `freigabe[s3]`
    raise DestinationFailed(
        "Exporting to S3 needs the package boto3: install freigabe[s3]."
    ) from error

_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}
_MISSING = {"NoSuchKey", "404", "NoSuchVersion"}


def open_at(where: str, *, retain_days: int) -> "Bucket":
    """Return the destination `s3://bucket/prefix`; nothing is asked of it yet.

    Address, region and credentials come from the environment, as boto3 reads them.
    """
    bucket, _, prefix = where.removeprefix("s3://").partition("/")
    if not bucket:
        raise DestinationFailed(f"{where!r} does not name a bucket.")
    with _explained(where, "reached"):
        client = boto3.client("s3", config=Config(retries={"mode": "standard"}))
    return Bucket(client, bucket, prefix.strip("/"), retain_days)


class Bucket:
    """A bucket with object lock; nothing in it can be changed before its time."""

    def __init__(self, client: Any, bucket: str, prefix: str, retain_days: int) -> None:
        """Keep objects for `retain_days` days from when they are written."""
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._retain = timedelta(days=retain_days)

    @property
    def name(self) -> str:
        """The place as s3://bucket/prefix, without a slash at the end."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def begin(self) -> None:
        """Refuse a bucket without object lock. Raises DestinationFailed."""
        with _explained(self.name, "asked for its object lock"):
            answer = self._client.get_object_lock_configuration(Bucket=self._bucket)
        state = answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled")
        if state != "Enabled":
            raise DestinationFailed(f"{self.name} has no object lock.")

    def manifest_numbers(self) -> list[int]:
        """Return the numbers of the manifests there, ascending.

        A delete marker or a second version would let a locked manifest look absent or
        different: DestinationBroken names it.
        """
        numbers: list[int] = []
        pages = self._client.get_paginator("list_object_versions")
        with _explained(self.name, "listed"):
            for page in pages.paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}exports/"
            ):
                for marker in page.get("DeleteMarkers", []):
                    raise DestinationBroken(
                        f"{marker['Key']} in {self.name} was hidden by a delete marker."
                    )
                numbers += filter(None, map(self._number, page.get("Versions", [])))
        if len(numbers) != len(set(numbers)):
            raise DestinationBroken(
                f"A manifest in {self.name} has a second version: look at the versions "
                f"below {self._prefix}exports/; the oldest of each is the true one."
            )
        return sorted(numbers)

    def read(self, path: str, *, most: int) -> bytes:
        """Return an object of at most `most` bytes."""
        with _explained(self.name, f"read ({path})", missing=path):
            answer = self._client.get_object(
                Bucket=self._bucket, Key=self._prefix + path
            )
            content: bytes = answer["Body"].read(most + 1)
        if len(content) > most:
            raise DestinationBroken(f"{path} in {self.name} is larger than {most}.")
        return content

    def put(self, path: str, content: bytes) -> None:
        """Add an object: one request with its SHA-256, refused if the key is taken."""
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        try:
            self._put(path, content, digest, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _TAKEN:
                raise _failed(self.name, f"written ({path})", error) from error
            if self.read(path, most=len(content) + 1) != content:
                raise FileDiffers(
                    f"{path} is in {self.name} already, with other content than "
                    f"SHA-256 {hashlib.sha256(content).hexdigest()}."
                ) from error
        except BotoCoreError as error:
            raise _failed(self.name, f"written ({path})", error) from error

    def point(self, content: bytes) -> bool:
        """Add a version of the object `checkpoint`; earlier versions stay locked."""
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        with _explained(self.name, "written (checkpoint)"):
            self._put(POINTER, content, digest)
        return True

    def _put(self, path: str, content: bytes, digest: str, **condition: str) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=self._prefix + path,
            Body=content,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=digest,
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=datetime.now(UTC) + self._retain,
            **condition,
        )

    def _number(self, version: dict[str, Any]) -> int | None:
        return manifest_number(str(version["Key"]).removeprefix(self._prefix))


@contextmanager
def _explained(name: str, what: str, missing: str = "") -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if missing and error.response.get("Error", {}).get("Code") in _MISSING:
            raise DestinationBroken(f"{missing} is missing in {name}.") from error
        raise _failed(name, what, error) from error
    except (BotoCoreError, ValueError) as error:
        raise _failed(name, what, error) from error


def _failed(name: str, what: str, error: Exception) -> DestinationFailed:
    return DestinationFailed(f"{name} cannot be {what}: {error}")
