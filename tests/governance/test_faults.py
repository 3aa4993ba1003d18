"""Something breaks: never an allow, a clear 503 or denial, and no hang above 5 s."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from django.utils import timezone

from audits.keys import new_key_file
from audits.models import Verification
from governance import embedded
from governance.gate.migrated import LOOK_AGAIN_SECONDS
from tests.conftest import VAR
from tests.governance.callers import PROBLEM
from tests.governance.faulty import BODY, Bank, bank


@pytest.fixture(scope="module")
def bank_at_work(django_db_setup, django_db_blocker) -> Iterator[Bank]:
    """One bank for all faults: each test mends what it broke."""
    with bank(VAR / "faults", django_db_blocker.unblock) as made:
        yield made


@pytest.fixture
def whole(bank_at_work: Bank) -> Iterator[Bank]:
    """A bank that permits before the fault, and permits again after it."""
    assert_allowed(bank_at_work.ask())
    yield bank_at_work
    assert_allowed(bank_at_work.ask())


def assert_allowed(answer: requests.Response) -> None:
    assert answer.status_code == 200, answer.text
    denied = [c for c in answer.json()["checks"] if not c["passed"]]
    assert answer.json()["decision"] == "allow", denied


def assert_unavailable(answer: requests.Response) -> None:
    """503, told as a problem, and nothing that could be taken for a permit."""
    assert answer.status_code == 503, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == PROBLEM
    assert int(answer.headers["Retry-After"]) > 0
    assert set(answer.json()) == {"type", "title", "status", "detail"}
    assert answer.json()["status"] == 503
    assert "payload" not in answer.text


def assert_denied(answer: requests.Response, check: str) -> None:
    """A recorded denial whose only failing check says why, and who does what next."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    failing = [c for c in body["checks"] if not c["passed"]]
    assert (body["decision"], body["permit"]) == ("deny", None)
    assert [c["requirement"] for c in failing] == [check]
    assert failing[0]["observed"]
    assert failing[0]["next_step"]


def test_postgresql_gone_before_the_decision(whole):
    before = whole.decisions()
    with whole.gone():
        with ThreadPoolExecutor(4) as clients:
            asked = [clients.submit(whole.ask) for _ in range(2)]
            asked += [clients.submit(whole.look) for _ in range(2)]
        for answer in asked:
            assert_unavailable(answer.result())
        ready = whole.call("GET", "health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        assert whole.call("GET", "health/live").status_code == 200
        keys = requests.get(f"{whole.url}/.well-known/freigabe/keys.json", timeout=5)
        assert keys.status_code == 503
    assert whole.decisions() == before


def test_postgresql_gone_in_the_format_that_was_asked_for(whole):
    with whole.gone(), ThreadPoolExecutor(4) as clients:
        asked = {
            format: clients.submit(whole.look, format=format)
            for format in ("text", "sarif", "junit")
        }
    for format in ("sarif", "junit"):
        assert_unavailable(asked[format].result())
    told = asked["text"].result()
    assert told.status_code == 503
    assert told.headers["Content-Type"].startswith("text/plain")
    assert told.text.startswith("Not available: ")


def test_postgresql_killed_during_the_decision(whole):
    before = whole.decisions()
    head = int((whole.data / "postmaster.pid").read_text().split("\n", 1)[0])
    with ThreadPoolExecutor(1) as clients:
        try:
            with whole.locked():
                asked = clients.submit(whole.ask)
                whole.wait_until_one_waits()
                os.kill(head, signal.SIGQUIT)
                assert_unavailable(asked.result())
        except Exception as error:  # noqa: BLE001 - the holder's connection dies too
            assert "connection" in str(error) or "terminat" in str(error), error
        else:
            pytest.fail("The server was not killed.")
    assert embedded._gone(head, 20)
    whole.start()
    assert whole.decisions() == before


def test_postgresql_silent_before_the_decision(whole):
    before = whole.decisions()
    with whole.silent():
        for _turn in range(2):
            with ThreadPoolExecutor(4) as clients:
                asked = [clients.submit(whole.ask) for _ in range(4)]
            for answer in asked:
                assert_unavailable(answer.result())
        assert whole.call("GET", "health/ready").status_code == 503
    assert whole.decisions() == before


def test_postgresql_silent_during_the_decision(whole):
    before = whole.decisions()
    with ThreadPoolExecutor(1) as clients, whole.locked():
        asked = clients.submit(whole.ask)
        whole.wait_until_one_waits()
        with whole.silent():
            assert_unavailable(asked.result())
    assert whole.decisions() == before


def test_a_table_that_somebody_holds(whole):
    before = whole.decisions()
    with whole.locked():
        assert_unavailable(whole.ask())
    assert whole.decisions() == before


def test_a_table_that_the_doors_of_servers_and_the_way_back_wait_for(whole):
    with whole.locked("governance_forge"):
        assert_unavailable(whole.call("POST", "forges/our-github/events", json={}))
    back = "models/mortgage-approval/rollbacks?environment=production"
    with whole.locked("registry_deployment"):
        assert_unavailable(whole.call("GET", back))


def test_a_commit_whose_answer_is_lost_gives_no_permit_and_its_key_gives_the_decision(
    whole,
):
    """A standby that must confirm is gone: PostgreSQL commits, and never says so."""
    before, name = whole.decisions(), str(uuid.uuid4())
    with whole.superuser() as database:
        database.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
        database.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)
        try:
            assert_unavailable(whole.ask(**{"Idempotency-Key": name}))
        finally:
            database.execute("ALTER SYSTEM RESET synchronous_standby_names")
            database.execute("SELECT pg_reload_conf()")
    time.sleep(0.5)
    again = whole.ask(**{"Idempotency-Key": name})
    assert_allowed(again)
    assert whole.decisions() == before + 1


def test_postgresql_with_a_full_disk(whole, tmp_path, request):
    """What is answered is recorded: where no record fits there is no answer."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = [
        "/bin/mount",
        "-t",
        "tmpfs",
        "-o",
        "size=5m,mode=0777",
        "tmpfs",
        str(disk),
    ]
    if subprocess.run(mounted, capture_output=True, check=False).returncode != 0:
        pytest.skip("Only root may mount a disk of 5 MB.")
    unmount = ["/bin/umount", "--lazy", str(disk)]
    request.addfinalizer(lambda: subprocess.run(unmount, check=False))
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    place = disk / "tables"
    place.mkdir(mode=0o700)
    owner = whole.data.stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    before, filler = whole.decisions(), disk / "filler"
    with whole.superuser() as database:
        database.execute(f"CREATE TABLESPACE tiny LOCATION '{place}'")
        try:
            database.execute("ALTER TABLE governance_gatedecision SET TABLESPACE tiny")
            fill(filler)
            said = [whole.ask() for _ in range(30)]
            refused = [answer for answer in said if answer.status_code != 200]
            assert refused
            for answer in refused:
                assert_unavailable(answer)
            assert whole.decisions() == before + len(said) - len(refused)
            filler.unlink()
            assert_allowed(whole.ask())
        finally:
            filler.unlink(missing_ok=True)
            database.execute(
                "ALTER TABLE governance_gatedecision SET TABLESPACE pg_default"
            )
            database.execute("DROP TABLESPACE tiny")


def fill(path: Path) -> None:
    """Write until no byte more goes in."""
    with path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


@pytest.mark.parametrize("listening", [False, True], ids=["gone", "silent"])
def test_the_broker_gone_or_silent_stops_no_decision_and_no_work(whole, listening):
    with socket.socket() as broker:
        broker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        broker.bind(("127.0.0.1", whole.broker))
        if listening:
            broker.listen()
        assert_allowed(whole.ask())
        answer = whole.call(
            "POST",
            "models/mortgage-approval/versions/1/evidence-runs",
            who="vera",
            json={"kind": "performance", "dataset": "applications"},
        )
    assert answer.status_code in (200, 201, 202), answer.text


def test_no_worker_and_no_clock_until_the_verification_is_too_old(whole):
    """None runs here at all. The gate decides on, a day at most."""
    old = "UPDATE audits_verification SET ran_at = ran_at {} interval '25 hours'"
    with whole.tampered("audits_verification", old.format("-"), old.format("+")):
        assert_denied(whole.ask(), "gate-log")


def test_a_log_that_does_not_hold(whole):
    now = timezone.now()
    Verification.objects.create(
        ran_at=now, ok=False, size=1, findings=["torn"], not_covered=[]
    )
    assert_denied(whole.ask(), "gate-log")
    later = timezone.now()
    Verification.objects.create(
        ran_at=later, ok=True, size=1, findings=[], not_covered=[]
    )


def test_a_clock_behind_the_last_checkpoint(whole):
    ahead = "UPDATE audits_checkpoint SET created_at = created_at {} interval '1 hour'"
    with whole.tampered("audits_checkpoint", ahead.format("+"), ahead.format("-")):
        assert_denied(whole.ask(), "gate-clock")


@pytest.mark.parametrize("how", ["vanished", "unreadable", "replaced", "torn", "open"])
def test_the_key_file(whole, how):
    file = whole.keys / "gate.pem"
    kept = file.with_name("kept")
    file.rename(kept)
    try:
        if how == "replaced":
            new_key_file(file)
        elif how != "vanished":
            content = kept.read_bytes()
            file.write_bytes(content[:40] if how == "torn" else content)
            file.chmod({"unreadable": 0, "open": 0o666}.get(how, 0o600))
        assert_denied(whole.ask(), "gate-key")
        assert whole.look().status_code == 403
        assert whole.call("GET", "health/ready").status_code == 503
    finally:
        kept.replace(file)


def test_half_a_migration(whole):
    with whole.superuser() as database:
        row = database.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM "
            "django_migrations WHERE app = 'governance') RETURNING *"
        ).fetchone()
        try:
            time.sleep(LOOK_AGAIN_SECONDS)
            before = whole.decisions()
            for answer in (whole.ask(), whole.look()):
                assert_unavailable(answer)
                assert "manage.py migrate" in answer.json()["detail"]
                assert row[2] in answer.json()["detail"]
            assert whole.call("GET", "health/ready").status_code == 503
            assert whole.decisions() == before
        finally:
            database.execute(
                "INSERT INTO django_migrations VALUES (%s, %s, %s, %s)", row
            )


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("governance_gatedecision", "svr"),
        ("governance_authorisation", "valid_until"),
        ("audits_verification", "ok"),
    ],
)
def test_a_column_that_is_missing(whole, table, column):
    with whole.superuser() as database:
        database.execute(f"ALTER TABLE {table} RENAME {column} TO gone")
        try:
            # What was judged a moment ago rests on no such look.
            assert_unavailable(whole.ask())
        finally:
            database.execute(f"ALTER TABLE {table} RENAME gone TO {column}")


def test_answers_of_every_fault_were_no_surprise_to_us(bank_at_work):
    """No 500 was told and no exception went past the doors."""
    told = (bank_at_work.var / "web.log").read_text()
    assert "Internal Server Error" not in told
    assert json.dumps(BODY) not in told
