"""Fleet attestation: an executive's signed word over a snapshot that cannot change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from governance import findings, records, reviews, risk, roles, signatures, waived
from governance.lifecycle import status_of
from governance.models import Attestation, Incident, RecordSignature, Severity
from registry.digests import canonical_json, sha256_hex
from registry.models import RegisteredModel, Role, User

RECORD = "attestation"
# What the executive is asked; each is answered yes or no, a no with its reason.
QUESTIONS = {
    "inventory": gettext_noop("The inventory is complete for this scope."),
    "risk": gettext_noop("Every model in use has a current risk assessment."),
    "validation": gettext_noop("Every model in use was validated independently."),
    "monitoring": gettext_noop("Every model in use is monitored."),
    "exceptions": gettext_noop("Waivers and emergencies were justified and reviewed."),
    "incidents": gettext_noop("Serious incidents were reported in time."),
}


class CriticalFindings(Exception):
    """Critical findings are open, so that nobody can attest."""


@dataclass(frozen=True)
class Answer:
    """Yes, or no with its reason."""

    yes: bool
    comment: str = ""


@dataclass(frozen=True)
class Period:
    """From which day until which, both included, and for which models."""

    first: date
    last: date
    scope: str = "*"


@signatures.signed_act
def attest(
    *,
    period: Period,
    answers: Mapping[str, Answer],
    proof: signatures.Proof,
    by: User,
    at: datetime,
) -> Attestation:
    """Attest the fleet, signed by the accountable executive.

    The snapshot is taken now and kept with its digest. Refused while a critical finding
    is open in the scope. Raises `NotAllowed`, `CriticalFindings`, `records.Refused`,
    `WrongPassword`, `LockedOut`.
    """
    roles.require(by, "attest")
    roles.require_person(by)
    _require_answers(period, answers, at)
    models = in_scope(period.scope)
    if not models:
        raise records.Refused({"scope": [_("No model is in this scope.")]})
    _refuse_critical(models, at)
    text = snapshot(models, period, answers, at)
    row = Attestation(
        period_from=period.first,
        period_until=period.last,
        scope=period.scope,
        answers=_plain(answers),
        snapshot=text,
        snapshot_sha256=sha256_hex(text.encode()),
        attested_by=by,
        attested_at=at,
    )
    records.valid(row)
    row.save(force_insert=True)
    signatures.sign_record(
        record_type=RECORD,
        record_id=row.pk,
        subject_sha256=row.snapshot_sha256,
        statement=statement(row, by=by),
        role=Role.EXECUTIVE,
        meaning=RecordSignature.Meaning.RESPONSIBILITY,
        proof=proof,
        by=by,
        at=at,
    )
    return row


def _require_answers(
    period: Period, answers: Mapping[str, Answer], at: datetime
) -> None:
    errors = {
        name: [_("Answer this question.")] for name in QUESTIONS if name not in answers
    }
    for name, answer in answers.items():
        if name not in QUESTIONS:
            errors[name] = [_("There is no such question.")]
        elif not answer.yes and not answer.comment.strip():
            errors[name] = [_("A no needs its reason.")]
    if period.last < period.first or period.last > at.date():
        errors["period_until"] = [_("The period ends after it began, by today.")]
    if not period.scope.strip():
        errors["scope"] = [_("Name the models, such as *.")]
    if errors:
        raise records.Refused(errors)


def in_scope(scope: str) -> list[RegisteredModel]:
    """The models whose short name fits a pattern such as `*` or `credit-*`."""
    rows = RegisteredModel.objects.select_related("owner").order_by("slug")
    return [row for row in rows if fnmatchcase(row.slug, scope)]


def _refuse_critical(models: list[RegisteredModel], at: datetime) -> None:
    critical = [
        row.finding
        for model in models
        for row in findings.open_of(model, at)
        if row.severity == Severity.CRITICAL
    ]
    if critical:
        raise CriticalFindings(
            _("Critical findings are open: %(titles)s.")
            % {"titles": "; ".join(f"{f.model}: {f.title}" for f in critical[:10])}
        )


def _plain(answers: Mapping[str, Answer]) -> dict[str, Any]:
    return {
        name: {"yes": answer.yes, "comment": answer.comment}
        for name, answer in sorted(answers.items())
    }


def snapshot(
    models: list[RegisteredModel],
    period: Period,
    answers: Mapping[str, Answer],
    at: datetime,
) -> str:
    """Canonical JSON of how the fleet stands now: what the executive signs."""
    return canonical_json(
        {
            "period": [period.first.isoformat(), period.last.isoformat()],
            "scope": period.scope,
            "taken_at": at.isoformat(),
            "answers": _plain(answers),
            "models": [_model(model, at) for model in models],
        }
    ).decode()


def _model(model: RegisteredModel, at: datetime) -> dict[str, Any]:
    open_findings = findings.open_of(model, at)
    rows = waived.told().filter(model=model, decision__granted=True)
    dues = [reviews.due(model, kind, at) for kind in reviews.Kind]
    return {
        "model": model.slug,
        "owner": model.owner.printed_name,
        "tier": risk.standing_of(model, at).tier,
        "versions": [
            {
                "version": version.version,
                "sha256": version.sha256,
                "status": str(status_of(version)),
            }
            for version in model.versions.order_by("version")
        ],
        "open_findings": {
            str(severity): sum(row.severity == severity for row in open_findings)
            for severity in Severity
        },
        "overdue_findings": sum(row.overdue for row in open_findings),
        "active_waivers": sum(
            row.state(at) == "active" for row in waived.endings(rows, at)
        ),
        "reviews_overdue": [str(one.kind) for one in dues if one.overdue(at)],
        "incidents_open": Incident.objects.filter(model=model, closure=None).count(),
    }


def statement(row: Attestation, *, by: User) -> str:
    """The sentence that the executive signs."""
    return _(
        "I, %(name)s, acting as %(role)s, attest the models %(scope)s for %(first)s to "
        "%(last)s with the answers given, on the snapshot with the SHA-256 %(digest)s."
    ) % {
        "name": by.printed_name,
        "role": Role.EXECUTIVE.label,
        "scope": row.scope,
        "first": row.period_from.isoformat(),
        "last": row.period_until.isoformat(),
        "digest": row.snapshot_sha256,
    }
