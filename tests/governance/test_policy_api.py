"""Packs, drafts, evaluations and simulations through the API."""

from uuid import uuid4

import pytest
from django.test import Client

from governance import access
from tests.governance.test_publishing import TEXT, approved, approver, author
from tests.world import NOW, PASSWORD

__all__ = ["approver", "author"]


def client(user):
    _token, secret = access.issue_token(
        name=user.username, user=user, by=access.system_user(), at=NOW
    )
    return Client(headers={"Authorization": f"Bearer {secret}"})


def post(caller, url, **body):
    return caller.post(f"/api/v1/{url}", body, content_type="application/json")


def test_a_pack_is_written_simulated_and_published_through_the_api(
    world, author, approver
):
    approved(world)
    writes, publishes = client(author), client(approver)
    draft = post(writes, "policy-drafts", document=TEXT).json()
    assert draft["state"] == "draft"
    address = f"policy-drafts/{draft['id']}"
    simulated = post(writes, f"{address}/simulations")
    assert (simulated.status_code, simulated.json()["losing"]) == (201, 0)
    found = writes.get(f"/api/v1/simulations/{simulated.json()['id']}").json()
    assert found["document"]["losses"] == []
    assert post(writes, f"{address}/review").json()["state"] == "review"
    signed = {"sha256": draft["sha256"], "password": PASSWORD}
    refused = post(client(world.rita), f"{address}/publication", **signed)
    assert refused.status_code == 403
    wrong = {**signed, "password": "guess"}
    assert post(publishes, f"{address}/publication", **wrong).status_code == 403
    published = post(publishes, f"{address}/publication", **signed)
    assert published.status_code == 201
    versions = writes.get("/api/v1/policies/first-policy/versions").json()
    assert [row["version"] for row in versions] == ["2026.12.0", "2026.11.0"]
    one = writes.get("/api/v1/policies/first-policy/versions/2026.12.0").json()
    assert one["document"] == TEXT
    ended = post(
        publishes,
        "policies/first-policy/end",
        ends_at="2040-01-01T00:00:00Z",
        reason="Replaced.",
        password=PASSWORD,
    )
    assert ended.status_code == 201
    assert ended.json()["proposed"]


@pytest.mark.parametrize("kind", ["end", "early-adoption"])
def test_what_weakens_policy_is_confirmed_through_the_api(world, approver, kind):
    publishes, confirms = client(approver), client(world.rita)
    address = f"policies/first-policy/{kind}"
    why = {"reason": "So.", "password": PASSWORD}
    if kind == "early-adoption":
        adopted = post(publishes, address, adopted=True, **why).json()
        assert (adopted["adopted"], adopted["proposed"]) == (True, False)
        proposed = post(publishes, address, adopted=False, **why)
    else:
        proposed = post(publishes, address, ends_at="2040-01-01T00:00:00Z", **why)
    assert proposed.status_code == 201
    said = {"proposal": proposed.json()["id"], "password": PASSWORD}
    door = f"{address}/confirmation"
    answers = [
        post(publishes, door, **said),
        post(client(world.anna), door, **said),
        post(confirms, door, **{**said, "password": "guess"}),
        post(confirms, door, password=PASSWORD),
        post(confirms, door, **{**said, "proposal": str(uuid4())}),
        post(confirms, door, **said),
        post(client(world.cora), door, **said),
    ]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [403, 403, 403, 422, 404, 201, 409]
    assert "somebody else" in answers[0].json()["detail"]
    listed = confirms.get(f"/api/v1/{address}").json()
    assert [row["proposed"] for row in listed][:2] == [False, True]
    assert listed[0]["confirms"] == listed[1]["id"] == said["proposal"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "one of the two"),
        ({"document": "pack: 1"}, "version"),
        ({"shipped": "nothing"}, "shipped"),
    ],
)
def test_a_draft_that_is_no_pack_is_refused_with_reasons(world, author, body, told):
    answer = post(client(author), "policy-drafts", **body)
    assert answer.status_code == 422
    assert told in answer.content.decode()


def test_an_evaluation_is_kept_on_demand_and_repeats(world):
    approved(world)
    caller = client(world.rita)
    url = "models/mortgage-approval/versions/1/evaluations"
    row = post(caller, url, environment="production").json()
    found = caller.get(f"/api/v1/evaluations/{row['id']}").json()
    assert found["repeats"]
    assert found["document"]["tier"] == 2
    occasions = {item["occasion"] for item in caller.get(f"/api/v1/{url}").json()}
    assert occasions == {"demand", "signature", "submission"}
