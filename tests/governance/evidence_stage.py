"""A laboratory outside of the bank, and what it signs."""

import base64
import json
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits import dsse, in_toto
from audits.models import ForeignEvidence
from governance import attaching, evidence_signers
from governance.attaching import Claim, Document
from governance.signatures import Proof
from registry.models import ModelVersion
from tests.world import NOW, PASSWORD, World

LAB = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
PDF = b"%PDF-1.7\nA report.\n%%EOF\n"
CLAIM: dict[str, Any] = {
    "kind": "test_report",
    "title": "Acceptance tests",
    "produced_by": "Test Lab Ltd",
    "produced_on": date(2026, 11, 1),
    "tool": "pytest 9",
}


def public(key: Ed25519PrivateKey) -> str:
    """The public half in base64."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def lab(world: World, key: Ed25519PrivateKey = LAB, slug: str = "lab", **more):
    """Cora registers a laboratory."""
    return evidence_signers.register_signer(
        slug=slug,
        name=slug.capitalize(),
        public_key=public(key),
        **{"by": world.cora, "at": NOW, **more},
    )


def statement(
    version: ModelVersion, result: str = "PASSED", **changes: Any
) -> dict[str, Any]:
    """A test result about a version."""
    return {
        "_type": in_toto.STATEMENT,
        "subject": [{"name": "the version", "digest": {"sha256": version.sha256}}],
        "predicateType": in_toto.TEST_RESULT,
        "predicate": {"result": result, "configuration": []},
        **changes,
    }


def of_kind(kind: str, outcome: str = "passed") -> dict[str, Any]:
    """The parts of a statement in which an independent party names the type."""
    return {
        "predicateType": attaching.PREDICATE,
        "predicate": {"kind": kind, "outcome": outcome},
    }


def envelope(
    said: dict[str, Any] | bytes,
    key: Ed25519PrivateKey = LAB,
    payload_type: str = dsse.IN_TOTO,
) -> dict[str, Any]:
    """The statement, signed."""
    payload = said if isinstance(said, bytes) else json.dumps(said).encode()
    return dsse.sign(payload, payload_type, {"key": key})


def document(content: bytes = PDF, name: str = "report.pdf") -> Document:
    """A file that comes in."""
    return Document([content], name)


def signed_by_lab(
    world: World, version: ModelVersion, said: dict[str, Any] | None = None, **more
) -> ForeignEvidence:
    """Ben hands in what the laboratory signed."""
    claim = {**CLAIM, **more.pop("claim", {})}
    more.setdefault("envelope", envelope(said or statement(version)))
    return attaching.attach(
        version=version,
        claim=Claim(**claim),
        **{"by": world.ben, "at": NOW, **more},
    )


def signed_by_person(world: World, version: ModelVersion, **more) -> ForeignEvidence:
    """Vera signs a report that she attaches."""
    claim = {**CLAIM, "kind": "validation_report", **more.pop("claim", {})}
    proof = Proof(password=more.pop("password", PASSWORD))
    return attaching.attach(
        version=version,
        claim=Claim(**claim),
        **{
            "document": document(),
            "proof": proof,
            "by": world.vera,
            "at": NOW,
            **more,
        },
    )
