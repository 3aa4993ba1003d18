"""Reading packs: what is refused, with its place."""

import pytest

from governance import matrix_lint, policy
from governance.publishing import shipped

FIRST = policy.FIRST_POLICY.read_text("utf-8")


def test_all_shipped_packs_can_be_read():
    assert "first-policy" in shipped()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("applies_when: always", "applies_when: not x", "condition"),
        ("applies_when: always", "applies_when: has(x)", "not known"),
        ("applies_when: always", "applies_when: inventory.colour == 1", "colour"),
        ("id: first-002", "id: first-001", "more than once"),
        ("type: risk_assessment", "type: crystal_ball", "crystal_ball"),
        ("de: Erste Richtlinie", "fr: Premier", "de"),
        ("status: voluntary", "status: sometimes", "sometimes"),
        ("status: voluntary", "status: voluntary, valid_from: 2026-02-30", "date"),
        ("gate: deploy", "gate: deploy\n  when: evidence.x.present", "evidence.x"),
        ("severity: block", "severity: block\n  severity: warn", "twice"),
        ("  en: First policy", "  en: &a First policy\n  de: *a", "anchors"),
        ("waivable: false", "waivable: false\n  surprise: 1", "surprise"),
    ],
)
def test_what_is_wrong_with_a_pack_is_named(old, new, told):
    assert old in FIRST
    with pytest.raises(policy.InvalidPack) as caught:
        policy.parse(FIRST.replace(old, new, 1))
    assert told in str(caught.value)


def test_citations_are_data():
    text = FIRST.replace(
        "{ref: ISO/IEC 42001 A.6.2.6, status: voluntary}",
        "{instrument: SR 26-2, locator: Governance, status: in_force, "
        "valid_from: 2026-04-17, checked_on: 2026-11-20, checked_by: CN}",
    )
    (found,) = policy.parse(text).rules[-1].citations
    assert found.ref == "SR 26-2, Governance"
    assert found.valid_from.isoformat() == "2026-04-17"
    assert not found.needs_checking(found.checked_on)
    assert policy.parse(FIRST).rules[0].citations[0].needs_checking(found.checked_on)


def test_layout_does_not_change_the_digest_of_a_pack():
    loose = FIRST.replace("waivable: false", "waivable:   false") + "\n# a remark\n"
    assert policy.parse(loose).sha256 == policy.parse(FIRST).sha256


def test_a_text_that_is_no_pack_is_refused():
    for text in ("", "[", "a: [" * 5000, "7", "pack: !!python/object:os.system {}"):
        with pytest.raises(policy.InvalidPack):
            policy.parse(text)


@pytest.mark.parametrize(
    "value", ["!!int ''", "!!bool x", "!!timestamp x", "!!float _", "! x", "!!set {a}"]
)
def test_a_tag_in_a_text_is_refused_and_never_a_defect(value):
    with pytest.raises(policy.InvalidPack):
        policy.parse(f"pack: {value}")
    with pytest.raises(matrix_lint.InvalidMatrix):
        matrix_lint.canonical(f"matrix: {value}")


def test_a_matrix_with_a_key_twice_is_refused():
    with pytest.raises(matrix_lint.InvalidMatrix, match="twice"):
        matrix_lint.canonical("matrix: a\nmatrix: b")
