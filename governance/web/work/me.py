"""For whom the work is, and what a piece of work is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from django.db.models import QuerySet
from django.utils.functional import Promise

from governance import roles
from governance.web import worklist
from registry.models import RegisteredModel, Role, User


@dataclass(frozen=True)
class Me:
    """One person at a moment, the roles that they hold, and those in which they may
    sign: their own, and those lent to them."""

    user: User
    held: frozenset[Role]
    at: datetime
    signs_as: frozenset[Role]

    @classmethod
    def of(cls, user: User, held: frozenset[Role], at: datetime) -> Self:
        """This person, with what was lent to them by then."""
        return cls(user, held, at, worklist.signing_roles(user, held, at))

    @property
    def today(self) -> date:
        """The day in UTC, in which deadlines are told."""
        return self.at.date()

    def may(self, right: str) -> bool:
        """Whether one of their roles has the right."""
        return self.user.is_active and bool(self.held & roles.RIGHTS[right])


@dataclass(frozen=True)
class Item:
    """One thing to do, or one that somebody else has: where, until when, and why."""

    name: str
    href: str
    text: str
    model: RegisteredModel | None = None
    due: date | None = None
    since: datetime | None = None
    because: str = ""
    tier: int | None = None
    stands: bool = True


@dataclass(frozen=True)
class Kind:
    """A kind of work: its rows for somebody (None where it never concerns them), and
    how one is told."""

    key: str
    title: str | Promise
    rows: Callable[[Me], QuerySet[Any] | None]
    told: Callable[[Me, Iterable[Any]], Iterable[Item]]
