"""Packs together: for equal evidence the strictest severity wins, in any order."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from governance.models import PolicyPack
from governance.policy import FIRST_POLICY, Applying, Bound, Check, InForce, Rule
from governance.policy.law import effective_severity
from governance.policy.pack import Citation
from governance.requirements.judging import judge

TEXT = FIRST_POLICY.read_text("utf-8")
DAY = date(2026, 11, 20)
TYPES = ("risk_assessment", "finding_list", "notice")
rules = st.tuples(
    st.sampled_from(TYPES),
    st.sampled_from(["block", "warn"]),
    st.sampled_from(["in_force", "adopted_not_yet_applicable", "rescinded"]),
)
packs = st.lists(st.lists(rules, max_size=4), min_size=1, max_size=5)


def bindings(found):
    """Each pack's rules as they bind on a day, of text that all packs share."""
    row = PolicyPack(document=TEXT, slug="x", version="1")
    for number, pack in enumerate(found):
        applying = Applying(InForce(row))
        for place, (kind, severity, status) in enumerate(pack):
            rule = Rule(
                id=f"p{number}-{place:03}",
                titles={"en": "x"},
                texts={"en": "x"},
                citations=(Citation("x", status),),
                evidence=({"type": kind},),
                severity=severity,
                tiers=frozenset({1}),
                gate="deploy",
            )
            binds = effective_severity(rule, on=DAY, early_adoption=False)
            yield Bound(applying, rule, binds)


def answer(found, item):
    return Check(found.rule.id, item["type"], passed=False, observed="", because="")


def judged(bound, **more):
    return judge((), bound, answer=answer, waived={}, **more)


@given(packs)
def test_evidence_denies_when_any_pack_denies_for_it_and_only_then(found):
    bound = list(bindings(found))
    denying = {b.rule.evidence[0]["type"] for b in bound if b.severity == "block"}
    for check in judged(bound):
        assert check.blocks is (check.title in denying)


@given(packs, st.randoms(use_true_random=False))
def test_neither_order_nor_one_more_pack_makes_anything_milder(found, chance):
    bound = list(bindings(found))
    before = {c.requirement: c.severity for c in judged(bound[:-1])}
    mixed = list(bound)
    chance.shuffle(mixed)
    after = {c.requirement: c.severity for c in judged(bound)}
    assert after == {c.requirement: c.severity for c in judged(mixed)}
    assert all(after[k] == "block" for k, s in before.items() if s == "block")


@given(packs)
def test_leaving_out_warnings_leaves_out_no_denial(found):
    bound = list(bindings(found))
    assert judged(bound, denying=True) == [c for c in judged(bound) if c.blocks]
