"""CycloneDX 1.6: an ML-BOM with model card, data, files and the policy's verdicts."""

from typing import Any

from governance.dossier.content import Content, DataUse, Measured
from governance.dossier.exports.cyclonedx_claims import declarations, standards
from governance.dossier.reading import (
    address,
    number,
    record,
    second,
    task_of,
    uuid_in,
    words,
)
from registry.digests import canonical_json

MODEL = "model"
ASSESSOR = "assessor"


def bom(said: Content) -> bytes:
    """The bill of materials of the version, valid against bom-1.6.schema.json."""
    data = {f"data:{use.sha256}": use for use in said.data}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid_in(said, 'mlbom')}",
        "version": 1,
        "metadata": {
            "timestamp": second(said.control.as_of),
            "tools": {"components": [_tool(said)]},
            "component": _model(said, list(data)),
            "properties": _properties(said),
        },
        "components": [_data(said, ref, use) for ref, use in data.items()],
        "dependencies": [{"ref": MODEL, "dependsOn": list(data)}],
        "definitions": {"standards": standards(said)},
        "declarations": declarations(said, target=MODEL, assessor=ASSESSOR),
    }
    return canonical_json(document)


def _tool(said: Content) -> dict[str, Any]:
    name, _space, version = said.control.software.partition(" ")
    return {"type": "application", "name": name, "version": version}


def _model(said: Content, data: list[str]) -> dict[str, Any]:
    version = said.version
    supplier = record(said)["vendor"].value
    found: dict[str, Any] = {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": said.inventory.name,
        "version": version.version,
        "description": "\n".join(words(said, "purpose")),
        "authors": [{"name": version.developer}],
        "components": [
            {
                "type": "file",
                "bom-ref": f"file:{file.role}:{file.sha256}",
                "name": file.file_name or file.sha256,
                "mime-type": file.media_type,
                "hashes": [_hash(file.sha256)],
            }
            for file in version.files
        ],
        "externalReferences": _references(said),
        "modelCard": _card(said, data),
    }
    files = [file.sha256 for file in version.files if file.role == "model"]
    if len(files) == 1:
        found["hashes"] = [_hash(files[0])]
    if supplier:
        found["supplier"] = {"name": supplier}
    return found


def _hash(sha256: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": sha256}


def _references(said: Content) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"type": "documentation", "url": address(said)},
        {"type": "model-card", "url": "model-card.md"},
        {"type": "log", "url": "checkpoint.txt", "comment": said.trail.root_hash},
    ]
    found += [
        {
            "type": "quality-metrics",
            "url": item.attachment,
            "comment": f"{item.label}, {item.report_id}",
            "hashes": [_hash(item.sha256)],
        }
        for item in said.evidence
    ]
    return found


def _card(said: Content, data: list[str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {"datasets": [{"ref": ref} for ref in data]}
    if said.version.method:
        parameters["modelArchitecture"] = said.version.method
    if task_of(said):
        parameters["task"] = task_of(said)
    return {
        "modelParameters": parameters,
        "quantitativeAnalysis": {
            "performanceMetrics": [
                _metric(row)
                for item in said.evidence
                for row in item.measurements
                if row.value is not None
            ]
        },
        "considerations": _considerations(said),
    }


def _metric(row: Measured) -> dict[str, Any]:
    found: dict[str, Any] = {"type": row.name, "value": number(row.value or 0)}
    if row.group:
        found["slice"] = row.group
    if row.lower is not None and row.upper is not None:
        found["confidenceInterval"] = {
            "lowerBound": number(row.lower),
            "upperBound": number(row.upper),
        }
    return found


def _considerations(said: Content) -> dict[str, Any]:
    found: dict[str, Any] = {
        "useCases": words(said, "purpose", "expected_use"),
        "technicalLimitations": words(said, "limitations", "restrictions"),
    }
    if said.assessments:
        counts = said.assessments[0]
        found["ethicalConsiderations"] = [
            {"name": item.title, "mitigationStrategy": counts.mitigations}
            for item in counts.scenarios
        ]
    return found


def _data(said: Content, ref: str, use: DataUse) -> dict[str, Any]:
    dataset: dict[str, Any] = {"type": "dataset", "name": use.dataset}
    if use.uri:
        dataset["contents"] = {"properties": [{"name": "uri", "value": use.uri}]}
    if use.sensitive:
        dataset["sensitiveData"] = list(use.sensitive)
    uses = [other.role for other in said.data if other.sha256 == use.sha256]
    return {
        "type": "data",
        "bom-ref": ref,
        "name": use.dataset,
        "version": str(use.version),
        "description": use.description,
        "hashes": [_hash(use.sha256)],
        "data": [dataset],
        "properties": [{"name": "freigabe:use", "value": role} for role in uses],
    }


def _properties(said: Content) -> list[dict[str, str]]:
    values = {
        "freigabe:dossier": said.control.dossier_id,
        "freigabe:version-sha256": said.version.sha256,
        "freigabe:status": said.version.status,
        "freigabe:tier": str(said.standing.tier),
        "freigabe:log-size": str(said.trail.tree_size),
        "freigabe:log-root": said.trail.root_hash,
    }
    return [{"name": name, "value": value} for name, value in values.items()]
