"""How a person wants the pages to be."""

from typing import ClassVar

from django.db import models

from registry.models import User
from registry.models.base import Fact


class Preference(Fact):
    """The language and the time zone in which a person reads the pages.

    Empty means the browser's language, and UTC. What is signed is in UTC whatever
    stands here.
    """

    append_only: ClassVar[bool] = False

    person = models.OneToOneField(User, models.PROTECT, related_name="preference")
    language = models.CharField(max_length=10, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.person}: {self.language}, {self.time_zone}"
