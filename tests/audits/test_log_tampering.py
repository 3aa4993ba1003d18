"""Manipulations of the log itself by a superuser: each is found and named."""
# ruff: noqa: S608 - statements of an attacker, made of constants and numbers

import random

import pytest

from audits import log
from audits.models import Entry, Tile
from registry.models import User
from tests.audits.ledger import NOW, add_user, behind_triggers, checked, only_finding


def test_a_changed_copy_of_the_body_is_named(superuser):
    entry = Entry.objects.filter(rel="public.registry_user", op="I").first()
    for column, value in (
        ("xid", "'7'::xid8"),
        ("op", "'D'"),
        ("rel", "'public.other'"),
        ("pk", "'7'"),
        ("actor", "'someone'"),
        ("occurred_at", "now()"),
    ):
        superuser.execute("CREATE TEMP TABLE kept AS SELECT * FROM audits_entry")
        for change in (
            value,
            f"(SELECT {column} FROM kept k WHERE k.entry_id = e.entry_id)",
        ):
            behind_triggers(
                superuser,
                "audits_entry",
                f"UPDATE audits_entry e SET {column} = {change} "
                f"WHERE entry_id = {entry.pk}",
            )
            if change == value:
                finding = only_finding("entry")
                assert finding.entry == entry.pk
                assert f"column {column} says" in finding.what
        superuser.execute("DROP TABLE kept")
    assert checked().ok


def test_a_deleted_entry_is_named(superuser):
    entry = Entry.objects.filter(rel="public.registry_user", op="I").first()
    behind_triggers(
        superuser, "audits_entry", f"DELETE FROM audits_entry WHERE entry_id={entry.pk}"
    )
    assert only_finding("entry").entry == entry.pk
    assert "no entry tells of it" in only_finding("replay").what


@pytest.mark.parametrize("signed", [True, False])
def test_a_body_replaced_by_rubbish_is_named(superuser, signed):
    if not signed:
        add_user("dora")
    name = "anna" if signed else "dora"
    entry = Entry.objects.get(rel="public.registry_user", body__contains=f'"{name}"')
    rubbish = ["", "x", "5", "[]", "{}", '{"new": 5}', '{"a": "\\u0000"}', "[" * 9000]
    for body in rubbish:
        behind_triggers(
            superuser,
            "audits_entry",
            "UPDATE audits_entry SET body = %s WHERE entry_id = %s",
            body,
            entry.pk,
        )
        verdict = checked()
        named = {item.kind for item in verdict.findings if item.entry == entry.pk}
        assert "entry" in named
        assert ("leaf" in named) == signed


def test_any_changed_byte_of_any_entry_is_named(superuser):
    chance = random.Random(1)  # noqa: S311 - no secret depends on it
    entries = list(Entry.objects.all())
    for _ in range(6):
        entry = chance.choice(entries)
        place = chance.randrange(len(entry.body))
        other = "x" if entry.body[place] != "x" else "y"
        body = entry.body[:place] + other + entry.body[place + 1 :]
        for text in (body, entry.body):
            behind_triggers(
                superuser,
                "audits_entry",
                "UPDATE audits_entry SET body = %s WHERE entry_id = %s",
                text,
                entry.pk,
            )
            if text is body:
                assert only_finding("leaf").entry == entry.pk
    assert checked().ok


def test_a_deleted_tile_is_named(superuser):
    User.objects.bulk_create(User(username=f"u{i}") for i in range(300))
    log.advance(at=NOW)
    behind_triggers(superuser, "audits_tile", "DELETE FROM audits_tile")
    assert "the tile is not stored" in only_finding("tile").what


def test_a_deleted_leaf_is_named(superuser):
    behind_triggers(
        superuser, "audits_leaf", "DELETE FROM audits_leaf WHERE leaf_index = 5"
    )
    what = [item.what for item in checked().findings if item.kind == "leaf"]
    assert "leaf 5 is missing; the next one is 6" in what
    assert "the entry has no leaf, though later ones have" in what


def test_a_checkpoint_of_another_root_is_named(superuser):
    behind_triggers(
        superuser,
        "audits_checkpoint",
        "UPDATE audits_checkpoint SET root_hash = set_byte(root_hash, 0, "
        "get_byte(root_hash, 0) # 1)",
    )
    what = [item.what for item in checked().findings if item.kind == "checkpoint"]
    assert any("carries a note for" in text for text in what)


def test_an_entry_slipped_in_between_is_named(superuser):
    superuser.execute("SELECT nextval('audits_entry_id_seq')")
    slipped = Entry.objects.last().pk + 1
    add_user("dora")
    log.advance(at=NOW)
    superuser.execute(
        "INSERT INTO audits_entry (entry_id, xid, op, rel, pk, occurred_at, body) "
        "VALUES (%s, '1', 'I', 'public.auth_group', '9', now(), '{}')",
        [slipped],
    )
    assert only_finding("leaf").entry == slipped


def test_a_changed_tile_is_named(superuser):
    User.objects.bulk_create(User(username=f"u{i}") for i in range(300))
    log.advance(at=NOW)
    assert Tile.objects.count() == 1
    assert checked().ok
    behind_triggers(
        superuser,
        "audits_tile",
        "UPDATE audits_tile SET hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1)",
    )
    assert only_finding("tile").what.startswith("tile 0/0")
