"""What changed between two versions of a pack: rules, fields, text."""

import yaml
from django.utils import translation

from governance import policy, publishing
from governance.models import PackDraft, PolicyPack
from governance.policy import comparing
from tests.governance.test_policy_api import client
from tests.governance.test_policy_pages import logged_in
from tests.governance.test_publishing import (
    EXTRA,
    TEXT,
    approved,
    approver,
    author,
    publish,
    reviewed,
)

__all__ = ["approver", "author"]


def compared(old: str, new: str) -> comparing.Comparison:
    return comparing.compare(policy.parse(old), policy.parse(new), old, new)


def changed(text: str, /, **fields: object) -> str:
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


def test_only_the_lines_that_differ_are_struck(world, author, approver):
    approved(world)
    text = {**yaml.safe_load(TEXT)["rules"][0]["text"], "en": "Said <b>anew</b>."}
    logged_in(author).post("/policy/write", {"document": changed(TEXT, text=text)})
    draft = PackDraft.objects.get()
    page = logged_in(author).get(f"/policy/drafts/{draft.pk}/changes").content.decode()
    assert "<ins>en: Said &lt;b&gt;anew&lt;/b&gt;.</ins>" in page
    assert "<del>en: " in page
    assert f"de: {text['de']}<br>" in page
    assert f"<del>de: {text['de']}" not in page


def test_a_draft_is_compared_with_what_is_published(world, author, approver):
    approved(world)
    answer = logged_in(author).post("/policy/write", {"document": TEXT + EXTRA})
    draft = PackDraft.objects.get()
    assert publishing.text_of(draft).document
    page = logged_in(author).get(f"/policy/drafts/{draft.pk}/changes").content.decode()
    assert "1 rule added" in page
    assert "first-011" in page
    assert "The difference of the texts" in page
    with translation.override("de"):
        german = logged_in(author).get(
            f"/policy/drafts/{draft.pk}/changes", headers={"Accept-Language": "de"}
        )
    assert f"{draft.version} (Entwurf)</a>" in german.content.decode()
    assert f"/policy/drafts/{draft.pk}/changes" in (
        logged_in(author).get(answer.headers["Location"]).content.decode()
    )


def test_a_pack_without_another_version_says_so(world, approver):
    page = logged_in(approver).get("/policy/packs/first-policy/2026.11.0/changes")
    assert "No other version of this pack was published" in page.content.decode()


def asked(who, address: str, **query: str):
    return client(who).get(f"/api/v1/{address}/changes", query)


def test_the_api_tells_what_a_draft_would_change(world, author, approver):
    approved(world)
    logged_in(author).post("/policy/write", {"document": TEXT + EXTRA})
    draft = PackDraft.objects.get()
    answer = asked(author, f"policy-drafts/{draft.pk}").json()
    assert (answer["slug"], answer["to"]) == (draft.slug, draft.version)
    assert [rule["id"] for rule in answer["added"]] == ["first-011"]
    assert answer["removed"] == answer["changed"] == []
    assert not answer["same"]
    assert "first-011" in answer["text"]


def test_the_api_tells_what_a_version_changed(world, author, approver):
    document = yaml.safe_load(TEXT)
    first = document["rules"][0]
    other = "warn" if first["severity"] == "block" else "block"
    publish(reviewed(author, changed(TEXT, severity=other)), approver)
    newest = PolicyPack.objects.get(slug=document["pack"], version=document["version"])
    address = f"policies/{newest.slug}/versions/{newest.version}"
    answer = asked(author, address).json()
    former = answer["from"]
    assert former != newest.version
    (rule,) = (rule for rule in answer["changed"] if rule["id"] == first["id"])
    assert set(rule["title"]) == {"en", "de"}
    severity = {"field": "severity", "old": first["severity"], "new": other}
    assert severity in rule["changes"]
    assert asked(author, address, **{"from": former}).json() == answer
    back = asked(
        author,
        f"policies/{newest.slug}/versions/{former}",
        **{"from": newest.version},
    ).json()
    assert {**severity, "old": other, "new": first["severity"]} in next(
        rule["changes"] for rule in back["changed"] if rule["id"] == first["id"]
    )


def test_the_api_says_that_there_is_no_such_version(world, author):
    address = "policies/first-policy/versions/2026.11.0"
    assert asked(author, address).json()["from"] is None
    refused = asked(author, address, **{"from": "9.9.9"})
    assert refused.status_code == 422
    assert "No other version" in refused.content.decode()
    missing = asked(author, "policies/first-policy/versions/1.1.1")
    assert missing.status_code == 404
