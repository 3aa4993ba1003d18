"""The data that a run's data are compared with: the training data, or others named."""

from audits.evaluators.base import UnusableEvidence
from audits.measuring.job import Job
from registry.models import Column, DatasetVersion


def reference_of(job: Job) -> DatasetVersion:
    """The data set of the setting `reference_dataset` (`name/version`), or the
    version's training data. Raises UnusableEvidence when neither has a file."""
    asked = str(job.run.config.get("reference_dataset") or "")
    if asked:
        return _named(asked)
    found = job.dataset("training")
    if found is None:
        raise UnusableEvidence(
            "The file of this version's training data is not known: register it, or "
            "name other data in the setting reference_dataset."
        )
    return found


def training_of(job: Job) -> DatasetVersion | None:
    """The version's training data, if their file is known."""
    return job.dataset("training")


def _named(asked: str) -> DatasetVersion:
    slug, _, number = asked.rpartition("/")
    if not slug or not number.isdecimal() or len(number) > 9:
        raise UnusableEvidence(
            f"The setting reference_dataset must be a data set and the number of its "
            f"version, such as loans/3, not {asked[:200]!r}."
        )
    found = (
        DatasetVersion.objects.filter(dataset__slug=slug, version=int(number))
        .select_related("artifact", "dataset")
        .first()
    )
    if found is None or found.artifact is None:
        raise UnusableEvidence(f"There is no data set {asked[:200]!r} with a file.")
    return found


def holds(dataset: DatasetVersion, name: str, role: Column | None = None) -> bool:
    """Whether a data set declares a column, in that role if one is given."""
    return any(
        one["name"] == name and (role is None or one["role"] == role)
        for one in dataset.columns
    )
