"""Erasing a person: nothing of them is left, and the log verifies as before."""

import subprocess
from importlib import import_module

import psycopg
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import ProgrammingError, transaction
from django.test import Client

from audits import keeping as holds
from audits import log
from audits.models import Entry, Erasure, Opening
from audits.verification import verify
from governance import access, approvals, embedded, erasure, keeping, roles
from governance.models import Token
from governance.signatures import Proof
from registry.models import Role, User
from tests.world import NOW, PASSWORD, World

WORDS = ("zdenka", "Zdenka", "Quispelová", "zdenka@quispel.example", "former@q.example")
WHY = "She asked for it; case 7."


def _hire(by: User) -> User:
    person = access.create_person(
        username="zdenka",
        first_name="Zdenka",
        last_name="Quispelová",
        email="zdenka@quispel.example",
        unit="",
        password=PASSWORD,
        by=by,
    )
    EmailAddress.objects.create(user=person, email="former@q.example").delete()
    EmailAddress.objects.create(user=person, email="zdenka@quispel.example")
    return person


def _officer(world: World) -> User:
    dora = access.create_person(
        username="dora",
        first_name="Dora",
        last_name="Privat",
        email="",
        unit="",
        password=PASSWORD,
        by=world.adam,
    )
    roles.grant(user=dora, role=Role.DPO, by=world.adam, at=NOW)
    return dora


@pytest.fixture
def dpo(world) -> User:
    """A data protection officer."""
    return _officer(world)


@pytest.fixture
def gone(world) -> User:
    """Somebody whose account an administrator has ended."""
    person = _hire(world.adam)
    roles.grant(user=person, role=Role.MODEL_USER, by=world.adam, at=NOW)
    return access.deactivate(user=person, by=world.adam, at=NOW)


def _erase(user: User, by: User) -> erasure.Erased:
    return erasure.erase(user=user, because=WHY, by=by, at=NOW)


def _bodies() -> str:
    return "\n".join(Entry.objects.values_list("body", flat=True))


def test_the_live_row_says_nothing_of_the_person(world, gone, dpo):
    done = _erase(gone, dpo)
    user = User.objects.get(pk=gone.pk)
    assert user.username == done.username
    assert user.username.startswith("erased-")
    assert len(user.username) == len("erased-") + 8
    assert (user.first_name, user.last_name, user.email, user.unit) == ("",) * 4
    assert not user.is_active
    assert not user.has_usable_password()
    assert not EmailAddress.objects.filter(user=user).exists()


def test_the_erasure_is_recorded_with_its_reason(world, gone, dpo):
    _erase(gone, dpo)
    row = Erasure.objects.get()
    assert (row.pk_text, row.because, row.erased_by) == (str(gone.pk), WHY, dpo)
    # user name, two names, two addresses of the user and of her e-mail rows
    assert row.openings == 6
    assert Entry.objects.get(pk_text=str(row.pk)).actor == str(dpo.pk)


def test_no_opening_and_no_entry_tells_of_the_person(world, gone, dpo):
    before = Opening.objects.filter(erased_at=None).values_list("value", flat=True)
    assert any("Quispel" in value for value in before)
    _erase(gone, dpo)
    left = "\n".join(
        Opening.objects.filter(erased_at=None).values_list("value", flat=True)
    )
    for word in WORDS:
        assert word not in left
        assert word not in _bodies()


def test_every_way_into_the_account_is_ended(world, gone, dpo):
    token = Token.objects.create(
        name="pipeline",
        user=gone,
        personal=True,
        sha256="0" * 64,
        issued_by=world.adam,
        issued_at=NOW,
        expires_at=NOW,
    )
    Authenticator.objects.create(user=gone, type="totp", data={"secret": "x"})
    hers, another = SessionStore(), SessionStore()
    hers["_auth_user_id"], another["_auth_user_id"] = str(gone.pk), str(dpo.pk)
    hers.save()
    another.save()
    _erase(gone, dpo)
    token.refresh_from_db()
    assert token.revoked_at == NOW
    assert not Authenticator.objects.exists()
    assert [row.pk for row in Session.objects.all()] == [another.session_key]
    assert not Client().login(username="zdenka", password=PASSWORD)


def test_other_people_are_left_alone(world, gone, dpo):
    names = set(User.objects.exclude(pk=gone.pk).values_list("username", "email"))
    _erase(gone, dpo)
    assert set(User.objects.exclude(pk=gone.pk).values_list("username", "email")) == (
        names
    )
    anna = Opening.objects.filter(pk_text=str(world.anna.pk), column="last_name")
    assert anna.get().value == '"Lindqvist"'


@pytest.mark.parametrize("who", ["adam", "rita", "cora", "anna", "ines"])
def test_others_may_not_erase(world, gone, who):
    with pytest.raises(roles.NotAllowed, match="erase people"):
        _erase(gone, world.people[who])
    assert User.objects.filter(username="zdenka").exists()


def test_nobody_erases_themselves(world, dpo):
    with pytest.raises(erasure.CannotErase, match="Nobody erases themselves"):
        _erase(dpo, dpo)


def test_an_account_in_use_is_deactivated_first(world, dpo):
    person = _hire(world.adam)
    with pytest.raises(erasure.CannotErase, match="--deactivate"):
        _erase(person, dpo)
    access.deactivate(user=person, by=world.adam, at=NOW)
    roles.grant(user=person, role=Role.MODEL_USER, by=world.adam, at=NOW)
    with pytest.raises(erasure.CannotErase, match="--deactivate"):
        _erase(person, dpo)
    roles.end(user=person, role=Role.MODEL_USER, by=world.adam, at=NOW)
    _erase(person, dpo)


def test_a_machine_is_no_person(world, dpo):
    with pytest.raises(erasure.CannotErase, match="machine"):
        _erase(access.system_user(), dpo)


def test_it_needs_a_reason_and_happens_once(world, gone, dpo):
    with pytest.raises(erasure.CannotErase, match="Say why"):
        erasure.erase(user=gone, because=" ", by=dpo, at=NOW)
    _erase(gone, dpo)
    with pytest.raises(erasure.CannotErase, match="already"):
        _erase(gone, dpo)


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"rel": erasure.USERS},
        {"rel": erasure.USERS, "pk": "hers"},
        {"rel": erasure.ADDRESSES},
    ],
)
def test_a_legal_hold_stops_it_until_it_is_released(world, gone, dpo, what):
    if "pk" in what:
        what["pk"] = str(gone.pk)
    hold = keeping.place_hold(because="Case 1.", by=world.cora, at=NOW, **what)
    with pytest.raises(holds.UnderLegalHold, match="Case 1"), transaction.atomic():
        _erase(gone, dpo)
    assert User.objects.filter(username="zdenka").exists()
    keeping.release_hold(hold=hold, because="Over.", by=dpo, at=NOW)
    _erase(gone, dpo)


def test_a_hold_on_somebody_else_does_not_stop_it(world, gone, dpo):
    pk = str(world.anna.pk)
    keeping.place_hold(
        because="Case 1.", by=world.cora, at=NOW, rel=erasure.USERS, pk=pk
    )
    _erase(gone, dpo)


def test_an_open_request_is_decided_or_withdrawn_first(world, dpo):
    request = approvals.submit(
        version=world.ready(), environment=world.production, by=world.anna, at=NOW
    )
    access.deactivate(user=world.anna, by=world.adam, at=NOW)
    with pytest.raises(erasure.CannotErase, match="withdraw it or decide it"):
        _erase(world.anna, dpo)
    approvals.sign(
        request=request,
        meaning="rejection",
        comment="No.",
        proof=Proof(password=PASSWORD),
        by=world.vera,
        at=NOW,
    )
    _erase(world.anna, dpo)


def test_signatures_keep_the_printed_name_and_that_is_said(world, dpo):
    request = approvals.submit(
        version=world.ready(), environment=world.production, by=world.anna, at=NOW
    )
    signature = approvals.sign(
        request=request,
        meaning="rejection",
        comment="No.",
        proof=Proof(password=PASSWORD),
        by=world.vera,
        at=NOW,
    )
    access.deactivate(user=world.vera, by=world.adam, at=NOW)
    done = _erase(world.vera, dpo)
    signature.refresh_from_db()
    assert signature.printed_name == "Vera Haas"
    assert any("1 signatures" in line and "11.50" in line for line in done.stays)


def test_records_that_name_the_person_in_their_text_are_told(world, gone, dpo):
    world.model(purpose="As agreed with Zdenka Quispelová.")
    world.model("other", purpose="Nobody in particular.")
    done = _erase(gone, dpo)
    told = [line for line in done.stays if "17(3)(b)" in line]
    assert len(told) == 1
    assert told[0].endswith("1 of registry_registeredmodel.")


def test_a_record_that_names_nobody_is_not_told(world, gone, dpo):
    assert erasure.records_naming(gone) == {}


@pytest.fixture
def alone(fresh_database, settings, tmp_path):
    """The same bank in a database of its own, which may commit."""
    settings.FREIGABE_KEYS_DIR = tmp_path / "keys"
    return fresh_database


def test_the_log_holds_afterwards_and_a_dump_tells_nothing(alone):
    world = World()
    dpo = _officer(world)
    person = _hire(world.adam)
    log.advance(at=NOW)
    access.deactivate(user=person, by=world.adam, at=NOW)
    log.advance(at=NOW)
    assert "Quispelov" in _dump(alone.superuser_dsn)
    _erase(person, dpo)
    log.advance(at=NOW)
    verdict = verify()
    assert verdict.ok, verdict.findings
    dump = _dump(alone.superuser_dsn)
    assert str(person.pk) in dump
    for word in (*WORDS, "Quispelov"):
        assert word not in dump


def test_a_name_put_back_by_hand_is_found(alone):
    world = World()
    dpo = _officer(world)
    person = access.deactivate(user=_hire(world.adam), by=world.adam, at=NOW)
    _erase(person, dpo)
    log.advance(at=NOW)
    ledger = import_module("tests.audits.ledger")
    with psycopg.connect(alone.superuser_dsn, autocommit=True) as superuser:
        ledger.behind_triggers(
            superuser,
            "registry_user",
            "UPDATE registry_user SET first_name = 'Zdenka' WHERE id = %s",
            person.pk,
        )
    verdict = verify()
    assert any("first_name" in item.text for item in verdict.findings)


def test_where_the_openings_cannot_be_erased_the_person_stays_whole(alone):
    world = World()
    dpo = _officer(world)
    person = access.deactivate(user=_hire(world.adam), by=world.adam, at=NOW)
    with psycopg.connect(alone.superuser_dsn, autocommit=True) as superuser:
        superuser.execute("REVOKE ALL ON FUNCTION audits_erase FROM freigabe")
    with pytest.raises(ProgrammingError, match="permission denied"):
        _erase(person, dpo)
    assert User.objects.get(pk=person.pk).username == "zdenka"
    assert EmailAddress.objects.filter(user=person).exists()
    assert not Erasure.objects.exists()


def _dump(dsn: str) -> str:
    """Everything in the database as text."""
    command = [embedded._program("pg_dump"), "--format=plain", dsn]
    made = subprocess.run(command, capture_output=True, check=True)
    return made.stdout.decode()
