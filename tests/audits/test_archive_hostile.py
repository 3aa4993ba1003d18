"""Archiving under attack: killed anywhere, crossed by writers and holds, forged."""

import json
import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from audits import archive as archiving
from audits import keeping, log
from audits.archive import CannotArchive, archive
from audits.models import Archive, Entry, Export, Leaf
from audits.verification import verify
from governance import access
from registry.models import User
from tests.audits.ledger import NOW, add_user, behind_triggers
from tests.audits.stretch import END, FIRST, LATER


def _archive() -> Archive:
    by = access.system_user()
    return archive(partition=FIRST, because="Ten years are over.", by=by, at=LATER)


class _Killer:
    """Kills this process before its n-th statement, on whatever connection."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return execute(*arguments)


def archive_and_die(after: int, at: datetime, *, in_detaching: bool) -> None:
    """Archive the first partition, and be killed before the n-th statement.

    That of the whole run, or of the last transaction alone.
    """
    killer = _Killer(after)
    detach = archiving._detach

    def and_die(*arguments: Any) -> None:
        with _watched(killer):
            detach(*arguments)

    with nullcontext() if in_detaching else _watched(killer):
        if in_detaching:
            archiving._detach = and_die
        archive(partition=FIRST, because="x", by=access.system_user(), at=at)


@contextmanager
def _watched(killer: _Killer) -> Iterator[None]:
    wrappers = [connections[name].execute_wrapper(killer) for name in connections]
    for wrapper in wrappers:
        wrapper.__enter__()
    yield
    for wrapper in wrappers:
        wrapper.__exit__(None, None, None)


def _run_and_die(after: int, *, in_detaching: bool = False) -> int:
    """Archive and die in a child with connections of its own; say how it ended."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            archive_and_die(after, LATER, in_detaching=in_detaching)
            code = 0
        except BaseException:  # noqa: BLE001 - a forked child must not return
            traceback.print_exc()
        finally:
            os._exit(code)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in (0, -signal.SIGKILL)
    return ended


def _kill_and_go_on(step: int) -> int:
    """Kill it ever later until it comes through; return how often it was killed."""
    count = Entry.objects.filter(entry_id__lt=END).count()
    kills = 0
    while _run_and_die(kills * step + 5) != 0:
        kills += 1
        attached = Entry.objects.filter(entry_id__lt=END).count()
        assert (attached, Archive.objects.count()) in {(count, 0), (0, 1)}
    assert Archive.objects.count() == 1
    verdict = verify()
    assert verdict.ok, verdict.findings
    carried = Entry.objects.filter(op="U", body__contains='"via": "archive"')
    keys = list(carried.values_list("rel", "pk_text"))
    assert len(keys) == len(set(keys)), "something was carried twice"
    return kills


@pytest.mark.timeout(600)
def test_killed_in_the_middle_it_goes_on(full):
    assert _kill_and_go_on(101) >= 2


@pytest.mark.soak
def test_killed_between_many_statements_it_goes_on(full):
    assert _kill_and_go_on(7) > 20


@pytest.mark.timeout(600)
def test_killed_around_the_detaching_it_is_whole_or_not_at_all(full):
    """The transaction that detaches is killed at each of its statements in turn."""
    before = Entry.objects.filter(entry_id__lt=END).count()
    killed = 0
    for number in range(2, 40, 3):
        if _run_and_die(number, in_detaching=True) == 0:
            break
        killed += 1
        assert Entry.objects.filter(entry_id__lt=END).count() in (before, 0)
        gone = not Entry.objects.filter(entry_id__lt=END).exists()
        assert gone is Archive.objects.exists()
    assert killed >= 2
    verdict = verify()
    assert verdict.ok, verdict.findings


def test_a_hold_that_comes_in_between_keeps_everything(full, monkeypatch):
    sound = archiving._require_sound

    def and_a_hold_is_placed() -> None:
        sound()
        keeping.place_hold(because="Case 1.", by=access.system_user(), at=LATER)

    monkeypatch.setattr(archiving, "_require_sound", and_a_hold_is_placed)
    with pytest.raises((CannotArchive, keeping.UnderLegalHold), match="hold"):
        _archive()
    assert not Archive.objects.exists()
    assert Entry.objects.filter(entry_id__lt=END).exists()
    assert verify().ok


def test_a_hold_on_one_row_of_the_stretch_keeps_all_of_it(full):
    pk = str(User.objects.get(username="ben").pk)
    by = access.system_user()
    keeping.place_hold(because="x", rel="public.registry_user", pk=pk, by=by, at=LATER)
    with pytest.raises(keeping.UnderLegalHold):
        _archive()
    assert not Archive.objects.exists()


def test_writers_in_the_meantime_lose_nothing(full):
    stop, wrote, failed = threading.Event(), [], []

    def write(name: str) -> None:
        number = 0
        while not stop.is_set():
            try:
                user = add_user(f"{name}{number}")
                User.objects.filter(pk=user.pk).update(unit=f"{number}")
                User.objects.filter(username="ben").update(unit=f"{name}{number}")
                wrote.append(str(user.pk))
            except Exception as error:  # noqa: BLE001 - told to the test
                failed.append(error)
            number += 1
        connection.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in ("x", "y")]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            try:
                _archive()
                break
            except CannotArchive as error:
                assert "run it again" in str(error)  # noqa: PT017
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert len(wrote) > 3
    log.advance(at=LATER)
    assert Archive.objects.count() == 1
    for pk in wrote:
        entries = log.entries_for(rel="public.registry_user", pk=pk)
        assert [entry.op for entry in entries] == ["I", "U"]
    verdict = verify()
    assert verdict.ok, verdict.findings


def _texts() -> str:
    return "\n".join(finding.text for finding in verify().findings)


def test_detaching_by_hand_is_found(full, superuser):
    superuser.execute(f"ALTER TABLE audits_entry DETACH PARTITION {FIRST}")
    assert "has no entry any more" in _texts()


def test_a_body_edited_before_it_is_attached_again_is_found(full, superuser):
    _archive()
    table = f"freigabe_archive.{FIRST}"
    first = Leaf.objects.order_by("leaf_index")[0].entry_id
    superuser.execute(f"DROP TRIGGER aa_no_change ON {table}")
    superuser.execute(
        f"UPDATE {table} SET body = replace(body, 'baseline', 'honestly') "  # noqa: S608
        "WHERE entry_id = %s",
        [first],
    )
    superuser.execute(f"ALTER TABLE {table} SET SCHEMA public")
    superuser.execute(
        f"ALTER TABLE audits_entry ATTACH PARTITION {FIRST} "
        f"FOR VALUES FROM (MINVALUE) TO ({END})"
    )
    assert f"entry {first}" in _texts()


def _claim(superuser: psycopg.Connection, first: Leaf, last: Leaf, **more: Any) -> None:
    """Claim that these entries were archived, by an honest-looking insert."""
    known = Export.objects.order_by("-id")[0]
    said = {
        "partition": FIRST,
        "first_entry": first.entry_id,
        "last_entry": last.entry_id,
        "first_leaf": first.leaf_index,
        "last_leaf": last.leaf_index,
        "destination": known.destination,
        "manifest_sha256": known.manifest_sha256,
        "archived_at": LATER,
    } | more
    superuser.execute(
        "INSERT INTO audits_archive (id, partition, first_entry, last_entry, "
        "first_leaf, last_leaf, destination, manifest_sha256, because, "
        "archived_by_id, archived_at) SELECT gen_random_uuid(), %s, "
        "%s, %s, %s, %s, %s, %s, 'old', id, %s FROM registry_user LIMIT 1",
        list(said.values()),
    )


def _carry_by_hand(superuser: psycopg.Connection, last: int) -> None:
    """Carry everything forward as the honest command does, without its questions."""
    rels = superuser.execute(
        "SELECT DISTINCT rel FROM audits_entry WHERE entry_id <= %s", [last]
    ).fetchall()
    context = json.dumps({"sub": "eve", "via": "archive"})
    for (rel,) in rels:
        superuser.execute(
            "SELECT audits_carry(%s, array_agg(u), %s, %s) "
            "FROM audits_uncarried(%s, 0, %s) u",
            [rel, last, context, rel, last],
        )


@pytest.mark.parametrize("stretch", [(0, 3), (5, 9)])
def test_a_forged_archive_excuses_no_missing_entry(full, superuser, stretch):
    leaves = list(Leaf.objects.order_by("leaf_index")[stretch[0] : stretch[1]])
    _claim(superuser, leaves[0], leaves[-1])
    log.advance(at=LATER)
    behind_triggers(
        superuser,
        FIRST,
        f"DELETE FROM {FIRST} WHERE entry_id BETWEEN %s AND %s",  # noqa: S608
        leaves[0].entry_id,
        leaves[-1].entry_id,
    )
    assert not verify().ok


@pytest.mark.parametrize(
    ("claim", "named"),
    [
        ({"archived_at": NOW + timedelta(days=365)}, "had to be kept until"),
        ({"archived_at": NOW - timedelta(days=9000)}, "no retention rule was in force"),
        ({"manifest_sha256": "a" * 64}, "names the manifest"),
        ({"destination": "/elsewhere"}, "names the manifest"),
        ({"hold": True}, "under the legal hold"),
    ],
)
def test_archiving_by_hand_without_leave_is_named(full, superuser, claim, named):
    """A superuser does all that the command does, but asks nobody."""
    leaves = Leaf.objects.filter(entry_id__lt=END).order_by("leaf_index")
    first, last = leaves[0], leaves.last()
    claim = dict(claim)
    if claim.pop("hold", False):
        keeping.place_hold(because="Case 1.", by=access.system_user(), at=NOW)
    _carry_by_hand(superuser, last.entry_id)
    _claim(superuser, first, last, **claim)
    superuser.execute(f"ALTER TABLE audits_entry DETACH PARTITION {FIRST}")
    superuser.execute(f"DROP TABLE {FIRST}")
    log.advance(at=LATER)
    found = [finding for finding in verify().findings if finding.kind == "archive"]
    assert [named in finding.text for finding in found] == [True]


def test_a_second_archive_must_continue_the_first(full, superuser):
    row = _archive()
    after = Leaf.objects.filter(leaf_index__gt=row.last_leaf + 1)
    leaf = after.order_by("leaf_index")[0]
    _claim(superuser, leaf, leaf, partition="audits_entry_p2")
    log.advance(at=LATER)
    assert f"not at leaf {row.last_leaf + 1}" in _texts()


def test_an_archive_widened_behind_the_log_is_found(full, superuser):
    row = _archive()
    behind_triggers(
        superuser,
        "audits_archive",
        "UPDATE audits_archive SET last_leaf = last_leaf + 3",
    )
    after = list(Leaf.objects.filter(leaf_index__gt=row.last_leaf)[:3])
    behind_triggers(
        superuser,
        "audits_entry_p2",
        "DELETE FROM audits_entry_p2 WHERE entry_id = ANY (%s)",
        [leaf.entry_id for leaf in after],
    )
    assert "last_leaf" in _texts()


def test_a_carried_image_that_was_forged_is_found(full, superuser):
    _archive()
    entry = Entry.objects.filter(
        body__contains='"via": "archive"', rel="public.registry_user", op="U"
    ).first()
    assert entry is not None
    behind_triggers(
        superuser,
        "audits_entry_p2",
        'UPDATE audits_entry_p2 SET body = replace(body, \'"unit": "\', '
        '\'"unit": "x\') WHERE entry_id = %s',
        entry.entry_id,
    )
    assert f"entry {entry.entry_id}" in _texts()


def test_the_clock_of_the_entries_decides_not_the_one_who_asks(full):
    by = access.system_user()
    soon = keeping.longest().months * 30
    early = Entry.objects.order_by("entry_id")[0].occurred_at + timedelta(days=soon)
    with pytest.raises(CannotArchive, match="is kept until"):
        archive(partition=FIRST, because="x", by=by, at=early)
