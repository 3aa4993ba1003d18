"""What the application's database role may do: enough to work, too little to hide."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from django.conf import settings
from django.db.backends.utils import CursorWrapper
from psycopg import sql

ADD = frozenset({"SELECT", "INSERT"})
CHANGE = ADD | {"UPDATE", "DELETE"}
READ = frozenset({"SELECT"})
# The log's tables, which capture.py does not govern.
LOG_RIGHTS: dict[str, frozenset[str]] = {
    "audits_entry": READ,
    "audits_opening": READ,
    "audits_schemachange": READ,
    "audits_catalogstate": READ,
    "audits_archive": READ,
    "audits_leaf": ADD,
    "audits_tile": ADD,
    "audits_checkpoint": ADD,
    "audits_cosignature": ADD,
    "audits_timestamp": ADD,
    "audits_export": ADD,
    "audits_delivery": ADD,
    "audits_sequencer": READ | {"UPDATE"},
    "audits_witnessedlog": ADD | {"UPDATE"},
    "django_migrations": READ,
}
AUDITOR = "freigabe_auditor"
ENTRY_IDS = "audits_entry_id_seq"
CALLS = (
    "audits_attest()",
    "audits_erase(text, text)",
    "audits_add_partition(bigint)",
)


class Table(Protocol):
    """What is needed to know of a governed table."""

    @property
    def table(self) -> str:
        """Its name."""

    @property
    def key(self) -> str:
        """Its key column."""

    @property
    def append_only(self) -> bool:
        """Whether its rows are only ever added."""


def grant(cursor: CursorWrapper, governed: Iterable[Table], tables: set[str]) -> None:
    """Give the application's role its rights, when the owner of the tables asks.

    Where the application owns the tables itself there is nothing to give; verify_log
    says so. Changes only what differs, so that a second migration is silent.
    """
    role = settings.FREIGABE_DATABASE_ROLE
    cursor.execute("SELECT current_user, to_regrole(%s)", [_quoted(role)])
    owner, known = cursor.fetchone()
    if owner == role or known is None:
        return
    cursor.execute("SELECT relname FROM pg_class WHERE relispartition")
    partitions = {name for (name,) in cursor.fetchall()}
    wanted = expected_rights(governed, tables - partitions)
    present = present_rights(cursor, role)
    for rights in {frozenset(value) for value in wanted.values()}:
        names = [
            name
            for name, value in sorted(wanted.items())
            if value == rights and present.get(name, frozenset()) != rights
        ]
        if names:
            _give(cursor, role, rights, names)
    _give_locks(cursor, role, [table for table in governed if table.table in tables])
    _give_the_rest(cursor, role)
    _let_auditor_read(cursor, tables)


def expected_rights(
    governed: Iterable[Table], tables: set[str]
) -> dict[str, frozenset[str]]:
    """Return what the application may do with each of these tables in `public`.

    A partition has no rights of its own: the way to it is through its table.
    """
    append_only = {table.table for table in governed if table.append_only}
    return {
        name: LOG_RIGHTS.get(name, ADD if name in append_only else CHANGE)
        for name in tables
    }


def present_rights(cursor: CursorWrapper, role: str) -> Mapping[str, frozenset[str]]:
    """Return what a role was granted on each table in `public`, as the catalogue says.

    Rights of an owner do not show here.
    """
    cursor.execute(
        "SELECT c.relname, array_agg(a.privilege_type) FROM pg_class c, "
        "aclexplode(c.relacl) a WHERE c.relnamespace = 'public'::regnamespace "
        "AND c.relkind IN ('r', 'p') AND a.grantee = %s::regrole GROUP BY c.relname",
        [_quoted(role)],
    )
    return {name: frozenset(rights) for name, rights in cursor.fetchall()}


def _give(
    cursor: CursorWrapper, role: str, rights: frozenset[str], names: list[str]
) -> None:
    to, on = sql.Identifier(role), _list(names)
    cursor.execute(sql.SQL("REVOKE ALL ON TABLE {} FROM {}").format(on, to))
    what = sql.SQL(", ").join(sql.SQL(right) for right in sorted(rights))
    cursor.execute(sql.SQL("GRANT {} ON TABLE {} TO {}").format(what, on, to))


def _give_locks(cursor: CursorWrapper, role: str, governed: list[Table]) -> None:
    """SELECT ... FOR UPDATE asks for UPDATE on a column; the key's cannot change."""
    for table in governed:
        if not table.append_only or table.table in LOG_RIGHTS:
            continue
        cursor.execute(
            "SELECT has_column_privilege(%s, %s, %s, 'UPDATE')",
            [role, f"public.{table.table}", table.key],
        )
        if not cursor.fetchone()[0]:
            cursor.execute(
                sql.SQL("GRANT UPDATE ({}) ON TABLE {} TO {}").format(
                    sql.Identifier(table.key),
                    _list([table.table]),
                    sql.Identifier(role),
                )
            )


def _give_the_rest(cursor: CursorWrapper, role: str) -> None:
    """Sequences behind columns, and the functions that stand for rights not given."""
    to = sql.Identifier(role)
    cursor.execute(
        "SELECT sequencename FROM pg_sequences WHERE sequencename <> %s AND "
        "CASE WHEN schemaname = 'public' THEN NOT has_sequence_privilege("
        "%s, format('public.%%I', sequencename), 'USAGE') END",
        [ENTRY_IDS, role],
    )
    names = [name for (name,) in cursor.fetchall()]
    if names:
        cursor.execute(
            sql.SQL("GRANT USAGE, SELECT ON SEQUENCE {} TO {}").format(_list(names), to)
        )
    cursor.execute(
        "SELECT has_sequence_privilege(%s, %s, 'SELECT')",
        [role, f"public.{ENTRY_IDS}"],
    )
    if not cursor.fetchone()[0]:
        cursor.execute(
            sql.SQL("GRANT SELECT ON SEQUENCE {} TO {}").format(_list([ENTRY_IDS]), to)
        )
    for call in CALLS:
        cursor.execute(
            "SELECT has_function_privilege(%s, %s, 'EXECUTE')", [role, f"public.{call}"]
        )
        if not cursor.fetchone()[0]:
            cursor.execute(
                sql.SQL("GRANT EXECUTE ON FUNCTION public.{} TO {}").format(
                    sql.SQL(call),
                    to,
                )
            )


def _let_auditor_read(cursor: CursorWrapper, tables: set[str]) -> None:
    """Give the auditor's role, where there is one, the log without the openings."""
    cursor.execute("SELECT to_regrole(%s)", [AUDITOR])
    if cursor.fetchone()[0] is None:
        return
    present = present_rights(cursor, AUDITOR)
    wanted = LOG_RIGHTS.keys() & tables - {"audits_opening", "django_migrations"}
    missing = sorted(wanted - present.keys())
    if missing:
        cursor.execute(
            sql.SQL("GRANT SELECT ON TABLE {} TO {}").format(
                _list(missing), sql.Identifier(AUDITOR)
            )
        )


def _list(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("public", name) for name in names)


def _quoted(role: str) -> str:
    """Write a role's name as regrole reads it."""
    return '"' + role.replace('"', '""') + '"'
