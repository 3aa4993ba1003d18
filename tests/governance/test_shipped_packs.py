"""The five shipped packs: each rule is met by what it asks for, and by nothing less."""

from datetime import timedelta

import pytest
from django.utils import translation

from governance import declaring, evidence_options, policy, roles
from governance.case import Case
from governance.declarable import KINDS, Kind
from governance.evidence_types import EVIDENCE_TYPES
from governance.policy import SHIPPED
from governance.requirements.providers import PROVIDERS
from governance.signatures import Proof
from registry.models import Role
from tests.world import NOW, PASSWORD, World, log_verified

pytestmark = pytest.mark.django_db
NAMES = ("us-mrm", "eu-ai-act-high-risk", "nyc-ll144", "gxp-part11", "startup-light")
PACKS = {name: policy.parse((SHIPPED / f"{name}.yaml").read_text()) for name in NAMES}
RULES = {rule.id: rule for pack in PACKS.values() for rule in pack.rules}
YESTERDAY = (NOW - timedelta(days=1)).date().isoformat()
RECORD = {
    "is_model": True,
    "ai_act_class": "high-annex-iii",
    "ai_act_role": "provider",
    "annex_iii_point": "5b",
    "profiling": False,
    "generative": False,
    "dpia_required": True,
    "restrictions": "None.",
    "products": "Mortgages.",
    "components": "None.",
    "affected_people": "Applicants.",
    "exposure": "EUR 2 bn.",
    "purpose_class": "decision",
    "validation_planned_on": NOW.date(),
    "valid_until": NOW.date() + timedelta(days=300),
}
# Rules that the absence of something meets: nothing open, nothing due, nothing broken.
MET_BY_ABSENCE = {
    "usmrm-008",
    "usmrm-011",
    "usmrm-012",
    "usmrm-013",
    "usmrm-017",
    "gxp-010",
    "gxp-019",
    "gxp-020",
}
# Rules about the numbers of a bias audit: they fail by what the audit does not state.
DECLARED = [
    rule.id
    for rule in RULES.values()
    if any(item["type"] in KINDS for item in rule.evidence)
    and all(
        item["type"] in KINDS and item.get("per") != "signer"
        for item in rule.evidence
        if not item.get("once_in_use")
    )
    and not {"after", "kinds", "current_software"} & set(rule.evidence[-1])
    and not any(
        {"kinds", "after", "current_software", "hash_overlap"} & set(item)
        for item in rule.evidence
    )
]
# One is for each data set, one about the calendar: they have cases of their own.
PASSED_BY_DECLARING = sorted(set(DECLARED) - {"euai-006", "ll144-011"})
PROOF = Proof(password=PASSWORD)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def case(world):
    model = world.model(**RECORD)
    version = world.version(model)
    return Case(version=version, environment=world.production, at=NOW)


def judged(case, rule):
    fresh = Case(version=case.version, environment=case.environment, at=case.at)
    return [PROVIDERS[item["type"]](rule, item, fresh) for item in rule.evidence]


def sample(kind: Kind, item, world):
    """Fields that a rule's piece of evidence accepts."""
    fields = {f.name: _value(f, world) for f in kind.fields}
    wanted = {**kind.must, **item.get("where", {})}
    for name, value in wanted.items():
        if not isinstance(value, dict):
            fields[name] = value
        elif "one_of" in value:
            fields[name] = value["one_of"][0]
        elif "includes" not in value:
            fields[name] = value.get("at_least", value.get("at_most"))
    record = {name: RECORD[field] for name, field in kind.matches.items()}
    return {**fields, **record}


def _value(field, world):
    plain = {
        "date": YESTERDAY,
        "boolean": False,
        "integer": int(field.limits.get("minimum", 0)) or 1,
        "number": 0.5,
        "outcome": "passed",
        "url": "https://example.com/audit",
        "email": "a@audit.example",
        "sha256": "a" * 64,
        "person": "carl",
        "choices": list(field.choices),
        "choice": next(iter(field.choices), ""),
    }
    return plain.get(field.type, "Stated in full.")


def declare(world, case, item, **changes):
    """Somebody in the first role that the rule accepts declares it."""
    kind = KINDS[item["type"]]
    role = Role(next(iter(item.get("signed_by", kind.signed_by))))
    person = next(
        (p for p in world.people.values() if role in roles.roles_of(p)), world.carl
    )
    roles.grant(user=person, role=role, by=world.adam, at=NOW)
    subject = {
        "version": {"version": case.version},
        "model": {"model": case.version.model},
        "installation": {},
    }[kind.about[0]]
    fields = {**sample(kind, item, world), **changes}
    return declaring.declare(
        kind=kind.name,
        fields={k: v for k, v in fields.items() if v is not None},
        proof=PROOF,
        by=person,
        at=NOW - timedelta(minutes=1),
        **subject,
    )


def test_there_are_99_rules_in_five_packs():
    assert len(RULES) == sum(len(pack.rules) for pack in PACKS.values()) == 99


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_every_rule_is_evaluable_and_speaks_both_languages(rule_id):
    rule = RULES[rule_id]
    assert rule.titles["de"] and rule.texts["de"] and rule.texts["en"]
    for item in rule.evidence:
        assert item["type"] in PROVIDERS
        assert item["type"] in EVIDENCE_TYPES
        assert evidence_options.errors_of(item) == ()


def test_what_nobody_can_evaluate_is_said_in_the_language_of_each_reader():
    said = []
    for language in ("de", "en"):
        with translation.override(language):
            said += evidence_options.errors_of({"type": "tea-leaves"})
    german, english = said
    assert "tea-leaves" in german and german != english


def test_every_type_of_evidence_has_a_provider():
    assert set(EVIDENCE_TYPES) <= set(PROVIDERS)


def test_no_citation_is_of_an_article_that_was_deleted():
    cited = [c for rule in RULES.values() for c in rule.citations]
    assert not any("10(5)" in c.locator for c in cited)
    assert all(c.checked_on for c in cited)


def test_every_rule_fails_a_version_about_which_nothing_is_known(case):
    passed = {
        rule.id
        for rule in RULES.values()
        if all(check.passed for check in judged(case, rule))
    }
    assert passed == MET_BY_ABSENCE | {"usmrm-001"}


def test_an_unknown_option_fails_and_says_so(case):
    rule = RULES["lite-011"]
    item = {"type": "rollback_plan", "colour": "blue"}
    check = PROVIDERS["rollback_plan"](rule, item, case)
    assert not check.passed
    assert "colour" in check.observed


@pytest.mark.parametrize("rule_id", PASSED_BY_DECLARING)
def test_a_rule_passes_with_what_it_asks_people_to_declare(world, case, rule_id):
    rule = RULES[rule_id]
    for item in rule.evidence:
        declare(world, case, item)
    assert [c.observed for c in judged(case, rule) if not c.passed] == []


@pytest.mark.parametrize(
    ("rule_id", "changes"),
    [
        ("euai-001", {"prohibited": True}),
        ("euai-001", {"practices": ["a"]}),
        ("euai-002", {"risk_class": "minimal"}),
        ("euai-010", {"retention_days": 30}),
        ("euai-011", {"languages": ["en"]}),
        ("euai-018", {"outcome": "failed"}),
        ("euai-022", {"notified": False}),
        ("euai-023", {"status": "open"}),
        ("euai-026", {"tested_on": "2020-01-01"}),
        ("euai-029", {"years": 5}),
        ("gxp-014", {"generative": True}),
        ("gxp-002", {"outcome": "failed"}),
        ("ll144-002", {"audited_on": "2020-01-01"}),
        ("ll144-003", {"financial_interest": True}),
        ("ll144-004", {"tables": ["sex"]}),
        ("ll144-005", {"sample_median": None}),
        ("ll144-007", {"exclusions_made": True, "exclusions_rate": None}),
        ("ll144-008", {"data_source": "test", "test_data_explanation": None}),
        ("ll144-009", {"summary_complete": False}),
        ("usmrm-002", {"is_model": False}),
        ("usmrm-005", {"outcome": "failed"}),
        ("usmrm-010", {"escalation": None}),
    ],
)
def test_a_rule_fails_when_one_answer_is_wrong(world, case, rule_id, changes):
    rule = RULES[rule_id]
    for item in rule.evidence:
        declare(world, case, item, **changes)
    assert not all(check.passed for check in judged(case, rule))


def test_the_log_verified_yesterday_but_one_is_too_old(case):
    rule = RULES["gxp-008"]
    log_verified(NOW - timedelta(days=2))
    assert not judged(case, rule)[0].passed
    log_verified(NOW - timedelta(hours=3))
    assert judged(case, rule)[0].passed
    log_verified(NOW - timedelta(hours=1), ok=False)
    assert not judged(case, rule)[0].passed


@pytest.mark.parametrize(
    ("sent_on", "enough"),
    # Ten business days lie between 4 and 20 November 2026: Veterans Day is none.
    [("2026-11-04", True), ("2026-11-05", False)],
)
def test_the_notice_needs_ten_business_days_without_holidays(
    world, case, sent_on, enough
):
    rule = RULES["ll144-011"]
    declare(world, case, rule.evidence[0], sent_on=sent_on, first_use_on="2026-11-20")
    assert judged(case, rule)[0].passed is enough
