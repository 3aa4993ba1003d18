"""Deciding: examine everything, sign when nothing blocks, record the answer."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from audits.models import Verification
from governance import conditions, emergencies, fast_lane, permit, roles, security
from governance.case import Case
from governance.gate import checking, remembering
from governance.gate.asking import Question, bare, check_question, find, known
from governance.gate.looking import Seen, look
from governance.gate.migrated import require_migrated
from governance.gate.permitting import Signed, signed
from governance.models import GateDecision
from governance.policy import Check
from registry.acts import act
from registry.models import Environment, User


@act
def decide(
    *,
    question: Question,
    by: User,
    at: datetime,
    renewal_of: GateDecision | None = None,
) -> GateDecision:
    """Decide, sign a permit when allowed, and record the decision with its checks.

    Everything unknown, missing, expired or unreadable is a denial with its reason.
    `renewal_of` is the permit whose question is asked again, see `issued.renew`.
    Raises `NotAllowed`, `NotMigrated`, `AmbiguousQuestion`; then nothing is recorded.
    """
    began = monotonic()
    examined = _examined(question, by, at, right="ask the gate")
    case, checks = examined.case, examined.checks
    decision_id = uuid.uuid4()
    given: Signed | None = None
    broken = None
    if case is not None and not any(check.blocks for check in checks):
        if emergencies.relied_on(checks):
            broken = emergencies.in_force(case)
        try:
            given = signed(
                case,
                at=at,
                decision_id=str(decision_id),
                checks=checks,
                broken=broken,
                renewal_of=str(renewal_of.pk) if renewal_of else "",
                checkpoint=examined.seen.checkpoint,
                key=examined.seen.key,
            )
        except permit.NoKey as error:
            checks.append(checking.no_key(str(error)))
    row = GateDecision.objects.create(
        id=decision_id,
        asked_model=question.model[:200],
        asked_version=question.version[:200],
        asked_environment=question.environment[:200],
        asked_digest=question.digest[:200],
        version=case.version if case else None,
        environment=case.environment if case else None,
        authorisation=case.authorisation if case else None,
        emergency=broken,
        renewal_of=renewal_of,
        allowed=given is not None,
        checks=[check.as_dict() for check in checks],
        permit=given.permit if given else "",
        vsa=given.vsa if given else "",
        svr=given.svr if given else "",
        expires_at=given.expires_at if given else None,
        milliseconds=round(1000 * (monotonic() - began)),
        pipeline_token_id=by.scope.pipeline if by.scope else None,
        decided_for=by,
        decided_at=at,
    )
    _tell_mismatch(row, case)
    return row


def examine(
    question: Question, *, by: User, at: datetime
) -> tuple[Case | None, list[Check]]:
    """All checks of a question, without recording anything (readiness).

    Raises `NotMigrated`, `NotAllowed` and `AmbiguousQuestion`.
    """
    found = _examined(question, by, at)
    return found.case, found.checks


@dataclass(frozen=True)
class _Examined:
    """What was judged, and what it was judged by that is never remembered."""

    case: Case | None
    checks: list[Check]
    seen: Seen


def _examined(
    question: Question, by: User, at: datetime, *, right: str | None = None
) -> _Examined:
    """Judge a question; `right` is what is needed even to ask it."""
    check_question(question)
    require_migrated()
    found = remembering.recall(question, at)
    # Before anything is read: what changes meanwhile is then seen at the next question.
    seen = look(by, at, since=found.moment if found else None)
    if right is not None:
        place = {"model": question.model or None, "environment": question.environment}
        roles.require(by, right, **place, held=seen.held)
    still = seen.moment if seen.unchanged else None
    kept = remembering.confirm(question, found, still)
    if kept is None:
        case, checks = _looked_up(question, at)
    else:
        case = Case(kept.case.version, kept.case.environment, at)
        checks = [known(question)]
    if case is None:
        return _Examined(None, checks, seen)
    model, environment = case.version.model, case.environment
    roles.require(by, "read", model=model, environment=environment, held=seen.held)
    if kept is None:
        moment = seen.moment
        judged, standing = remembering.judged(question, case, _standing, moment=moment)
        # Judging took its time: the log and the key are those of its end.
        seen = look(by, at)
    else:
        judged, standing = kept.case, list(kept.checks)
    asked = _of_question(judged, standing, question.digest, seen.verification, at)
    if any(check.blocks for check in asked):
        if kept is not None:
            # Of this question's moment: what is remembered was read at an earlier one.
            judged = case.as_granted()
        asked = emergencies.overridden(judged, asked)
    asked.append(checking.clock(seen.checkpoint, at=at))
    return _Examined(judged, [*checks, *asked], seen)


def _looked_up(question: Question, at: datetime) -> tuple[Case | None, list[Check]]:
    """The case that is meant, if there is one, and whether there is."""
    environment = Environment.objects.filter(slug=question.environment).first()
    version, check = find(question)
    if environment is None:
        return None, [check, checking.unknown_environment(question.environment)]
    return Case(version, environment, at) if version else None, [check]


def checks_of(case: Case, *, digest: str = "") -> list[Check]:
    """Every check of a known version and environment, as gate and dossier show them."""
    case = case.as_granted()
    verification = case.around.verification
    checks = _of_question(case, _standing(case), digest, verification, case.at)
    return emergencies.overridden(case, checks)


def _standing(case: Case) -> list[Check]:
    """The checks that rest on governed rows and the time alone."""
    case.around.look()
    return [
        checking.life_cycle(case),
        checking.authorised(case),
        checking.unchanged(case),
        *checking.policy(case),
        *conditions.checks(case),
        *fast_lane.checks(case),
    ]


def _of_question(
    case: Case,
    standing: list[Check],
    digest: str,
    verification: Verification | None,
    at: datetime,
) -> list[Check]:
    """The standing checks among those that are made for each question."""
    verified = checking.log_holds(verification, at=at)
    return [checking.digest(case, digest), *standing, verified]


def _tell_mismatch(row: GateDecision, case: Case | None) -> None:
    """Another file than the approved one was asked for: that is a security event."""
    wrong = {c["requirement"] for c in row.checks if not c["passed"]}
    if case is None or "gate-digest" not in wrong or not row.asked_digest:
        return
    granted = case.authorisation.artifact_sha256 if case.authorisation else ""
    stored = case.artifact.sha256 if case.artifact else ""
    security.record_mismatch(
        version=case.version,
        environment=case.environment,
        expected=granted or stored,
        seen=bare(row.asked_digest),
        decision=row,
        at=row.decided_at,
    )
