"""Delegations: who signs for whom; and the rules of separation of duties."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import delegation, duties, roles
from governance.models import Delegation
from governance.web.frame import PersonRequest, page, page_for, show
from governance.web.offers import Offer, Step, TextForm, form_for, record_page
from registry.models import Role, User


class DelegateForm(TextForm):
    """To whom, in which role, from when and until when."""

    to = forms.ModelChoiceField(
        label=gettext_lazy("Who signs for you"),
        queryset=User.objects.filter(is_active=True, is_machine=False),
    )
    role = forms.ChoiceField()
    valid_until = forms.DateTimeField(
        label=gettext_lazy("Until"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = sorted(roles.roles_of(by) & roles.RIGHTS["sign"])
        self.fields["role"] = forms.ChoiceField(
            label=_("In which role"),
            choices=[(role.value, role.label) for role in held],
        )


@page_for("read", "see all delegations")
def delegations_page(request: PersonRequest) -> HttpResponse:
    """Who signs for whom now and did; delegate and end from here."""
    now = timezone.now()
    seen = delegation.seen_by(request.user)
    running = delegation.active(at=now).filter(pk__in=seen.values("pk"))
    context = {
        "title": _("Delegations"),
        "above": [
            (reverse("web:approvals"), _("Approvals")),
            (reverse("web:duties"), _("Separation of duties")),
        ],
        "facts": [(_("In force now"), str(running.count()))],
        "steps": [_step(row) for row in seen[:200]],
    }
    return record_page(
        request,
        list(_offers(request, list(running))),
        context,
        section="approvals",
        address=reverse("web:delegations"),
    )


def _step(row: Delegation) -> Step:
    what = _("%(delegate)s signs for %(delegator)s as %(role)s until %(until)s") % {
        "delegate": row.delegate.printed_name,
        "delegator": row.delegator.printed_name,
        "role": row.get_role_display(),
        "until": row.valid_until.strftime("%Y-%m-%d %H:%M UTC"),
    }
    end = getattr(row, "end", None)
    text = row.reason
    if end is not None:
        text += "\n" + _("Ended early: %(reason)s") % {"reason": end.reason}
    return Step(what, "", row.valid_from, text)


def _offers(request: PersonRequest, running: list[Delegation]) -> Iterator[Offer]:
    by, at = request.user, timezone.now()
    if roles.may(by, "delegate signing"):
        yield Offer(
            "delegate",
            _("Let somebody sign for me"),
            form_for(request, "delegate", DelegateForm, by=by),
            lambda form: delegation.delegate(
                to=form.cleaned_data["to"],
                role=Role(form.cleaned_data["role"]),
                reason=form.cleaned_data["text"],
                valid_until=form.cleaned_data["valid_until"],
                by=by,
                at=at,
            ),
        )
    manages = roles.may(by, "manage access")
    for row in running:
        if manages or by.pk in (row.delegator_id, row.delegate_id):
            yield _end(request, row)


def _end(request: PersonRequest, row: Delegation) -> Offer:
    name = f"end-{row.pk}"
    return Offer(
        name,
        _("End it: %(what)s") % {"what": _step(row).what},
        form_for(request, name, TextForm),
        lambda form: delegation.end(
            delegation=row,
            reason=form.cleaned_data["text"],
            by=request.user,
            at=timezone.now(),
        ),
        stops=True,
    )


@page
def duties_page(request: PersonRequest) -> HttpResponse:
    """The rules of separation of duties, and where each is applied."""
    return show(
        request, "approvals/duties.html", {"rules": duties.RULES}, section="approvals"
    )
