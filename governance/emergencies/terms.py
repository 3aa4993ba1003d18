"""How long an emergency may last, when its review is due, and who may not act."""

from datetime import datetime, time, timedelta
from typing import Any

from django.utils.translation import gettext as _

from governance import persons
from governance.models import Emergency, EmergencyAuthorisation, RecordSignature
from registry.digests import sha256_of_json
from registry.models import RegisteredModel, Role, User

RECORD = "emergency"
Meaning = RecordSignature.Meaning
# decisions.md 3.8: tiers 1 and 2 a day, others three; two persons for tiers 1 and 2.
HOURS = {1: 24, 2: 24, 3: 72, 4: 72}
SECOND_PERSON_TIERS = (1, 2)
CONFIRM_WITHIN = timedelta(hours=4)
REVIEW_WORKING_DAYS = 5
MOST_PER_QUARTER = 2
TOLD = (Role.RISK_MANAGER, Role.COMPLIANCE, Role.EXECUTIVE, Role.AUDITOR)


class NotPossible(Exception):
    """The glass cannot be broken here, or this step cannot follow now."""


class SameHand(Exception):
    """Invoking, confirming and reviewing are done by different people."""


def longest(tier: int) -> timedelta:
    """How long an emergency of a tier lasts at most, without its extension."""
    return timedelta(hours=HOURS[tier])


def ends_at(authorisation: EmergencyAuthorisation) -> datetime:
    """When it ends: as given or extended, or sooner because somebody ended it, or
    because its review is overdue or found no justification."""
    emergency = authorisation.emergency
    end = authorisation.valid_until
    if hasattr(emergency, "extension"):
        end = emergency.extension.valid_until
    if hasattr(emergency, "ending"):
        end = min(end, emergency.ending.ended_at)
    if not hasattr(emergency, "review"):
        end = min(end, review_due_at(authorisation))
    elif not emergency.review.justified:
        end = min(end, emergency.review.reviewed_at)
    return end


def review_due_at(authorisation: EmergencyAuthorisation) -> datetime:
    """The end of the fifth working day after it began (Monday to Friday, in UTC)."""
    day, left = authorisation.valid_from, REVIEW_WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return datetime.combine(day.date() + timedelta(days=1), time.min, day.tzinfo)


def review_overdue(emergency: Emergency, at: datetime) -> bool:
    """Whether it ran and nobody reviewed it in time."""
    if not hasattr(emergency, "authorisation") or hasattr(emergency, "review"):
        return False
    return at >= review_due_at(emergency.authorisation)


def overdue_of(owner: User, at: datetime) -> list[Emergency]:
    """The emergencies of a person's models whose review is overdue."""
    rows = Emergency.objects.filter(
        version__model__owner=owner, authorisation__isnull=False, review=None
    ).select_related("authorisation")
    return [row for row in rows if review_overdue(row, at)]


def involved(emergency: Emergency) -> dict[str, str]:
    """Who had a part in it, and so never reviews it (decisions.md 3.4, 9)."""
    model: RegisteredModel = emergency.version.model
    hands = {
        str(model.owner_id): _("owns this model"),
        str(model.developer_id): _("develops this model"),
        str(emergency.version.developer_id): _("developed this version"),
        str(emergency.invoked_by_id): _("broke the glass"),
    }
    if emergency.token is not None:
        hands[str(emergency.token.sealed_by_id)] = _("sealed the token")
    given = getattr(emergency, "authorisation", None)
    if given is not None and given.confirmed_by_id is not None:
        hands[str(given.confirmed_by_id)] = _("confirmed it")
    if hasattr(emergency, "extension"):
        hands[str(emergency.extension.extended_by_id)] = _("extended it")
    return hands


def require_other_human(emergency: Emergency, by: User) -> None:
    """Refuse the second account of somebody who was involved. Raises `SameHand`."""
    people = User.objects.filter(pk__in=list(involved(emergency)))
    twin = persons.twin_among(by, people, unknown_is_one=emergency.tier == 1)
    if twin is not None:
        raise SameHand(
            _("%(name)s and %(other)s are, or may be, one person.")
            % {"name": by.printed_name, "other": twin.printed_name}
        )


def subject(emergency: Emergency) -> str:
    """SHA-256 of everything that the people of an emergency sign."""
    facts: dict[str, Any] = {
        name: str(getattr(emergency, name))
        for name in (
            "artifact_sha256",
            "tier",
            "reason_code",
            "incident",
            "reason",
            "compensating_controls",
        )
    }
    return sha256_of_json(
        {
            **facts,
            "version_sha256": emergency.version.sha256,
            "environment": emergency.environment.slug,
            "expected_end": emergency.expected_end.isoformat(),
            "token": str(emergency.token_id or ""),
        }
    )


def waits(emergency: Emergency, at: datetime) -> bool:
    """Whether it can still be confirmed."""
    return (
        not hasattr(emergency, "authorisation")
        and not hasattr(emergency, "ending")
        and at < min(emergency.invoked_at + CONFIRM_WITHIN, emergency.expected_end)
    )


def state_of(emergency: Emergency, at: datetime) -> str:
    """`waits` for its second person, `lapsed`, `runs`, `awaits-review`, `overdue` or
    `reviewed`."""
    if not hasattr(emergency, "authorisation"):
        return "waits" if waits(emergency, at) else "lapsed"
    if at < ends_at(emergency.authorisation):
        return "runs"
    if hasattr(emergency, "review"):
        return "reviewed"
    return "overdue" if review_overdue(emergency, at) else "awaits-review"
