"""The page of one model: where it stands, what speaks for it, what happened to it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from audits.models import EvidenceRun
from governance import gate, lifecycle, matrices, risk
from governance.case import Case
from governance.models import ApprovalRequest, GateDecision, Status
from governance.policy import Check, NoPolicy
from governance.portfolio import DayForm
from governance.web import drawing, exceptions, history, matrix, outside, past, trends
from governance.web.approvals import outcome
from governance.web.failing import failing_first
from governance.web.frame import PersonRequest, may, page, show
from governance.web.listing import latest_status, status_in
from governance.web.readings import Counting, counting_of, limits_of
from governance.web.registering import InventoryForm
from governance.web.steps import Step, steps_of
from governance.web.versions import choose_environment
from registry import tracing
from registry.models import Deployment, Environment, ModelVersion, RegisteredModel

VERSIONS, FAILING, EVENTS, PLACES, ASKED = 6, 4, 8, 12, 4
PER_PAGE = 50


@dataclass(frozen=True)
class Standing:
    """Where the version stands that the page speaks of, in one environment."""

    version: ModelVersion
    status: Status
    environment: Environment | None
    steps: Sequence[Step] = ()
    failing: Sequence[Check] = ()
    case: Case | None = None

    @property
    def allowed(self) -> bool:
        """Whether it may run there now."""
        return self.case is not None and not any(c.blocks for c in self.failing)

    @property
    def absent(self) -> Collection[str]:
        """The kinds of records of which the model is known to have none."""
        return self.case.around.together.absent if self.case else ()

    @property
    def shown(self) -> Sequence[Check]:
        """What stands in the way, the first four."""
        return self.failing[:FAILING]

    @property
    def more(self) -> int:
        """How many further checks fail."""
        return max(0, len(self.failing) - FAILING)

    @property
    def next_step(self) -> str:
        """What is done next, and by whom: of the first check that names it."""
        return next((check.next_step for check in self.failing if check.next_step), "")


@dataclass(frozen=True)
class VersionLine:
    """A version in the table: status, evidence that counts, where it runs."""

    version: ModelVersion
    status: Status
    runs: Sequence[EvidenceRun]
    places: Sequence[Deployment]
    before: ModelVersion | None


@page
def model_page(request: PersonRequest, slug: str) -> HttpResponse:
    """One model on one page, everything by its newest rows."""
    at = timezone.now()
    model = get_object_or_404(
        RegisteredModel.objects.select_related("owner", "developer", "validator"),
        slug=slug,
    )
    versions = newest_versions(model, trends.VERSIONS + 1)
    counting = counting_of(versions[: trends.VERSIONS])
    standing = _standing(request, versions, at)
    facts = InventoryForm.facts_of(model)
    judged = _risk(model, standing, at)
    day = DayForm(request.GET)
    return show(
        request,
        "inventory/model.html",
        {
            "model": model,
            "facts": facts,
            "unknown": [label for label, value in facts if not value],
            "stands": standing,
            "lines": lines(versions, VERSIONS, counting),
            "all_versions": model.versions.count(),
            "trends": trends.of_versions(
                versions[: trends.VERSIONS],
                limits_of(standing.case if standing else None),
                counting,
            ),
            "deployments": _running(model),
            "asked": _asked(model, at),
            "lineage": _lineage(request, standing),
            "here": f"version:{standing.version.pk}" if standing else "",
            "events": history.events_of(model, most=EVENTS),
            # By version: an index by time alone would be read to its end.
            "decisions": GateDecision.objects.filter(
                version__in=versions
            ).select_related("version__model", "environment", "decided_for")[:5],
            "exceptions": exceptions.open_about(
                model, at, judged["standing"], standing.absent if standing else ()
            ),
            "exception_links": exceptions.links_for(request, model),
            "at": at,
            "day": day,
            "then": past.of_model(model, day),
            **judged,
            "may_change": may(request, "change inventory records"),
            "may_assess": may(request, "assess risk"),
        },
        section="models",
    )


def newest_versions(model: RegisteredModel, most: int) -> list[ModelVersion]:
    """The newest versions with their status, in one query."""
    rows = model.versions.select_related("model", "developer", "run")
    rows = rows.annotate(status=latest_status())
    return list(rows.order_by("-registered_at", "-pk")[:most])


@page
def versions_page(request: PersonRequest, slug: str) -> HttpResponse:
    """All versions of a model, a page at a time, to look at or to compare two."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    rows = model.versions.select_related("model", "developer", "run")
    rows = rows.annotate(status=latest_status()).order_by("-registered_at", "-pk")
    name = request.GET.get("after", "").replace("\0", "")
    last = model.versions.filter(version=name).first() if name else None
    if last is not None:
        older = Q(registered_at__lt=last.registered_at)
        same = Q(registered_at=last.registered_at, pk__lt=last.pk)
        rows = rows.filter(older | same)
    found = list(rows[: PER_PAGE + 1])
    return show(
        request,
        "inventory/versions.html",
        {
            "model": model,
            "lines": lines(found, PER_PAGE, counting_of(found[:PER_PAGE])),
            "more": found[PER_PAGE - 1].version if len(found) > PER_PAGE else "",
        },
        section="models",
    )


def _standing(
    request: PersonRequest, versions: Sequence[ModelVersion], at: datetime
) -> Standing | None:
    """Of the newest version that is not retired; None without any version."""
    if not versions:
        return None
    version = next((v for v in versions if status_in(v) != Status.RETIRED), versions[0])
    environment = choose_environment(request.GET.get("environment", ""))
    standing = Standing(version, status_in(version), environment)
    if environment is None:
        return standing
    question = gate.Question(
        environment=environment.slug, model=version.model.slug, version=version.version
    )
    case, checks = gate.examine(question, by=request.user, at=at)
    failing = [check for check in failing_first(checks) if not check.passed]
    standing = replace(standing, failing=failing, case=case)
    try:
        return replace(standing, steps=steps_of(case)) if case else standing
    except NoPolicy:
        return standing


def lines(
    versions: Sequence[ModelVersion], most: int, counting: Counting
) -> list[VersionLine]:
    """Versions with the evidence that counts, and their places; the one after each is
    its forerunner."""
    shown = versions[:most]
    places: dict[Any, list[Deployment]] = {version.pk: [] for version in shown}
    reports = Deployment.objects.filter(version__in=shown).select_related("environment")
    latest = reports.order_by("version_id", "environment_id", "-reported_at")
    for report in latest.distinct("version_id", "environment_id"):
        places[report.version_id].append(report)
    return [
        VersionLine(
            version=version,
            status=status_in(version),
            runs=list(counting[version.pk].values()),
            places=places[version.pk],
            before=versions[at + 1] if at + 1 < len(versions) else None,
        )
        for at, version in enumerate(shown)
    ]


def _running(model: RegisteredModel) -> list[Deployment]:
    """What was reported last of each environment and pipeline."""
    rows = Deployment.objects.filter(version__model=model).select_related(
        "version", "environment", "reported_by"
    )
    latest = rows.order_by(
        "environment__name", "environment_id", "source", "-reported_at"
    )
    return list(
        latest.distinct("environment__name", "environment_id", "source")[:PLACES]
    )


def _asked(
    model: RegisteredModel, at: datetime
) -> list[tuple[ApprovalRequest, str, str, str]]:
    """The newest requests with outcome, sign, and what became of the authorisation."""
    rows = list(
        ApprovalRequest.objects.filter(version__model=model)
        .select_related(
            "version", "environment", "withdrawal", "authorisation__request"
        )
        .prefetch_related("signatures", "authorisation__changes")[:ASKED]
    )
    granted = [row.authorisation for row in rows if hasattr(row, "authorisation")]
    standing = lifecycle.standing_among(granted, at=at)
    found = []
    for row in rows:
        word, sign, state = *outcome(row), ""
        if hasattr(row, "authorisation") and row.authorisation.pk not in standing:
            state = str(lifecycle.state_of(row.authorisation).label)
            sign = "no"
        found.append((row, word, sign, state))
    return found


def _lineage(
    request: PersonRequest, standing: Standing | None
) -> drawing.Drawing | None:
    if standing is None:
        return None
    graph = outside.bounded(tracing.of_version(standing.version).graph, request.user)
    return drawing.draw(graph, opened=request.GET.getlist("open"))


def _risk(
    model: RegisteredModel, stands: Standing | None, at: datetime
) -> dict[str, Any]:
    """The assessment that counts with its place on the matrix, and earlier ones."""
    case = stands.case if stands else None
    rows = model.risk_assessments.select_related("matrix", "assessed_by")
    assessments = list(rows[:4])
    latest = assessments[0] if assessments else None
    return {
        "assessment": latest,
        "earlier": assessments[1:],
        "standing": case.standing
        if case and case.assessment == latest
        else risk.standing_with(model, latest, at),
        "matrix": matrix.draw(
            latest.matrix if latest else matrices.current(at=at),
            here=(latest.likelihood, latest.impact) if latest else None,
        ),
    }
