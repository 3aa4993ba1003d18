"""All models of a unit, or of the house, as they stood: the portfolio dossier."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.utils.translation import gettext as _

from governance import matrices, portfolio, risk
from governance.dossier.assessed import Matrix
from governance.dossier.content import Attached, Control, Trail
from governance.dossier.exceptions import waiver_facts
from governance.dossier.risks import matrix_facts
from governance.models import (
    Authorisation,
    AuthorisationChange,
    Finding,
    FindingChange,
    RiskAssessment,
    RiskMatrix,
    Severity,
    Status,
    StatusChange,
    TierDecision,
    Waiver,
    WaiverDecision,
)
from governance.models.risk import Band
from registry.models import Deployment, ModelVersion, RegisteredModel


@dataclass(frozen=True)
class Line:
    """One model of the portfolio; `tier` is None where nobody has judged its risk."""

    slug: str
    name: str
    owner: str
    unit: str
    tier: int | None
    band_label: str
    score: int | None
    residual_score: int | None
    review_due_on: date | None
    due: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    authorised: tuple[tuple[str, str, datetime], ...]
    unauthorised: int
    findings: int = 0
    overdue: int = 0
    waivers: int = 0


@dataclass(frozen=True)
class OpenFinding:
    """A finding that was open."""

    id: str
    slug: str
    title: str
    severity: str
    due_on: date
    overdue: bool


@dataclass(frozen=True)
class ActiveWaiver:
    """A waiver that was in force."""

    id: str
    slug: str
    rules: tuple[str, ...]
    environment: str
    reason: str
    valid_until: datetime


@dataclass(frozen=True)
class Portfolio:
    """Everything that the dossier of a portfolio says."""

    control: Control
    scope: str
    matrix: Matrix | None
    heat: tuple[tuple[int, ...], ...]
    elsewhere: int
    tiers: tuple[tuple[str, int], ...]
    bands: tuple[tuple[str, str, int], ...]
    statuses: tuple[tuple[str, int], ...]
    lines: tuple[Line, ...]
    findings: tuple[OpenFinding, ...]
    waivers: tuple[ActiveWaiver, ...]
    trail: Trail
    attachments: tuple[Attached, ...] = field(default=())


def models_of(scope: str) -> list[RegisteredModel]:
    """The models of the unit, by name; of all units where none is named."""
    rows = RegisteredModel.objects.select_related("owner").order_by("name", "slug")
    return list(rows.filter(owner__unit=scope) if scope else rows)


@dataclass(frozen=True)
class Gathered:
    """What the dossier of a portfolio is told of, before it is proved."""

    models: Sequence[RegisteredModel]
    standings: dict[UUID, risk.Standing]
    statuses: dict[UUID, list[tuple[str, Status]]]
    permits: dict[UUID, list[Authorisation]]
    findings: Sequence[Any]
    waivers: Sequence[Waiver]
    unauthorised: Counter[UUID]


def gathered(scope: str, at: datetime) -> Gathered:
    """Read everything, in a number of queries that does not grow with the models."""
    models = models_of(scope)
    moment = portfolio.Moment(at, past=True)
    permits: dict[UUID, list[Authorisation]] = defaultdict(list)
    for row in (
        portfolio.permits_in_force(moment)
        .filter(version__model__in=models)
        .select_related("environment", "version")
        .order_by("environment__slug", "valid_until", "pk")
    ):
        permits[row.version.model_id].append(row)
    findings = portfolio.open_findings(moment).filter(model__in=models)
    deployed = Deployment.objects.filter(version__model__in=models, decision_id=None)
    unauthorised = Counter(deployed.values_list("version__model_id", flat=True))
    return Gathered(
        models=models,
        standings=risk.standings(models, at),
        statuses=_statuses(models),
        permits=permits,
        findings=list(findings.select_related("model")),
        waivers=_waivers(models, at),
        unauthorised=unauthorised,
    )


def _statuses(
    models: Iterable[RegisteredModel],
) -> dict[UUID, list[tuple[str, Status]]]:
    moves = StatusChange.objects.filter(version__model__in=list(models))
    latest = dict(
        moves.order_by("version_id", "-sequence")
        .distinct("version_id")
        .values_list("version_id", "status")
    )
    found: dict[UUID, list[tuple[str, Status]]] = defaultdict(list)
    rows = ModelVersion.objects.filter(model__in=list(models))
    for row in rows.order_by("registered_at", "version"):
        status = Status(latest.get(row.pk, Status.DEVELOPMENT))
        found[row.model_id].append((row.version, status))
    return found


def _waivers(models: Sequence[RegisteredModel], at: datetime) -> list[Waiver]:
    rows = Waiver.objects.filter(model__in=models, decision__granted=True)
    rows = rows.select_related(
        "model", "version", "environment", "decision", "revocation", "requested_by"
    )
    found = rows.order_by("valid_until", "id")
    return [row for row in found if waiver_facts(row, at).active]


def keys_of(found: Gathered) -> dict[type[Model], set[UUID]]:
    """The keys of every row that the dossier rests on."""
    standings = found.standings.values()
    assessed = {row.assessment.pk for row in standings if row.assessment}
    matrices_used = {row.assessment.matrix_id for row in standings if row.assessment}
    granted = {row.pk for rows in found.permits.values() for row in rows}
    versions = ModelVersion.objects.filter(model__in=found.models)
    named = [row.pk for row in found.findings]
    waived = [row.pk for row in found.waivers]
    return {
        RegisteredModel: {row.pk for row in found.models},
        ModelVersion: _keys(versions),
        StatusChange: _keys(StatusChange.objects.filter(version__in=versions)),
        RiskAssessment: assessed,
        RiskMatrix: matrices_used,
        TierDecision: _keys(TierDecision.objects.filter(assessment__in=assessed)),
        Authorisation: granted,
        AuthorisationChange: _keys(
            AuthorisationChange.objects.filter(authorisation__in=granted)
        ),
        Finding: set(named),
        FindingChange: _keys(FindingChange.objects.filter(finding__in=named)),
        Waiver: set(waived),
        WaiverDecision: _keys(WaiverDecision.objects.filter(waiver__in=waived)),
    }


def _keys(rows: Any) -> set[UUID]:
    return set(rows.values_list("pk", flat=True))


def portfolio_of(
    found: Gathered, *, control: Control, scope: str, trail: Trail
) -> Portfolio:
    """What was gathered, as the dossier tells it."""
    at = control.as_of
    shown = matrices.current(at=at)
    raised = Counter(row.model_id for row in found.findings)
    late = Counter(row.model_id for row in found.findings if _late(row, at))
    waived = Counter(row.model_id for row in found.waivers)
    lines = tuple(
        replace(
            _line(row, found),
            findings=raised[row.pk],
            overdue=late[row.pk],
            waivers=waived[row.pk],
        )
        for row in found.models
    )
    placed, elsewhere = _heat(found, shown)
    assessed = [row for row in found.standings.values() if row.assessment]
    tiers = Counter(row.tier for row in assessed)
    bands = Counter(row.assessment.band for row in assessed if row.assessment)
    moved = Counter(s for rows in found.statuses.values() for _version, s in rows)
    unknown = len(found.models) - len(assessed)
    return Portfolio(
        control=control,
        scope=scope,
        matrix=matrix_facts(shown),
        heat=placed,
        elsewhere=elsewhere,
        tiers=(
            *((_("Tier %(tier)s") % {"tier": n}, tiers[n]) for n in (1, 2, 3, 4)),
            (_("not assessed"), unknown),
        ),
        bands=tuple((b.value, str(b.label), bands[b.value]) for b in Band),
        statuses=tuple((str(s.label), moved[s]) for s in Status if moved[s]),
        lines=lines,
        findings=tuple(_finding(row, at) for row in found.findings),
        waivers=tuple(_waiver(row, at) for row in found.waivers),
        trail=trail,
    )


def _heat(
    found: Gathered, shown: RiskMatrix
) -> tuple[tuple[tuple[int, ...], ...], int]:
    """How many models stand in each cell, likelihood upwards; and how many nowhere."""
    table = matrices.of(shown)
    counts: Counter[tuple[int, int]] = Counter()
    elsewhere = 0
    for standing in found.standings.values():
        row = standing.assessment
        if row is None:
            continue
        if matrices.of(row.matrix).same_axes(table):
            counts[row.likelihood, row.impact] += 1
        else:
            elsewhere += 1
    rows = tuple(
        tuple(counts[row, column] for column in range(1, len(table.impacts) + 1))
        for row in range(1, len(table.likelihoods) + 1)
    )
    return rows, elsewhere


def _line(model: RegisteredModel, found: Gathered) -> Line:
    standing = found.standings[model.pk]
    row = standing.assessment
    return Line(
        slug=model.slug,
        name=model.name,
        owner=model.owner.printed_name,
        unit=model.owner.unit,
        tier=standing.tier if row else None,
        band_label=str(Band(row.band).label) if row else "",
        score=row.score if row else None,
        residual_score=row.residual_score if row else None,
        review_due_on=row.review_due_on if row else None,
        due=standing.due if row else (),
        versions=tuple(
            (version, str(status.label)) for version, status in found.statuses[model.pk]
        ),
        authorised=tuple(
            (item.environment.name, item.version.version, item.valid_until)
            for item in found.permits.get(model.pk, ())
        ),
        unauthorised=found.unauthorised[model.pk],
    )


def _late(row: Any, at: datetime) -> bool:
    return bool(row.due_on < at.date())


def _finding(row: Any, at: datetime) -> OpenFinding:
    return OpenFinding(
        id=str(row.pk),
        slug=row.model.slug,
        title=row.title,
        severity=str(Severity(row.severity).label),
        due_on=row.due_on,
        overdue=_late(row, at),
    )


def _waiver(row: Waiver, at: datetime) -> ActiveWaiver:
    told = waiver_facts(row, at)
    return ActiveWaiver(
        id=told.id,
        slug=row.model.slug,
        rules=told.rules,
        environment=told.environment,
        reason=told.reason,
        valid_until=told.valid_until,
    )
