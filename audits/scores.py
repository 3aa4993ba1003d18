"""The scores of a large run's parts, in the storage until the run has ended."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from numpy.typing import NDArray

from audits.answers import ModelFacts, Predictions, joined
from audits.models import EvidencePart, EvidenceRun
from registry.digests import sha256_hex
from registry.storage import ArtifactDamaged

Floats = NDArray[np.float64]


def keep(part: EvidencePart, scores: Floats) -> tuple[str, str]:
    """Store the scores of a part; answer their name and SHA-256."""
    content = io.BytesIO()
    np.save(content, scores, allow_pickle=False)
    body = content.getvalue()
    return default_storage.save(name_of(part), ContentFile(body)), sha256_hex(body)


def name_of(part: EvidencePart) -> str:
    """The name that is asked for; a storage may add to one that is taken."""
    return f"{_folder(part.run)}/{part.number}.npy"


def merged(parts: Sequence[EvidencePart]) -> Predictions:
    """Put the scores of all parts together, in the order of the rows.

    Raises `ArtifactDamaged` where the storage lost or changed some, and
    SandboxRefused when the parts do not speak of one model.
    """
    return joined(
        [
            Predictions(
                scores=_stored(part),
                facts=ModelFacts(**part.facts | _tuples(part.facts)),
            )
            for part in parts
        ]
    )


def _tuples(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(facts[name]) for name in ("classes", "feature_names")}


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
    """Remove the scores of a run that has ended, also those that no row names.

    Raises OSError when the storage fails.
    """
    folder = _folder(run)
    try:
        _folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        default_storage.delete(f"{folder}/{name}")
    default_storage.delete(folder)


def _folder(run: EvidenceRun) -> str:
    return f"evidence/{run.pk}"
