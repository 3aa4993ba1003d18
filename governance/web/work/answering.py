"""Questions and findings to answer, close or verify, and evidence that failed."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from audits.models import EvidenceRun
from governance.auditing import requests_for
from governance.models import (
    AuditRequest,
    AuditRequestStep,
    Challenge,
    ChallengeDisposition,
    ChallengeResponse,
    Finding,
    FindingChange,
)
from governance.web.work.me import Item, Me
from registry.models import RegisteredModel, Role

State = FindingChange.State
Asked = AuditRequestStep.State
LATELY = timedelta(days=14)
_CLOSED = (
    ChallengeDisposition.Outcome.RESOLVED,
    ChallengeDisposition.Outcome.CHANGED,
)


def challenges(me: Me) -> QuerySet[Challenge] | None:
    """Open ones that this person answers, or raised and were answered since."""
    answered = ChallengeResponse.objects.filter(challenge=OuterRef("pk"))
    model = "request__version__model"
    to_answer = (
        Q(**{f"{model}__owner": me.user})
        | Q(**{f"{model}__developer": me.user})
        | Q(request__version__developer=me.user)
    ) & ~Exists(answered)
    to_close = Q(raised_by=me.user) & Exists(answered)
    # The request still waits: a decided one needs no answer any more.
    return (
        Challenge.objects.filter(to_answer | to_close, request__waiting__isnull=False)
        .exclude(disposition__outcome__in=_CLOSED)
        .select_related("request__version__model", "raised_by")
        .order_by("raised_at")
    )


def challenged(me: Me, found: Iterable[Challenge]) -> Iterable[Item]:
    """Each with its question."""
    for row in found:
        mine = row.raised_by_id == me.user.pk
        yield Item(
            name=str(row.request.version),
            href=reverse("web:challenges", args=[row.request_id]),
            text=_("your challenge was answered: close it or maintain it")
            if mine
            else _("a challenge waits for your answer"),
            model=row.request.version.model,
            since=row.raised_at,
            because=row.question,
        )


def audits(me: Me) -> QuerySet[AuditRequest] | None:
    """Open requests of auditors about this person's models, or, about none, to risk
    managers; and those of this person that were answered."""
    concern = Q()
    if me.may("answer auditors"):
        told = Q(model__owner=me.user)
        if Role.RISK_MANAGER in me.held:
            told |= Q(model=None)
        concern |= told & Q(latest=Asked.OPEN)
    if me.may("ask as an auditor"):
        concern |= Q(asked_by=me.user, latest=Asked.ANSWERED)
    if not concern:
        return None
    return requests_for(me.user).filter(concern).order_by("due_on", "asked_at")


def asked_of(me: Me, found: Iterable[AuditRequest]) -> Iterable[Item]:
    """Each with its question."""
    for row in found:
        mine = row.asked_by_id == me.user.pk
        yield Item(
            name=row.model.name if row.model else _("About no single model"),
            href=reverse("web:audit_request", args=[row.pk]),
            text=_("your question was answered: close it or say what is missing")
            if mine
            else _("an auditor asks: answer"),
            model=row.model,
            due=row.due_on,
            since=row.asked_at,
            because=row.question,
        )


def latest_changes() -> QuerySet[FindingChange]:
    """Where each finding stands."""
    newer = FindingChange.objects.filter(
        finding=OuterRef("finding"), sequence__gt=OuterRef("sequence")
    )
    return FindingChange.objects.exclude(Exists(newer)).select_related("finding__model")


def findings(me: Me) -> QuerySet[FindingChange] | None:
    """Open findings that this person answers for."""
    open_again = Q(state=State.ACCEPTED, accepted_until__lte=me.at)
    states = (State.OPEN, State.PLANNED, State.PLAN_ACCEPTED)
    return (
        latest_changes()
        .filter(open_again | Q(state__in=states), owner=me.user)
        .order_by("due_on")
    )


def found(me: Me, rows: Iterable[FindingChange]) -> Iterable[Item]:
    """Each with its severity and how far it is."""
    for row in rows:
        yield _finding(
            row,
            _("plan and resolve it")
            if row.state in (State.OPEN, State.ACCEPTED)
            else _("resolve it"),
        )


def to_verify(me: Me) -> QuerySet[FindingChange] | None:
    """Plans to accept and resolutions to verify, of findings that this person raised,
    or about models that they validate; never of what they worked on themselves."""
    if not me.may("raise findings"):
        return None
    validated = RegisteredModel.objects.filter(validator=me.user).values("pk")
    concern = Finding.objects.filter(Q(raised_by=me.user) | Q(model__in=validated))
    return (
        latest_changes()
        .filter(
            finding__in=concern.values("pk"),
            state__in=(State.PLANNED, State.RESOLVED),
        )
        .exclude(owner=me.user)
        .exclude(changed_by=me.user)
        .order_by("due_on")
    )


def verified(me: Me, rows: Iterable[FindingChange]) -> Iterable[Item]:
    """Each with what is to be looked at."""
    for row in rows:
        planned = row.state == State.PLANNED
        yield _finding(
            row, _("accept its plan") if planned else _("verify and close it")
        )


def _finding(row: FindingChange, text: str) -> Item:
    return Item(
        name=row.finding.title,
        href=reverse("web:finding", args=[row.finding_id]),
        text=text,
        model=row.finding.model,
        due=row.due_on,
        since=row.finding.raised_at,
        because=f"{row.finding.model.name} · {row.get_severity_display()} · "
        f"{row.get_state_display()}",
    )


def failed(me: Me) -> QuerySet[EvidenceRun] | None:
    """Evidence that this person asked for lately, failed, and was not asked again."""
    again = EvidenceRun.objects.filter(
        version=OuterRef("version"),
        kind=OuterRef("kind"),
        requested_at__gt=OuterRef("requested_at"),
    )
    return (
        EvidenceRun.objects.filter(
            requested_by=me.user,
            state=EvidenceRun.State.FAILED,
            requested_at__gt=me.at - LATELY,
        )
        .exclude(Exists(again))
        .select_related("version__model")
        .order_by(F("requested_at").desc())
    )


def failures(me: Me, found: Iterable[EvidenceRun]) -> Iterable[Item]:
    """Each with what went wrong."""
    for row in found:
        yield Item(
            name=str(row.version),
            href=reverse("web:evidence", args=[row.pk]),
            text=_("%(kind)s could not be measured") % {"kind": row.get_kind_display()},
            model=row.version.model,
            since=row.requested_at,
            because=row.failure,
        )
