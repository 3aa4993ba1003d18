"""What becomes of a finding: plan, evidence, verification, acceptance of its risk."""

from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from governance import persons, records, roles, signatures
from governance.findings import Source, Standing, standing, told
from governance.models import Finding, FindingChange, RecordSignature, Severity
from governance.waived import tier_of
from registry.acts import act
from registry.digests import sha256_of_json
from registry.models import Role, User

State = FindingChange.State
LONGEST_ACCEPTANCE = timedelta(days=365)
_GRAVE = (Severity.CRITICAL, Severity.HIGH)


class WrongState(Exception):
    """The finding is at a step from which this cannot follow."""


class SameHand(Exception):
    """Nobody verifies, or accepts, what they answer for themselves."""


@act
def plan(*, finding: Finding, text: str, by: User, at: datetime) -> FindingChange:
    """Propose how and until when it is resolved; its owner does.

    Raises `NotAllowed`, `WrongState`, `records.Refused`.
    """
    now = _owned(finding, by, at)
    _require_state(now, State.OPEN, State.PLANNED)
    return _change(now, State.PLANNED, text, by, at)


@act
def accept_plan(
    *, finding: Finding, text: str, by: User, at: datetime
) -> FindingChange:
    """Accept the plan; somebody other than its author does. Raises as `verify`."""
    now = _judged(finding, by, at)
    _require_state(now, State.PLANNED)
    return _change(now, State.PLAN_ACCEPTED, text, by, at)


@act
def resolve(*, finding: Finding, text: str, by: User, at: datetime) -> FindingChange:
    """Name the evidence that it is resolved; somebody else verifies it.

    Raises `NotAllowed`, `WrongState`, `records.Refused`.
    """
    now = _owned(finding, by, at)
    _require_state(now, State.OPEN, State.PLANNED, State.PLAN_ACCEPTED)
    return _change(now, State.RESOLVED, text, by, at)


@act
def verify(*, finding: Finding, text: str, by: User, at: datetime) -> FindingChange:
    """Close a resolved finding after looking at its evidence.

    Whoever ever owned it, planned it or resolved it never closes it; an audit finding
    is closed by audit. Raises `NotAllowed`, `SameHand`, `WrongState`, `Refused`.
    """
    now = _judged(finding, by, at)
    _require_state(now, State.RESOLVED)
    return _change(now, State.CLOSED, text, by, at)


@act
def send_back(*, finding: Finding, text: str, by: User, at: datetime) -> FindingChange:
    """Refuse a plan or evidence: the finding is open again. Raises as `verify`."""
    now = _judged(finding, by, at)
    _require_state(now, State.PLANNED, State.RESOLVED)
    return _change(now, State.OPEN, text, by, at)


@act
def reopen(
    *, finding: Finding, text: str, due_on: date, by: User, at: datetime
) -> FindingChange:
    """Open a closed or accepted finding again. Raises as `verify`."""
    now = _judged(finding, by, at)
    if now.changes[-1].state not in (State.CLOSED, State.ACCEPTED):
        raise WrongState(_("This finding is open."))
    _require_future(due_on, at)
    return _change(now, State.OPEN, text, by, at, due_on=due_on)


@act
def change_terms(
    *,
    finding: Finding,
    text: str,
    by: User,
    at: datetime,
    severity: Severity | None = None,
    owner: User | None = None,
    due_on: date | None = None,
) -> FindingChange:
    """Change severity, owner or due date, with the reason. Raises as `verify`."""
    now = _judged(finding, by, at)
    if not now.is_open:
        raise WrongState(_("This finding is not open."))
    if due_on is not None and due_on != now.due_on:
        _require_future(due_on, at)
    if owner is not None and (owner.is_machine or not owner.is_active):
        raise records.Refused({"owner": [_("An active person answers for a finding.")]})
    return _change(
        now,
        now.state,
        text,
        by,
        at,
        due_on=due_on or now.due_on,
        severity=severity or now.severity,
        owner=owner or now.owner,
    )


@signatures.signed_act
def accept_risk(
    *,
    finding: Finding,
    until: datetime,
    text: str,
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> FindingChange:
    """Live with the weakness until a moment, a year at most; signed.

    The executive accepts critical, high and audit findings, a risk manager the others
    too. Nobody accepts what they answer for. Raises `NotAllowed`, `SameHand`,
    `WrongState`, `records.Refused`, `WrongPassword`, `LockedOut`.
    """
    now = _lock(finding, at)
    roles.require(by, "accept risk", model=finding.model)
    roles.require_person(by)
    _refuse_hands(now, by, at)
    role = _accepting_role(now, by)
    if now.state == State.CLOSED or now.state == State.ACCEPTED:
        raise WrongState(_("This finding is closed, or its risk accepted already."))
    if not at < until <= at + LONGEST_ACCEPTANCE:
        raise records.Refused(
            {"until": [_("A risk is accepted for a year at most, from now on.")]}
        )
    change = _change(now, State.ACCEPTED, text, by, at, accepted_until=until)
    signatures.sign_record(
        record_type="findingchange",
        record_id=change.pk,
        subject_sha256=digest(now, change),
        statement=acceptance_statement(now, until=until, by=by, role=role, text=text),
        role=role,
        meaning=RecordSignature.Meaning.RESPONSIBILITY,
        comment=text,
        proof=proof,
        by=by,
        at=at,
    )
    return change


def acceptance_statement(
    now: Standing, *, until: datetime, by: User, role: Role, text: str
) -> str:
    """The sentence that a risk acceptance signs (21 CFR 11.50)."""
    finding = now.finding
    return _(
        "I, %(name)s, acting as %(role)s, accept the risk of the %(severity)s finding "
        "“%(title)s” about %(about)s until %(until)s, because: %(text)s"
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "severity": now.severity.label,
        "title": finding.title,
        "about": finding.version or finding.model,
        "until": until.strftime("%Y-%m-%d %H:%M UTC"),
        "text": text.strip(),
    }


def digest(now: Standing, change: FindingChange) -> str:
    """SHA-256 of what a signer saw: the finding and each of its steps so far."""
    steps = [*now.changes, change]
    return sha256_of_json(
        {
            "finding": str(now.finding.pk),
            "title": now.finding.title,
            "text": now.finding.text,
            "steps": [
                [s.state, s.severity, str(s.owner_id), s.due_on.isoformat(), s.text]
                for s in steps
            ],
        }
    )


def _accepting_role(now: Standing, by: User) -> Role:
    held = roles.roles_of(by)
    grave = now.severity in _GRAVE or now.finding.source == Source.AUDIT
    if Role.EXECUTIVE in held:
        return Role.EXECUTIVE
    if Role.RISK_MANAGER in held and not grave:
        return Role.RISK_MANAGER
    raise roles.NotAllowed(
        _("An accountable executive accepts critical, high and audit findings.")
    )


def _lock(finding: Finding, at: datetime) -> Standing:
    Finding.objects.select_for_update().get(pk=finding.pk)
    return standing(told().get(pk=finding.pk), at)


def _owned(finding: Finding, by: User, at: datetime) -> Standing:
    now = _lock(finding, at)
    roles.require(by, "plan and resolve findings", model=finding.model)
    roles.require_person(by)
    if by not in (now.owner, finding.model.owner):
        raise roles.NotAllowed(
            _("%(name)s answers for this finding, and plans and resolves it.")
            % {"name": now.owner.printed_name}
        )
    return now


def _judged(finding: Finding, by: User, at: datetime) -> Standing:
    now = _lock(finding, at)
    roles.require(by, "raise findings", model=finding.model)
    roles.require_person(by)
    _refuse_hands(now, by, at)
    if finding.source == Source.AUDIT and Role.AUDITOR not in roles.roles_of(by):
        raise roles.NotAllowed(_("Internal audit judges its own findings."))
    return now


def _refuse_hands(now: Standing, by: User, at: datetime) -> None:
    """Owners, past and present, and whoever planned or did the work."""
    finding = now.finding
    worked = (State.PLANNED, State.RESOLVED)
    hands = {finding.model.owner_id, finding.model.developer_id}
    hands |= {change.owner_id for change in now.changes}
    before = {change.sequence: change.state for change in now.changes}
    hands |= {
        change.changed_by_id
        for change in now.changes
        # A change of terms keeps the state: its author did none of the work.
        if change.state in worked and before.get(change.sequence - 1) != change.state
    }
    strictest = tier_of(finding.model, at) == 1
    twin = persons.twin_of_ids(by, hands, unknown_is_one=strictest)
    if by.pk in hands or twin is not None:
        raise SameHand(
            _("%(name)s answers for this finding or worked on it.")
            % {"name": (twin or by).printed_name}
        )


def _require_state(now: Standing, *allowed: FindingChange.State) -> None:
    if now.state not in allowed:
        raise WrongState(
            _("This finding is at the step “%(step)s”, from which this cannot follow.")
            % {"step": now.state.label}
        )


def _require_future(due_on: date, at: datetime) -> None:
    if due_on < at.date():
        raise records.Refused({"due_on": [_("The due date lies in the past.")]})


def _change(
    now: Standing,
    state: FindingChange.State,
    text: str,
    by: User,
    at: datetime,
    *,
    severity: Severity | None = None,
    owner: User | None = None,
    due_on: date | None = None,
    accepted_until: datetime | None = None,
) -> FindingChange:
    if not text.strip():
        raise records.Refused({"text": [_("Say it in words: they are kept.")]})
    return FindingChange.objects.create(
        finding=now.finding,
        state=state,
        severity=severity or now.severity,
        owner=owner or now.owner,
        due_on=due_on or now.due_on,
        accepted_until=accepted_until,
        text=text.strip(),
        changed_by=by,
        changed_at=at,
        sequence=now.changes[-1].sequence + 1,
    )
