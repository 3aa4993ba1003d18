"""The portfolio's queries say of many what the judge of tiers says of one."""

import json
import logging
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import Max

from governance import matrices, portfolio, risk
from governance.models import (
    ReassessmentDemand,
    RiskAssessment,
    RiskMatrix,
    TierDecision,
)
from governance.portfolio import FilterForm, Moment, Wish
from governance.portfolio.judging import ask, tables, values_at
from registry.digests import canonical_json, sha256_hex
from registry.models import ModelFeed, RegisteredModel
from tests.world import NOW

AI_ACT = RegisteredModel.AIActClass.values
PURPOSES = ["", *RegisteredModel.PurposeClass.values]
DAY = timedelta(days=1)


def judged(moment):
    """What the query says of every model."""
    statement = " ".join((tables(moment), "SELECT * FROM judged"))
    rows = ask(statement, values_at(moment))
    return {row["id"]: (row["tier"], row["computed_tier"]) for row in rows}


def published(world, document, slug, **more):
    """Another version of a matrix, in force since yesterday."""
    text = canonical_json(document).decode()
    return RiskMatrix.objects.create(
        slug=slug,
        version=2,
        document=text,
        sha256=sha256_hex(text.encode()),
        effective_from=NOW - DAY,
        published_by=world.rita,
        published_at=NOW - DAY,
        **more,
    )


def turned(chance):
    """The default matrix with other bands in many cells, stricter and milder ones."""
    document = json.loads(json.dumps(matrices.document_of("default")))
    names = sorted({c["band"] for r in document["cells"].values() for c in r.values()})
    for row in document["cells"].values():
        for cell in row.values():
            if chance.random() < 0.5:
                cell["band"] = chance.choice(names)
    return document


def models_of_all_kinds(world, chance, number):
    """Many models with any combination of what the tier rests on."""
    one = world.model()
    fields = {
        f.attname: getattr(one, f.attname)
        for f in RegisteredModel._meta.concrete_fields
        if f.name != "id"
    }
    rows = [
        RegisteredModel(
            **fields
            | {
                "slug": f"model-{n}",
                "name": f"Model {n % 7}",
                "ai_act_class": chance.choice([*AI_ACT, *["minimal"] * 6]),
                "jurisdictions": chance.choice([[], ["CH"], ["DE"], ["US-NYC", "EU"]]),
                "aedt": chance.choice([None, False, False, True]),
                "gxp": chance.choice([None, False, False, False, True]),
                "credit": chance.random() < 0.1,
                "purpose_class": chance.choice(PURPOSES),
            }
        )
        for n in range(number)
    ]
    return [one, *RegisteredModel.objects.bulk_create(rows)]


def assessments(world, chance, models):
    """None, one or several of each, on the matrices that there are."""
    tables_of = list(RiskMatrix.objects.all())
    rows = []
    for model in models:
        for sequence in range(1, chance.choice([1, 2, 2, 2, 3])):
            matrix = chance.choice(tables_of)
            place = (chance.randint(1, 5), chance.randint(1, 5))
            left = chance.choice([None, chance.randint(1, place[0])])
            cell = matrices.of(matrix).cells[place]
            kept = risk.judged_now(model)
            changed = {**kept, "purpose": "Another."}
            rows.append(
                RiskAssessment(
                    model=model,
                    matrix=matrix,
                    likelihood=place[0],
                    impact=place[1],
                    score=cell.score,
                    band=cell.band,
                    residual_likelihood=left,
                    residual_impact=left and chance.randint(1, place[1]),
                    residual_score=left and 1,
                    residual_band="low" if left else "",
                    tier=min(cell.tier, chance.choice([2, 4, 4])),
                    exposure=chance.choice(["", "small", "large"]),
                    purpose_class=chance.choice(PURPOSES),
                    rationale="So.",
                    judged=chance.choice([kept, kept, kept, changed, {}]),
                    assessed_by=world.rita,
                    assessed_at=NOW - DAY,
                    review_due_on=(NOW + chance.choice([-9, -1, 0, 9]) * DAY).date(),
                    sequence=sequence,
                )
            )
    return RiskAssessment.objects.bulk_create(rows)


def decisions(world, chance, rows):
    """Reductions and overrides, later ones too, some taken back or yet to come."""
    for row in rows:
        for kind in TierDecision.Kind.values:
            for sequence in range(1, chance.choice([1, 1, 2, 3])):
                yield TierDecision(
                    assessment=row,
                    kind=kind,
                    tier=chance.choice([None, 1, 2, 3, 4, 4, 4]),
                    computed_tier=row.tier,
                    feeds_tier_1=chance.random() < 0.5,
                    reason="So.",
                    decided_by=world.cora,
                    decided_at=NOW + chance.choice([-1, -1, -1, 0, 1]) * DAY,
                    sequence=sequence,
                )


def demands(world, chance, rows):
    for row in rows:
        if chance.random() < 0.1:
            yield ReassessmentDemand(
                model=row.model,
                assessment=row,
                reason="New use.",
                demanded_by=world.rita,
                demanded_at=NOW + chance.choice([-1, 1]) * DAY,
            )


def feeds(world, chance, models):
    """Chains and circles of models, some of them ended."""
    for _n in range(len(models) // 2):
        upstream, model = chance.sample(models, 2)
        pair = ModelFeed.objects.filter(upstream=upstream, model=model)
        latest = pair.aggregate(n=Max("sequence"))["n"] or 0
        ModelFeed.objects.create(
            upstream=upstream,
            model=model,
            ended=chance.random() < 0.2,
            declared_by=world.anna,
            declared_at=NOW - DAY,
            sequence=latest + 1,
        )


@pytest.fixture
def bank(world):
    """Makes a portfolio of everything that may be, from a number."""

    def make(seed, number=150):
        chance = random.Random(seed)  # noqa: S311
        published(world, turned(chance), "default")
        other = json.loads(json.dumps(matrices.document_of("default")))
        other["matrix"] = "other"
        other["likelihood"] = [
            {"en": f"Grade {n}", "de": f"Stufe {n}"} for n in range(5)
        ]
        published(world, other, "other", replaces="cautious")
        models = models_of_all_kinds(world, chance, number)
        rows = assessments(world, chance, models)
        TierDecision.objects.bulk_create(decisions(world, chance, rows))
        ReassessmentDemand.objects.bulk_create(demands(world, chance, rows))
        feeds(world, chance, models)
        return models

    return make


@pytest.mark.parametrize("seed", range(4))
def test_the_query_judges_every_model_as_the_judge_does(bank, seed):
    models = bank(seed)
    found = judged(Moment(NOW))
    standings = risk.standings(models, NOW)
    expected = {pk: (s.tier, s.computed_tier) for pk, s in standings.items()}
    assert found == expected
    # The stage is rich enough for each rule to have a say.
    assert {tier for tier, _computed in expected.values()} == {1, 2, 3, 4}
    assert any(s.feeds_tier_1 for s in standings.values())
    assert any(s.lapsed for s in standings.values())
    assert any(s.tier > s.computed_tier for s in standings.values())


@pytest.mark.parametrize(
    "sort", [f"{s}{n}" for n in portfolio.SORTS for s in ("", "-")]
)
def test_pages_tell_every_model_once_forwards_and_backwards(bank, sort):
    models = bank(7, 40)
    wish, moment = Wish(sort=sort), Moment(NOW)
    pages = [portfolio.stretch(wish, moment, size=9)]
    while pages[-1].after:
        pages.append(portfolio.stretch(wish, moment, size=9, after=pages[-1].after))
    slugs = [[row["slug"] for row in page.rows] for page in pages]
    forwards = sum(slugs, [])
    assert len(forwards) == len(set(forwards)) == len(models) == pages[0].total
    assert forwards == [row["slug"] for row in portfolio.every(wish, moment)]
    back = pages[-1]
    for expected in reversed(slugs[:-1]):
        back = portfolio.stretch(wish, moment, size=9, before=back.before)
        assert [row["slug"] for row in back.rows] == expected
    assert back.before == ""
    assert pages[0].before == ""


def test_a_page_behind_an_unknown_model_is_the_first_one(bank):
    bank(3, 12)
    found = portfolio.stretch(Wish(), Moment(NOW), size=5, after="never-was")
    assert found == portfolio.stretch(Wish(), Moment(NOW), size=5)


QUESTIONS = [
    {"tier": "1"},
    {"tier": "4"},
    {"band": "high"},
    {"cell": "4x4"},
    {"cell": "3x5", "residual": "1x1"},
    {"scales": "other"},
    {"review": "overdue"},
    {"review": "soon"},
    {"review": "missing"},
    {"q": "model 3"},
    {"owner": "anna"},
    {"owner": "nobody"},
    {"status": "development"},
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_page_file_and_interface_agree_on_every_filter(bank, caller, clock, question):
    clock(NOW)
    bank(5, 60)
    wish, moment = FilterForm(question).wish(), Moment(NOW)
    page = portfolio.stretch(wish, moment, size=200)
    slugs = [row["slug"] for row in page.rows]
    assert page.total == len(slugs)
    assert [row["slug"] for row in portfolio.every(wish, moment)] == slugs
    rows = portfolio.within(RegisteredModel.objects.all(), wish, moment)
    assert {row.slug for row in rows} == set(slugs)
    answer = caller(user="anna").get(
        "models?limit=200&" + "&".join(f"{k}={v}" for k, v in question.items())
    )
    assert {row["slug"] for row in answer.json()} == set(slugs)


def test_the_interface_refuses_what_the_filter_does_not_have(world, caller):
    answer = caller(user="anna").get("models?tier=9")
    assert answer.status_code == 422


def test_the_figures_count_what_the_rows_tell(bank):
    models = bank(11)
    moment = Moment(NOW)
    found = portfolio.figures(moment)
    assert found.models == len(models)
    rows = list(portfolio.every(Wish(), moment))
    assessed = [row for row in rows if row["assessment_id"]]
    assert found.assessed == len(assessed)
    assert dict(found.tiers) == Counter(row["tier"] for row in assessed)
    assert dict(found.bands) == Counter(row["band"] for row in assessed)
    for name, review in ((found.overdue, "overdue"), (found.soon, "soon")):
        assert name == portfolio.stretch(Wish(review=review), moment, size=1).total
    for place, count in found.places.items():
        assert count == portfolio.stretch(Wish(cell=place), moment, size=1).total
    assert sum(found.places.values()) + found.elsewhere == found.assessed
    assert found.elsewhere > 0
    other = portfolio.stretch(Wish(elsewhere=True), moment, size=1).total
    assert found.elsewhere == other
    assert found.moves
    for move in found.moves[:9]:
        wish = Wish(cell=move.source, residual=move.target)
        assert move.models == portfolio.stretch(wish, moment, size=1).total


def test_a_tier_that_the_query_gets_wrong_is_the_judges_and_a_fault(
    world, client, clock, monkeypatch, caplog
):
    world.assessed(world.model(credit=True, ai_act_class="minimal"), 1, 1)
    client.force_login(world.ines)
    monkeypatch.setattr(risk, "standings", wrong_by_one(risk.standings))
    with caplog.at_level(logging.ERROR):
        answer = client.get("/models/")
    assert [line.tier for line in answer.context["lines"]] == [1]
    assert "mortgage-approval" in caplog.text


def wrong_by_one(judge):
    """A judge who is stricter than the query."""

    def stricter(*args, **more):
        found = judge(*args, **more)
        return {pk: replace(row, tier=row.tier - 1) for pk, row in found.items()}

    return stricter
