"""Attacks on live rows and on what captures them, by a superuser who hides it."""

import json

import psycopg
import pytest

from audits import capture, log
from audits.models import Entry
from registry.models import User
from tests.audits.ledger import NOW, checked
from tests.audits.tampering import Attack, Named, attacks, carry_out

USERS = "registry_user"
BRIBE = "UPDATE registry_user SET is_superuser = true WHERE id = '{anna}'"
BRIBED = Named("replay", "column is_superuser is true", USERS, "{anna}")
CAPTURE = Named("capture", "zz_capture", USERS)
ARGUMENTS = "'id', 'password,last_login', 'last_login', "


def _again(arguments: str) -> str:
    """Make the capture trigger anew, with other arguments."""
    return (
        "CREATE OR REPLACE TRIGGER zz_capture AFTER INSERT OR UPDATE OR DELETE ON "
        f"registry_user FOR EACH ROW {arguments}"
    )


_ROWS = [
    Attack("row changed", ((USERS, BRIBE),), (BRIBED,)),
    Attack(
        "row deleted",
        ((USERS, "DELETE FROM registry_user WHERE id = '{ben}'"),),
        (Named("replay", "the row is gone", USERS, "{ben}"),),
    ),
    Attack(
        "row inserted",
        (("auth_group", "INSERT INTO auth_group (id, name) VALUES (7, 'x')"),),
        (Named("replay", "no entry tells of it", "auth_group", "7"),),
    ),
    Attack(
        "row moved to another key",
        (
            (
                USERS,
                "UPDATE registry_user SET id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' "
                "WHERE id = '{carla}'",
            ),
        ),
        (
            Named("replay", "the row is gone", USERS, "{carla}"),
            Named(
                "replay",
                "no entry tells of it",
                USERS,
                "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
            ),
        ),
    ),
    Attack(
        "two rows swapped",
        (
            (
                USERS,
                "UPDATE registry_user a SET unit = b.unit FROM registry_user b "
                "WHERE a.id IN ('{anna}', '{ben}') AND b.id IN ('{anna}', '{ben}') "
                "AND a.id <> b.id",
            ),
        ),
        (
            Named("replay", "column unit is", USERS, "{anna}"),
            Named("replay", "column unit is", USERS, "{ben}"),
        ),
    ),
    Attack(
        "change hidden, honest write on top",
        (
            (USERS, BRIBE),
            "UPDATE registry_user SET is_superuser = false WHERE id = '{anna}'",
        ),
        (Named("chain", "column is_superuser was true", USERS, "{anna}"),),
    ),
    Attack(
        "personal value changed",
        ((USERS, "UPDATE registry_user SET email = 'x@y' WHERE id = '{anna}'"),),
        (Named("replay", "column email", USERS, "{anna}"),),
    ),
    Attack(
        "column rewritten by a change of its type",
        (
            "ALTER TABLE registry_user ALTER unit TYPE varchar(200) "
            "USING CASE unit WHEN 'anna' THEN 'bribed' ELSE unit END",
        ),
        (Named("replay", 'column unit is "bribed"', USERS, "{anna}"),),
    ),
    Attack(
        "column dropped and made again with other data",
        (
            "ALTER TABLE registry_user DROP is_superuser",
            "ALTER TABLE registry_user ADD is_superuser bool NOT NULL DEFAULT true",
        ),
        (BRIBED,),
    ),
    Attack(
        "catalogue says that the table has no triggers",
        (
            "SET allow_system_table_mods = on",
            "UPDATE pg_class SET relhastriggers = false WHERE relname='registry_user'",
            BRIBE,
            "UPDATE pg_class SET relhastriggers = true WHERE relname='registry_user'",
        ),
        (BRIBED,),
    ),
    Attack(
        "record of an alteration deleted",
        (
            "SET event_triggers = on",
            "ALTER TABLE registry_user SET (fillfactor = 90)",
            "SET event_triggers = off",
            (
                "audits_schemachange",
                "DELETE FROM audits_schemachange WHERE id = "
                "(SELECT min(id) FROM audits_schemachange)",
            ),
        ),
        (Named("replay", "the row is gone", "audits_schemachange"),),
    ),
    Attack(
        "record of the catalogue deleted",
        (("audits_catalogstate", "DELETE FROM audits_catalogstate"),),
        (Named("replay", "the row is gone", "audits_catalogstate"),),
    ),
]


@attacks(*_ROWS)
def test_a_change_of_rows_is_named(superuser, attack):
    carry_out(attack, superuser)


_GUARDS = [
    Attack(
        "capture disabled",
        ("ALTER TABLE registry_user DISABLE TRIGGER zz_capture", BRIBE),
        (CAPTURE, BRIBED),
    ),
    Attack(
        "capture not always",
        ("ALTER TABLE registry_user ENABLE TRIGGER zz_capture",),
        (CAPTURE,),
    ),
    Attack(
        "capture switched off in the catalogue",
        (
            "SET allow_system_table_mods = on",
            "UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'zz_capture' "
            "AND tgrelid = 'registry_user'::regclass",
        ),
        (CAPTURE,),
    ),
    Attack(
        "capture dropped", ("DROP TRIGGER zz_capture ON registry_user",), (CAPTURE,)
    ),
    Attack(
        "capture under a condition",
        (
            _again(
                "WHEN (false) EXECUTE FUNCTION "
                f"audits_capture({ARGUMENTS}'username,first_name,last_name,email')"
            ),
            "ALTER TABLE registry_user ENABLE ALWAYS TRIGGER zz_capture",
        ),
        (CAPTURE,),
    ),
    Attack(
        "capture that leaves a column out",
        (
            _again(
                "EXECUTE FUNCTION audits_capture('id', "
                "'password,last_login,is_superuser', 'last_login,is_superuser', '')"
            ),
            "ALTER TABLE registry_user ENABLE ALWAYS TRIGGER zz_capture",
            BRIBE,
        ),
        (CAPTURE, BRIBED),
    ),
    Attack(
        "capture by another function",
        (
            "CREATE FUNCTION public.quiet() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'",
            _again("EXECUTE FUNCTION public.quiet()"),
        ),
        (CAPTURE,),
    ),
    Attack(
        "capture function emptied",
        (
            "CREATE OR REPLACE FUNCTION audits_capture() RETURNS trigger "
            "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        ),
        (Named("capture", "audits_capture"),),
    ),
    Attack(
        "capture function with another setting",
        ("ALTER FUNCTION audits_capture SET timezone = 'Asia/Tokyo'",),
        (Named("capture", "audits_capture"),),
    ),
    Attack(
        "capture function without its owner's rights",
        ("ALTER FUNCTION audits_capture SECURITY INVOKER",),
        (Named("capture", "audits_capture"),),
    ),
    Attack(
        "body written by another function",
        (
            "CREATE OR REPLACE FUNCTION audits_digest(value jsonb) RETURNS jsonb "
            "LANGUAGE sql IMMUTABLE AS $$ SELECT '1'::jsonb $$",
        ),
        (Named("capture", "audits_digest"),),
    ),
    Attack(
        "refusal softened",
        (
            "CREATE OR REPLACE FUNCTION audits_forbid() RETURNS trigger "
            "LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        ),
        (Named("capture", "audits_forbid"),),
    ),
    Attack(
        "protection of the entries dropped",
        ("DROP TRIGGER aa_no_change ON audits_entry",),
        (Named("capture", "aa_no_change", "audits_entry"),),
    ),
    Attack(
        "protection against emptying dropped",
        ("DROP TRIGGER aa_no_truncate ON audits_leaf",),
        (Named("capture", "aa_no_truncate", "audits_leaf"),),
    ),
    Attack(
        "rule instead of an entry",
        ("CREATE RULE away AS ON INSERT TO audits_entry DO INSTEAD NOTHING",),
        (Named("capture", "rule away", "audits_entry"),),
    ),
    Attack(
        "rule instead of a change",
        ("CREATE RULE away AS ON DELETE TO registry_user DO INSTEAD NOTHING",),
        (Named("capture", "rule away", USERS),),
    ),
    Attack(
        "trigger that swallows entries",
        (
            "CREATE TRIGGER mm BEFORE INSERT ON audits_entry FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ),
        (Named("capture", "trigger mm", "audits_entry"),),
    ),
    Attack(
        "trigger that alters rows on their way",
        (
            "CREATE FUNCTION public.alter_it() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN NEW.is_superuser := true; RETURN NEW; END'",
            "CREATE TRIGGER mm BEFORE UPDATE ON registry_user FOR EACH ROW "
            "EXECUTE FUNCTION public.alter_it()",
        ),
        (Named("capture", "trigger mm", USERS),),
    ),
]


@attacks(*_GUARDS)
def test_what_is_done_to_the_guards_is_named(superuser, attack):
    carry_out(attack, superuser)


_REFUSED = [
    "TRUNCATE registry_user CASCADE",
    "UPDATE audits_schemachange SET role = 'nobody'",
    "DELETE FROM audits_verification",
    "UPDATE registry_user SET id = gen_random_uuid()",
    "UPDATE audits_entry SET body = '{}'",
    "DELETE FROM audits_entry",
    "TRUNCATE audits_entry_p1",
    "TRUNCATE audits_entry_default",
    "UPDATE audits_leaf SET leaf_index = leaf_index + 1",
    "DELETE FROM audits_leaf",
    "TRUNCATE audits_tile",
    "UPDATE audits_checkpoint SET note = ''",
    "DELETE FROM audits_checkpoint",
]


def test_the_database_refuses_even_a_superuser(superuser, subtests):
    superuser.execute("ALTER TABLE registry_user SET (fillfactor = 90)")
    superuser.execute(
        "INSERT INTO audits_verification (ran_at, level, ok, size, findings, noticed, "
        "not_covered) VALUES (now(), 'log', true, 1, '[]', '[]', '[]')"
    )
    for mode in ("origin", "replica"):
        superuser.execute(f"SET session_replication_role = {mode}")
        for statement in _REFUSED:
            with (
                subtests.test(f"{mode}: {statement}"),
                pytest.raises(psycopg.errors.RestrictViolation),
            ):
                superuser.execute(statement)
    assert checked().ok


@pytest.mark.parametrize(
    "how",
    [
        "replica role",
        "COPY",
        "MERGE",
        "security definer",
        "another name",
        "own session",
        "writable CTE",
    ],
)
def test_no_way_of_writing_goes_past_capture(written_log, superuser, how):
    """Recorded with the role that PostgreSQL knows, whatever `ctx` says."""
    before = Entry.objects.count()
    anna = str(User.objects.get(username="anna").pk)
    change = f"UPDATE registry_user SET unit = 'x' WHERE id = '{anna}'"  # noqa: S608
    if how == "replica role":
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(change)
    elif how == "COPY":
        with superuser.cursor().copy("COPY auth_group (name) FROM STDIN") as copy:
            copy.write_row(("x",))
    elif how == "MERGE":
        superuser.execute(
            "MERGE INTO registry_user u USING (SELECT %s::uuid AS id) s "
            "ON u.id = s.id WHEN MATCHED THEN UPDATE SET unit = 'x'",
            [anna],
        )
    elif how == "security definer":
        superuser.execute(
            "CREATE FUNCTION public.inside() RETURNS void LANGUAGE sql "
            f"SECURITY DEFINER AS $f$ {change} $f$"
        )
        superuser.execute("SELECT public.inside()")
    elif how == "another name":
        spoof = json.dumps({"sub": anna, "via": "page"})
        superuser.execute("SELECT set_config('freigabe.actor', %s, false)", [spoof])
        superuser.execute(change)
    elif how == "own session":
        superuser.execute("SET ROLE freigabe")
        superuser.execute(change)
        superuser.execute("RESET ROLE")
    else:
        superuser.execute(f"WITH c AS ({change} RETURNING 1) TABLE c")
    told = list(Entry.objects.order_by("entry_id"))[before:][-1]
    assert told.op in ("I", "U")
    assert json.loads(told.body)["role"] == "postgres"
    assert (told.actor == anna) is (how == "another name")
    log.advance(at=NOW)
    assert checked().ok


def test_dropping_triggers_changing_and_migrating_again_launders_nothing(superuser):
    superuser.execute("SET event_triggers = off")
    superuser.execute("DROP TRIGGER zz_capture ON registry_user")
    superuser.execute("UPDATE registry_user SET unit = 'x' WHERE username = 'anna'")
    assert capture.install(using="owner") == 0
    verdict = checked()
    key = str(User.objects.get(username="anna").pk)
    assert [(item.kind, item.key) for item in verdict.findings] == [("replay", key)]


def test_an_attacker_on_another_connection_shows_at_once(written_log):
    """No restart, no cache: the next verification sees what the last one did not."""
    assert checked().ok
    with psycopg.connect(written_log.superuser_dsn, autocommit=True) as other:
        other.execute("ALTER TABLE registry_user DISABLE TRIGGER zz_capture")
        assert not checked().ok
        other.execute("ALTER TABLE registry_user ENABLE ALWAYS TRIGGER zz_capture")
        assert checked().ok
