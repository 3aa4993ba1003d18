"""A table that many writers change at once, and what must hold of the log afterwards.

Every value is written once: a row's counter only rises, an added row never comes back.
So it shows whether a committed change was lost, doubled or put out of order.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from django.conf import settings
from django.db import connection, connections
from psycopg import sql

from audits.merkle import leaf_hash
from audits.models import Entry, Leaf, Sequencer

COUNTERS = 12  # rows that all writers fight for
Change = tuple[str, str, int]  # operation, key, counter


@dataclass
class Race:
    """The writers' common knowledge: what they committed, and when to stop."""

    dsn: str
    until: float
    committed: list[Change] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _next: int = 1_000
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def running(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.until

    def new_keys(self, count: int) -> range:
        """Return keys that nobody had before."""
        with self._lock:
            self._next += count
            return range(self._next - count, self._next)

    def note(self, changes: list[Change]) -> None:
        """Remember changes whose COMMIT has returned."""
        with self._lock:
            self.committed += changes


def make_table(name: str = "race", rows: int = COUNTERS) -> None:
    """Make a governed table that the application may change."""
    table, role = sql.Identifier(name), sql.Identifier(settings.FREIGABE_DATABASE_ROLE)
    with connections[settings.FREIGABE_OWNER_ALIAS].cursor() as cursor:
        for statement in (
            "CREATE TABLE public.{} (id bigint PRIMARY KEY, n int NOT NULL, t text)",
            "INSERT INTO public.{} SELECT g, 0 FROM generate_series(1, %s) g",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON public.{} TO {}",
        ):
            query = sql.SQL(statement).format(table, role)  # type: ignore[arg-type]
            cursor.execute(query, [rows] if "%s" in statement else None)
        cursor.execute("SELECT audits_govern(%s, 'id', '', '', '', false)", [name])


def race(dsn: str, seconds: float, writers: int, beside: Callable[[], object]) -> Race:
    """Let writers of all kinds loose, and run `beside` again and again meanwhile."""
    running = Race(dsn, time.monotonic() + seconds)
    threads = [
        threading.Thread(target=_write, args=(running, KINDS[i % len(KINDS)], i))
        for i in range(writers)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        beside()
    if running.failures:
        raise running.failures[0]
    return running


def _write(running: Race, kind: Callable[..., list[Change]], seed: int) -> None:
    """Work in transactions of one kind; every sixth is rolled back at its end."""
    chance = random.Random(seed)  # noqa: S311 - no secret depends on it
    try:
        with psycopg.connect(running.dsn) as own:
            while running.running():
                try:
                    changes = kind(own, running, chance)
                    time.sleep(chance.random() * 0.02)
                    if chance.random() < 0.17:
                        own.rollback()
                    else:
                        own.commit()
                        running.note(changes)
                except psycopg.errors.DeadlockDetected:
                    own.rollback()
    except BaseException as error:  # noqa: BLE001 - the test raises it again
        running.failures.append(error)


def _count(own: psycopg.Connection, key: int, *, prepare: bool = False) -> Change:
    (seen,) = own.execute(
        "UPDATE race SET n = n + 1 WHERE id = %s RETURNING n", [key], prepare=prepare
    ).fetchone()
    return "U", str(key), seen


def _counter(own: psycopg.Connection, running: Race, chance: random.Random):
    """Some rows in one transaction, with pauses between them."""
    changes = []
    for key in sorted(chance.sample(range(1, COUNTERS + 1), chance.randint(1, 3))):
        changes.append(_count(own, key))
        time.sleep(chance.random() * 0.005)
    return changes


def _early_id(own: psycopg.Connection, running: Race, chance: random.Random):
    """Take the transaction's id by writing elsewhere long before the governed row."""
    own.execute("CREATE TEMP TABLE IF NOT EXISTS elsewhere (x int)")
    own.execute("INSERT INTO elsewhere VALUES (1)")
    time.sleep(chance.random() * 0.05)
    return _counter(own, running, chance)


def _savepoints(own: psycopg.Connection, running: Race, chance: random.Random):
    """Subtransactions, some of them taken back."""
    changes = []
    for key in sorted(chance.sample(range(1, COUNTERS + 1), 3)):
        own.execute("SAVEPOINT s")
        change = _count(own, key)
        if chance.random() < 0.4:
            own.execute("ROLLBACK TO SAVEPOINT s")
        else:
            changes.append(change)
        own.execute("RELEASE SAVEPOINT s")
    return changes


def _prepared(own: psycopg.Connection, running: Race, chance: random.Random):
    """A statement that the server planned once."""
    return [_count(own, chance.randint(1, COUNTERS), prepare=True)]


def _copy(own: psycopg.Connection, running: Race, chance: random.Random):
    """Rows by COPY, some changed and some deleted in the same transaction."""
    keys = running.new_keys(chance.randint(1, 20))
    with own.cursor().copy("COPY race (id, n) FROM STDIN") as copy:
        for key in keys:
            copy.write_row((key, 0))
    changes: list[Change] = [("I", str(key), 0) for key in keys]
    changes.append(_count(own, keys[0]))
    own.execute("DELETE FROM race WHERE id = %s", [keys[-1]])
    last = 1 if keys[-1] == keys[0] else 0
    return [*changes, ("D", str(keys[-1]), last)]


def _long(own: psycopg.Connection, running: Race, chance: random.Random):
    """Hold a row that nobody else wants for a long time, then count another."""
    (key,) = running.new_keys(1)
    own.execute("INSERT INTO race VALUES (%s, 0)", [key])
    time.sleep(min(0.1 + chance.random(), max(0.0, running.until - time.monotonic())))
    return [("I", str(key), 0), _count(own, chance.randint(1, COUNTERS))]


def _many(own: psycopg.Connection, running: Race, chance: random.Random):
    """One statement for many rows."""
    keys = running.new_keys(30)
    time.sleep(chance.random() * 0.3)
    own.execute(
        "INSERT INTO race SELECT g, 0 FROM generate_series(%s::bigint, %s) g",
        [keys[0], keys[-1]],
    )
    found = own.execute(
        "UPDATE race SET n = n + 1 WHERE id BETWEEN %s AND %s RETURNING id, n",
        [keys[0], keys[-1]],
    ).fetchall()
    inserted: list[Change] = [("I", str(key), 0) for key in keys]
    return inserted + [("U", str(key), n) for key, n in found]


KINDS = (_counter, _early_id, _savepoints, _prepared, _copy, _long, _many, _counter)


def logged_changes(rel: str = "public.race") -> list[Change]:
    """Return what the leaves tell of a table, in their order, without the baseline."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.body FROM audits_leaf l JOIN audits_entry e USING (entry_id) "
            "WHERE e.rel = %s AND e.op IN ('I', 'U', 'D') ORDER BY l.leaf_index",
            [rel],
        )
        bodies = [json.loads(body) for (body,) in cursor.fetchall()]
    return [
        (body["op"], body["pk"], (body["new"] or body["old"])["n"])
        for body in bodies
        if (body["ctx"] or {}).get("via") != "baseline"
    ]


def require_complete(committed: list[Change]) -> None:
    """Each committed change is a leaf exactly once, each row's in causal order."""
    logged = logged_changes()
    told, done = Counter(logged), Counter(committed)
    assert told - done == Counter(), "the log tells of what was never committed"
    assert done - told == Counter(), "a committed change is not in the log"
    rows: dict[str, list[tuple[str, int]]] = {}
    for op, key, n in logged:
        rows.setdefault(key, []).append((op, n))
    for key, seen in rows.items():
        counters = [n for op, n in seen if op == "U"]
        assert counters == list(range(1, len(counters) + 1)), f"row {key}: {seen}"
        assert [op for op, _ in seen] == sorted(
            (op for op, _ in seen), key="IUD".index
        ), f"row {key}: {seen}"


def require_whole() -> None:
    """Indexes are contiguous, order is that of capture, every leaf fits its entry."""
    leaves = list(Leaf.objects.order_by("leaf_index"))
    assert [leaf.leaf_index for leaf in leaves] == list(range(len(leaves)))
    entries = list(Entry.objects.order_by("entry_id").values_list("entry_id", "body"))
    assert [leaf.entry_id for leaf in leaves] == [number for number, _ in entries]
    assert [bytes(leaf.leaf_hash) for leaf in leaves] == [
        leaf_hash(body.encode()) for _, body in entries
    ]
    assert Sequencer.objects.get().tree_size == len(leaves)
