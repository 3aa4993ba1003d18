"""The gate's keys: made once, replaced by an act, never silently."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audits import dsse
from audits.keys import load_key, load_or_create_key
from audits.offline.permit import check_permit
from audits.offline.report import DoesNotHold, Report
from audits.trusted import TrustedKeys, read_keys
from governance import issued, permit, triggers
from governance.models import Authorisation, GateDecision, GateKey
from governance.permit import hardware
from tests.governance import softhsm
from tests.governance.test_gate import approved, ask, failing
from tests.world import NOW, later

BECAUSE = "The yearly rotation."


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    """A key folder of the test's own."""
    settings.FREIGABE_KEYS_DIR = tmp_path / "keys"
    return settings.FREIGABE_KEYS_DIR


@pytest.fixture
def asking(world):
    """An approved version, and the gate asked for it."""
    approved(world)
    return lambda at=NOW: ask(world, at=at)


def rotated(world, at=NOW) -> GateKey:
    return permit.rotate(because=BECAUSE, by=world.adam, at=at)


def published(at=NOW) -> TrustedKeys:
    """What a stranger makes of keys.json."""
    document = json.dumps(permit.public_keys(at=at))
    return read_keys(document, Path("unused"))


def holds(row, at=NOW, keys: TrustedKeys | None = None) -> bool:
    try:
        check_permit(json.loads(row.permit), keys or published(at), at, Report())
    except DoesNotHold:
        return False
    return True


def signer(row) -> str:
    (signature,) = json.loads(row.permit)["signatures"]
    return signature["keyid"]


def test_the_first_permit_records_the_key(asking):
    row = asking()
    key = GateKey.objects.get()
    assert (key.key_id, key.sequence, key.name) == (signer(row), 1, "gate.pem")
    assert holds(row)


@pytest.mark.parametrize("loss", ["unlink", "folder", "unreadable", "another"])
def test_a_lost_or_changed_key_denies_and_is_never_replaced(asking, folder, loss):
    asking()
    path = folder / "gate.pem"
    if loss == "unlink":
        path.unlink()
    elif loss == "folder":
        shutil.rmtree(folder)
    elif loss == "unreadable":
        path.chmod(0o666)
    else:
        other = folder / "other" / "gate.pem"
        load_or_create_key(other)
        other.replace(path)
    before = sorted(folder.glob("*.pem"))
    for _ in range(2):
        row = asking()
        assert failing(row) == {"gate-key"}
        assert "rotate_gate_key" in str(row.checks)
    assert sorted(folder.glob("*.pem")) == before


@pytest.fixture
def earlier(world, folder):
    """What an earlier Freigabe left: a permit, its key file, and no record of it."""
    version = approved(world)
    path = folder / "gate.pem"
    key = load_or_create_key(path)
    name = permit.id_of(key.public_key())
    GateDecision.objects.create(
        allowed=True,
        checks=[],
        version=version,
        environment=world.production,
        authorisation=Authorisation.objects.get(),
        permit=json.dumps(dsse.sign(b"{}", dsse.IN_TOTO, {name: key})),
        expires_at=NOW,
        decided_for=world.ola,
        decided_at=later(days=-1),
    )
    return path


def test_the_key_of_an_earlier_freigabe_is_taken_over(world, earlier):
    row = ask(world)
    assert row.allowed, failing(row)
    assert GateKey.objects.get().introduced_at == later(days=-1)
    assert holds(row)


@pytest.mark.parametrize("loss", ["gone", "another"])
def test_a_lost_key_of_an_earlier_freigabe_denies_too(world, earlier, loss):
    earlier.unlink()
    if loss == "another":
        load_or_create_key(earlier)
    assert failing(ask(world)) == {"gate-key"}


def test_a_lost_key_is_replaced_by_the_command_alone(asking, folder):
    old = asking()
    (folder / "gate.pem").unlink()
    call_command("rotate_gate_key", because="The disk was lost.", verbosity=0)
    row = asking()
    assert row.allowed
    assert signer(row) != signer(old)
    assert holds(old)
    assert holds(row)


def test_the_former_key_counts_until_its_last_permit_expired(world, asking):
    old = asking()
    rotated(world, later(hours=1))
    new = asking(later(hours=2))
    keys = permit.public_keys(at=later(hours=3))
    ours = [one for one in keys["keys"] if one["use"] == "permit"]
    assert [one["keyid"] for one in ours] == [signer(new), signer(old)]
    assert ours[0]["not_after"] is None
    assert ours[0]["not_before"] == later(hours=1).isoformat()
    end = ours[1]["not_after"]
    assert end >= old.expires_at.isoformat()
    assert holds(old, later(hours=3))
    assert holds(new, later(hours=3))
    later_on = permit.public_keys(at=later(days=3))
    permits = [one for one in later_on["keys"] if one["use"] == "permit"]
    assert [one["keyid"] for one in permits] == [signer(new)]
    assert [one["keyid"] for one in later_on["former"]] == [signer(old)]


def test_two_rotations_in_a_row_lose_no_permit(world, asking):
    rows = [asking()]
    for hours in (1, 2):
        rotated(world, later(hours=hours))
        rows.append(asking(later(hours=hours)))
    assert len({signer(row) for row in rows}) == 3
    assert all(holds(row, later(hours=3)) for row in rows)
    assert GateKey.objects.count() == 3


def test_a_former_key_signs_nothing_new(world, asking, folder):
    """Whoever kept the old key can sign with its name, but not after its time."""
    old = asking()
    kept = load_key(folder / "gate.pem")
    rotated(world)
    end = later(days=30)
    forged = json.loads(asking().permit)
    statement = json.loads(dsse.verify(forged, published().permit))
    statement["predicate"] |= {
        "issued_at": end.isoformat(),
        "valid_until": (end + timedelta(hours=1)).isoformat(),
    }
    payload = json.dumps(statement).encode()
    envelope = dsse.sign(payload, dsse.IN_TOTO, {signer(old): kept})
    with pytest.raises(DoesNotHold, match="counts no more"):
        check_permit(envelope, published(), end, Report())


def test_a_key_that_was_not_there_yet_signed_nothing(world, asking):
    asking()
    rotated(world, later(hours=5))
    row = asking(later(hours=5))
    keys = published(later(hours=6))
    name = signer(row)
    keys.windows[name] = (later(hours=6), None)
    assert not holds(row, later(hours=6), keys)


def test_a_compromised_key_is_published_no_more_and_signs_no_more(world, asking):
    old = asking()
    triggers.report_compromised_key(
        key_id=signer(old), reason="A laptop was stolen.", by=world.rita, at=NOW
    )
    assert failing(asking()) == {"gate-key"}
    keys = permit.public_keys(at=NOW)
    assert signer(old) not in {one["keyid"] for one in keys["keys"] + keys["former"]}
    assert [one["keyid"] for one in keys["compromised"]] == [signer(old)]
    rotated(world)
    row = asking()
    assert row.allowed
    assert holds(row)
    assert not holds(old)
    assert (issued.is_revoked(old), issued.is_revoked(row)) == (True, False)


def test_a_key_written_into_the_database_alone_is_not_published(asking):
    asking()
    GateKey.objects.create(
        sequence=2, key_id="f" * 64, place="file", name="gate-2.pem", introduced_at=NOW
    )
    keys = permit.public_keys(at=NOW)["keys"]
    assert "f" * 64 not in {one["keyid"] for one in keys}
    assert failing(asking()) == {"gate-key"}


@pytest.mark.parametrize("name", ["../gate.pem", "log.pem", "gate-02.pem", ""])
def test_the_name_of_a_key_leads_nowhere_else(asking, name):
    asking()
    GateKey.objects.create(
        sequence=2, key_id="f" * 64, place="file", name=name, introduced_at=NOW
    )
    assert failing(asking()) == {"gate-key"}


def test_a_rotation_needs_a_reason(world):
    with pytest.raises(CommandError, match="why"):
        call_command("rotate_gate_key", because=" ")


def test_a_rotation_that_was_interrupted_can_be_repeated(world, asking, folder):
    asking()
    (folder / "gate-2.pem").write_bytes(b"half a key")
    (folder / "gate-2.pem").chmod(0o600)
    assert asking().allowed
    rotated(world)
    assert asking().allowed


@pytest.fixture
def token(settings, tmp_path, monkeypatch):
    """A SoftHSM token, which holds the key as an HSM would."""
    return softhsm.plugged_in(settings, tmp_path, monkeypatch)


def test_the_key_in_a_token_signs_and_leaves_no_file(
    world, asking, folder, token, settings
):
    assert failing(asking()) == {"gate-key"}  # it is made by the command alone
    rotated(world)
    row = asking()
    assert row.allowed, row.checks
    assert holds(row)
    assert not list(folder.glob("gate*.pem"))
    rotated(world)
    assert signer(asking()) != signer(row)
    assert holds(row)
    settings.FREIGABE_PKCS11_PIN = "00000000"
    hardware._sessions.clear()
    assert failing(asking()) == {"gate-key"}
    settings.FREIGABE_PKCS11_MODULE = "/nowhere.so"
    assert failing(asking()) == {"gate-key"}
    settings.FREIGABE_PKCS11_MODULE = ""
    assert failing(asking()) == {"gate-key"}
