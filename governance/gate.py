"""The gate: may this version run here? It denies unless everything says yes."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from audits.models import Verification
from governance import conditions, emergencies, fast_lane, permit, roles
from governance.case import Case
from governance.lifecycle import State, state_of
from governance.models import (
    EmergencyAuthorisation,
    GateDecision,
    Signature,
    Status,
)
from governance.policy import Check, NoPolicy
from governance.requirements import DEPLOY, evaluate
from registry.acts import act
from registry.models import Environment, ModelVersion, User, VersionArtifact

PERMIT_HOURS = 24


@dataclass(frozen=True)
class Question:
    """What a pipeline asks: by model and version, or by the artifact's digest."""

    environment: str
    model: str = ""
    version: str = ""
    digest: str = ""


class AmbiguousQuestion(Exception):
    """`field` must be given, or contradicts another."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_question(question: Question) -> None:
    """Refuse a question that names too little. Raises `AmbiguousQuestion`."""
    if not question.environment:
        raise AmbiguousQuestion("environment", _("Name the environment."))
    if not question.digest and not (question.model and question.version):
        field = "version" if question.model else "model"
        raise AmbiguousQuestion(
            field, _("Name model and version, or the digest of the model file.")
        )


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
            permit_text, expires_at = _permit(case, str(decision_id), checks, broken)
        except permit.NoKey as error:
            checks.append(_no_key(str(error)))
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
        decided_for=by,
        decided_at=at,
    )


def examine(
    question: Question, *, by: User, at: datetime
) -> tuple[Case | None, list[Check]]:
    """All checks of a question, without recording anything (readiness)."""
    check_question(question)
    environment = Environment.objects.filter(slug=question.environment).first()
    version, known = _find(question)
    checks = [known]
    if environment is None:
        checks.append(_unknown_environment(question.environment))
    if version is None or environment is None:
        return None, checks
    roles.require(by, "read", model=version.model, environment=environment)
    case = Case(version, environment, at).as_granted()
    return case, checks + checks_of(case, digest=question.digest)


def checks_of(case: Case, *, digest: str = "") -> list[Check]:
    """Every check of a known version and environment, as gate and dossier show them."""
    case = case.as_granted()
    checks = [
        _digest(case, digest),
        _life_cycle(case),
        _authorised(case),
        _unchanged(case),
        *_policy(case),
        *conditions.checks(case),
        *fast_lane.checks(case),
        log_check(at=case.at),
    ]
    return emergencies.overridden(case, checks)


def _find(question: Question) -> tuple[ModelVersion | None, Check]:
    """The one version that fits everything that was asked."""
    versions = ModelVersion.objects.select_related(
        "model__owner", "model__developer", "run"
    )
    if question.model:
        versions = versions.filter(model__slug=question.model)
    if question.version:
        versions = versions.filter(version=question.version)
    if not (question.model and question.version):
        digest = _bare(question.digest)
        parts = VersionArtifact.objects.filter(artifact__sha256=digest, role="model")
        versions = versions.filter(version_artifacts__in=parts)
    matches = list(versions[:2])
    found = matches[0] if len(matches) == 1 else None
    asked = f"{question.model} {question.version}".strip() or question.digest
    if len(matches) > 1:
        observed = _("several versions have this file")
        next_step = _("Name model and version too.")
    else:
        observed = asked if found else _("%(it)s is not registered") % {"it": asked}
        next_step = _("The developer registers the model and this version.")
    return found, Check(
        "gate-version",
        _("The version is known"),
        passed=found is not None,
        observed=observed,
        because=_("Only registered versions may run."),
        next_step="" if found else next_step,
    )


def _bare(digest: str) -> str:
    return digest.lower().removeprefix("sha256:")


def _unknown_environment(slug: str) -> Check:
    return Check(
        "gate-environment",
        _("The environment is known"),
        passed=False,
        observed=_("%(slug)s is not registered") % {"slug": slug},
        because=_("Permits are given for registered environments only."),
        next_step=_("An operator registers the environment, or the name is corrected."),
    )


def _digest(case: Case, digest: str) -> Check:
    approved = case.authorisation.artifact_sha256 if case.authorisation else None
    stored = case.artifact.sha256 if case.artifact else None
    asked = _bare(digest) or stored
    passed = stored is not None and asked == stored and approved in (None, stored)
    observed = _("no model file") if stored is None else _short(stored)
    if stored is not None and asked != stored:
        observed = _("asked for %(asked)s, registered is %(stored)s") % {
            "asked": _short(asked or ""),
            "stored": _short(stored),
        }
    return Check(
        "gate-digest",
        _("The file is the one that was approved"),
        passed=passed,
        observed=observed,
        because=_("A permit is bound to the SHA-256 digest of the model file."),
        next_step=""
        if passed
        else _("Deploy the approved file, or register this one as a new version."),
    )


def _short(digest: str) -> str:
    """As much of a SHA-256 as people compare; the whole one is in the permit."""
    return f"sha256:{digest[:12]}…"


def _life_cycle(case: Case) -> Check:
    passed = case.status == Status.APPROVED
    return Check(
        "gate-status",
        _("The version is approved"),
        passed=passed,
        observed=str(case.status.label),
        because=_("Only approved versions may run."),
        next_step="" if passed else _("The version completes its approval."),
    )


def _authorised(case: Case) -> Check:
    title = _("An authorisation is in force")
    found = case.authorisation
    if found is None:
        return Check(
            "gate-authorisation",
            title,
            passed=False,
            observed=_("none for %(name)s") % {"name": case.environment.name},
            because=_("Without an authorisation nothing runs."),
            next_step=_("The owner submits the version for this environment."),
        )
    state = state_of(found)
    expired = not found.valid_from <= case.at < found.valid_until
    until = found.valid_until.strftime("%Y-%m-%d %H:%M UTC")
    observed = str(state.label)
    if state == State.ACTIVE:
        observed = (
            _("expired on %(until)s") if expired else _("valid until %(until)s")
        ) % {"until": until}
    passed = state == State.ACTIVE and not expired
    return Check(
        "gate-authorisation",
        title,
        passed=passed,
        observed=observed,
        because=_("It ends by itself, and can be suspended or revoked."),
        next_step=""
        if passed
        else _("The owner submits again, or a risk manager reinstates it."),
    )


def _unchanged(case: Case) -> Check:
    request = case.granted.request if case.granted else None
    same = request is not None and case.subject_holds
    return Check(
        "gate-unchanged",
        _("What was signed is what stands here now"),
        passed=same,
        observed=_("record %(digest)s") % {"digest": _short(request.subject_sha256)}
        if same and request
        else _("the signed record differs, or there is none"),
        because=_("What a signature covers has grown with this version of Freigabe.")
        if request is not None and request.of_an_earlier_form
        else _(
            "Signatures cover the digests of version, file, risk, inventory and policy."
        ),
        next_step="" if same else _("The owner submits the version again."),
    )


def _policy(case: Case) -> list[Check]:
    try:
        return evaluate(case, DEPLOY)
    except NoPolicy as error:
        return [
            Check(
                "gate-policy",
                _("The policy can be evaluated"),
                passed=False,
                observed=str(error),
                because=_("A policy that cannot be evaluated denies."),
                next_step=_("A policy approver publishes a pack."),
            )
        ]


def log_check(*, at: datetime) -> Check:
    """The log was verified lately and holds; if not, the gate stays shut."""
    # By time, and none from the future: a row put in by hand counts until the next run.
    past = Verification.objects.filter(ran_at__lte=at)
    latest = past.order_by("-ran_at", "-id").first()
    oldest = at - timedelta(hours=settings.FREIGABE_LOG_MAX_AGE_HOURS)
    fresh = latest is not None and latest.ran_at >= oldest
    passed = fresh and latest is not None and latest.ok
    if latest is None:
        observed = _("never verified")
    else:
        word = _("holds") if latest.ok else _("does not hold")
        observed = f"{word}, {latest.ran_at.strftime('%Y-%m-%d %H:%M UTC')}"
    return Check(
        "gate-log",
        _("The log holds"),
        passed=passed,
        observed=observed,
        because=_("A decision is worth no more than the record that it rests on."),
        next_step=""
        if passed
        else _("An administrator runs verify_log and acts on it."),
    )


def _no_key(reason: str) -> Check:
    return Check(
        "gate-key",
        _("The permit can be signed"),
        passed=False,
        observed=reason,
        because=_("Without the gate's key nothing can be permitted."),
        next_step=_("An administrator restores the key file."),
    )


def _permit(
    case: Case,
    decision_id: str,
    checks: list[Check],
    broken: EmergencyAuthorisation | None,
) -> tuple[str, datetime]:
    """A permit and its end: of the approval, or of the emergency that stands in."""
    granted = broken or case.authorisation
    assert granted is not None  # noqa: S101
    until = emergencies.ends_at(broken) if broken else granted.valid_until
    expires_at = min(until, case.at + timedelta(hours=PERMIT_HOURS))
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
        at=case.at,
        expires_at=expires_at,
    )
    return text, expires_at
