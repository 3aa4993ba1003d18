"""Changes of the database's own definitions: they can silence the log."""

from typing import ClassVar

from django.db import models


class SchemaChange(models.Model):
    """One DDL command, recorded by an event trigger whoever gave it."""

    append_only: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    command = models.TextField()
    kind = models.TextField()
    identity = models.TextField()
    role = models.TextField()
    happened_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.command} {self.identity} by {self.role}"


class CatalogState(models.Model):
    """The triggers, functions, owners and rights that guard the log, as they stood.

    A row is written whenever they differ from the row before.
    """

    append_only: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    sha256 = models.CharField(max_length=64)
    lines = models.TextField()
    added = models.TextField(blank=True)
    removed = models.TextField(blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"catalog {self.sha256[:8]}"
