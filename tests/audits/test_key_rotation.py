"""Keys and epochs under attack, and interrupted at any line: one history for a name."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql

from audits import epochs, key_events, keyring, log, merkle, selfcheck
from audits.keys import KeyUnusable
from audits.models import Checkpoint, KeyEvent
from audits.note import Checkpoint as Tree
from audits.note import (
    NoteUnverified,
    Verifier,
    format_checkpoint,
    open_checkpoint,
    parse_vkey,
    sign_note,
)
from audits.signer import SignerRefused
from audits.signer_memory import known_origins
from governance.permit import public_keys
from tests.audits.ledger import NOW, add_user, behind_triggers, checked


@pytest.fixture(autouse=True)
def _log(written_log):
    return written_log


def _folder() -> Path:
    return Path(settings.FREIGABE_KEYS_DIR)


class Backup:
    """Copies the whole database, and puts the copy back later, as a restore does."""

    def __init__(self, database) -> None:
        self._name, self._copy = database.name, f"{database.name}_old"
        self._dsn = psycopg.conninfo.make_conninfo(
            database.superuser_dsn, dbname="postgres"
        )

    def take(self) -> None:
        """Keep the database as it is now."""
        self._run("CREATE DATABASE {} TEMPLATE {} OWNER freigabe_owner", self._copy)

    def restore(self) -> None:
        """Forget all that came after take()."""
        self._run("DROP DATABASE {1} WITH (FORCE)", self._copy)
        self._run("ALTER DATABASE {} RENAME TO {}", self._copy)

    def _run(self, statement: str, copy: str) -> None:
        connections.close_all()
        names = (sql.Identifier(copy), sql.Identifier(self._name))
        with psycopg.connect(self._dsn, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname IN (%s, %s)",
                [copy, self._name],
            )
            admin.execute(sql.SQL(statement).format(*names))


@pytest.fixture
def backup(written_log) -> Backup:
    kept = Backup(written_log)
    kept.take()
    return kept


def _grow(count: int = 3) -> Checkpoint:
    for number in range(count):
        add_user(f"u{log.latest_checkpoint().tree_size}-{number}")
    return log.advance(at=NOW)


def test_a_restored_database_is_noticed_and_goes_on_in_a_new_epoch(backup):
    lost = _grow()
    backup.restore()
    with pytest.raises(SignerRefused, match=r"shrunk.*manage\.py open_epoch"):
        log.advance(at=NOW)
    second = epochs.open_epoch(because="the disk died", by="ola", at=NOW)
    assert (second.number, second.extends_former) == (2, False)
    assert second.former_note == lost.note
    assert epochs.history()[1].former.size == lost.tree_size
    assert checked().ok
    _grow()
    last = log.latest_checkpoint()
    third = epochs.open_epoch(because="yearly", by="ola", at=NOW)
    assert third.extends_former, "what the third lost is not what the second lost"
    assert third.former_note.startswith(f"{second.origin}\n")
    assert epochs.history()[2].former.size >= last.tree_size
    assert checked().ok


def test_a_restored_database_that_grew_past_the_signed_size_is_noticed(backup):
    _grow(1)
    backup.restore()
    with pytest.raises(SignerRefused, match=r"does not extend.*manage\.py open_epoch"):
        for number in range(4):
            add_user(f"other-{number}")
        log.advance(at=NOW)
    assert not epochs.open_epoch(because="restore", by="ola", at=NOW).extends_former


def test_a_database_from_before_epoch_and_rotation_finds_its_way(backup):
    epochs.rotate_key(because="yearly", by="ola", at=NOW)
    epochs.open_epoch(because="move", by="ola", at=NOW)
    lost = _grow()
    backup.restore()
    with pytest.raises(SignerRefused, match="is frozen: move"):
        log.advance(at=NOW)
    epoch = epochs.open_epoch(because="the disk died", by="ola", at=NOW)
    assert epoch.number == 3
    assert epoch.former_note == lost.note
    assert not epoch.extends_former
    published = {key["vkey"] for key in epochs.published_keys()}
    assert log.signer().vkey in published
    assert checked().ok


def test_a_name_that_only_the_database_knows_is_never_signed():
    """Who owns the database cannot make the signer forget by renaming the log."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO audits_epoch VALUES (2, %s, 'x', '', true, now())",
            [f"{settings.FREIGABE_LOG_ORIGIN}/e2"],
        )
    with pytest.raises(SignerRefused, match="never told to open"):
        log.advance(at=NOW)
    assert known_origins(_folder()) == [settings.FREIGABE_LOG_ORIGIN]


def test_a_lost_key_is_not_replaced_in_silence():
    first, former = Checkpoint.objects.get(), log.signer().vkey
    (_folder() / keyring.CURRENT).unlink()
    with pytest.raises(KeyUnusable, match=r"is gone.*manage\.py open_epoch"):
        log.advance(at=NOW)
    epochs.open_epoch(because="the key is lost", by="ola", at=NOW)
    signing = log.signer()
    known = signing.verifiers(settings.FREIGABE_LOG_ORIGIN)
    assert open_checkpoint(first.note, *known).size == first.tree_size
    keys = {key["vkey"]: key for key in epochs.published_keys()}
    assert keys[former]["event"] == "retired"
    assert keys[signing.vkey]["signs"] == "yes"
    assert checked().ok


def test_a_stolen_key_does_not_count_under_the_new_name(backup):
    stolen = log.signer().keys.current
    old = Checkpoint.objects.get()
    epochs.replace_compromised_key(because="laptop lost", by="ola", at=NOW)
    signing = log.signer()
    forged = sign_note(
        format_checkpoint(Tree(signing.origin, 10**6, b"x" * 32)),
        signing.origin,
        stolen,
    )
    with pytest.raises(NoteUnverified):
        open_checkpoint(forged, *signing.verifiers())
    with pytest.raises(NoteUnverified):
        open_checkpoint(forged, *signing.verifiers(signing.origin))
    former = signing.verifiers(settings.FREIGABE_LOG_ORIGIN)
    assert open_checkpoint(old.note, *former).size == old.tree_size
    told = KeyEvent.objects.filter(event="compromised")
    assert [parse_vkey(row.vkey).key for row in told] == [stolen.public_key()]
    with pytest.raises(epochs.EpochRefused, match="no checkpoint"):
        epochs.open_epoch(because="x", by="ola", at=NOW, former_note=forged)


def test_both_keys_of_an_overlap_end_when_the_folder_was_stolen():
    epochs.rotate_key(because="yearly", by="ola", at=NOW)
    held = [key.public_key() for key in log.signer().keys.signing]
    epochs.replace_compromised_key(because="folder copied", by="ola", at=NOW)
    trusted = {keyring.raw(v.key) for v in log.signer().verifiers()}
    assert len(held) == 2
    assert trusted.isdisjoint(keyring.raw(key) for key in held)


def test_the_first_keys_name_stays_published_after_a_new_epoch():
    first = log.signer().vkey
    epochs.open_epoch(because="yearly", by="ola", at=NOW)
    keys = {key["vkey"]: key for key in epochs.published_keys()}
    assert set(keys) == {first, log.signer().vkey}
    assert keys[first]["valid_until"] == NOW.isoformat()
    assert keys[first]["signs"] == "no"
    for stored in Checkpoint.objects.all():
        known = [parse_vkey(text) for text in keys]
        assert open_checkpoint(stored.note, *known).size == stored.tree_size
    assert {key["use"] for key in public_keys(at=NOW)["keys"]} == {
        "permit",
        "checkpoint",
    }


def test_a_new_epoch_ends_an_overlap():
    epochs.rotate_key(because="yearly", by="ola", at=NOW)
    epochs.open_epoch(because="move", by="ola", at=NOW)
    assert log.signer().keys.retiring is None
    assert log.latest_checkpoint().note.count("\n— ") == 1


def test_an_unrecorded_rotation_is_told_later(monkeypatch):
    former = log.signer()
    former.keys.rotate(keep_signing=True)
    assert not epochs.retire_due(at=NOW)
    assert epochs.retire_due(at=NOW + key_events.OVERLAP)
    told = set(KeyEvent.objects.values_list("vkey", "event"))
    assert {(former.vkey, "introduced"), (log.signer().vkey, "introduced")} < told
    assert not epochs.retire_due(at=NOW + timedelta(days=99))


def test_a_damaged_memory_needs_what_somebody_outside_kept():
    (memory,) = _folder().glob("log-*.checkpoint")
    kept = memory.read_text()
    memory.write_bytes(b"\xff\x00rubbish")
    with pytest.raises(SignerRefused, match="is not a checkpoint"):
        log.advance(at=NOW)
    with pytest.raises(epochs.EpochRefused, match="--former"):
        epochs.open_epoch(because="damaged", by="ola", at=NOW)
    assert not log.signer().is_frozen
    epoch = epochs.open_epoch(because="damaged", by="ola", at=NOW, former_note=kept)
    assert epoch.former_note == kept
    assert memory.read_text() == kept
    assert memory.with_suffix(".set-aside").read_bytes() == b"\xff\x00rubbish"
    assert checked().ok


def test_without_a_memory_the_databases_last_note_counts():
    (memory,) = _folder().glob("log-*.checkpoint")
    memory.unlink()
    epoch = epochs.open_epoch(because="lost", by="ola", at=NOW)
    assert epoch.former_note == Checkpoint.objects.last().note


def test_a_note_of_an_older_name_is_refused():
    old = Checkpoint.objects.get().note
    epochs.open_epoch(because="yearly", by="ola", at=NOW)
    with pytest.raises(epochs.EpochRefused, match="was last signed as"):
        epochs.open_epoch(because="again", by="ola", at=NOW, former_note=old)
    assert not log.signer().is_frozen


def test_one_process_at_a_time_changes_keys():
    with (
        key_events.alone(_folder()),
        pytest.raises(epochs.EpochRefused, match="Another process"),
    ):
        epochs.rotate_key(because="yearly", by="ola", at=NOW)
    assert not KeyEvent.objects.exists()


@pytest.mark.parametrize("text", ["", "AAAA", "no base64", "A" * 43 + "="])
def test_a_damaged_public_key_is_named(text):
    epochs.rotate_key(because="yearly", by="ola", at=NOW)
    former = keyring.raw(log.signer().keys.retiring.public_key())
    epochs.retire_due(at=NOW + key_events.OVERLAP)
    path = _folder() / f"log-{former.hex()[:16]}.pub"
    path.write_text(text)
    with pytest.raises(KeyUnusable, match="does not hold a public key"):
        log.signer().verifiers()


DAMAGE = {
    "edge": ("audits_sequencer", "UPDATE audits_sequencer SET frontier = sha256('x')"),
    "size": ("audits_sequencer", "UPDATE audits_sequencer SET tree_size = 7"),
    "leaf": (
        "audits_leaf",
        "UPDATE audits_leaf SET leaf_hash = sha256('x') WHERE leaf_index = 2",
    ),
    "lost leaf": (
        "audits_leaf",
        "DELETE FROM audits_leaf WHERE leaf_index = 2",
    ),
    "checkpoint": (
        "audits_checkpoint",
        "UPDATE audits_checkpoint SET root_hash = sha256('x')",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_tree_is_found_before_a_process_works_on_it(
    superuser, monkeypatch, what
):
    behind_triggers(superuser, *DAMAGE[what])
    size = Checkpoint.objects.count()
    monkeypatch.setattr(selfcheck, "_checked", set())
    with pytest.raises(selfcheck.TreeDamaged):
        _grow(1)
    assert Checkpoint.objects.count() == size


def test_consistency_is_required_between_rotated_keys():
    """A new key is no new history."""
    epochs.rotate_key(because="yearly", by="ola", at=NOW)
    signing = log.signer()
    size = signing.remembered().size

    def prove(_old: int, _new: int) -> list[bytes]:
        return []

    with pytest.raises(SignerRefused, match="shrunk"):
        signing.sign(size - 1, merkle.EMPTY_ROOT, prove, None)
    with pytest.raises(SignerRefused, match="does not extend"):
        signing.sign(size, merkle.EMPTY_ROOT, prove, None)
    stranger = Verifier(signing.origin, signing.keys.current.public_key())
    with pytest.raises(NoteUnverified):
        open_checkpoint(Checkpoint.objects.last().note, stranger)
