"""Whether the database still guards the log: triggers, functions, rights, tables."""

from django.conf import settings
from django.db import connection

from audits import capture, rights
from audits.bypasses import check_bypasses
from audits.findings import Findings

EVENT_TRIGGERS = {"audits_ddl": "ddl_command_end", "audits_drop": "sql_drop"}
_TRICKS = """
SELECT 'rule ' || rulename || ' rewrites statements', tablename FROM pg_rules
  WHERE schemaname = 'public'
UNION ALL
SELECT 'policy ' || polname || ' can hide rows', polrelid::regclass::text FROM pg_policy
UNION ALL
SELECT 'row security is on: it can hide rows', relname FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relrowsecurity
UNION ALL
SELECT 'it inherits from ' || inhparent::regclass, inhrelid::regclass::text
  FROM pg_inherits WHERE inhparent <> 'public.audits_entry'::regclass
  AND inhrelid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p'))
UNION ALL
SELECT 'it is no ordinary table', relname FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')
"""
_PARTITIONS = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid),
  (regexp_match(pg_get_expr(c.relpartbound, c.oid),
    'FROM \\(''(\\d+)''\\)'))[1]::bigint,
  (regexp_match(pg_get_expr(c.relpartbound, c.oid),
    'TO \\(''(\\d+)''\\)'))[1]::bigint
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'public.audits_entry'::regclass
ORDER BY 4 NULLS LAST
"""
OWNS_ITSELF = (
    "The application's database role owns the tables: it could switch the triggers "
    "off. Set FREIGABE_OWNER_URL (docs/operations.md, Roles in the database)."
)


def check_guards(found: Findings) -> None:
    """Compare triggers, functions, rights and tables with what a release installs."""
    with connection.cursor() as cursor:
        tables = capture.present_tables(cursor)
        cursor.execute(_TRICKS)
        for what, table in cursor.fetchall():
            _add(found, what, "nothing may hide or redirect a change", table)
    _check_triggers(found, tables)
    _check_functions(found)
    _check_event_triggers(found)
    _check_rights(found, tables)
    _check_partitions(found)
    check_bypasses(found)


def _check_triggers(found: Findings, tables: set[str]) -> None:
    present = capture.present_triggers()
    by_name = {(trigger.table, trigger.name): trigger for trigger in present}
    expected = capture.expected_triggers(tables)
    for trigger in expected:
        seen = by_name.pop((trigger.table, trigger.name), None)
        if seen is None:
            what = f"trigger {trigger.name} is missing"
        elif not seen.always:
            what = f"trigger {trigger.name} is disabled or not ENABLE ALWAYS"
        elif seen != trigger:
            what = f"trigger {trigger.name} is another one: {seen}"
        else:
            continue
        _add(found, what, "every table is captured, always", trigger.table)
    guarded = {trigger.table for trigger in expected}
    for table, name in sorted(by_name):
        if table in guarded:
            what = f"trigger {name} does not belong here"
            _add(found, what, "nothing may alter rows on their way", table)


def _check_functions(found: Findings) -> None:
    functions = {function.name: function for function in capture.present_functions()}
    expected = {function.name: function for function in capture.expected_functions()}
    for name, function in expected.items():
        if functions.get(name) != function:
            what = f"function {name} is not the one of the release"
            _add(found, what, "the capture functions are those of the release", "")
    for name in sorted(functions.keys() - expected.keys()):
        what = f"function {name} belongs to no release"
        _add(found, what, "the capture functions are those of the release", "")


def _check_event_triggers(found: Findings) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT evtname, evtevent, evtenabled, evtfoid::regproc::text "
            "FROM pg_event_trigger"
        )
        present = {name: tuple(rest) for name, *rest in cursor.fetchall()}
    if settings.FREIGABE_OWNER_ALIAS == "default" and not present:
        found.not_covered.append(
            "Changes of the database's definitions are not recorded: run "
            "manage.py prepare_database (docs/operations.md)."
        )
        return
    for name, event in EVENT_TRIGGERS.items():
        seen = present.get(name)
        if seen != (event, "A", "audits_record_ddl"):
            state = "missing" if seen is None else f"another one: {seen}"
            what = f"event trigger {name} is {state}"
            _add(found, what, "changes of definitions are recorded, always", "")


def _check_rights(found: Findings, tables: set[str]) -> None:
    role = settings.FREIGABE_DATABASE_ROLE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.rolsuper, r.rolbypassrls OR r.rolreplication, EXISTS (SELECT "
            "FROM pg_class c WHERE c.relowner = r.oid "
            "AND c.relnamespace = 'public'::regnamespace), pg_has_role(r.oid, "
            "(SELECT relowner FROM pg_class "
            "WHERE oid = 'public.audits_entry'::regclass), 'MEMBER') "
            "FROM pg_roles r WHERE r.rolname = %s",
            [role],
        )
        row = cursor.fetchone()
        if row is None or settings.FREIGABE_OWNER_ALIAS == "default":
            found.not_covered.append(OWNS_ITSELF)
            return
        present = rights.present_rights(cursor, role)
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition")
        partitions = {name for (name,) in cursor.fetchall()}
    because = "the application owns nothing and cannot rewrite the log"
    labels = ("is a superuser", "may replicate or ignore row security", "owns tables")
    for holds, label in zip(row, (*labels, "may act as the owner"), strict=True):
        if holds:
            _add(found, f"role {role} {label}", because, "")
    expected = rights.expected_rights(
        capture.governed_tables(), {name for name in tables if name not in partitions}
    )
    for table in sorted(expected.keys() | present.keys()):
        more = present.get(table, frozenset()) - expected.get(table, frozenset())
        if more:
            what = f"role {role} may {', '.join(sorted(more))}"
            _add(found, what, because, table)


def _check_partitions(found: Findings) -> None:
    """The entries' partitions follow each other without a gap, and end in a default."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        rows = cursor.fetchall()
    because = "the entries lie in ranges that follow each other"
    reach = None
    for name, bound, start, end in rows:
        if bound == "DEFAULT":
            continue
        if reach is not None and start is not None and start < reach:
            _add(found, f"it starts at entry {start}, before {reach}", because, name)
        if not capture.PARTITION.fullmatch(name):
            _add(found, "it is a partition of the entries", because, name)
        reach = end
    if "DEFAULT" not in {bound for _, bound, _, _ in rows}:
        _add(found, "there is no default partition", because, "audits_entry")


def _add(found: Findings, what: str, because: str, table: str) -> None:
    name = table.removeprefix("public.")
    found.add("capture", what, because, table=f"public.{name}" if name else "")
