"""People behind accounts: identifiers, declarations, credentials reset and proved."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from governance import enrolment, persons, roles
from governance.models import PersonIdentity, PersonLink
from governance.web.frame import (
    MANAGING,
    PersonRequest,
    ReasonForm,
    page_for,
    put_errors,
    show,
)
from registry.models import RoleAssignment, User

_HELD = Prefetch(
    "role_assignments",
    RoleAssignment.objects.filter(ended_at=None).order_by("role"),
    to_attr="held",
)
_Text = forms.Textarea(attrs={"rows": 2})


class IdentityForm(forms.Form):
    """By what the human is known outside."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=PersonIdentity.Kind.choices
    )
    issuer = forms.CharField(
        label=gettext_lazy("Whose identifier"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("The directory, or the identity provider's address."),
    )
    value = forms.CharField(label=gettext_lazy("Identifier"), max_length=320)


class LinkForm(forms.Form):
    """Whether another account is the same human."""

    second = forms.ModelChoiceField(
        label=gettext_lazy("Other account"),
        queryset=User.objects.filter(is_machine=False),
        to_field_name="username",
        widget=forms.TextInput,
    )
    same = forms.ChoiceField(
        label=gettext_lazy("Declaration"),
        choices=[
            ("no", gettext_lazy("Two different people")),
            ("yes", gettext_lazy("One and the same person")),
        ],
    )
    reason = forms.CharField(label=gettext_lazy("How you know it"), widget=_Text)


class ResetForm(forms.Form):
    """Why the credentials are reset."""

    reason = forms.CharField(label=gettext_lazy("Reason"), widget=_Text)


class ProveForm(forms.Form):
    """By what the person is known to be who they say."""

    seen = forms.CharField(
        label=gettext_lazy("By what you know the person"),
        widget=_Text,
        help_text=gettext_lazy("Such as a staff pass, seen face to face."),
    )


FORMS: dict[str, tuple[str, type[forms.Form]]] = {
    "identity": ("record identities", IdentityForm),
    "link": ("declare persons", LinkForm),
    "reset": ("manage access", ResetForm),
    "prove": ("prove identities", ProveForm),
}


@page_for(*MANAGING)
def people(request: PersonRequest) -> HttpResponse:
    """Everybody with an account."""
    rows = User.objects.filter(is_machine=False).order_by("username")
    return show(
        request,
        "people/list.html",
        {"people": rows.prefetch_related("identities", _HELD)},
        section="people",
    )


@page_for(*MANAGING)
def person(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """One account: what is known of its human; the act that a POST names."""
    row = get_object_or_404(User, pk=row_id, is_machine=False)
    offered = _forms(request)
    password = ""
    said = request.POST.get("act", "")
    form = offered.get(said)
    if form is not None and form.is_valid():
        done, password = _carry_out(request, row, said, form)
        if done and not password:
            return redirect("web:person", row.pk)
    return _shown(request, row, offered, {}, password)


def _shown(
    request: PersonRequest,
    row: User,
    offered: Mapping[str, forms.Form],
    refused: Mapping[UUID, ReasonForm],
    password: str = "",
) -> HttpResponse:
    """The page of an account; `refused` holds the end of an identity that failed."""
    reset = enrolment.last_reset(row)
    known = PersonIdentity.objects.filter(user=row)
    links = PersonLink.objects.filter(Q(first=row) | Q(second=row))
    return show(
        request,
        "people/person.html",
        {
            "person": row,
            "identities": [
                (one, refused.get(one.pk) or ReasonForm(auto_id=f"id_{one.pk}_%s"))
                for one in known.select_related("recorded_by", "ended_by")
            ],
            "links": links.select_related("first", "second", "declared_by"),
            "reset": reset,
            "proof": getattr(reset, "identity_proof", None),
            "forms": offered,
            "password": password,
        },
        section="people",
    )


def _forms(request: PersonRequest) -> dict[str, forms.Form]:
    """The forms of the acts that this person may do; the posted one is bound."""
    said = request.POST.get("act", "")
    return {
        name: kind(request.POST if name == said else None, auto_id=f"id_{name}_%s")
        for name, (right, kind) in FORMS.items()
        if roles.may(request.user, right)
    }


def _carry_out(
    request: PersonRequest, row: User, said: str, form: forms.Form
) -> tuple[bool, str]:
    """Do it, or say why not; whether it is done, and a password to hand over."""
    acts: dict[str, Callable[..., object]] = {
        "identity": lambda **more: persons.record_identity(user=row, **more),
        "link": lambda second, same, **more: persons.declare(
            a=row, b=second, same=same == "yes", **more
        ),
        "reset": lambda **more: enrolment.reset(user=row, **more),
        "prove": lambda **more: _prove(row, **more),
    }
    try:
        made = acts[said](**form.cleaned_data, by=request.user, at=timezone.now())
    except (persons.CannotRecord, enrolment.CannotEnrol) as refusal:
        put_errors(form, {refusal.field or "__all__": [str(refusal)]})
        return False, ""
    except roles.NotAllowed as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
        return False, ""
    messages.success(request, _("Kept."))
    return True, made if isinstance(made, str) else ""


def _prove(row: User, **more: Any) -> str:
    reset = enrolment.last_reset(row)
    if reset is None:
        raise enrolment.CannotEnrol(_("These credentials were never reset."))
    return enrolment.prove_identity(reset=reset, **more)


@page_for("record identities")
@require_POST
def end_identity(request: PersonRequest, row_id: UUID) -> HttpResponse:
    """Say that an identifier no longer counts."""
    row = get_object_or_404(PersonIdentity.objects.select_related("user"), pk=row_id)
    form = ReasonForm(request.POST, auto_id=f"id_{row.pk}_%s")
    if form.is_valid():
        try:
            persons.end_identity(
                identity=row,
                reason=form.cleaned_data["reason"],
                by=request.user,
                at=timezone.now(),
            )
            return redirect("web:person", row.user_id)
        except persons.CannotRecord as refusal:
            # Above the page: what has ended already offers no form.
            messages.error(request, str(refusal))
    return _shown(request, row.user, _forms(request), {row.pk: form})
