"""Attacks on what lies outside the tables: keys, the signer's memory, the gate's proof.

And what only outside memory can see: there the test is that it does see it.
"""

import contextlib
import shutil
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.db import connection
from psycopg import sql

from audits import log
from audits.integration import Contradicted
from audits.models import Checkpoint, Entry, Sequencer, Verification
from audits.signer import SignerRefused
from audits.verification import run_and_record, verify
from governance import gate, tasks
from tests.audits.ledger import NOW, add_user, behind_triggers, checked
from tests.audits.tampering import Attack, Named, attacks, carry_out, places


@pytest.fixture
def memory(written_log, settings) -> Path:
    """Name the file in which the signer remembers what it signed."""
    (found,) = settings.FREIGABE_KEYS_DIR.glob("log-*.checkpoint")
    return found


def _another_key(path: Path) -> None:
    path.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )


def test_a_memory_that_was_lost_is_named_and_opens_no_fork(superuser, memory):
    """The last checkpoint in the database still stands in for it."""
    assert checked().ok
    memory.unlink()
    verdict = checked()
    assert not verdict.ok
    assert any(item.kind == "signer" for item in verdict.findings)
    state = Sequencer.objects.get()
    superuser.execute("UPDATE audits_sequencer SET tree_size = tree_size - 1")
    # What the edge hashes say of a smaller tree depends on its size.
    with pytest.raises((SignerRefused, Contradicted), match="shrunk|contradicts"):
        log.checkpoint(at=NOW)
    superuser.execute("UPDATE audits_sequencer SET tree_size = %s", [state.tree_size])


@pytest.mark.parametrize("content", ["", "rubbish", "a\n5\nAAAA\n\n"])
def test_a_memory_that_was_overwritten_is_named(written_log, memory, content):
    assert checked().ok
    memory.write_text(content)
    assert any(item.kind == "signer" for item in checked().findings)
    add_user("dora")
    with pytest.raises(SignerRefused):
        log.advance(at=NOW)


def test_an_older_memory_put_back_is_named(written_log, memory):
    """Yesterday's file is a true one; only it is not what was signed last."""
    yesterday = memory.read_text()
    add_user("dora")
    log.advance(at=NOW)
    assert checked().ok
    memory.write_text(yesterday)
    verdict = checked()
    assert any(item.kind == "signer" for item in verdict.findings), verdict


def test_an_exchanged_key_is_named_before_and_after_it_signs(written_log, settings):
    assert checked().ok
    _another_key(settings.FREIGABE_KEYS_DIR / "log.pem")
    assert any(item.kind == "signer" for item in checked().findings)
    add_user("dora")
    with contextlib.suppress(SignerRefused):
        log.advance(at=NOW)
    verdict = checked()
    assert any(item.kind in ("signer", "checkpoint") for item in verdict.findings)


def test_a_whole_keys_folder_exchanged_is_named(written_log, settings):
    """Everything outside made anew: the old checkpoints no longer verify."""
    shutil.rmtree(settings.FREIGABE_KEYS_DIR)
    log.signer()
    assert any(item.kind == "checkpoint" for item in checked().findings)
    add_user("dora")
    with pytest.raises(SignerRefused):
        log.advance(at=NOW)


@pytest.mark.parametrize("forgetful", [False, True], ids=["remembers", "forgets"])
def test_yesterdays_copy_of_the_database_is_found_out(
    written_log, superuser, memory, forgetful, monkeypatch, request
):
    """Restored in place of the true one; with the memory gone only outsiders know."""
    yesterday = memory.read_text()
    copy = f"{written_log.name}_copy"
    superuser.close()
    connection.close()
    admin = psycopg.conninfo.make_conninfo(written_log.superuser_dsn, dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as other:
        names = [sql.Identifier(copy), sql.Identifier(written_log.name)]
        other.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    add_user("dora")
    log.advance(at=NOW)
    kept = Checkpoint.objects.first()
    assert checked().ok
    try:
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "NAME", copy)
        if forgetful:
            memory.write_text(yesterday)
            assert checked().ok, "nothing inside can know"
            assert not verify(trusted=kept.note).ok, "but who kept a checkpoint does"
            add_user("emil")
            log.advance(at=NOW)
            assert checked().ok
            assert not verify(trusted=kept.note).ok
        else:
            finding = next(i for i in checked().findings if i.kind == "signer")
            assert str(kept.tree_size) in finding.what
            with pytest.raises(SignerRefused, match="shrunk"):
                log.checkpoint(at=NOW)
            add_user("emil")
            with pytest.raises(SignerRefused, match="does not extend"):
                log.advance(at=NOW)
    finally:
        connection.close()
        monkeypatch.undo()
        with psycopg.connect(admin, autocommit=True) as other:
            other.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(copy))
            )


_OPENINGS = [
    Attack(
        "opening tells another name",
        ("UPDATE audits_opening SET value = '\"anne\"' WHERE value = '\"anna\"'",),
        (Named("opening|replay", "username", "registry_user", "{anna}"),),
    ),
    Attack(
        "opening and live value tell another name",
        (
            "UPDATE audits_opening SET value = '\"anne\"' WHERE value = '\"anna\"'",
            (
                "registry_user",
                "UPDATE registry_user SET username = 'anne' WHERE id = '{anna}'",
            ),
        ),
        (Named("opening|replay", "", "registry_user", "{anna}"),),
    ),
    Attack(
        "openings of two rows exchanged",
        (
            "UPDATE audits_opening SET pk = CASE pk WHEN '{anna}' THEN '{ben}' "
            "ELSE '{anna}' END WHERE pk IN ('{anna}', '{ben}')",
        ),
        (Named("opening|replay", "", "registry_user", "{anna}"),),
    ),
    Attack(
        "opening given another salt",
        ("UPDATE audits_opening SET salt = sha256(salt) WHERE value = '\"anna\"'",),
        (Named("opening|replay", "", "registry_user", "{anna}"),),
    ),
    Attack(
        "opening and live value changed with the commitment",
        (
            "UPDATE audits_opening SET value = '\"anne\"', commitment = encode(sha256("
            "salt || convert_to('\"anne\"', 'UTF8')), 'hex') WHERE value = '\"anna\"'",
            (
                "registry_user",
                "UPDATE registry_user SET username = 'anne' WHERE id = '{anna}'",
            ),
        ),
        (Named("opening|replay", "", "registry_user", "{anna}"),),
    ),
    Attack(
        "opening erased so that a live value may change",
        (
            "UPDATE audits_opening SET value = NULL, salt = NULL, erased_at = now() "
            "WHERE value = '\"anna\"'",
            (
                "registry_user",
                "UPDATE registry_user SET username = 'anne' WHERE id = '{anna}'",
            ),
        ),
        (Named("opening|replay", "", "registry_user", "{anna}"),),
    ),
]


@attacks(*_OPENINGS)
def test_a_change_of_openings_is_named(superuser, attack):
    carry_out(attack, superuser)


def _forge_verification(by: psycopg.Connection, **changed: object) -> None:
    row = {"ran_at": NOW, "id": None} | changed
    by.execute(
        "INSERT INTO audits_verification (id, ran_at, level, ok, size, findings, "
        "noticed, not_covered) VALUES (coalesce(%s, nextval(pg_get_serial_sequence("
        "'audits_verification', 'id'))), %s, 'replay', true, 1, '[]', '[]', '[]')",
        [row["id"], row["ran_at"]],
    )


def test_a_forged_verification_is_in_the_log_with_its_role(superuser):
    _forge_verification(superuser)
    told = Entry.objects.order_by("entry_id").last()
    assert (told.rel, told.actor) == ("public.audits_verification", None)
    assert '"role": "postgres"' in told.body


@pytest.mark.parametrize(
    "forged",
    [
        {"ran_at": NOW + timedelta(days=9000)},
        {"id": 2**62, "ran_at": NOW + timedelta(minutes=1)},
        {"id": 2**62},
    ],
    ids=["from the future", "newest in time and number", "highest number"],
)
def test_a_forged_verification_holds_the_gate_open_no_longer_than_the_next(
    superuser, forged
):
    behind_triggers(
        superuser, "registry_user", "UPDATE registry_user SET is_superuser = true"
    )
    _forge_verification(superuser, **forged)
    later = NOW + timedelta(minutes=10)
    assert not run_and_record(at=later).ok
    assert not gate.log_check(at=later).passed


def test_a_verification_from_the_future_proves_nothing(superuser):
    _forge_verification(superuser, ran_at=NOW + timedelta(days=9000))
    assert not gate.log_check(at=NOW).passed


def test_a_forged_verification_does_not_keep_the_clock_from_verifying(superuser):
    _forge_verification(superuser, ran_at=NOW + timedelta(days=9000))
    before = Verification.objects.count()
    tasks.verify_log()
    assert Verification.objects.count() == before + 1


def test_a_failed_verification_cannot_be_taken_back(superuser):
    superuser.execute("ALTER TABLE registry_user DISABLE TRIGGER zz_capture")
    failed = run_and_record(at=NOW)
    superuser.execute("ALTER TABLE registry_user ENABLE ALWAYS TRIGGER zz_capture")
    for statement in (
        "UPDATE audits_verification SET ok = true",
        "DELETE FROM audits_verification",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            superuser.execute(statement)
    behind_triggers(superuser, "audits_verification", "DELETE FROM audits_verification")
    finding = next(i for i in checked().findings if i.kind == "replay")
    assert (finding.table, finding.key) == (
        "public.audits_verification",
        str(failed.pk),
    )
    assert places()
