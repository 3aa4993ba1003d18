"""A validator validates on conditions; whoever may sign asks for changes."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.urls import reverse

from governance import approvals, registration, roles
from governance.case import Case
from governance.conditions import Stated, UnusableCondition
from governance.lifecycle import status_of
from governance.models import Authorisation, Notification, Status
from governance.requirements.quorum import progress
from governance.signatures import Proof
from registry.models import Role
from tests.governance.test_approval_pages import as_
from tests.governance.test_duties import held, sign, submit
from tests.governance.test_gate import ask
from tests.world import NOW, PASSWORD, later

LAST_DAY = (NOW + timedelta(days=30)).date()
UNTIL = Stated("until", {"until": LAST_DAY.isoformat()})
TRAFFIC = Stated("traffic", {"at_most_percent": 10})
WHY = "Explain why the floor of incomes is where it is."


def review(request, by, *stated, at=NOW):
    return approvals.sign(
        request=request,
        meaning="review",
        proof=Proof(password=PASSWORD),
        stated=stated,
        by=by,
        at=at,
    )


def send_back(request, by, at=NOW, reason=WHY):
    return approvals.request_changes(request=request, reason=reason, by=by, at=at)


def elsewhere(world):
    return registration.register_environment(
        slug="staging", name="Staging", by=world.ola
    )


@pytest.mark.parametrize("who", ["vera", "carl"])
def test_a_validator_or_approver_sends_it_back_with_a_reason(world, who):
    request = submit(world, world.ready())
    row = send_back(request, getattr(world, who))
    assert (row.reason, row.returned) == (WHY, True)
    version = request.version
    assert status_of(version) == Status.CHANGES_REQUESTED
    assert version.status_changes.order_by("-sequence").first().reason == WHY
    told = Notification.objects.get(recipient=world.anna)
    assert WHY in told.text


def test_what_was_sent_back_is_signed_by_nobody_and_its_signatures_stay(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    send_back(request, world.carl)
    with pytest.raises(approvals.NotOpen):
        sign(request, world.carl, "approval")
    assert [s.signed_by for s in request.signatures.all()] == [world.vera]
    case = Case(request.version, world.production, later(hours=1))
    assert progress(case).signed == ()


def test_the_owner_mends_it_and_submits_it_again(world):
    first = submit(world, world.ready())
    sign(first, world.vera)
    send_back(first, world.vera)
    second = approvals.submit(
        version=first.version, environment=world.production, by=world.anna, at=NOW
    )
    assert status_of(first.version) == Status.IN_VALIDATION
    sign(second, world.vera)
    sign(second, world.carl, "approval")
    assert Authorisation.objects.get().request == second
    statuses = first.version.status_changes.order_by("sequence")
    assert [row.status for row in statuses][-4:] == [
        "in-validation",
        "changes-requested",
        "in-validation",
        "approved",
    ]


def test_it_needs_a_reason_an_open_request_and_a_right_to_sign(world):
    request = submit(world, world.ready())
    with pytest.raises(approvals.CommentNeeded):
        send_back(request, world.vera, reason=" ")
    for stranger in (world.ben, world.ola, world.ines, world.adam):
        with pytest.raises(roles.NotAllowed):
            send_back(request, stranger)
    send_back(request, world.vera)
    with pytest.raises(approvals.NotOpen):
        send_back(request, world.carl)


def test_who_had_a_hand_in_it_withdraws_and_sends_nothing_back(world):
    request = submit(world, world.ready())
    held(world.ben, Role.VALIDATOR)
    with pytest.raises(approvals.SameHand, match="cannot send it back"):
        send_back(request, world.ben)


def test_what_runs_already_stays_approved_when_another_place_is_refused(world):
    version = world.ready()
    request = submit(world, version)
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    other = approvals.submit(
        version=version, environment=elsewhere(world), by=world.anna, at=NOW
    )
    send_back(other, world.vera)
    assert status_of(version) == Status.APPROVED


def test_a_review_on_conditions_validates_conditionally(world):
    request = submit(world, world.ready())
    signature = review(request, world.vera, UNTIL, TRAFFIC)
    assert status_of(request.version) == Status.CONDITIONALLY_VALIDATED
    assert LAST_DAY.isoformat() in signature.statement
    assert "10 % of the traffic" in signature.statement


def test_a_conditional_validation_needs_a_last_day_to_come(world):
    request = submit(world, world.ready())
    with pytest.raises(UnusableCondition, match="last day"):
        review(request, world.vera, TRAFFIC)
    past = (NOW - timedelta(days=1)).date().isoformat()
    with pytest.raises(UnusableCondition, match="to come"):
        review(request, world.vera, Stated("until", {"until": past}), TRAFFIC)
    assert status_of(request.version) == Status.IN_VALIDATION


def test_the_validators_limits_bind_the_authorisation_and_travel_in_the_permit(world):
    request = submit(world, world.ready())
    review(request, world.vera, UNTIL, TRAFFIC)
    sign(request, world.carl, "approval")
    assert status_of(request.version) == Status.APPROVED
    granted = Authorisation.objects.get()
    assert granted.valid_until == datetime.combine(LAST_DAY, time.max, UTC)
    kinds = {row.kind for row in request.conditions.all()}
    assert kinds == {"until", "traffic"}


def test_after_the_last_day_the_gate_denies(world):
    request = submit(world, world.ready())
    review(request, world.vera, UNTIL)
    sign(request, world.carl, "approval")
    assert ask(world).allowed
    after = datetime.combine(LAST_DAY, time.max, UTC) + timedelta(seconds=1)
    assert not ask(world, at=after).allowed


@pytest.mark.parametrize("end", ["reject", "withdraw", "send back"])
def test_what_is_conditionally_validated_ends_as_any_request(world, end):
    request = submit(world, world.ready())
    review(request, world.vera, UNTIL)
    if end == "reject":
        sign(request, world.carl, "rejection", comment="No.")
        expected = Status.REJECTED
    elif end == "withdraw":
        approvals.withdraw(request=request, reason="Wait.", by=world.anna, at=NOW)
        expected = Status.DEVELOPMENT
    else:
        send_back(request, world.carl)
        expected = Status.CHANGES_REQUESTED
    assert status_of(request.version) == expected


def test_changes_are_asked_for_through_the_api(world, caller):
    request = submit(world, world.ready())
    address = f"approval-requests/{request.pk}/change-request"
    assert caller(user="ben").post(address, {"reason": WHY}).status_code == 403
    vera = caller(user="vera")
    assert vera.post(address, {"reason": ""}).status_code in (400, 422)
    assert vera.post(address, {"reason": WHY}).status_code == 201
    shown = vera.get(f"approval-requests/{request.pk}").json()
    assert shown["withdrawn"]
    assert shown["changes_requested"]
    assert vera.post(address, {"reason": WHY}).status_code == 409


def test_changes_are_asked_for_on_the_page(world):
    request = submit(world, world.ready())
    client = as_(world.vera)
    page = reverse("web:approval", args=[request.pk])
    assert "Send it back for changes" in client.get(page).content.decode()
    address = reverse("web:request-changes", args=[request.pk])
    client.post(address, {"reason": WHY})
    text = client.get(page).content.decode()
    assert "changes requested" in text
    assert WHY in text


def test_a_validator_states_limits_on_the_page(world):
    request = submit(world, world.ready())
    client = as_(world.vera)
    page = reverse("web:approval", args=[request.pk])
    said = {
        "meaning": "review",
        "user_name": "vera",
        "password": PASSWORD,
        "traffic": "10",
    }
    refused = client.post(page, said)
    assert "state its last day" in refused.content.decode()
    client.post(page, {**said, "last_day": LAST_DAY.isoformat()})
    assert status_of(request.version) == Status.CONDITIONALLY_VALIDATED
