"""Keys that somebody else may hold: those reported, and reporting one."""

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import roles, triggers
from governance.web.frame import PersonRequest, page_for
from governance.web.offers import Offer, Step, TextForm, form_for, record_page

REPORT = "report compromised keys"


class CompromiseForm(TextForm):
    """Which key, and what happened."""

    key_id = forms.RegexField(
        r"^[0-9a-f]{64}\Z",
        label=gettext_lazy("Id of the key"),
        help_text=gettext_lazy("64 digits 0-9 and a-f, as permits name their key."),
        error_messages={
            "invalid": gettext_lazy("The id of a key is 64 digits 0-9 and a-f.")
        },
    )


@page_for("read", REPORT)
def compromised_page(request: PersonRequest) -> HttpResponse:
    """Every key that was reported; report one from here."""
    rows = list(triggers.reported_keys(by=request.user))
    context = {
        "title": _("Compromised keys"),
        "above": [],
        "facts": [
            (_("What it means"), _("Nothing that a reported key signed counts.")),
            (_("Reported"), str(len(rows))),
        ],
        "steps": [
            Step(row.key_id, row.reported_by.printed_name, row.reported_at, row.reason)
            for row in rows
        ],
    }
    return record_page(
        request,
        [_report(request)] if roles.may(request.user, REPORT) else [],
        context,
        section="gate",
        address=reverse("web:compromised_keys"),
    )


def _report(request: PersonRequest) -> Offer:
    return Offer(
        "report",
        _("Report a compromised key"),
        form_for(request, "report", CompromiseForm),
        lambda form: triggers.report_compromised_key(
            key_id=form.cleaned_data["key_id"],
            reason=form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
        ),
        stops=True,
    )
