"""Each row's entries against each other, out of an export alone."""

import json

import pytest

from audits.export.tree import leaf_hashes
from audits.merkle import leaf_hash
from audits.offline import rows
from registry.digests import sha256_hex
from tests.audits.exported import Story, checked, findings, write


def _story(*entries: tuple) -> list[bytes]:
    story = Story()
    for op, old, new, *other in entries:
        story.add(op, "7", old, new, **(other[0] if other else {}))
    return story.bodies


def _found(tmp_path, *entries: tuple) -> list[str]:
    bodies = _story(*entries)
    write(tmp_path / "log", bodies, len(bodies))
    return findings(tmp_path / "log")


ONE = {"id": 7, "a": 1}
TWO = {"id": 7, "a": 2}
GHOST = {"id": 7, "a": 9}


def test_a_hidden_change_is_exposed_by_the_next_entry(tmp_path):
    (line,) = _found(tmp_path, ("I", None, ONE), ("U", GHOST, TWO))
    assert line.startswith("chain: entry 2, table public.things, key 7: the columns a")
    assert "as entry 1 (I) says" in line


def test_a_forged_digest_of_the_old_row_is_found(tmp_path):
    wrong = {"osha": "0" * 64}
    (line,) = _found(tmp_path, ("I", None, ONE), ("U", ONE, TWO, wrong))
    assert "its digest of the old row does not match entry 1" in line


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([("U", ONE, TWO)], "a change (U) follows nothing"),
        ([("D", ONE, None)], "a change (D) follows nothing"),
        ([("I", None, ONE), ("I", None, TWO)], "an insert follows entry 1 (I)"),
        (
            [("I", None, ONE), ("D", ONE, None), ("U", ONE, TWO)],
            "a change (U) follows entry 2 (D)",
        ),
    ],
)
def test_a_row_that_nobody_inserted_or_deleted_is_found(tmp_path, entries, said):
    (line,) = _found(tmp_path, *entries)
    assert said in line


def test_a_row_may_come_again_after_it_was_deleted(tmp_path):
    assert not _found(
        tmp_path,
        ("I", None, ONE),
        ("U", ONE, TWO),
        ("D", TWO, None),
        ("I", None, ONE),
        ("D", ONE, None),
    )


def test_a_column_that_a_migration_added_is_no_finding(tmp_path):
    more = ONE | {"b": None}
    bodies = _story(("I", None, ONE), ("U", more, more | {"a": 2}))
    write(tmp_path / "log", bodies, 2)
    report = checked(tmp_path / "log")
    assert not report.found.kept
    assert any(line.startswith("1 changes, not whole") for line in report.not_checked)


def test_a_value_kept_by_its_digest_is_compared_by_it(tmp_path):
    text = "x" * 20
    digest = {
        "$sha256": "42" + leaf_hash(b"").hex()[2:],
        "$len": 20,
    }
    right = digest | {"$sha256": sha256_hex(text.encode())}
    for value, wrong in ((right, False), (digest, True)):
        first = ("I", None, {"id": 7, "t": value}, {"reduced": {"new": ["t"]}})
        second = ("U", {"id": 7, "t": text}, {"id": 7, "t": "y"})
        found = _found(tmp_path / value["$sha256"][:2], first, second)
        assert [("columns t" in line) for line in found] == [True] * wrong


def test_commitments_to_other_values_are_found(tmp_path):
    one, two = ({"id": 7, "mail": {"$commitment": c * 64}} for c in "ab")
    assert not _found(tmp_path / "same", ("I", None, one), ("U", one, two))
    (line,) = _found(tmp_path / "other", ("I", None, one), ("U", two, one))
    assert "the columns mail" in line


def test_numbers_are_compared_as_they_were_spelled(tmp_path):
    """1.0 and 1.00 are different texts, and PostgreSQL keeps the difference."""
    story = Story()
    story.add("I", "7", None, ONE)
    body = story.add("U", "7", ONE, TWO)
    spelled = [
        story.bodies[0].replace(b'"a": 1', b'"a": 1.0'),
        body.replace(b'"old": {"a": 1}', b'"old": {"a": 1.00}'),
    ]
    write(tmp_path / "log", spelled, 2)
    assert any("the columns a" in line for line in findings(tmp_path / "log"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"text",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"id": 1, "id": 2, "op": "I", "rel": "r", "pk": "1"}',
        b'{"id": -1, "op": "I", "rel": "r", "pk": "1"}',
        b'{"id": true, "op": "I", "rel": "r", "pk": "1"}',
        b'{"id": 99999999999999999999, "op": "I", "rel": "r", "pk": "1"}',
        b'{"id": 1, "op": "I", "rel": "r", "pk": "1"} more',
        b'{"id": 1, "op": "I", "rel": "r", "pk": "1"',
        b"[" * 60_000,
        b'{"id": 1' + b"0" * 5000 + b"}",
    ],
)
def test_a_leaf_that_is_no_entry_is_named_and_stops_nothing(tmp_path, body):
    bodies = [body, *Story().entries(3)]
    write(tmp_path / "log", bodies, 4)
    (line,) = findings(tmp_path / "log")
    assert "leaf 0 is not the JSON of an entry" in line


def test_odd_text_in_names_stops_nothing(tmp_path):
    body = rb'{"id": 1, "op": "I", "rel": "\ud800", "pk": "\u0000", "new": {}}'
    write(tmp_path / "log", [body], 1)
    assert not findings(tmp_path / "log")


def test_entries_out_of_order_are_named(tmp_path):
    bodies = Story().entries(3)
    write(tmp_path / "log", [bodies[0], bodies[2], bodies[1]], 3)
    assert any(
        "order: entry 2: leaf 2 stands after entry 3" in line
        for line in findings(tmp_path / "log")
    )


def test_more_rows_than_fit_in_memory_are_still_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "MOST_IN_MEMORY", 10)
    story = Story(rows=100)
    bodies = story.entries(600)
    write(tmp_path / "good", bodies, 600)
    assert not findings(tmp_path / "good")
    number = next(i for i in range(400, 600) if b'"op": "U"' in bodies[i])
    pk = json.loads(bodies[number])["pk"]
    broken = [*bodies]
    broken[number] = bodies[number].replace(b'"osha": "', b'"osha": "00')
    write(tmp_path / "bad", broken, 600)
    (line,) = findings(tmp_path / "bad")
    assert f"key {pk}" in line
    assert leaf_hashes(broken) != leaf_hashes(bodies)


def test_the_largest_entry_is_exported_and_read_again(tmp_path):
    story = Story()
    story.entries(300)
    body = story.add("I", "big", None, {"t": ""})
    body = body.replace(b'"t": ""', b'"t": "' + b"x" * (65_535 - len(body)) + b'"')
    assert len(body) == 65_535
    write(tmp_path / "log", [*story.bodies[:-1], body], 301)
    report = checked(tmp_path / "log")
    assert not report.found.kept
    assert report.counts["entries"] == 301


def test_a_bundle_of_the_largest_entries_only_is_read(tmp_path):
    start = b'{"id": %d, "op": "S", "rel": "r", "pk": null, "x": "'
    bodies = []
    for number in range(1, 258):
        head = start % number
        bodies.append(head + b"x" * (65_535 - len(head) - 2) + b'"}')
    write(tmp_path / "log", bodies, 257)
    assert not findings(tmp_path / "log")
