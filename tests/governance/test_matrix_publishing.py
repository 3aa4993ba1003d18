"""Matrices of one's own: the lint, the preview, and publishing by another person."""

import json
from itertools import product

import pytest
import yaml
from django.db import transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from governance import matrices, matrix_lint, matrix_publishing, risk, roles, signatures
from governance.matrix_lint import InvalidMatrix
from governance.matrix_publishing import CannotPublish
from governance.models import MatrixDraft, RecordSignature, RiskMatrix
from registry.models import RegisteredModel
from tests.world import NOW, PASSWORD, later

PROOF = signatures.Proof(password=PASSWORD)
BANDS = [("low", 4), ("medium", 3), ("high", 2), ("severe", 1)]


def own(rows, slug="house", **more):
    """A document from rows of tiers, the least likelihood first."""
    bands = {tier: name for name, tier in BANDS}
    return {
        "matrix": slug,
        "title": {"en": "House matrix", "de": "Hausmatrix"},
        "likelihood": [{"en": f"L{n}", "de": f"W{n}"} for n in range(1, len(rows) + 1)],
        "impact": [{"en": f"I{n}", "de": f"S{n}"} for n in range(1, len(rows[0]) + 1)],
        "bands": [
            {"band": name, "tier": tier, "title": {"en": name, "de": name.upper()}}
            for name, tier in BANDS
        ],
        "cells": {
            str(lik): {
                str(imp): {"score": lik * imp, "band": bands[tier]}
                for imp, tier in enumerate(row, start=1)
            }
            for lik, row in enumerate(rows, start=1)
        },
        **more,
    }


THREE = [[4, 4, 3], [4, 3, 2], [3, 2, 1]]


def on_default_scales(change):
    """The default matrix with some cells changed, under a name of its own."""
    frozen = matrices.parse(json.dumps(matrices.document_of("default")))
    rows = [
        [change.get((lik, imp), frozen.cells[lik, imp].tier) for imp in range(1, 6)]
        for lik in range(1, 6)
    ]
    return own(
        rows,
        replaces="default",
        likelihood=[vars(name) for name in frozen.likelihoods],
        impact=[vars(name) for name in frozen.impacts],
    )


def draft(world, document, by=None, **more):
    return matrix_publishing.draft(
        text=json.dumps(document),
        reason="The board asked for it.",
        by=by or world.rita,
        at=NOW,
        **more,
    )


def publish(row, by, at=NOW, seen=None):
    sha256 = seen or matrix_publishing.preview(row, at=at).sha256
    return matrix_publishing.publish(
        draft=row, preview_sha256=sha256, proof=PROOF, by=by, at=at
    )


def errors_of(document):
    with pytest.raises(InvalidMatrix) as caught:
        matrix_lint.canonical(json.dumps(document))
    return " ".join(caught.value.errors)


def test_json_and_yaml_give_the_same_canonical_text():
    document = own(THREE)
    as_yaml = {**document, "cells": _numbers(document["cells"])}
    text = matrix_lint.canonical(json.dumps(document))
    assert matrix_lint.canonical(yaml.safe_dump(as_yaml)) == text
    assert matrices.parse(text).look_up(3, 3).tier == 1


def _numbers(cells):
    return {int(k): {int(c): v for c, v in row.items()} for k, row in cells.items()}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[4, 4, 3], [4, 3, 2], [3, 2, 2]], "no cell has the band severe"),
        ([[4, 3, 4], [4, 3, 2], [3, 2, 1]], "1.3 is milder than 1.2"),
        ([[3, 3, 2], [4, 3, 2], [3, 2, 1]], "2.1 is milder than 1.1"),
        ([[4, 3], [2, 1]], "likelihood"),
        ([[4, 4, 4, 3, 3, 2, 1]] * 7, "likelihood"),
    ],
)
def test_what_the_lint_refuses(rows, said):
    assert said in errors_of(own(rows))


def test_a_missing_cell_is_refused():
    document = own(THREE)
    del document["cells"]["2"]["3"]
    assert "$.cells.2" in errors_of(document)


def test_every_tier_needs_a_band():
    document = own(THREE)
    document["bands"][0]["tier"] = 3
    assert "each of the tiers 1 to 4" in errors_of(document)


def test_both_languages_are_needed():
    document = own(THREE)
    del document["impact"][1]["de"]
    assert "'de' is a required property" in errors_of(document)


def test_a_lower_score_for_a_worse_place_is_refused():
    document = own(THREE)
    document["cells"]["3"]["3"]["score"] = 1
    assert "milder" in errors_of(document)


@pytest.mark.parametrize("slug", ["default", "cautious"])
def test_the_built_in_matrices_stay_as_they_are(slug):
    assert "stay as they are" in errors_of(own(THREE, slug=slug))


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: [*a, *a]",
        "[" * 5000,
        "\x00",
        "",
        "1",
        "matrix: !!python/object:os.system {}",
        "x" * 200_000,
        "cells: {1: 2}",
        "? [1]\n: 2",
        "2026-13-45",
    ],
)
def test_a_text_that_is_no_matrix_is_refused_with_a_sentence(text):
    with pytest.raises(InvalidMatrix):
        matrix_lint.canonical(text)


@given(st.integers(3, 6), st.integers(3, 6), st.randoms(use_true_random=False))
def test_a_matrix_passes_the_lint_only_if_worse_is_never_milder(height, width, chance):
    rows = [[chance.randint(1, 4) for _ in range(width)] for _ in range(height)]
    if chance.random() < 0.7:
        rows = [sorted(row, reverse=True) for row in rows]
        columns = [sorted(column, reverse=True) for column in zip(*rows, strict=True)]
        rows = [list(row) for row in zip(*columns, strict=True)]
    fits = {tier for row in rows for tier in row} == {1, 2, 3, 4} and all(
        rows[more][worse] <= rows[lik][imp]
        for lik, imp in product(range(height), range(width))
        for more, worse in product(range(lik, height), range(imp, width))
    )
    try:
        table = matrices.parse(matrix_lint.canonical(json.dumps(own(rows))))
    except InvalidMatrix:
        assert not fits
    else:
        assert fits
        assert [
            [table.look_up(lik + 1, imp + 1).tier for imp in range(width)]
            for lik in range(height)
        ] == rows


def test_who_drafted_a_matrix_does_not_publish_it(world):
    row = draft(world, own(THREE))
    with pytest.raises(CannotPublish, match="does not publish"):
        publish(row, world.rita)
    published = publish(row, world.cora)
    assert (published.slug, published.version) == ("house", 1)
    signed = RecordSignature.objects.get(record_id=published.pk)
    assert published.sha256 in signed.statement


def test_a_draft_is_published_once(world):
    row = draft(world, own(THREE))
    publish(row, world.cora)
    with pytest.raises(CannotPublish, match="published already"):
        publish(MatrixDraft.objects.get(pk=row.pk), world.cora)


def test_the_first_line_neither_drafts_nor_publishes(world):
    with pytest.raises(roles.NotAllowed):
        draft(world, own(THREE), by=world.anna)
    with pytest.raises(roles.NotAllowed):
        publish(draft(world, own(THREE)), world.anna)


def test_a_new_version_takes_the_place_of_the_earlier_one_on_its_date(world):
    publish(draft(world, own(THREE)), world.cora)
    stricter = own([[4, 4, 3], [4, 3, 2], [3, 1, 1]])
    row = draft(world, stricter, effective_from=later(days=10))
    publish(row, world.cora, at=later(hours=1))
    assert matrices.current("house", at=later(days=9)).version == 1
    assert matrices.current("house", at=later(days=10)).version == 2
    assert RiskMatrix.objects.filter(slug="house").count() == 2


def test_what_replaces_the_default_counts_for_new_assessments(world):
    publish(draft(world, own(THREE, replaces="default")), world.cora)
    assert matrices.current(at=NOW).slug == "house"
    with pytest.raises(matrices.OutsideMatrix, match="from 1 to 3"):
        world.assessed(world.model(), 4, 4)


def test_a_matrix_cannot_replace_one_that_took_its_own_place(world):
    publish(draft(world, own(THREE)), world.cora)
    publish(draft(world, own(THREE, slug="newer", replaces="house")), world.cora)
    with pytest.raises(CannotPublish, match="newer took the place of house"):
        draft(world, own(THREE))
    with pytest.raises(CannotPublish, match="no matrix unheard-of"):
        draft(world, own(THREE, slug="x", replaces="unheard-of"))


def test_a_stricter_matrix_binds_at_once_and_a_milder_one_after_a_judgement(world):
    up, down, same = (world.model(slug) for slug in ("up", "down", "same"))
    for model, place in ((up, (3, 3)), (down, (1, 4)), (same, (5, 5))):
        world.assessed(model, *place)
    change = {(3, 3): 2, (4, 3): 2, (1, 4): 4}
    row = draft(world, on_default_scales(change))
    seen = matrix_publishing.preview(row, at=NOW)
    told = {c.model: (c.before, c.after, c.milder, c.due) for c in seen.changes}
    # Anna's models name no EU class and no place: nothing but the cells counts.
    assert told == {"up": (3, 2, None, False), "down": (3, 3, 4, False)}
    publish(row, world.cora)
    assert risk.standing_of(up, NOW).tier == 2
    assert risk.standing_of(down, NOW).tier == 3
    world.assessed(down, 1, 4)
    assert risk.standing_of(down, NOW).tier == 4
    assert risk.latest_assessment(down).matrix.slug == "house"


def test_an_assessment_on_other_scales_is_never_mapped_but_falls_due(world):
    model = world.model()
    world.assessed(model, 3, 3)
    row = draft(world, own(THREE, replaces="default"), effective_from=later(days=5))
    publish(row, world.cora)
    assert risk.standing_of(model, later(days=4)).due == ()
    standing = risk.standing_of(model, later(days=5))
    assert standing.tier == 3
    assert "with other scales" in standing.due[0]


def test_retier_names_the_assessments_that_would_move(world):
    for slug, place in (("a", (3, 3)), ("b", (5, 5))):
        world.assessed(world.model(slug), *place)
    models = RegisteredModel.objects.order_by("slug")
    found = [risk.latest_assessment(model) for model in models]
    table = matrices.parse(json.dumps(on_default_scales({(3, 3): 2, (4, 3): 2})))
    moved = matrices.retier(table, found)
    assert [(c.assessment.model.slug, c.before, c.after) for c in moved] == [
        ("a", 3, 2)
    ]
    others = matrices.retier(matrices.parse(json.dumps(own(THREE))), found)
    assert [c.after for c in others] == [None, None]


def test_a_portfolio_that_changed_after_the_preview_must_be_seen_again(world):
    row = draft(world, own(THREE, replaces="default"))
    seen = matrix_publishing.preview(row, at=NOW).sha256
    world.assessed(world.model(), 3, 3)
    with pytest.raises(CannotPublish, match="not what you saw"):
        publish(row, world.cora, seen=seen)
    assert not RiskMatrix.objects.filter(slug="house").exists()


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=5),
    st.dictionaries(
        st.tuples(st.integers(1, 5), st.integers(1, 5)), st.integers(1, 4), max_size=4
    ),
)
def test_the_preview_is_what_happens_after_publishing(world, places, change):
    document = on_default_scales(_monotone(change))
    used = {c["band"] for row in document["cells"].values() for c in row.values()}
    assume(len(used) == 4)
    with transaction.atomic():
        for number, place in enumerate(places):
            world.assessed(world.model(f"m-{number}"), *place)
        models = list(RegisteredModel.objects.all())
        before = risk.standings(models, NOW)
        row = draft(world, document)
        seen = {c.model: c for c in matrix_publishing.preview(row, at=NOW).changes}
        publish(row, world.cora)
        after = risk.standings(models, NOW)
        for model in models:
            old, new = before[model.pk].tier, after[model.pk].tier
            told = seen.get(model.slug)
            assert (told.before, told.after) == (old, new) if told else old == new
            assert new <= old, "publishing alone makes no tier milder"
        transaction.set_rollback(True)


def _monotone(change):
    """The default's tiers with changes, made stricter where worse would be milder."""
    cells = matrices.parse(json.dumps(matrices.document_of("default"))).cells
    wanted = {place: change.get(place, cell.tier) for place, cell in cells.items()}
    return {
        (lik, imp): min(wanted[a, b] for a, b in wanted if a <= lik and b <= imp)
        for lik, imp in wanted
    }
