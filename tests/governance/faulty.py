"""A bank whose web process and PostgreSQL are real, and can be broken and mended."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from audits import log, verification
from governance import access, approvals, embedded
from governance.signatures import Proof
from registry.models import Role
from tests import template
from tests.world import NOW, PASSWORD, World

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 5.0  # issue 6: no hang above
BODY = {"model": "mortgage-approval", "version": "1", "environment": "production"}


@dataclass
class Bank:
    """An approved version, a web process, and the PostgreSQL that only it uses."""

    data: Path
    var: Path
    name: str
    broker: int
    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    web: subprocess.Popen[bytes] | None = None

    @property
    def keys(self) -> Path:
        """The folder of the keys."""
        return self.var / "keys"

    def superuser(self) -> psycopg.Connection[Any]:
        """A connection that may do everything."""
        dsn = embedded.dsn_for(self.data, user="postgres", database=self.name)
        return psycopg.connect(dsn, autocommit=True)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """One call; fails when the answer takes longer than it may."""
        who = more.pop("who", "ci")
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        began = time.monotonic()
        answer = requests.request(
            method,
            f"{self.url}/api/v1/{path}",
            headers=headers | more.pop("headers", {}),
            timeout=30,
            **more,
        )
        taken = time.monotonic() - began
        assert taken < LONGEST_SECONDS, (path, taken, answer.status_code, answer.text)
        return answer

    def ask(self, **headers: str) -> requests.Response:
        """The gate's question of a pipeline."""
        return self.call("POST", "gate/decisions", json=BODY, headers=headers)

    def look(self, **more: str) -> requests.Response:
        """The same as curl asks it."""
        return self.call("GET", "gate", params=BODY | more)

    def decisions(self, *, allowed: bool = True) -> int:
        """How many decisions stand in the record."""
        with self.superuser() as database:
            found = database.execute(
                "SELECT count(*) FROM governance_gatedecision WHERE allowed = %s",
                [allowed],
            ).fetchone()
        assert found is not None
        return int(found[0])

    def start(self) -> None:
        """Start PostgreSQL; the web process may not pass by the mode of its socket."""
        embedded.start(self.data, fsync=False)
        embedded._socket_path(self.data).chmod(0o711)

    @contextmanager
    def gone(self) -> Iterator[None]:
        """PostgreSQL is stopped."""
        embedded.stop(self.data)
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """PostgreSQL takes connections and says nothing: every process stands still."""
        head = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        # The head first: it starts no more of them then, and buries none.
        os.kill(head, signal.SIGSTOP)
        stopped = [head]
        try:
            while fields(head)[0] != "T":
                time.sleep(0.01)
            for number in children(head):
                os.kill(number, signal.SIGSTOP)
                stopped.append(number)
            yield
        finally:
            for number in reversed(stopped):
                os.kill(number, signal.SIGCONT)

    @contextmanager
    def locked(self, table: str = "governance_gatedecision") -> Iterator[None]:
        """Somebody holds a table, as ALTER TABLE would: decisions stop half-way."""
        with self.superuser() as holder, holder.transaction():
            holder.execute(f"LOCK TABLE {table}")  # noqa: S608
            yield

    def wait_until_one_waits(self) -> None:
        """Until a decision stands before a lock."""
        with self.superuser() as database:
            for _ in range(200):
                found = database.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                    "AND usename = 'freigabe'"
                ).fetchone()
                if found:
                    return
                time.sleep(0.02)
        pytest.fail("No decision waits for the lock.")

    @contextmanager
    def tampered(self, table: str, there: str, back: str) -> Iterator[None]:
        """A statement past all triggers, and the one that takes it back."""
        with self.superuser() as database:
            for statement in (f"ALTER TABLE {table} DISABLE TRIGGER USER", there):
                database.execute(statement)
            try:
                yield
            finally:
                for statement in (back, f"ALTER TABLE {table} ENABLE TRIGGER USER"):
                    database.execute(statement)


def children(parent: int) -> list[int]:
    """The processes that this one started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            its_parent = int(fields(int(folder.name))[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if its_parent == parent:
            found.append(int(folder.name))
    return found


def fields(number: int) -> list[str]:
    """What the kernel says of a process after its name: state, parent (proc(5))."""
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def bank(var: Path, unblock: Callable[[], Any], *, workers: int = 1) -> Iterator[Bank]:
    """Copy the migrated PostgreSQL of the day, play the approval, start the server."""
    data = var / "postgres"
    if os.environ.get("DATABASE_URL"):
        pytest.skip("The faults need a PostgreSQL of their own; DATABASE_URL is set.")
    _copy_to(data)
    made = Bank(data, var, str(connection.settings_dict["NAME"]), _free_port())
    try:
        made.start()
        with made.superuser() as database:
            # Only what was confirmed may count; the server of tests confirms nothing.
            database.execute("ALTER ROLE freigabe SET synchronous_commit = on")
        with pytest.MonkeyPatch.context() as patch, unblock():
            _turn_to(made, patch)
            _play(made)
            connections.close_all()
            made.url = f"http://127.0.0.1:{_free_port()}"
            _serve(made, workers)
            yield made
            connections.close_all()
    finally:
        if made.web is not None:
            made.web.send_signal(signal.SIGINT)
            made.web.wait(40)
        embedded.destroy(data)
        # Its keys remember a log that is gone.
        shutil.rmtree(var, ignore_errors=True)


def _copy_to(data: Path) -> None:
    """The files of the server that this session migrated, or copied itself."""
    with template._alone():
        kept = max(template.KEPT.glob("*/PG_VERSION"), key=os.path.getctime).parent
        data.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["/bin/cp", "-a", str(kept), str(data)], check=True)


def _turn_to(bank: Bank, patch: pytest.MonkeyPatch) -> None:
    """Acts of the test itself write into the bank's database, with the bank's keys."""
    connection.close()
    host = str(embedded._socket_path(bank.data))
    for alias in ("default", settings.FREIGABE_OWNER_ALIAS):
        patch.setitem(connections[alias].settings_dict, "HOST", host)
    patch.setitem(
        connections[settings.FREIGABE_OWNER_ALIAS].settings_dict, "NAME", bank.name
    )
    patch.setattr(settings, "FREIGABE_KEYS_DIR", bank.keys)
    patch.setattr(settings, "FREIGABE_LOG_ORIGIN", "test.local/faults")


def _play(bank: Bank) -> None:
    world = World()
    version = world.ready()
    request = approvals.submit(
        version=version, environment=world.production, by=world.anna, at=NOW
    )
    for who, meaning in ((world.vera, "review"), (world.carl, "approval")):
        approvals.sign(
            request=request,
            meaning=meaning,
            proof=Proof(password=PASSWORD),
            by=who,
            at=timezone.now(),
        )
    log.advance(at=timezone.now())
    verification.run_and_record(at=timezone.now())
    system = access.system_user()
    for name, who in (("ci", {"role": Role.CI}), ("vera", {"user": world.vera})):
        _token, bank.tokens[name] = access.issue_token(
            name=name, by=system, at=timezone.now(), **who
        )


def _serve(bank: Bank, workers: int) -> None:
    """Start the web process and wait until it can decide."""
    port = bank.url.rpartition(":")[2]
    # Without these two even root may read only what the mode of a file lets it read.
    weaker = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]
    command = weaker if os.geteuid() == 0 else []
    command += [sys.executable, "-m", "gunicorn", "governance.wsgi"]
    command += ["--worker-class", "gthread", "--workers", str(workers)]
    command += ["--threads", "4"]
    command += ["--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    with (bank.var / "web.log").open("ab") as told:
        bank.web = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": embedded.dsn_for(bank.data, database=bank.name),
                "FREIGABE_VAR": str(bank.var),
                "FREIGABE_LOG_ORIGIN": "test.local/faults",
                "CELERY_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{bank.broker}//",
            },
            stdout=told,
            stderr=subprocess.STDOUT,
        )
    said = ""
    for _ in range(300):
        try:
            answer = requests.get(f"{bank.url}/api/v1/health/ready", timeout=60)
            if answer.ok:
                return
            said = answer.text
            break
        except requests.ConnectionError:
            time.sleep(0.1)
    pytest.fail(said + (bank.var / "web.log").read_text()[-3000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
