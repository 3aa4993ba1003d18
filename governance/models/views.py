"""Views of the portfolio that people keep for themselves."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from registry.models import User
from registry.models.base import Fact


class SavedView(Fact):
    """A filter, order and choice of columns that a person keeps under a name.

    `query` is the query of the page's address. A view that was dropped stays, as all
    that people did, and is shown no more.
    """

    log_personal: ClassVar[tuple[str, ...]] = ("name", "query")

    person = models.ForeignKey(User, models.PROTECT, related_name="saved_views")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=1000, blank=True)
    kept_at = models.DateTimeField()
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "name"],
                condition=Q(dropped_at=None),
                name="view_named_once",
            )
        ]

    def __str__(self) -> str:
        return self.name
