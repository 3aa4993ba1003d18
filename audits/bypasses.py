"""Ways round the guards: namesakes, lost tables, ids in stock, rights of strangers."""

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection

from audits import capture, rights
from audits.findings import Findings

_REVOKED = re.compile(r"REVOKE ALL ON FUNCTION public\.(\w+) FROM PUBLIC")

# Ways of a table to show other rows than those that were captured, or to lose them.
_STRUCTURE = """
SELECT c.relname, v.what FROM pg_class c, LATERAL (VALUES
  (c.relpersistence <> 'p', 'it does not survive a crash (UNLOGGED)'),
  (NOT c.relhastriggers, 'the catalogue says that it has no triggers'),
  (c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid),
    'a child table adds rows to it')
) AS v (holds, what)
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s) AND v.holds
ORDER BY 1, 2
"""
_NAMESAKES = """
SELECT c.relname, n.nspname FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY(%s) AND n.nspname <> 'public'
  AND NOT starts_with(n.nspname, 'pg_')
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1, 2
"""
_OWNERS = """
SELECT c.relname, pg_get_userbyid(c.relowner) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)
  AND pg_get_userbyid(c.relowner) <> %s
UNION ALL
SELECT p.proname, pg_get_userbyid(p.proowner) FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND starts_with(p.proname, 'audits_')
  AND pg_get_userbyid(p.proowner) <> %s ORDER BY 1
"""
# Rights on whole tables and on single columns.
_GRANTS = """
SELECT c.relname, coalesce(r.rolname, 'PUBLIC'), a.privilege_type, a.attname
FROM pg_class c, LATERAL (
    SELECT x.*, NULL::name AS attname FROM aclexplode(c.relacl) x
    UNION ALL SELECT y.*, t.attname FROM pg_attribute t, aclexplode(t.attacl) y
      WHERE t.attrelid = c.oid AND t.attacl IS NOT NULL) a
  LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)
  AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT' ORDER BY 1, 2, 3
"""
_CALLS = """
SELECT p.proname, coalesce(r.rolname, 'PUBLIC') FROM pg_proc p,
  aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE p.pronamespace = 'public'::regnamespace AND p.proname = ANY(%s)
  AND a.grantee <> p.proowner ORDER BY 1, 2
"""
_POWERS = """
SELECT v.what FROM pg_roles r, LATERAL (VALUES
  (r.rolcreaterole, 'make roles'),
  (has_parameter_privilege(r.oid, 'session_replication_role', 'SET'),
    'switch ordinary triggers off'),
  (has_schema_privilege(r.oid, 'public', 'CREATE'), 'make tables and functions'))
  AS v (holds, what) WHERE r.rolname = %s AND NOT r.rolsuper AND v.holds
"""


def check_bypasses(found: Findings) -> None:
    """Find what would let somebody write past the guards, or be read in their place.

    Rights are looked at only where the tables have an owner of their own.
    """
    with connection.cursor() as cursor:
        tables = capture.present_tables(cursor)
    expected = capture.expected_triggers(tables)
    guarded = sorted({trigger.table for trigger in expected})
    because = "a table shows all of its own rows, and no others"
    for table, what in _rows(_STRUCTURE, [guarded]):
        _add(found, what, because, table)
    for table, schema in _rows(_NAMESAKES, [guarded]):
        what = f"schema {schema} has a {table} that can be read in its place"
        _add(found, what, because, table)
    _check_ids(found)
    if settings.FREIGABE_OWNER_ALIAS != "default":
        _check_owners(found, guarded)
        _check_strangers(found, guarded, tables)


def _check_ids(found: Findings) -> None:
    """The fence reads the last id: none may be in stock, none may come again."""
    rows = _rows(
        "SELECT cache_size, increment_by, cycle, coalesce(last_value, 0) "
        "FROM pg_sequences WHERE schemaname = 'public' AND sequencename = %s",
        [rights.ENTRY_IDS],
    )
    because = "ids are drawn one by one, and only rise"
    if not rows:
        _add(found, f"the sequence {rights.ENTRY_IDS} is gone", because)
        return
    cache, step, cycle, last = rows[0]
    if (cache, step, cycle) != (1, 1, False):
        what = (
            f"the sequence {rights.ENTRY_IDS} has cache {cache}, step {step}, "
            f"cycle {cycle}"
        )
        _add(found, what, because)
    ((done,),) = _rows("SELECT coalesce(max(done_entry_id), 0) FROM audits_sequencer")
    if last < done:
        what = f"the sequence stands at {last}, leaves at entry {done}"
        found.add("sequencer", what, because)


def _check_owners(found: Findings, guarded: list[str]) -> None:
    database = settings.DATABASES[settings.FREIGABE_OWNER_ALIAS]
    owner = str(database["USER"])
    for name, seen in _rows(_OWNERS, [guarded, owner, owner]):
        what = f"{name} belongs to {seen}, not to {owner}"
        _add(found, what, "only the owner may alter it", name)


def _check_strangers(found: Findings, guarded: list[str], tables: set[str]) -> None:
    role = settings.FREIGABE_DATABASE_ROLE
    for table, what in _too_much(guarded, tables, role):
        _add(found, what, "only a migration gives rights", table)
    texts = [path.read_text() for path in capture.SQL_FILES]
    private = [name for text in texts for name in _REVOKED.findall(text)]
    public = {call.partition("(")[0] for call in rights.CALLS}
    for name, grantee in _rows(_CALLS, [private]):
        if grantee != role or name not in public:
            what = f"role {grantee} may call {name}()"
            _add(found, what, "only triggers write entries")
    for (what,) in _rows(_POWERS, [role]):
        _add(found, f"role {role} may {what}", "the application may only work")


def _too_much(
    guarded: list[str], tables: set[str], role: str
) -> Iterator[tuple[str, str]]:
    """Yield (table, what) for every right to write that a migration does not give."""
    governed = capture.governed_tables()
    locks = {(table.table, table.key) for table in governed if table.append_only}
    expected = rights.expected_rights(governed, tables)
    for table, grantee, right, column in _rows(_GRANTS, [guarded]):
        if grantee == role and (
            right in expected[table]
            # To lock a row is to have UPDATE of its key, which the triggers refuse.
            or (right == "UPDATE" and (table, column) in locks)
        ):
            continue
        part = f" of column {column}" if column else ""
        yield table, f"role {grantee} may {right}{part}"


def _add(found: Findings, what: str, because: str, table: str = "") -> None:
    found.add("capture", what, because, table=f"public.{table}" if table else "")


def _rows(query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
