"""Periodic reviews and revalidations: when they fall due, and their signed end."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from governance import persons, records, risk, roles, separation, signatures
from governance.models import PeriodicReview, RecordSignature
from registry.digests import sha256_of_json
from registry.models import RegisteredModel, Role, User

Kind = PeriodicReview.Kind
Outcome = PeriodicReview.Outcome
RECORD = "periodicreview"
# Product defaults (SR 26-2 prescribes no cycle): days between two of them, by tier.
REVIEW_DAYS = {1: 182, 2: 365, 3: 548, 4: 730}
REVALIDATION_DAYS = {1: 365, 2: 730, 3: 1095, 4: 1460}
_RIGHT = {Kind.REVIEW: "review models", Kind.REVALIDATION: "revalidate models"}


@dataclass(frozen=True)
class Due:
    """A review that a model needs, and since or until when."""

    model: RegisteredModel
    kind: PeriodicReview.Kind
    tier: int
    due_on: date
    last: PeriodicReview | None

    def overdue(self, at: datetime) -> bool:
        """Whether its day has passed (in UTC)."""
        return self.due_on < at.date()


def due(model: RegisteredModel, kind: PeriodicReview.Kind, at: datetime) -> Due:
    """When the next one is due: by the tier of today, so that a higher tier is sooner.

    A model that was never reviewed counts from its registration.
    """
    rows = model.periodic_reviews.filter(kind=kind, reviewed_at__lte=at)
    last = rows.order_by("-reviewed_at").first()
    return _due(model, kind, risk.standing_of(model, at).tier, last)


def _due(
    model: RegisteredModel,
    kind: PeriodicReview.Kind,
    tier: int,
    last: PeriodicReview | None,
) -> Due:
    days = (REVIEW_DAYS if kind == Kind.REVIEW else REVALIDATION_DAYS)[tier]
    since = last.reviewed_at if last else model.registered_at
    due_on = (since + timedelta(days=days)).date()
    return Due(
        model, kind, tier, min(due_on, last.next_due_on) if last else due_on, last
    )


def due_list(at: datetime) -> list[Due]:
    """What is due of every model, the most urgent first, in a few queries."""
    models = list(RegisteredModel.objects.select_related("owner", "validator"))
    standings = risk.standings(models, at)
    rows = PeriodicReview.objects.filter(reviewed_at__lte=at)
    newest = rows.order_by("model_id", "kind", "-reviewed_at")
    last = {(r.model_id, r.kind): r for r in newest.distinct("model_id", "kind")}
    found = [
        _due(model, kind, standings[model.pk].tier, last.get((model.pk, kind)))
        for model in models
        for kind in Kind
    ]
    return sorted(found, key=lambda one: (one.due_on, one.model.name))


@signatures.signed_act
def complete(
    *,
    model: RegisteredModel,
    kind: PeriodicReview.Kind,
    outcome: PeriodicReview.Outcome,
    text: str,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> PeriodicReview:
    """Sign a review or revalidation, as somebody who did not build the model.

    Raises `NotAllowed`, `records.Refused`, `WrongPassword`, `LockedOut`.
    """
    roles.require(by, _RIGHT[kind], model=model)
    roles.require_person(by)
    tier = risk.standing_of(model, at).tier
    _refuse_hands(model, by, unknown_is_one=tier == 1)
    if not text.strip():
        raise records.Refused({"text": [_("Say what was looked at and found.")]})
    days = (REVIEW_DAYS if kind == Kind.REVIEW else REVALIDATION_DAYS)[tier]
    row = PeriodicReview(
        model=model,
        kind=kind,
        outcome=outcome,
        text=text.strip(),
        next_due_on=(at + timedelta(days=days)).date(),
        reviewed_by=by,
        reviewed_at=at,
    )
    row.subject_sha256 = sha256_of_json(
        {
            "model": model.slug,
            "versions": sorted(model.versions.values_list("sha256", flat=True)),
            "kind": str(kind),
            "outcome": str(outcome),
            "text": row.text,
            "tier": tier,
            "next_due_on": row.next_due_on.isoformat(),
        }
    )
    row.save(force_insert=True)
    held = roles.roles_of(by) & roles.RIGHTS[_RIGHT[kind]]
    role = Role(sorted(held)[0])
    signatures.sign_record(
        record_type=RECORD,
        record_id=row.pk,
        subject_sha256=row.subject_sha256,
        statement=statement(row, by=by, role=role),
        role=role,
        meaning=RecordSignature.Meaning.REVIEW,
        comment=row.text,
        proof=proof,
        by=by,
        at=at,
    )
    return row


def _refuse_hands(model: RegisteredModel, by: User, *, unknown_is_one: bool) -> None:
    """Refuse who owned or built it, also by another account (decisions.md 3.4, 12)."""
    hands = {str(model.owner_id), str(model.developer_id)}
    for version in model.versions.all():
        hands |= set(separation.hands_in(version))
    twin = persons.twin_of_ids(by, hands, unknown_is_one=unknown_is_one)
    if str(by.pk) in hands or twin is not None:
        raise roles.NotAllowed(
            _("%(name)s had a hand in this model and does not review it.")
            % {"name": by.printed_name}
        )


def statement(row: PeriodicReview, *, by: User, role: Role) -> str:
    """The sentence that the reviewer signs."""
    return _(
        "I, %(name)s, acting as %(role)s, have done the %(kind)s of %(model)s: "
        "%(outcome)s. The next is due on %(day)s. Bound by the record %(digest)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "kind": Kind(row.kind).label,
        "model": row.model.name,
        "outcome": Outcome(row.outcome).label,
        "day": row.next_due_on.isoformat(),
        "digest": row.subject_sha256,
    }
