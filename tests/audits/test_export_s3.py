"""S3 with object lock as destination, against moto.

Moto refuses a second PUT under If-None-Match and the deletion of a locked version. It
cannot show what only a real service enforces: that retention cannot be shortened by
anybody, two PUTs at the same instant, and how a network fails.
"""

import sys

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from audits.export import s3
from audits.export.destination import (
    DestinationBroken,
    DestinationFailed,
    FileDiffers,
    latest,
)
from audits.export.export import open_at
from audits.export.layout import manifest_path
from audits.export.step import write_step
from tests.audits.exported import Entries, Story, findings, signed

BODIES = Story().entries(700)


@pytest.fixture
def client(monkeypatch):
    """Offer a client, and the environment in which the export finds the same."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("s3")


@pytest.fixture
def bucket(client, request):
    """Offer a bucket with object lock."""
    name = f"worm-{abs(hash(request.node.nodeid)):x}"
    client.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    return name


@pytest.fixture
def place(bucket):
    """Offer the destination in that bucket."""
    destination = s3.open_at(f"s3://{bucket}/bank/log/", retain_days=30)
    destination.begin()
    return destination


def _export(place, *sizes):
    last = latest(place)
    for size in sizes:
        last = write_step(place, Entries(BODIES), last, signed(BODIES[:size]))
        place.point(last.checkpoint.encode())
    return last


def test_an_export_to_s3_holds_when_it_is_fetched(client, bucket, place, tmp_path):
    assert place.name == f"s3://{bucket}/bank/log"
    assert latest(place) is None
    _export(place, 300)
    assert _export(place, 700) == latest(place)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    for item in (item for page in pages for item in page["Contents"]):
        path = tmp_path / item["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, item["Key"], str(path))
    assert findings(tmp_path / "bank/log") == []


def test_every_object_is_locked_and_carries_its_digest(client, bucket, place):
    _export(place, 5)
    for item in client.list_objects_v2(Bucket=bucket)["Contents"]:
        head = client.head_object(
            Bucket=bucket, Key=item["Key"], ChecksumMode="ENABLED"
        )
        assert head["ObjectLockMode"] == "COMPLIANCE"
        kept = head["ObjectLockRetainUntilDate"] - head["LastModified"]
        assert kept.days in (29, 30)
        assert head["ChecksumSHA256"]


def test_a_second_put_is_refused_and_a_locked_version_cannot_go(client, bucket, place):
    place.put("a", b"one")
    place.put("a", b"one")
    with pytest.raises(FileDiffers, match="a is in s3"):
        place.put("a", b"two")
    with pytest.raises(FileDiffers):
        place.put("a", b"longer")
    versions = client.list_object_versions(Bucket=bucket)["Versions"]
    (version,) = [item["VersionId"] for item in versions]
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=bucket, Key="bank/log/a", VersionId=version)
    assert place.read("a", most=3) == b"one"


def test_a_manifest_behind_a_delete_marker_stops_the_export(client, bucket, place):
    _export(place, 5, 300)
    client.delete_object(Bucket=bucket, Key=f"bank/log/{manifest_path(2)}")
    with pytest.raises(DestinationBroken, match="hidden by a delete marker"):
        latest(place)


def test_a_manifest_with_a_second_version_stops_the_export(client, bucket, place):
    _export(place, 5)
    client.put_object(Bucket=bucket, Key=f"bank/log/{manifest_path(1)}", Body=b"{}")
    with pytest.raises(DestinationBroken, match="second version"):
        latest(place)


def test_a_bucket_without_object_lock_is_refused(client, place):
    client.create_bucket(
        Bucket="plain",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    with pytest.raises(DestinationFailed, match="object lock"):
        s3.open_at("s3://plain/x", retain_days=1).begin()
    with pytest.raises(DestinationFailed, match="object lock"):
        s3.open_at("s3://absent/x", retain_days=1).begin()


class Failing:
    """The same destination until so many files are written; then it is gone."""

    def __init__(self, place, files: int) -> None:
        """Fail after this many files."""
        self._place, self._left = place, files

    def put(self, path: str, content: bytes) -> None:
        """Pass on, or fail."""
        if not self._left:
            raise DestinationFailed("The network is gone.")
        self._left -= 1
        self._place.put(path, content)


@pytest.mark.parametrize("files", [0, 1, 3, 7])
def test_an_export_that_stopped_half_way_goes_on(place, files):
    last = _export(place, 5)
    with pytest.raises(DestinationFailed, match="network"):
        write_step(Failing(place, files), Entries(BODIES), last, signed(BODIES))
    assert latest(place) == last
    assert _export(place, 700) == latest(place)


def test_a_name_that_is_none_is_refused(monkeypatch):
    for where in ("s3://", "s3:///x"):
        with pytest.raises(DestinationFailed, match="name a bucket"):
            open_at(where)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "nonsense")
    with pytest.raises(DestinationFailed, match="cannot be reached"):
        open_at("s3://bucket")


def test_an_unreachable_place_is_said(monkeypatch, client):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(DestinationFailed, match="Could not connect"):
        latest(open_at("s3://bucket/x"))


def test_without_boto3_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "audits.export.s3")
    with pytest.raises(DestinationFailed, match=r"install freigabe\[s3\]"):
        open_at("s3://bucket/x")
