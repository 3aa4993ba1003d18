"""What changed between two versions of a pack: rules, fields, text."""

import yaml

from governance import policy, publishing
from governance.models import PackDraft
from governance.policy import comparing
from tests.governance.test_policy_pages import logged_in
from tests.governance.test_publishing import EXTRA, TEXT, approved, approver, author

__all__ = ["approver", "author"]


def compared(old: str, new: str) -> comparing.Comparison:
    return comparing.compare(policy.parse(old), policy.parse(new), old, new)


def changed(text: str, **fields: object) -> str:
    """The pack with these fields of its first rule changed."""
    document = yaml.safe_load(text)
    document["rules"][0] |= fields
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def test_the_same_pack_has_no_differences():
    found = compared(TEXT, TEXT)
    assert found.same
    assert found.text == ""


def test_added_and_removed_rules_are_told_by_their_ids():
    found = compared(TEXT, TEXT + EXTRA)
    assert [rule.id for rule in found.added] == ["first-011"]
    assert not found.removed
    assert not found.changed
    back = compared(TEXT + EXTRA, TEXT)
    assert [rule.id for rule in back.removed] == ["first-011"]


def test_a_changed_rule_is_told_field_by_field():
    document = yaml.safe_load(TEXT)
    first = document["rules"][0]
    other = "warn" if first["severity"] == "block" else "block"
    found = compared(TEXT, changed(TEXT, severity=other, tiers=["T1"]))
    assert [item.new.id for item in found.changed] == [first["id"]]
    told = {
        change.field: (change.old, change.new) for change in found.changed[0].changes
    }
    assert told["severity"] == (first["severity"], other)
    assert told["tiers"][1] == "1"
    assert set(told) == {"severity", "tiers"}


def test_a_draft_is_compared_with_what_is_published(world, author, approver):
    approved(world)
    answer = logged_in(author).post("/policy/write", {"document": TEXT + EXTRA})
    draft = PackDraft.objects.get()
    assert publishing.text_of(draft).document
    page = logged_in(author).get(f"/policy/drafts/{draft.pk}/changes").content.decode()
    assert "1 rule added" in page
    assert "first-011" in page
    assert "The difference of the texts" in page
    assert f"/policy/drafts/{draft.pk}/changes" in (
        logged_in(author).get(answer.headers["Location"]).content.decode()
    )


def test_a_pack_without_another_version_says_so(world, approver):
    page = logged_in(approver).get("/policy/packs/first-policy/2026.11.0/changes")
    assert "No other version of this pack was published" in page.content.decode()
