"""Exporting a real log into a directory: resumable, linked, never overwritten."""

import shutil
import stat

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import transaction

from audits import log, tiles
from audits.cosignature import Cosigner, cosign
from audits.export.destination import (
    Contradiction,
    DestinationBroken,
    ExportError,
    latest,
    read_manifest,
)
from audits.export.directory import Directory
from audits.export.export import (
    EXPORT_LOCK,
    Busy,
    NothingSigned,
    contradiction,
    export,
    open_at,
    remembered,
)
from audits.export.layout import is_tile_path, manifest_path
from audits.integration import InTransaction
from audits.merkle import CompactRange
from audits.models import (
    Checkpoint,
    Cosignature,
    Export,
    Leaf,
    Opening,
    TimeStamp,
)
from audits.offline import main
from audits.offline.bundle import check_bundle
from audits.offline.report import Report
from audits.offline.source import Folder
from audits.trusted import TrustedKeys
from registry.models import User
from tests.audits.ledger import NOW, add_user, behind_triggers


@pytest.fixture
def place(tmp_path):
    """Name a folder that does not exist yet."""
    return tmp_path / "worm" / "log"


def files_in(folder) -> dict[str, bytes]:
    """Return what is in an export, without what is still being written."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".unfinished" not in path.parts
    }


def grow(count: int) -> None:
    """Add users and sign."""
    for number in range(count):
        add_user(f"user-{User.objects.count()}-{number}")
    log.advance(at=NOW)


def test_an_export_holds_exactly_what_the_api_serves(written_log, place):
    grow(300)
    done = export(to=str(place), at=NOW)
    size = log.latest_checkpoint().tree_size
    assert (done.size, done.added, done.manifests) == (size, size, 1)
    found = files_in(place)
    assert found.pop("checkpoint").decode() == log.latest_checkpoint().note
    del found["exports/00000001.json"]
    assert all(is_tile_path(path) for path in found)
    wide = size % 256
    assert found["tile/entries/000"] == tiles.entry_bundle(index=0, size=size)
    last = f"tile/entries/{size // 256:03}.p/{wide}"
    assert found[last] == tiles.entry_bundle(index=size // 256, size=size)
    assert found["tile/0/000"] == tiles.hash_tile(level=0, index=0, size=size)
    upper = f"tile/1/000.p/{size // 256}"
    assert found[upper] == tiles.hash_tile(level=1, index=0, size=size)
    for path in found:
        assert stat.S_IMODE((place / path).stat().st_mode) == 0o444


def test_steps_are_linked_and_the_table_is_their_copy(written_log, place):
    export(to=str(place), at=NOW)
    grow(2)
    done = export(to=str(place), at=NOW)
    assert (done.manifests, done.number) == (1, 2)
    first = read_manifest(Directory(place), 1)
    second = latest(Directory(place))
    assert second.previous_sha256 == first.sha256
    rows = list(Export.objects.order_by("number"))
    assert [row.manifest_sha256 for row in rows] == [first.sha256, second.sha256]


def test_nothing_new_writes_nothing(written_log, place):
    export(to=str(place), at=NOW)
    before = files_in(place)
    assert export(to=str(place), at=NOW).manifests == 0
    assert files_in(place) == before


def test_a_database_rolled_back_contradicts_its_export(written_log, superuser, place):
    export(to=str(place), at=NOW)
    exported = latest(Directory(place))
    _cut(superuser, exported.size - 3)
    found = contradiction(exported)
    assert f"The export holds {exported.size} leaves, the database" in found
    before = files_in(place)
    with pytest.raises(Contradiction, match="Was an older state restored"):
        export(to=str(place), at=NOW)
    assert files_in(place) == before


def test_a_history_written_anew_contradicts_its_export(written_log, superuser, place):
    """Rolled back and grown again beyond what was exported, with the signer's help."""
    kept = log.latest_checkpoint().tree_size
    grow(3)
    export(to=str(place), at=NOW)
    exported = latest(Directory(place))
    _cut(superuser, kept)
    for memory in settings.FREIGABE_KEYS_DIR.glob("log-*.checkpoint"):
        memory.unlink()
    grow(10)
    assert log.latest_checkpoint().tree_size > exported.size
    assert "one of them was rewritten" in contradiction(exported)
    before = files_in(place)
    with pytest.raises(Contradiction, match="rewritten"):
        export(to=str(place), at=NOW)
    assert files_in(place) == before


def _cut(superuser, size: int) -> None:
    """Make the database forget everything after `size` leaves, as a restore does."""
    last = Leaf.objects.get(leaf_index=size - 1).entry_id
    tree = CompactRange()
    for value in Leaf.objects.order_by("leaf_index")[:size]:
        tree.append(bytes(value.leaf_hash))
    for table, column in (
        ("audits_leaf", "leaf_index > %s - 1"),
        ("audits_checkpoint", "tree_size > %s"),
    ):
        behind_triggers(superuser, table, f"DELETE FROM {table} WHERE {column}", size)  # noqa: S608
    behind_triggers(
        superuser, "audits_entry", "DELETE FROM audits_entry WHERE entry_id > %s", last
    )
    behind_triggers(
        superuser,
        "audits_sequencer",
        "UPDATE audits_sequencer SET done_entry_id = %s, tree_size = %s, frontier = %s",
        last,
        size,
        b"".join(tree.frontier),
    )


def test_an_entry_changed_in_the_database_is_not_exported(
    written_log, superuser, place
):
    leaf = Leaf.objects.get(leaf_index=2)
    behind_triggers(
        superuser,
        "audits_entry",
        "UPDATE audits_entry SET body = body || ' ' WHERE entry_id = %s",
        leaf.entry_id,
    )
    with pytest.raises(Contradiction, match="Leaf 2 is not the hash of entry"):
        export(to=str(place), at=NOW)
    behind_triggers(
        superuser,
        "audits_leaf",
        "UPDATE audits_leaf SET leaf_hash = sha256('\\x00'::bytea || "
        "convert_to((SELECT body FROM audits_entry WHERE entry_id = %s), 'UTF8')) "
        "WHERE leaf_index = 2",
        leaf.entry_id,
    )
    with pytest.raises(Contradiction, match="were signed"):
        export(to=str(place), at=NOW)
    behind_triggers(
        superuser,
        "audits_entry",
        "DELETE FROM audits_entry WHERE entry_id = %s",
        leaf.entry_id,
    )
    with pytest.raises(Contradiction, match="is not in the database any more"):
        export(to=str(place), at=NOW)
    assert files_in(place) == {}


def test_a_forged_checkpoint_is_not_exported(written_log, superuser, place):
    behind_triggers(
        superuser,
        "audits_checkpoint",
        "UPDATE audits_checkpoint SET note = replace(note, E'\\n\\n', E'\\nx\\n\\n')",
    )
    with pytest.raises(Contradiction, match="The checkpoint of"):
        export(to=str(place), at=NOW)
    assert files_in(place) == {}


def test_a_destination_that_was_emptied_or_replaced_is_noticed(written_log, place):
    export(to=str(place), at=NOW)
    grow(1)
    export(to=str(place), at=NOW)
    place.rename(place.with_name("away"))
    with pytest.raises(DestinationBroken, match="holds 0 manifests, but 2 were"):
        export(to=str(place), at=NOW)
    shutil.rmtree(place)
    place.with_name("away").rename(place)
    assert remembered(str(place)).number == 2
    (place / manifest_path(2)).unlink()
    with pytest.raises(DestinationBroken, match="holds 1 manifests, but 2 were"):
        export(to=str(place), at=NOW)
    with pytest.raises(DestinationBroken, match="holds 1 manifests, but 2 were"):
        remembered(str(place))


def test_a_manifest_that_the_table_never_saw_is_taken_over(
    written_log, superuser, place
):
    """The run was killed between the manifest and the row that copies it."""
    export(to=str(place), at=NOW)
    behind_triggers(superuser, "audits_export", "DELETE FROM audits_export")
    assert export(to=str(place), at=NOW).manifests == 0
    assert Export.objects.get().manifest_sha256 == latest(Directory(place)).sha256


def test_another_manifest_than_the_table_saw_is_noticed(written_log, superuser, place):
    export(to=str(place), at=NOW)
    behind_triggers(
        superuser,
        "audits_export",
        "UPDATE audits_export SET manifest_sha256 = %s",
        "0" * 64,
    )
    with pytest.raises(DestinationBroken, match="was written there"):
        export(to=str(place), at=NOW)


def test_late_cosignatures_and_time_stamps_are_exported_once(written_log, place):
    export(to=str(place), at=NOW)
    signed = log.latest_checkpoint()
    witness = Ed25519PrivateKey.generate()
    cosigner = Cosigner("witness.example/w", witness.public_key())
    for number in range(2):
        Cosignature.objects.create(
            tree_size=signed.tree_size,
            witness=f"witness.example/{'wx'[number]}",
            line=cosign(
                signed.note, f"witness.example/{'wx'[number]}", witness, 1 + number
            ),
            stamped_at=NOW,
            received_at=NOW,
        )
    TimeStamp.objects.create(
        tree_size=signed.tree_size, authority="tsa", token=b"\x30\x00", stamped_at=NOW
    )
    assert export(to=str(place), at=NOW).manifests == 1
    assert export(to=str(place), at=NOW).manifests == 0
    last = latest(Directory(place))
    assert [item.witness[-1] for item in last.cosignatures] == ["w", "x"]
    assert [(item.authority, item.token) for item in last.timestamps] == [
        ("tsa", b"\x30\x00")
    ]
    grow(1)
    assert export(to=str(place), at=NOW).manifests == 1
    assert export(to=str(place), at=NOW).manifests == 0
    report = _checked(place, witnesses=[cosigner])
    assert not report.found.kept
    said = " ".join(report.checked)
    assert f"witness.example/w: the last is of {signed.tree_size} leaves" in said
    unchecked = " ".join(report.not_checked)
    assert "cosignatures of witness.example/x: name its key" in unchecked
    assert "time stamps of tsa" in unchecked
    other = Cosigner("witness.example/w", Ed25519PrivateKey.generate().public_key())
    found = _checked(place, witnesses=[other]).found.kept
    assert all(finding.kind == "outside" for finding in found)
    assert "is of" in found[0].what


def _checked(folder, **options):
    report = Report()
    keys = TrustedKeys(logs=log.signer().verifiers())
    check_bundle(Folder(folder), keys, report, **options)
    return report


def test_a_real_log_holds_for_a_stranger(written_log, place, capsys):
    user = add_user("dora", email="dora@bank.example")
    user.last_name = "Doe"
    user.save()
    user.email = ""
    user.save()
    user.delete()
    grow(3)
    export(to=str(place), at=NOW)
    assert main([str(place), "--key", log.signer().vkey]) == 0, capsys.readouterr().out
    printed = capsys.readouterr().out
    assert "Not checked: whether anybody outside saw this log" in printed


def test_no_personal_value_and_no_opening_leaves_the_database(written_log, place):
    add_user("emil", email="emil@bank.example", last_name="Unmistakable")
    log.advance(at=NOW)
    openings = list(Opening.objects.values_list("salt", "value"))
    assert any("emil@bank.example" in value for _, value in openings)
    export(to=str(place), at=NOW)
    everything = b"".join(files_in(place).values())
    for secret in (b"emil@bank.example", b"Unmistakable"):
        assert secret not in everything
    for salt, _ in openings:
        assert bytes(salt) not in everything
        assert bytes(salt).hex().encode() not in everything


def test_a_backlog_is_split_at_checkpoints(written_log, place, monkeypatch):
    for _ in range(4):
        grow(3)
    monkeypatch.setattr("audits.export.export.STEP", 1)
    sizes = sorted(Checkpoint.objects.values_list("tree_size", flat=True))
    assert export(to=str(place), at=NOW).manifests == len(sizes) == 5
    found = [read_manifest(Directory(place), number).size for number in range(1, 6)]
    assert found == sizes


def test_one_export_at_a_time(written_log, place):
    with psycopg.connect(written_log.dsn, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [EXPORT_LOCK])
        with pytest.raises(Busy):
            export(to=str(place), at=NOW)
        other.execute("SELECT pg_advisory_unlock(%s)", [EXPORT_LOCK])
    assert export(to=str(place), at=NOW).manifests == 1


def test_two_databases_never_mix_in_one_place(written_log, place):
    """A copy of the database goes on by itself and exports to the same place."""
    export(to=str(place), at=NOW)
    Directory(place).put("exports/00000002.json", b"of the other")
    grow(1)
    with pytest.raises(DestinationBroken):
        export(to=str(place), at=NOW)


def test_nothing_signed_is_said(fresh_database, place, settings, tmp_path):
    settings.FREIGABE_KEYS_DIR = tmp_path / "keys"
    with pytest.raises(NothingSigned):
        export(to=str(place), at=NOW)
    with transaction.atomic(), pytest.raises(InTransaction):
        export(to=str(place), at=NOW)


@pytest.mark.parametrize("where", ["", "ftp://x/y", "http://bucket"])
def test_a_name_that_is_no_place_is_refused(where):
    with pytest.raises(ExportError, match="neither a directory nor"):
        open_at(where)
