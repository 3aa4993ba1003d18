"""One moment of the database, seen from one connection or from two."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from audits.findings import Findings

# Comparing rows needs the settings under which the capture function wrote them.
_SETTINGS = """
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1
"""
_ISOLATION = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@contextmanager
def one_moment() -> Iterator[None]:
    """Open a read-only transaction that sees the database as of now throughout."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ISOLATION)
        cursor.execute(_SETTINGS)
        yield


@contextmanager
def beside(found: Findings, check: Callable[[Findings], None]) -> Iterator[None]:
    """Run a check on a second connection of the same moment, while the caller works.

    What it finds is added when the caller is done; what it raises, is raised then.
    Needs one_moment() around it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        moment = cursor.fetchone()[0]
    own = Findings()
    with ThreadPoolExecutor(max_workers=1) as pool:
        done = pool.submit(_run, check, own, moment)
        yield
        done.result()
    found.take(own)


def _run(check: Callable[[Findings], None], own: Findings, moment: str) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_ISOLATION)
            _adopt(cursor, moment)
            cursor.execute(_SETTINGS)
            check(own)
    finally:
        connection.close()  # this thread's own


def _adopt(cursor: CursorWrapper, moment: str) -> None:
    cursor.execute("SET TRANSACTION SNAPSHOT %s", [moment])
