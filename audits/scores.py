"""The scores of a large run's parts, in the storage until the run has ended."""

import io
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from audits.answers import ModelFacts, Predictions
from audits.evaluators.base import UnusableEvidence
from audits.models import EvidencePart, EvidenceRun
from registry.digests import sha256_hex
from registry.storage import ArtifactDamaged

Floats = NDArray[np.float64]


def keep(part: EvidencePart, scores: Floats) -> tuple[str, str]:
    """Store the scores of a part; answer their name and SHA-256."""
    content = io.BytesIO()
    np.save(content, scores, allow_pickle=False)
    body = content.getvalue()
    name = f"{_folder(part.run)}/{part.number}.npy"
    return default_storage.save(name, ContentFile(body)), sha256_hex(body)


def merged(parts: Sequence[EvidencePart]) -> Predictions:
    """Put the scores of all parts together, in the order of the rows.

    Raises `ArtifactDamaged` where the storage lost or changed some, and
    UnusableEvidence when the parts contradict each other.
    """
    facts = [ModelFacts(**part.facts) for part in parts]
    if len({(one.task, tuple(one.classes)) for one in facts}) != 1:
        raise UnusableEvidence("The model answered differently from part to part.")
    whole = {
        **asdict(facts[0]),
        "classes": tuple(facts[0].classes),
        "feature_names": tuple(facts[0].feature_names),
        "seconds": sum(one.seconds for one in facts),
        "cpu_seconds": sum(one.cpu_seconds for one in facts),
        "peak_memory_bytes": max(one.peak_memory_bytes for one in facts),
    }
    return Predictions(
        scores=np.concatenate([_stored(part) for part in parts]),
        facts=ModelFacts(**whole),
    )


def _stored(part: EvidencePart) -> Floats:
    try:
        with default_storage.open(part.scores_name) as file:
            body = file.read()
    except OSError as error:
        raise ArtifactDamaged(f"The scores of {part} cannot be read.") from error
    if sha256_hex(body) != part.scores_sha256:
        raise ArtifactDamaged(f"The stored scores of {part} were changed.")
    scores: Floats = np.load(io.BytesIO(body), allow_pickle=False)
    return scores


def forget(run: EvidenceRun) -> None:
    """Remove the scores of a run that has ended, also those that no row names."""
    folder = _folder(run)
    try:
        _folders, names = default_storage.listdir(folder)
    except OSError:
        return
    for name in names:
        default_storage.delete(f"{folder}/{name}")


def _folder(run: EvidenceRun) -> str:
    return f"evidence/{run.pk}"
