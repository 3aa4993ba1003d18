"""The page of a version: how far it is, whether it may run, and what it rests on."""

from collections.abc import Sequence

from django.db.models import Prefetch, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from audits.capture import relation
from audits.models import (
    Entry,
    EvidenceReport,
    EvidenceRun,
    ForeignEvidence,
    Leaf,
)
from governance import attaching, gate, retiring, risk
from governance.case import Case
from governance.lifecycle import state_of
from governance.models import ApprovalRequest, Authorisation, AuthorisationChange
from governance.policy import Check, NoPolicy
from governance.portfolio import DayForm
from governance.web import drawing, exceptions, figures, outside, past
from governance.web.failing import failing_first
from governance.web.frame import PersonRequest, may, page, show
from governance.web.steps import Step, steps_of
from registry import tracing
from registry.models import Environment, ModelVersion

Kind = EvidenceRun.Kind
PRODUCTION = "production"
SHOWN_FIRST = (
    Kind.FAIRNESS,
    Kind.PERFORMANCE,
    Kind.EXPLAINABILITY,
    Kind.ROBUSTNESS,
    Kind.DRIFT,
    Kind.DATA_QUALITY,
)


def find_version(slug: str, number: str) -> ModelVersion:
    """The version by its names, or the page that says there is none."""
    versions = ModelVersion.objects.select_related(
        "model__owner",
        "model__developer",
        "run",
        "developer",
        "registered_by",
        "retirement",
    )
    return get_object_or_404(versions, model__slug=slug, version=number)


def choose_environment(wanted: str) -> Environment | None:
    """The environment asked for; else production; else any."""
    return choose_among(list(Environment.objects.all()), wanted)


def choose_among(known: Sequence[Environment], wanted: str) -> Environment | None:
    """The same of these, which are all."""
    for slug in (wanted, PRODUCTION):
        for environment in known:
            if environment.slug == slug:
                return environment
    return known[0] if known else None


@page
def version_page(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """One version, seen for one environment; first where it stood on a past day."""
    at = timezone.now()
    day = DayForm(request.GET)
    row = find_version(slug, version)
    environments = list(Environment.objects.all())
    environment = choose_among(environments, request.GET.get("environment", ""))
    case, checks, steps = _examine(request, row, environment)
    standing = case.standing if case else risk.standing_of(row.model, at)
    reports = (
        EvidenceReport.objects.filter(run__version=row, run__kind__in=SHOWN_FIRST)
        .select_related("run__dataset_version__dataset")
        .order_by("run__kind", "-reported_at")
        .distinct("run__kind")
    )
    requests = ApprovalRequest.objects.filter(version=row).select_related(
        "environment", "requested_by", "withdrawal", "authorisation"
    )
    changes = AuthorisationChange.objects.select_related("changed_by")
    authorisations = (
        Authorisation.objects.filter(version=row)
        .select_related("environment")
        .prefetch_related(Prefetch("changes", changes))
    )
    return show(
        request,
        "inventory/version.html",
        {
            "version": row,
            "model": row.model,
            "day": day,
            "then": past.of_version(row, day),
            "assessment": standing.assessment,
            "environment": environment,
            "environments": environments,
            "checks": failing_first(checks),
            "allowed": bool(checks) and not any(c.blocks for c in checks),
            "steps": steps,
            "runs": row.evidence_runs.select_related("dataset_version__dataset")[:50],
            "figures": sorted(
                ((r, figure) for r in reports for figure in figures.all_of(r)[:1]),
                key=lambda pair: SHOWN_FIRST.index(pair[0].run.kind),
            ),
            "attachments": ForeignEvidence.objects.filter(version=row).select_related(
                "artifact", "attached_by", "signer"
            ),
            "lineage": drawing.draw(
                outside.bounded(tracing.of_version(row).graph, request.user),
                opened=request.GET.getlist("open"),
            ),
            "here": f"version:{row.pk}",
            "artifacts": row.version_artifacts.select_related("artifact"),
            "requests": requests.prefetch_related("signatures"),
            "authorisations": [(a, state_of(a)) for a in authorisations],
            "deployments": row.deployments.select_related("environment", "reported_by"),
            "decisions": row.gate_decisions.select_related(
                "version__model", "environment", "decided_for"
            )[:6],
            "dossiers": row.dossiers.select_related("requested_by")[:5],
            "leaf": _leaf(row),
            "may_measure": may(request, "request evidence"),
            "may_attach": may(request, attaching.RIGHT),
            "may_submit": may(request, "submit versions"),
            "may_retire": retiring.is_next_hand(row, request.user, at),
            "exceptions": exceptions.open_about(
                row, at, standing, case.around.together.absent if case else ()
            ),
            "exception_links": exceptions.links_for(request, row.model, row),
            "at": at,
        },
        section="models",
    )


def _examine(
    request: PersonRequest, version: ModelVersion, environment: Environment | None
) -> tuple[Case | None, list[Check], list[Step]]:
    """Ask the gate without recording anything; nothing to ask without environment."""
    if environment is None:
        return None, [], []
    question = gate.Question(
        environment=environment.slug,
        model=version.model.slug,
        version=version.version,
    )
    case, checks = gate.examine(question, by=request.user, at=timezone.now())
    try:
        return case, checks, steps_of(case) if case else []
    except NoPolicy:
        return case, checks, []


def _leaf(version: ModelVersion) -> Leaf | None:
    """The place in the log where the registration of this version stands."""
    entries = Entry.objects.filter(rel=relation(ModelVersion), pk_text=str(version.pk))
    first = entries.values("entry_id")[:1]
    return Leaf.objects.filter(entry_id=Subquery(first)).first()
