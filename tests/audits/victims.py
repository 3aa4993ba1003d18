"""Processes to be killed: writers, the log's clock, one that stops at a given line.

Run as `python -m tests.audits.victims KIND FILE SEED`. FILE is the world outside:
what was committed, what was published.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import django
import psycopg
from django.db import InterfaceError, OperationalError, connection, transaction

django.setup()

# Django has to be set up before models are imported.
from django.utils import timezone  # noqa: E402

from audits import integration, keys, log, signer  # noqa: E402
from tests.audits.ledger import add_user  # noqa: E402

ROWS = 6
_COUNTED = {
    str(Path(module.__file__ or "")) for module in (integration, log, signer, keys)
}


def _note(file: Path, value: object) -> None:
    """Append one line at once: whole or not at all, whatever kills us."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, json.dumps(value).encode() + b"\n")
    os.close(handle)


def keep_advancing(file: Path, seed: int) -> None:
    """Integrate and sign for ever, and publish each checkpoint outside."""
    integration.BATCH = 7 + seed
    while True:
        try:
            _note(file, log.advance(at=timezone.now(), wait_seconds=5).note)
            time.sleep(0.01)
        except (OperationalError, InterfaceError, integration.Lagging):
            connection.close()
            time.sleep(0.05)
        except signer.SignerRefused as error:
            _note(file, {"refused": str(error)})
            raise


def keep_writing(file: Path, seed: int) -> None:
    """Change governed rows for ever; tell outside what COMMIT has confirmed.

    An odd seed does not wait for the disk, and so tells nothing.
    """
    chance = random.Random(time.time_ns() + seed)  # noqa: S311 - no secret
    while True:
        try:
            done = _write(seed, chance)
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.05)
            continue
        if seed % 2 == 0:
            for key, n in done:
                _note(file, [key, n])


def _write(seed: int, chance: random.Random) -> list[tuple[int, int]]:
    done = []
    with transaction.atomic(), connection.cursor() as cursor:
        if seed % 2:
            cursor.execute("SET LOCAL synchronous_commit = off")
        for key in sorted(chance.sample(range(1, ROWS + 1), 2)):
            cursor.execute(
                "UPDATE race SET n = n + 1 WHERE id = %s RETURNING id, n", [key]
            )
            done.append(cursor.fetchone())
            time.sleep(chance.random() * 0.01)
        if chance.random() < 0.1:
            add_user(f"u{seed}-{time.time_ns()}")
        if chance.random() < 0.15:
            transaction.set_rollback(True)
            done = []
    return done


def stop_at_lines(file: Path, seed: int) -> None:
    """Fork once for each line number read: the child dies at that line of the log.

    Answers with how it ended: -9 for a kill, 0 when there were fewer lines than that.
    A number below 0 ends not the process, but its connection to the database: 9 when
    that was noticed, 5 when the work was done by then.
    """
    for text in sys.stdin:
        connection.close()
        child = os.fork()
        if child == 0:
            _die_at(int(text))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _die_at(line: int) -> None:
    """Advance the log with a bomb at its n-th line; never returns."""
    bomb = _Bomb(line)
    try:
        connection.ensure_connection()
        sys.settrace(bomb.trace)
        log.advance(at=timezone.now(), wait_seconds=20)
        sys.settrace(None)
    except (OperationalError, InterfaceError):
        os._exit(9)
    except BaseException:  # noqa: BLE001 - a forked child must not return
        traceback.print_exc()
        os._exit(70)
    os._exit(5 if bomb.exploded else 0)


class _Bomb:
    """Counts the lines executed in the log's modules; acts at the one of a number."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._seen = 0
        self.exploded = False

    def trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        """See a line, as sys.settrace() has it."""
        if frame.f_code.co_filename not in _COUNTED:
            return None
        if event == "line":
            self._seen += 1
            if self._seen == abs(self._line):
                self._explode()
        return self.trace

    def _explode(self) -> None:
        self.exploded = True
        if self._line > 0:
            os.kill(os.getpid(), signal.SIGKILL)
        own = connection.connection.info.backend_pid
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [own])


KINDS = {"log": keep_advancing, "writer": keep_writing, "lines": stop_at_lines}

if __name__ == "__main__":
    kind, name, number = sys.argv[1:]
    KINDS[kind](Path(name), int(number))
