"""The embedded PostgreSQL: any path, any user, any way of ending before."""

import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from governance import embedded

AS_ROOT = os.geteuid() == 0
DAEMON = 1  # uid of a stranger who exists on every Debian


@pytest.fixture
def data(tmp_path):
    """Name a data directory below a path of more than 150 characters with a space."""
    deep = tmp_path / "a clone" / ("d" * 150) / "var"
    yield deep / "postgres"
    embedded.stop(deep / "postgres")


def ask(dsn: str, query: str = "SELECT current_user") -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def server_of(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split("\n", 1)[0])


def test_long_path_with_a_space_below_a_private_directory(data):
    data.parents[3].chmod(0o700)
    dsn = embedded.start(data, fsync=False)
    assert dsn == embedded.dsn_for(data)
    assert ask(dsn) == "freigabe"
    assert ask(dsn, "SHOW listen_addresses") == ""
    assert ask(dsn, "SELECT 'Z' < 'a' AND lower('Ä') = 'ä'") is True
    assert data.parents[3].stat().st_mode & 0o777 == 0o700
    embedded.stop(data)
    assert not embedded.is_running(data)
    with pytest.raises(psycopg.OperationalError):
        ask(dsn)


def test_application_has_no_superuser_rights(data):
    dsn = embedded.start(data, fsync=False)
    query = "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE "
    assert ask(dsn, query + "rolname = current_user") is False


def test_data_outlives_a_killed_server(data):
    dsn = embedded.start(data)
    with psycopg.connect(embedded.dsn_for(data, user="postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.execute("GRANT SELECT ON kept TO freigabe")
    os.kill(server_of(data), signal.SIGKILL)
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: _start_again(data), range(2))
    assert first == second == dsn
    assert ask(dsn, "SELECT answer FROM kept") == 42


def _start_again(data: Path) -> str:
    """Start as patiently as a person: the dead server's children need a moment."""
    for _ in range(50):
        try:
            return embedded.start(data)
        except embedded.EmbeddedFailure:
            time.sleep(0.1)
    return embedded.start(data)


def test_pid_file_naming_a_stranger_does_not_block_the_start(data):
    embedded.start(data, fsync=False)
    pid_file = data / "postmaster.pid"
    left_over = pid_file.read_text()
    pid = left_over.split("\n", 1)[0]
    embedded.stop(data)
    stranger = subprocess.Popen(
        ["/bin/sleep", "60"], user=data.stat().st_uid if AS_ROOT else None
    )
    try:
        pid_file.write_text(left_over.replace(pid, str(stranger.pid), 1))
        assert not embedded.is_running(data)
        assert ask(embedded.start(data, fsync=False)) == "freigabe"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_interrupted_first_start_is_repeated(data):
    unfinished = data.with_name("postgres.new")
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    assert ask(embedded.start(data, fsync=False)) == "freigabe"


def test_socket_directory_of_somebody_else_is_refused(data, tmp_path):
    elsewhere = tmp_path / "trap"
    elsewhere.mkdir()
    data.parent.mkdir(parents=True)
    trap = embedded._socket_path(data)
    trap.symlink_to(elsewhere)
    try:
        with pytest.raises(embedded.EmbeddedFailure, match="somebody else"):
            embedded.start(data, fsync=False)
        assert list(elsewhere.iterdir()) == []
    finally:
        trap.unlink()


@pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")
def test_another_user_of_the_machine_cannot_connect(data):
    dsn = embedded.start(data, fsync=False)
    embedded._socket_path(data).chmod(0o755)
    os.seteuid(DAEMON)
    try:
        with pytest.raises(psycopg.OperationalError, match="Peer authentication"):
            ask(dsn)
    finally:
        os.seteuid(0)
    assert ask(dsn) == "freigabe"
