"""The columns that every variant stores."""

import uuid
from decimal import Decimal

from django.db import models
from django.utils import timezone


class Row(models.Model):
    """What every variant stores: an inventory row of a bank, about 600 bytes."""

    code = models.CharField(max_length=40)
    name = models.CharField(max_length=100)
    status = models.CharField(max_length=20, default="in_review")
    risk_tier = models.SmallIntegerField(default=2)
    owner_email = models.EmailField(default="anna.berger@bank.example")
    description = models.TextField(default="Scores applications for a loan. " * 8)
    threshold = models.DecimalField(
        max_digits=12, decimal_places=6, default=Decimal("0.350000")
    )
    active = models.BooleanField(default=True)
    facts = models.JSONField(default=dict)
    reference = models.UUIDField(default=uuid.uuid4)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True
