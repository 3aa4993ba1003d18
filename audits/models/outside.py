"""What others keep of the log: cosignatures, time stamps, exports, deliveries.

They are not captured: a cosignature of the log would otherwise grow the log,
which would need a cosignature.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from registry.models.base import Fact


class Cosignature(models.Model):
    """A witness's signature line under a checkpoint (C2SP tlog-cosignature)."""

    append_only: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    tree_size = models.BigIntegerField()
    witness = models.TextField()
    line = models.TextField()
    stamped_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tree_size", "witness"], name="witness_cosigns_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.witness} on {self.tree_size} leaves"


class TimeStamp(models.Model):
    """An RFC 3161 token over the SHA-256 of a checkpoint's note."""

    append_only: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    tree_size = models.BigIntegerField()
    authority = models.TextField()
    token = models.BinaryField()
    stamped_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.authority} on {self.tree_size} leaves"


class Export(models.Model):
    """One finished step of the export to write-once storage; manifests are linked."""

    append_only: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    destination = models.TextField()
    number = models.PositiveIntegerField()
    tree_size = models.BigIntegerField()
    manifest_sha256 = models.CharField(max_length=64)
    exported_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "number"], name="export_step_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.destination} up to {self.tree_size} leaves"


class Delivery(models.Model):
    """A checkpoint that was handed to somebody outside, by mail or webhook."""

    append_only: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    channel = models.CharField(max_length=10)
    recipient = models.TextField()
    tree_size = models.BigIntegerField()
    delivered_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.tree_size} leaves to {self.recipient}"


class Contradiction(Fact):
    """What a witness remembers of this log and this database does not have.

    Unlike its neighbours here it is captured: it is a fact about us.
    """

    append_only: ClassVar[bool] = True

    witness = models.TextField()
    tree_size = models.BigIntegerField()
    what = models.TextField()
    noticed_at = models.DateTimeField()

    class Meta:
        ordering = ["-noticed_at"]

    def __str__(self) -> str:
        return f"{self.witness} against {self.tree_size} leaves"


class WitnessedLog(models.Model):
    """The latest checkpoint of another log that we cosigned as its witness."""

    append_only: ClassVar[bool] = False

    origin = models.TextField(primary_key=True)
    tree_size = models.BigIntegerField()
    root_hash = models.BinaryField()
    note = models.TextField()
    cosigned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tree_size__gte=0), name="witnessed_size_is_no_debt"
            )
        ]

    def __str__(self) -> str:
        return f"{self.origin} at {self.tree_size} leaves"
