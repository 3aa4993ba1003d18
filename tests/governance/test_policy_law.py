"""What the law makes of a rule on a day, and which packs bind."""

from datetime import date, timedelta

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from governance import policy
from governance.models import PolicyPack
from governance.policy.law import effective_severity, standing
from governance.policy.pack import Citation, Rule
from tests.world import NOW, later

DAY = date(2026, 11, 20)
STATUSES = (
    "in_force",
    "adopted_not_yet_applicable",
    "draft",
    "rescinded",
    "under_rescission",
    "voluntary",
)


def rule(*citations, severity="block", always=False, when=""):
    return Rule(
        id="x-001",
        titles={"en": "x"},
        texts={"en": "x"},
        citations=citations,
        evidence=({"type": "risk_assessment"},),
        severity=severity,
        tiers=frozenset({1, 2, 3, 4}),
        gate="deploy",
        always=always,
        when=when,
    )


def source(status, **dates):
    return Citation("Art. 1", status, **dates)


@pytest.mark.parametrize(("days", "wanted"), [(1, "warn"), (0, "block"), (-1, "block")])
def test_a_rule_warns_until_its_law_applies(days, wanted):
    applies = DAY + timedelta(days=days)
    found = rule(source("adopted_not_yet_applicable", applies_from=applies))
    assert effective_severity(found, on=DAY, early_adoption=False) == wanted
    assert effective_severity(found, on=DAY, early_adoption=True) == "block"


def test_a_rule_whose_law_is_rescinded_only_warns():
    gone = source("rescinded")
    ended = source("in_force", valid_to=DAY - timedelta(days=1))
    for found in (rule(gone), rule(ended), rule(gone, ended)):
        assert effective_severity(found, on=DAY, early_adoption=True) == "warn"
    assert standing(ended, DAY - timedelta(days=1)) == "in_force"


def test_another_source_in_force_keeps_a_rule_strict():
    found = rule(source("rescinded"), source("in_force"))
    assert effective_severity(found, on=DAY, early_adoption=False) == "block"


def test_some_rules_bind_whatever_the_date_of_the_law():
    found = rule(source("adopted_not_yet_applicable"), always=True)
    assert effective_severity(found, on=DAY, early_adoption=False) == "block"


@given(st.lists(st.sampled_from(STATUSES), min_size=1), st.booleans(), st.booleans())
def test_no_status_makes_a_rule_stricter_than_its_author(statuses, early, always):
    found = rule(*map(source, statuses), severity="warn", always=always)
    assert effective_severity(found, on=DAY, early_adoption=early) == "warn"


def shipped(version="2026.11.0", begins=NOW, spared=None, published=NOW):
    text = policy.FIRST_POLICY.read_text("utf-8").replace("2026.11.0", version)
    return PolicyPack(
        slug="first-policy",
        version=version,
        document=text,
        sha256=version.ljust(64, "0"),
        effective_from=begins,
        grandfathered_until=spared,
        published_at=published,
    )


def shelf(*rows, ends=None, adopted=False):
    ordered = sorted(rows, key=lambda row: row.effective_from, reverse=True)
    return policy.Shelf({"first-policy": ordered}, {"first-policy": ends}, {})


def versions(found):
    return [item.row.version for item in found]


def test_a_pack_is_in_force_from_its_date_and_superseded_by_a_later_one():
    both = shelf(shipped(), shipped("2026.12.0", later(days=30)))
    assert versions(both.in_force(at=later(days=-1))) == []
    assert versions(both.in_force(at=later(days=29))) == ["2026.11.0"]
    assert versions(both.in_force(at=later(days=30))) == ["2026.12.0"]


def test_an_ended_pack_is_not_in_force_until_a_later_version_begins():
    gone = shelf(shipped(), shipped("2027.01.0", later(days=90)), ends=later(days=60))
    assert versions(gone.in_force(at=later(days=59))) == ["2026.11.0"]
    assert versions(gone.in_force(at=later(days=60))) == []
    assert versions(gone.in_force(at=later(days=90))) == ["2027.01.0"]


def test_what_was_approved_before_is_judged_by_the_earlier_version_for_a_while():
    newer = shipped("2026.12.0", later(days=30), spared=later(days=60))
    both = shelf(shipped(), newer)
    old, new = later(days=1), later(days=31)
    found = both.in_force(at=later(days=59), granted_at=old)
    assert versions(found) == ["2026.11.0"]
    assert found[0].grandfathered_by == newer
    assert found[0].until == later(days=60)
    assert versions(both.in_force(at=later(days=60), granted_at=old)) == ["2026.12.0"]
    assert versions(both.in_force(at=later(days=59), granted_at=new)) == ["2026.12.0"]
    assert versions(both.in_force(at=later(days=59))) == ["2026.12.0"]


def test_a_new_pack_spares_what_was_approved_before_it_altogether():
    alone = shelf(shipped(begins=later(days=30), spared=later(days=60)))
    assert alone.in_force(at=later(days=40), granted_at=NOW) == ()
    assert versions(alone.in_force(at=later(days=60), granted_at=NOW)) == ["2026.11.0"]


def test_a_pack_of_which_nobody_knows_whether_it_applies_does():
    row = shipped()
    row.document = row.document.replace(
        "applies_when: always", "applies_when: use_case.gxp"
    )
    found = shelf(row).in_force(at=NOW)
    assert policy.applying(found, lambda _names: {"use_case.gxp": False}) == ()
    (unknown,) = policy.applying(found, lambda _names: {})
    assert "use_case.gxp" in unknown.unknown


@pytest.mark.parametrize(
    ("risk_class", "on", "wanted"),
    [
        ("high_annex_i", date(2028, 8, 1), "warn"),
        ("high_annex_i", date(2028, 8, 2), "block"),
        ("high_annex_iii", date(2027, 12, 1), "warn"),
        ("high_annex_iii", date(2027, 12, 2), "block"),
        (None, date(2027, 12, 2), "block"),
    ],
)
def test_annex_i_systems_are_bound_later_and_unknown_classes_are_not(
    risk_class, on, wanted
):
    text = (policy.SHIPPED / "eu-ai-act-high-risk.yaml").read_text("utf-8")
    row = PolicyPack(slug="eu-ai-act-high-risk", version="2026.11.0", document=text)
    known = {"ai_act.risk_class": risk_class} if risk_class else {}
    rules = policy.bound(
        [policy.Applying(policy.InForce(row))], tier=1, on=on, read=lambda _names: known
    )
    found = {item.rule.id: item.severity for item in rules}
    assert found["euai-004"] == wanted
    assert found["euai-001"] == "block"


def test_a_rule_of_which_nobody_knows_says_so_in_the_language_of_each_reader():
    row = shipped()
    row.document = row.document.replace(
        "  severity: block\n", "  severity: block\n  when: use_case.gxp\n", 1
    )
    packs = [policy.Applying(policy.InForce(row))]
    said = {}
    for language in ("de", "en", "de"):
        with translation.override(language):
            rules = policy.bound(packs, tier=1, on=DAY, read=lambda _names: {})
        said[language] = next(item.unknown for item in rules if item.unknown)
    assert "use_case.gxp" in said["de"]
    assert said["de"] != said["en"]
    known = {"use_case.gxp": True}
    rules = policy.bound(packs, tier=1, on=DAY, read=lambda _names: known)
    assert not any(item.unknown for item in rules)


def test_a_later_day_with_a_condition_that_nobody_can_evaluate_is_refused():
    text = (policy.SHIPPED / "eu-ai-act-high-risk.yaml").read_text("utf-8")
    with pytest.raises(policy.InvalidPack, match="colour"):
        policy.parse(text.replace("ai_act.risk_class == 'high_annex_i'", "colour", 2))
