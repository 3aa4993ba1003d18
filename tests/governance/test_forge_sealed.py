"""The secrets of servers that ask: sealed in the table, each for its own purpose."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections, transaction

from audits import capture
from governance import forges, sealing
from governance.forges import sealed
from governance.models import Forge, ForgeRequest
from tests.governance.forge_world import agreed, message, pem, registered, send, work
from tests.world import NOW, later

SEALING = import_module("governance.migrations.0032_sealed_forges")
TOKEN = "glpat-0123456789"
PLAIN = "s" * 43
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
