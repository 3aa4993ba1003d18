"""The secrets of servers that ask: sealed in the table, each for its own purpose."""

import base64
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, connections, transaction
from psycopg import sql

from audits import capture
from governance import forges, roles, sealing
from governance.forges import sealed
from governance.models import Forge, ForgeRequest, ForgeSecret
from governance.records import Refused
from tests.governance.forge_world import agreed, message, pem, registered, send, work
from tests.world import NOW, later

SEALING = import_module("governance.migrations.0032_sealed_forges")
TOKENS = import_module("governance.migrations.0040_forge_secrets")
TOKEN = "glpat-0123456789"
PLAIN = "s" * 43
AZURE = "eyJ.of.azure"
State = ForgeRequest.State


def plant(forge: Forge, **values: str) -> Forge:
    """Change a row of a table whose rows never change, as its owner can."""
    alias = configured.FREIGABE_OWNER_ALIAS
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {SEALING.LOCK}")
        Forge.objects.using(alias).filter(pk=forge.pk).update(**values)
        cursor.execute(f"ALTER TABLE {SEALING.LOCKED}")
    return Forge.objects.get(pk=forge.pk)


def migrate() -> None:
    """What the migration does, in a transaction of the owner, as `migrate` has it."""
    alias = configured.FREIGABE_OWNER_ALIAS
    with transaction.atomic(using=alias):
        SEALING.seal_secrets(apps, SimpleNamespace(connection=connections[alias]))


def test_the_table_holds_neither_the_secret_nor_what_is_shown(world, outside):
    forge, secret = registered(world, "github", outside.url)
    kept = Forge.objects.get()
    assert secret not in kept.secret
    assert "PRIVATE KEY" not in kept.credential
    assert sealed.secret_of(kept) == secret
    assert sealed.credential_of(kept) == pem()
    other, _secret = registered(world, "gitlab", outside.url)
    moved = Forge(pk=other.pk, secret=forge.secret, credential=forge.credential)
    swapped = Forge(pk=forge.pk, secret=forge.credential, credential=forge.secret)
    for row in (moved, swapped):
        for read in (sealed.secret_of, sealed.credential_of):
            with pytest.raises(sealing.CannotOpen):
                read(row)


def tables_with(text: str) -> set[str]:
    """The tables, those of the log too, that hold a text in any column."""
    raw = text.encode()
    spelt = {text, raw.hex(), base64.b64encode(raw).decode()}
    names = connection.introspection.table_names()
    assert {"governance_forgerequest", "audits_entry_p0"} & set(names)
    found = set()
    with connection.cursor() as cursor:
        for name in names:
            for one in spelt:
                asked = sql.SQL("SELECT 1 FROM {} AS r WHERE strpos(r::text, %s) > 0")
                cursor.execute(asked.format(sql.Identifier(name)), [one])
                if cursor.fetchone():
                    found.add(name)
    return found


def test_no_secret_and_no_token_stands_in_any_table_or_log_entry(world, outside):
    told = []
    for kind in ("github", "gitlab", "azure-devops"):
        forge, secret = registered(world, kind, outside.url)
        agreed(world, forge)
        send(forge)
        again, another = forges.replace_secret(forge=forge, by=world.adam, at=NOW)
        told += [secret, another]
    other = "glpat-another-one"
    gitlab = Forge.objects.get(kind="gitlab")
    forges.replace_credential(forge=gitlab, credential=other, by=world.adam, at=NOW)
    # That the search finds what is there, in the log too.
    found = tables_with(outside.url)
    assert "governance_forge" in found
    assert any(name.startswith("audits_") for name in found)
    lines = [line for line in pem().splitlines() if len(line) == 64]
    for text in [*told, TOKEN, other, AZURE, *lines]:
        assert tables_with(text) == set()
    waiting = ForgeRequest.objects.get(forge__kind="azure-devops")
    assert sealed.token_of(waiting) == AZURE


def test_the_token_of_an_answer_opens_for_its_own_question_alone(
    world, outside, make_forge
):
    row = send(make_forge("azure-devops"))
    other = sealing.seal(AZURE, about="another question token")
    for day, planted in enumerate([AZURE, other]):
        ForgeRequest.objects.filter(pk=row.pk).update(token=planted)
        assert work(world, at=later(days=day)).state == State.WAITING
        assert outside.seen == []
        assert "another key" in row.attempts.first().problem


def test_the_migration_seals_the_tokens_that_wait(stage, outside):
    forge, _secret = registered(stage, "azure-devops", outside.url)
    agreed(stage, forge)
    row = send(forge)
    ForgeRequest.objects.filter(pk=row.pk).update(token=AZURE)
    alias = configured.FREIGABE_OWNER_ALIAS
    with transaction.atomic(using=alias):
        TOKENS.seal_tokens(apps, SimpleNamespace(connection=connections[alias]))
    row.refresh_from_db()
    assert row.token != AZURE
    assert work(stage).state == State.ANSWERED


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_after_a_change_of_the_key_the_same_server_is_listened_to_again(
    world, outside, make_forge, settings, kind
):
    forge = make_forge(kind)
    headers, body = message(forge)
    settings.SECRET_KEY = "n" * 60
    with pytest.raises(forges.NotGenuine):
        forges.receive(forge=forge, headers=headers, body=body, by=forge.user, at=NOW)
    _row, secret = forges.replace_secret(forge=forge, by=world.adam, at=NOW)
    assert sealed.secret_of(forge) == secret
    with pytest.raises(forges.NotGenuine):  # what is signed with the one before
        forges.receive(forge=forge, headers=headers, body=body, by=forge.user, at=NOW)
    send(forge)
    assert work(world).state == State.WAITING
    assert "another key" in ForgeRequest.objects.get().attempts.first().problem
    given = pem() if kind == "github" else TOKEN
    forges.replace_credential(forge=forge, credential=given, by=world.adam, at=NOW)
    assert work(world, at=later(days=1)).state == State.ANSWERED


def test_what_is_replaced_is_replaced_by_an_administrator_with_what_fits(
    world, outside
):
    forge, _secret = registered(world, "gitlab", outside.url)
    azure, _secret = registered(world, "azure-devops", outside.url)
    for by in (world.rita, world.ben):
        with pytest.raises(roles.NotAllowed):
            forges.replace_secret(forge=forge, by=by, at=NOW)
        with pytest.raises(roles.NotAllowed):
            forges.replace_credential(forge=forge, credential=TOKEN, by=by, at=NOW)
    for row, text in [(forge, ""), (forge, "a b"), (azure, TOKEN), (azure, "")]:
        with pytest.raises(Refused):
            forges.replace_credential(forge=row, credential=text, by=world.adam, at=NOW)
    assert not ForgeSecret.objects.exists()
    forges.end(forge=forge, reason="Moved.", by=world.rita, at=NOW)
    with pytest.raises(forges.WrongState):
        forges.replace_secret(forge=forge, by=world.adam, at=NOW)


@pytest.mark.parametrize("planted", [PLAIN, "", "x", "credential"])
def test_a_server_whose_secret_does_not_open_proves_nothing(
    world, outside, make_forge, planted
):
    forge = make_forge("gitlab")
    headers, body = message(forge)
    forge.secret = forge.credential if planted == "credential" else planted
    with pytest.raises(forges.NotGenuine, match="missing or wrong"):
        forges.receive(forge=forge, headers=headers, body=body, by=forge.user, at=NOW)
    assert not ForgeRequest.objects.exists()


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_what_is_not_sealed_for_the_server_is_shown_to_nobody(stage, outside, kind):
    forge, _secret = registered(stage, kind, outside.url)
    agreed(stage, forge)
    send(forge)
    for day, planted in enumerate([TOKEN, pem(), "", forge.secret]):
        plant(forge, credential=planted)
        row = work(stage, at=later(days=day))
        assert (row.state, outside.seen) == (State.WAITING, [])
        assert "sealed with another key" in row.attempts.first().problem


def test_a_changed_key_of_the_installation_still_answers_as_a_former_one(
    outside, make_forge, world, settings
):
    forge = make_forge("gitlab")
    old, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 60
    settings.SECRET_KEY_FALLBACKS = [old]
    send(forge)
    assert work(world).state == State.ANSWERED


def test_the_migration_seals_what_is_there_once_and_locks_the_table_again(
    stage, outside
):
    forge, _secret = registered(stage, "gitlab", outside.url)
    agreed(stage, forge)
    before = set(capture.present_triggers())
    plant(forge, secret=PLAIN, credential=TOKEN)
    migrate()
    once = Forge.objects.get()
    migrate()
    kept = Forge.objects.get()
    assert (kept.secret, kept.credential) == (once.secret, once.credential)
    assert sealed.secret_of(kept) == PLAIN
    assert sealed.credential_of(kept) == TOKEN
    send(kept)
    assert work(stage).state == State.ANSWERED
    assert set(capture.present_triggers()) == before
    for alias in ("default", configured.FREIGABE_OWNER_ALIAS):
        with pytest.raises(DatabaseError):
            Forge.objects.using(alias).update(credential="x")


def test_the_migration_refuses_another_key_than_the_installations(
    stage, outside, settings
):
    registered(stage, "github", outside.url)
    plain, _secret = registered(stage, "gitlab", outside.url)
    plant(plain, secret=PLAIN)
    settings.SECRET_KEY = "n" * 60
    with pytest.raises(ImproperlyConfigured, match="FREIGABE_SECRET_KEY"):
        migrate()
    assert Forge.objects.get(pk=plain.pk).secret == PLAIN
