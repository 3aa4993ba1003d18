"""A log whose first partition is full, to be archived."""

import json
from datetime import timedelta

import psycopg
from django.utils import timezone

from audits import log
from audits.export.export import export
from registry.acts import acting
from registry.models import RegisteredModel, User
from tests.audits.ledger import NOW, add_user, behind_triggers

FIRST = "audits_entry_p1"
END = 4_194_304
OLD = "00000000-0000-0000-0000-00000000001d"
LATER = timezone.now() + timedelta(days=365 * 11)


def _large_model(owner: User) -> None:
    """A row whose values stand in the log by digest."""
    with acting(by="tests"):
        RegisteredModel.objects.create(
            slug="large", name="Large", purpose="x" * 100_000, owner=owner,
            developer=owner, registered_by=owner, registered_at=NOW,
        )  # fmt: skip


def _row_of_first_release(database) -> None:
    """A row that was captured before there were commitments, its names in the open."""
    with psycopg.connect(database.superuser_dsn, autocommit=True) as superuser:
        behind_triggers(
            superuser,
            "registry_user",
            "INSERT INTO registry_user SELECT (jsonb_populate_record(u, %s::jsonb)).* "
            "FROM registry_user u WHERE username = 'carla'",
            json.dumps({"id": OLD, "username": "olga", "last_name": "Petrova"}),
        )
        superuser.execute(
            "WITH e AS (SELECT pg_current_xact_id() AS x, clock_timestamp() AS t, "
            "nextval('audits_entry_id_seq') AS id, "
            "to_jsonb(u) - '{password,last_login}'::text[] AS image "
            "FROM registry_user u WHERE id = %s) "
            "INSERT INTO audits_entry (entry_id, xid, op, rel, pk, occurred_at, body) "
            "SELECT id, x, 'I', 'public.registry_user', %s, t, jsonb_build_object('v', "
            "1, 'id', id, 'xid', x::text, 'op', 'I', 'rel', 'public.registry_user', "
            "'pk', %s::text, 'at', to_char(t AT TIME ZONE 'UTC', "
            "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'ctx', NULL, 'old', NULL, "
            "'new', image)::text FROM e",
            [OLD, OLD, OLD],
        )


def fill(database, export_to: str) -> None:
    """Fill the first partition of a written log, sign and export it."""
    ben = User.objects.get(username="ben")
    ben.unit = "risk"
    ben.save()
    add_user("gone", email="gone@x.example").delete()
    _large_model(ben)
    _row_of_first_release(database)
    with psycopg.connect(database.superuser_dsn, autocommit=True) as superuser:
        # A gap in the ids is nothing special: rolled back transactions leave some.
        superuser.execute("SELECT setval('audits_entry_id_seq', %s)", [END - 1000])
        superuser.execute("SELECT audits_add_partition()")
        superuser.execute("SELECT setval('audits_entry_id_seq', %s)", [END - 1])
    User.objects.bulk_create(User(username=f"u{n}", unit="x") for n in range(300))
    User.objects.filter(username="anna").update(unit="changed later")
    log.advance(at=NOW)
    export(to=export_to, at=NOW)
