"""in-toto Statements are read strictly: one meaning, or none."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import in_toto
from audits.in_toto import StatementMalformed, parse, read

SAMPLE = Path(__file__).parents[2].parent / (
    "shared/schemas/in-toto/sample_svr_dsse_envelope.json"
)
DIGEST = "ab" * 32


def document(**changes) -> dict:
    return {
        "_type": in_toto.STATEMENT,
        "subject": [{"name": "model", "digest": {"sha256": DIGEST}}],
        "predicateType": "https://example.com/report/v1",
        "predicate": {},
        **changes,
    }


def payload(**changes) -> bytes:
    return json.dumps(document(**changes)).encode()


def result(value: object = "PASSED", **more) -> bytes:
    predicate = {"result": value, "configuration": [], **more}
    return payload(predicateType=in_toto.TEST_RESULT, predicate=predicate)


def refused(words: str = ""):
    return pytest.raises(StatementMalformed, match=words or None)


# The example of the specification of test-result v0.1, shortened.
OF_THE_SPECIFICATION = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"digest": {"gitCommit": "d20ace7968ba43c0219f62d71334c1095bab1602"}}],
    "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
    "predicate": {
        "result": "PASSED",
        "configuration": [
            {
                "name": ".github/workflows/ci.yml",
                "digest": {"gitBlob": "ebe4add40f63c3c98bc9b32ff1e736f04120b023"},
            }
        ],
        "url": "https://github.com/in-toto/in-toto/actions/runs/4425592351",
        "passedTests": ["build (3.7, ubuntu-latest, py)"],
        "warnedTests": [],
        "failedTests": [],
    },
}


def test_the_example_of_the_specification_is_read():
    found = parse(json.dumps(OF_THE_SPECIFICATION).encode())
    assert (found.verdict, found.sha256) == ("PASSED", frozenset())


def test_a_statement_made_by_the_reference_library_is_read():
    if not SAMPLE.exists():
        pytest.skip("../shared is not here")
    envelope = json.loads(SAMPLE.read_text("utf-8"))
    found = parse(base64.b64decode(envelope["payload"]))
    assert found.predicate_type == "https://in-toto.io/attestation/svr/v0.2"
    assert found.sha256 == {"a" * 64}
    assert found.verdict is None


@pytest.mark.parametrize("value", ["PASSED", "WARNED", "FAILED"])
def test_the_result_of_a_test_is_its_verdict(value):
    assert parse(result(value)).verdict == value


@pytest.mark.parametrize(
    "value", ["passed", "PASSED ", "", None, True, 1, ["PASSED"], {"PASSED": 1}]
)
def test_no_other_result_is_believed(value):
    with refused("result"):
        parse(result(value))


@pytest.mark.parametrize("value", ["PASSED", "WARNED"])
def test_a_result_that_its_own_tests_contradict_is_refused(value):
    with refused("1 tests failed"):
        parse(result(value, failedTests=["test_fairness"]))
    assert parse(result("FAILED", failedTests=["test_fairness"]))


@pytest.mark.parametrize(
    "more",
    [
        {"configuration": None},
        {"configuration": {}},
        {"failedTests": "none"},
        {"passedTests": [1]},
        {"warnedTests": {}},
    ],
)
def test_a_malformed_test_result_is_refused(more):
    with refused():
        parse(result(**more))


@pytest.mark.parametrize("value", ["PASSED", "FAILED", "WARNED", None])
def test_a_verification_summary_passed_or_failed(value):
    said = payload(
        predicateType=in_toto.VERIFICATION_SUMMARY,
        predicate={"verificationResult": value},
    )
    if value in ("PASSED", "FAILED"):
        assert parse(said).verdict == value
    else:
        with refused("verificationResult"):
            parse(said)


def test_digests_are_compared_in_lower_case():
    said = payload(subject=[{"digest": {"sha256": "AB" * 32, "sha1": "c" * 40}}])
    assert parse(said).sha256 == {DIGEST}


def test_a_predicate_may_be_left_out_and_unknown_fields_are_ignored():
    said = document(later="version")
    del said["predicate"]
    assert parse(json.dumps(said).encode()).predicate == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "_type"),
        ({"_type": None}, "_type"),
        ({"predicateType": "report"}, "predicateType"),
        ({"predicateType": "https://x/" + "y" * 300}, "predicateType"),
        ({"predicateType": "https://x/ y"}, "predicateType"),
        ({"predicateType": "https://x/\u00e9"}, "predicateType"),
        ({"predicateType": ["https://x/y"]}, "predicateType"),
        ({"predicate": []}, "predicate"),
        ({"predicate": "PASSED"}, "predicate"),
        ({"predicate": None}, "predicate"),
        ({"subject": []}, "no subject"),
        ({"subject": {}}, "no subject"),
        ({"subject": None}, "no subject"),
        ({"subject": ["x"]}, "Subject 0 has no digest"),
        ({"subject": [{"name": "x"}]}, "Subject 0 has no digest"),
        ({"subject": [{"digest": {}}]}, "Subject 0 has no digest"),
        ({"subject": [{"digest": {"sha256": 1}}]}, "not text"),
        ({"subject": [{"digest": {"sha256": "ab"}}]}, "no valid SHA-256"),
        ({"subject": [{"digest": {"sha256": DIGEST + "\n"}}]}, "no valid SHA-256"),
        ({"subject": [{"digest": {"sha256": "٣" * 64}}]}, "no valid SHA-256"),
        ({"subject": [{"digest": {"sha256": DIGEST}}] * 10_000}, "10000 subjects"),
    ],
)
def test_what_is_no_statement_is_refused(changes, words):
    with refused(words):
        parse(payload(**changes))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not JSON"),
        (b"[]", "JSON object"),
        (b"null", "JSON object"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'"\xc3\x28"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a": 1, "a": 1}', "'a' stands twice"),
        (b'{"x": [{"a": {"b": 1, "c": 2, "b": 3}}]}', "'b' stands twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e999}', "double"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b"[" * 33 + b"]" * 33, "32 levels"),
        (b"[" * 500_000, "32 levels"),
        (b'{"a":' * 150_000, "32 levels"),
        (b'{"n": ' + b"9" * 100_000 + b"}", "not JSON"),
        (b'"' + b"x" * in_toto.MAX_BYTES + b'"', "larger than 1024 KiB"),
    ],
)
def test_json_with_two_meanings_or_without_end_is_refused(text, words):
    with refused(words):
        parse(text)


def test_a_name_twice_among_very_many_is_found_at_once():
    names = b",".join(b'"%x":0' % n for n in range(100_000))
    with refused("'0' stands twice"):
        read(b"{%b,%b}" % (names, b'"0":1'))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(document())), JSON), st.booleans())
def test_any_json_is_a_statement_or_refused(changes, test_result):
    if test_result:
        changes = {**changes, "predicateType": in_toto.TEST_RESULT}
    try:
        found = parse(payload(**changes))
    except StatementMalformed:
        return
    assert found.predicate_type == document(**changes)["predicateType"]
    assert not test_result or found.verdict in in_toto.VERDICTS


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    try:
        value = read(raw)
    except StatementMalformed:
        return
    assert json.loads(raw) == value
