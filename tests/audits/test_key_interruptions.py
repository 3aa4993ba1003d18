"""Acts on keys and epochs, killed at any line or run beside clocks: one history."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections

from audits import epochs, key_events, keyring, log, signer
from audits.models import Checkpoint, Epoch, KeyEvent
from audits.note import open_checkpoint, parse_vkey
from audits.signer import SignerRefused
from tests.audits.ledger import NOW, add_user, checked

STRIDES = [
    pytest.param(170, id="bounded"),
    pytest.param(4, marks=pytest.mark.soak, id="soak"),
]


@pytest.fixture(autouse=True)
def _log(written_log):
    return written_log


def _grow() -> None:
    add_user(f"u{log.latest_checkpoint().tree_size}")
    log.advance(at=NOW)


def _forked(work: Callable[[], None]) -> Iterator[int]:
    """Run in a child of its own connection; yield its number, then how it ended."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    yield child
    yield os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


COUNTED = {
    str(module.__file__)
    for module in (epochs, key_events, keyring, signer, sys.modules["audits.keys"])
} | {str(sys.modules["audits.signer_memory"].__file__)}


def _killed_at(line: int, act: Callable[..., object]) -> int:
    """Let the act die at its n-th line of the modules that sign; say how it ended."""
    bomb = _Bomb(line)

    def work() -> None:
        sys.settrace(bomb.trace)
        act(because="test", by="ola", at=NOW)

    _, ended = _forked(work)
    return ended


class _Bomb:
    """Counts lines, as sys.settrace() has them, and kills its process at one."""

    def __init__(self, line: int) -> None:
        self._line, self.seen = line, 0

    def trace(self, frame, event, _argument):
        """See a line."""
        if frame.f_code.co_filename not in COUNTED:
            return None
        if event == "line":
            self.seen += 1
            if self.seen == self._line:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


def _require_one_history() -> None:
    """All that was signed, wherever it lies, is a part of the one tree."""
    folder = Path(settings.FREIGABE_KEYS_DIR)
    notes = [path.read_text() for path in folder.glob("log-*.checkpoint")]
    notes += Checkpoint.objects.values_list("note", flat=True)
    keys = [parse_vkey(str(key["vkey"])) for key in epochs.published_keys()]
    for note in notes:
        origin = note.partition("\n")[0]
        tree = open_checkpoint(note, *log.signer().verifiers(origin))
        assert log.root_at(size=tree.size) == tree.root
        assert open_checkpoint(note, *keys) == tree
    for row in Epoch.objects.all():
        assert row.extends_former, row


@pytest.mark.timeout(900)
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize(
    "act", [epochs.open_epoch, epochs.rotate_key, epochs.replace_compromised_key]
)
def test_an_act_killed_at_any_line_leaves_one_history_and_can_be_repeated(act, stride):
    counter = _Bomb(0)
    sys.settrace(counter.trace)
    act(because="counted", by="ola", at=NOW)
    sys.settrace(None)
    assert counter.seen > 150, "the act has more lines than that"
    for line in range(1, counter.seen, stride):
        epochs.retire_due(at=NOW + key_events.OVERLAP)
        held = {keyring.raw(key.public_key()) for key in log.signer().keys.signing}
        assert _killed_at(line, act) == -signal.SIGKILL
        with suppress(SignerRefused):
            _grow()
        if log.signer().keys.retiring is None:
            act(because="again", by="ola", at=NOW)
        epochs.retire_due(at=NOW)
        _grow()
        if act is epochs.replace_compromised_key:
            trusted = {keyring.raw(v.key) for v in log.signer().verifiers()}
            assert trusted.isdisjoint(held)
        _require_one_history()
    revoked = {keyring.raw(key) for key in log.signer().keys.revoked}
    told = {
        keyring.raw(parse_vkey(row.vkey).key)
        for row in KeyEvent.objects.filter(event="compromised")
    }
    assert told == revoked
    assert checked().ok


def test_epochs_opened_beside_two_clocks_have_the_last_word(tmp_path):
    """Whatever the clocks sign meanwhile, each epoch names the last of its former."""

    def tick(name: str) -> Callable[[], None]:
        def work() -> None:
            with (tmp_path / name).open("a") as file:
                for number in range(12):
                    add_user(f"{name}-{number}")
                    try:
                        file.write(log.advance(at=NOW).note + "\0")
                    except SignerRefused as error:
                        assert "is frozen" in str(error)  # noqa: PT017

        return work

    children = [_forked(tick(name)) for name in ("a", "b")]
    for child in children:
        next(child)
    for _ in range(3):
        epochs.open_epoch(because="beside", by="ola", at=NOW)
    assert [next(child) for child in children] == [0, 0]
    log.advance(at=NOW)
    notes = [
        note
        for path in tmp_path.glob("?")
        for note in path.read_text().split("\0")
        if note
    ]
    notes += Checkpoint.objects.values_list("note", flat=True)
    signing, largest = log.signer(), {}
    for note in notes:
        origin = note.partition("\n")[0]
        tree = open_checkpoint(note, *signing.verifiers(origin))
        assert log.root_at(size=tree.size) == tree.root
        largest[origin] = max(largest.get(origin, 0), tree.size)
    for stretch, later in zip(epochs.history(), epochs.history()[1:], strict=False):
        assert later.extends_former
        assert later.former.origin == stretch.origin
        assert later.former.size == largest[stretch.origin]
    assert checked().ok
