"""in-toto Statements: what a signed payload says, read strictly or not at all.

Source: in-toto Attestation Framework, Statement v1; predicate test-result v0.1; SLSA
Verification Summary v1.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"
VERDICTS = ("PASSED", "WARNED", "FAILED")
MAX_BYTES = 1024**2
MAX_DEPTH = 32
MAX_SUBJECTS = 1000
_TYPE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,190}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_TEST_LISTS = ("passedTests", "warnedTests", "failedTests")
_TOO_DEEP = f"The JSON is nested more than {MAX_DEPTH} levels deep."


class StatementMalformed(ValueError):
    """The payload is not an in-toto Statement that can be relied on."""


@dataclass(frozen=True)
class Statement:
    """What is claimed (`predicate_type`, `predicate`) about which digests.

    `sha256` holds the subjects' SHA-256 digests in lower case; subjects that are named
    by other algorithms only are left out.
    """

    predicate_type: str
    predicate: Mapping[str, Any]
    sha256: frozenset[str]

    @property
    def verdict(self) -> str | None:
        """PASSED, WARNED or FAILED of a predicate that has one, else None."""
        if self.predicate_type == TEST_RESULT:
            return str(self.predicate["result"])
        if self.predicate_type == VERIFICATION_SUMMARY:
            return str(self.predicate["verificationResult"])
        return None


def parse(payload: bytes) -> Statement:
    """Read the payload of an envelope whose signature has been verified.

    Refused is what two readers could understand differently (a name twice, NaN, half
    of a surrogate pair) or what costs more to read than evidence needs: more than
    `MAX_BYTES`, `MAX_DEPTH` levels or `MAX_SUBJECTS` subjects. Unknown fields are
    ignored, as the framework demands. Raises StatementMalformed.
    """
    document = read(payload)
    if not isinstance(document, dict):
        raise StatementMalformed("A Statement is a JSON object.")
    if document.get("_type") != STATEMENT:
        raise StatementMalformed(f"The _type of the Statement is not {STATEMENT}.")
    kind = document.get("predicateType")
    if not isinstance(kind, str) or not _TYPE_URI.fullmatch(kind):
        raise StatementMalformed("The predicateType is not a URI of 200 characters.")
    predicate = document.get("predicate", {})
    if not isinstance(predicate, dict):
        raise StatementMalformed("The predicate is not a JSON object.")
    _check_predicate(kind, predicate)
    return Statement(kind, predicate, frozenset(_digests(document.get("subject"))))


def read(text: bytes) -> Any:
    """The value of strict JSON in UTF-8, within the limits. Raises StatementMalformed.

    The names of an object are unique and all numbers finite (RFC 7493).
    """
    value = decode(text, most=MAX_BYTES)
    _check_values(value)
    return value


def decode(text: bytes, *, most: int) -> Any:
    """The value of JSON of so many bytes whose names are unique in their objects.

    Depth and texts are not looked at: for large documents of a known shape. Raises
    StatementMalformed.
    """
    if len(text) > most:
        raise StatementMalformed(f"It is larger than {most // 1024} KiB.")
    try:
        return json.loads(
            text.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise StatementMalformed(_TOO_DEEP) from error
    except StatementMalformed:
        raise
    except ValueError as error:
        raise StatementMalformed("It is not JSON in UTF-8.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = Counter(name for name, _value in pairs)
        twice = names.most_common(1)[0][0]
        raise StatementMalformed(f"The name {twice[:60]!r} stands twice in one object.")
    return found


def _refuse_constant(name: str) -> None:
    raise StatementMalformed(f"{name} is no number of JSON.")


def _check_values(value: Any) -> None:
    """Walk without recursion; texts must be storable, numbers finite."""
    waiting = [(value, 1)]
    while waiting:
        part, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise StatementMalformed(_TOO_DEEP)
        if isinstance(part, dict):
            waiting += [(item, depth + 1) for item in (*part, *part.values())]
        elif isinstance(part, list):
            waiting += [(item, depth + 1) for item in part]
        elif isinstance(part, str):
            _check_text(part)
        elif isinstance(part, float) and not math.isfinite(part):
            raise StatementMalformed("It holds a number beyond the range of a double.")


def _check_text(text: str) -> None:
    if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise StatementMalformed("A text holds NUL or half of a surrogate pair.")


def _digests(subjects: Any) -> Iterator[str]:
    if not isinstance(subjects, list) or not subjects:
        raise StatementMalformed("The Statement names no subject.")
    if len(subjects) > MAX_SUBJECTS:
        raise StatementMalformed(
            f"The Statement names {len(subjects)} subjects; {MAX_SUBJECTS} are read."
        )
    for place, subject in enumerate(subjects):
        digests = subject.get("digest") if isinstance(subject, dict) else None
        if not isinstance(digests, dict) or not digests:
            raise StatementMalformed(f"Subject {place} has no digest.")
        if not all(isinstance(value, str) for value in digests.values()):
            raise StatementMalformed(f"Subject {place} has a digest that is not text.")
        if "sha256" in digests:
            if not _SHA256.fullmatch(digests["sha256"]):
                raise StatementMalformed(f"Subject {place} has no valid SHA-256.")
            yield digests["sha256"].lower()


def _check_predicate(kind: str, predicate: Mapping[str, Any]) -> None:
    if kind == TEST_RESULT:
        _check_test_result(predicate)
    elif kind == VERIFICATION_SUMMARY:
        _one_of(predicate, "verificationResult", ("PASSED", "FAILED"))


def _check_test_result(predicate: Mapping[str, Any]) -> None:
    _one_of(predicate, "result", VERDICTS)
    if not isinstance(predicate.get("configuration"), list):
        raise StatementMalformed("The predicate's configuration is not a list.")
    for name in _TEST_LISTS:
        tests = predicate.get(name, [])
        if not isinstance(tests, list) or not all(isinstance(t, str) for t in tests):
            raise StatementMalformed(f"The predicate's {name} are not a list of names.")
    failed = len(predicate.get("failedTests", []))
    if failed and predicate["result"] != "FAILED":
        raise StatementMalformed(
            f"The result is {predicate['result']}, but {failed} tests failed."
        )


def _one_of(predicate: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    if predicate.get(name) not in allowed:
        raise StatementMalformed(
            f"The predicate's {name} is none of {', '.join(allowed)}."
        )
