"""Which declarations and attachments count as evidence of a type, and which do not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from audits.models import ForeignEvidence
from governance.case import Case
from governance.declarable import KINDS, Kind
from governance.declared import dated
from governance.evidence_types import EVIDENCE_TYPES
from governance.models import Declaration


@dataclass(frozen=True)
class Found:
    """One piece of evidence: when it was handed in, from which day its age counts,
    what it says. `refused` is why it does not count, though it is there."""

    name: str
    at: datetime
    on: date
    by: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    role: str = ""
    declared: bool = True
    verdict: str = ""
    dataset: UUID | None = None
    person: UUID | None = None
    refused: str = ""


def found(case: Case, kind: str, *, attachments: bool = True) -> list[Found]:
    """Everything of a type about a case, the newest first.

    Without `attachments` those are left out that only say what they are: but one with
    a failed outcome always speaks.
    """
    rows = [_declared(case, row) for row in case.held.declarations.get(kind, ())]
    for row in case.held.attachments.get(kind, ()):
        if attachments or row.outcome == ForeignEvidence.Outcome.FAILED:
            rows.append(_attached(case, row))
    return sorted(rows, key=lambda item: item.at, reverse=True)


def _declared(case: Case, row: Declaration) -> Found:
    kind: Kind | None = KINDS.get(row.kind)
    refused = ""
    if row.valid_until is not None and row.valid_until < case.at.date():
        refused = _("It was valid until %(day)s.") % {
            "day": row.valid_until.isoformat()
        }
    elif _own_work(case, row.kind, row.made_by_id):
        refused = _("%(name)s has a hand in the version and cannot vouch for it.") % {
            "name": row.made_by.printed_name
        }
    return Found(
        name=_("declared by %(name)s") % {"name": row.made_by.printed_name},
        at=row.made_at,
        on=dated(row),
        by=str(row.made_by_id),
        fields=row.fields,
        role=row.role,
        verdict=row.fields.get(kind.verdict, "") if kind and kind.verdict else "",
        dataset=row.dataset_id,
        person=row.person_id,
        refused=refused,
    )


def _attached(case: Case, row: ForeignEvidence) -> Found:
    refused = ""
    if row.signer is not None and row.signer.revoked_at is not None:
        refused = _("Its signer %(name)s was revoked.") % {"name": row.signer.name}
    elif row.signer is None and _own_work(case, row.kind, row.attached_by_id):
        refused = _("Who attached it has a hand in the version.")
    elif row.signer is not None and _own_work(
        case, row.kind, row.signer.registered_by_id
    ):
        refused = _("Who registered its signer has a hand in the version.")
    return Found(
        name=_("“%(title)s” by %(maker)s")
        % {"title": row.title, "maker": row.produced_by},
        at=row.attached_at,
        on=row.produced_on,
        by=str(row.attached_by_id),
        declared=False,
        verdict=row.outcome,
        refused=refused,
    )


def _own_work(case: Case, kind: str, person: UUID) -> bool:
    """Nobody vouches for what they build or own (decisions.md 3.4, rule 16)."""
    known = EVIDENCE_TYPES.get(kind)
    return bool(known and known.independent) and str(person) in case.around.hands
