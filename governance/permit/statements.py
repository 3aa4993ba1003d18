"""What is signed of one decision: our approval predicate, a VSA and an SVR.

Sources: in-toto Statement v1; SLSA Verification Summary v1; in-toto Simple Verification
Result v0.2. The last two carry no expiry: ours stands in a field named by a URN, which
readers that do not know it ignore (in-toto Attestation, parsing rules).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from audits.models import Checkpoint
from governance.release import software_version
from registry.digests import sha256_of_json

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:freigabe:attestation:approval:v1"
VSA = "https://slsa.dev/verification_summary/v1"
SVR = "https://in-toto.io/attestation/svr/v0.2"
DECISION_ID = "urn:freigabe:attestation:decision-id"
VALID_UNTIL = "urn:freigabe:attestation:valid-until"

Json = dict[str, Any]


@dataclass(frozen=True)
class Permitted:
    """Everything that a permit says, gathered by the gate.

    `artifact_sha256` is the file of the authorisation. `use` is the
    intended use as the inventory has it; `waivers` are those in force with their ends.
    """

    decision_id: str
    issuer: str
    model: str
    version: str
    version_sha256: str
    artifact_sha256: str
    environment: str
    tier: int
    issued_at: datetime
    valid_from: datetime
    valid_until: datetime
    authorisation_id: str
    approvers: Sequence[str]
    policies: Sequence[Mapping[str, Any]]
    evidence: Mapping[str, str]
    attached: Mapping[str, str]
    checks: Sequence[str]
    use: Mapping[str, str]
    conditions: Sequence[Mapping[str, Any]] = ()
    waivers: Sequence[Mapping[str, Any]] = ()
    break_glass: Mapping[str, str] | None = None
    renewal_of: str = ""
    checkpoint: Checkpoint | None = field(default=None, repr=False)


def approval(given: Permitted) -> Json:
    """The permit: an in-toto Statement with our own predicate.

    It is bound to the artifact's digest, the environment and the expiry; a verifier
    must enforce all three.
    """
    predicate: Json = {
        "decision": "allow",
        "decision_id": given.decision_id,
        "authorisation_id": given.authorisation_id,
        "model": given.model,
        "version": given.version,
        "version_sha256": given.version_sha256,
        "environment": given.environment,
        "tier": given.tier,
        "use": dict(given.use),
        "issued_at": given.issued_at.isoformat(),
        "valid_from": given.valid_from.isoformat(),
        "valid_until": given.valid_until.isoformat(),
        "approvers": list(given.approvers),
        "policies": list(given.policies),
        "evidence": dict(given.evidence),
        "attached": dict(given.attached),
        "checks": list(given.checks),
        "conditions": list(given.conditions),
        "waivers": list(given.waivers),
        "log": _log(given.checkpoint),
        "issuer": given.issuer,
        "revocations": f"{given.issuer}/api/v1/permits/revoked",
        **({"renewal_of": given.renewal_of} if given.renewal_of else {}),
        **({"break_glass": given.break_glass} if given.break_glass else {}),
    }
    return _statement(given, PREDICATE, predicate)


def verification_summary(given: Permitted) -> Json:
    """The same as a SLSA Verification Summary.

    An emergency runs although the policy was not met: it is FAILED here, so that no
    reader takes it for an approval.
    """
    levels = [
        f"FREIGABE_APPROVED_ENV_{given.environment}",
        f"FREIGABE_TIER_T{given.tier}",
    ]
    predicate: Json = {
        "verifier": {"id": given.issuer, "version": {"freigabe": software_version()}},
        "timeVerified": rfc3339(given.issued_at),
        "resourceUri": resource_uri(given),
        "policy": {
            "uri": f"{given.issuer}/policy/",
            "digest": {"sha256": sha256_of_json(list(given.policies))},
        },
        "inputAttestations": [
            {"uri": f"urn:freigabe:evidence:{kind}", "digest": {"sha256": digest}}
            for kind, digest in sorted(given.evidence.items())
        ],
        "verificationResult": "FAILED" if given.break_glass else "PASSED",
        "verifiedLevels": ["FAILED"] if given.break_glass else levels,
        "slsaVersion": "1.1",
        **_extension(given),
    }
    return _statement(given, VSA, predicate)


def simple_result(given: Permitted) -> Json:
    """The same as an in-toto Simple Verification Result: what passed, by name."""
    packs = [str(one["id"]).replace(" ", "_") for one in given.policies]
    properties = [
        f"FREIGABE_APPROVED_ENV_{given.environment}",
        f"FREIGABE_TIER_T{given.tier}",
        *(f"FREIGABE_PACK_{name}" for name in packs),
    ]
    if given.break_glass:
        properties = [f"FREIGABE_BREAK_GLASS_ENV_{given.environment}"]
    predicate: Json = {
        "verifier": {
            "id": given.issuer,
            "policies": [
                {
                    "uri": f"urn:freigabe:policy:{quote(str(one['id']), safe='')}",
                    "digest": {"sha256": one["sha256"]},
                }
                for one in given.policies
            ],
        },
        "timeCreated": rfc3339(given.issued_at),
        "properties": properties,
        **_extension(given),
    }
    return _statement(given, SVR, predicate)


def resource_uri(given: Permitted) -> str:
    """What a VSA is about: the version in the environment, by its address."""
    return (
        f"{given.issuer}/models/{given.model}/versions/{quote(given.version)}/"
        f"?environment={given.environment}"
    )


def rfc3339(moment: datetime) -> str:
    """A time with Z for UTC, as the Timestamp of in-toto's predicates wants it."""
    return moment.isoformat().replace("+00:00", "Z")


def _statement(given: Permitted, kind: str, predicate: Json) -> Json:
    return {
        "_type": STATEMENT,
        "subject": [
            {
                "name": f"{given.model}@{given.version}",
                "digest": {"sha256": given.artifact_sha256},
            }
        ],
        "predicateType": kind,
        "predicate": predicate,
    }


def _extension(given: Permitted) -> Json:
    return {
        DECISION_ID: given.decision_id,
        VALID_UNTIL: rfc3339(given.valid_until),
    }


def _log(checkpoint: Checkpoint | None) -> Json | None:
    """The latest checkpoint on which the decision rests; the entry of the decision
    itself is in a later one (docs/decisions/0040)."""
    if checkpoint is None:
        return None
    return {
        "size": checkpoint.tree_size,
        "root": bytes(checkpoint.root_hash).hex(),
        "checkpoint": checkpoint.note,
    }
