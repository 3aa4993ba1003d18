"""Pipelines that we trust: proposed, confirmed by another, ended; and who came in."""

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

from governance import identities, roles
from governance.models import TrustRule
from governance.records import Refused
from governance.signatures import NotSigned
from governance.web.frame import TRUSTING, PersonRequest, page_for, put_errors, show
from governance.web.proof import ProofForm

_ENDING = "end trust in pipelines"
_Text = forms.Textarea(attrs={"rows": 2})
_Code = forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})


class TrustForm(forms.Form):
    """A rule, as an administrator writes it."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("Lower-case letters, digits and hyphens."),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=TrustRule.Kind.choices)
    issuer = forms.CharField(
        label=gettext_lazy("Issuer"),
        max_length=300,
        help_text=gettext_lazy(
            "As it stands in the tokens: https://token.actions.githubusercontent.com"
        ),
    )
    claims = forms.CharField(
        label=gettext_lazy("Claims"),
        max_length=20_000,
        widget=_Code,
        help_text=gettext_lazy(
            "One a line: repository_id = 456789. A claim on two lines may be either."
        ),
    )
    models_pattern = forms.CharField(
        label=gettext_lazy("Models"),
        max_length=200,
        help_text=gettext_lazy("A pattern of short names, such as credit-*."),
    )
    environments = forms.CharField(
        label=gettext_lazy("Environments"),
        max_length=4000,
        help_text=gettext_lazy("Short names, separated by spaces."),
    )
    algorithms = forms.CharField(
        label=gettext_lazy("Signature algorithms"), max_length=20, initial="RS256"
    )
    jwks_uri = forms.CharField(
        label=gettext_lazy("Address of the keys"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Empty: the one that the issuer names on its own host."),
    )
    jwks = forms.CharField(
        label=gettext_lazy("or the keys themselves (JWKS)"),
        required=False,
        max_length=65_536,
        widget=_Code,
        help_text=gettext_lazy("For an issuer that cannot be reached from here."),
    )
    reason = forms.CharField(label=gettext_lazy("Why it is trusted"), widget=_Text)

    def clean_claims(self) -> dict[str, list[str]]:
        """Lines as names with their values."""
        found: dict[str, list[str]] = {}
        for line in self.cleaned_data["claims"].splitlines():
            name, equals, value = line.partition("=")
            if not line.strip():
                continue
            if not equals:
                raise forms.ValidationError(
                    _("Write a claim, an equals sign and its value on each line.")
                )
            found.setdefault(name.strip(), []).append(value.strip())
        return found

    def wish(self) -> identities.Wish:
        """What the act takes."""
        data = dict(self.cleaned_data)
        for name in ("environments", "algorithms"):
            data[name] = data[name].split()
        return identities.Wish(**data)


class EndForm(forms.Form):
    """Why it ends."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=2000, widget=_Text
    )


@page_for(*TRUSTING)
def pipelines(request: PersonRequest) -> HttpResponse:
    """All rules; a new proposal on POST."""
    may = roles.may(request.user, "trust pipelines")
    form = TrustForm(request.POST or None) if may else None
    if request.method == "POST" and form is not None and form.is_valid():
        try:
            row = identities.propose(
                wish=form.wish(), by=request.user, at=timezone.now()
            )
            return redirect("web:pipeline", row.pk)
        except Refused as refusal:
            put_errors(form, refusal.errors)
    rows = TrustRule.objects.select_related("confirmation", "end", "proposed_by")
    return show(
        request,
        "identities/list.html",
        {"rules": rows, "form": form},
        section="pipelines",
    )


@page_for(*TRUSTING)
def pipeline(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One rule and the tokens that came in by it; its confirmation on POST."""
    rows = TrustRule.objects.select_related(
        "user", "proposed_by", "confirmation__confirmed_by", "end__ended_by"
    )
    row = get_object_or_404(rows, pk=row_id)
    form = None
    right = "confirm trust in pipelines"
    if row.state == "proposed" and roles.may(request.user, right):
        form = ProofForm(request.POST or None, request=request)
        if (
            request.method == "POST"
            and form.is_valid()
            and _confirm(request, row, form)
        ):
            return redirect("web:pipeline", row.pk)
    told = ""
    if form is not None:
        role = min(roles.roles_of(request.user) & roles.RIGHTS[right])
        told = identities.statement(row, request.user, role)
    return show(
        request,
        "identities/rule.html",
        {
            "rule": row,
            "form": form,
            "statement": told,
            "end_form": EndForm(auto_id="end_%s")
            if row.state != "ended" and roles.may(request.user, _ENDING)
            else None,
            "rows": Paginator(row.tokens.all(), 50).get_page(request.GET.get("page")),
        },
        section="pipelines",
    )


def _confirm(request: PersonRequest, row: TrustRule, form: ProofForm) -> bool:
    try:
        identities.confirm(
            rule=row, proof=form.proof, by=request.user, at=timezone.now()
        )
    except NotSigned as refusal:
        form.refuse(refusal)
        return False
    except (identities.SameHand, identities.WrongState) as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
        return False
    messages.success(request, _("The pipeline is trusted from now on."))
    return True


@page_for(_ENDING)
@require_POST
def end_pipeline(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """End a rule."""
    row = get_object_or_404(TrustRule, pk=row_id)
    reason = request.POST.get("reason", "").replace("\x00", "")
    try:
        identities.end(rule=row, reason=reason, by=request.user, at=timezone.now())
        messages.success(request, _("Its tokens open nothing any more."))
    except Refused as refusal:
        messages.error(request, " ".join(refusal.errors["reason"]))
    except identities.WrongState as refusal:
        messages.error(request, str(refusal))
    return redirect("web:pipeline", row.pk)
