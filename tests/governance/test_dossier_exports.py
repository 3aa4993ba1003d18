"""Exports in the formats of other tools: valid, stable, with the dossier's numbers."""

import functools
import json
from dataclasses import replace

import jsonschema_rs
import pytest
import yaml

from governance.dossier.content import Content, document_of
from governance.dossier.excepted import Exceptions
from governance.dossier.exports import EXPORTS, files_of
from governance.dossier.redaction import CATEGORIES, edition_of
from tests.governance.doors import schema_file
from tests.governance.dossier_content import ID, SHA, content_of
from tests.governance.dossier_stage import HOSTILE

TEXTS = {
    "plain": "Credit default model",
    "empty": "",
    "hostile": HOSTILE,
    "long": "ü<i>" * 750,
    "right to left": "\u202e\u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627",
    "lines": "# one\n\n---\ntwo | three\n```\n<script>alert(1)</script>",
}
OF_FILES = {
    "mlbom.cdx.json": "cyclonedx/bom-1.6.schema.json",
    "model.spdx.json": "spdx3/spdx-3.0.1-schema.json",
    "oscal-assessment-results.json": "oscal/oscal_assessment-results_schema.json",
    "oscal-catalog.json": "oscal/oscal_catalog_schema.json",
    "oscal-plan-of-action.json": "oscal/oscal_poam_schema.json",
}


@functools.cache
def schema(path: str) -> jsonschema_rs.Validator:
    file = schema_file(path)
    registry = jsonschema_rs.Registry(
        [
            (f"http://cyclonedx.org/schema/{other.name}", json.loads(other.read_text()))
            for other in file.parent.glob("*.schema.json")
        ]
    )
    return jsonschema_rs.validator_for(
        json.loads(file.read_text()), registry=registry, validate_formats=True
    )


def made(said: Content, name: str) -> bytes:
    found = {file.facts.name: file.body for file in files_of(said)}
    return found[name]


def faults_of(name: str, body: bytes) -> list[str]:
    """What the official schema of an export says against these bytes."""
    return [
        f"{error.instance_path}: {error.message[:300]}"
        for error in schema(OF_FILES[name]).iter_errors(json.loads(body))
    ]


@pytest.mark.parametrize("name", OF_FILES)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_export_is_valid_whatever_people_wrote(name, text):
    assert faults_of(name, made(content_of(text), name)) == []


@pytest.mark.parametrize("name", OF_FILES)
def test_a_version_of_which_nothing_is_recorded_has_valid_exports(name):
    bare = replace(
        content_of(),
        assessments=(),
        data=(),
        run=None,
        evidence=(),
        declarations=(),
        evaluations=(),
        approvals=(),
    )
    assert faults_of(name, made(bare, name)) == []


def test_the_plan_of_action_is_absent_where_nothing_is_open():
    quiet = Exceptions(findings=(), waivers=(), emergencies=())
    names = [f.facts.name for f in files_of(replace(content_of(), exceptions=quiet))]
    assert "oscal-plan-of-action.json" not in names
    assert "oscal-assessment-results.json" in names


def numbers_of(said: Content) -> dict[str, list[float]]:
    """All measured numbers, as each format has them."""
    bom = json.loads(made(said, "mlbom.cdx.json"))["metadata"]["component"]
    graph = json.loads(made(said, "model.spdx.json"))["@graph"]
    model = next(item for item in graph if item["type"] == "ai_AIPackage")
    card = made(said, "model-card.md").decode().removeprefix("---\n")
    head = yaml.safe_load(card.split("\n---\n", 1)[0])
    analysis = bom["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    return {
        "cyclonedx": [float(row["value"]) for row in analysis],
        "spdx": [float(row["value"]) for row in model["ai_metric"]],
        "card": [
            row["value"]
            for result in head["model-index"][0]["results"]
            for row in result["metrics"]
        ],
    }


@pytest.mark.parametrize(
    "values",
    [(0.1 + 0.2, 1e-12, 0.0), (-1e300, 5e-324, None), (1.0, 123456789.5, -0.0)],
)
def test_every_number_is_that_of_dossier_json(values):
    said = content_of()
    item = said.evidence[0]
    rows = tuple(replace(item.measurements[0], value=value) for value in values)
    said = replace(said, evidence=(replace(item, measurements=rows),))
    document = json.loads(document_of(said))
    expected = [
        row["value"]
        for row in document["evidence"][0]["measurements"]
        if row["value"] is not None
    ]
    assert numbers_of(said) == dict.fromkeys(("cyclonedx", "spdx", "card"), expected)


def test_oscal_says_of_each_rule_what_the_dossier_says():
    said = content_of()
    rule = said.evaluations[0].rulings[0]
    plain = replace(rule, check=replace(rule.check, waiver="", requirement="met"))
    failed = replace(
        rule,
        check=replace(rule.check, waiver="", requirement="failed", passed=False),
    )
    waived = replace(rule, check=replace(rule.check, waiver=ID))
    evaluation = replace(said.evaluations[0], rulings=(plain, failed, waived))
    said = replace(said, evaluations=(evaluation,))
    found = json.loads(made(said, "oscal-assessment-results.json"))
    result = found["assessment-results"]["results"][0]
    states = [item["target"]["status"] for item in result["findings"]]
    assert [(item["state"], item["reason"]) for item in states] == [
        ("satisfied", "pass"),
        ("not-satisfied", "fail"),
        ("not-satisfied", "other"),
    ]
    risk = result["risks"][0]["uuid"]
    assert result["findings"][2]["related-risks"] == [{"risk-uuid": risk}]
    catalog = json.loads(made(said, "oscal-catalog.json"))["catalog"]
    controls = [item["id"] for group in catalog["groups"] for item in group["controls"]]
    chosen = result["reviewed-controls"]["control-selections"][0]["include-controls"]
    assert [item["control-id"] for item in chosen] == controls


def test_an_export_is_listed_with_its_digest_and_has_the_same_bytes_again():
    files = files_of(content_of())
    assert [file.facts.name for file in files] == [
        export.name for export in EXPORTS if export.make(content_of()) is not None
    ]
    assert [file.facts.sha256 for file in files] == [
        file.facts.sha256 for file in files_of(content_of())
    ]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_model_card_reads_back_and_nothing_in_it_is_markup(text):
    body = made(content_of(text), "model-card.md").decode()
    head, prose = body.removeprefix("---\n").split("\n---\n", 1)
    known = yaml.safe_load(head)
    assert known["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.25
    assert known["freigabe"]["files"] == [SHA]
    assert "<script" not in prose
    assert "<b>" not in prose
    assert "\u202e" not in body
    headings = [row for row in prose.splitlines() if row.startswith("#")]
    assert headings[1:] == [
        "## Intended use",
        "## Out of scope and limitations",
        "## Inputs and outputs",
        "## Evaluation",
        headings[5],
        "## Risk and decision",
        "## Where this comes from",
    ]


def test_the_bill_of_materials_says_what_the_dossier_says():
    said = content_of()
    bom = json.loads(made(said, "mlbom.cdx.json"))
    model = bom["metadata"]["component"]
    assert model["version"] == said.version.version
    assert [file["hashes"][0]["content"] for file in model["components"]] == [SHA]
    metric = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"][0]
    assert float(metric["value"]) == said.evidence[0].measurements[0].value
    assert bom["components"][0]["hashes"][0]["content"] == said.data[0].sha256
    mapped = bom["declarations"]["attestations"][0]["map"][0]
    # The check passed by a waiver alone: that is a counter-claim.
    assert mapped["conformance"]["score"] == 0
    assert mapped["counterClaims"] == [bom["declarations"]["claims"][0]["bom-ref"]]


def test_what_is_withheld_from_the_content_is_in_no_export():
    said = content_of("Erika Mustermann", ai_act_class="high-annex-iii", aedt="yes")
    assert b"Mustermann" in made(said, "model-card.md")
    edition = edition_of(said, set(CATEGORIES), seed=b"seed" * 8)
    for file in files_of(edition.content):
        assert b"Mustermann" not in file.body, file.facts.name
