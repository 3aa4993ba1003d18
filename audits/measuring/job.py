"""What a measurement works on: one run's model, data and predictions, opened once."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from audits import scores
from audits.answers import Limits, ModelFacts, Predictions, Source, predict
from audits.artifacts import MODEL_FORMATS
from audits.datasets import Table, read
from audits.evaluators.base import Measurement, UnusableEvidence
from audits.evidence import model_file
from audits.measuring import declared
from audits.models import EvidenceRun
from audits.sandbox import OnProgress
from registry.models import Artifact, Column, DatasetVersion
from registry.storage import local_copy

RECOMPUTED = "predictions that Freigabe recomputed from the model file"
DATA_ALONE = "the data alone: no predictions were needed"
DECLARED = "predictions that were declared: the model file cannot be run here"


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
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    parity: tuple[Measurement, ...] = ()
    warnings: tuple[str, ...] = ()

    def saw(self, facts: ModelFacts) -> None:
        """Remember how confined the model code was, and what it cost."""
        self.level = facts.level
        self.cpu_seconds += facts.cpu_seconds
        self.peak_memory_bytes = max(self.peak_memory_bytes, facts.peak_memory_bytes)

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
        return model_file(self.run.version)

    @property
    def runnable(self) -> bool:
        """Whether the model file can be run here: a vendor's may be closed."""
        return self.artifact.format in MODEL_FORMATS

    @cached_property
    def source(self) -> Source:
        """The model and the data of this run, for the sandbox."""
        if not self.runnable:
            raise UnusableEvidence("This version has no model file that could be run.")
        return self.source_of(self.artifact)

    def source_of(self, model: Artifact, *, on: DatasetVersion | None = None) -> Source:
        """A model file, of this or another version, and the data of this run, or
        another data set version."""
        data = _stored(on or self.run.dataset_version)
        return Source(
            model=self._path(model),
            format=model.format,
            data=self._path(data),
            media_type=data.media_type,
            features=self.features,
            positive=self.positive,
        )

    @cached_property
    def predictions(self) -> Predictions:
        """The scores of all rows (`audits.answers.Predictions`).

        Recomputed from the model file, by parts when the data are large, and compared
        with the predictions that the data declare, if any. Without a model file the
        declared ones are all there is.
        """
        name = self._prediction
        if not self.runnable:
            return self._declared(name)
        found = self._recomputed()
        self.saw(found.facts)
        if name is not None:
            same = declared.parity(
                self.table((name,)),
                name,
                found,
                positive=self.positive,
                threshold=float(self.run.config["threshold"]),
            )
            self.parity = (same,)
        return found

    @property
    def _prediction(self) -> str | None:
        """The column of declared predictions, if any."""
        return next(iter(self.run.dataset_version.names(Column.PREDICTION)), None)

    def require_parity(self) -> None:
        """Compare the declared predictions also where nothing else needed them.

        A report of data quality is about the data alone. Raises as `predictions`.
        """
        of_data = self.run.kind == EvidenceRun.Kind.DATA_QUALITY
        if self.runnable and self._prediction and not of_data:
            _ = self.predictions

    def _recomputed(self) -> Predictions:
        parts = list(self.run.parts.order_by("number"))
        if parts:
            return scores.merged(parts)
        return predict(
            self.source,
            rows=self.rows,
            limits=self.limits,
            on_progress=self.on_progress,
        )

    def _declared(self, name: str | None) -> Predictions:
        if name is None:
            raise UnusableEvidence(
                "The model file cannot be run, and the data declare no predictions."
            )
        target = next(iter(self.run.dataset_version.names(Column.TARGET)), None)
        table = self.table([column for column in (name, target) if column])
        found = declared.predictions(table, name, target=target, positive=self.positive)
        self.saw(found.facts)
        self.warnings = (
            "No model file was run: the predictions are the submitter's own.",
        )
        return found

    @property
    def rows(self) -> int:
        """How many rows the run's data have."""
        return self.run.dataset_version.row_count or self.table(()).rows

    def table(
        self, columns: Sequence[str], *, of: DatasetVersion | None = None
    ) -> Table:
        """Answer columns of the run's data, or of another data set version."""
        data = _stored(of or self.run.dataset_version)
        found = read(
            self._path(data),
            media_type=data.media_type,
            columns=columns,
            timeout_seconds=self.limits.timeout_seconds,
            memory_bytes=self.limits.memory_bytes,
        )
        self.level = self.level or found.inspection.level
        return found

    @property
    def basis(self) -> str:
        """What was measured: predictions of ours, declared ones, or data alone."""
        if self.run.kind == EvidenceRun.Kind.DATA_QUALITY:
            return DATA_ALONE
        return RECOMPUTED if self.runnable else DECLARED

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
