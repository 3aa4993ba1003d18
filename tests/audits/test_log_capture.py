"""What the triggers write down, and what they refuse."""

import json

import psycopg
import pytest
from django.db import (
    IntegrityError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)

from audits import capture, log
from audits.models import Checkpoint, Entry, Leaf, Opening
from registry.acts import acting, through
from registry.models import Artifact, Dataset, User
from tests.audits.ledger import NOW, add_user, checked


def _history(row) -> list[dict]:
    entries = log.entries_for(rel=capture.relation(type(row)), pk=str(row.pk))
    return [json.loads(entry.body) for entry in entries]


@pytest.mark.django_db
def test_insert_update_and_delete_are_recorded_with_their_author():
    with through("page", request="r1", reason="new colleague"), acting(by="u1"):
        user = User.objects.create(username="dora", unit="risk")
    user.unit = "credit risk"
    with acting(by="u2"):
        user.save()
    key = str(user.pk)
    user.delete()
    user.pk = key
    created, changed, deleted = _history(user)
    assert created["op"] == "I"
    assert created["ctx"] == {
        "sub": "u1",
        "via": "page",
        "request": "r1",
        "reason": "new colleague",
    }
    assert created["new"]["unit"] == "risk"
    assert changed["op"] == "U"
    assert changed["old"] == {"unit": "risk"}
    assert changed["new"]["unit"] == "credit risk"
    assert deleted["op"] == "D"
    assert deleted["new"] is None
    assert deleted["old"]["unit"] == "credit risk"


@pytest.mark.django_db
def test_secrets_stay_out_of_the_log_but_their_change_is_seen():
    user = add_user("dora", password="hash-one")
    user.password = "hash-two"
    user.save()
    created, changed = _history(user)
    assert "hash-one" not in json.dumps(created)
    assert "hash-two" not in json.dumps(changed)
    assert "password" not in created["new"]
    assert changed["hidden"] == ["password"]


@pytest.mark.django_db
def test_a_log_in_alone_makes_no_entry():
    user = add_user("dora")
    user.last_login = NOW
    user.save(update_fields=["last_login"])
    assert len(_history(user)) == 1


@pytest.mark.django_db
def test_a_write_outside_of_acts_is_unattributed_and_names_the_database_role():
    user = User.objects.create(username="dora")
    entry = log.entries_for(rel="public.registry_user", pk=str(user.pk)).get()
    assert entry.actor is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        assert json.loads(entry.body)["role"] == cursor.fetchone()[0]


@pytest.mark.django_db
def test_rolled_back_change_leaves_no_entry():
    before = Entry.objects.count()
    with pytest.raises(RuntimeError), transaction.atomic():
        add_user("dora")
        raise RuntimeError
    assert Entry.objects.count() == before


@pytest.mark.django_db
def test_bulk_raw_and_join_table_writes_are_recorded():
    users = User.objects.bulk_create([User(username=f"u{i}") for i in range(5)])
    User.objects.filter(username__in=["u1", "u2"]).update(unit="x")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_group (name) VALUES ('auditors') RETURNING id")
        group = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO registry_user_groups (user_id, group_id) VALUES (%s, %s)",
            [users[0].pk, group],
        )
    assert [len(_history(user)) for user in users] == [1, 2, 2, 1, 1]
    assert Entry.objects.filter(rel="public.auth_group", op="I").count() == 1
    assert Entry.objects.filter(rel="public.registry_user_groups", op="I").count() == 1


@pytest.mark.django_db
def test_a_row_too_large_for_an_entry_is_recorded_by_digest():
    data = _dataset("x" * 200_000)
    Dataset.objects.filter(pk=data.pk).update(description="y" * 200_000)
    last = _history(data)[-1]
    assert last["new"]["description"]["$len"] == 200_000
    assert last["old"]["description"]["$len"] == 200_000
    assert last["reduced"] == {"old": ["description"], "new": ["description"]}
    assert last["new"]["slug"] == "a-set"


@pytest.mark.django_db
@pytest.mark.parametrize("size", range(64_500, 65_700, 100))
def test_entries_around_the_limit_are_written(size):
    data = _dataset("x" * size)
    (entry,) = log.entries_for(rel="public.registry_dataset", pk=str(data.pk))
    assert len(entry.body.encode()) <= 65_535


@pytest.mark.parametrize("verb", ["UPDATE {} SET size = 1", "DELETE FROM {}"])
def test_append_only_rows_cannot_change(written_log, superuser, verb):
    Artifact.objects.create(
        sha256="0" * 64, size=3, format="onnx", uploaded_at=NOW, uploaded_by=_uploader()
    )
    statement = verb.format("registry_artifact")
    with connection.cursor() as cursor:
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute(statement)
        if verb.startswith("UPDATE"):  # locking a row needs this right on the key
            with pytest.raises(IntegrityError, match="is refused"):
                cursor.execute("UPDATE registry_artifact SET id = gen_random_uuid()")
    for address in (written_log.owner_dsn, written_log.superuser_dsn):
        with (
            psycopg.connect(address) as other,
            pytest.raises(psycopg.errors.RestrictViolation, match="is refused"),
        ):
            other.execute(statement)


@pytest.mark.django_db
def test_the_key_of_a_row_cannot_change():
    add_user("dora")
    with (
        pytest.raises(IntegrityError, match="cannot change"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE registry_user SET id = gen_random_uuid()")


def test_truncate_is_refused_everywhere_even_for_the_superuser(superuser):
    tables = [*capture.LOG_TABLES, *(item.table for item in capture.governed_tables())]
    assert len(tables) > 30
    superuser.execute("SET session_replication_role = replica")
    for table in tables:
        with pytest.raises(psycopg.errors.RestrictViolation, match="TRUNCATE"):
            superuser.execute(f"TRUNCATE {table} CASCADE")


def test_the_log_itself_cannot_change_even_for_the_superuser(superuser):
    superuser.execute("SET session_replication_role = replica")
    for statement in (
        "UPDATE audits_entry SET body = '{}'",
        "DELETE FROM audits_entry",
        "UPDATE audits_leaf SET leaf_index = leaf_index + 1",
        "DELETE FROM audits_leaf",
        "DELETE FROM audits_checkpoint",
        "UPDATE audits_checkpoint SET note = ''",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation, match="only ever added"):
            superuser.execute(statement)


def test_replica_role_does_not_switch_capture_off(superuser):
    with superuser.transaction():
        superuser.execute("SET LOCAL session_replication_role = replica")
        superuser.execute("UPDATE registry_user SET unit = 'x' WHERE username = 'anna'")
    entry = Entry.objects.filter(rel="public.registry_user", op="U").get()
    assert json.loads(entry.body)["role"] == "postgres"
    assert checked().ok


def test_every_table_of_the_three_floors_is_governed():
    tables = {item.table for item in capture.governed_tables()}
    assert "registry_user" in tables
    assert "registry_user_groups" in tables
    assert "audits_evidencerun" in tables
    assert "governance_signature" in tables
    assert "account_emailaddress" in tables
    assert "mfa_authenticator" in tables
    assert not tables & {"django_session", "django_migrations", *capture.LOG_TABLES}


def test_installing_again_changes_nothing(written_log):
    before = Entry.objects.count()
    assert capture.install(using="owner") == 0
    assert Entry.objects.count() == before
    assert checked().ok


def test_rows_from_before_a_trigger_get_a_baseline_entry(written_log):
    govern = "SELECT audits_govern('old_books', 'id', '', '', 't', false)"
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE public.old_books (id int PRIMARY KEY, t text)")
        cursor.execute("GRANT SELECT ON old_books TO freigabe")
        cursor.execute("INSERT INTO old_books VALUES (1, 'a'), (2, 'b')")
        cursor.execute(govern)
        assert cursor.fetchone()[0] == 2
        cursor.execute(govern)
        assert cursor.fetchone()[0] == 0
        cursor.execute("UPDATE old_books SET t = 'c' WHERE id = 1")
    entries = list(log.entries_for(rel="public.old_books", pk="1"))
    assert [entry.op for entry in entries] == ["I", "U"]
    assert not any('"a"' in entry.body for entry in entries)
    opened = Opening.objects.filter(rel="public.old_books", pk_text="1")
    assert [item.value for item in opened.order_by("id")] == ['"a"', '"c"']
    assert checked().ok


def test_migrating_again_does_not_launder_a_change(superuser):
    superuser.execute("DROP TRIGGER zz_capture ON registry_user")
    superuser.execute("UPDATE registry_user SET unit = 'x' WHERE username = 'anna'")
    assert capture.install(using="owner") == 0
    kinds = {finding.kind for finding in checked().findings}
    assert kinds == {"replay"}


def test_an_empty_database_has_checkpoints_and_leaves(written_log):
    assert Leaf.objects.count() == Entry.objects.count()
    assert Checkpoint.objects.count() == 1


def _dataset(description: str) -> Dataset:
    return Dataset.objects.create(
        slug="a-set",
        name="A set",
        description=description,
        registered_by=_uploader(),
        registered_at=NOW,
    )


def _uploader() -> User:
    return add_user("uploader")


@pytest.mark.parametrize(
    "settings_of_session",
    [
        "SET timezone = 'Asia/Kolkata'",
        "SET datestyle = 'German'",
        "SET extra_float_digits = -10",
        "SET intervalstyle = 'sql_standard'",
        "SET bytea_output = 'escape'",
    ],
)
def test_the_settings_of_a_session_do_not_change_what_is_written(
    superuser, settings_of_session
):
    superuser.execute(
        "CREATE TABLE public.odd (id int PRIMARY KEY, f float8, t timestamptz, "
        "i interval, b bytea, d date, r tstzrange)"
    )
    superuser.execute("SELECT audits_govern('odd', 'id', '', '', '', false)")
    superuser.execute("SET timezone = 'UTC'")
    insert = (
        "INSERT INTO odd SELECT %s, 0.1::float8 + 0.2, '2026-11-21T03:00:00Z', "
        "'1 day 2 hours', decode('00ff', 'hex'), '2026-11-21', "
        "'[2026-11-21T03:00:00Z,)'"
    )
    superuser.execute(insert, [1])
    superuser.execute(settings_of_session)
    superuser.execute(insert, [2])
    superuser.execute("UPDATE odd SET f = f + 0 WHERE id = 1")
    one, two = (
        json.loads(log.entries_for(rel="public.odd", pk=pk).last().body)
        for pk in ("1", "2")
    )
    assert {**one["new"], "id": 2} == two["new"]
    assert one["old"] == {}
    assert one["at"][:11] == two["at"][:11]
    assert one["at"].endswith("Z")
