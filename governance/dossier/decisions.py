"""The decisions of a dossier: checks, approvals, authorisations, gate, deployments."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from governance import gate, policy
from governance.dossier import debated, verdicts
from governance.dossier.moment import PastCase
from governance.lifecycle import state_of
from governance.models import (
    ApprovalRequest,
    Authorisation,
    AuthorisationChange,
    GateDecision,
    Signature,
    Withdrawal,
)
from governance.signatures import record_digest
from registry.digests import sha256_hex
from registry.models import ModelVersion, Role

MOST_DENIALS = 100

_LEGAL = {
    "in_force": gettext_noop("in force"),
    "adopted_not_yet_applicable": gettext_noop("adopted, not yet applicable"),
    "draft": gettext_noop("draft"),
    "rescinded": gettext_noop("rescinded"),
    "under_rescission": gettext_noop("under rescission"),
    "voluntary": gettext_noop("voluntary"),
}


def evaluation(case: PastCase) -> verdicts.Evaluation:
    """What the gate would answer for the case, check by check."""
    checks = gate.checks_of(case)
    rules, packs = _rules(case)
    found = case.authorisation
    return verdicts.Evaluation(
        environment=case.environment.name,
        slug=case.environment.slug,
        allowed=not any(check.blocks for check in checks),
        valid_until=found.valid_until if found else None,
        authorisation_state=str(state_of(found).label) if found else "",
        tier=case.tier if case.assessment else None,
        packs=packs,
        rulings=tuple(_ruling(check, rules.get(check.requirement)) for check in checks),
    )


def _rules(
    case: PastCase,
) -> tuple[dict[str, policy.Rule], tuple[verdicts.PackUsed, ...]]:
    case = case.as_granted()
    try:
        packs = case.packs
    except policy.NoPolicy:
        return {}, ()
    rules = {rule.id: rule for item in packs for rule in item.pack.rules}
    return rules, tuple(_pack_used(item.in_force) for item in packs)


def _pack_used(found: policy.InForce) -> verdicts.PackUsed:
    return verdicts.PackUsed(
        name=str(found.row),
        sha256=found.row.sha256,
        early_adoption=found.early_adoption,
        replaced_by=str(found.grandfathered_by or ""),
        replaced_from=found.until,
    )


def _ruling(check: policy.Check, rule: policy.Rule | None) -> verdicts.Ruling:
    if rule is None:
        return verdicts.Ruling(check)
    return verdicts.Ruling(
        check,
        text=rule.text,
        citations=tuple(
            verdicts.Citation(
                item.ref,
                item.status,
                _(_LEGAL.get(item.status, item.status)),
                applies_from=item.applies_from,
                checked_on=item.checked_on,
            )
            for item in rule.citations
        ),
    )


def subject_name(request: ApprovalRequest) -> str:
    """The name of the signed record inside the PDF."""
    return f"approval-{request.environment.slug}-{str(request.pk)[:8]}.json"


def requests_of(version: ModelVersion, *, at: datetime) -> list[ApprovalRequest]:
    """All approval requests by then, oldest first."""
    return list(
        version.approval_requests.filter(requested_at__lte=at)
        .select_related("environment", "assessment", "requested_by")
        .order_by("requested_at", "id")
    )


def approvals(
    requests: Iterable[ApprovalRequest], *, at: datetime
) -> tuple[verdicts.Approval, ...]:
    """The requests with every signature by then."""
    return tuple(_approval(request, at=at) for request in requests)


def _approval(request: ApprovalRequest, *, at: datetime) -> verdicts.Approval:
    signed = (
        Signature.objects.filter(request=request, signed_at__lte=at)
        .select_related("signed_by", "request")
        .order_by("signed_at", "id")
    )
    attempts = request.failed_attempts.filter(attempted_at__lte=at).count()
    return verdicts.Approval(
        id=str(request.pk),
        environment=request.environment.name,
        slug=request.environment.slug,
        requested_by=request.requested_by.printed_name,
        requested_at=request.requested_at,
        comment=request.comment,
        pack=request.pack_names,
        tier=request.assessment.tier,
        subject_sha256=request.subject_sha256,
        attachment=subject_name(request),
        outcome=_outcome(request, list(signed), at=at),
        signatures=tuple(_signed(row) for row in signed),
        failed_attempts=attempts,
        conditions=debated.conditions_of(request, at=at),
        challenges=debated.challenges_of(request, at=at),
        dissents=debated.dissents_of(request, at=at),
    )


def _outcome(request: ApprovalRequest, signed: list[Signature], *, at: datetime) -> str:
    taken_back = Withdrawal.objects.filter(request=request, withdrawn_at__lte=at)
    withdrawal = taken_back.first()
    if withdrawal is not None:
        how = _("sent back") if withdrawal.returned else _("taken back")
        return f"{how}: {withdrawal.reason}"
    if any(row.meaning == Signature.Meaning.REJECTION for row in signed):
        return _("rejected")
    if Authorisation.objects.filter(request=request, valid_from__lte=at).exists():
        return _("approved")
    return _("waiting for signatures")


def _signed(row: Signature) -> verdicts.Signed:
    role = Role(row.role)
    subject = sha256_hex(row.request.subject.encode())
    return verdicts.Signed(
        id=str(row.pk),
        printed_name=row.printed_name,
        role=str(role.label),
        line=role.line,
        meaning=str(Signature.Meaning(row.meaning).label),
        method=row.method,
        signed_at=row.signed_at,
        statement=row.statement,
        comment=row.comment,
        record_sha256=row.record_sha256,
        holds=record_digest(row) == row.record_sha256
        and subject == row.request.subject_sha256,
    )


def authorisations(
    version: ModelVersion, *, at: datetime
) -> tuple[verdicts.Authorised, ...]:
    """All authorisations that had begun by then, with their changes."""
    found = (
        version.authorisations.filter(valid_from__lte=at)
        .select_related("environment")
        .order_by("valid_from", "id")
    )
    return tuple(_authorised(row, at=at) for row in found)


def _authorised(row: Authorisation, *, at: datetime) -> verdicts.Authorised:
    State = AuthorisationChange.State
    changes = list(
        row.changes.filter(changed_at__lte=at)
        .select_related("changed_by")
        .order_by("sequence")
    )
    state = State(changes[-1].state) if changes else State.ACTIVE
    shown = str(state.label)
    if state == State.ACTIVE and row.valid_until <= at:
        shown = _("expired")
    return verdicts.Authorised(
        id=str(row.pk),
        environment=row.environment.name,
        artifact_sha256=row.artifact_sha256,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        state=shown,
        changes=tuple(
            (
                str(State(change.state).label),
                change.reason,
                change.changed_by.printed_name,
                change.changed_at,
            )
            for change in changes
        ),
    )


def deployments(
    version: ModelVersion, *, at: datetime
) -> tuple[verdicts.Deployed, ...]:
    """All deployments that were reported by then, oldest first."""
    found = (
        version.deployments.filter(reported_at__lte=at)
        .select_related("environment", "reported_by")
        .order_by("reported_at", "id")
    )
    return tuple(
        verdicts.Deployed(
            id=str(row.pk),
            environment=row.environment.name,
            artifact_sha256=row.artifact_sha256,
            authorised=row.authorised,
            because=row.because,
            decision_id=str(row.decision_id or ""),
            source=row.source,
            reported_by=row.reported_by.printed_name,
            reported_at=row.reported_at,
        )
        for row in found
    )


def denials_of(version: ModelVersion, *, at: datetime) -> list[GateDecision]:
    """The latest denials by then that the dossier lists."""
    found = version.gate_decisions.filter(decided_at__lte=at, allowed=False)
    return list(
        found.select_related("environment", "decided_for").order_by(
            "-decided_at", "id"
        )[:MOST_DENIALS]
    )


def permits_of(version: ModelVersion, *, at: datetime) -> list[GateDecision]:
    """The latest allowing decision by then of each environment."""
    found = (
        version.gate_decisions.filter(decided_at__lte=at, allowed=True)
        .select_related("environment")
        .order_by("environment__slug", "-decided_at", "id")
    )
    return list(found.distinct("environment__slug"))


def gate_history(version: ModelVersion, *, at: datetime) -> verdicts.GateHistory:
    """How the gate answered about the version until then."""
    counts = (
        version.gate_decisions.filter(decided_at__lte=at)
        .values("asked_environment")
        .annotate(
            allowed_count=Count("id", filter=Q(allowed=True)),
            denied_count=Count("id", filter=Q(allowed=False)),
        )
        .order_by("asked_environment")
    )
    totals = tuple(
        (row["asked_environment"], row["allowed_count"], row["denied_count"])
        for row in counts
    )
    shown = denials_of(version, at=at)
    return verdicts.GateHistory(
        counts=totals,
        denials=tuple(_denial(row) for row in shown),
        denials_left_out=sum(denied for _name, _yes, denied in totals) - len(shown),
    )


def _denial(row: GateDecision) -> verdicts.Denial:
    failing = [c for c in row.checks if not c["passed"] and c["severity"] != "warn"]
    return verdicts.Denial(
        id=str(row.pk),
        environment=row.asked_environment,
        decided_for=row.decided_for.printed_name,
        decided_at=row.decided_at,
        reasons=tuple(f"{c['title']}: {c['observed']}" for c in failing),
    )
