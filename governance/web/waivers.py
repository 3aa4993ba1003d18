"""Waivers: the list with its numbers, one waiver to sign, asking for one."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import portfolio, roles, waived, waiving
from governance.models import RecordSignature, Waiver
from governance.web.exceptions import WAIVER_STATES, waiver_line
from governance.web.findings import Day
from governance.web.frame import PersonRequest, page, show
from governance.web.offers import (
    Offer,
    SignedTextForm,
    Step,
    TextForm,
    carry_out,
    form_for,
    record_page,
)
from governance.web.proof import ProofForm
from registry.models import Environment, RegisteredModel

PER_PAGE = 25
SOON = timedelta(days=14)
Meaning = RecordSignature.Meaning


_WORDS = forms.Textarea(attrs={"rows": 3})


class TermsForm(forms.Form):
    """Why a rule need not hold for a while, why that is bearable, and how long."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=10_000, widget=_WORDS
    )
    risk_statement = forms.CharField(
        label=gettext_lazy("Which risk that brings"), max_length=10_000, widget=_WORDS
    )
    compensating_controls = forms.CharField(
        label=gettext_lazy("What is done instead"), max_length=10_000, widget=_WORDS
    )
    plan_to_close = forms.CharField(
        label=gettext_lazy("How the rule will be met"), max_length=10_000, widget=_WORDS
    )
    valid_until = Day(label=gettext_lazy("Until the beginning of"))

    def terms(self) -> dict[str, Any]:
        """What was typed, with the end as a moment."""
        data = dict(self.cleaned_data)
        until = datetime.combine(data.pop("valid_until"), time.min, UTC)
        return {**data, "valid_until": until}


class WaiverForm(TermsForm):
    """Rules that need not hold for a while, for which version and environment."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Waiver.Kind.choices)
    rules = forms.CharField(
        label=gettext_lazy("Rules"),
        max_length=2000,
        help_text=gettext_lazy("Their ids, separated by commas or spaces."),
    )
    environment = forms.ModelChoiceField(
        label=gettext_lazy("Environment"),
        queryset=Environment.objects.all(),
        required=False,
        empty_label=gettext_lazy("all environments"),
    )
    field_order = ("kind", "rules", "version", "environment")

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model = model
        self.fields["version"] = forms.ModelChoiceField(
            label=_("Version"),
            queryset=model.versions.all(),
            required=False,
            empty_label=_("all versions"),
        )
        self.order_fields(self.field_order)

    def wish(self, at: datetime) -> waiving.Wish:
        """What is asked for, from now on."""
        data = self.terms()
        rules = tuple(data.pop("rules").replace(",", " ").split())
        kind = Waiver.Kind(data.pop("kind"))
        return waiving.Wish(
            model=self.model, rules=rules, kind=kind, valid_from=at, **data
        )


class RenewForm(TermsForm):
    """A new reason for the same rules, and until when."""

    def __init__(self, *args: Any, waiver: Waiver, **kwargs: Any) -> None:
        kept = ("risk_statement", "compensating_controls", "plan_to_close")
        super().__init__(*args, **kwargs)
        self.initial = {name: getattr(waiver, name) for name in kept}
        self.waiver = waiver

    def wish(self, at: datetime) -> waiving.Wish:
        """The same rules, version and environment, from now on."""
        row = self.waiver
        return waiving.Wish(
            model=row.model,
            rules=tuple(row.rules),
            kind=Waiver.Kind(row.kind),
            version=row.version,
            environment=row.environment,
            valid_from=at,
            **self.terms(),
        )


class RefuseForm(SignedTextForm):
    """Why it is refused, signed."""


@page
def waivers_page(request: PersonRequest) -> HttpResponse:
    """All waivers, the newest first, with how many units live with some."""
    at = timezone.now()
    rows = Paginator(waived.told(), PER_PAGE).get_page(request.GET.get("page"))
    units, soon = portfolio.waivers_by_unit(portfolio.Moment(at), within=SOON)
    numbers = [(unit or _("no unit"), count) for unit, count in units.items()]
    if soon:
        numbers.append((_("Ending within 14 days"), soon))
    context = {
        "title": _("Waivers"),
        "intro": _("Rules that need not hold for a while. They end by themselves."),
        "numbers": numbers,
        "rows": rows,
        "lines": [waiver_line(row, at) for row in waived.endings(rows, at)],
        "columns": [_("Rules"), _("Environment"), _("Tier"), _("Ends"), _("State")],
        "empty": _("There is none. An owner asks for one at a model."),
    }
    return show(request, "exceptions/list.html", context, section="waivers")


@page
def ask(request: PersonRequest, slug: str) -> HttpResponse:
    """Ask for a waiver for a model, as its owner."""
    model = get_object_or_404(
        RegisteredModel.objects.select_related("owner"), slug=slug
    )
    roles.require(request.user, "request waivers", model=model)
    form = WaiverForm(request.POST or None, model=model)

    def act(valid: WaiverForm) -> Waiver:
        at = timezone.now()
        return waiving.request(wish=valid.wish(at), by=request.user, at=at)

    if request.method == "POST":
        made = carry_out(form, act)
        if isinstance(made, Waiver):
            return redirect("web:waiver", made.pk)
    context = {
        "title": _("Ask for a waiver"),
        "form": form,
        "above": [(reverse("web:model", args=[slug]), model.name)],
    }
    return show(request, "exceptions/ask.html", context, section="waivers")


@page
def waiver_page(request: PersonRequest, waiver_id: UUID) -> HttpResponse:
    """One waiver: what it says, who signed, and what this person may do."""
    row = get_object_or_404(waived.told(), pk=waiver_id)
    at = timezone.now()
    word, sign = WAIVER_STATES[waived.state_of(row, at)]
    address = reverse("web:waiver", args=[row.pk])
    context = {
        "title": _("Waiver of %(rules)s") % {"rules": ", ".join(row.rules)},
        "above": [
            (reverse("web:waivers"), _("Waivers")),
            (reverse("web:model", args=[row.model.slug]), row.model.name),
        ],
        "state": word,
        "sign": sign,
        "facts": _facts(row, at),
        "steps": _steps(row),
    }
    offers = _offers(request, row)
    return record_page(request, offers, context, section="waivers", address=address)


def _facts(row: Waiver, at: datetime) -> list[tuple[str, object]]:
    return [
        (_("Kind"), row.get_kind_display()),
        (_("About"), row.version or row.model),
        (_("Environment"), row.environment or _("all environments")),
        (_("Tier"), row.tier),
        (_("From"), row.valid_from),
        (_("Ends"), waived.ends_at(row, at)),
        (_("Reason"), row.reason),
        (_("Risk"), row.risk_statement),
        (_("Done instead"), row.compensating_controls),
        (_("Plan"), row.plan_to_close),
        (_("Record"), f"sha256:{row.subject_sha256[:12]}…"),
    ]


def _steps(row: Waiver) -> list[Step]:
    steps = [Step(_("asked for"), row.requested_by.printed_name, row.requested_at)]
    for signature in waiving.signatures_of(row):
        what = _("refused") if signature.meaning == Meaning.REJECTION else _("signed")
        text = signature.statement + (
            f"\n{signature.comment}" if signature.comment else ""
        )
        steps.append(Step(what, signature.printed_name, signature.signed_at, text))
    if hasattr(row, "renewal"):
        more = row.renewal
        who = more.requested_by.printed_name
        what = _("renewal asked for")
        steps.append(Step(what, who, more.requested_at, more.reason))
    if hasattr(row, "revocation"):
        gone = row.revocation
        who = gone.revoked_by.printed_name
        steps.append(Step(_("revoked"), who, gone.revoked_at, gone.reason))
    return steps


def _offers(request: PersonRequest, row: Waiver) -> list[Offer]:
    by, at = request.user, timezone.now()
    state = waived.state_of(row, at)
    offers = []
    if state == "requested":
        try:
            role = waiving.role_to_sign(row, by=by, at=at)
        except (
            roles.NotAllowed,
            waiving.SameHand,
            waiving.NoSeat,
            waiving.WrongState,
        ):
            return []
        said = {
            meaning: waiving.statement(row, by=by, role=role, meaning=meaning)
            for meaning in (Meaning.APPROVAL, Meaning.REJECTION)
        }
        offers = [
            _signing(request, row, said[Meaning.APPROVAL]),
            _refusing(request, row, said[Meaning.REJECTION]),
        ]
    owns = by == row.model.owner
    if state in ("active", "granted") and (
        owns or roles.may(by, "decide waivers", model=row.model)
    ):
        offers.append(_revoking(request, row))
    if waiving.renewable(row) and roles.may(by, "request waivers", model=row.model):
        offers.append(_renewing(request, row))
    return offers


def _renewing(request: PersonRequest, row: Waiver) -> Offer:
    def act(form: RenewForm) -> Waiver:
        at = timezone.now()
        return waiving.renew(waiver=row, wish=form.wish(at), by=request.user, at=at)

    return Offer(
        "renew",
        _("Ask for its one renewal"),
        form_for(request, "renew", RenewForm, waiver=row),
        act,
    )


def _signing(request: PersonRequest, row: Waiver, statement: str) -> Offer:
    return Offer(
        "sign",
        _("Approve it, signed"),
        form_for(request, "sign", ProofForm),
        lambda form: waiving.sign(
            waiver=row, proof=form.proof, by=request.user, at=timezone.now()
        ),
        statement=statement,
    )


def _refusing(request: PersonRequest, row: Waiver, statement: str) -> Offer:
    return Offer(
        "refuse",
        _("Refuse it, signed"),
        form_for(request, "refuse", RefuseForm),
        lambda form: waiving.refuse(
            waiver=row,
            reason=form.cleaned_data["text"],
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        ),
        statement=statement,
        stops=True,
    )


def _revoking(request: PersonRequest, row: Waiver) -> Offer:
    return Offer(
        "revoke",
        _("Revoke it for good"),
        form_for(request, "revoke", TextForm),
        lambda form: waiving.revoke(
            waiver=row,
            reason=form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
        ),
        stops=True,
    )
