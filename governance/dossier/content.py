"""What a dossier says: one frozen tree of plain values, and its JSON form."""

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from audits import commitments
from audits.charts import Chart
from governance.dossier.assessed import Assessment, Matrix, Standing
from governance.dossier.excepted import Exceptions
from governance.dossier.impact import ImpactTable
from governance.dossier.lived import Life
from governance.dossier.verdicts import (
    Approval,
    Authorised,
    Declared,
    Deployed,
    Evaluation,
    GateHistory,
    Overridden,
)
from registry.digests import LARGEST_INTEGER, canonical_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = "freigabe-dossier/1"


@dataclass(frozen=True)
class Control:
    """Document control: which document this is, of what, as of when, by whom."""

    dossier_id: str
    variant: str
    paper: str
    withheld: tuple[str, ...]
    language: str
    as_of: datetime
    requested_by: str
    requested_at: datetime
    software: str
    instance: str
    log_origin: str


@dataclass(frozen=True)
class Field:
    """A named fact; an empty value is shown as not recorded.

    `code` is what is stored where `value` says it in the reader's language.
    """

    name: str
    label: str
    value: str
    code: str = ""


@dataclass(frozen=True)
class Inventory:
    """The inventory record of the model, as it stood at the moment of the dossier."""

    slug: str
    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class FileFacts:
    """A file of the version, by content."""

    part: str
    file_name: str
    format: str
    media_type: str
    size: int
    sha256: str
    uploaded_by: str
    uploaded_at: datetime
    role: str = ""


@dataclass(frozen=True)
class Move:
    """One move in the life cycle."""

    status: str
    moved_by: str
    moved_at: datetime
    reason: str


@dataclass(frozen=True)
class Version:
    """The version that the dossier is about."""

    version: str
    sha256: str
    method: str
    notes: str
    developer: str
    registered_by: str
    registered_at: datetime
    status: str
    moves: tuple[Move, ...]
    files: tuple[FileFacts, ...]


@dataclass(frozen=True)
class Sibling:
    """Another version of the same model."""

    version: str
    sha256: str
    status: str
    registered_at: datetime


@dataclass(frozen=True)
class DataUse:
    """A data set version that the version learned from or was measured on.

    `labels` has the column, its label in English and in German, where one was declared.
    """

    use: str
    dataset: str
    slug: str
    version: int
    sha256: str
    rows: int | None
    columns: tuple[tuple[str, str, str], ...]
    description: str
    source: str
    uri: str
    registered_by: str
    registered_at: datetime
    role: str = ""
    sensitive: tuple[str, ...] = ()
    labels: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class TrainingRun:
    """The run that made the version."""

    name: str
    code_repository: str
    code_commit: str
    environment_sha256: str
    parameters: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, str], ...]
    run_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class Measured:
    """One measurement, with its interval, count and method."""

    name: str
    label: str
    group: str
    value: float | None
    lower: float | None
    upper: float | None
    n: int | None
    unit: str
    method: str
    because: str


@dataclass(frozen=True)
class Evidence:
    """One evidence report; its document is attached byte for byte."""

    kind: str
    label: str
    run_id: str
    report_id: str
    sha256: str
    dataset: str
    dataset_sha256: str
    requested_by: str
    requested_at: datetime
    reported_at: datetime
    sandbox: str
    config: tuple[tuple[str, str], ...]
    engines: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    limits: tuple[str, ...]
    measurements: tuple[Measured, ...]
    figures: tuple[Chart, ...]
    attachment: str
    impact: tuple[ImpactTable, ...] = ()


@dataclass(frozen=True)
class Foreign:
    """Evidence that somebody else made; the document stays in the store.

    `statement` is what a person signed, or the envelope beside a document; without
    one the document itself is the signed envelope.
    """

    attachment_id: str
    kind: str
    label: str
    title: str
    outcome: str
    produced_by: str
    produced_on: date
    tool: str
    predicate_type: str
    sha256: str
    size: int
    vouched_by: str
    public_key: str
    revoked_at: datetime | None
    statement: str
    record_sha256: str
    attached_by: str
    attached_at: datetime


@dataclass(frozen=True)
class LogRow:
    """One log entry: its place in the tree, and what it recorded."""

    index: int
    occurred_at: datetime
    actor: str
    via: str
    operation: str
    table: str
    key: str
    leaf_hash: str


@dataclass(frozen=True)
class ProofExample:
    """The inclusion proof of one entry, hexadecimal, for checking by hand."""

    index: int
    leaf_hash: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class Trail:
    """The extract of the log; bodies and proofs are in the attachment."""

    origin: str
    vkey: str
    tree_size: int
    root_hash: str
    note: str
    signed_at: datetime
    rows: tuple[LogRow, ...]
    grouped: tuple[tuple[str, int], ...]
    example: ProofExample | None
    left_out: int
    unattributed: int
    verified_at: datetime | None
    verified_ok: bool | None
    verified_size: int | None
    attachment: str


@dataclass(frozen=True)
class Attached:
    """A file inside the PDF."""

    name: str
    description: str
    media_type: str
    relationship: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Content:
    """Everything that the dossier says."""

    control: Control
    inventory: Inventory
    version: Version
    siblings: tuple[Sibling, ...]
    matrix: Matrix | None
    standing: Standing
    assessments: tuple[Assessment, ...]
    data: tuple[DataUse, ...]
    lineage: Chart | None
    run: TrainingRun | None
    evidence: tuple[Evidence, ...]
    foreign: tuple[Foreign, ...]
    declarations: tuple[Declared, ...]
    overrides: tuple[Overridden, ...]
    evaluations: tuple[Evaluation, ...]
    approvals: tuple[Approval, ...]
    exceptions: Exceptions
    life: Life
    authorisations: tuple[Authorised, ...]
    deployments: tuple[Deployed, ...]
    gate: GateHistory
    trail: Trail
    attachments: tuple[Attached, ...] = field(default=())


def document_of(content: "DataclassInstance") -> bytes:
    """The canonical JSON of a content (RFC 8785): the bytes of `dossier.json`."""
    return canonical_json(plain({"format": FORMAT, **asdict(content)}))


def plain(value: Any) -> Any:
    """A tree of values as JSON can hold it."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        # JSON readers lose the digits beyond 2^53 - 1 (RFC 7493, 2.2).
        return value if abs(value) <= LARGEST_INTEGER else str(value)
    if isinstance(value, str):
        commitment = getattr(value, "commitment", None)
        return {commitments.KEY: commitment} if commitment else str(value)
    return value
