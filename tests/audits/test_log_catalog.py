"""The database's own definitions in the log, and what the application's role may do."""

import json

import psycopg
import pytest
from django.db import connection, connections

from audits import capture, rights
from audits.models import CatalogState, Entry, SchemaChange


def test_a_trigger_switched_off_and_on_again_is_told_in_full(superuser):
    before = CatalogState.objects.count()
    superuser.execute("ALTER TABLE registry_user DISABLE TRIGGER zz_capture")
    superuser.execute("ALTER TABLE registry_user ENABLE ALWAYS TRIGGER zz_capture")
    changes = SchemaChange.objects.order_by("-id")[:2]
    assert {(c.command, c.identity, c.role) for c in changes} == {
        ("ALTER TABLE", "public.registry_user", "postgres")
    }
    off, on = CatalogState.objects.order_by("id")[before:]
    assert off.added.startswith("trigger zz_capture on public.registry_user: D")
    assert off.removed == on.added
    assert on.sha256 == CatalogState.objects.order_by("id")[before - 1].sha256
    told = Entry.objects.filter(rel="public.audits_catalogstate").last()
    assert json.loads(told.body)["role"] == "postgres"


def test_a_dropped_table_is_told(written_log, superuser):
    superuser.execute("CREATE TABLE public.scratch (id int)")
    superuser.execute("DROP TABLE public.scratch")
    commands = {
        c.command for c in SchemaChange.objects.filter(identity__contains="scratch")
    }
    assert commands == {"CREATE TABLE", "DROP TABLE"}


def test_temporary_tables_are_nobodys_business(superuser):
    before = SchemaChange.objects.count()
    superuser.execute("CREATE TEMP TABLE scratch (id int)")
    superuser.execute("DROP TABLE scratch")
    assert SchemaChange.objects.count() == before


def test_the_task_queues_triggers_are_not_told_but_others_are(written_log, superuser):
    superuser.execute("CREATE SCHEMA IF NOT EXISTS pgmq")
    superuser.execute("CREATE TABLE pgmq.q_scratch (id int)")
    before = SchemaChange.objects.count()
    trigger = (
        "CREATE TRIGGER {} AFTER INSERT ON {} FOR EACH ROW "
        "EXECUTE FUNCTION public.audits_forbid()"
    )
    superuser.execute(trigger.format("listeners", "pgmq.q_scratch"))
    superuser.execute("DROP TRIGGER listeners ON pgmq.q_scratch")
    assert SchemaChange.objects.count() == before
    name = '"listeners on pgmq.q_scratch"'
    superuser.execute(trigger.format(name, "public.registry_user"))
    told = SchemaChange.objects.latest("id")
    assert told.identity == f"{name} on public.registry_user"


def test_attesting_twice_records_once(written_log):
    with connection.cursor() as cursor:
        cursor.execute("SELECT audits_attest()")
        cursor.execute("SELECT audits_attest()")
        assert cursor.fetchone() == (False,)


def test_a_right_given_behind_our_back_is_attested(superuser):
    superuser.execute("GRANT UPDATE ON audits_entry TO freigabe")
    state = CatalogState.objects.order_by("id").last()
    assert "table public.audits_entry:" in state.added
    assert "freigabe=rw/" in state.added


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audits_entry SELECT * FROM audits_entry",
        "UPDATE audits_entry SET body = '{}'",
        "DELETE FROM audits_entry",
        "TRUNCATE audits_leaf",
        "UPDATE audits_leaf SET leaf_index = 7",
        "DELETE FROM audits_checkpoint",
        "INSERT INTO audits_schemachange SELECT * FROM audits_schemachange",
        "DELETE FROM audits_catalogstate",
        "ALTER TABLE registry_user DISABLE TRIGGER ALL",
        "DROP TRIGGER zz_capture ON registry_user",
        "DROP TABLE audits_opening",
        "CREATE TABLE public.mine (id int)",
        "CREATE RULE silent AS ON INSERT TO registry_user DO INSTEAD NOTHING",
        "CREATE TRIGGER mine BEFORE INSERT ON registry_user FOR EACH ROW "
        "EXECUTE FUNCTION public.audits_forbid()",
        "CREATE OR REPLACE FUNCTION public.audits_capture() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "SELECT public.audits_append('I', 'public.x', '1', NULL, NULL, NULL, NULL)",
        "SELECT nextval('public.audits_entry_id_seq')",
        "SELECT setval('public.audits_entry_id_seq', 1)",
        "SET session_replication_role = replica",
        "SET ROLE freigabe_owner",
        "UPDATE audits_entry_p1 SET body = '{}'",
        "ALTER TABLE audits_entry DETACH PARTITION audits_entry_p1",
        "DROP EVENT TRIGGER audits_ddl",
        "ALTER ROLE freigabe SUPERUSER",
        "COPY audits_entry FROM STDIN",
        "LOCK TABLE audits_entry IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_the_application_may_not(written_log, statement):
    with (
        psycopg.connect(written_log.dsn) as application,
        pytest.raises(
            (psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)
        ),
    ):
        application.execute(statement)


def test_the_application_has_the_rights_that_are_expected_and_owns_nothing(written_log):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_get_userbyid(relowner), relispartition FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
        rows = cursor.fetchall()
        present = rights.present_rights(cursor, "freigabe")
    assert {owner for _, owner, _ in rows} == {"freigabe_owner"}
    tables = {name for name, _, partition in rows if not partition}
    assert present == rights.expected_rights(capture.governed_tables(), tables)


def test_partitions_follow_each_other_and_take_what_comes(written_log):
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT audits_add_partition(), audits_add_partition(16777216)")
        assert cursor.fetchone() == (None, "audits_entry_p2")
        cursor.execute("SELECT setval('audits_entry_id_seq', 4194303)")
    with psycopg.connect(written_log.superuser_dsn, autocommit=True) as superuser:
        superuser.execute("UPDATE registry_user SET unit = 'x' WHERE username = 'anna'")
        superuser.execute("UPDATE registry_user SET unit = 'y' WHERE username = 'anna'")
        with pytest.raises(psycopg.errors.RestrictViolation):
            superuser.execute("UPDATE audits_entry_p2 SET body = '{}'")
        with pytest.raises(psycopg.errors.RestrictViolation):
            superuser.execute("TRUNCATE audits_entry_p2")
        rows = superuser.execute("SELECT entry_id FROM audits_entry_p2").fetchall()
    assert (4194304,) in rows
