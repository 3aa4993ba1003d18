"""A person's own page: who they are here, their language and their time zone."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import preferences, records
from governance.web.frame import PersonRequest, page_for_all, put_errors, show
from registry.models import Role


class PreferenceForm(forms.Form):
    """The language of the pages, and the zone in which times are shown."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language of the pages"),
        required=False,
        choices=[("", gettext_lazy("As the browser asks")), *settings.LANGUAGES],
    )
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "Such as Europe/Berlin; empty means UTC. What is signed stays in UTC."
        ),
    )


@page_for_all
def profile(request: PersonRequest) -> HttpResponse:
    """Show one's own account; keep language and time zone on POST."""
    kept = preferences.of(request.user)
    form = PreferenceForm(
        request.POST or None,
        initial={"language": kept.language, "time_zone": kept.time_zone},
    )
    if request.method == "POST" and form.is_valid():
        try:
            return _keep(request, form, kept.language)
        except records.Refused as refusal:
            put_errors(form, refusal.errors)
    assignments = request.user.role_assignments.filter(ended_at=None)
    return show(
        request,
        "account/profile.html",
        {
            "form": form,
            "zones": preferences.time_zones(),
            "zone": timezone.get_current_timezone_name(),
            "now": timezone.now(),
            "held": [(Role(row.role).label, row.granted_at) for row in assignments],
        },
        section="profile",
    )


def _keep(request: PersonRequest, form: PreferenceForm, before: str) -> HttpResponse:
    """Keep it, also in this browser; `before` is the language that was kept."""
    row = preferences.prefer(
        language=form.cleaned_data["language"],
        time_zone=form.cleaned_data["time_zone"].strip(),
        by=request.user,
        at=timezone.now(),
    )
    answer = redirect("web:profile")
    if row.language:
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            row.language,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        translation.activate(row.language)
    elif before:
        answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    messages.success(request, _("Kept."))
    return answer
