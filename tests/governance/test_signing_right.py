"""Series of signings, lock-out, and the right to sign after a reset."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from governance import enrolment, roles, series, signatures
from governance.models import (
    Notification,
    SeriesUse,
    SignatureAttempt,
    SigningSeries,
)
from governance.signatures import Proof
from registry.models import Role
from tests.world import NOW, PASSWORD, World, later

SESSION = "a" * 64


def prove(by, at=NOW, **more):
    proof = Proof(**{"password": PASSWORD, "session_sha256": SESSION, **more})
    return signatures.authenticate(by=by, proof=proof, at=at)


def test_the_first_of_a_series_needs_all_components(world):
    with pytest.raises(signatures.NothingShown) as refused:
        prove(world.vera)
    assert refused.value.field == "user_name"
    assert not SignatureAttempt.objects.exists()
    assert prove(world.vera, user_name="vera") == signatures.PASSWORD


def test_later_ones_need_the_password_alone_and_say_so(world):
    prove(world.vera, user_name="vera")
    assert prove(world.vera, at=later(minutes=9)) == signatures.IN_SERIES
    used = SeriesUse.objects.values_list("method", flat=True)
    assert list(used) == [signatures.PASSWORD, signatures.IN_SERIES]


def test_a_series_ends_ten_minutes_after_its_last_signing(world):
    prove(world.vera, user_name="vera")
    at = NOW + series.IDLE - timedelta(seconds=1)
    prove(world.vera, at=at)
    prove(world.vera, at=at + series.IDLE - timedelta(seconds=1))
    with pytest.raises(signatures.NothingShown):
        prove(world.vera, at=at + 2 * series.IDLE)
    assert SigningSeries.objects.count() == 1


def test_a_series_belongs_to_one_log_in_and_one_person(world):
    prove(world.vera, user_name="vera")
    with pytest.raises(signatures.NothingShown):
        prove(world.vera, session_sha256="b" * 64)
    with pytest.raises(signatures.NothingShown):
        prove(world.carl)


@pytest.mark.parametrize("shown", [{}, {"password": PASSWORD, "assertion": "{}"}])
def test_never_without_a_component_nor_with_two_ways(world, shown):
    prove(world.vera, user_name="vera")
    proof = Proof(session_sha256=SESSION, **shown)
    with pytest.raises(signatures.NothingShown):
        signatures.authenticate(by=world.vera, proof=proof, at=NOW)


def test_somebody_elses_user_name_is_a_failed_attempt(world):
    with pytest.raises(signatures.WrongPassword):
        prove(world.vera, user_name="carl")


def test_who_has_neither_password_nor_passkey_is_told_why_not(world):
    world.vera.set_unusable_password()
    world.vera.save()
    with pytest.raises(signatures.NoRightToSign, match="no identity provider"):
        prove(world.vera, user_name="vera")


def test_a_reset_takes_the_right_to_sign_until_two_others_and_the_owner_acted(world):
    reset = enrolment.reset(user=world.vera, reason="Forgot.", by=world.adam, at=NOW)
    world.vera.refresh_from_db()
    assert not world.vera.has_usable_password()
    with pytest.raises(signatures.NoRightToSign, match="second person"):
        prove(world.vera, user_name="vera")
    for by in (world.adam, world.vera):
        with pytest.raises(roles.NotAllowed):
            enrolment.prove_identity(reset=reset, seen="x", by=by, at=NOW)
    handed = enrolment.prove_identity(reset=reset, seen="Pass.", by=world.cora, at=NOW)
    with pytest.raises(signatures.NoRightToSign, match="handed to you"):
        prove(world.vera, user_name="vera", password=handed)
    world.vera.set_password("an own long phrase")
    world.vera.save()
    assert prove(world.vera, user_name="vera", password="an own long phrase")  # noqa: S106


def test_nobody_resets_themselves_and_a_second_reset_takes_the_right_again(world):
    with pytest.raises(roles.NotAllowed):
        enrolment.reset(user=world.vera, reason="x", by=world.vera, at=NOW)
    with pytest.raises(enrolment.CannotEnrol):
        enrolment.reset(user=world.adam, reason="x", by=world.adam, at=NOW)
    first = enrolment.reset(user=world.vera, reason="x", by=world.adam, at=NOW)
    enrolment.reset(user=world.vera, reason="x", by=world.adam, at=NOW)
    with pytest.raises(enrolment.CannotEnrol, match="anew"):
        enrolment.prove_identity(reset=first, seen="x", by=world.cora, at=NOW)


@signatures.signed_act
def sign_something(*, by, at, password):
    return signatures.authenticate(by=by, proof=Proof(password=password), at=at)


def guess(world, at=NOW):
    with pytest.raises(signatures.WrongPassword):
        sign_something(by=world.vera, at=at, password="guess")  # noqa: S106


def test_the_fifth_failure_tells_security_and_its_owner_once(world):
    for _ in range(5):
        guess(world)
    with pytest.raises(signatures.LockedOut):
        sign_something(by=world.vera, at=NOW, password=PASSWORD)
    told = Notification.objects.values_list("recipient__username", flat=True)
    assert sorted(told) == ["adam", "cora", "vera"]
    assert sign_something(by=world.vera, at=later(minutes=15), password=PASSWORD)


def test_workers_that_guess_at_once_have_five_guesses_together(
    fresh_database, django_db_blocker
):
    with django_db_blocker.unblock():
        world = World()
        roles.grant(user=world.carl, role=Role.QA, by=world.adam, at=NOW)
        answers: list[type] = []
        gate = threading.Barrier(8)

        def work() -> None:
            gate.wait()
            for _ in range(3):
                try:
                    sign_something(by=world.vera, at=NOW, password="guess")  # noqa: S106
                except signatures.NotSigned as refusal:
                    answers.append(type(refusal))
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers.count(signatures.WrongPassword) == 5
        assert answers.count(signatures.LockedOut) == 19
        assert SignatureAttempt.objects.count() == 5
