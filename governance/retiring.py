"""Retiring a version: its owner asks, risk confirms, both sign (decisions.md 3.5)."""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from governance import persons, records, roles, signatures
from governance.lifecycle import State, move, state_of, status_of
from governance.models import RecordSignature, Retirement, Status, StatusChange
from governance.waived import tier_of
from registry.digests import sha256_of_json
from registry.models import ModelVersion, Role, User

RECORD = "retirement"


class NotPossible(Exception):
    """The version is still authorised, or retired already."""


@dataclass(frozen=True)
class Plan:
    """What replaces a version, why it goes, and until when its records are kept."""

    reason: str
    retain_until: date
    successor: ModelVersion | None = None


@signatures.signed_act
def ask(
    *,
    version: ModelVersion,
    plan: Plan,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> Retirement:
    """Ask that a version be retired, signed by its owner.

    Raises `NotAllowed`, `NotPossible`, `records.Refused`, `WrongPassword`, `LockedOut`.
    """
    _require_owner(version, by)
    ModelVersion.objects.select_for_update().get(pk=version.pk)
    require_unused(version, at)
    errors = {} if plan.reason.strip() else {"reason": [_("Say why it is retired.")]}
    if plan.retain_until <= at.date():
        errors["retain_until"] = [_("Its records are kept until a later day.")]
    if plan.successor is not None and plan.successor == version:
        errors["successor"] = [_("A version does not succeed itself.")]
    if errors:
        raise records.Refused(errors)
    row = Retirement(
        version=version,
        successor=plan.successor,
        reason=plan.reason.strip(),
        retain_until=plan.retain_until,
        asked_by=by,
        asked_at=at,
    )
    row.subject_sha256 = sha256_of_json(
        {
            "version_sha256": version.sha256,
            "successor_sha256": plan.successor.sha256 if plan.successor else None,
            "reason": row.reason,
            "retain_until": row.retain_until.isoformat(),
        }
    )
    records.insert(row, {"__all__": [_("Its retirement was asked for already.")]})
    _sign(row, Role.OWNER, proof, by, at)
    return row


@signatures.signed_act
def confirm(
    *, retirement: Retirement, proof: signatures.Proof, by: User, at: datetime
) -> StatusChange:
    """Confirm as risk, signed; from then on it is out of use for good.

    It stays in the inventory (SR 11-7, VI). Raises as `ask`.
    """
    version = retirement.version
    _require_another_hand(retirement, by, at)
    ModelVersion.objects.select_for_update().get(pk=version.pk)
    require_unused(version, at)
    _sign(retirement, Role.RISK_MANAGER, proof, by, at)
    return move(
        version=version, to=Status.RETIRED, by=by, at=at, reason=retirement.reason
    )


def require_next_hand(version: ModelVersion, by: User, at: datetime) -> None:
    """Refuse who may neither ask for its end nor confirm what was asked.

    Raises `NotAllowed`.
    """
    asked: Retirement | None = getattr(version, "retirement", None)
    if asked is None:
        _require_owner(version, by)
    else:
        _require_another_hand(asked, by, at)


def is_next_hand(version: ModelVersion, by: User, at: datetime) -> bool:
    """Whether its retirement is offered to them: it is not retired, the step theirs."""
    try:
        require_next_hand(version, by, at)
    except roles.NotAllowed:
        return False
    return status_of(version) != Status.RETIRED


def _require_owner(version: ModelVersion, by: User) -> None:
    roles.require(by, "retire versions", model=version.model)
    roles.require_person(by)


def _require_another_hand(asked: Retirement, by: User, at: datetime) -> None:
    model = asked.version.model
    roles.require(by, "confirm retirements", model=model)
    roles.require_person(by)
    strictest = tier_of(model, at) == 1
    if persons.twin_among(by, [asked.asked_by], unknown_is_one=strictest):
        raise roles.NotAllowed(_("Another person confirms a retirement."))


def require_unused(version: ModelVersion, at: datetime) -> None:
    """Refuse while it is authorised, and once it is retired. Raises `NotPossible`."""
    if status_of(version) == Status.RETIRED:
        raise NotPossible(_("This version is retired."))
    rows = version.authorisations.filter(valid_until__gt=at).prefetch_related("changes")
    if any(state_of(row) in (State.ACTIVE, State.SUSPENDED) for row in rows):
        raise NotPossible(
            _("It is still authorised: revoke that, or let it end, first.")
        )


def _sign(
    row: Retirement, role: Role, proof: signatures.Proof, by: User, at: datetime
) -> None:
    signatures.sign_record(
        record_type=RECORD,
        record_id=row.pk,
        subject_sha256=row.subject_sha256,
        statement=statement(row, by=by, role=role),
        role=role,
        meaning=RecordSignature.Meaning.RESPONSIBILITY,
        proof=proof,
        by=by,
        at=at,
    )


def statement(row: Retirement, *, by: User, role: Role) -> str:
    """The sentence that both sign."""
    return _(
        "I, %(name)s, acting as %(role)s, retire %(version)s (SHA-256 %(digest)s) for "
        "good, because: %(reason)s Its records are kept until %(day)s. Bound by the "
        "record %(subject)s."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "version": row.version,
        "digest": row.version.sha256,
        "reason": row.reason,
        "day": row.retain_until.isoformat(),
        "subject": row.subject_sha256,
    }
