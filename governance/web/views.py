"""The views of the inventory that a person keeps: keeping, renaming, dropping one."""

from collections.abc import Sequence
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from governance import saved_views
from governance.models import SavedView
from governance.records import Refused
from governance.web.frame import PersonRequest, page, put_errors


class NameForm(forms.Form):
    """What a view is to be called; without a `view` it is a new one."""

    name = forms.CharField(
        required=False,
        widget=forms.TextInput(
            attrs={
                "maxlength": saved_views.NAME_LIMIT,
                "required": True,
                "autocomplete": "off",
            }
        ),
    )

    def __init__(self, view: SavedView | None, typed: QueryDict) -> None:
        key = str(view.pk) if view else ""
        chosen = "name" in typed and typed.get("view", "") == key
        super().__init__(
            typed if chosen else None,
            initial={"name": view.name if view else ""},
            auto_id=f"id_%s_{key or 'new'}",
        )
        self.view = view
        self.key = key


def forms_of(
    request: PersonRequest, kept: Sequence[SavedView], query: str
) -> list[NameForm]:
    """The forms for the name of a new view, and of those that show this already."""
    here = [view for view in kept if view.query == query]
    return [NameForm(view, request.POST) for view in (None, *here)]


def carry_out(
    request: PersonRequest, names: Sequence[NameForm], query: str
) -> SavedView | None:
    """Keep `query` as a view or rename one; None where its form says why not."""
    form = next((form for form in names if form.is_bound), None)
    if form is None:
        raise Http404
    if form.is_valid():
        try:
            return _named(request, form, query)
        except Refused as refusal:
            put_errors(form, refusal.errors)
    form.fields["name"].widget.attrs["autofocus"] = True
    return None


def _named(request: PersonRequest, form: NameForm, query: str) -> SavedView:
    name = form.cleaned_data["name"]
    if form.view is None:
        at = timezone.now()
        row = saved_views.keep(name=name, query=query, by=request.user, at=at)
        said = _("The view %(name)s is kept.")
    else:
        row = saved_views.rename(view_id=form.view.pk, name=name, by=request.user)
        said = _("The view is called %(name)s.")
    messages.success(request, said % {"name": row.name})
    return row


@page
@require_POST
def drop_view(request: PersonRequest, view_id: UUID) -> HttpResponse:
    """Keep a view of one's own no longer."""
    try:
        view = saved_views.drop(view_id=view_id, by=request.user, at=timezone.now())
    except SavedView.DoesNotExist as error:
        raise Http404 from error
    messages.success(request, _("The view %(name)s is dropped.") % {"name": view.name})
    return redirect("web:inventory")
