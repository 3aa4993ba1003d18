"""Tokens of ours: issued, seen with the day of their last use, revoked."""

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

from governance import access, roles
from governance.web.frame import PersonRequest, page_for, put_errors, show
from registry.models import Role

RIGHT = "manage access"


class TokenForm(forms.Form):
    """A token for a CI service, or of one's own."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    own = forms.ChoiceField(
        label=gettext_lazy("For whom"),
        choices=[("", gettext_lazy("A CI service")), ("1", gettext_lazy("Myself"))],
        required=False,
    )
    models_pattern = forms.CharField(
        label=gettext_lazy("Models"),
        max_length=200,
        initial="*",
        help_text=gettext_lazy("A pattern of short names, such as credit-*."),
    )
    environments = forms.CharField(
        label=gettext_lazy("Environments"),
        max_length=4000,
        required=False,
        help_text=gettext_lazy("Short names, separated by spaces; empty means all."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Valid for days"), min_value=1, max_value=10_000, initial=90
    )


@page_for(RIGHT, "read")
def tokens(request: PersonRequest) -> HttpResponse:
    """One's own tokens, an administrator all; a new one on POST, shown only then."""
    form = TokenForm(request.POST or None) if roles.may(request.user, RIGHT) else None
    secret = ""
    if request.method == "POST" and form is not None and form.is_valid():
        secret = _issued(request, form)
        form = TokenForm() if secret else form
    rows = access.tokens_for(request.user)
    return show(
        request,
        "identities/tokens.html",
        {
            "rows": Paginator(rows, 50).get_page(request.GET.get("page")),
            "form": form,
            "secret": secret,
            "now": timezone.now(),
        },
        section="tokens",
    )


def _issued(request: PersonRequest, form: TokenForm) -> str:
    data = dict(form.cleaned_data)
    own = data.pop("own")
    try:
        _row, secret = access.issue_token(
            **{**data, "environments": tuple(data["environments"].split())},
            role=None if own else Role.CI,
            user=request.user if own else None,
            by=request.user,
            at=timezone.now(),
        )
    except (access.CannotIssue, roles.RoleConflict) as refusal:
        field = getattr(refusal, "field", "") or "__all__"
        put_errors(form, {field: [str(refusal)]})
        return ""
    return secret


@page_for(RIGHT, "read")
@require_POST
def revoke(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """End a token at once."""
    row = get_object_or_404(access.tokens_for(request.user), pk=row_id)
    access.revoke_token(token=row, by=request.user, at=timezone.now())
    messages.success(request, _("The token opens nothing any more."))
    return redirect("web:tokens")
