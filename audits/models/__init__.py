"""The tables of evidence and of the log."""

from audits.models.evidence import EvidenceReport, EvidenceRun, Measurement
from audits.models.log import (
    Checkpoint,
    Entry,
    Leaf,
    Sequencer,
    Tile,
    Verification,
)

__all__ = [
    "Checkpoint",
    "Entry",
    "EvidenceReport",
    "EvidenceRun",
    "Leaf",
    "Measurement",
    "Sequencer",
    "Tile",
    "Verification",
]
