"""Writes a small log, tampers with it, and reads verdicts."""

from datetime import UTC, datetime

import psycopg

from audits import log
from audits.findings import Finding
from audits.verification import Verdict, verify
from registry.acts import acting, through
from registry.models import User

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def write_log() -> None:
    """Insert some real rows and sign the log over them."""
    for name in ("anna", "ben", "carla"):
        add_user(name)
    log.advance(at=NOW)


def add_user(username: str, **fields: object) -> User:
    """Insert a user as an act of the application does.

    The unit repeats the name, because the log has only a commitment to that.
    """
    fields.setdefault("unit", username)
    with through("command", request="test"), acting(by="tests"):
        return User.objects.create(username=username, **fields)


def behind_triggers(
    connection: psycopg.Connection, table: str, statement: str, *parameters: object
) -> None:
    """Run a statement with all triggers of a table off, and leave no trace of that."""
    with connection.transaction():
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        connection.execute(statement, parameters)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        names = connection.execute(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal "
            "AND tgrelid = %s::regclass",
            [table],
        ).fetchall()
        for (name,) in names:
            connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def only_finding(kind: str) -> Finding:
    """Verify, and return the one finding of this kind; there must be exactly one."""
    verdict = checked()
    assert not verdict.ok
    (finding,) = [item for item in verdict.findings if item.kind == kind]
    return finding


def checked() -> Verdict:
    """Verify now."""
    return verify()
