"""Forms that ask for a moment in UTC mean UTC, whichever zone the reader prefers."""

from datetime import UTC, datetime, timedelta

from django import forms
from django.urls import get_resolver, reverse
from django.utils import timezone

from governance import preferences
from governance.models import AuditAccess
from tests.governance.auditors_stage import outsider
from tests.governance.test_pages_log import as_
from tests.world import NOW

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)


def forms_of(kind: type[forms.Form]) -> list[type[forms.Form]]:
    own = [kind] if kind.__module__.startswith("governance.web") else []
    return own + [form for one in kind.__subclasses__() for form in forms_of(one)]


def test_every_field_that_says_utc_is_read_and_shown_in_utc():
    assert get_resolver().reverse_dict  # all pages are loaded, and so are their forms
    moments = [
        field
        for form in forms_of(forms.Form)
        for field in form.base_fields.values()
        if isinstance(field, forms.DateTimeField) and "(UTC)" in str(field.label)
    ]
    assert len(moments) >= 6
    for field in moments:
        with timezone.override("Asia/Tokyo"):
            assert field.clean("2027-01-15T12:00") == NOON, field.label
            assert field.prepare_value(NOON).hour == 12, field.label


def test_an_access_given_from_another_zone_begins_when_its_form_says(world):
    preferences.prefer(language="", time_zone="Asia/Tokyo", by=world.rita, at=NOW)
    begin = timezone.now().replace(second=0, microsecond=0)
    as_(world.rita).post(
        reverse("web:give_access"),
        {
            "auditor": str(outsider().pk),
            "models_patterns": "mortgage-*",
            "begins_at": f"{begin:%Y-%m-%dT%H:%M}",
            "ends_at": f"{begin + timedelta(days=2):%Y-%m-%dT%H:%M}",
            "reason": "Audit of the year",
        },
    )
    assert AuditAccess.objects.get().begins_at == begin
