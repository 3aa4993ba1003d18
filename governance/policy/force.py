"""Which packs are in force at a moment, and for whom an earlier version still is."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from governance.models import EarlyAdoption, PackEnd, PolicyPack
from governance.policy.pack import Pack
from governance.policy.parsing import parse


class NoPolicy(Exception):
    """No policy pack is in force, so nothing can pass."""


@dataclass(frozen=True)
class InForce:
    """A version of a pack that judges now.

    `grandfathered_by` is the newer version that will judge from `until` on, where an
    earlier one still does.
    """

    row: PolicyPack
    early_adoption: bool = False
    grandfathered_by: PolicyPack | None = None

    @cached_property
    def pack(self) -> Pack:
        """The pack, parsed."""
        return parse(self.row.document)

    @property
    def until(self) -> datetime | None:
        """When the newer version takes over."""
        newer = self.grandfathered_by
        return newer.grandfathered_until if newer else None

    def as_subject(self) -> dict[str, Any]:
        """How signatures and permits name it."""
        return {
            "id": str(self.row),
            "sha256": self.row.sha256,
            "early_adoption": self.early_adoption,
        }


@dataclass(frozen=True)
class Shelf:
    """All published packs, with their ends and early adoptions, as known at a moment.

    Read once and asked many times: a simulation asks for ten thousand versions.
    """

    versions: Mapping[str, Sequence[PolicyPack]]
    ends: Mapping[str, datetime | None]
    adopted: Mapping[str, bool]

    def in_force(
        self, *, at: datetime, granted_at: datetime | None = None
    ) -> tuple[InForce, ...]:
        """The packs that judge at a moment, by slug.

        With `granted_at`, for an authorisation of that moment: while a newer version
        is grandfathered, the version before it goes on judging what was granted before.
        """
        found = (self._of(slug, at, granted_at) for slug in sorted(self.versions))
        return tuple(item for item in found if item is not None)

    def _of(
        self, slug: str, at: datetime, granted_at: datetime | None
    ) -> InForce | None:
        end = self.ends.get(slug)
        newer = None
        for row in self.versions[slug]:  # newest first
            if row.effective_from > at:
                continue
            if end is not None and row.effective_from < end <= at:
                return None
            last_day = parse(row.document).effective_to
            if last_day is not None and at.date() > last_day:
                return None
            if granted_at is None or not _spares(row, at, granted_at):
                return InForce(row, self.adopted.get(slug, False), newer)
            newer = row
        return None


def _spares(row: PolicyPack, at: datetime, granted_at: datetime) -> bool:
    until = row.grandfathered_until
    return until is not None and at < until and granted_at < row.effective_from


def shelf(
    *,
    at: datetime,
    packs: Iterable[PolicyPack] | None = None,
    ended: bool = True,
    adopted: bool = True,
) -> Shelf:
    """What had been published and decided by a moment.

    `packs` stand in for the published ones, to try out others. Not `ended`, not
    `adopted`: there is known to be no end of a pack, no early adoption.
    """
    rows = _published(at) if packs is None else packs
    versions: dict[str, list[PolicyPack]] = defaultdict(list)
    for row in rows:
        versions[row.slug].append(row)
    for found in versions.values():
        found.sort(key=lambda row: (row.effective_from, row.published_at), reverse=True)
    decided = {"decided_at__lte": at, "proposed": False}
    ends = PackEnd.objects.filter(**decided).order_by("sequence")
    adoptions = EarlyAdoption.objects.filter(**decided).order_by("sequence")
    return Shelf(
        versions,
        {row.slug: row.ends_at for row in ends} if ended else {},
        {row.slug: row.adopted for row in adoptions} if adopted else {},
    )


# Texts of published packs, by the row and its digest. The database refuses to change
# them (`append_only`), and all of them are read at every question of the gate.
_texts: dict[tuple[UUID, str], str] = {}


def _published(at: datetime) -> list[PolicyPack]:
    """The packs published by a moment; each text is read once in a process."""
    rows = list(PolicyPack.objects.filter(published_at__lte=at).defer("document"))
    unread = {row.pk for row in rows if (row.pk, row.sha256) not in _texts}
    if unread:
        found = PolicyPack.objects.filter(pk__in=unread)
        for pk, sha256, text in found.values_list("pk", "sha256", "document"):
            _texts[pk, sha256] = text
    for row in rows:
        row.document = _texts[row.pk, row.sha256]
    return rows


def in_force(
    *, at: datetime, granted_at: datetime | None = None
) -> tuple[InForce, ...]:
    """The packs in force at a moment, by slug. Raises `NoPolicy` when there is none."""
    found = shelf(at=at).in_force(at=at, granted_at=granted_at)
    if not found:
        raise NoPolicy(_("No policy pack is in force."))
    return found
