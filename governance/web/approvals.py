"""Approval requests: submitting a version, the list, taking a request back."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import approvals, roles
from governance.lifecycle import NoSuchMove
from governance.models import ApprovalRequest, Signature, Withdrawal
from governance.policy import Check, NoPolicy
from governance.web import worklist
from governance.web.frame import PersonRequest, ReasonForm, page, put_errors, show
from governance.web.versions import find_version
from registry.models import Environment

PER_PAGE = 25


class SubmitForm(forms.Form):
    """For which environment, and until when at most."""

    environment = forms.ModelChoiceField(
        label=gettext_lazy("Environment"), queryset=Environment.objects.all()
    )
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    valid_until = forms.DateField(
        label=gettext_lazy("Not longer than until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Empty means as long as the policy allows."),
    )

    def last_moment(self) -> datetime | None:
        """The end of the last day that was asked for."""
        last = self.cleaned_data["valid_until"]
        return datetime.combine(last, time.max, UTC) if last else None


@page
def submit(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Ask for approval; what is still missing is listed."""
    row = find_version(slug, version)
    roles.require(request.user, "submit versions", model=row.model)
    form = SubmitForm(request.POST or None)
    missing: list[Check] = []
    if request.method == "POST" and form.is_valid():
        try:
            asked = approvals.submit(
                version=row,
                environment=form.cleaned_data["environment"],
                comment=form.cleaned_data["comment"],
                valid_until=form.last_moment(),
                by=request.user,
                at=timezone.now(),
            )
            return redirect("web:approval", asked.pk)
        except approvals.NotReady as refusal:
            put_errors(form, {"environment": [str(refusal)]})
            missing = refusal.checks
        except (approvals.NotOpen, NoPolicy, NoSuchMove) as refusal:
            put_errors(form, {"environment": [str(refusal)]})
    return show(
        request,
        "approvals/submit.html",
        {"form": form, "version": row, "model": row.model, "checks": missing},
        section="models",
    )


_BESIDE = ("version__model", "environment", "requested_by", "assessment")
# Were they joined as well, PostgreSQL would plan ten times longer than it reads.
_ENDS = ("signatures", "withdrawal", "authorisation")
# What a line shows: the whole rows are wide, and a page reads many of them.
_LISTED = (
    *("requested_at", "version__version", "version__model__name", "environment__name"),
    *(f"requested_by__{name}" for name in ("first_name", "last_name", "username")),
    *("assessment__band", "assessment__score"),
)


@page
def requests_page(request: PersonRequest) -> HttpResponse:
    """What waits for this person, what waits for others, and what was decided."""
    mine, others = worklist.waiting(request.user, request.held)
    everything = (
        ApprovalRequest.objects.select_related(*_BESIDE)
        .only(*_LISTED)
        .prefetch_related(*_ENDS)
    )
    rows = Paginator(everything, PER_PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "approvals/list.html",
        {
            "mine": mine,
            "others": others,
            "more_others": len(others) == worklist.OTHERS,
            "rows": rows,
            "lines": [(row, *outcome(row)) for row in rows],
        },
        section="approvals",
    )


def outcome(asked: ApprovalRequest) -> tuple[str, str]:
    """How a request ended, and its sign: yes, no or wait."""
    if hasattr(asked, "authorisation"):
        return _("approved"), "yes"
    if hasattr(asked, "withdrawal"):
        return taken_back(asked), "wait"
    meanings = {signature.meaning for signature in asked.signatures.all()}
    if Signature.Meaning.REJECTION in meanings:
        return _("rejected"), "no"
    return _("not decided"), "wait"


def taken_back(asked: ApprovalRequest) -> str:
    """The word for a request that its asker took back, or that was sent back."""
    return _("changes requested") if asked.withdrawal.returned else _("withdrawn")


@page
def withdraw(request: PersonRequest, request_id: UUID) -> HttpResponse:
    """Take a request back, with a reason."""
    title, done = _("Take the request back"), _("The request was taken back.")
    return _end(request, request_id, approvals.withdraw, title, done)


@page
def request_changes(request: PersonRequest, request_id: UUID) -> HttpResponse:
    """Send a request back for changes, with a reason."""
    title = _("Send it back for changes")
    done = _("The request was sent back. The owner was told.")
    return _end(request, request_id, approvals.request_changes, title, done)


def _end(
    request: PersonRequest,
    request_id: UUID,
    act: Callable[..., Withdrawal],
    title: str,
    done: str,
) -> HttpResponse:
    """End a request, or ask for the reason again with why it was refused."""
    asked = get_object_or_404(ApprovalRequest, pk=request_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            act(
                request=asked,
                reason=form.cleaned_data["reason"],
                by=request.user,
                at=timezone.now(),
            )
            messages.success(request, done)
            return redirect("web:approval", asked.pk)
        except (
            approvals.NotOpen,
            approvals.SameHand,
            approvals.CommentNeeded,
            NoSuchMove,
        ) as refusal:
            put_errors(form, {"reason": [str(refusal)]})
    context = {
        "title": title,
        "form": form,
        "above": [(reverse("web:approval", args=[asked.pk]), str(asked))],
    }
    return show(request, "exceptions/ask.html", context, section="approvals")
