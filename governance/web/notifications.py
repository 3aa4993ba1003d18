"""What one was told: the list, the marks of what was read, and how one is told."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from governance import notifications
from governance.models import NotificationWish
from governance.web.frame import PersonRequest, page_for_all, show

PAGE = 50


class WishForm(forms.Form):
    """In which language, and how often by mail."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=settings.LANGUAGES
    )
    digest = forms.ChoiceField(
        label=gettext_lazy("Digest by e-mail"),
        choices=NotificationWish.Digest.choices,
        help_text=gettext_lazy("One mail with what you have not read yet."),
    )


@page_for_all
def told(request: PersonRequest) -> HttpResponse:
    """All that one was told, the newest first."""
    rows = Paginator(notifications.told(request.user), PAGE)
    wished = NotificationWish.objects.filter(person=request.user).first()
    form = WishForm(
        initial={
            "language": wished.language if wished else settings.LANGUAGE_CODE,
            "digest": wished.digest if wished else NotificationWish.Digest.NEVER,
        }
    )
    return show(
        request,
        "notifications/list.html",
        {
            "rows": rows.get_page(request.GET.get("page")),
            "form": form,
            "mails": settings.FREIGABE_DIGEST,
        },
        section="notifications",
    )


@page_for_all
@require_POST
def read(request: PersonRequest) -> HttpResponse:
    """Mark one as read, or all; one's own only."""
    mine = notifications.unread(request.user)
    wanted = request.POST.get("id", "")
    rows = [row for row in mine if wanted in ("", str(row.pk))]
    notifications.mark_read(notifications=rows, by=request.user, at=timezone.now())
    return redirect("web:notifications")


@page_for_all
@require_POST
def wish(request: PersonRequest) -> HttpResponse:
    """Keep how one wants to be told."""
    form = WishForm(request.POST)
    if form.is_valid():
        notifications.wish(**form.cleaned_data, by=request.user, at=timezone.now())
        messages.success(request, _("Kept."))
    return redirect("web:notifications")
