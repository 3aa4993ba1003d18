"""Deciding: examine everything, sign when nothing blocks, record the answer."""

import uuid
from datetime import datetime, timedelta

from audits import stillness
from governance import conditions, emergencies, fast_lane, permit, roles
from governance.case import Case
from governance.gate import checking, remembering
from governance.gate.asking import Question, check_question, find
from governance.models import EmergencyAuthorisation, GateDecision, Signature
from governance.policy import Check
from registry.acts import act
from registry.models import Environment, User

PERMIT_HOURS = 24


@act
def decide(*, question: Question, by: User, at: datetime) -> GateDecision:
    """Decide, sign a permit when allowed, and record the decision with its checks.

    Everything unknown, missing, expired or unreadable is a denial with its reason.
    Raises `NotAllowed` and `AmbiguousQuestion`; then nothing is recorded.
    """
    check_question(question)
    roles.require(
        by,
        "ask the gate",
        model=question.model or None,
        environment=question.environment,
    )
    case, checks = examine(question, by=by, at=at)
    decision_id = uuid.uuid4()
    permit_text, expires_at, broken = "", None, None
    if case is not None and not any(check.blocks for check in checks):
        if emergencies.relied_on(checks):
            broken = emergencies.in_force(case)
        try:
            permit_text, expires_at = _permit(
                case, str(decision_id), checks, broken, at
            )
        except permit.NoKey as error:
            checks.append(checking.no_key(str(error)))
    return GateDecision.objects.create(
        id=decision_id,
        asked_model=question.model[:200],
        asked_version=question.version[:200],
        asked_environment=question.environment[:200],
        asked_digest=question.digest[:200],
        version=case.version if case else None,
        environment=case.environment if case else None,
        authorisation=case.authorisation if case else None,
        emergency=broken,
        allowed=bool(permit_text),
        checks=[check.as_dict() for check in checks],
        permit=permit_text,
        expires_at=expires_at,
        pipeline_token_id=by.scope.pipeline if by.scope else None,
        decided_for=by,
        decided_at=at,
    )


def examine(
    question: Question, *, by: User, at: datetime
) -> tuple[Case | None, list[Check]]:
    """All checks of a question, without recording anything (readiness)."""
    check_question(question)
    # Before anything is read: what changes meanwhile is then seen at the next question.
    moment = stillness.now()
    environment = Environment.objects.filter(slug=question.environment).first()
    version, known = find(question)
    checks = [known]
    if environment is None:
        checks.append(checking.unknown_environment(question.environment))
    if version is None or environment is None:
        return None, checks
    roles.require(by, "read", model=version.model, environment=environment)
    case = Case(version, environment, at)
    judged, standing = remembering.judged(case, _standing, moment=moment)
    asked = _of_question(judged, standing, question.digest, at)
    if any(check.blocks for check in asked):
        judged = case.as_granted()
        asked = emergencies.overridden(judged, asked)
    return judged, checks + asked


def checks_of(case: Case, *, digest: str = "") -> list[Check]:
    """Every check of a known version and environment, as gate and dossier show them."""
    case = case.as_granted()
    checks = _of_question(case, _standing(case), digest, case.at)
    return emergencies.overridden(case, checks)


def _standing(case: Case) -> list[Check]:
    """The checks that rest on governed rows and the time alone."""
    return [
        checking.life_cycle(case),
        checking.authorised(case),
        checking.unchanged(case),
        *checking.policy(case),
        *conditions.checks(case),
        *fast_lane.checks(case),
    ]


def _of_question(
    case: Case, standing: list[Check], digest: str, at: datetime
) -> list[Check]:
    """The standing checks among those that are made for each question."""
    return [checking.digest(case, digest), *standing, checking.log_check(at=at)]


def _permit(
    case: Case,
    decision_id: str,
    checks: list[Check],
    broken: EmergencyAuthorisation | None,
    at: datetime,
) -> tuple[str, datetime]:
    """A permit and its end: of the approval, or of the emergency that stands in."""
    granted = broken or case.authorisation
    assert granted is not None  # noqa: S101
    until = emergencies.ends_at(broken) if broken else granted.valid_until
    expires_at = min(until, at + timedelta(hours=PERMIT_HOURS))
    meanings = (Signature.Meaning.REVIEW, Signature.Meaning.APPROVAL)
    text = permit.issue(
        decision_id=decision_id,
        authorisation=granted,
        break_glass=emergencies.in_permit(broken) if broken else None,
        version=case.version,
        environment=case.environment,
        approvers=[
            str(s.signed_by_id) for s in case.signatures if s.meaning in meanings
        ],
        policies=case.pack_subjects,
        conditions=conditions.in_permit(case.granted.request if case.granted else None),
        evidence={kind: report.sha256 for kind, report in case.reports.items()},
        checks=[check.requirement for check in checks],
        at=at,
        expires_at=expires_at,
    )
    return text, expires_at
