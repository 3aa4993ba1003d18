"""Many writers at once: nothing is lost, doubled or out of order; nobody waits."""

import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection

from audits import integration, log
from audits.models import Checkpoint, Entry, Leaf, Sequencer
from tests.audits import racing
from tests.audits.ledger import NOW, checked

SECONDS = [
    pytest.param(4, id="bounded"),
    pytest.param(60, marks=pytest.mark.soak, id="soak"),
]


@contextmanager
def _busy_elsewhere(dsn: str):
    """Hold transactions open in another database of the same server."""
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(dsn, dbname="postgres") as other:
            while not stop.is_set():
                other.execute("SELECT pg_current_xact_id()")
                stop.wait(0.4)
                other.rollback()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", SECONDS)
def test_sixteen_writers_lose_nothing_and_keep_each_rows_order(written_log, seconds):
    racing.make_table()
    sizes = []

    def advance() -> None:
        signed = log.advance(at=NOW, wait_seconds=30)
        sizes.append((signed.tree_size, bytes(signed.root_hash)))

    with _busy_elsewhere(written_log.dsn):
        result = racing.race(written_log.dsn, seconds, 16, advance)
        log.advance(at=NOW)
    racing.require_complete(result.committed)
    racing.require_whole()
    assert len(result.committed) > 100 * seconds
    assert len({key for _, key, _ in result.committed}) > 20
    assert sizes == sorted(sizes)
    assert all(log.root_at(size=size) == root for size, root in sizes)
    verdict = checked()
    assert verdict.ok, verdict.findings


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seconds", SECONDS)
def test_signers_and_integrators_at_once_never_contradict_each_other(
    written_log, seconds
):
    """The clock, a page that waits for its proof, a dossier: all advance the log."""
    racing.make_table()
    failures: list[Exception] = []
    stop = threading.Event()

    def advance() -> None:
        try:
            while not stop.is_set():
                log.advance(at=NOW, wait_seconds=30)
        except Exception as error:  # noqa: BLE001 - the test raises it again
            failures.append(error)
        finally:
            connection.close()

    others = [threading.Thread(target=advance) for _ in range(3)]
    for other in others:
        other.start()
    result = racing.race(
        written_log.dsn, min(seconds, 20) / 2, 6, lambda: time.sleep(0.05)
    )
    stop.set()
    for other in others:
        other.join()
    if failures:
        raise failures[0]
    log.advance(at=NOW)
    racing.require_complete(result.committed)
    racing.require_whole()
    assert Checkpoint.objects.count() > 2
    assert checked().ok


def test_a_signer_overtaken_by_another_raises_no_false_alarm(written_log, monkeypatch):
    """Between its look at the tree and its signature, another signs a larger tree."""
    racing.make_table()
    log.advance(at=NOW)
    make_signer, overtaken = log.signer, []

    def sign_a_larger_tree_first(**options):
        if not overtaken:
            overtaken.append(True)
            thread = threading.Thread(target=write_and_advance)
            thread.start()
            thread.join()
        return make_signer(**options)

    def write_and_advance() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE race SET n = n + 1 WHERE id = 1")
        overtaken.append(log.advance(at=NOW).tree_size)
        connection.close()

    monkeypatch.setattr(log, "signer", sign_a_larger_tree_first)
    assert log.checkpoint(at=NOW).tree_size <= overtaken[1]
    assert Checkpoint.objects.count() == 3


def _open(dsn: str, name: str = "") -> psycopg.Connection:
    return psycopg.connect(dsn, application_name=name or "test")


def test_an_entry_drawn_before_and_committed_after_a_later_one_is_waited_for(
    written_log,
):
    """`id > last` would lose it: the later entry is visible first."""
    racing.make_table()
    log.advance(at=NOW)
    size = Leaf.objects.count()
    with _open(written_log.dsn) as early, _open(written_log.dsn) as late:
        early.execute("UPDATE race SET n = n + 1 WHERE id = 1")
        late.execute("UPDATE race SET n = n + 1 WHERE id = 2")
        late.commit()
        with pytest.raises(integration.Lagging):
            log.integrate(wait_seconds=0.1)
        assert Leaf.objects.count() == size
        early.commit()
    assert log.integrate(wait_seconds=5).added == 2
    racing.require_complete([("U", "1", 1), ("U", "2", 1)])
    racing.require_whole()


def test_the_order_of_one_row_survives_transactions_that_overlap(written_log):
    """`xid < xmin` would turn two changes of a row round (log.md 2.1)."""
    racing.make_table()
    log.advance(at=NOW)
    with (
        _open(written_log.dsn) as second,
        _open(written_log.dsn) as idle,
        _open(written_log.dsn) as first,
    ):
        second.execute("SELECT pg_current_xact_id()")
        idle.execute("SELECT pg_current_xact_id()")
        first.execute("UPDATE race SET n = n + 1 WHERE id = 1")
        first.commit()
        second.execute("UPDATE race SET n = n + 1 WHERE id = 1")
        second.commit()
        with pytest.raises(integration.Lagging):
            log.integrate(wait_seconds=0.1)
        idle.rollback()
    assert log.integrate(wait_seconds=5).added == 2
    racing.require_complete([("U", "1", 1), ("U", "1", 2)])


def test_a_transaction_that_begins_at_the_fence_is_left_for_the_next_time(
    written_log, monkeypatch
):
    """It writes between the last id and the fence: later, whole, in order."""
    racing.make_table()
    log.advance(at=NOW)
    position = integration._position

    with _open(written_log.dsn) as writer, _open(written_log.dsn) as other:

        def then_somebody_writes(cursor):
            found = position(cursor)
            other.execute("UPDATE race SET n = n + 1 WHERE id = 1")
            other.commit()
            return found

        writer.execute("UPDATE race SET n = n + 1 WHERE id = 2")
        writer.commit()
        monkeypatch.setattr(integration, "_position", then_somebody_writes)
        assert log.integrate(wait_seconds=5).added == 1
        monkeypatch.undo()
    assert log.integrate(wait_seconds=5).added == 1
    racing.require_complete([("U", "2", 1), ("U", "1", 1)])
    racing.require_whole()


def test_rolled_back_entries_leave_holes_in_the_ids_and_none_in_the_tree(written_log):
    racing.make_table()
    with _open(written_log.dsn) as writer:
        for n in range(1, 6):
            writer.execute("UPDATE race SET n = n + 1 WHERE id = 1")
            writer.rollback()
            writer.execute("UPDATE race SET n = n + 1 WHERE id = 1")
            writer.commit()
            assert n
        writer.execute("UPDATE race SET n = n + 1 WHERE id = 1")
        writer.rollback()
    log.advance(at=NOW)
    racing.require_complete([("U", "1", n) for n in range(1, 6)])
    racing.require_whole()
    done = Sequencer.objects.get().done_entry_id
    assert done == Leaf.objects.order_by("leaf_index").last().entry_id + 1
    assert log.integrate().added == 0


def test_writers_do_not_wait_for_the_integrator(written_log):
    """It holds its locks: a writer of the same row commits all the same."""
    racing.make_table()
    log.advance(at=NOW)
    with _open(written_log.dsn) as integrator, _open(written_log.dsn) as writer:
        integrator.execute("SELECT pg_advisory_lock(%s)", [integration.INTEGRATOR_LOCK])
        integrator.execute("SELECT * FROM audits_sequencer FOR UPDATE")
        integrator.execute(
            "INSERT INTO audits_leaf SELECT tree_size, done_entry_id + 1, "
            "sha256('') FROM audits_sequencer"
        )
        writer.execute("SET lock_timeout = '1s'")
        writer.execute("UPDATE race SET n = n + 1 WHERE id = 1")
        writer.commit()
        integrator.rollback()
    log.advance(at=NOW)
    racing.require_complete([("U", "1", 1)])


def test_the_checks_of_this_file_see_a_lost_and_a_reordered_change(written_log):
    """The same laws, broken on purpose: without the fence a change is lost."""
    racing.make_table()
    log.advance(at=NOW)
    with _open(written_log.dsn) as early, _open(written_log.dsn) as late:
        early.execute("UPDATE race SET n = n + 1 WHERE id = 1")
        late.execute("UPDATE race SET n = n + 1 WHERE id = 2")
        late.commit()
        lost = Entry.objects.order_by("entry_id").last().pk - 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(integration, "_pass_fence", lambda *_: None)
            log.integrate()
        early.commit()
    log.advance(at=NOW)
    with pytest.raises(AssertionError, match="not in the log"):
        racing.require_complete([("U", "1", 1), ("U", "2", 1)])
    finding = next(item for item in checked().findings if item.kind == "leaf")
    assert finding.entry == lost
