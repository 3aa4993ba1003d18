"""The tables of evidence and of the log."""

from audits.models.attachments import EvidenceSigner, ForeignEvidence
from audits.models.epochs import Epoch, KeyEvent
from audits.models.evidence import (
    EvidencePart,
    EvidenceReport,
    EvidenceRun,
    Measurement,
)
from audits.models.keeping import Archive, LegalHold, LegalHoldRelease, RetentionRule
from audits.models.log import (
    Checkpoint,
    Entry,
    Leaf,
    Sequencer,
    Tile,
    Verification,
)
from audits.models.outside import (
    Contradiction,
    Cosignature,
    Delivery,
    Export,
    TimeStamp,
    WitnessedLog,
)
from audits.models.privacy import Erasure, Opening
from audits.models.schema import CatalogState, SchemaChange

__all__ = [
    "Archive",
    "CatalogState",
    "Checkpoint",
    "Contradiction",
    "Cosignature",
    "Delivery",
    "Entry",
    "Epoch",
    "Erasure",
    "EvidencePart",
    "EvidenceReport",
    "EvidenceRun",
    "EvidenceSigner",
    "Export",
    "ForeignEvidence",
    "KeyEvent",
    "Leaf",
    "LegalHold",
    "LegalHoldRelease",
    "Measurement",
    "Opening",
    "RetentionRule",
    "SchemaChange",
    "Sequencer",
    "Tile",
    "TimeStamp",
    "Verification",
    "WitnessedLog",
]
