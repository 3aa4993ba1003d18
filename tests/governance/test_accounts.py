"""Accounts: who changed a password stands in the log, the password does not."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from audits.models import Entry
from governance import access, roles
from governance.models import Authorisation, Signature
from registry.models import Role, User
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


def test_somebody_new_is_added_without_a_role_and_logs_in(world):
    said = run("--add-person", "nora", "Nora", "New", "nora@bank.example")
    nora = User.objects.get(username="nora")
    assert nora.printed_name == "Nora New"
    assert not roles.roles_of(nora)
    password = said.rsplit(" ", 1)[1].strip()
    assert Client().login(username="nora", password=password)
    entry = Entry.objects.filter(rel="public.registry_user").latest("entry_id")
    assert entry.actor == str(access.system_user().pk)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        (("vera", "Vera", "Two", "v2@bank.example"), "already exists"),
        (("v a", "Vera", "Two", "v2@bank.example"), "valid username"),
        (("vera2", "Vera", "Two", "nowhere"), "valid email"),
    ],
)
def test_who_cannot_be_added_is_told_why(world, facts, word):
    with pytest.raises(CommandError, match=word):
        run("--add-person", *facts)


@pytest.mark.parametrize("end", ["", "key/abc-def/", "key/done/", "done/"])
def test_no_mail_leads_to_a_new_password(world, mailoutbox, end):
    """Who signs as somebody else needs two people (21 CFR 11.200(a)(3))."""
    address = f"/account/password/reset/{end}"
    sent = Client().post(address, {"email": world.vera.email})
    assert sent.status_code == 405
    assert not mailoutbox
    assert "It takes two people" in Client().get(address).content.decode()


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
