"""One human behind two accounts: what tells, and what proves nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.models import Opening
from governance import access, erasure, persons, roles
from governance.models import PersonIdentity
from governance.persons import Same, same_person
from registry.models import Role, User
from tests.world import NOW, PASSWORD, later


def account(world, username="rita2", email="rita2@bank.example"):
    return access.create_person(
        username=username,
        first_name="R.",
        last_name="O.",
        email=email,
        unit="",
        password=PASSWORD,
        by=world.adam,
    )


def strangers(world):
    """Two accounts of whom only a mailbox each is known."""
    mails = ("gus@bank.example", "hal@bank.example")
    return [account(world, username=mail[:3], email=mail) for mail in mails]


def record(world, user, value, kind="external-id", issuer="hr", at=NOW):
    return persons.record_identity(
        user=user, kind=kind, value=value, issuer=issuer, by=world.adam, at=at
    )


def declare(world, a, b, same, by=None, at=NOW):
    return persons.declare(
        a=a, b=b, same=same, reason="Seen both.", by=by or world.cora, at=at
    )


def test_different_mailboxes_alone_prove_nothing(world):
    assert same_person(*strangers(world)) == Same.UNKNOWN


def test_different_external_ids_of_one_directory_are_two_humans(world):
    assert same_person(world.rita, world.carl) == Same.NO


def test_ids_of_different_directories_are_not_compared(world):
    gus, hal = strangers(world)
    record(world, gus, "4711")
    record(world, hal, "4712", issuer="contractors")
    assert same_person(gus, hal) == Same.UNKNOWN


def test_one_external_id_is_one_human_even_when_subjects_differ(world):
    other = account(world)
    record(world, world.rita, "4711")
    record(world, other, "4711")
    record(world, world.rita, "a", kind="subject", issuer="https://idp.example/")
    record(world, other, "b", kind="subject", issuer="https://idp.example")
    assert same_person(world.rita, other) == same_person(other, world.rita) == Same.YES


@pytest.mark.parametrize(
    "spelt",
    [
        "RITA@BANK.EXAMPLE",
        "rita+model@bank.example",
        " rita@bank.example. ",
        "ｒｉｔａ@bank.example",
    ],
)
def test_one_mailbox_however_it_is_spelt_is_one_human(world, spelt):
    other = account(world)
    User.objects.filter(pk=other.pk).update(email=spelt)  # as a directory may tell it
    other.refresh_from_db()
    assert same_person(world.rita, other) == Same.YES


def test_a_verified_address_beside_the_accounts_own_counts(world):
    other = account(world)
    record(world, other, "Rita+x@bank.example", kind="email", issuer="")
    assert same_person(world.rita, other) == Same.YES


def test_a_declaration_ends_the_doubt_and_the_newest_counts(world):
    gus, hal = strangers(world)
    declare(world, gus, hal, same=False)
    assert same_person(hal, gus) == Same.NO
    declare(world, hal, gus, same=True, at=later(days=1))
    assert same_person(gus, hal) == Same.YES


def test_no_declaration_outweighs_an_equal_identifier(world):
    other = account(world)
    record(world, world.rita, "4711")
    record(world, other, "4711")
    declare(world, world.rita, other, same=False)
    assert same_person(world.rita, other) == Same.YES


def test_an_identifier_recorded_by_mistake_no_longer_counts(world):
    other = account(world)
    record(world, world.rita, "4711")
    wrong = record(world, other, "4711")
    persons.end_identity(
        identity=wrong, reason="Mixed up.", by=world.adam, at=later(hours=1)
    )
    assert same_person(world.rita, other) == Same.UNKNOWN


def test_a_machine_is_no_human(world):
    world.ola.is_machine = True
    world.ola.save()
    assert same_person(world.ola, world.rita) == Same.NO


def test_nobody_declares_about_themselves_nor_who_manages_accounts(world):
    with pytest.raises(roles.NotAllowed):
        declare(world, world.cora, world.rita, same=False, by=world.cora)
    with pytest.raises(roles.NotAllowed):
        declare(world, world.carl, world.rita, same=False, by=world.adam)
    with pytest.raises(roles.NotAllowed):
        persons.record_identity(
            user=world.rita, kind="email", value="a@b.c", by=world.rita, at=NOW
        )


@pytest.mark.parametrize(
    ("kind", "value", "issuer", "field"),
    [
        ("king", "1", "hr", "kind"),
        ("subject", "1", " ", "issuer"),
        ("external-id", "\u0000", "hr", "value"),
        ("email", "nobody", "", "value"),
        ("email", "@", "", "value"),
    ],
)
def test_what_is_no_identifier_is_refused(world, kind, value, issuer, field):
    with pytest.raises(persons.CannotRecord) as caught:
        record(world, world.rita, value, kind=kind, issuer=issuer)
    assert caught.value.field == field


@given(st.text(max_size=40))
def test_the_normal_form_of_an_address_is_its_own_normal_form(text):
    once = persons.address(f"{text}@bank.example")
    assert persons.address(once) == once


def test_what_identifies_a_human_goes_with_an_erasure(world):
    system = access.system_user()
    roles.grant(user=world.cora, role=Role.DPO, by=system, at=NOW)
    record(world, world.rita, "private-4711", issuer="staff")
    access.deactivate(user=world.rita, by=system, at=NOW)
    erasure.erase(user=world.rita, because="Art. 17.", by=world.cora, at=NOW)
    rows = PersonIdentity.objects.filter(user=world.rita)
    assert all(row.value == f"erased-{row.pk}" and row.ended_at for row in rows)
    assert not Opening.objects.filter(
        erased_at=None, value__contains="private-4711"
    ).exists()
