"""Servers and what their places mean: by two hands."""

import pytest

from governance import forges
from governance.models import Forge, ForgeRequest
from governance.records import Refused
from governance.roles import NotAllowed
from governance.signatures import Proof
from tests.governance.forge_world import PLACES, agreed, ask, registered, send, work
from tests.governance.test_gate import approved
from tests.world import NOW, PASSWORD

State = ForgeRequest.State


def test_two_hands_make_a_place_and_one_ends_it(world, outside, make_forge):
    forge = make_forge()
    with pytest.raises(forges.WrongState):
        agreed(world, forge)  # the numbers mean something already
    row = forges.read().exclude(confirmation=None).get()
    forges.end_place(place=row, reason="Moved.", by=world.rita, at=NOW)
    agreed(world, forge)
    ask(world, "github")
    send(forge)
    forges.end(forge=forge, reason="Moved.", by=world.adam, at=NOW)
    assert work(world).state == State.GIVEN_UP
    assert outside.seen == []
    with pytest.raises(forges.NotGenuine):
        forges.find(forge.name)
    with pytest.raises(forges.WrongState):
        forges.end(forge=forge, reason="Moved.", by=world.adam, at=NOW)


def test_nobody_agrees_alone_and_no_machine_agrees(world, outside):
    forge, _secret = registered(world, "github", outside.url)
    row = forges.propose(forge=forge, place=PLACES["github"], by=world.adam, at=NOW)
    proof = Proof(password=PASSWORD)
    for by in (world.adam, world.ben, forge.user):
        with pytest.raises(NotAllowed):
            forges.confirm(place=row, proof=proof, by=by, at=NOW)
    with pytest.raises(NotAllowed):
        forges.propose(forge=forge, place=PLACES["github"], by=world.rita, at=NOW)
    approved(world)
    ask(world, "github")
    send(forge)
    assert "Nobody agreed" in work(world).reason


def test_a_server_that_could_not_be_answered_is_refused(world, outside):
    for kind, field, value in [
        ("github", "address", "https://user@api.github.com"),
        ("github", "address", "http://169.254.169.254"),
        ("github", "address", "ftp://api.github.com"),
        ("github", "issuer", "http://x"),
        ("github", "app_id", ""),
        ("github", "app_id", "x"),
        ("github", "credential", "not a key"),
        ("gitlab", "credential", "a\r\nX: y"),
        ("gitlab", "credential", ""),
        ("azure-devops", "credential", "a-token-of-ours"),
        ("github", "name", "Not A Slug"),
    ]:
        with pytest.raises(Refused) as refusal:
            registered(world, kind, **{"address": outside.url, field: value})
        assert field in refusal.value.errors
    assert not Forge.objects.exists()
