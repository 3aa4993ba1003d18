"""The views of the inventory that a person keeps: keeping, renaming, dropping one."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from governance import saved_views
from governance.models import SavedView
from governance.records import Refused
from governance.web.frame import PersonRequest, page


@page
@require_POST
def keep_view(request: PersonRequest) -> HttpResponse:
    """Keep what the inventory shows under a name."""
    query = request.POST.get("query", "")
    try:
        row = saved_views.keep(
            name=request.POST.get("name", ""),
            query=query,
            by=request.user,
            at=timezone.now(),
        )
    except Refused as refusal:
        _tell(request, refusal)
        return redirect(reverse("web:inventory"))
    messages.success(request, _("The view %(name)s is kept.") % {"name": row.name})
    return redirect(f"{reverse('web:inventory')}?{row.query}")


@page
@require_POST
def rename_view(request: PersonRequest, view_id: UUID) -> HttpResponse:
    """Call a view of one's own by another name, and show it again."""
    view = get_object_or_404(saved_views.of(request.user), pk=view_id)
    try:
        name = request.POST.get("name", "")
        view = saved_views.rename(view_id=view.pk, name=name, by=request.user)
        messages.success(request, _("The view is called %(name)s.") % {"name": view})
    except Refused as refusal:
        _tell(request, refusal)
    return redirect(f"{reverse('web:inventory')}?{view.query}")


def _tell(request: PersonRequest, refusal: Refused) -> None:
    for sentences in refusal.errors.values():
        messages.error(request, " ".join(sentences))


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
