"""JUnit XML in the strict form of the Ant schema: one suite a pack, one case a rule.

`failure` denies, `skipped` is waived, what only warns stands in `system-out`
(standards.md 2.11).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from django.conf import settings

from governance.api.results.outcome import Outcome, pack, read, state

# All that XML 1.0 has no place for, in any spelling (production 2).
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = "0"  # rules are not timed one by one


def written(data: Mapping[str, Any]) -> str:
    """The document, with its declaration."""
    outcome = read(data)
    suites: dict[str, list[Mapping[str, Any]]] = {}
    for check in outcome.checks:
        suites.setdefault(pack(check), []).append(check)
    root = ElementTree.Element("testsuites")
    for number, (name, checks) in enumerate(suites.items()):
        root.append(_suite(number, name, checks, outcome))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(
    number: int, name: str, checks: Sequence[Mapping[str, Any]], outcome: Outcome
) -> ElementTree.Element:
    states = [state(check) for check in checks]
    suite = ElementTree.Element(
        "testsuite",
        name=_token(name),
        package="freigabe",
        id=str(number),
        timestamp=outcome.at,
        hostname=urlsplit(settings.FREIGABE_INSTANCE_URL).hostname or "localhost",
        tests=str(len(checks)),
        failures=str(states.count("fail")),
        errors="0",
        skipped=str(states.count("waived")),
        time=_TIME,
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key in ("verdict", "decision_id", "model", "version", "environment"):
        value = _clean(getattr(outcome, key))
        ElementTree.SubElement(properties, "property", name=key, value=value)
    for check in checks:
        suite.append(_case(check, name))
    warned = [c for c in checks if state(c) == "warn"]
    out = ElementTree.SubElement(suite, "system-out")
    out.text = "\n".join(f"warn {c['title']}: {_details(c)}" for c in warned)
    out.text = _clean(out.text)
    ElementTree.SubElement(suite, "system-err")
    return suite


def _case(check: Mapping[str, Any], name: str) -> ElementTree.Element:
    title = f"{check['requirement']} {check['title']}"
    case = ElementTree.Element(
        "testcase", name=_token(title), classname=_token(name), time=_TIME
    )
    kind = {"fail": "failure", "waived": "skipped"}.get(state(check))
    if kind:
        told = ElementTree.SubElement(case, kind, message=_clean(check["observed"]))
        if kind == "failure":
            told.set("type", _clean(check["requirement"]))
        told.text = _clean(_details(check))
    return case


def _details(check: Mapping[str, Any]) -> str:
    parts = (check["observed"], check["because"], check["next_step"])
    return "\n".join(part for part in parts if part)


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def _token(text: str) -> str:
    """An xs:token: no line breaks, no spaces at the ends or side by side."""
    return " ".join(_clean(text).split())
