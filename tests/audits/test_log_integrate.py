"""Order, durability and signing: concurrent writers, crashes, proofs out of tiles."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.db import transaction

from audits import integration, log, merkle, note, offline, tiles
from audits.models import Checkpoint, Entry, Leaf, Sequencer, Tile
from audits.signer import SignerRefused
from registry.models import User
from tests.audits.ledger import NOW, add_user, behind_triggers, checked

ROOT = Path(__file__).resolve().parents[2]


def test_two_integrators_at_once_double_nothing(written_log):
    User.objects.bulk_create(User(username=f"u{i}") for i in range(600))
    script = (
        "import django; django.setup(); from audits import log\n"
        "for _ in range(20): log.integrate()"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "governance.settings"}
    both = [
        subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment)
        for _ in range(2)
    ]
    for i in range(50):
        add_user(f"v{i}")
    assert [process.wait(60) for process in both] == [0, 0]
    log.advance(at=NOW)
    assert Leaf.objects.count() == Entry.objects.count()
    assert checked().ok


def test_a_long_transaction_makes_it_lag_but_never_hang(written_log):
    with psycopg.connect(written_log.dsn) as writer:
        writer.execute("UPDATE registry_user SET unit = 'x' WHERE username = 'anna'")
        add_user("dora")
        with pytest.raises(integration.Lagging, match="has been open for"):
            log.integrate(wait_seconds=0.2)
        writer.rollback()
    assert log.integrate(wait_seconds=5).added == 1


def test_another_integrator_makes_it_lag_but_never_hang(written_log):
    add_user("dora")
    with psycopg.connect(written_log.dsn) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [integration.INTEGRATOR_LOCK])
        with pytest.raises(integration.Lagging, match="Another process"):
            log.integrate(wait_seconds=0.2)
    assert log.integrate(wait_seconds=5).added == 1


def test_a_sequence_that_was_set_back_is_an_alarm_and_no_idle_log(superuser):
    """Otherwise new entries would get ids below the last leaf, and no place, ever."""
    superuser.execute("SELECT setval('audits_entry_id_seq', 5)")
    with pytest.raises(integration.SetBack, match="stands at 5"):
        log.advance(at=NOW)


def test_it_refuses_to_run_inside_a_transaction(written_log):
    with transaction.atomic():
        with pytest.raises(integration.InTransaction):
            log.integrate()
        with pytest.raises(integration.InTransaction):
            log.checkpoint(at=NOW)


def test_nothing_new_adds_nothing_and_signs_the_same_note(written_log):
    first = Checkpoint.objects.get()
    assert log.integrate().added == 0
    assert log.advance(at=NOW).note == first.note
    assert Checkpoint.objects.count() == 1


def test_proofs_out_of_tiles_hold_at_every_edge(written_log, monkeypatch):
    monkeypatch.setattr(integration, "BATCH", 300)
    User.objects.bulk_create(User(username=f"u{i}") for i in range(1000))
    size = log.advance(at=NOW).tree_size
    assert Tile.objects.count() == size // 256
    leaves = [bytes(leaf.leaf_hash) for leaf in Leaf.objects.order_by("leaf_index")]
    sizes = {1, 2, 255, 256, 257, 511, 512, 513, 768, 769, size - 1, size}
    for tree in sizes:
        root = merkle.root_hash(leaves[:tree])
        assert log.root_at(size=tree) == root
        for index in {0, tree // 2, tree - 1, 255, 256} & set(range(tree)):
            proof = log.inclusion(index=index, size=tree)
            merkle.verify_inclusion(
                leaf=leaves[index],
                index=index,
                size=tree,
                proof=proof.hashes,
                root=root,
            )
        for old in {tree // 2, tree - 1, 256, 1} & set(range(1, tree)):
            extension = log.consistency(old=old, new=tree)
            merkle.verify_consistency(
                old_size=old,
                new_size=tree,
                old_root=merkle.root_hash(leaves[:old]),
                new_root=extension.root,
                proof=extension.hashes,
            )


def test_a_tree_of_two_levels_of_tiles_is_built_and_read(superuser):
    """65,536 leaves fill the first tile of the second level."""
    superuser.execute(
        "INSERT INTO audits_entry (entry_id, xid, op, rel, occurred_at, body) "
        "SELECT nextval('audits_entry_id_seq'), '1', 'C', '', now(), g::text "
        "FROM generate_series(1, 66000) g"
    )
    size = log.advance(at=NOW).tree_size
    upper = Tile.objects.get(level=1)
    roots = Tile.objects.filter(level=0, tile_index__lt=256).order_by("tile_index")
    assert bytes(upper.hashes) == b"".join(bytes(tile.root_hash) for tile in roots)
    for index in (0, 65_535, 65_536, size - 1):
        found = log.entry(index=index)
        proof = log.inclusion(index=index, size=size)
        merkle.verify_inclusion(
            leaf=merkle.leaf_hash(found.entry.body.encode()),
            index=index,
            size=size,
            proof=proof.hashes,
            root=proof.root,
        )
    assert bytes(Checkpoint.objects.first().root_hash) == log.root_at(size=size)


def test_tiles_and_bundles_have_the_published_form(written_log):
    User.objects.bulk_create(User(username=f"u{i}") for i in range(300))
    size = log.advance(at=NOW).tree_size
    leaves = [bytes(leaf.leaf_hash) for leaf in Leaf.objects.order_by("leaf_index")]
    assert tiles.hash_tile(level=0, index=0, size=size) == b"".join(leaves[:256])
    assert tiles.hash_tile(level=0, index=1, size=300) == b"".join(leaves[256:300])
    assert tiles.hash_tile(level=1, index=0, size=size) == merkle.root_hash(
        leaves[:256]
    )
    rest, bodies = tiles.entry_bundle(index=1, size=size), []
    while rest:
        length = int.from_bytes(rest[:2], "big")
        bodies.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    assert [merkle.leaf_hash(body) for body in bodies] == leaves[256:]
    for level, index in ((0, 2), (1, 1), (2, 0), (-1, 0), (0, -1)):
        with pytest.raises(tiles.NotInLog):
            tiles.hash_tile(level=level, index=index, size=size)


def test_questions_beyond_the_log_are_refused(written_log):
    size = Sequencer.objects.get().tree_size
    for ask in (
        lambda: log.entry(index=size),
        lambda: log.entry(index=-1),
        lambda: log.inclusion(index=0, size=size + 1),
        lambda: log.inclusion(index=size, size=size),
        lambda: log.inclusion(index=0, size=0),
        lambda: log.consistency(old=0, new=size),
        lambda: log.consistency(old=2, new=1),
        lambda: log.consistency(old=1, new=size + 1),
        lambda: log.place_of(entry_id=10**9),
    ):
        with pytest.raises(log.NotInLog):
            ask()


def test_an_extract_is_checked_by_a_stranger(written_log, tmp_path, capsys):
    anna = User.objects.get(username="anna")
    entries = log.entries_for(rel="public.registry_user", pk=str(anna.pk))
    file = tmp_path / "extract.json"
    file.write_text(json.dumps(log.extract(entries=entries)))
    assert offline.main([str(file), "--key", log.signer().vkey]) == 0
    anna.unit = "x"
    anna.save()
    with pytest.raises(log.NotYetSigned):
        log.extract(entries=entries.all())


def test_the_checkpoint_has_exactly_three_lines_and_verifies(written_log):
    signed = Checkpoint.objects.get()
    text = signed.note.split("\n\n")[0] + "\n"
    assert text.count("\n") == 3
    verifier = note.parse_vkey(log.signer().vkey)
    read = note.open_checkpoint(signed.note, verifier)
    assert (read.size, read.root) == (signed.tree_size, bytes(signed.root_hash))


def test_a_database_rolled_back_is_not_signed_again(superuser):
    """Yesterday's state, restored: shorter than what the signer remembers."""
    before = Sequencer.objects.get()
    add_user("dora")
    log.advance(at=NOW)
    for table, statement in (
        ("audits_leaf", "DELETE FROM audits_leaf WHERE leaf_index >= %s"),
        ("audits_checkpoint", "DELETE FROM audits_checkpoint WHERE tree_size > %s"),
    ):
        behind_triggers(superuser, table, statement, before.tree_size)
    superuser.execute(
        "UPDATE audits_sequencer SET tree_size = %s, frontier = %s",
        [before.tree_size, bytes(before.frontier)],
    )
    with pytest.raises(SignerRefused, match="has shrunk"):
        log.checkpoint(at=NOW)
    assert any("the database has" in item.what for item in checked().findings)


def test_status_tells_how_far_the_log_is(written_log):
    User.objects.create(username="outside")
    now = log.status(at=NOW)
    assert (now.unsequenced, now.checkpoint.tree_size) == (1, now.size)
    assert now.unattributed >= 1
    assert now.verification is None
    assert now.lag is not None
