"""What runs against what may run, the sources that see it, and the way back."""

import re
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from governance import reconciliation, roles, rollbacks
from governance.models import DeploymentSource
from governance.reconciliation.configuring import RIGHT
from governance.records import Refused
from governance.web.frame import (
    PersonRequest,
    ReasonForm,
    page,
    page_for,
    put_errors,
    show,
)
from registry.models import Environment, ModelVersion, RegisteredModel

PER_PAGE = 25
_NUMBER = re.compile("[1-9][0-9]{0,5}")
EVENTS = 20
SIGHT = ("read", RIGHT)
WORDS = {
    reconciliation.State.UNAUTHORISED: (gettext_lazy("unauthorised"), "no"),
    reconciliation.State.VANISHED: (gettext_lazy("vanished"), "wait"),
    reconciliation.State.STALE: (gettext_lazy("stale"), "wait"),
    reconciliation.State.PERMITTED: (gettext_lazy("permitted"), "yes"),
}
_Code = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})
_Secret = forms.PasswordInput(attrs={"autocomplete": "off"})


class SourceForm(forms.Form):
    """A cluster or a registry, as an operator writes it."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("Lower-case letters, digits and hyphens."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=DeploymentSource.Kind.choices
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        help_text=gettext_lazy("Of the API server or of MLflow, with https://."),
    )
    environment = forms.ModelChoiceField(
        label=gettext_lazy("Environment"),
        queryset=Environment.objects.all(),
        to_field_name="slug",
        empty_label=None,
    )
    places = forms.CharField(
        label=gettext_lazy("Namespaces, or aliases of MLflow"),
        required=False,
        max_length=4000,
        help_text=gettext_lazy("Separated by spaces; empty means all namespaces."),
    )
    interval_minutes = forms.IntegerField(
        label=gettext_lazy("Look every so many minutes"),
        min_value=1,
        max_value=1440,
        initial=15,
    )
    secret = forms.CharField(
        label=gettext_lazy("Bearer token"),
        required=False,
        max_length=8000,
        widget=_Secret,
        help_text=gettext_lazy("It is kept sealed and never shown again."),
    )
    certificate = forms.CharField(
        label=gettext_lazy("Certificate of its authority (PEM)"),
        required=False,
        max_length=100_000,
        widget=_Code,
    )

    def wish(self) -> reconciliation.Wish:
        """What the act takes."""
        data = dict(self.cleaned_data)
        data["places"] = data["places"].split()
        return reconciliation.Wish(**data)


class SecretForm(forms.Form):
    """Another token."""

    secret = forms.CharField(
        label=gettext_lazy("New bearer token"), max_length=8000, widget=_Secret
    )


class WayBackForm(forms.Form):
    """Which version to go back to, and why."""

    version = forms.CharField(widget=forms.HiddenInput, max_length=64)
    reason = forms.CharField(label=gettext_lazy("Why you go back"), max_length=2000)


@page
def running(request: PersonRequest) -> HttpResponse:
    """Everything that runs, the worst first; `state` narrows it."""
    at = timezone.now()
    number = request.GET.get("page", "1")
    most = int(number) * PER_PAGE if _NUMBER.fullmatch(number) else None
    fleet = reconciliation.fleet(at=at, most=most)
    wanted = request.GET.get("state", "")
    states = [state for state in WORDS if wanted in ("", state.value)]
    rows = range(sum(fleet.counts[state] for state in states))
    found = Paginator(rows, PER_PAGE).get_page(number)
    shown = fleet.rows(states, max(0, found.start_index() - 1), PER_PAGE)
    counts = [
        (state.value, word, fleet.counts[state])
        for state, (word, _sign) in WORDS.items()
    ]
    return show(
        request,
        "deployments/list.html",
        {
            "rows": found,
            "lines": [(one, *WORDS[one.state]) for one in shown],
            "counts": counts,
            "wanted": wanted,
            "sources": [(one, one.is_silent(at)) for one in fleet.sources],
        },
        section="deployments",
    )


def _sources() -> list[tuple[reconciliation.SourceState, bool]]:
    at = timezone.now()
    return [(one, one.is_silent(at)) for one in reconciliation.source_states()]


@page_for(*SIGHT)
def sources(request: PersonRequest) -> HttpResponse:
    """The sources; a new one on POST."""
    form = SourceForm(request.POST or None) if roles.may(request.user, RIGHT) else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            row = reconciliation.configure(
                wish=form.wish(), by=request.user, at=timezone.now()
            )
            return redirect("web:source", row.pk)
        except Refused as refusal:
            put_errors(form, refusal.errors)
    return show(
        request,
        "deployments/sources.html",
        {"sources": _sources(), "form": form},
        section="deployments",
    )


@page_for(*SIGHT)
def source(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One source with its looks; another token or its end on POST."""
    rows = DeploymentSource.objects.select_related(
        "environment", "configured_by", "ended_by"
    )
    row = get_object_or_404(rows, pk=row_id)
    chosen = request.POST.get("act", "") if request.method == "POST" else ""
    secret = SecretForm(request.POST if chosen == "secret" else None)
    reason = ReasonForm(request.POST if chosen == "end" else None)
    if _changed(request, row, secret, reason):
        return redirect("web:source", row.pk)
    return _shown(request, row, secret, reason)


def _shown(
    request: PersonRequest,
    row: DeploymentSource,
    secret: SecretForm,
    reason: ReasonForm,
    told: str = "",
) -> HttpResponse:
    """The page of a source; `told` is a secret that is shown only now."""
    looks = row.runs.select_related("run_by")
    return show(
        request,
        "deployments/source.html",
        {
            "source": row,
            "secret_form": secret,
            "end_form": reason,
            "told": told,
            "webhook": f"{settings.FREIGABE_INSTANCE_URL}/api/v1/mlflow/webhook",
            "events": row.registry_events.all()[:EVENTS],
            "may": row.ended_at is None and roles.may(request.user, RIGHT),
            "may_look": row.ended_at is None
            and roles.may(request.user, "reconcile deployments"),
            "rows": Paginator(looks, PER_PAGE).get_page(request.GET.get("page")),
        },
        section="deployments",
    )


def _changed(
    request: PersonRequest,
    row: DeploymentSource,
    secret: SecretForm,
    reason: ReasonForm,
) -> bool:
    by, at = request.user, timezone.now()
    form: forms.Form = secret if secret.is_bound else reason
    if not form.is_bound or not form.is_valid():
        return False
    data = form.cleaned_data
    try:
        if secret.is_bound:
            reconciliation.replace_secret(
                source=row, secret=data["secret"], by=by, at=at
            )
        else:
            reconciliation.end(source=row, reason=data["reason"], by=by, at=at)
    except Refused as refusal:
        put_errors(form, refusal.errors)
        return False
    except reconciliation.WrongState as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
        return False
    messages.success(request, _("Done, and recorded."))
    return True


@page_for("reconcile deployments")
@require_POST
def look(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """Have a source looked at now."""
    row = get_object_or_404(
        DeploymentSource.objects.select_related("environment"), pk=row_id
    )
    try:
        reconciliation.ask(source=row, by=request.user, at=timezone.now())
        messages.success(request, _("It is looked at now; load this page again."))
    except reconciliation.WrongState as refusal:
        messages.error(request, str(refusal))
    return redirect("web:source", row.pk)


@page_for(RIGHT)
@require_POST
def listen(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """Take messages of an MLflow registry; its new secret is shown only now."""
    row = get_object_or_404(
        DeploymentSource.objects.select_related(
            "environment", "configured_by", "ended_by"
        ),
        pk=row_id,
    )
    try:
        _row, secret = reconciliation.listen(
            source=row, by=request.user, at=timezone.now()
        )
    except (Refused, reconciliation.WrongState) as refusal:
        messages.error(request, str(refusal))
        return redirect("web:source", row.pk)
    row.refresh_from_db()
    return _shown(request, row, SecretForm(), ReasonForm(), secret)


@page
def way_back(request: PersonRequest, slug: str, place: str) -> HttpResponse:
    """Earlier versions that were permitted there; asking for one on POST."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    environment = get_object_or_404(Environment, slug=place)
    by, at = request.user, timezone.now()
    form = WayBackForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        to = get_object_or_404(
            ModelVersion.objects.select_related("model"),
            model=model,
            version=form.cleaned_data["version"],
        )
        try:
            row = rollbacks.roll_back(
                to=to,
                environment=environment,
                reason=form.cleaned_data["reason"],
                by=by,
                at=at,
            )
            return redirect("web:decision", row.decision_id)
        except Refused as refusal:
            put_errors(form, refusal.errors)
        except rollbacks.CannotRollBack as refusal:
            put_errors(form, {"__all__": [str(refusal)]})
    now = rollbacks.current(model, environment, at=at)
    found = (
        rollbacks.candidates(
            model=model, environment=environment, instead_of=now, by=by, at=at
        )
        if now
        else []
    )
    return show(
        request,
        "deployments/way_back.html",
        {
            "model": model,
            "environment": environment,
            "now": now,
            "candidates": found,
            "form": form,
        },
        section="deployments",
    )
