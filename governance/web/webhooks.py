"""Webhooks: who is called, and how every call went."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from governance import webhooks
from governance.models import WebhookEndpoint, WebhookMessage
from governance.records import Refused
from governance.web.frame import (
    PersonRequest,
    ReasonForm,
    page_for,
    put_errors,
    show,
)

RIGHT = "manage webhooks"


class EndpointForm(forms.Form):
    """Whom to tell, and of what."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=1000,
        help_text=gettext_lazy("It begins with https:// and is public."),
    )
    kinds = forms.CharField(
        label=gettext_lazy("Only these kinds"),
        required=False,
        max_length=1000,
        help_text=gettext_lazy(
            "Words such as waiver.expiring, separated by spaces; empty means all."
        ),
    )


@page_for(RIGHT)
def endpoints(request: PersonRequest) -> HttpResponse:
    """All endpoints; a new one on POST, whose secret is shown only then."""
    form = EndpointForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            _row, secret = webhooks.register(
                name=data["name"],
                url=data["url"],
                kinds=data["kinds"].split(),
                by=request.user,
                at=timezone.now(),
            )
            form = EndpointForm()
        except Refused as refusal:
            put_errors(form, refusal.errors)
    rows = WebhookEndpoint.objects.select_related("registered_by")
    return show(
        request,
        "webhooks/list.html",
        {"endpoints": rows, "form": form, "secret": secret},
        section="webhooks",
    )


@page_for(RIGHT)
def endpoint(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One endpoint with its messages and the attempts to send each."""
    return _shown(request, get_object_or_404(WebhookEndpoint, pk=row_id), ReasonForm())


def _shown(
    request: PersonRequest, row: WebhookEndpoint, form: ReasonForm, secret: str = ""
) -> HttpResponse:
    """The page of an endpoint; the form says why it is disabled."""
    sent = row.messages.select_related("announcement").prefetch_related("attempts")
    return show(
        request,
        "webhooks/endpoint.html",
        {
            "endpoint": row,
            "form": form,
            "secret": secret,
            "rows": Paginator(sent, 50).get_page(request.GET.get("page")),
        },
        section="webhooks",
    )


@page_for(RIGHT)
@require_POST
def switch(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """Disable an endpoint with a reason, or enable it again."""
    row = get_object_or_404(WebhookEndpoint, pk=row_id)
    by, at = request.user, timezone.now()
    form = ReasonForm(request.POST)
    try:
        if row.disabled_at is not None:
            webhooks.enable(endpoint=row, by=by, at=at)
        elif form.is_valid():
            reason = form.cleaned_data["reason"]
            webhooks.disable(endpoint=row, reason=reason, by=by, at=at)
        else:
            return _shown(request, row, form)
    except (Refused, webhooks.CannotChange) as refusal:
        messages.error(request, str(refusal))
    return redirect("web:webhook", row.pk)


@page_for(RIGHT)
@require_POST
def replace_secret(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """Sign with a new secret, which is shown only now."""
    row, secret = webhooks.replace_secret(
        endpoint=get_object_or_404(WebhookEndpoint, pk=row_id),
        by=request.user,
        at=timezone.now(),
    )
    return _shown(request, row, ReasonForm(), secret)


@page_for(RIGHT)
@require_POST
def redeliver(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """Send a message again."""
    row = get_object_or_404(WebhookMessage, pk=row_id)
    try:
        webhooks.redeliver(message=row, by=request.user, at=timezone.now())
        messages.success(request, _("It is sent with the clock's next look."))
    except webhooks.CannotChange as refusal:
        messages.error(request, str(refusal))
    return redirect("web:webhook", row.endpoint_id)
