"""Under which name and with which keys the log was signed, from when on."""

from typing import ClassVar

from django.db import models

from registry.models.base import Fact


class Epoch(models.Model):
    """A stretch of the log under one origin; the latest row is the one in force.

    A new epoch follows a restored backup or a lost key. `former_note` is the last
    checkpoint that the former epoch is known to have signed, as its signer or somebody
    outside remembers it; `extends_former` says whether the tree still contained it.
    """

    append_only: ClassVar[bool] = True

    number = models.PositiveIntegerField(primary_key=True)
    origin = models.TextField(unique=True)
    because = models.TextField()
    former_note = models.TextField(blank=True)
    extends_former = models.BooleanField(default=True)
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"epoch {self.number}: {self.origin}"


class KeyEvent(Fact):
    """Something that happened to a public key of the log, of a witness or of the gate.

    `vkey` is the key as auditors keep it; the rows of one key tell its life.
    """

    append_only: ClassVar[bool] = True

    class Event(models.TextChoices):
        INTRODUCED = "introduced"
        RETIRING = "retiring"  # signs beside its successor until `effective_at`
        RETIRED = "retired"
        COMPROMISED = "compromised"

    vkey = models.TextField()
    event = models.CharField(max_length=12, choices=Event)
    because = models.TextField(blank=True)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["recorded_at"]

    def __str__(self) -> str:
        return f"{self.vkey.split('+', 1)[0]} {self.event}"
