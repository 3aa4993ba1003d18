"""What a measurement works on: one run's model, data and predictions, opened once."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from audits.answers import Limits, Predictions, Source, predict
from audits.datasets import Table, read
from audits.evaluators.base import UnusableEvidence
from audits.models import EvidenceRun
from audits.sandbox import OnProgress
from registry.models import Artifact, Column, DatasetVersion
from registry.storage import local_copy


@dataclass
class Job:
    """A run with its files as local copies; the model only ever runs in the sandbox.

    Every method raises `SandboxRefused`, `UnusableEvidence`, `DatasetProblem` or
    `ArtifactDamaged`, each with a sentence for the person who asked.
    """

    run: EvidenceRun
    limits: Limits
    on_progress: OnProgress | None
    _open: ExitStack
    _paths: dict[str, Path] = field(default_factory=dict)
    level: str = ""  # how confined the model code was, once it has run

    @property
    def features(self) -> tuple[str, ...]:
        """The features in the order that the model takes them."""
        return tuple(self.run.dataset_version.names(Column.FEATURE))

    @property
    def sensitive(self) -> tuple[str, ...]:
        """The sensitive features, in the order declared."""
        return tuple(self.run.dataset_version.names(Column.SENSITIVE))

    @property
    def target(self) -> str:
        """The target's name. Raises UnusableEvidence where none is declared."""
        names = self.run.dataset_version.names(Column.TARGET)
        if not names:
            raise UnusableEvidence("No column of this data set is the target.")
        return names[0]

    @property
    def positive(self) -> str:
        """The class that a score stands for."""
        return str(self.run.config["positive"])

    @cached_property
    def artifact(self) -> Artifact:
        """The model file of the version."""
        parts = self.run.version.version_artifacts.select_related("artifact")
        return parts.get(role="model").artifact

    @cached_property
    def source(self) -> Source:
        """The model and the data of this run, for the sandbox."""
        data = _stored(self.run.dataset_version)
        return Source(
            model=self._path(self.artifact),
            format=self.artifact.format,
            data=self._path(data),
            media_type=data.media_type,
            features=self.features,
            positive=self.positive,
        )

    @cached_property
    def predictions(self) -> Predictions:
        """One score for each row of the data (`audits.answers.Predictions`)."""
        rows = self.table((self.target,)).rows
        found = predict(
            self.source, rows=rows, limits=self.limits, on_progress=self.on_progress
        )
        self.level = found.facts.level
        return found

    def table(
        self, columns: Sequence[str], *, of: DatasetVersion | None = None
    ) -> Table:
        """Answer columns of the run's data, or of another data set version."""
        data = _stored(of or self.run.dataset_version)
        return read(
            self._path(data),
            media_type=data.media_type,
            columns=columns,
            timeout_seconds=self.limits.timeout_seconds,
            memory_bytes=self.limits.memory_bytes,
        )

    def dataset(self, use: str) -> DatasetVersion | None:
        """The version's data set of that use (training, test, background), if any."""
        named = self.run.version.version_datasets.filter(
            use=use, dataset_version__artifact__isnull=False
        )
        one = named.select_related("dataset_version__artifact").first()
        return one.dataset_version if one else None

    def settings(self, *names: str) -> dict[str, Any]:
        """Answer those of the run's settings that an evaluator reads."""
        return {
            name: self.run.config[name] for name in names if name in self.run.config
        }

    def _path(self, artifact: Artifact) -> Path:
        if artifact.sha256 not in self._paths:
            copy = self._open.enter_context(local_copy(artifact))
            self._paths[artifact.sha256] = copy
        return self._paths[artifact.sha256]


@contextmanager
def opened(
    run: EvidenceRun, *, limits: Limits, on_progress: OnProgress | None = None
) -> Iterator[Job]:
    """Open a run for measuring; its local copies are gone afterwards."""
    with ExitStack() as stack:
        yield Job(run=run, limits=limits, on_progress=on_progress, _open=stack)


def _stored(dataset_version: DatasetVersion) -> Artifact:
    if dataset_version.artifact is None:
        raise UnusableEvidence(f"Only an address of {dataset_version} is known.")
    return dataset_version.artifact
