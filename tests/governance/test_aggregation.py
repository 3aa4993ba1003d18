"""Aggregate risk along lineage, and concentrations."""

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from governance import (
    aggregation,
    assessing,
    feeding,
    findings,
    risk,
    roles,
    signatures,
    tier_decisions,
)
from governance.models import RecordSignature, Severity
from registry import lineage
from tests.governance.test_pages import as_
from tests.world import NOW, PASSWORD, later


def a_model(world, slug, place, **record):
    model = world.model(slug, name=slug, ai_act_class="minimal", **record)
    world.assessed(model, *place)
    return model


def feed(world, upstream, model, **more):
    return feeding.declare(
        upstream=upstream, model=model, by=world.anna, at=NOW, **more
    )


@pytest.fixture
def chain(world):
    """`scores` (tier 4) feeds `limits` (tier 3), which feeds `capital` (tier 1)."""
    scores = a_model(world, "scores", (1, 1))
    limits = a_model(world, "limits", (3, 3))
    capital = a_model(world, "capital", (5, 5))
    feed(world, scores, limits)
    feed(world, limits, capital)
    return scores, limits, capital


def test_what_feeds_a_tier_1_model_is_not_tier_4(chain):
    scores, limits, capital = chain
    assert risk.standing_of(scores, NOW).tier == 3
    assert risk.standing_of(scores, NOW).feeds_tier_1
    assert [risk.standing_of(m, NOW).tier for m in (limits, capital)] == [3, 1]
    together = risk.standings(chain, NOW)
    assert [together[m.pk].tier for m in chain] == [3, 3, 1]
    assert risk.standings([scores], NOW)[scores.pk].tier == 3


def to_tier_4(world, model, at=NOW):
    return tier_decisions.override(
        assessment=risk.latest_assessment(model),
        tier=4,
        reason="A person retypes its number.",
        proof=signatures.Proof(password=PASSWORD),
        by=world.cora,
        at=at,
    )


def test_a_signed_reason_leaves_it_tier_4(world, chain):
    decision = to_tier_4(world, chain[0])
    standing = risk.standing_of(chain[0], NOW)
    assert (standing.tier, standing.computed_tier) == (4, 3)
    assert standing.feeds_tier_1
    assert (
        "feeds a model of tier 1"
        in RecordSignature.objects.get(record_id=decision.pk).statement
    )


def test_an_override_that_did_not_know_of_the_feed_does_not_count(world, chain):
    _scores, limits, capital = chain
    rates = a_model(world, "rates", (3, 3))
    # The page reads with the clock of today, NOW is tomorrow.
    decision = to_tier_4(world, rates, timezone.now())
    assert risk.standing_of(rates, NOW).tier == 4
    feed(world, rates, limits)
    standing = risk.standing_of(rates, NOW)
    assert (standing.tier, standing.lapsed) == (3, (decision,))
    page = as_(world.anna).get(reverse("web:tier", args=[rates.slug]))
    assert "signed before that, and does not count" in page.content.decode()
    tier_decisions.take_back(
        decision=decision,
        reason="It feeds the limits now.",
        proof=signatures.Proof(password=PASSWORD),
        by=world.cora,
        at=NOW,
    )
    to_tier_4(world, rates)
    assert risk.standings([rates, capital], NOW)[rates.pk].tier == 4


def test_a_feed_that_ended_raises_nothing(world, chain):
    scores, limits, _capital = chain
    with pytest.raises(feeding.CannotFeed, match="why"):
        feed(world, scores, limits, ended=True)
    feed(world, scores, limits, ended=True, note="Replaced by a table.")
    assert risk.standing_of(scores, NOW).tier == 4
    with pytest.raises(feeding.CannotFeed, match="not declared"):
        feed(world, scores, limits, ended=True, note="Again.")


def test_circles_end(world, chain):
    scores, _limits, capital = chain
    feed(world, capital, scores)
    found = aggregation.aggregate_of(scores, NOW)
    assert found.circular
    assert {row.slug for row in found.upstream} == {"limits", "capital"}
    assert risk.standing_of(scores, NOW).tier == 3
    with pytest.raises(feeding.CannotFeed, match="itself"):
        feed(world, scores, scores)


def test_who_may_not_change_the_record_declares_no_feed(world, chain):
    with pytest.raises(roles.NotAllowed):
        feeding.declare(upstream=chain[0], model=chain[2], by=world.ben, at=NOW)


def test_open_findings_travel_down(world, chain):
    scores, _limits, capital = chain
    findings.raise_finding(
        model=scores,
        severity=Severity.HIGH,
        title="Old data",
        text="It learned from 2019.",
        due_on=later(days=30).date(),
        by=world.vera,
        at=NOW,
    )
    inherited = aggregation.aggregate_of(capital, NOW).inherited
    assert [row.finding.title for row in inherited] == ["Old data"]
    assert aggregation.aggregate_of(scores, NOW).inherited == ()
    assert aggregation.aggregate_of(scores, NOW).worst_tier == 1


def test_concentration_by_vendor_foundation_model_and_data_set(world):
    one = a_model(world, "one", (5, 5), vendor="Acme  Ltd", foundation_model="GPT")
    a_model(world, "two", (1, 1), vendor="Acme Ltd")
    data = world.data()
    for model in (one, world.model("three")):
        version = world.version(model)
        version.version_datasets.create(dataset_version=data, use="training")
    found = {(r.kind, r.name): r for r in aggregation.concentrations(NOW)}
    acme = found["vendor", "Acme Ltd"]
    assert (acme.models, acme.tiers, acme.of) == (2, (1, 0, 0, 1), 3)
    assert acme.share == pytest.approx(2 / 3)
    assert found["foundation-model", "GPT"].models == 1
    # A model that nobody assessed counts as tier 1.
    assert found["data-set", "Applications"].tiers == (2, 0, 0, 0)


def test_the_pages_show_it_and_take_a_feed(world, chain):
    scores, _limits, capital = chain
    address = reverse("web:aggregate", args=[capital.slug])
    fields = {"upstream": scores.pk, "note": ""}
    assert as_(world.anna).post(address, fields).status_code == 302
    shown = as_(world.ines).get(address).content.decode()
    assert "scores" in shown
    assert "Declare what feeds it" not in shown
    raised = as_(world.ines).get(reverse("web:aggregate", args=[scores.slug]))
    assert "not tier 4 without a signed reason" in raised.content.decode()
    shown = as_(world.ines).get(reverse("web:concentration"))
    assert shown.status_code == 200


def test_the_api_tells_it_to_tokens_for_all_models(world, clock, chain, caller):
    wide, narrow = caller(user="rita"), caller(user="rita", models_pattern="sc*")
    assert wide.get("risk/concentration").status_code == 200
    assert narrow.get("risk/concentration").status_code == 403
    told = wide.get("models/scores/aggregate-risk").json()
    assert (told["tier"], told["worst_tier"], told["raised"]) == (3, 1, True)
    assert [row["slug"] for row in told["downstream"]] == ["capital", "limits"]
    answer = wide.post("models/scores/feeds", {"upstream": "unheard-of"})
    assert answer.status_code == 422
    assert wide.post("models/scores/feeds", {"upstream": "limits"}).status_code == 201
    assert len(wide.get("models/scores/feeds").json()) == 1


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_reach_is_the_transitive_closure(pairs):
    """Held against Warshall's algorithm."""
    closed = {(a, b): (a, b) in pairs for a in range(8) for b in range(8)}
    for k in range(8):
        for a in range(8):
            for b in range(8):
                closed[a, b] |= closed[a, k] and closed[k, b]
    steps = lineage.neighbours(pairs)
    for a in range(8):
        assert lineage.reach([a], steps) == {b for b in range(8) if closed[a, b]}


def test_an_unassessed_consumer_counts_as_tier_1(world):
    scores = a_model(world, "scores", (1, 1))
    feed(world, scores, world.model("unjudged"))
    assert risk.standing_of(scores, NOW).tier == 3
    assert assessing.REVIEW_DAYS[4] == 730
