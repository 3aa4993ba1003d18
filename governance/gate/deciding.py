"""Deciding: examine everything, sign when nothing blocks, record the answer."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from audits import log
from audits.models import Checkpoint
from governance import conditions, emergencies, fast_lane, permit, roles, security
from governance.case import Case
from governance.gate import checking, remembering
from governance.gate.asking import Question, bare, check_question, find, known
from governance.gate.migrated import require_migrated
from governance.gate.permitting import Signed, signed
from governance.models import GateDecision
from governance.policy import Check
from governance.surroundings import Surroundings
from registry.acts import act
from registry.models import Environment, Role, User


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
    check_question(question)
    held = roles.roles_of(by)
    roles.require(
        by,
        "ask the gate",
        model=question.model or None,
        environment=question.environment,
        held=held,
    )
    examined = _examined(question, by, held, at)
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
                checkpoint=examined.checkpoint,
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
    found = _examined(question, by, None, at)
    return found.case, found.checks


@dataclass(frozen=True)
class _Examined:
    """What was judged, and the newest checkpoint that the clock was compared with."""

    case: Case | None
    checks: list[Check]
    checkpoint: Checkpoint | None = None


def _examined(
    question: Question, by: User, held: frozenset[Role] | None, at: datetime
) -> _Examined:
    check_question(question)
    require_migrated()
    # Before anything is read: what changes meanwhile is then seen at the next question.
    kept, moment = remembering.recall(question, at)
    if kept is None:
        case, checks = _looked_up(question, at)
    else:
        case = Case(kept.case.version, kept.case.environment, at)
        checks = [known(question)]
    if case is None:
        return _Examined(None, checks)
    model, environment = case.version.model, case.environment
    roles.require(by, "read", model=model, environment=environment, held=held)
    judged, standing = (
        (kept.case, list(kept.checks))
        if kept
        else remembering.judged(question, case, _standing, moment=moment)
    )
    # Of this question's moment: what is remembered was read at an earlier one.
    asked = _of_question(judged, standing, question.digest, case.around, at)
    if any(check.blocks for check in asked):
        judged = case.as_granted()
        asked = emergencies.overridden(judged, asked)
    last = log.latest_checkpoint()
    return _Examined(judged, [*checks, *asked, checking.clock(last, at=at)], last)


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
    checks = _of_question(case, _standing(case), digest, case.around, case.at)
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
    around: Surroundings,
    at: datetime,
) -> list[Check]:
    """The standing checks among those that are made for each question."""
    verified = checking.log_holds(around.verification, at=at)
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
