"""Key rotation, epochs, freezing: never two histories under one name."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from audits import epochs, keyring, log
from audits.models import Checkpoint, Entry, Epoch, KeyEvent
from audits.note import NoteUnverified, Verifier, open_checkpoint, parse_vkey
from audits.signer import Signer, SignerRefused
from tests.audits.ledger import NOW, add_user, checked


@pytest.fixture(autouse=True)
def _log(written_log):
    return written_log


def _signers_of(checkpoint) -> int:
    return checkpoint.note.count("\n— ")


def test_after_a_rotation_both_keys_sign_and_then_only_the_new_one():
    former = log.signer().vkey
    new = epochs.rotate_key(because="yearly", by="ola", at=NOW)
    assert new != former
    both = log.advance(at=NOW)
    assert _signers_of(both) == 2
    for text in (former, new):
        assert open_checkpoint(both.note, parse_vkey(text)).size == both.tree_size
    assert not epochs.retire_due(at=NOW + timedelta(days=29))
    assert epochs.retire_due(at=NOW + timedelta(days=30))
    alone = log.advance(at=NOW)
    assert _signers_of(alone) == 1
    with pytest.raises(NoteUnverified):
        open_checkpoint(alone.note, parse_vkey(former))
    assert checked().ok
    events = KeyEvent.objects.filter(vkey=former).order_by("id")
    assert {event.event for event in events} == {"introduced", "retiring", "retired"}


def test_a_second_rotation_waits_for_the_first():
    epochs.rotate_key(because="yearly", by="ola", at=NOW)
    with pytest.raises(epochs.EpochRefused, match="still signs"):
        epochs.rotate_key(because="again", by="ola", at=NOW)


def test_an_interrupted_rotation_signs_and_can_be_repeated(settings, monkeypatch):
    def killed(_path):
        raise SystemExit(137)

    with monkeypatch.context() as patched:
        patched.setattr(keyring, "new_key_file", killed)
        with pytest.raises(SystemExit):
            epochs.rotate_key(because="yearly", by="ola", at=NOW)
    add_user("dora")
    assert _signers_of(log.advance(at=NOW)) == 1
    epochs.rotate_key(because="yearly", by="ola", at=NOW)
    assert _signers_of(log.advance(at=NOW)) == 2
    assert checked().ok


def test_old_checkpoints_verify_by_the_folder_and_not_by_the_database():
    first = Checkpoint.objects.get()
    former = parse_vkey(log.signer().vkey)
    epochs.rotate_key(because="yearly", by="ola", at=NOW)
    epochs.retire_due(at=NOW + timedelta(days=31))
    known = log.signer().verifiers()
    assert open_checkpoint(first.note, *known).size == first.tree_size
    assert former in known


def test_a_new_epoch_goes_on_under_another_name_and_tells_of_the_former():
    before = Checkpoint.objects.get()
    epoch = epochs.open_epoch(because="yearly", by="ola", at=NOW)
    assert epoch.origin == f"{before.note.splitlines()[0]}/e2"
    assert epoch.extends_former
    assert epoch.former_note == before.note
    last = log.latest_checkpoint()
    assert last.note.startswith(f"{epoch.origin}\n")
    assert last.tree_size > before.tree_size
    assert Entry.objects.filter(rel="public.audits_epoch", op="I").count() == 1
    first, second = epochs.history()
    assert (first.number, second.number) == (1, 2)
    assert second.former.size == before.tree_size
    assert checked().ok


def test_the_former_name_is_never_signed_again():
    former = log.signer()
    epochs.open_epoch(because="stolen", by="ola", at=NOW)
    with pytest.raises(SignerRefused, match="frozen"):
        former.sign(10**9, b"x" * 32, lambda _o, _n: [], None)


def test_a_compromised_key_ends_at_once():
    former = log.signer()
    stolen = former.vkey
    epochs.replace_compromised_key(because="laptop lost", by="ola", at=NOW)
    note = log.latest_checkpoint().note
    key = parse_vkey(stolen).key
    with pytest.raises(NoteUnverified):
        open_checkpoint(note, Verifier(note.splitlines()[0], key))
    events = {event.event for event in KeyEvent.objects.filter(vkey=stolen)}
    assert events == {"introduced", "compromised"}
    assert checked().ok


def test_a_database_from_before_the_epoch_cannot_sign_under_either_name(settings):
    """Rolled back behind the epoch, by a superuser with the triggers off."""
    epochs.open_epoch(because="yearly", by="ola", at=NOW)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE audits_epoch DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audits_epoch")
    with pytest.raises(SignerRefused, match="is frozen"):
        log.advance(at=NOW)
    third = epochs.open_epoch(because="restored", by="ola", at=NOW)
    assert third.number == 3


def test_without_a_reason_there_is_no_epoch():
    with pytest.raises(epochs.EpochRefused, match="why"):
        epochs.open_epoch(because="  ", by="ola", at=NOW)
    assert not log.signer().is_frozen
    assert not Epoch.objects.exists()


def test_a_note_of_a_stranger_is_no_former_checkpoint(tmp_path):
    stranger = Signer(tmp_path / "stranger", log.origin())
    note = stranger.sign(5, b"x" * 32, lambda _o, _n: [], None)
    with pytest.raises(epochs.EpochRefused, match="no checkpoint of this log"):
        epochs.open_epoch(because="x", by="ola", at=NOW, former_note=note)
    assert not log.signer().is_frozen


def test_an_interrupted_epoch_can_be_opened_again(monkeypatch):
    def killed(**_):
        raise SystemExit(137)

    with monkeypatch.context() as patched:
        patched.setattr(Epoch.objects, "create", killed)
        with pytest.raises(SystemExit):
            epochs.open_epoch(because="yearly", by="ola", at=NOW)
    with pytest.raises(SignerRefused, match="manage.py open_epoch"):
        add_user("dora")
        log.advance(at=NOW)
    epochs.open_epoch(because="yearly", by="ola", at=NOW)
    assert checked().ok


def test_published_keys_name_every_key_with_its_times():
    former = log.signer().vkey
    new = epochs.rotate_key(because="yearly", by="ola", at=NOW)
    keys = {item["vkey"]: item for item in epochs.published_keys()}
    assert keys[former]["valid_until"] == (NOW + timedelta(days=30)).isoformat()
    assert keys[new]["valid_until"] is None
    assert keys[former]["signs"] == keys[new]["signs"] == "yes"
    epochs.open_epoch(because="move", by="ola", at=NOW)
    keys = {item["vkey"]: item for item in epochs.published_keys()}
    assert log.signer().vkey in keys
    assert len(keys) == 3


def test_the_commands_do_it(capsys):
    call_command("rotate_log_key", "--because", "yearly")
    assert "signs with" in capsys.readouterr().out
    with pytest.raises(CommandError, match="still signs"):
        call_command("rotate_log_key", "--because", "yearly")
    call_command("open_epoch", "--because", "test")
    assert "Epoch 2" in capsys.readouterr().out
    call_command("rotate_log_key", "--because", "lost", "--compromised")
    assert "/e3" in capsys.readouterr().out
    assert checked().ok
