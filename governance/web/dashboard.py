"""The portfolio: risk today, and what needs a decision."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audits import log
from governance import matrices, roles
from governance.lifecycle import State, state_of
from governance.matrices import Place
from governance.models import Authorisation, GateDecision
from governance.models.risk import Band
from governance.templatetags.freigabe import short
from governance.web import matrix, open_matters, worklist
from governance.web.frame import PersonRequest, page, show
from governance.web.links import version_url
from governance.web.listing import latest_assessments
from governance.web.open_matters import Task
from registry.models import Deployment, RegisteredModel

SOON = timedelta(days=30)
LATELY = timedelta(days=14)
LONGEST = 12


@page
def portfolio(request: PersonRequest) -> HttpResponse:
    """Show the heat map, the decisions that wait, and the last answers of the gate."""
    at = timezone.now()
    assessments = list(latest_assessments().select_related("matrix"))
    shown = matrices.current(at=at)
    table = matrices.of(shown)
    # A place means the same on the same scales only.
    counts = Counter(
        (a.likelihood, a.impact)
        for a in assessments
        if matrices.of(a.matrix).same_axes(table)
    )
    bands = Counter(a.band for a in assessments)
    tasks = [*_tasks(request, at)]
    return show(
        request,
        "dashboard/portfolio.html",
        {
            "matrix": matrix.draw(shown, counts=counts, link=_cell),
            "bands": [(band.value, bands[band.value]) for band in Band],
            "models": RegisteredModel.objects.count(),
            "may_register": roles.may(request.user, "register models"),
            "assessed": len(assessments),
            "elsewhere": len(assessments) - sum(counts.values()),
            "running": len({d.version.model_id for d in _running()}),
            "tasks": tasks[:LONGEST],
            "more": max(0, len(tasks) - LONGEST),
            "decisions": GateDecision.objects.select_related(
                "version__model", "environment", "decided_for"
            )[:6],
            "log": log.status(at=at),
            "at": at,
        },
        section="dashboard",
    )


def _cell(place: Place) -> str:
    return f"{reverse('web:inventory')}?cell={place[0]}x{place[1]}"


def _tasks(request: PersonRequest, at: datetime) -> Iterator[Task]:
    """What needs a decision: first what waits for this person, then by urgency."""
    yield from _signatures(request)
    yield from _unauthorised()
    yield from open_matters.tasks(at)
    yield from _denied(at)
    yield from _reviews(at)
    yield from _expiring(at)


def _signatures(request: PersonRequest) -> Iterator[Task]:
    for item in worklist.waiting_for(request.user):
        yield Task(
            urgent=False,
            name=str(item.request.version),
            href=reverse("web:approval", args=[item.request.pk]),
            text=_("waits for your signature"),
            at=item.request.requested_at,
            because=_("%(signed)s of %(wanted)s signatures, asked by %(name)s")
            % {
                "signed": item.signed,
                "wanted": item.wanted,
                "name": item.request.requested_by.printed_name,
            },
        )

    for item in worklist.overtaken(request.user):
        yield Task(
            urgent=False,
            name=str(item.request.version),
            href=reverse("web:approval", args=[item.request.pk]),
            text=_("must be submitted again"),
            at=item.request.requested_at,
            because=_("What it is judged by changed since you submitted it."),
        )


def _running() -> list[Deployment]:
    """What was reported last for each model and environment."""
    return list(
        Deployment.objects.select_related("version__model", "environment")
        .order_by("version__model_id", "environment_id", "-reported_at")
        .distinct("version__model_id", "environment_id")
    )


def _unauthorised() -> Iterator[Task]:
    for deployment in _running():
        if not deployment.authorised:
            yield Task(
                urgent=True,
                name=str(deployment.version),
                href=version_url(deployment.version),
                text=_("runs in %(place)s without a permit")
                % {"place": deployment.environment.name},
                at=deployment.reported_at,
                because=deployment.because,
            )


def _denied(at: datetime) -> Iterator[Task]:
    latest = (
        GateDecision.objects.filter(version__isnull=False, decided_at__gt=at - LATELY)
        .select_related("version__model", "environment")
        .order_by("version_id", "environment_id", "-decided_at")
        .distinct("version_id", "environment_id")
    )
    for decision in latest:
        if decision.allowed or decision.version is None:
            continue
        failing = sorted(
            (check for check in decision.checks if not check["passed"]),
            # A rule of the policy says more than the gate's own checks, which follow.
            key=lambda check: check["requirement"].startswith("gate-"),
        )
        more = len(failing) - 1
        first = f"{failing[0]['title']}: {failing[0]['observed']}" if failing else ""
        yield Task(
            urgent=True,
            name=str(decision.version),
            href=reverse("web:decision", args=[decision.pk]),
            text=_("was denied"),
            at=decision.decided_at,
            because=first
            if more < 1
            else ngettext(
                "%(first)s; %(n)s further reason",
                "%(first)s; %(n)s further reasons",
                more,
            )
            % {"first": first, "n": more},
        )


def _reviews(at: datetime) -> Iterator[Task]:
    due = latest_assessments().select_related("model")
    for assessment in due:
        if assessment.review_due_on > (at + SOON).date():
            continue
        overdue = assessment.review_due_on < at.date()
        yield Task(
            urgent=overdue,
            name=assessment.model.name,
            href=reverse("web:model", args=[assessment.model.slug]),
            text=_("risk review is overdue") if overdue else _("risk review is due"),
            because=_("due on %(day)s") % {"day": short(assessment.review_due_on)},
        )


def _expiring(at: datetime) -> Iterator[Task]:
    latest = (
        Authorisation.objects.select_related("version__model", "environment")
        .prefetch_related("changes")
        .order_by("version_id", "environment_id", "-valid_from")
        .distinct("version_id", "environment_id")
    )
    for authorisation in latest:
        if not at < authorisation.valid_until <= at + SOON:
            continue
        if state_of(authorisation) in (State.REVOKED, State.SUPERSEDED):
            continue
        yield Task(
            urgent=False,
            name=str(authorisation.version),
            href=version_url(authorisation.version),
            text=_("authorisation for %(place)s ends")
            % {"place": authorisation.environment.name},
            because=_("on %(day)s") % {"day": short(authorisation.valid_until.date())},
        )
