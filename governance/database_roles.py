"""The database's roles: an owner that migrates, an application that owns nothing."""

from typing import LiteralString

import psycopg
from psycopg import sql

OWNER = "freigabe_owner"
APPLICATION = "freigabe"
AUDITOR = "freigabe_auditor"
# Replaced by audits/catalog.sql; here only because an event trigger needs a function.
_STUB = """
CREATE FUNCTION public.audits_record_ddl() RETURNS event_trigger LANGUAGE plpgsql
AS $$ BEGIN END $$
"""
_EVENTS: dict[str, LiteralString] = {
    "audits_ddl": "ddl_command_end",
    "audits_drop": "sql_drop",
}


def make_roles(superuser_dsn: str) -> None:
    """Create the three roles where they are missing; none of them is a superuser.

    The owner and the application may log in, the auditor too, but only to read. Their
    passwords, or the way in without one, are the operator's business (pg_hba.conf).
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        for name in (OWNER, APPLICATION, AUDITOR):
            found = connection.execute(
                "SELECT FROM pg_roles WHERE rolname = %s", [name]
            )
            if found.fetchone() is None:
                statement = sql.SQL("CREATE ROLE {} LOGIN NOINHERIT")
                connection.execute(statement.format(sql.Identifier(name)))


def prepare_database(superuser_dsn: str) -> None:
    """Give a database to the owner role, and have its DDL recorded. Idempotent.

    `superuser_dsn` names the database. What the application owns from an earlier
    release passes to the owner. Only a superuser can make event triggers.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        owner, application = sql.Identifier(OWNER), sql.Identifier(APPLICATION)
        database = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, owner)
        )
        connection.execute(
            sql.SQL("REASSIGN OWNED BY {} TO {}").format(application, owner)
        )
        # A temporary table could stand before one of ours in its session's path.
        connection.execute(
            sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database)
        )
        # Before PostgreSQL 16 an owner that inherits nothing may not create there.
        may = connection.execute(
            "SELECT has_schema_privilege(%s, 'public', 'CREATE')", [OWNER]
        )
        if may.fetchone() == (False,):
            statement = sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {}")
            connection.execute(statement.format(owner))
        present = {
            name
            for (name,) in connection.execute(
                "SELECT evtname FROM pg_event_trigger"
            ).fetchall()
        }
        if present.issuperset(_EVENTS):
            return
        found = connection.execute("SELECT to_regproc('public.audits_record_ddl')")
        if found.fetchone() == (None,):
            connection.execute(_STUB)
            connection.execute(
                sql.SQL("ALTER FUNCTION public.audits_record_ddl OWNER TO {}").format(
                    owner
                )
            )
        for name, event in _EVENTS.items():
            if name not in present:
                statement = sql.SQL(
                    "CREATE EVENT TRIGGER {} ON {} EXECUTE FUNCTION "
                    "public.audits_record_ddl()"
                )
                connection.execute(
                    statement.format(sql.Identifier(name), sql.SQL(event))
                )
                connection.execute(
                    sql.SQL("ALTER EVENT TRIGGER {} ENABLE ALWAYS").format(
                        sql.Identifier(name)
                    )
                )
