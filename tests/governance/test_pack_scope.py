"""What nobody recorded takes no model out of a pack, and no duty out of a rule."""

from datetime import timedelta

import pytest

from governance import policy
from governance.case import Case
from governance.models import AuthorisationChange, PolicyPack
from governance.policy.force import InForce
from governance.requirements.providers import PROVIDERS
from governance.surroundings import Together
from tests.governance.test_gate import approved
from tests.governance.test_shipped_packs import NAMES, PACKS, RULES, declare
from tests.world import EVERYWHERE, NOW, later

pytestmark = pytest.mark.django_db
SHELF = [
    InForce(PolicyPack(slug=name, version=PACKS[name].version, document=text))
    for name, text in (
        (name, (policy.SHIPPED / f"{name}.yaml").read_text("utf-8")) for name in NAMES
    )
]


def case_of(world, **record):
    version = world.version(world.model(**record))
    return Case(version, world.production, NOW)


def applying(case):
    return {found.pack.slug for found in policy.applying(SHELF, case.values)}


def bound(case):
    packs = policy.applying(SHELF, case.values)
    found = policy.bound(packs, tier=1, on=NOW.date(), read=case.values)
    return {item.rule.id: item.unknown for item in found}


def test_a_model_of_which_only_the_name_is_known_is_under_every_pack(world):
    assert applying(case_of(world, jurisdictions=[])) == set(NAMES)


def test_a_model_that_every_pack_concerns_is_under_every_pack(world):
    assert applying(case_of(world, **EVERYWHERE)) == set(NAMES)


@pytest.mark.parametrize(
    ("field", "unknown", "packs"),
    [
        ("jurisdictions", [], {"us-mrm", "eu-ai-act-high-risk", "nyc-ll144"}),
        ("is_model", None, {"us-mrm"}),
        ("ai_act_class", "not-assessed", {"eu-ai-act-high-risk"}),
        ("aedt", None, {"nyc-ll144"}),
        ("gxp", None, {"gxp-part11"}),
    ],
)
def test_a_fact_that_is_not_recorded_leaves_the_model_under_the_pack(
    world, field, unknown, packs
):
    assert packs <= applying(case_of(world, **{**EVERYWHERE, field: unknown}))


@pytest.mark.parametrize(
    ("record", "free_of"),
    [
        ({"jurisdictions": ["CH"]}, {"us-mrm", "eu-ai-act-high-risk", "nyc-ll144"}),
        ({"is_model": False}, {"us-mrm"}),
        ({"generative": True}, {"us-mrm"}),
        ({"ai_act_class": "minimal"}, {"eu-ai-act-high-risk"}),
        ({"aedt": False}, {"nyc-ll144"}),
        ({"gxp": False}, {"gxp-part11"}),
        # Who says where it is used need not say what it is used for.
        ({"aedt": None, "jurisdictions": ["US", "DE"]}, {"nyc-ll144"}),
    ],
)
def test_what_is_recorded_takes_a_model_out_of_a_pack(world, record, free_of):
    found = applying(case_of(world, **{**EVERYWHERE, **record}))
    assert found == set(NAMES) - free_of


def test_what_is_law_in_a_country_is_law_in_its_regions(world):
    bavarian = {**EVERYWHERE, "jurisdictions": ["DE-BY"]}
    assert "eu-ai-act-high-risk" in applying(case_of(world, **bavarian))


# Facts whose rules fail while nobody recorded them: field, what is unknown, rules.
DUTIES = [
    ("third_party_components", None, {"usmrm-015", "euai-028"}),
    ("ai_act_role", "", {"euai-013", "euai-018", "euai-020", "euai-029"}),
    ("fria_required", None, {"euai-022"}),
    ("dpia_required", None, {"euai-023"}),
    ("art50_applicable", None, {"euai-031"}),
    ("special_categories_used", None, {"euai-007"}),
    ("aedt_output", "", {"ll144-004", "ll144-005"}),
]


@pytest.mark.parametrize(("field", "unknown", "rules"), DUTIES)
def test_a_rule_whose_fact_nobody_recorded_binds_and_fails(
    world, field, unknown, rules
):
    found = bound(case_of(world, **{**EVERYWHERE, field: unknown}))
    assert rules <= {rule for rule, because in found.items() if because}


def test_a_vendor_or_parts_of_others_bring_the_duties_on_third_parties(world):
    ours = {**EVERYWHERE, "slug": "a", "third_party_components": False, "vendor": ""}
    assert "usmrm-015" not in bound(case_of(world, **ours))
    bought = {**ours, "slug": "b", "vendor": "Scoring Inc"}
    assert "usmrm-015" in bound(case_of(world, **bought))
    parts = {**ours, "slug": "c", "third_party_components": True}
    assert "usmrm-015" in bound(case_of(world, **parts))


@pytest.mark.parametrize(
    "role", ["provider", "importer", "distributor", "product-manufacturer"]
)
def test_who_is_no_deployer_answers_as_the_provider_does(world, role):
    found = bound(case_of(world, **{**EVERYWHERE, "ai_act_role": role}))
    assert {"euai-018", "euai-020", "euai-029"} <= set(found)
    assert "euai-013" not in found


LONG_AGO = (NOW - timedelta(days=400)).date().isoformat()


def kept(world, version, at):
    rule = RULES["ll144-010"]
    case = Case(version, world.production, at)
    return PROVIDERS["publication"](rule, rule.evidence[0], case)


def test_a_last_use_ends_no_publication_while_the_version_may_run(world):
    version = approved(world)
    granted = version.authorisations.get()
    case = Case(version, world.production, NOW)
    item = RULES["ll144-010"].evidence[0]
    declare(world, case, item, last_use_on=LONG_AGO, checked_on=LONG_AGO)
    check = kept(world, version, later(minutes=1))
    assert not check.passed
    assert "older than 31 days" in check.because + check.observed
    # Another version of the model is the same tool on the same page.
    other = world.version(version.model, version="2")
    assert not kept(world, other, later(minutes=1)).passed
    assert kept(world, version, granted.valid_until).passed


def test_a_suspended_version_may_run_again_and_a_revoked_one_never(world):
    version = approved(world)
    granted = version.authorisations.get()
    for sequence, (state, still) in enumerate(
        [("suspended", True), ("revoked", False)], start=1
    ):
        AuthorisationChange.objects.create(
            authorisation=granted,
            state=state,
            reason="x",
            changed_by=world.rita,
            changed_at=later(minutes=sequence),
            sequence=sequence,
        )
        found = Together([version], later(minutes=sequence)).authorised
        assert (version.model_id in found) is still
