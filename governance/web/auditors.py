"""The auditor's room: who may read what until when, questions, samples."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from audits import log
from governance import audit_scope, auditing, roles
from governance.auditing import accesses, drawing, requests
from governance.models import AuditAccess, AuditRequest
from governance.web.frame import PersonRequest, ReasonForm, page, show
from governance.web.moments import UtcField
from governance.web.offers import (
    Offer,
    Step,
    TextForm,
    carry_out,
    form_for,
    record_page,
)
from registry.models import RegisteredModel, Role, User

PER_PAGE = 25
_DAY = {"type": "date"}
STATES = {
    "holds": (pgettext_lazy("access", "holds"), "yes"),
    "coming": (gettext_lazy("not begun"), "wait"),
    "over": (gettext_lazy("over"), "no"),
}
_SIGNS = {"open": "wait", "answered": "yes", "closed": "no"}


class AccessForm(forms.Form):
    """Who may read which models, from when until when, and why."""

    auditor = forms.ModelChoiceField(
        label=gettext_lazy("External auditor"), queryset=User.objects.none()
    )
    models_patterns = forms.CharField(
        label=gettext_lazy("Models"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy(
            "Short names or patterns such as credit-*, separated by spaces."
        ),
    )
    units = forms.CharField(
        label=gettext_lazy("Units"),
        required=False,
        max_length=2000,
        help_text=gettext_lazy(
            "One on each line: all models whose owners are of that unit."
        ),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    begins_at = UtcField(label=gettext_lazy("From (UTC)"))
    ends_at = UtcField(label=gettext_lazy("Until (UTC)"))
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=2000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(
            is_active=True,
            role_assignments__role=Role.EXTERNAL_AUDITOR,
            role_assignments__ended_at=None,
        )
        cast("forms.ModelChoiceField[User]", self.fields["auditor"]).queryset = people


class QuestionForm(forms.Form):
    """What an auditor asks for, about which model, until when."""

    question = forms.CharField(
        label=gettext_lazy("Question, or document asked for"),
        max_length=requests.LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    model = forms.ModelChoiceField(
        label=gettext_lazy("Model"),
        queryset=RegisteredModel.objects.none(),
        required=False,
        to_field_name="slug",
    )
    due_on = forms.DateField(
        label=gettext_lazy("Due on"), widget=forms.DateInput(attrs=_DAY)
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = RegisteredModel.objects.order_by("name")
        if by.scope is not None and by.scope.models is not None:
            rows = rows.filter(slug__in=by.scope.models)
        model = cast("forms.ModelChoiceField[RegisteredModel]", self.fields["model"])
        model.queryset = rows


class AnswerForm(TextForm):
    """An answer, and perhaps where it can be read."""

    reference = forms.CharField(
        label=gettext_lazy("Address of a record, dossier or evidence here"),
        required=False,
        max_length=300,
        help_text=gettext_lazy("Such as /dossiers/…/; empty when the text is enough."),
    )


class ClosingForm(forms.Form):
    """What there is to say at the end, if anything."""

    text = forms.CharField(
        label=gettext_lazy("In words"), required=False, max_length=10_000
    )


@page
def room(request: PersonRequest) -> HttpResponse:
    """Accesses, open questions and samples, as far as this person may see them."""
    at = timezone.now()
    wish = request.GET.get("state", "")
    found = requests.requests_for(request.user, state=wish)
    found = found.order_by("due_on", "-asked_at", "pk")
    rows = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    # What holds longest stands first: nothing that can be ended falls off the page.
    given = accesses.accesses_for(request.user).order_by("-ends_at", "pk")[:PER_PAGE]
    return show(
        request,
        "auditors/room.html",
        {
            "rows": rows,
            "questions": [(row, _state(requests.state_in(row))) for row in rows],
            "wish": wish,
            "states": requests.State.choices,
            "today": at.date(),
            "accesses": [(row, STATES[accesses.state_of(row, at)]) for row in given],
            "samples": drawing.samples_for(request.user)[:PER_PAGE],
            "longest": PER_PAGE,
            "outside": roles.is_outside(request.user),
            "scope": _scope(request.user),
            "signed": log.latest_checkpoint(),
            "may_give": roles.may(request.user, "give auditors access"),
            "may_ask": roles.may(request.user, "ask as an auditor"),
        },
        section="auditors",
    )


def _scope(user: User) -> list[RegisteredModel]:
    """The models of an external auditor; of all others nothing is bounded."""
    if user.scope is None or user.scope.models is None:
        return []
    slugs = sorted(user.scope.models)[:200]
    return list(RegisteredModel.objects.filter(slug__in=slugs).order_by("name"))


def _state(state: requests.State) -> tuple[str, str]:
    return str(state.label), _SIGNS[state.value]


@page
def give(request: PersonRequest) -> HttpResponse:
    """Give an external auditor access."""
    roles.require(request.user, "give auditors access")
    now = timezone.now().replace(second=0, microsecond=0)
    form = AccessForm(request.POST or None, initial={"begins_at": now})

    def act(valid: AccessForm) -> AuditAccess:
        data = dict(valid.cleaned_data)
        patterns, units = data.pop("models_patterns"), data.pop("units")
        return auditing.give_access(
            models_patterns=patterns.replace(",", " ").split(),
            units=units.splitlines(),
            **data,
            by=request.user,
            at=timezone.now(),
        )

    if request.method == "POST":
        made = carry_out(form, act)
        if isinstance(made, AuditAccess):
            return redirect("web:audit_access", made.pk)
    context = {
        "title": _("Give an external auditor access"),
        "form": form,
        "above": [(reverse("web:auditors"), _("Auditor's room"))],
    }
    return show(request, "exceptions/ask.html", context, section="auditors")


@page
def access(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One access: who, what, until when; who may end it does so here."""
    row = get_object_or_404(accesses.accesses_for(request.user), pk=row_id)
    at = timezone.now()
    state, sign = STATES[accesses.state_of(row, at)]
    offers = []
    if sign != "no" and roles.may(request.user, "end access of auditors"):
        offers.append(
            Offer(
                "end",
                _("End it now"),
                form_for(request, "end", ReasonForm),
                lambda form: auditing.end_access(
                    access=row,
                    reason=form.cleaned_data["reason"],
                    by=request.user,
                    at=timezone.now(),
                ),
                stops=True,
            )
        )
    end = getattr(row, "end", None)
    steps = [Step(_("given"), row.given_by.printed_name, row.given_at, row.reason)]
    if end is not None:
        steps.append(
            Step(_("ended"), end.ended_by.printed_name, end.ended_at, end.reason)
        )
    context = {
        "title": _("Access of %(name)s") % {"name": row.auditor.printed_name},
        "above": [(reverse("web:auditors"), _("Auditor's room"))],
        "state": state,
        "sign": sign,
        "facts": [
            (_("Models"), ", ".join(row.models_patterns)),
            (_("Units"), ", ".join(row.units)),
            (_("Models now"), ", ".join(sorted(audit_scope.covered(row))[:200])),
            (_("From"), row.begins_at),
            (_("Until"), row.ends_at),
        ],
        "steps": steps,
    }
    address = reverse("web:audit_access", args=[row.pk])
    return record_page(request, offers, context, section="auditors", address=address)


@page
def ask(request: PersonRequest) -> HttpResponse:
    """Ask for a document or an answer."""
    roles.require(request.user, "ask as an auditor")
    form = QuestionForm(request.POST or None, by=request.user)

    def act(valid: QuestionForm) -> AuditRequest:
        at = timezone.now()
        return auditing.ask(**valid.cleaned_data, by=request.user, at=at)

    if request.method == "POST":
        made = carry_out(form, act)
        if isinstance(made, AuditRequest):
            return redirect("web:audit_request", made.pk)
    context = {
        "title": _("Ask for a document or an answer"),
        "form": form,
        "above": [(reverse("web:auditors"), _("Auditor's room"))],
    }
    return show(request, "exceptions/ask.html", context, section="auditors")


@page
def request_page(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One request with what was answered, and the next step."""
    row = get_object_or_404(requests.requests_for(request.user), pk=row_id)
    state, sign = _state(requests.state_in(row))
    steps = [Step(_("asked"), row.asked_by.printed_name, row.asked_at, row.question)]
    references = []
    for step in row.steps.select_related("taken_by"):
        said = step.get_state_display()
        steps.append(Step(said, step.taken_by.printed_name, step.taken_at, step.text))
        references += [step.reference] if step.reference else []
    context = {
        "title": _("Request of an auditor"),
        "above": [(reverse("web:auditors"), _("Auditor's room"))],
        "state": state,
        "sign": sign,
        "facts": [(_("Model"), row.model), (_("Due on"), row.due_on)],
        "references": references,
        "steps": steps,
    }
    offers = _offers(request, row)
    address = reverse("web:audit_request", args=[row.pk])
    return record_page(request, offers, context, section="auditors", address=address)


def _offers(request: PersonRequest, row: AuditRequest) -> list[Offer]:
    """What this person may do with a request in its state."""
    by, state = request.user, requests.state_in(row)
    found = []
    if state != "closed" and roles.may(by, "answer auditors", model=row.model):
        form = form_for(request, "answer", AnswerForm)
        act = _doing(auditing.answer, request, row)
        found.append(Offer("answer", _("Answer"), form, act))
    if state != "closed" and roles.may(by, "ask as an auditor", model=row.model):
        if state == "answered":
            form = form_for(request, "reopen", TextForm)
            act = _doing(auditing.reopen, request, row)
            found.append(Offer("reopen", _("Say what is missing"), form, act))
        form = form_for(request, "close", ClosingForm)
        act = _doing(auditing.close, request, row)
        found.append(Offer("close", _("Close"), form, act))
    return found


def _doing(
    act: Callable[..., object], request: PersonRequest, row: AuditRequest
) -> Callable[[forms.Form], object]:
    def carried(form: forms.Form) -> object:
        at = timezone.now()
        return act(request=row, **form.cleaned_data, by=request.user, at=at)

    return carried
