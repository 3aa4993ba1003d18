"""Exports in the formats of other tools: valid, stable, with the dossier's numbers."""

import functools
import json

import jsonschema_rs
import pytest
import yaml

from governance.dossier.content import Content
from governance.dossier.exports import EXPORTS, files_of
from tests.governance.doors import schema_file
from tests.governance.dossier_content import SHA, content_of
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


@pytest.mark.parametrize("name", OF_FILES)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_export_is_valid_whatever_people_wrote(name, text):
    document = json.loads(made(content_of(text), name))
    faults = [
        f"{error.instance_path}: {error.message[:300]}"
        for error in schema(OF_FILES[name]).iter_errors(document)
    ]
    assert faults == []


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
