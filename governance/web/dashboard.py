"""The portfolio: risk today or on a past day, what is open, what needs a decision."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audits import log
from governance import portfolio as counted
from governance import reconciliation
from governance.models import GateDecision, RiskAssessment
from governance.policy import Check
from governance.portfolio import DayForm, Moment
from governance.templatetags.freigabe import short
from governance.web import (
    distribution,
    kept,
    matrix,
    moves,
    open_matters,
    worklist,
)
from governance.web.frame import PersonRequest, may, page, show
from governance.web.links import version_url
from governance.web.open_matters import Task
from registry.models import RegisteredModel

SOON = counted.SOON
LATELY = timedelta(days=14)
LONGEST = 12
SIGNATURES = 5  # of each kind; all others stand under my work


@page
def portfolio(request: PersonRequest) -> HttpResponse:
    """Show the figures of the portfolio; of this moment also what waits.

    While nothing is registered, the first steps are the first page.
    """
    form = DayForm(request.GET)
    past = form.at()
    if past is None and not RegisteredModel.objects.exists():
        return redirect("web:start")
    moment = Moment(past, past=True) if past else Moment(timezone.now())
    known = counted.overview(moment, waivers=open_matters.MOST)
    return show(
        request,
        "dashboard/portfolio.html",
        {
            "form": form,
            "moment": moment,
            "at": moment.at,
            "as_of": moment.day.isoformat() if moment.past else "",
            "may_register": may(request, "register models"),
            **_figures(known, moment),
            **_open(known, moment),
            **({} if moment.past else _now(request, moment.at, known.ending)),
        },
        section="dashboard",
    )


def _figures(known: counted.Overview, moment: Moment) -> dict[str, Any]:
    """The figures that rest on judgements; `told` is False where there are none.

    The log that knew may have left, or there is no matrix yet.
    """
    found = known.figures
    if found is None:
        return {"told": False, "models": RegisteredModel.objects.count()}
    link = distribution.Links(moment)
    return {
        "told": True,
        "models": found.models,
        "assessed": found.assessed,
        "unassessed": found.models - found.assessed,
        "elsewhere": found.elsewhere,
        "elsewhere_href": link.inventory(scales="other"),
        "matrix": matrix.draw(found.shown, counts=found.places, link=link.cell),
        "moves": moves.draw(found, link.move),
        "bands": distribution.bands(found, link),
        "tiers": distribution.tiers(found, link),
        "statuses": distribution.statuses(known.statuses, link),
        "reviews": distribution.reviews(found, link),
    }


def _open(known: counted.Overview, moment: Moment) -> dict[str, Any]:
    """What runs out and what is open."""
    return {
        "running": known.running,
        "permits": known.permits,
        "waivers": known.waivers,
        "findings": distribution.findings(known.findings, distribution.Links(moment)),
        "findings_overdue": known.findings_overdue,
    }


def _now(
    request: PersonRequest, at: datetime, waivers: Sequence[counted.EndingWaiver]
) -> dict[str, Any]:
    """What is told of this moment only."""
    forbidden = reconciliation.unauthorised(at=at)
    tasks = list(islice(_tasks(request, at, forbidden, waivers), LONGEST + 1))
    return {
        "unauthorised": len(forbidden),
        "tasks": tasks[:LONGEST],
        "more": len(tasks) > LONGEST,
        "decisions": GateDecision.objects.select_related(
            "version__model", "environment", "decided_for"
        )[:6],
        "log": log.status(at=at),
    }


def _tasks(
    request: PersonRequest,
    at: datetime,
    forbidden: list[reconciliation.Running],
    waivers: Sequence[counted.EndingWaiver],
) -> Iterator[Task]:
    """What needs a decision: first what waits for this person, then by urgency."""
    yield from _signatures(request, at)
    yield from _unauthorised(forbidden)
    yield from open_matters.tasks(at, waivers)
    yield from _denied(at)
    yield from _reviews(at)
    yield from _expiring(at)


def _signatures(request: PersonRequest, at: datetime) -> Iterator[Task]:
    """The first of the queue as it is: their pages say whether they stand."""
    may_sign = worklist.signing_roles(request.user, request.held, at)
    queue = worklist.queue_of(request.user, may_sign).select_related(
        "request__version__model", "request__environment", "asked_by"
    )
    for row in queue[:SIGNATURES]:
        yield Task(
            urgent=False,
            name=str(row.request.version),
            href=reverse("web:approval", args=[row.request_id]),
            text=_("waits for your signature"),
            at=row.request.requested_at,
            because=_("for %(place)s, asked by %(name)s")
            % {
                "place": row.request.environment.name,
                "name": row.asked_by.printed_name,
            },
        )

    for item in worklist.overtaken(request.user, most=SIGNATURES):
        yield Task(
            urgent=False,
            name=str(item.request.version),
            href=reverse("web:approval", args=[item.request.pk]),
            text=_("must be submitted again"),
            at=item.request.requested_at,
            because=_("What it is judged by changed since you submitted it."),
        )


def _unauthorised(forbidden: list[reconciliation.Running]) -> Iterator[Task]:
    for one in forbidden:
        yield Task(
            urgent=True,
            name=str(one.version or one.place or one.sha256[:12]),
            href=version_url(one.version)
            if one.version
            else f"{reverse('web:running')}?state=unauthorised",
            text=_("runs in %(place)s without a permit")
            % {"place": one.environment.name},
            at=one.since,
            because=one.because,
        )


def _denied(at: datetime) -> Iterator[Task]:
    later = GateDecision.objects.filter(
        version=OuterRef("version"),
        environment=OuterRef("environment"),
        decided_at__gt=OuterRef("decided_at"),
    )
    denied = GateDecision.objects.filter(
        ~Exists(later),
        version__isnull=False,
        allowed=False,
        decided_at__gt=at - LATELY,
    )
    denied = denied.select_related("version__model", "environment")
    found = [
        (decision, _failing(decision))
        for decision in denied.order_by("-decided_at")[: LONGEST + 1]
    ]
    rules = kept.rules_of(checks[0].pack for _row, checks in found if checks)
    for decision, failing in found:
        more = len(failing) - 1
        first = ""
        if failing:
            told = kept.read(failing[0], rules)
            first = f"{told.title}: {told.observed}"
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


def _failing(decision: GateDecision) -> list[Check]:
    """What failed: rules of the policy say more than the gate's own checks."""
    return sorted(
        (Check(**check) for check in decision.checks if not check["passed"]),
        key=lambda check: check.requirement.startswith("gate-"),
    )


def _reviews(at: datetime) -> Iterator[Task]:
    later = RiskAssessment.objects.filter(
        model=OuterRef("model"), sequence__gt=OuterRef("sequence")
    )
    due = RiskAssessment.objects.filter(
        ~Exists(later), review_due_on__lte=(at + SOON).date()
    ).select_related("model")
    for assessment in due.order_by("review_due_on", "pk")[: LONGEST + 1]:
        overdue = assessment.review_due_on < at.date()
        yield Task(
            urgent=overdue,
            name=assessment.model.name,
            href=reverse("web:model", args=[assessment.model.slug]),
            text=_("risk review is overdue") if overdue else _("risk review is due"),
            because=_("due on %(day)s") % {"day": short(assessment.review_due_on)},
        )


def _expiring(at: datetime) -> Iterator[Task]:
    rows = counted.expiring(Moment(at)).select_related("version__model", "environment")
    for authorisation in rows[: LONGEST + 1]:
        yield Task(
            urgent=False,
            name=str(authorisation.version),
            href=version_url(authorisation.version),
            text=_("authorisation for %(place)s ends")
            % {"place": authorisation.environment.name},
            because=_("on %(day)s") % {"day": short(authorisation.valid_until)},
        )
