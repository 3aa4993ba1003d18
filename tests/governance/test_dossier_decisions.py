"""What the dossier says of decisions: tiers, declarations, conditions, challenges."""

import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from audits.charts import Chart
from governance import (
    approvals,
    assessing,
    challenges,
    conditions,
    declaring,
    tier_decisions,
)
from governance.dossier import facts, risks
from governance.dossier.figuring import Drawing
from governance.inventory_words import LABELS
from governance.registration import INVENTORY_FIELDS
from governance.signatures import Proof
from tests import world
from tests.governance.dossier_stage import Stage
from tests.governance.test_dossier_build import built, words_of
from tests.world import PASSWORD

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
PROOF = Proof(password=PASSWORD)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def scenarios():
    return [
        assessing.Scenario(kind, 2, 3, f"Reason for {kind}.")
        for kind in assessing.NEEDED
    ]


def debated(stage):
    """A version with everything that people can decide around its approval."""
    model = stage.model(generative=False, gxp=True, fria_required=True)
    version = stage.version(model)
    stage.measured_with_figures(version)
    row = assessing.assess(
        model=model,
        likelihood=4,
        impact=4,
        rationale="Wrong refusals harm households.",
        scenarios=scenarios(),
        by=stage.rita,
        at=timezone.now(),
    )
    tier_decisions.override(
        assessment=row,
        tier=1,
        reason="The supervisor asked for it.",
        proof=PROOF,
        by=stage.cora,
        at=timezone.now(),
    )
    declaring.declare(
        kind="monitoring_plan",
        fields={
            "metrics": "AUC",
            "thresholds": "0.75, 0.70",
            "frequency_days": 30,
            "owner": "Anna Lindqvist",
        },
        model=model,
        proof=PROOF,
        by=stage.anna,
        at=timezone.now(),
    )
    request = approvals.submit(
        version=version, environment=stage.production, by=stage.anna, at=timezone.now()
    )
    asked = challenges.challenge(
        request=request,
        question="Does it hold in a recession?",
        expertise="Twelve years of credit risk.",
        independence="Not in the development team.",
        by=stage.rolf,
        at=timezone.now(),
    )
    challenges.respond(
        challenge=asked, text="See the stress test.", by=stage.ben, at=timezone.now()
    )
    challenges.dispose(
        challenge=asked,
        outcome="maintained",
        reason="It simulates only.",
        by=stage.rolf,
        at=timezone.now(),
    )
    dissent = challenges.dissent(
        request=request, reason="Too thin a sample.", by=stage.rolf, at=timezone.now()
    )
    challenges.override(
        dissent=dissent,
        reason="The traffic is capped.",
        proof=PROOF,
        by=stage.eva,
        at=timezone.now(),
    )
    limits = [{"kind": "traffic", "terms": {"at_most_percent": 10}}]
    for meaning, by, stated in (
        ("review", stage.vera, []),
        ("approval", stage.carl, limits),
    ):
        approvals.sign(
            request=request,
            meaning=meaning,
            proof=PROOF,
            stated=conditions.read(stated),
            by=by,
            at=timezone.now(),
        )
    return version


def test_a_dossier_tells_what_people_decided_and_proves_it(stage):
    version = debated(stage)
    dossier, reader = built(stage.asked(version))
    text = re.sub(r"\s+", " ", words_of(reader))
    for expected in (
        "Used in a GxP process",
        "Fundamental rights impact assessment is required",
        "Tier that binds 1 overridden",
        "tier 1 instead of 2",
        "The supervisor asked for it.",
        "override the computed tier 2 by tier 1",
        "The people who can maintain it are gone",
        "Reason for people-gone.",
        "0.75, 0.70",
        "No data, because nobody had declared anything about it by then.",
        "It takes at most 10 % of the traffic.",
        "nothing reported by then",
        "Does it hold in a recession?",
        "See the stress test.",
        "Maintained: It simulates only.",
        "Too thin a sample.",
        "The traffic is capped.",
        "override the dissent of Rolf Weber",
    ):
        assert expected in text, expected
    told = json.loads(reader.attachments["dossier.json"][0])
    assert told["standing"]["tier"] == 1
    assert told["standing"]["computed_tier"] == 2
    assert told["evaluations"][0]["tier"] == 1
    (decided,) = told["assessments"][0]["decisions"]
    assert [s["holds"] for s in decided["signatures"]] == [True]
    assert [s["holds"] for s in told["declarations"][0]["signatures"]] == [True]
    (dissent,) = told["approvals"][0]["dissents"]
    assert [s["holds"] for s in dissent["signatures"]] == [True]
    extract = json.loads(reader.attachments["log-extract.json"][0])
    proved = {json.loads(item["body"])["rel"] for item in extract["entries"]}
    assert {
        "public.governance_riskscenario",
        "public.governance_tierdecision",
        "public.governance_declaration",
        "public.governance_condition",
        "public.governance_challenge",
        "public.governance_challengeresponse",
        "public.governance_challengedisposition",
        "public.governance_dissent",
        "public.governance_dissentoverride",
        "public.governance_recordsignature",
    } <= proved


def test_a_decision_on_the_tier_is_told_only_from_its_moment(stage):
    model = stage.model()
    row = assessing.assess(
        model=model,
        likelihood=4,
        impact=4,
        rationale="Harm.",
        by=stage.rita,
        at=timezone.now(),
    )
    before = timezone.now()
    tier_decisions.override(
        assessment=row,
        tier=1,
        reason="Stricter.",
        proof=PROOF,
        by=stage.cora,
        at=before + timedelta(seconds=1),
    )
    (then,) = risks.assessments(model, at=before)
    (later,) = risks.assessments(model, at=before + timedelta(seconds=2))
    assert (then.decisions, len(later.decisions)) == ((), 1)


def test_what_nobody_recorded_is_said_with_the_reason(stage):
    version = stage.version(stage.model())
    dossier, reader = built(stage.asked(version))
    text = re.sub(r"\s+", " ", words_of(reader))
    assert "12 Human oversight No data, because nobody had declared anything" in text
    assert "It can be declared: Plan of human oversight (" in text
    assert "No data, because no incident had been recorded by then." in text
    assert "waivers and emergency releases" not in text


def test_the_inventory_record_is_told_with_every_field_under_one_label(stage):
    told = facts.inventory(stage.model(gxp=True)).fields
    found = {field.name: (field.label, field.value) for field in told}
    assert set(INVENTORY_FIELDS) - {"name"} <= set(found)
    assert found["gxp"] == (str(LABELS["gxp"]), "yes")


@pytest.mark.parametrize(("rows", "printed", "left"), [(40, 40, 0), (41, 40, 1)])
def test_a_long_table_of_a_figure_is_cut_on_paper_and_says_so(rows, printed, left):
    chart = Chart("shap-age", "Age", "Age", {}, ("a", "b"), ((1.0, 2.0),) * rows)
    item = Drawing(1, chart)
    assert (len(item.printed), item.left_out) == (printed, left)
