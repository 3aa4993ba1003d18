"""Which tables are captured, how, and whether the database still does it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models, transaction
from django.db.backends.utils import CursorWrapper

from audits import rights

SQL_FILES = [
    Path(__file__).with_name(name)
    for name in ("capture.sql", "govern.sql", "catalog.sql", "archive.sql")
]
# The author of what a migration changes; the event trigger in catalog.sql knows it.
MIGRATION = json.dumps({"sub": "migration", "via": "migration"})
INSTALL_LOCK = 0x4652_4549_0001
OUR_APPS = ("registry", "audits", "governance")
# The log itself and what others keep of it: not captured. True: rows are only added.
LOG_TABLES = {
    "audits_entry": True,
    "audits_leaf": True,
    "audits_tile": True,
    "audits_checkpoint": True,
    "audits_sequencer": False,
    "audits_cosignature": True,
    "audits_timestamp": True,
    "audits_export": True,
    "audits_delivery": True,
    "audits_witnessedlog": False,
    "audits_opening": False,
}
PARTITION = re.compile(r"audits_entry_(p\d+|default)")
# Tables of other packages that say who may act, with the columns kept out of the log.
OTHER_TABLES: dict[str, tuple[str, ...]] = {
    "auth_group": (),
    "auth_group_permissions": (),
    "account_emailaddress": (),
    "account_emailconfirmation": ("key",),
    "mfa_authenticator": ("data", "last_used_at"),
    "socialaccount_socialaccount": ("extra_data",),
    "socialaccount_socialapp": ("key", "secret", "settings"),
    "socialaccount_socialtoken": ("token", "token_secret"),
}
# Their personal columns; our own models name theirs in `log_personal`.
OTHER_PERSONAL: dict[str, tuple[str, ...]] = {
    "account_emailaddress": ("email",),
    "socialaccount_socialaccount": ("uid",),
}
# Written by functions of the database alone.
WRITTEN_BY_DATABASE = frozenset(
    {"audits_entry", "audits_opening", "audits_schemachange", "audits_catalogstate"}
)
# Left-out columns whose change alone says nothing: no entry for each log-in.
QUIET_COLUMNS = frozenset({"last_login", "last_used_at"})

# Bits of pg_trigger.tgtype.
_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 4, 8, 16, 32
_CAPTURES = _ROW | _INSERT | _DELETE | _UPDATE
_KEEPS = _ROW | _BEFORE | _DELETE | _UPDATE
_NO_TRUNCATE = _BEFORE | _TRUNCATE

_FUNCTION = re.compile(
    r"CREATE OR REPLACE FUNCTION public\.(\w+)(.*?)\$\$(.*?)\$\$", re.DOTALL
)
_SETTING = re.compile(
    r"\bSET (\w+) = (.+?)(?=\s+SET |\s+AS\b|\s+LANGUAGE |\s*$)", re.DOTALL
)


@dataclass(frozen=True)
class Governed:
    """A captured table: its name in `public`, its key column, what is left out."""

    table: str
    key: str
    secrets: tuple[str, ...]
    personal: tuple[str, ...]
    append_only: bool

    @property
    def rel(self) -> str:
        """The table's name as it stands in entries."""
        return f"public.{self.table}"

    @property
    def quiet(self) -> tuple[str, ...]:
        """Left-out columns whose change alone makes no entry."""
        return tuple(name for name in self.secrets if name in QUIET_COLUMNS)

    @property
    def arguments(self) -> tuple[str, str, str, str]:
        """What the capture trigger is told: key, left out, quiet, personal."""
        lists = (self.secrets, self.quiet, self.personal)
        left_out, quiet, personal = (",".join(names) for names in lists)
        return self.key, left_out, quiet, personal


@dataclass(frozen=True)
class Trigger:
    """What a trigger does, without its spelling."""

    table: str
    name: str
    kind: int
    function: str
    arguments: tuple[str, ...] = ()
    always: bool = True
    unconditional: bool = True


@dataclass(frozen=True)
class Function:
    """The source and settings of a function of capture.sql."""

    name: str
    source: str
    definer: bool
    settings: frozenset[str]


def relation(model: type[models.Model]) -> str:
    """Return the name under which entries file a model's rows."""
    return f"public.{model._meta.db_table}"


def governed_tables() -> list[Governed]:
    """List the tables to capture, by name: ours, their join tables, and accounts."""
    found = {table.table: table for table in _from_models()}
    return [found[name] for name in sorted(found)]


def install(*, using: str = "default") -> int:
    """Bring the database's triggers and functions up to date; return baseline entries.

    Does nothing before the log's own tables exist. Safe at every migration and in a
    cloned database; touches only tables whose triggers differ.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        raise ImproperlyConfigured("Freigabe keeps its log in PostgreSQL only.")
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [INSTALL_LOCK])
        tables = present_tables(cursor)
        if not tables.issuperset(LOG_TABLES):
            return 0
        _name_migration(cursor)
        if _functions_differ(using):
            for path in SQL_FILES:
                cursor.execute(path.read_text())
        cursor.execute(
            "INSERT INTO audits_sequencer (one, done_entry_id, tree_size, frontier) "
            "VALUES (1, 0, 0, '') ON CONFLICT DO NOTHING"
        )
        present = set(present_triggers(using=using))
        for table, append_only in _log_tables(tables):
            if not present.issuperset(_protection(table, append_only)):
                cursor.execute(
                    "SELECT public.audits_protect(%s::regclass, %s)",
                    [f"public.{table}", append_only],
                )
        baseline = sum(
            _govern(cursor, table)
            for table in governed_tables()
            if table.table in tables and not present.issuperset(_triggers_of(table))
        )
        rights.grant(cursor, governed_tables(), tables)
        cursor.execute("SELECT public.audits_add_partition(), public.audits_attest()")
        return baseline


def tend() -> None:
    """Attest the catalogue if it changed, and make the next partition in time."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT public.audits_attest()")
        cursor.execute("SELECT public.audits_add_partition()")


def present_tables(cursor: CursorWrapper) -> set[str]:
    """Name the tables in `public`; Django's own list leaves out the partitions."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') "
        "AND relnamespace = 'public'::regnamespace"
    )
    return {name for (name,) in cursor.fetchall()}


def expected_triggers(tables: set[str]) -> list[Trigger]:
    """List the triggers that these existing tables must have."""
    log = _log_tables(tables)
    return [trigger for name, keep in log for trigger in _protection(name, keep)] + [
        trigger
        for governed in governed_tables()
        if governed.table in tables
        for trigger in _triggers_of(governed)
    ]


def present_triggers(*, using: str = "default") -> list[Trigger]:
    """List all triggers in `public` that people made, as the catalogue has them."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname, t.tgtype, f.nspname || '.' || p.proname, "
            "t.tgargs, t.tgenabled = 'A', t.tgqual IS NULL AND t.tgattr::text = '' "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_proc p ON p.oid = t.tgfoid "
            "JOIN pg_namespace f ON f.oid = p.pronamespace "
            "WHERE NOT t.tgisinternal AND n.nspname = 'public'"
        )
        return [
            Trigger(table, name, kind, function, _arguments(raw), always, plain)
            for table, name, kind, function, raw, always, plain in cursor.fetchall()
        ]


def expected_functions() -> list[Function]:
    """Read the functions from the SQL files beside this module."""
    return [
        Function(
            name,
            source,
            "SECURITY DEFINER" in header,
            frozenset(_setting(k, v) for k, v in _SETTING.findall(header)),
        )
        for path in SQL_FILES
        for name, header, source in _FUNCTION.findall(path.read_text())
    ]


def present_functions(*, using: str = "default") -> list[Function]:
    """List the functions in `public` whose names start with audits_."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT p.proname, p.prosrc, p.prosecdef, coalesce(p.proconfig, '{}') "
            "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = 'public' AND p.proname LIKE 'audits\\_%%'",
            [],
        )
        return [
            Function(
                name,
                source,
                definer,
                frozenset(_setting(*item.split("=", 1)) for item in settings),
            )
            for name, source, definer, settings in cursor.fetchall()
        ]


def _log_tables(tables: set[str]) -> list[tuple[str, bool]]:
    """Return the log's existing tables and partitions, and which are append-only."""
    partitions = {name for name in tables if PARTITION.fullmatch(name)}
    names = [*(name for name in LOG_TABLES if name in tables), *sorted(partitions)]
    return [(name, LOG_TABLES.get(name, True)) for name in names]


def _from_models() -> Iterator[Governed]:
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.proxy or not meta.managed or meta.db_table in LOG_TABLES:
            continue
        secrets: tuple[str, ...] = getattr(model, "log_secrets", ())
        personal: tuple[str, ...] = getattr(model, "log_personal", ())
        if meta.app_label not in OUR_APPS:
            if meta.db_table not in OTHER_TABLES:
                continue
            secrets = OTHER_TABLES[meta.db_table]
            personal = OTHER_PERSONAL.get(meta.db_table, ())
        key = meta.pk.column
        if key is None:
            raise ImproperlyConfigured(
                f"{meta.db_table} needs one key column to be logged."
            )
        append_only: bool = getattr(model, "append_only", False)
        yield Governed(meta.db_table, key, secrets, personal, append_only)


def _functions_differ(using: str) -> bool:
    present = {function.name: function for function in present_functions(using=using)}
    return any(
        present.get(function.name) != function for function in expected_functions()
    )


def _name_migration(cursor: CursorWrapper) -> None:
    """Tell the event trigger that a migration speaks, unless an act does."""
    cursor.execute("SELECT set_config('freigabe.actor', %s, true)", [MIGRATION])


def _govern(cursor: CursorWrapper, table: Governed) -> int:
    cursor.execute(
        "SELECT public.audits_govern(%s::regclass, %s, %s, %s, %s, %s)",
        [table.rel, *table.arguments, table.append_only],
    )
    return int(cursor.fetchone()[0])


def _triggers_of(table: Governed) -> list[Trigger]:
    capture = Trigger(
        table.table, "zz_capture", _CAPTURES, "public.audits_capture", table.arguments
    )
    return [capture, *_protection(table.table, table.append_only)]


def _protection(table: str, append_only: bool) -> list[Trigger]:
    forbid = "public.audits_forbid"
    triggers = [Trigger(table, "aa_no_truncate", _NO_TRUNCATE, forbid)]
    if append_only:
        triggers.append(Trigger(table, "aa_no_change", _KEEPS, forbid))
    return triggers


def _arguments(raw: bytes) -> tuple[str, ...]:
    """Split pg_trigger.tgargs, in which every argument ends with a zero byte."""
    return tuple(part.decode() for part in bytes(raw).split(b"\0")[:-1])


def _setting(name: str, value: str) -> str:
    return f"{name}={value}".lower().replace("'", "").replace('"', "")
