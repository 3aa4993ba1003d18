"""SPDX 3.0.1, AI and dataset profiles, as JSON-LD."""

from typing import Any

from governance.dossier.content import Content, DataUse, FileFacts
from governance.dossier.reading import (
    address,
    number,
    record,
    second,
    uuid_in,
    words,
)
from registry.digests import LARGEST_INTEGER, canonical_json

_CREATED = "_:creation"
# Our tiers are the four levels of EU Regulation 765/2008's method that SPDX names.
_SAFETY = {1: "serious", 2: "high", 3: "medium", 4: "low"}
_USES = {"training": "trainedOn", "test": "testedOn", "measured": "testedOn"}


def spdx(said: Content) -> bytes:
    """The document with the model, its files and data, and how they hang together.

    Conformity with a standard is not stated: that is a person's declaration.
    """
    data = {use.sha256: use for use in said.data}
    elements = [
        _creator(said),
        _supplier(said),
        _model(said),
        *(_file(said, file) for file in said.version.files),
        *(_dataset(said, use) for use in data.values()),
        *_relationships(said),
    ]
    graph = [
        {
            "type": "CreationInfo",
            "@id": _CREATED,
            "created": second(said.control.as_of),
            "createdBy": [_iri(said, "creator")],
            "specVersion": "3.0.1",
        },
        _document(said, [item["spdxId"] for item in elements]),
        *elements,
    ]
    return canonical_json(
        {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph}
    )


def _iri(said: Content, *parts: str) -> str:
    return f"urn:uuid:{uuid_in(said, 'spdx', *parts)}"


def _element(said: Content, kind: str, name: str, *parts: str) -> dict[str, Any]:
    return {
        "type": kind,
        "spdxId": _iri(said, *parts),
        "creationInfo": _CREATED,
        "name": name,
    }


def _document(said: Content, elements: list[str]) -> dict[str, Any]:
    return {
        **_element(said, "SpdxDocument", f"Dossier {said.control.dossier_id}", "doc"),
        "profileConformance": ["core", "software", "ai", "dataset"],
        "rootElement": [_iri(said, "model")],
        "element": elements,
    }


def _creator(said: Content) -> dict[str, Any]:
    name = f"{said.control.software} at {said.control.instance}"
    return _element(said, "SoftwareAgent", name, "creator")


def _supplier(said: Content) -> dict[str, Any]:
    name = record(said)["vendor"].value or said.control.instance
    return _element(said, "Organization", name, "supplier")


def _model(said: Content) -> dict[str, Any]:
    known, version, run = record(said), said.version, said.run
    used = known["special_categories_used"].code
    texts = {
        "description": words(said, "purpose"),
        "ai_informationAboutApplication": words(said, "purpose", "expected_use"),
        "ai_informationAboutTraining": [
            f"Run {run.name}, code {run.code_repository} {run.code_commit}"
        ]
        if run
        else [],
        "ai_limitation": words(said, "limitations", "restrictions"),
    }
    found = {
        **_element(said, "ai_AIPackage", said.inventory.name, "model"),
        "software_packageVersion": version.version,
        "software_primaryPurpose": "model",
        "software_downloadLocation": address(said),
        "software_sourceInfo": f"manifest sha256:{version.sha256}",
        "releaseTime": second(version.registered_at),
        "suppliedBy": _iri(said, "supplier"),
        "ai_useSensitivePersonalInformation": used or "noAssertion",
        "ai_hyperparameter": _entries(run.parameters if run else ()),
        "ai_metric": _entries(_metrics(said)),
        **{name: "\n".join(parts) for name, parts in texts.items() if parts},
    }
    if version.method:
        found["ai_typeOfModel"] = [version.method]
    if said.assessments:
        found["ai_safetyRiskAssessment"] = _SAFETY[said.standing.tier]
    return found


def _metrics(said: Content) -> list[tuple[str, str]]:
    return [
        (
            f"{item.kind}/{row.name}" + (f"[{row.group}]" if row.group else ""),
            number(row.value),
        )
        for item in said.evidence
        for row in item.measurements
        if row.value is not None
    ]


def _entries(pairs: Any) -> list[dict[str, str]]:
    return [
        {"type": "DictionaryEntry", "key": key, "value": value} for key, value in pairs
    ]


def _hash(sha256: str) -> list[dict[str, str]]:
    return [{"type": "Hash", "algorithm": "sha256", "hashValue": sha256}]


def _file(said: Content, file: FileFacts) -> dict[str, Any]:
    name = file.file_name or file.sha256
    return {
        **_element(said, "software_File", name, "file", file.role, file.sha256),
        "software_primaryPurpose": "model" if file.role == "model" else "documentation",
        "verifiedUsing": _hash(file.sha256),
    }


def _dataset(said: Content, use: DataUse) -> dict[str, Any]:
    found = {
        **_element(said, "dataset_DatasetPackage", use.dataset, "data", use.sha256),
        "software_packageVersion": str(use.version),
        "software_primaryPurpose": "data",
        "software_downloadLocation": use.uri or said.control.instance,
        "dataset_datasetType": ["structured"],
        "dataset_hasSensitivePersonalInformation": "noAssertion",
        "builtTime": second(use.registered_at),
        "releaseTime": second(use.registered_at),
        "originatedBy": [_iri(said, "supplier")],
        "verifiedUsing": _hash(use.sha256),
    }
    if use.rows is not None and use.rows <= LARGEST_INTEGER:
        found["dataset_datasetSize"] = use.rows
    if use.source:
        found["dataset_dataCollectionProcess"] = use.source
    return found


def _relationships(said: Content) -> list[dict[str, Any]]:
    files = [_iri(said, "file", file.role, file.sha256) for file in said.version.files]
    links = [("hasDistributionArtifact", target) for target in files]
    links += [
        (_USES.get(use.role, "hasInput"), _iri(said, "data", use.sha256))
        for use in said.data
    ]
    return [
        {
            "type": "Relationship",
            "spdxId": _iri(said, "link", kind, target),
            "creationInfo": _CREATED,
            "from": _iri(said, "model"),
            "relationshipType": kind,
            "to": [target],
        }
        for kind, target in dict.fromkeys(links)
    ]
