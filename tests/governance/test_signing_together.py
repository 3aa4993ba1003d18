"""Several signatures with one proof, attacked; and the draws of the fast lane."""

import hashlib

import pytest
from django.urls import reverse

from governance import approvals, conditions, fast_lane
from governance.models import Draw, DrawReview, Signature, SignatureAttempt
from registry.models import Role
from tests.governance.test_approval_pages import as_
from tests.governance.test_conditions import checkpoint, lane
from tests.governance.test_duties import held, submit
from tests.world import PASSWORD, later

PROVEN = {"user_name": "vera", "password": PASSWORD}


@pytest.fixture
def two(world):
    """Two requests that wait for Vera's review."""
    return [submit(world, world.ready(slug)) for slug in ("mortgage-approval", "cards")]


def choice(request, meaning="review", digest=""):
    return f"{request.pk} {meaning} {digest or request.subject_sha256}"


def post(client, *chosen, **more):
    said = {**PROVEN, **more, "chosen": list(chosen)}
    return client.post(reverse("web:together"), said)


def test_each_item_is_shown_with_its_own_sentence_and_digest(world, two):
    page = as_(world.vera).get(reverse("web:together")).content.decode()
    for request in two:
        assert f"all bound by the record {request.subject_sha256}" in page
        assert f'value="{choice(request)}"' in page
        assert reverse("web:approval", args=[request.pk]) in page


def test_what_was_chosen_is_signed_with_one_proof_and_nothing_else(world, two):
    answer = post(as_(world.vera), choice(two[0]))
    assert answer.status_code == 302
    row = Signature.objects.get()
    assert (row.request, row.signed_by, row.meaning) == (two[0], world.vera, "review")


def test_all_that_was_chosen_is_signed_each_with_its_own_statement(world, two):
    post(as_(world.vera), *map(choice, two))
    rows = Signature.objects.all()
    assert {row.request for row in rows} == set(two)
    assert all(row.request.subject_sha256 in row.statement for row in rows)


@pytest.mark.parametrize(
    "hostile",
    [
        "digest of another record",
        "twice the same",
        "another meaning",
        "a rejection without a reason",
        "no request",
        "nonsense",
        "nothing",
    ],
)
def test_one_wrong_choice_leaves_all_unsigned(world, two, hostile):
    first, other = two
    chosen = {
        "digest of another record": (
            choice(first),
            choice(other, digest=first.subject_sha256),
        ),
        "twice the same": (choice(first), choice(first)),
        "another meaning": (choice(first), choice(other, "approval")),
        "a rejection without a reason": (choice(first), choice(other, "rejection")),
        "no request": (choice(first), f"{world.anna.pk} review {'0' * 64}"),
        "nonsense": (choice(first), "' OR 1=1 --"),
        "nothing": (),
    }[hostile]
    answer = post(as_(world.vera), *chosen)
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()
    assert not Signature.objects.exists()


def test_an_item_that_changed_since_it_was_shown_is_not_signed(world, two):
    """The digest that was shown is still the request's; what it says no longer is."""
    world.measured(two[1].version, world.data(), at=later(hours=1))
    answer = post(as_(world.vera), *map(choice, two))
    assert "changed since this was submitted" in answer.content.decode()
    assert not Signature.objects.exists()


def test_what_was_signed_together_is_not_signed_again(world, two):
    client = as_(world.vera)
    post(client, *map(choice, two))
    answer = post(client, *map(choice, two))
    assert "has signed already" in answer.content.decode()
    assert Signature.objects.count() == 2


def test_a_wrong_password_signs_nothing_keeps_the_choice_and_counts(world, two):
    answer = post(as_(world.vera), choice(two[0]), password="guess")
    assert not Signature.objects.exists()
    assert SignatureAttempt.objects.get().attempted_by == world.vera
    assert f'value="{choice(two[0])}" checked' in answer.content.decode()


def test_who_had_a_hand_in_one_of_them_signs_none(world, two):
    held(world.ben, Role.VALIDATOR)
    answer = post(as_(world.ben), *map(choice, two), user_name="ben")
    assert answer.status_code == 200
    assert not Signature.objects.exists()


def test_a_token_for_one_model_signs_no_other_models_record(world, two, caller):
    items = [
        {"request": str(r.pk), "subject_sha256": r.subject_sha256, "meaning": "review"}
        for r in two
    ]
    narrow = caller(user="vera", models_pattern="cards")
    answer = narrow.post("signature-batches", {"wanted": items, "password": PASSWORD})
    assert answer.status_code == 403
    assert not Signature.objects.exists()
    one = narrow.post("signature-batches", {"wanted": items[1:], "password": PASSWORD})
    assert one.status_code == 201


def test_nothing_in_the_batch_is_conditional(world, two):
    """Conditions are stated where the whole record is read."""
    with pytest.raises(TypeError):
        approvals.Wanted(
            two[0],
            "review",
            two[0].subject_sha256,
            stated=(conditions.Stated("traffic", {}),),
        )


@pytest.fixture
def drawn(world):
    """A tier 4 approval of the fast lane that was drawn."""
    lane(world, 100)
    checkpoint(later(hours=1))
    fast_lane.draw_all(at=later(hours=2))
    return Draw.objects.get()


def test_the_pages_of_draws_show_the_seed_and_how_to_compute_it(world, drawn):
    client = as_(world.vera)
    assert str(drawn.authorisation.version) in (
        client.get(reverse("web:draws")).content.decode()
    )
    page = client.get(reverse("web:draw", args=[drawn.pk])).content.decode()
    for needed in (drawn.root_sha256, str(drawn.authorisation_id), "SHA-256 over"):
        assert needed in page
    text = f"{drawn.root_sha256} {drawn.authorisation_id}".encode()
    number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % 100
    assert drawn.drawn == (number < drawn.percent)


def test_what_was_drawn_is_reviewed_on_its_page_by_somebody_else(world, drawn):
    address = reverse("web:draw", args=[drawn.pk])
    said = {"act": "review", "confirmed": "on", "text": "Read the reports again."}
    refused = as_(world.carl).post(address, said)
    assert "did not sign" in refused.content.decode()
    assert not DrawReview.objects.exists()
    as_(world.vera).post(address, said)
    row = DrawReview.objects.get()
    assert (row.confirmed, row.reviewed_by) == (True, world.vera)


def test_draws_through_the_api_can_be_computed_again(world, drawn, caller):
    (shown,) = caller(user="ines").get("draws").json()
    assert fast_lane.is_drawn(
        root_sha256=shown["root_sha256"],
        authorisation_id=drawn.authorisation_id,
        percent=shown["percent"],
    )
    assert shown["authorisation"] == str(drawn.authorisation_id)


def test_a_batch_is_one_proof_of_who_is_logged_in_not_of_a_typed_name(world, two):
    answer = post(as_(world.carl), *map(choice, two))
    assert "user name or the password is wrong" in answer.content.decode()
    assert not Signature.objects.exists()
