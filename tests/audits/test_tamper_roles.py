"""What the application's own database role can try: refused, or named at once."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from audits import log
from audits.models import Entry
from registry.models import User
from tests.audits.ledger import NOW, add_user, checked
from tests.audits.tampering import Attack, Named, attacks, places

_ENTRY = (
    "(entry_id, xid, op, rel, pk, occurred_at, body) "
    "VALUES (900000, '1', 'I', 'public.x', '1', now(), '{}')"
)


@pytest.fixture
def application(written_log) -> Iterator[psycopg.Connection]:
    """Offer the connection that a taken-over web process has."""
    with psycopg.connect(written_log.dsn, autocommit=True) as connection:
        yield connection


_REFUSED = [
    f"INSERT INTO audits_entry {_ENTRY}",
    f"INSERT INTO audits_entry_default {_ENTRY}",
    "UPDATE audits_entry SET actor = 'x'",
    "DELETE FROM audits_entry_p1",
    "TRUNCATE audits_entry",
    "UPDATE audits_leaf SET leaf_hash = sha256('')",
    "DELETE FROM audits_tile",
    "DELETE FROM audits_sequencer",
    "UPDATE audits_checkpoint SET note = ''",
    "UPDATE audits_opening SET value = '1'",
    "DELETE FROM audits_opening",
    "INSERT INTO audits_schemachange (command, kind, identity, role, happened_at) "
    "VALUES ('x', 'x', 'x', 'x', now())",
    "INSERT INTO audits_catalogstate (sha256, lines, added, removed, seen_at) "
    "VALUES ('x', '', '', '', now())",
    "DELETE FROM audits_verification",
    "UPDATE audits_verification SET ok = true",
    "ALTER TABLE registry_user DISABLE TRIGGER zz_capture",
    "ALTER TABLE registry_user ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE registry_user OWNER TO freigabe",
    "ALTER TABLE registry_user ADD COLUMN x int",
    "ALTER TABLE audits_leaf SET UNLOGGED",
    "DROP TABLE audits_checkpoint",
    "DROP TRIGGER aa_no_change ON audits_entry",
    "DROP FUNCTION audits_forbid CASCADE",
    "DROP SCHEMA public CASCADE",
    "CREATE TRIGGER x AFTER INSERT ON registry_user EXECUTE FUNCTION audits_forbid()",
    "CREATE RULE x AS ON UPDATE TO registry_user DO INSTEAD NOTHING",
    "CREATE POLICY x ON registry_user USING (false)",
    "CREATE VIEW public.x AS SELECT 1",
    "CREATE SCHEMA freigabe",
    "CREATE FUNCTION public.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION public.audits_forbid() RETURNS trigger "
    "LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION audits_record_ddl()",
    "CREATE EXTENSION dblink",
    "CREATE ROLE another",
    "ALTER ROLE freigabe SUPERUSER",
    "ALTER DATABASE template1 SET session_replication_role = replica",
    "ALTER SYSTEM SET fsync = off",
    "GRANT freigabe_owner TO freigabe",
    "SET ROLE freigabe_owner",
    "SET SESSION AUTHORIZATION postgres",
    "SET session_replication_role = replica",
    "SET event_triggers = off",
    "SELECT setval('audits_entry_id_seq', 1)",
    "SELECT nextval('audits_entry_id_seq')",
    "SELECT public.audits_append('I', 'public.x', '1', NULL, NULL, NULL, NULL)",
    "SELECT public.audits_govern('registry_user', 'id', 'unit', '', '', false)",
    "SELECT public.audits_protect('audits_entry', false)",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY audits_entry TO PROGRAM 'cat'",
    "BEGIN; LOCK TABLE audits_entry IN ACCESS EXCLUSIVE MODE",
    "SECURITY LABEL ON TABLE audits_entry IS 'x'",
    "VACUUM FULL audits_entry",
    "REINDEX TABLE audits_entry",
]


def test_the_application_is_refused(application, subtests):
    """All in one database, which each refusal leaves as it was."""
    for statement in _REFUSED:
        with subtests.test(statement):
            _require_refusal(application, statement)
    assert checked().ok


def _require_refusal(application: psycopg.Connection, statement: str) -> None:
    refusals = (
        errors.InsufficientPrivilege,
        errors.RestrictViolation,
        errors.InvalidParameterValue,  # no provider of security labels is loaded
        errors.FeatureNotSupported,
    )
    notices: list[str] = []

    def hear(said: psycopg.errors.Diagnostic) -> None:
        notices.append(said.message_primary or "")

    application.add_notice_handler(hear)
    try:
        application.execute(statement)
    except refusals:
        return
    finally:
        application.remove_notice_handler(hear)
        application.rollback()
    # VACUUM skips with a warning what it may not touch.
    assert statement.startswith("VACUUM")
    assert any("permission denied" in text for text in notices)


_OWN_RIGHTS = [
    Attack(
        "a leaf of its own",
        (
            "INSERT INTO audits_leaf SELECT tree_size, done_entry_id + 1, "
            "sha256('x') FROM audits_sequencer",
        ),
        (Named("sequencer|leaf|entry"),),
    ),
    Attack(
        "a tile of its own",
        ("INSERT INTO audits_tile VALUES (0, 7, sha256('x'), sha256('x'))",),
        (Named("tile", "tile 0/7"),),
    ),
    Attack(
        "a checkpoint of its own",
        (
            "INSERT INTO audits_checkpoint SELECT tree_size + 1, root_hash, note, "
            "now() FROM audits_checkpoint",
        ),
        (Named("checkpoint"),),
    ),
    Attack(
        "a sequencer that runs ahead",
        ("UPDATE audits_sequencer SET done_entry_id = done_entry_id + 1000",),
        (Named("sequencer"),),
    ),
    Attack(
        "a tree of its own",
        ("UPDATE audits_sequencer SET frontier = sha256('x')",),
        (Named("sequencer"),),
    ),
]


@attacks(*_OWN_RIGHTS)
def test_what_its_rights_allow_is_named(application, attack):
    assert checked().ok
    names = places()
    for statement in attack.steps:
        application.execute(statement)
    verdict = checked()
    for item in attack.named:
        assert item.is_in(verdict, names), verdict


def test_witnesses_and_authorities_of_its_own_vouch_for_nothing(application):
    """Whoever is not configured is not counted: the pages still say what is missing."""
    before = checked()
    application.execute(
        "INSERT INTO audits_cosignature (tree_size, witness, line, stamped_at, "
        "received_at) SELECT tree_size, 'w', 'x', now(), now() FROM audits_checkpoint"
    )
    application.execute(
        "INSERT INTO audits_timestamp (tree_size, authority, token, stamped_at) "
        "SELECT tree_size, 'a', 'x', now() FROM audits_checkpoint"
    )
    after = checked()
    assert before.not_covered
    assert set(before.not_covered) <= set(after.not_covered)


def test_erasing_touches_only_what_a_row_no_longer_says(application):
    anna = str(User.objects.get(username="anna").pk)
    (erased,) = application.execute(
        "SELECT audits_erase('public.registry_user', %s)", [anna]
    ).fetchone()
    assert erased == 0
    told = Entry.objects.order_by("entry_id").last()
    assert (told.op, told.rel, told.pk_text) == ("S", "public.registry_user", anna)
    assert checked().ok


def test_a_borrowed_name_is_written_down_beside_the_role(application):
    """Who has the application's login can say any name; the log says through whom."""
    anna, ben = (str(User.objects.get(username=n).pk) for n in ("anna", "ben"))
    spoof = '{"sub": "%s", "via": "page"}' % ben  # noqa: UP031
    application.execute("SELECT set_config('freigabe.actor', %s, false)", [spoof])
    application.execute("UPDATE registry_user SET unit = 'x' WHERE id = %s", [anna])
    told = Entry.objects.order_by("entry_id").last()
    assert told.actor == ben
    assert '"role": "freigabe"' in told.body


def test_a_hostile_context_breaks_no_entry(application):
    """Whatever the setting holds, the entry stays one that can be read and verified."""
    for context in (
        '{"sub": "x\\", \\"role\\": \\"postgres\\", \\"y\\": \\""}',
        '{"sub": 5}',
        '{"sub": null, "via": null}',
        '{"sub": "a", "sub": "b"}',
        '{"sub": {"sub": "a"}}',
        '{"via": "\\u2028\\"\\\\"}',
        '["sub"]',
        "5",
        '"sub"',
        "null",
        '{"sub":\n\t"x" }',
        '{"sub": "' + "x" * 70_000 + '"}',
        "no json",
        '{"sub": "\\u0000"}',
    ):
        application.execute("SELECT set_config('freigabe.actor', %s, false)", [context])
        try:
            application.execute("UPDATE registry_user SET unit = unit || '.'")
        except psycopg.DatabaseError:
            continue  # no change, and no entry
    log.advance(at=NOW)
    add_user("dora")
    verdict = checked()
    assert verdict.ok, verdict.findings
