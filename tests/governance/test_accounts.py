"""Accounts: who changed a password stands in the log, the password does not."""

from django.test import Client

from audits.models import Entry
from tests.world import PASSWORD


def test_a_changed_password_is_logged_under_its_owner_and_never_shown(world):
    client = Client()
    client.force_login(world.vera)
    before = Entry.objects.count()
    new = "another long phrase 7"
    answer = client.post(
        "/account/password/change/",
        {"oldpassword": PASSWORD, "password1": new, "password2": new},
    )
    assert answer.status_code == 302, answer.content
    world.vera.refresh_from_db()
    assert world.vera.check_password(new)
    entries = Entry.objects.filter(rel="public.registry_user").order_by("-entry_id")
    entry = entries.first()
    assert Entry.objects.count() > before
    assert entry.actor == str(world.vera.pk)
    assert world.vera.password not in entry.body
