"""The review after an emergency, and how often the glass was broken."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from governance import records, roles, signatures
from governance.emergencies.confirming import quarter_of
from governance.emergencies.standing import lock
from governance.emergencies.statements import sign
from governance.emergencies.terms import (
    Meaning,
    NotPossible,
    SameHand,
    involved,
    require_other_human,
)
from governance.models import Emergency, EmergencyAuthorisation, EmergencyReview
from registry.models import User


@dataclass(frozen=True)
class Judgement:
    """What the reviewer found."""

    justified: bool
    root_cause: str
    corrective_action: str
    policy_feedback: str = ""


@signatures.signed_act
def review(
    *,
    emergency: Emergency,
    judgement: Judgement,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> EmergencyReview:
    """Review an emergency afterwards, as somebody who had no part in it; signed.

    Raises `NotAllowed`, `SameHand`, `NotPossible`, `records.Refused`,
    `WrongPassword`, `LockedOut`.
    """
    locked = lock(emergency)
    require_reviewer(locked, by=by)
    errors = {
        name: [_("This field is needed.")]
        for name in ("root_cause", "corrective_action")
        if not getattr(judgement, name).strip()
    }
    if errors:
        raise records.Refused(errors)
    row = EmergencyReview(
        emergency=locked,
        justified=judgement.justified,
        root_cause=judgement.root_cause,
        corrective_action=judgement.corrective_action,
        policy_feedback=judgement.policy_feedback,
        reviewed_by=by,
        reviewed_at=at,
    )
    records.insert(row, {"__all__": [_("This emergency was reviewed already.")]})
    verdict = _("justified") if judgement.justified else _("not justified")
    comment = f"{verdict}. {judgement.root_cause} {judgement.corrective_action}"
    what = "have reviewed the emergency"
    sign(locked, what, Meaning.REVIEW, proof, by, at, comment=comment)
    return row


def require_reviewer(emergency: Emergency, *, by: User) -> None:
    """Refuse whoever may not review it (decisions.md 3.4, 9). Raises as `review`."""
    roles.require(
        by,
        "review an emergency",
        model=emergency.version.model,
        environment=emergency.environment,
    )
    roles.require_person(by)
    hands = involved(emergency)
    if str(by.pk) in hands:
        raise SameHand(
            _("%(name)s %(what)s and cannot review it.")
            % {"name": by.printed_name, "what": hands[str(by.pk)]}
        )
    require_other_human(emergency, by)
    if not hasattr(emergency, "authorisation"):
        raise NotPossible(_("This emergency was never confirmed: nothing ran."))
    if hasattr(emergency, "review"):
        raise NotPossible(_("This emergency was reviewed already."))


def statistics(at: datetime) -> list[dict[str, object]]:
    """How often the glass was broken in the quarter of a moment, per model."""
    rows = (
        EmergencyAuthorisation.objects.filter(
            valid_from__gte=quarter_of(at), valid_from__lte=at
        )
        .values("emergency__version__model__slug", "emergency__version__model__name")
        .annotate(
            count=Count("pk"),
            reviewed=Count("emergency__review"),
            unjustified=Count(
                "emergency__review", filter=Q(emergency__review__justified=False)
            ),
        )
        .order_by("-count", "emergency__version__model__name")
    )
    return [
        {
            "model": row["emergency__version__model__slug"],
            "name": row["emergency__version__model__name"],
            **{name: row[name] for name in ("count", "reviewed", "unjustified")},
        }
        for row in rows
    ]
