"""Manipulations of the log itself by a superuser: each is found and named."""
# ruff: noqa: S608 - statements of an attacker, made of constants and numbers

import random

import pytest

from audits import log
from audits.models import Checkpoint, Entry, Leaf, Tile
from audits.note import Checkpoint as SignedTree
from audits.note import format_checkpoint, sign_note
from registry.models import User
from tests.audits.ledger import NOW, add_user, behind_triggers, checked, only_finding


@pytest.mark.parametrize("where", ["audits_entry", "audits_leaf"])
def test_one_changed_byte_is_named(superuser, where):
    entry = Entry.objects.get(rel="public.registry_user", body__contains='"anna"')
    leaf = Leaf.objects.get(entry_id=entry.pk)
    if where == "audits_entry":
        change = "UPDATE audits_entry SET body = replace(body, 'anna', 'anne')"
    else:
        change = (
            "UPDATE audits_leaf SET leaf_hash = "
            "set_byte(leaf_hash, 5, get_byte(leaf_hash, 5) # 1)"
        )
    statement = f"{change} WHERE entry_id = {entry.pk}"
    behind_triggers(superuser, where, statement)
    finding = only_finding("leaf")
    assert finding.entry == entry.pk
    assert f"leaf {leaf.leaf_index}" in finding.what


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
    for _ in range(12):
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


def test_reordered_leaves_are_named(superuser):
    """Each leaf still fits its entry; only the order is another one."""
    third, fourth = Leaf.objects.get(pk=3), Leaf.objects.get(pk=4)
    for index, entry, value in (
        (3, -1, third.leaf_hash),
        (4, third.entry_id, third.leaf_hash),
        (3, fourth.entry_id, fourth.leaf_hash),
    ):
        behind_triggers(
            superuser,
            "audits_leaf",
            "UPDATE audits_leaf SET entry_id = %s, leaf_hash = %s "
            "WHERE leaf_index = %s",
            entry,
            bytes(value),
            index,
        )
    assert only_finding("order").entry == third.entry_id


def test_a_consistent_forgery_of_entry_leaf_and_state_meets_the_checkpoint(superuser):
    """Edit entry, leaf and sequencer so that they agree: the signature still stands."""
    entry = Entry.objects.filter(rel="public.registry_user", op="I").last()
    behind_triggers(
        superuser,
        "audits_entry",
        "UPDATE audits_entry SET body = replace(body, 'carla', 'carlo') "
        f"WHERE entry_id = {entry.pk}",
    )
    behind_triggers(
        superuser,
        "audits_leaf",
        "UPDATE audits_leaf l SET leaf_hash = sha256('\\x00'::bytea || "
        "convert_to(e.body, 'UTF8')) FROM audits_entry e WHERE e.entry_id=l.entry_id",
    )
    behind_triggers(superuser, "audits_sequencer", _state_from_leaves())
    kinds = {item.kind for item in checked().findings}
    assert kinds == {"checkpoint", "signer", "replay"}


def test_a_checkpoint_signed_by_another_key_is_named(superuser, written_log, tmp_path):
    forger = log.Signer(tmp_path / "forged", log.signer().origin)
    root = bytes(Checkpoint.objects.get().root_hash)
    note = sign_note(
        format_checkpoint(SignedTree(forger.origin, 44, root)),
        forger.origin,
        forger.keys.current,
    )
    behind_triggers(
        superuser, "audits_checkpoint", "UPDATE audits_checkpoint SET note = %s", note
    )
    assert "No known key signed" in only_finding("checkpoint").what


def test_a_checkpoint_of_another_root_is_named(superuser):
    behind_triggers(
        superuser,
        "audits_checkpoint",
        "UPDATE audits_checkpoint SET root_hash = set_byte(root_hash, 0, "
        "get_byte(root_hash, 0) # 1)",
    )
    what = [item.what for item in checked().findings if item.kind == "checkpoint"]
    assert any("carries a note for" in text for text in what)


def test_a_log_cut_short_is_named(superuser):
    size = Leaf.objects.count()
    for table in ("audits_leaf", "audits_entry"):
        behind_triggers(
            superuser,
            table,
            f"DELETE FROM {table} WHERE entry_id = (SELECT max(entry_id) FROM {table})",
        )
    what = {item.kind: item.what for item in checked().findings}
    assert f"{size} leaves were signed, {size - 1} are there" in what["checkpoint"]
    assert f"{size} leaves were signed, the database has fewer" in what["signer"]


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


def _state_from_leaves() -> str:
    leaves = Leaf.objects.order_by("leaf_index")
    tree = log.merkle.CompactRange()
    for leaf in leaves:
        value = bytes(leaf.leaf_hash)
        entry = Entry.objects.get(pk=leaf.entry_id)
        value = log.merkle.leaf_hash(entry.body.encode())
        tree.append(value)
    frontier = b"".join(tree.frontier).hex()
    return f"UPDATE audits_sequencer SET frontier = '\\x{frontier}'"
