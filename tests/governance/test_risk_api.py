"""Risk through the API: assessments, decisions on tiers, matrices."""

import pytest

from tests.governance.callers import pointers
from tests.governance.test_matrix_publishing import THREE, own
from tests.world import PASSWORD

BODY = {"likelihood": 4, "impact": 4, "rationale": "Wrong refusals harm households."}
KINDS = ["unavailable", "wrong-for-one-case", "decay", "people-gone"]
RISKS = "models/mortgage-approval/risk-assessments"


def scenarios(likelihood=2, impact=2, kinds=KINDS):
    return [
        {"kind": kind, "likelihood": likelihood, "impact": impact, "reason": "It may."}
        for kind in kinds
    ]


@pytest.fixture
def assessed(world, clock, caller):
    """The answer to an assessment with everything in it."""
    world.model(ai_act_class="minimal")
    answer = caller(user="rita").post(
        RISKS,
        {
            **BODY,
            "mitigations": "A clerk decides.",
            "residual_likelihood": 2,
            "residual_impact": 2,
            "exposure": "small",
            "purpose_class": "decision",
            "complexity": "complex",
            "scenarios": scenarios(),
        },
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_an_assessment_says_all_that_was_judged(assessed):
    assert (assessed["score"], assessed["band"], assessed["tier"]) == (16, "high", 2)
    assert [s["kind"] for s in assessed["scenarios"]] == KINDS
    assert {s["score"] for s in assessed["scenarios"]} == {4}
    assert assessed["complexity"] == "complex"
    assert assessed["matrix"] == {"slug": "default", "version": 1}


def test_the_old_body_without_scenarios_still_assesses(world, clock, caller):
    world.model(ai_act_class="minimal")
    answer = caller(user="rita").post(RISKS, BODY)
    assert answer.status_code == 201
    assert answer.json()["scenarios"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scenarios": scenarios(kinds=KINDS[1:])}, "/scenarios"),
        ({"scenarios": scenarios(likelihood=6)}, "/scenarios"),
        ({"scenarios": scenarios(likelihood=5, impact=5)}, "/likelihood"),
        ({"scenarios": [*scenarios(), *scenarios(kinds=["other"])]}, "/scenarios"),
        ({"scenarios": scenarios() * 8}, "/scenarios"),
        ({"likelihood": 6}, "/likelihood"),
        ({"likelihood": 7}, "/likelihood"),
        ({"residual_likelihood": 2}, "/residual_impact"),
        ({"residual_likelihood": 5, "residual_impact": 5}, "/residual_impact"),
        ({"residual_likelihood": 6, "residual_impact": 1}, "/residual_likelihood"),
        ({"matrix": "homemade"}, "/matrix"),
        ({"exposure": "huge"}, "/exposure"),
        ({"rationale": " "}, "/rationale"),
    ],
)
def test_a_wrong_judgement_is_refused_at_its_field(
    world, clock, caller, change, pointer
):
    model = world.model(ai_act_class="minimal")
    answer = caller(user="rita").post(RISKS, {**BODY, **change})
    assert answer.status_code == 422, answer.content
    assert pointer in pointers(answer)
    assert not model.risk_assessments.exists()


def test_large_exposure_in_decisions_is_at_least_tier_2(world, clock, caller):
    world.model(ai_act_class="minimal")
    body = {**BODY, "likelihood": 1, "impact": 1, "exposure": "large"}
    rita = caller(user="rita")
    assert rita.post(RISKS, body).json()["tier"] == 4
    material = rita.post(RISKS, {**body, "purpose_class": "decision"}).json()
    assert material["tier"] == 2
    assert "at least tier 2" in material["floor"]


def test_override_and_reversal_through_the_api(assessed, caller):
    cora, path = caller(user="cora"), f"risk-assessments/{assessed['id']}/overrides"
    body = {"tier": 3, "reason": "It only informs.", "password": PASSWORD}
    refused = caller(user="rita").post(path, body)
    assert refused.status_code == 403
    assert cora.post(path, {**body, "password": "guess"}).status_code == 403
    assert "/password" in pointers(cora.post(path, {**body, "password": ""}))
    made = cora.post(path, body)
    assert made.status_code == 201, made.content
    now = cora.get("models/mortgage-approval/risk").json()
    assert (now["tier"], now["computed_tier"]) == (3, 2)
    assert now["override"]["reason"] == "It only informs."
    assert cora.post(path, body).status_code == 409
    reversal = f"tier-decisions/{made.json()['id']}/reversal"
    signed = {"reason": "It grew.", "password": PASSWORD}
    assert cora.post(reversal, signed).status_code == 201
    assert cora.get("models/mortgage-approval/risk").json()["tier"] == 2
    assert {d["tier"] for d in cora.get("tier-decisions").json()} == {None, 3}


def test_a_reduction_through_the_api(assessed, caller):
    path = f"risk-assessments/{assessed['id']}/reductions"
    body = {"reason": "Controls were tested.", "password": PASSWORD}
    assert caller(user="rita").post(path, body).status_code == 403
    assert caller(user="cora").post(path, body).status_code == 201
    now = caller(user="cora").get("models/mortgage-approval/risk").json()
    assert (now["tier"], now["reduction"]["tier"]) == (3, 3)


def test_a_demand_for_reassessment_through_the_api(assessed, caller):
    path = "models/mortgage-approval/reassessment-demands"
    answer = caller(user="anna").post(path, {"reason": "The vendor was sold."})
    assert answer.status_code == 201, answer.content
    assert caller(user="ben").post(path, {"reason": "No."}).status_code == 403
    now = caller(user="rita").get("models/mortgage-approval/risk").json()
    assert now["due"] == ["The vendor was sold."]
    assert len(caller(user="rita").get(path).json()) == 1


def test_decisions_keep_to_the_models_of_a_token(assessed, caller):
    path = f"risk-assessments/{assessed['id']}/overrides"
    body = {"tier": 3, "reason": "It only informs.", "password": PASSWORD}
    narrow = caller(user="cora", models_pattern="credit-*")
    assert narrow.post(path, body).status_code == 403
    assert caller(user="cora").post(path, body).status_code == 201
    assert narrow.get("tier-decisions").json() == []
    assert narrow.get("models/mortgage-approval/risk").status_code == 403


def test_a_matrix_is_drafted_previewed_and_published(assessed, caller):
    rita, cora = caller(user="rita"), caller(user="cora")
    document = own(THREE, replaces="default")
    body = {"document": document, "reason": "The board asked for it."}
    drafted = rita.post("risk-matrices/drafts", body)
    assert drafted.status_code == 201, drafted.content
    path = f"risk-matrices/drafts/{drafted.json()['id']}"
    seen = cora.get(f"{path}/preview").json()
    assert [c["model"] for c in seen["changes"]] == ["mortgage-approval"]
    assert seen["changes"][0]["due"] is True
    proof = {"preview_sha256": seen["sha256"], "password": PASSWORD}
    assert rita.post(f"{path}/publication", proof).status_code == 409
    stale = {**proof, "preview_sha256": "0" * 64}
    assert pointers(cora.post(f"{path}/publication", stale)) == ["/preview_sha256"]
    published = cora.post(f"{path}/publication", proof)
    assert published.status_code == 201, published.content
    assert published.json()["replaces"] == "default"
    listed = rita.get("risk-matrices").json()
    assert [row["slug"] for row in listed][0] == "house"
    assert {row["slug"] for row in listed} == {"house", "default", "cautious"}
    assert rita.get("risk-matrices/drafts").json()[0]["published"] is True


@pytest.mark.parametrize("document", [None, [], "x: [", {"matrix": "x"}, 7, True])
def test_a_wrong_matrix_is_refused_at_its_document(world, clock, caller, document):
    body = {"document": document, "reason": "Try."}
    answer = caller(user="rita").post("risk-matrices/drafts", body)
    assert answer.status_code == 422
    assert set(pointers(answer)) == {"/document"}


def test_a_token_for_some_models_does_not_see_what_a_matrix_does_to_all(
    world, clock, caller
):
    body = {"document": own(THREE), "reason": "The board asked for it."}
    drafted = caller(user="rita").post("risk-matrices/drafts", body).json()
    path = f"risk-matrices/drafts/{drafted['id']}/preview"
    narrow = caller(user="cora", models_pattern="credit-*")
    assert narrow.get(path).status_code == 403
