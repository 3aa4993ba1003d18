"""Times the integrator over large batches. Run by apart.run(); prints JSON."""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import django
import psycopg

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402

from audits import log  # noqa: E402
from governance import embedded  # noqa: E402

ENTRIES, BYTES, ROUNDS = 200_000, 1_000, 3
_MADE = """
INSERT INTO audits_entry (entry_id, xid, op, rel, pk, actor, occurred_at, body)
SELECT id, pg_current_xact_id(), 'I', 'public.bench', id::text, '17', now(),
  rpad('{"v": 2, "id": ' || id || ', "new": "' || md5(id::text), %s - 2, 'x') || '"}'
FROM (SELECT nextval('audits_entry_id_seq') AS id FROM generate_series(1, %s)) s
"""


def measure() -> dict[str, float]:
    """Microseconds for an entry, best of the rounds, since others load the machine."""
    ours, bare = [], []
    for _ in range(ROUNDS):
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT last_value FROM audits_entry_id_seq")
            (last,) = cursor.fetchone()
            cursor.execute(_MADE, [BYTES, ENTRIES])
        _write_back()
        bare.append(_bare(last))
        begin = time.perf_counter()
        done = log.integrate()
        ours.append(time.perf_counter() - begin)
        if done.added != ENTRIES:
            raise SystemExit(f"{done.added} leaves were added, not {ENTRIES}.")
    scale = 1e6 / ENTRIES
    best = {"ours": min(ours) * scale, "bare": min(bare) * scale}
    return best | {"entries": ENTRIES, "bytes": BYTES}


def _write_back() -> None:
    """Have the server write what the making left dirty: that is nobody's work here."""
    data = Path(os.environ["FREIGABE_VAR"]) / "postgres"
    address = embedded.dsn_for(data, user="postgres", database="postgres")
    with psycopg.connect(address, autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")


def _bare(last: int) -> float:
    begin = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT body FROM audits_entry WHERE entry_id > %s ORDER BY entry_id",
            [last],
        )
        while rows := cursor.fetchmany(10_000):
            for (body,) in rows:
                hashlib.sha256(b"\0" + body.encode()).digest()
    return time.perf_counter() - begin


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    log.integrate()
    sys.stdout.write(json.dumps(measure()))
