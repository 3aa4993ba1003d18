"""The pages of risk: scenarios, tiers, matrices, in both languages."""

import json
import re
from html import unescape

import pytest
from django.urls import reverse

from governance import matrix_publishing, risk
from governance.models import MatrixDraft, RiskAssessment, RiskMatrix
from tests.governance.test_matrix_publishing import THREE, draft, own, publish
from tests.governance.test_pages import as_
from tests.governance.test_pages_acts import SCENARIOS
from tests.world import NOW, PASSWORD


@pytest.fixture
def model(world, clock):
    """Rita assessed it: tier 2, and 3 after controls."""
    found = world.model(ai_act_class="minimal")
    fields = {"inherent": "4x4", "residual": "2x2", "mitigations": "A clerk decides."}
    answer = as_(world.rita).post(
        reverse("web:assess", args=[found.slug]),
        {**fields, **SCENARIOS, "rationale": "Harm.", "exposure": "moderate"},
    )
    assert answer.status_code == 302, answer.content.decode()
    return found


def text(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def signed(user, **fields):
    return {"user_name": user.username, "password": PASSWORD, **fields}


def test_the_form_keeps_the_four_scenarios(model):
    row = RiskAssessment.objects.get()
    assert [s.kind for s in row.scenarios.all()] == [
        *("unavailable", "wrong-for-one-case", "decay", "people-gone")
    ]
    assert row.exposure == "moderate"


def test_a_scenario_worse_than_the_risk_is_said_beside_the_matrix(world, clock):
    found = world.model(ai_act_class="minimal")
    answer = as_(world.rita).post(
        reverse("web:assess", args=[found.slug]),
        {**SCENARIOS, "inherent": "1x1", "rationale": "Harm.", "decay-impact": "5"},
    )
    assert "the risk is not below its worst scenario" in text(answer)
    assert not RiskAssessment.objects.exists()


def test_the_matrix_is_chosen_with_the_keyboard_and_named_in_german(world, clock):
    found = world.model(ai_act_class="minimal")
    page = as_(world.rita)
    page.cookies["django_language"] = "de"
    shown = text(page.get(reverse("web:assess", args=[found.slug])))
    assert shown.count('type="radio" name="inherent"') == 25
    assert "Mittelmäßig" in shown
    assert "Schwerwiegend" in shown
    assert "Sehr wahrscheinlich, sehr groß: Schwerwiegend 25" in shown


def test_another_matrix_is_chosen_by_its_link(world, clock):
    publish(draft(world, own(THREE)), world.cora)
    found = world.model(ai_act_class="minimal")
    address = reverse("web:assess", args=[found.slug])
    shown = text(as_(world.rita).get(address))
    assert "?matrix=cautious" in shown
    assert "?matrix=house" in shown
    fields = {**SCENARIOS, "inherent": "3x3", "rationale": "Harm."}
    answer = as_(world.rita).post(f"{address}?matrix=house", fields)
    assert answer.status_code == 302
    assert RiskAssessment.objects.get().matrix.slug == "house"
    assert as_(world.rita).get(f"{address}?matrix=unheard").status_code == 404


def test_an_override_is_signed_on_the_page_and_taken_back(world, model):
    address = reverse("web:tier", args=[model.slug])
    cora = as_(world.cora)
    fields = signed(world.cora, act="override", tier=3, reason="It only informs.")
    assert "computed: tier 2" in text(cora.get(address))
    assert "password" in text(cora.post(address, {**fields, "password": "guess"}))
    assert cora.post(address, fields).status_code == 302
    shown = text(cora.get(address))
    assert "tier 3 instead of 2" in shown
    assert "It only informs." in shown
    assert "override the computed tier 2 by tier 3" in shown
    page = text(cora.get(reverse("web:model", args=[model.slug])))
    assert "computed: tier 2" in page
    back = signed(world.cora, act="take-back-override", reason="It grew.")
    assert cora.post(address, back).status_code == 302
    assert risk.standing_of(model, NOW).tier == 2


def test_the_assessor_is_told_why_they_cannot_reduce(world, model):
    address = reverse("web:tier", args=[model.slug])
    fields = signed(world.rita, act="reduce", reason="Controls hold.")
    shown = text(as_(world.rita).post(address, fields))
    assert "somebody else decides on the tier" in shown
    assert (
        as_(world.cora)
        .post(address, signed(world.cora, act="reduce", reason="Controls hold."))
        .status_code
        == 302
    )
    assert risk.standing_of(model, NOW).tier == 3


def test_the_first_line_sees_the_tier_and_may_only_demand(world, model):
    address = reverse("web:tier", args=[model.slug])
    shown = text(as_(world.anna).get(address))
    assert "Override the computed tier" not in shown
    fields = {"act": "demand", "reason": "The vendor was sold."}
    assert as_(world.anna).post(address, fields).status_code == 302
    assert "The vendor was sold." in text(as_(world.ines).get(address))
    forged = signed(world.anna, act="override", tier=4, reason="Trust me.")
    as_(world.anna).post(address, forged)
    assert risk.standing_of(model, NOW).override is None


def test_a_matrix_is_drafted_previewed_and_published_on_pages(world, model):
    document = json.dumps(own(THREE, replaces="default"))
    rita, cora = as_(world.rita), as_(world.cora)
    answer = rita.post(
        reverse("web:matrices"), {"document": document, "reason": "The board."}
    )
    row = MatrixDraft.objects.get()
    address = reverse("web:matrix_draft", args=[row.pk])
    assert answer["Location"] == address
    assert "Publish the matrix" not in text(rita.get(address))
    shown = text(cora.get(address))
    assert "Other scales: it falls due for reassessment." in shown
    seen = matrix_publishing.preview(row, at=NOW).sha256
    stale = signed(world.cora, preview_sha256="0" * 64)
    assert "not what you saw" in text(cora.post(address, stale))
    answer = cora.post(address, signed(world.cora, preview_sha256=seen))
    assert answer.status_code == 302
    assert "drafted by Rita Okafor, published by Cora Nilsson" in text(
        cora.get(reverse("web:matrices"))
    )
    shown = text(cora.get(reverse("web:dashboard")))
    (href,) = re.findall(r'href="([^"]+)">1 on other scales<', shown)
    rows = cora.get(unescape(href))
    assert [line.model for line in rows.context["lines"]] == [model]
    assert "on other scales than the matrix that is shown" in text(rows)
    assert "To be assessed anew:" in text(
        cora.get(reverse("web:model", args=[model.slug]))
    )


def test_a_wrong_draft_is_shown_with_each_error(world, clock):
    document = json.dumps(own([[4, 3, 4], [4, 3, 2], [3, 2, 1]]))
    fields = {"document": document, "reason": "Try."}
    shown = text(as_(world.rita).post(reverse("web:matrices"), fields))
    assert "1.3 is milder than 1.2" in shown
    assert not MatrixDraft.objects.exists()
    assert RiskMatrix.objects.count() == 2
