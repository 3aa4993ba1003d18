"""The whole drill: back up, lose everything, restore, and notice what is lost."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings as live_settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import connection, connections
from psycopg import sql

from audits import epochs, log, recall
from audits.export.export import export
from audits.models import Entry, Epoch
from audits.recall import Standing
from audits.signer import SignerRefused
from governance import backup, restoring
from registry.models import User
from tests.audits.ledger import NOW, add_user, checked, write_log


@pytest.fixture
def installation(fresh_database, settings, tmp_path, monkeypatch):
    """A signed log of some rows, and a stored file, in places of this test's own."""
    settings.FREIGABE_KEYS_DIR = tmp_path / "keys"
    storage = FileSystemStorage(location=tmp_path / "storage")
    storage.save("artifacts/ab/abcd", ContentFile(b"a model"))
    for module in (backup, restoring):
        monkeypatch.setattr(module, "default_storage", storage)
    write_log()
    return fresh_database


@pytest.fixture
def new_database(installation, monkeypatch) -> Iterator[str]:
    """An empty database instead of the present one; gives its superuser's address."""
    name = f"{installation.name}_new"
    admin = _elsewhere(installation.superuser_dsn, "postgres")
    _run(admin, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def switch() -> str:
        connections.close_all()
        for alias in {"default", live_settings.FREIGABE_OWNER_ALIAS}:
            monkeypatch.setitem(connections[alias].settings_dict, "NAME", name)
        return _elsewhere(installation.superuser_dsn, name)

    yield switch
    connections.close_all()
    statement = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    _run(admin, statement)


def _elsewhere(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def _run(dsn: str, statement: sql.Composed) -> None:
    with psycopg.connect(dsn, autocommit=True) as connected:
        connected.execute(statement)


def _lose_files(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "storage")


def test_a_restored_backup_is_the_same_log_and_goes_on(
    installation, new_database, tmp_path
):
    made = backup.make(into=tmp_path / "backup", at=NOW)
    before = list(Entry.objects.order_by("entry_id").values_list("body", flat=True))
    _lose_files(tmp_path)
    done = restoring.restore(folder=tmp_path / "backup", superuser=new_database())
    assert done.holds
    assert [item.standing for item in done.comparisons] == [Standing.EQUAL]
    assert (
        list(Entry.objects.order_by("entry_id").values_list("body", flat=True))
        == before
    )
    assert (tmp_path / "storage/artifacts/ab/abcd").read_bytes() == b"a model"
    assert made.leaves == log.latest_checkpoint().tree_size
    verdict = checked()
    assert verdict.ok, verdict.findings
    add_user("dora")
    log.advance(at=NOW)
    verdict = checked()
    assert verdict.ok, verdict.findings


def test_the_restored_database_has_its_roles_and_event_triggers(
    installation, new_database, tmp_path
):
    backup.make(into=tmp_path / "backup", at=NOW)
    superuser = new_database()
    restoring.restore(folder=tmp_path / "backup", superuser=superuser)
    with psycopg.connect(superuser) as connected:
        owners = connected.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        triggers = connected.execute(
            "SELECT evtname, evtenabled FROM pg_event_trigger ORDER BY evtname"
        ).fetchall()
    assert owners == [("freigabe_owner",)]
    assert triggers == [("audits_ddl", "A"), ("audits_drop", "A")]
    application = _as_application(installation.dsn, superuser)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        psycopg.connect(application) as connected,
    ):
        connected.execute("DELETE FROM audits_entry")


def _as_application(dsn: str, superuser: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=urlsplit(superuser).path))


def test_an_older_state_is_noticed_by_the_signers_memory_and_needs_an_epoch(
    installation, new_database, tmp_path
):
    backup.make(into=tmp_path / "backup", at=NOW)
    size = log.latest_checkpoint().tree_size
    add_user("dora")
    add_user("emil")
    newest = log.advance(at=NOW).tree_size
    done = restoring.restore(folder=tmp_path / "backup", superuser=new_database())
    assert not done.holds
    (item,) = done.comparisons
    assert item.standing is Standing.OLDER
    assert f"Lost: leaves {size} to {newest - 1}, {newest - size} in all" in item.text
    add_user("other")
    with pytest.raises(SignerRefused, match="shrunk"):
        log.advance(at=NOW)
    epoch = restoring.open_epoch(restored=done, because="disk lost", by="ola", at=NOW)
    assert not epoch.extends_former
    assert epoch.former_note == item.recollection.note
    assert log.advance(at=NOW).note.startswith(epoch.origin)
    assert log.latest_checkpoint().note.startswith(epoch.origin)


def test_an_older_state_is_noticed_by_the_export_when_the_key_folder_is_old_too(
    installation, new_database, tmp_path, settings
):
    settings.FREIGABE_EXPORT = str(tmp_path / "export")
    backup.make(into=tmp_path / "backup", at=NOW)
    shutil.copytree(tmp_path / "keys", tmp_path / "old-keys")
    add_user("dora")
    newest = log.advance(at=NOW).tree_size
    export(to=settings.FREIGABE_EXPORT, at=NOW)
    settings.FREIGABE_KEYS_DIR = tmp_path / "old-keys"
    done = restoring.restore(folder=tmp_path / "backup", superuser=new_database())
    keys, exported = done.comparisons
    assert (keys.standing, exported.standing) == (Standing.EQUAL, Standing.OLDER)
    assert str(tmp_path / "export") in exported.text
    epoch = restoring.open_epoch(restored=done, because="fire", by="ola", at=NOW)
    assert f"\n{newest}\n" in epoch.former_note
    assert Epoch.objects.get() == epoch


def test_another_history_of_the_same_length_is_no_continuation(
    installation, new_database, tmp_path
):
    backup.make(into=tmp_path / "backup", at=NOW)
    add_user("dora")
    log.advance(at=NOW)
    superuser = new_database()
    with pytest.MonkeyPatch.context() as patched:
        # An administrator restores somewhere else, and works there without a signer.
        patched.setattr(recall, "compare", lambda: [])
        restoring.restore(folder=tmp_path / "backup", superuser=superuser)
    for name in ("x", "y", "z"):
        add_user(name)
    log.integrate()
    (item,) = recall.compare()
    assert item.standing is Standing.OTHER
    assert "another root" in item.text


def test_what_was_captured_but_not_integrated_comes_back(
    installation, new_database, tmp_path
):
    add_user("dora")
    backup.make(into=tmp_path / "backup", at=NOW)
    newest = log.advance(at=NOW).tree_size
    done = restoring.restore(folder=tmp_path / "backup", superuser=new_database())
    assert [(c.standing, c.size) for c in done.comparisons] == [
        (Standing.EQUAL, newest)
    ]


def test_a_database_that_is_not_empty_is_left_alone(installation, tmp_path):
    backup.make(into=tmp_path / "backup", at=NOW)
    with pytest.raises(restoring.RestoreRefused, match="not empty"):
        restoring.restore(
            folder=tmp_path / "backup", superuser=installation.superuser_dsn
        )
    assert User.objects.filter(username="anna").exists()
    with pytest.raises(restoring.RestoreRefused, match="no superuser"):
        restoring.restore(folder=tmp_path / "backup", superuser=installation.owner_dsn)


def test_a_broken_dump_leaves_an_empty_database(installation, new_database, tmp_path):
    made = backup.make(into=tmp_path / "backup", at=NOW)
    dump = tmp_path / "backup" / backup.DUMP
    dump.write_bytes(dump.read_bytes()[:-2000])
    parts = tuple(p for p in backup._parts(tmp_path / "backup"))
    manifest = tmp_path / "backup" / backup.MANIFEST
    manifest.write_bytes(
        backup.Backup(**{**vars(made), "files": parts}).content
    )  # a liar's manifest
    superuser = new_database()
    with pytest.raises(backup.BackupFailed, match="pg_restore"):
        restoring.restore(folder=tmp_path / "backup", superuser=superuser)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.audits_entry')")
        assert cursor.fetchone() == (None,)


def test_a_changed_backup_is_refused_and_the_file_named(installation, tmp_path):
    backup.make(into=tmp_path / "backup", at=NOW)
    for number, (part, harm) in enumerate(
        (part, harm)
        for part in (backup.DUMP, backup.CHECKPOINT, "storage/artifacts/ab/abcd")
        for harm in (_flip, Path.unlink, _add_beside)
    ):
        folder = tmp_path / f"copy{number}"
        shutil.copytree(tmp_path / "backup", folder)
        named = (harm(folder / part) or folder / part).relative_to(folder)
        with pytest.raises(backup.BackupBroken, match=named.as_posix()):
            backup.check(folder)
    assert backup.check(tmp_path / "backup").files


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def _add_beside(path: Path) -> Path:
    more = path.with_name("zz-more")
    more.write_bytes(b"x")
    return more


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b"null", b'{"format": "freigabe-backup/2"}', b"\xff"],
)
def test_a_manifest_that_is_none_is_refused(tmp_path, content):
    (tmp_path / backup.MANIFEST).write_bytes(content)
    with pytest.raises(backup.BackupBroken):
        backup.check(tmp_path)


def test_a_manifest_that_points_outside_is_refused(installation, tmp_path):
    made = backup.make(into=tmp_path / "backup", at=NOW)
    outside = backup.Part("../../etc/passwd", "0" * 64, 1)
    lying = backup.Backup(**{**vars(made), "files": (outside,)})
    (tmp_path / "backup" / backup.MANIFEST).write_bytes(lying.content)
    with pytest.raises(backup.BackupBroken, match="lies outside"):
        backup.check(tmp_path / "backup")


def test_an_interrupted_backup_is_none(installation, tmp_path):
    backup.make(into=tmp_path / "backup", at=NOW)
    (tmp_path / "backup" / backup.MANIFEST).unlink()
    with pytest.raises(backup.BackupBroken, match="interrupted"):
        backup.check(tmp_path / "backup")
    with pytest.raises(backup.BackupFailed, match="not an empty folder"):
        backup.make(into=tmp_path / "backup", at=NOW)


def test_no_key_and_no_secret_is_in_a_backup(installation, tmp_path):
    backup.make(into=tmp_path / "backup", at=NOW)
    secret = (tmp_path / "keys" / "log.pem").read_bytes()
    for path in (tmp_path / "backup").rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes()
            assert b"PRIVATE KEY" not in path.read_bytes()


def test_the_drill_by_its_commands(installation, new_database, tmp_path, settings):
    folder = tmp_path / "backup"
    var = tmp_path / "var"
    shutil.copytree(tmp_path / "keys", var / "keys")
    stored = var / "storage" / "artifacts" / "ab" / "abcd"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"a model")
    env = os.environ | {"FREIGABE_VAR": str(var)}
    done = _manage(env, "backup", str(folder))
    assert done.returncode == 0, done.stderr
    assert "Not included: The keys" in done.stdout
    digest = json.loads((folder / backup.MANIFEST).read_bytes())["format"]
    assert digest == backup.FORMAT
    done = _manage(env, "restore", str(folder))
    assert (done.returncode, "--superuser-url" in done.stderr) == (1, True)
    done = _manage(
        env, "restore", str(folder), "--superuser-url", installation.superuser_dsn
    )
    assert (done.returncode, "not empty" in done.stderr) == (1, True)
    log.advance(at=NOW)
    add_user("dora")
    log.advance(at=NOW)
    shutil.rmtree(var / "keys")
    shutil.copytree(tmp_path / "keys", var / "keys")
    shutil.rmtree(var / "storage")
    superuser = new_database()
    env["DATABASE_URL"] = _as_application(installation.dsn, superuser)
    env["FREIGABE_OWNER_URL"] = _as_application(installation.owner_dsn, superuser)
    done = _manage(
        env,
        "restore",
        str(folder),
        "--superuser-url",
        superuser,
        "--open-epoch",
        "the disk burned",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OLDER than the signer's memory" in done.stdout
    assert stored.read_bytes() == b"a model"
    assert f"{settings.FREIGABE_LOG_ORIGIN}/e2" in done.stdout
    done = _manage(env, "verify_log", "--json")
    verdict = json.loads(done.stdout)
    assert verdict["ok"], verdict["findings"]


def _manage(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_latest_epoch_is_asked_under_every_name(installation):
    epochs.open_epoch(because="exercise", by="ola", at=NOW)
    (item,) = recall.compare()
    assert item.standing is Standing.EQUAL
    assert item.recollection.tree.origin.endswith("/e2")
