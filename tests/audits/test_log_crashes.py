"""kill -9 of everything: no fork, no gap, no committed change lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections

from audits import log, merkle, note
from audits.models import Checkpoint, Entry, Leaf, Sequencer
from governance import embedded
from tests.audits import racing
from tests.audits.ledger import NOW, add_user, checked

ROWS = 6  # as of victims.py
ROUNDS = [
    pytest.param(3, id="bounded"),
    pytest.param(50, marks=pytest.mark.soak, id="soak"),
]
STRIDES = [
    pytest.param(37, id="bounded"),
    pytest.param(1, marks=pytest.mark.soak, id="soak"),
]


@contextmanager
def _victim(kind: str, file: Path, seed: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Start a process of victims.py with the keys beside `file`; kill it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.audits.victims", kind, str(file), str(seed)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"FREIGABE_VAR": str(file.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _require_no_fork(notes: list[str]) -> None:
    """Every note is signed, and every signed tree is a prefix of the leaves there are.

    The leaves are folded here once, from their entries: nothing stored is trusted.
    """
    verifier = note.parse_vkey(log.signer(create=False).vkey)
    signed = {
        item.size: item for item in (note.open_checkpoint(n, verifier) for n in notes)
    }
    tree, roots = merkle.CompactRange(), {}
    for body in Entry.objects.order_by("entry_id").values_list("body", flat=True):
        tree.append(merkle.leaf_hash(body.encode()))
        if tree.size in signed:
            roots[tree.size] = tree.root()
    assert {size: item.root for size, item in signed.items()} == roots


@pytest.mark.timeout(900)
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("what", ["process", "connection"])
def test_the_log_survives_its_end_at_any_line(written_log, tmp_path, stride, what):
    """The integrator and signer die, or lose PostgreSQL, at line after line."""
    notes, sign = [], 1 if what == "process" else -1
    ended, line = {}, 1
    with _victim("lines", tmp_path / "unused") as child:
        while ended.get(line - stride) != 0:
            add_user(f"before-line-{line}")
            child.stdin.write(f"{sign * line}\n")
            child.stdin.flush()
            ended[line] = int(child.stdout.readline())
            notes.append(log.signer().remembered())
            state = Sequencer.objects.get()
            assert state.tree_size == Leaf.objects.count()
            assert notes[-1].size <= state.tree_size, "signed what is not committed"
            log.advance(at=NOW)  # whatever was left half done
            line += stride
    deaths = {code for code in ended.values() if code}
    assert deaths - {5} == ({-signal.SIGKILL} if what == "process" else {9})
    assert line > 100, "an advance of the log has more lines than that"
    racing.require_whole()
    stored = Checkpoint.objects.values_list("note", flat=True)
    _require_no_fork(list(stored))
    assert all(log.root_at(size=item.size) == item.root for item in notes)
    assert checked().ok


@pytest.fixture
def own_server(tmp_path, monkeypatch, django_db_blocker) -> Iterator[Path]:
    """Start a PostgreSQL that may be killed: on its disk, with fsync, with a race."""
    data = tmp_path / "postgres"
    application = embedded.start(data)
    owner = embedded.dsn_for(data, user="freigabe_owner")
    for name, value in (
        ("DATABASE_URL", application),
        ("FREIGABE_OWNER_URL", owner),
        ("FREIGABE_VAR", str(tmp_path)),
        ("FREIGABE_LOG_ORIGIN", "test.local/crashes"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(settings, "FREIGABE_KEYS_DIR", tmp_path / "keys")
    monkeypatch.setattr(settings, "FREIGABE_LOG_ORIGIN", "test.local/crashes")
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"],
        cwd=settings.BASE_DIR,
        check=True,
    )
    host = psycopg.conninfo.conninfo_to_dict(application)["host"]
    with django_db_blocker.unblock():
        connections.close_all()
        for alias in (settings.FREIGABE_OWNER_ALIAS, "default"):
            for name, value in (("HOST", host), ("NAME", "freigabe")):
                monkeypatch.setitem(connections[alias].settings_dict, name, value)
        racing.make_table(rows=ROWS)
        yield data
        connections.close_all()
    embedded.destroy(data)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_killed_at_random_there_is_no_fork_no_gap_and_nothing_lost(
    own_server, tmp_path, rounds
):
    """Two clocks, three writers (one that does not wait for the disk), one server."""
    seed = random.randrange(10**6) if rounds > 3 else 3  # noqa: S311 - no secret
    chance = random.Random(seed)  # noqa: S311 - no secret depends on it
    published = [tmp_path / f"published-{i}" for i in range(2)]
    told = [tmp_path / f"told-{i}" for i in range(3)]
    jobs = [("log", file, i) for i, file in enumerate(published)]
    jobs += [("writer", file, i) for i, file in enumerate(told)]
    for file in (*published, *told):
        file.touch()
    running = [_start(job) for job in jobs]
    try:
        _wait_for(published, told)
        kinds = ["process", "backend", "server", "immediate"]
        for round_ in range(rounds):
            time.sleep(chance.random() * 0.5)
            if round_ < 3:  # each kind at least once
                _kill(
                    ("process", "backend", "server")[round_],
                    chance,
                    running,
                    own_server,
                )
            else:
                _kill(chance.choice(kinds), chance, running, own_server)
            for i, job in enumerate(jobs):
                if running[i].poll() is not None:
                    running[i].wait()
                    running[i] = _start(job)
            _wait_for_more((*published, *told))
        # On a busy machine the rounds are over before much was done.
        _until(lambda: _lines(published) > 2 * rounds and _lines(told) > 30)
    finally:
        for child in running:
            child.kill()
            child.wait()
    log.advance(at=NOW)
    lines = [json.loads(n) for file in published for n in file.read_text().splitlines()]
    assert [item for item in lines if isinstance(item, dict)] == [], f"seed {seed}"
    assert len(lines) > 2 * rounds
    _require_no_fork(lines)
    _require_no_fork(list(Checkpoint.objects.values_list("note", flat=True)))
    racing.require_whole()
    _require_nothing_lost(told)
    verdict = checked()
    assert verdict.ok, (seed, verdict.findings)


def _require_nothing_lost(told: list[Path]) -> None:
    """What was confirmed is in the log; the log tells exactly what the table shows."""
    confirmed = {
        tuple(json.loads(text))
        for file in told
        for text in file.read_text().splitlines()
    }
    changes = racing.logged_changes()
    logged = {(int(key), n) for op, key, n in changes if op == "U"}
    assert len(confirmed) > 20
    assert confirmed <= logged
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, n FROM race ORDER BY id")
        live = dict(cursor.fetchall())
    racing.require_complete(
        [("U", str(key), n) for key, top in live.items() for n in range(1, top + 1)]
    )


def _start(job: tuple[str, Path, int]) -> subprocess.Popen[bytes]:
    kind, file, seed = job
    with (file.parent / f"{file.name}.err").open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.audits.victims", kind, str(file), str(seed)],
            cwd=settings.BASE_DIR,
            stderr=errors,
        )


def _kill(
    kind: str,
    chance: random.Random,
    running: list[subprocess.Popen[bytes]],
    data: Path,
) -> None:
    """kill -9 a process, a backend, or the server as a whole; then start it again."""
    server = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    if kind == "process":
        for child in chance.sample(running, chance.randint(1, 3)):
            child.kill()
            child.wait()
    elif kind == "backend":
        # One dead backend makes the server end all others, and recover.
        os.kill(chance.choice(_backends(data)), signal.SIGKILL)
    else:
        os.kill(server, signal.SIGQUIT if kind == "immediate" else signal.SIGKILL)
        connection.close()
        with suppress(ChildProcessError):
            embedded._launched[server].wait()
        _start_again(data, server)


def _backends(data: Path) -> list[int]:
    """Return the processes that serve clients; the server may still be recovering."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND pid <> pg_backend_pid()"
    )
    for _ in range(200):
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(embedded.dsn_for(data, user="postgres")) as own,
        ):
            found = [pid for (pid,) in own.execute(query).fetchall()]
            if found:
                return found
        time.sleep(0.05)
    pytest.fail("Nobody is connected.")


def _start_again(data: Path, former: int) -> None:
    """Start the server; its last backends may still hold the memory for a moment."""
    for _ in range(100):
        time.sleep(0.05)
        with suppress(embedded.EmbeddedFailure):
            embedded.start(data)
            if int((data / "postmaster.pid").read_text().split("\n", 1)[0]) != former:
                return
    pytest.fail("PostgreSQL did not start again.")


def _wait_for(*groups: list[Path]) -> None:
    _until(lambda: all(any(f.stat().st_size for f in group) for group in groups))


def _wait_for_more(files: tuple[Path, ...]) -> None:
    """Go on when somebody has signed and somebody has written since the kill."""
    since = [len(file.read_bytes()) for file in files]

    def grown(part: slice) -> bool:
        now = [len(file.read_bytes()) for file in files[part]]
        return any(new > old for new, old in zip(now, since[part], strict=True))

    _until(lambda: grown(slice(0, 2)) and grown(slice(2, None)))


def _lines(files: list[Path]) -> int:
    return sum(file.read_bytes().count(b"\n") for file in files)


def _until(true) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "nothing goes on"
        time.sleep(0.02)
