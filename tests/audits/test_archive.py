"""Archiving: bodies leave, everything else stays provable, and nothing leaves early."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audits import archive as archiving
from audits import capture, keeping, log, merkle, tiles
from audits.archive import CannotArchive, archive, older_than, partitions
from audits.export.export import export
from audits.exported import NotExported
from audits.models import Archive, Entry, Leaf, LegalHold, Opening, RetentionRule
from audits.verification import verify
from governance import access
from registry.models import RegisteredModel, User
from tests.audits.ledger import NOW, add_user, behind_triggers
from tests.audits.stretch import END, FIRST, LATER, OLD


def _archive(**more):
    asked = {"partition": FIRST, "because": "Ten years are over."}
    return archive(**{"at": LATER, **asked, **more}, by=access.system_user())


def test_bodies_leave_and_the_log_still_holds(full, superuser):
    before = Entry.objects.filter(entry_id__lt=END).count()
    assert before > 50
    row = _archive()
    assert row.last_leaf - row.first_leaf + 1 == before
    assert not Entry.objects.filter(entry_id__lt=END).exists()
    kept = superuser.execute("SELECT count(*) FROM freigabe_archive.audits_entry_p1")
    assert kept.fetchone() == (before,)
    verdict = verify()
    assert verdict.ok, verdict.findings
    assert verdict.checked["archived"] == before


def test_every_leaf_is_still_proven(full):
    old = {leaf.leaf_index: bytes(leaf.leaf_hash) for leaf in Leaf.objects.all()}
    row = _archive()
    size = log.latest_checkpoint().tree_size
    for index in (0, row.last_leaf, row.last_leaf + 1):
        proof = log.inclusion(index=index, size=size)
        merkle.verify_inclusion(
            index=index,
            size=size,
            leaf=old[index],
            proof=proof.hashes,
            root=proof.root,
        )
    log.consistency(old=row.last_leaf, new=size)
    assert tiles.hash_tile(level=0, index=0, size=size)


def test_an_archived_entry_says_where_it_is(full, settings):
    row = _archive()
    with pytest.raises(log.Archived, match=str(settings.FREIGABE_EXPORT)):
        log.entry(index=row.first_leaf)
    with pytest.raises(log.Archived, match="was archived on"):
        log.place_of(entry_id=row.first_entry)
    with pytest.raises(log.Archived, match="its proofs are still given"):
        tiles.entry_bundle(index=0, size=log.latest_checkpoint().tree_size)


def test_what_lives_on_is_said_again_in_signed_entries(full):
    ben = User.objects.get(username="ben")
    row = _archive()
    (entry,) = log.entries_for(rel="public.registry_user", pk=str(ben.pk))
    body = json.loads(entry.body)
    assert (body["op"], body["old"], body["new"]["unit"]) == ("U", {}, "risk")
    assert body["ctx"]["via"] == "archive"
    assert log.place_of(entry_id=entry.entry_id).index > row.last_leaf
    carried = Entry.objects.filter(rel="public.registry_user", pk_text=None, op="S")
    assert carried.count() == 1


def test_personal_values_of_deleted_rows_are_erased_with_their_entries(full):
    assert Opening.objects.filter(value='"gone@x.example"').exists()
    _archive()
    assert not Opening.objects.filter(value='"gone@x.example"').exists()
    assert Opening.objects.filter(value='"ben"').exists()


def test_rows_live_on_and_are_still_followed(full):
    _archive()
    User.objects.filter(username="ben").update(unit="audit", first_name="Ben")
    User.objects.filter(username="anna").update(unit="back")
    add_user("dora").delete()
    log.advance(at=LATER)
    assert verify().ok


def test_values_that_stand_by_digest_are_carried_by_digest(full):
    _archive()
    model = RegisteredModel.objects.get(slug="large")
    (entry,) = log.entries_for(rel="public.registry_registeredmodel", pk=str(model.pk))
    body = json.loads(entry.body)
    assert body["reduced"]["new"] == ["purpose"]
    assert body["new"]["purpose"]["$len"] == 100_000
    model.name = "Larger"
    model.save()
    log.advance(at=LATER)
    assert verify().ok


def test_names_of_the_first_release_become_commitments(full):
    _archive()
    assert "Petrova" not in "".join(Entry.objects.values_list("body", flat=True))
    User.objects.filter(pk=OLD).update(unit="changed", last_name="Petrova-Lang")
    log.advance(at=LATER)
    assert verify().ok


def test_a_change_behind_the_log_is_still_found(full, superuser):
    _archive()
    behind_triggers(
        superuser,
        "registry_user",
        "UPDATE registry_user SET unit = 'forged' WHERE unit = 'risk'",
    )
    found = verify().findings
    assert any("unit" in item.text and "forged" in item.text for item in found)


def test_a_row_put_in_behind_the_log_is_not_excused_by_the_archive(full, superuser):
    _archive()
    behind_triggers(
        superuser,
        "registry_user",
        "INSERT INTO registry_user SELECT (r).* FROM (SELECT jsonb_populate_record("
        'u, \'{"id": "00000000-0000-0000-0000-000000000001", "username": "eve"}\')'
        " r FROM registry_user u WHERE username = 'ben') x",
    )
    User.objects.filter(username="eve").update(unit="now logged")
    log.advance(at=LATER)
    found = [item.text for item in verify().findings]
    assert any("nobody inserted the row" in text for text in found)


def test_migrating_again_writes_no_second_baseline(full):
    _archive()
    before = Entry.objects.filter(op="I").count()
    assert capture.install(using="owner") == 0
    assert Entry.objects.filter(op="I").count() == before


def test_the_export_goes_on_after_the_archive(full, settings):
    _archive(drop=True)
    add_user("dora")
    log.advance(at=LATER)
    done = export(to=settings.FREIGABE_EXPORT, at=LATER)
    assert done.size == log.latest_checkpoint().tree_size


def test_dropped_only_when_asked(full, superuser):
    _archive(drop=True)
    gone = superuser.execute(
        "SELECT to_regclass(%s)", [f"freigabe_archive.{FIRST}"]
    ).fetchone()
    assert gone == (None,)
    assert verify().ok


def test_a_second_run_changes_nothing_and_can_still_drop(full, superuser):
    first = _archive()
    assert _archive(drop=True).pk == first.pk
    assert Archive.objects.count() == 1
    gone = superuser.execute("SELECT to_regclass('freigabe_archive.audits_entry_p1')")
    assert gone.fetchone() == (None,)


def test_the_application_may_not_claim_an_archive(full):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('freigabe', 'audits_archive', 'INSERT'), "
            "has_function_privilege('freigabe', "
            "'audits_carry(text,bigint[],bigint,jsonb)', 'EXECUTE')"
        )
        assert cursor.fetchone() == (False, False)


def _refused(match: str, error=CannotArchive, **more) -> None:
    entries = Entry.objects.count()
    with pytest.raises(error, match=match):
        _archive(**more)
    assert Entry.objects.count() == entries
    assert not Archive.objects.exists()


def test_young_entries_stay(full):
    _refused("is kept until 20.*months", at=NOW)


def test_without_a_rule_nothing_leaves(full):
    by = access.system_user()
    for rule in keeping.rules_in_force():
        keeping.set_rule(
            basis=rule.basis, record="x", months=1, in_force=False, by=by, at=LATER
        )
    _refused("No retention rule", keeping.NoRule)


def test_the_longest_rule_decides(full):
    keeping.set_rule(
        basis="House", record="x", months=600, by=access.system_user(), at=NOW
    )
    assert RetentionRule.objects.filter(months=600).exists()
    _refused("House: 600 months")


@pytest.mark.parametrize("rel", ["", "public.registry_user"])
def test_a_legal_hold_stops_it(full, rel):
    keeping.place_hold(because="Case 1.", rel=rel, by=access.system_user(), at=NOW)
    assert LegalHold.objects.count() == 1
    _refused("Case 1", keeping.UnderLegalHold)


def test_a_partition_that_still_takes_entries_stays(full):
    _refused("Older entries go first", partition="audits_entry_p2")
    _refused("no partition", partition="audits_entry_default")
    _refused("no partition", partition="audits_leaf")


def test_the_first_partition_of_a_young_log_stays(written_log):
    _refused("still takes entries")


def test_it_needs_a_reason(full):
    _refused("Say why", because=" ")


def test_without_an_export_nothing_leaves(full, settings):
    settings.FREIGABE_EXPORT = ""
    _refused("No export is configured", NotExported)


def test_an_export_somewhere_else_does_not_count(full, settings, tmp_path):
    settings.FREIGABE_EXPORT = str(tmp_path / "other")
    (tmp_path / "other").mkdir()
    _refused("holds 0 leaves", NotExported)


def test_an_export_with_other_bytes_does_not_count(full, settings):
    bundle = Path(settings.FREIGABE_EXPORT) / "tile" / "entries" / "000"
    bundle.chmod(0o644)
    raw = bytearray(bundle.read_bytes())
    raw[100] ^= 1
    bundle.write_bytes(raw)
    _refused("holds other entries", NotExported)


def test_a_log_that_does_not_hold_lets_nothing_leave(full, superuser):
    behind_triggers(
        superuser,
        "registry_user",
        "UPDATE registry_user SET unit = 'forged' WHERE unit = 'risk'",
    )
    with pytest.raises(CannotArchive, match="does not hold"):
        _archive()
    assert not Archive.objects.exists()
    assert Entry.objects.filter(entry_id__lt=END).exists()


def test_partitions_are_chosen_by_their_newest_entry(full):
    newest = partitions()[0].newest
    assert older_than(newest.date()) == []
    assert older_than((newest + timedelta(days=1)).date()) == [FIRST]


def test_the_command_does_nothing_without_yes_and_refuses_in_a_sentence(full, capsys):
    call_command("archive_log", "--partition", FIRST, "--because", "x")
    assert "Nothing was done; add --yes." in capsys.readouterr().out
    assert not Archive.objects.exists()
    with pytest.raises(CommandError, match="is kept until"):
        call_command("archive_log", "--partition", FIRST, "--because", "x", "--yes")


def test_a_run_that_ended_after_carrying_goes_on(full):
    stretch = archiving._require_archivable(FIRST, LATER)
    context = json.dumps({"sub": "x", "via": "archive"})
    assert archiving._carry(stretch, context) > 50
    assert archiving._carry(stretch, context) == 0
    _archive()
    assert verify().ok


def test_a_hold_placed_on_the_way_stops_it_before_anything_is_erased(full):
    stretch = archiving._require_archivable(FIRST, LATER)
    keeping.place_hold(because="Case 1.", by=access.system_user(), at=NOW)
    with pytest.raises(keeping.UnderLegalHold):
        archiving._carry(stretch, "{}")
    assert Opening.objects.filter(value='"gone@x.example"').exists()
