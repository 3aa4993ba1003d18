"""Accounts: who changed a password stands in the log, the password does not."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from audits.models import Entry
from governance import access, roles
from governance.models import Authorisation, Signature
from registry.models import Role
from tests.governance.test_approvals import sign, submit
from tests.world import PASSWORD, later


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


def run(*words: str) -> str:
    out = StringIO()
    call_command("access", *words, stdout=out)
    return out.getvalue()


def test_a_revoked_token_opens_nothing(world):
    _token, secret = access.issue_token(
        name="ci", role=Role.CI, by=access.system_user(), at=timezone.now()
    )
    assert "1 tokens" in run("--revoke-token", "ci")
    with pytest.raises(access.InvalidToken, match="revoked"):
        access.authenticate(secret, at=timezone.now())


def test_an_ended_role_gives_no_right(world):
    system = access.system_user()
    roles.end(user=world.rita, role=Role.RISK_MANAGER, by=system, at=later(hours=1))
    assert not roles.may(world.rita, "assess risk")
    run("--grant-role", "rita", "risk-manager")
    assert roles.may(world.rita, "assess risk")


def test_a_deactivated_signer_no_longer_counts(world):
    request = submit(world, world.ready())
    sign(request, world.vera, "review")
    access.deactivate(user=world.vera, by=access.system_user(), at=later(hours=1))
    sign(request, world.carl, "approval")
    assert not Authorisation.objects.exists()
    assert Signature.objects.filter(signed_by=world.vera).exists()


@pytest.mark.parametrize(
    "words", [["--end-role", "nobody", "owner"], ["--end-role", "rita", "king"]]
)
def test_unknown_names_are_said(world, words):
    with pytest.raises(CommandError, match="There is no"):
        run(*words)
