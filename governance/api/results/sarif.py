"""SARIF 2.1.0: a rule is a descriptor, what does not hold is a result.

What passes is no result: code scanning shows every result as an alert and looks at no
`kind`. A waiver is a suppression outside the source (standards.md 2.11).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings

from governance.api.results.outcome import Outcome, pack, read, state
from governance.release import software_version

# The file of the caller's repository beside which a code host shows the results.
CARD = "MODEL_CARD.md"
LOCATION = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9_.-][A-Za-z0-9_./-]{0,199}")
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    "sarif-schema-2.1.0.json"
)
_LEVEL = {"fail": "error", "waived": "error", "warn": "warning"}
_FINGERPRINT = "freigabeRule/v1"

Json = dict[str, Any]


def written(data: Mapping[str, Any], *, location: str = CARD) -> Json:
    """The log with one run. `location` is a path that `LOCATION` matches wholly."""
    outcome = read(data)
    rules: dict[str, Mapping[str, Any]] = {}
    for check in outcome.checks:
        rules.setdefault(check["requirement"], check)
    driver = {
        "name": "Freigabe",
        "version": software_version(),
        "informationUri": settings.FREIGABE_INSTANCE_URL,
        "rules": [_rule(check, outcome) for check in rules.values()],
    }
    index = {name: number for number, name in enumerate(rules)}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {
            "id": f"freigabe/{quote(outcome.model or '-')}/{outcome.environment}/"
        },
        "columnKind": "unicodeCodePoints",
        "results": list(_results(outcome, index, location)),
        "properties": {
            "verdict": outcome.verdict,
            "decisionId": outcome.decision_id,
            "model": outcome.model,
            "version": outcome.version,
            "environment": outcome.environment,
        },
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(check: Mapping[str, Any], outcome: Outcome) -> Json:
    level = "warning" if check.get("severity") == "warn" else "error"
    return {
        "id": check["requirement"],
        "shortDescription": {"text": check["title"]},
        "defaultConfiguration": {"level": level},
        "helpUri": f"{settings.FREIGABE_INSTANCE_URL}{_page(outcome)}",
        "properties": {"tags": [pack(check)]},
    }


def _results(
    outcome: Outcome, index: Mapping[str, int], location: str
) -> Iterator[Json]:
    seen: Counter[str] = Counter()
    for check in outcome.checks:
        name = check["requirement"]
        seen[name] += 1
        if state(check) == "pass":
            continue
        place = {
            "physicalLocation": {
                "artifactLocation": {"uri": location, "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 1},
            },
            "logicalLocations": [
                {"fullyQualifiedName": _address(outcome), "kind": "resource"}
            ],
        }
        result: Json = {
            "ruleId": name,
            "ruleIndex": index[name],
            "kind": "fail",
            "level": _LEVEL[state(check)],
            "message": {"text": _message(check)},
            "locations": [place],
            "partialFingerprints": {_FINGERPRINT: _print(outcome, name, seen[name])},
            "properties": {"pack": pack(check)},
        }
        if state(check) == "waived":
            result["suppressions"] = [_suppression(check)]
        yield result


def _suppression(check: Mapping[str, Any]) -> Json:
    return {
        "kind": "external",
        "status": "accepted",
        "justification": f"{check['observed']}. {check['because']}",
        "properties": {"waiverId": check["waiver"]},
    }


def _message(check: Mapping[str, Any]) -> str:
    parts = (f"{check['observed']}.", check["because"], check["next_step"])
    return f"{check['title']}: " + " ".join(part for part in parts if part)


def _print(outcome: Outcome, name: str, number: int) -> str:
    """The same for the same rule of a model in its place, at every version and run."""
    text = "\n".join((outcome.model, outcome.environment, name, str(number)))
    return hashlib.sha256(text.encode()).hexdigest()


def _address(outcome: Outcome) -> str:
    return "/".join(quote(part or "-") for part in (outcome.model, outcome.version))


def _page(outcome: Outcome) -> str:
    if outcome.decision_id:
        return f"/gate/{outcome.decision_id}/"
    model, version = quote(outcome.model), quote(outcome.version)
    return f"/models/{model}/versions/{version}/"
