"""What vendors announced about their models: the list, and recording a notice."""

from django import forms
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import roles, triggers
from governance.models import VendorNotice
from governance.templatetags.freigabe import short
from governance.web.findings import Day
from governance.web.frame import PersonRequest, page, show
from governance.web.offers import Line, carry_out
from registry.models import RegisteredModel

PER_PAGE = 25


class NoticeForm(forms.Form):
    """What was announced, about which model, and until when there is support."""

    model = forms.ModelChoiceField(
        label=gettext_lazy("Model"), queryset=RegisteredModel.objects.all()
    )
    text = forms.CharField(
        label=gettext_lazy("What the vendor announced"),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    support_ends_on = Day(label=gettext_lazy("Support ends on"), required=False)


@page
def notices_page(request: PersonRequest) -> HttpResponse:
    """All vendors' notices, the newest first."""
    rows = VendorNotice.objects.select_related("model", "recorded_by")
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    links = []
    if roles.may(request.user, "record vendor notices"):
        links.append((reverse("web:record_notice"), _("Record a vendor's notice")))
    context = {
        "title": _("Vendors' notices"),
        "intro": _("A change, or the end of support. Each becomes a finding."),
        "links": links,
        "rows": shown,
        "lines": [
            Line(
                address=reverse("web:model", args=[row.model.slug]),
                name=row.model.name,
                about=row.text,
                cells=(row.recorded_by.printed_name, short(row.recorded_at)),
                state=short(row.support_ends_on) if row.support_ends_on else "–",
                sign="wait",
            )
            for row in shown
        ],
        "columns": [_("Model"), _("Recorded by"), _("Recorded"), _("Support ends on")],
        "empty": _("No vendor announced anything yet."),
    }
    return show(request, "exceptions/list.html", context, section="findings")


@page
def record_notice(request: PersonRequest) -> HttpResponse:
    """Record a vendor's notice."""
    roles.require(request.user, "record vendor notices")
    form = NoticeForm(request.POST or None)

    def act(valid: NoticeForm) -> VendorNotice:
        return triggers.record_vendor_notice(
            by=request.user, at=timezone.now(), **valid.cleaned_data
        )

    if request.method == "POST" and carry_out(form, act) is not None:
        return redirect("web:vendor_notices")
    context = {
        "title": _("Record a vendor's notice"),
        "form": form,
        "above": [(reverse("web:vendor_notices"), _("Vendors' notices"))],
    }
    return show(request, "exceptions/ask.html", context, section="findings")
