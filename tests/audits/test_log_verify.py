"""Manipulations of rows and triggers by a superuser; the verdict and its doors."""

import json
import shutil

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from audits import capture, log, replay
from audits.integration import InTransaction
from audits.models import Checkpoint, Verification
from audits.verification import CannotVerify, run_and_record, verify
from registry.models import User
from tests.audits.ledger import NOW, add_user, behind_triggers, checked, only_finding


def test_an_honest_log_holds_and_says_what_it_does_not_cover(written_log):
    add_user("dora")
    verdict = checked()
    assert verdict.ok
    assert verdict.findings == ()
    assert any("1 entries have no leaf yet" in gap for gap in verdict.not_covered)
    assert any("no witness" in gap for gap in verdict.not_covered)


def test_a_row_changed_without_triggers_is_named_with_both_values(superuser):
    anna = User.objects.get(username="anna")
    behind_triggers(
        superuser,
        "registry_user",
        "UPDATE registry_user SET is_superuser = true WHERE username = 'anna'",
    )
    finding = only_finding("replay")
    assert (finding.table, finding.key) == ("public.registry_user", str(anna.pk))
    assert finding.what == "column is_superuser is true, the log says false"


def test_a_row_deleted_without_triggers_is_named(superuser):
    ben = User.objects.get(username="ben")
    behind_triggers(
        superuser, "registry_user", "DELETE FROM registry_user WHERE username = 'ben'"
    )
    finding = only_finding("replay")
    assert finding.key == str(ben.pk)
    assert "the row is gone" in finding.what


def test_a_row_inserted_without_triggers_is_named(superuser):
    behind_triggers(
        superuser, "auth_group", "INSERT INTO auth_group (id, name) VALUES (7, 'x')"
    )
    finding = only_finding("replay")
    assert (finding.table, finding.key) == ("public.auth_group", "7")
    assert "no entry tells of it" in finding.what


def test_a_hidden_change_is_exposed_by_the_next_honest_write(superuser):
    behind_triggers(
        superuser,
        "registry_user",
        "UPDATE registry_user SET unit = 'bribed' WHERE username = 'anna'",
    )
    anna = User.objects.get(username="anna")
    anna.unit = ""
    anna.save()
    finding = only_finding("chain")
    assert finding.key == str(anna.pk)
    assert 'column unit was "bribed"' in finding.what
    assert not [item for item in checked().findings if item.kind == "replay"]


def test_a_row_swapped_out_and_in_again_is_exposed(superuser):
    behind_triggers(superuser, "auth_group", "INSERT INTO auth_group VALUES (7, 'x')")
    superuser.execute("DELETE FROM auth_group WHERE id = 7")
    superuser.execute("INSERT INTO auth_group VALUES (7, 'x')")
    behind_triggers(superuser, "auth_group", "DELETE FROM auth_group WHERE id = 7")
    superuser.execute("INSERT INTO auth_group VALUES (7, 'x')")
    what = [item.what for item in checked().findings if item.kind == "chain"]
    assert len(what) == 2
    assert "nobody inserted the row" in what[0]
    assert "nobody deleted the row" in what[1]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER TABLE registry_user DISABLE TRIGGER zz_capture", "zz_capture"),
        ("ALTER TABLE registry_user ENABLE TRIGGER zz_capture", "zz_capture"),
        ("DROP TRIGGER zz_capture ON registry_user", "zz_capture is missing"),
        ("DROP TRIGGER aa_no_change ON audits_entry", "aa_no_change is missing"),
        (
            "CREATE OR REPLACE TRIGGER zz_capture AFTER INSERT OR UPDATE OR DELETE ON "
            "registry_user FOR EACH ROW WHEN (false) EXECUTE FUNCTION "
            "audits_capture('id', 'password,last_login', 'last_login')",
            "zz_capture",
        ),
        (
            "CREATE RULE away AS ON INSERT TO audits_entry DO INSTEAD NOTHING",
            "rule away",
        ),
        (
            "CREATE TRIGGER mm BEFORE UPDATE ON audits_entry FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "trigger mm",
        ),
        (
            "CREATE OR REPLACE FUNCTION audits_capture() RETURNS trigger "
            "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "function audits_capture",
        ),
    ],
)
def test_switched_off_capture_is_named(superuser, statement, named):
    superuser.execute(statement)
    what = [item.what for item in checked().findings if item.kind == "capture"]
    assert what
    assert all(named in text for text in what)


def test_a_dropped_table_is_named(superuser):
    superuser.execute("DROP TABLE mfa_authenticator")
    assert only_finding("replay").what == "the table is gone"


def test_a_column_added_by_a_migration_is_no_tampering(superuser):
    superuser.execute("ALTER TABLE registry_user ADD nickname text DEFAULT 'x'")
    anna = User.objects.get(username="anna")
    anna.unit = "a"
    anna.save()
    superuser.execute("ALTER TABLE registry_user DROP nickname")
    anna.unit = "b"
    anna.save()
    assert checked().ok


def test_rows_logged_by_digest_are_compared_by_digest(superuser):
    superuser.execute("ALTER TABLE registry_user ALTER unit TYPE text")
    anna = User.objects.get(username="anna")
    for text in ("a" * 70_000, "b" * 70_000, "short"):
        anna.unit = text
        anna.save()
        assert checked().ok
    anna.unit = "c" * 70_000
    anna.save()
    behind_triggers(
        superuser,
        "registry_user",
        "UPDATE registry_user SET unit = left(unit, -1) WHERE username = 'anna'",
    )
    finding = only_finding("replay")
    assert "column unit" in finding.what


def test_numbers_that_only_look_equal_are_different():
    logged, live = replay.parse_json('{"a": 1.0}'), replay.parse_json('{"a": 1.00}')
    assert replay.differences(logged, set(), live, set()) == [("a", "1.0", "1.00")]


def test_digests_are_those_of_the_database(written_log):
    values = ["plain é\n", 1.10, {"b": [1, 2.50, None, True, 'x"\\']}, []]
    with connection.cursor() as cursor:
        for value in values:
            cursor.execute("SELECT %s::jsonb::text", [json.dumps(value)])
            text = cursor.fetchone()[0]
            cursor.execute("SELECT audits_digest(%s::jsonb)::text", [text])
            expected = replay.parse_json(cursor.fetchone()[0])
            assert replay.digest_of(replay.parse_json(text)) == expected


def test_since_trusts_only_a_signed_size(written_log):
    size = Checkpoint.objects.get().tree_size
    add_user("dora")
    log.advance(at=NOW)
    verdict = verify(since=size)
    assert verdict.ok
    assert any("were not hashed again" in gap for gap in verdict.not_covered)
    with pytest.raises(CannotVerify, match="no checkpoint of 7 leaves"):
        verify(since=7)


def test_verification_needs_the_public_key(written_log, settings):
    shutil.rmtree(settings.FREIGABE_KEYS_DIR)
    with pytest.raises(CannotVerify, match="no key file"):
        verify()


def test_verification_refuses_to_run_inside_a_transaction(written_log):
    with transaction.atomic(), pytest.raises(InTransaction):
        verify()


def test_the_result_is_recorded_for_the_pages(superuser):
    assert run_and_record(at=NOW).ok
    superuser.execute("ALTER TABLE registry_user DISABLE TRIGGER zz_capture")
    run_and_record(at=NOW)
    latest = Verification.objects.first()
    assert latest == log.status(at=NOW).verification
    assert not latest.ok
    assert latest.findings[0]["table"] == "public.registry_user"


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_answers_by_its_exit_code(superuser, capsys, settings, as_json):
    with pytest.raises(SystemExit) as holds:
        call_command("verify_log", json=as_json)
    assert holds.value.code == 0
    behind_triggers(superuser, "registry_user", "UPDATE registry_user SET unit = 'x'")
    capsys.readouterr()
    with pytest.raises(SystemExit) as fails:
        call_command("verify_log", json=as_json)
    assert fails.value.code == 1
    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed)["findings"][0]["kind"] == "replay"
    else:
        assert 'column unit is "x", the log says ""' in printed
    shutil.rmtree(settings.FREIGABE_KEYS_DIR)
    with pytest.raises(SystemExit) as unchecked:
        call_command("verify_log", json=as_json)
    assert unchecked.value.code == 2


def test_governed_tables_follow_what_the_log_says(written_log):
    logged = {table.rel: table.secrets for table in replay._captured()}
    assert logged == {item.rel: item.secrets for item in capture.governed_tables()}
