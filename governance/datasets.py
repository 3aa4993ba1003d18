"""Registering data sets and their versions."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from django.utils.translation import gettext as _

from audits.artifacts import DATA_FORMATS, Detected
from audits.column_roles import check_roles
from audits.datasets import DatasetProblem, Inspection, inspect
from audits.sandbox import SandboxRefused
from governance import artifacts, roles
from governance.records import AlreadyRegistered, Refused, insert, valid
from registry.acts import act
from registry.models import Artifact, Column, Dataset, DatasetVersion, User

_INSPECT_SECONDS = 60
LANGUAGES = ("en", "de")
LABEL_LENGTH = 200
Labels = Mapping[str, Mapping[str, str]]


class UnusableDataset(Exception):
    """The file is no data set as declared; `field` is `file` or `columns`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@act
def register(
    *,
    slug: str,
    name: str,
    by: User,
    at: datetime,
    description: str = "",
    source: str = "",
) -> Dataset:
    """Enter a data set. Raises `NotAllowed` and `Refused`."""
    roles.require(by, "register data sets")
    taken = {"slug": [_("A data set with this name exists.")]}
    if Dataset.objects.filter(slug=slug).exists():
        raise AlreadyRegistered(taken)
    dataset = Dataset(
        slug=slug,
        name=name,
        description=description,
        source=source,
        registered_by=by,
        registered_at=at,
    )
    valid(dataset)
    insert(dataset, taken)
    return dataset


def add_version(
    *,
    dataset: Dataset,
    chunks: Iterable[bytes],
    file_name: str,
    columns: Mapping[str, str],
    by: User,
    at: datetime,
    labels: Labels | None = None,
) -> DatasetVersion:
    """Store a CSV or Parquet file as the next version of a data set.

    `columns` maps column names to the roles of `Column`; columns that it leaves out are
    ignored. `labels` maps column names to what people call them, by language (`en`,
    `de`): reason codes are written with them. The file is read in the sandbox before
    anything is stored. Raises `NotAllowed`, `UnusableDataset`, and what
    `artifacts.store` raises.
    """
    roles.require(by, "register data sets")
    _require_roles(columns)
    labels = {} if labels is None else labels
    _require_labels(labels, columns)
    seen: list[Inspection] = []
    artifact = artifacts.store(
        chunks=chunks,
        file_name=file_name,
        as_model=False,
        accept=lambda path, found: seen.append(_inspect(path, found, columns)),
        by=by,
        at=at,
    )
    return _insert(
        dataset=dataset,
        artifact=artifact,
        inspection=seen[0],
        columns=columns,
        labels=labels,
        by=by,
        at=at,
    )


def _require_roles(columns: Mapping[str, str]) -> None:
    if not isinstance(columns, Mapping) or not columns:
        names = ", ".join(Column.values)
        raise UnusableDataset(
            "columns",
            _("Give at least one column its role: %(names)s.") % {"names": names},
        )
    for name, role in columns.items():
        if role not in Column.values:
            names = ", ".join(Column.values)
            raise UnusableDataset(
                f"columns/{name}", _("Must be one of: %(names)s.") % {"names": names}
            )


def _require_labels(labels: Labels, columns: Mapping[str, str]) -> None:
    if not isinstance(labels, Mapping):
        raise UnusableDataset("labels", _("Must map column names to their labels."))
    for name, words in labels.items():
        if name not in columns:
            raise UnusableDataset(
                f"labels/{name}", _("This column has no role, so it needs no label.")
            )
        if not isinstance(words, Mapping) or not set(words) <= set(LANGUAGES):
            raise UnusableDataset(
                f"labels/{name}",
                _("Must have labels by language: %(languages)s.")
                % {"languages": ", ".join(LANGUAGES)},
            )
        for language, word in words.items():
            if not isinstance(word, str) or not 0 < len(word.strip()) <= LABEL_LENGTH:
                raise UnusableDataset(
                    f"labels/{name}/{language}",
                    _("Must be text of 1 to %(most)s characters.")
                    % {"most": LABEL_LENGTH},
                )


def _inspect(path: Path, found: Detected, columns: Mapping[str, str]) -> Inspection:
    if found.format not in DATA_FORMATS:
        raise UnusableDataset(
            "file",
            _("This is %(format)s. Data sets are CSV or Parquet files.")
            % {"format": found.format},
        )
    try:
        inspection = inspect(
            path, media_type=found.media_type, timeout_seconds=_INSPECT_SECONDS
        )
    except (SandboxRefused, DatasetProblem) as error:
        raise UnusableDataset("file", str(error)) from error
    try:
        check_roles(inspection, columns)
    except DatasetProblem as error:
        raise UnusableDataset("columns", str(error)) from error
    return inspection


@act
def _insert(
    *,
    dataset: Dataset,
    artifact: Artifact,
    inspection: Inspection,
    columns: Mapping[str, str],
    labels: Labels,
    by: User,
    at: datetime,
) -> DatasetVersion:
    return DatasetVersion.objects.create(
        dataset=dataset,
        version=_next_number(dataset),
        artifact=artifact,
        sha256=artifact.sha256,
        row_count=inspection.rows,
        columns=[
            {
                "name": column.name,
                "type": column.kind,
                "role": columns.get(column.name, Column.IGNORED.value),
                **{
                    f"label_{language}": word
                    for language, word in labels.get(column.name, {}).items()
                },
            }
            for column in inspection.columns
        ],
        registered_by=by,
        registered_at=at,
    )


@act
def point_at(
    *,
    dataset: Dataset,
    uri: str,
    sha256: str,
    by: User,
    at: datetime,
    columns: Mapping[str, str] | None = None,
) -> DatasetVersion:
    """Register data that stay where they are, by address and digest.

    Evidence cannot be computed from them. Raises `NotAllowed` and `Refused`.
    """
    roles.require(by, "register data sets")
    if columns:
        _require_roles(columns)
    row = DatasetVersion(
        dataset=dataset,
        version=_next_number(dataset),
        uri=uri,
        sha256=sha256,
        columns=[
            {"name": name, "type": "", "role": role}
            for name, role in (columns or {}).items()
        ],
        registered_by=by,
        registered_at=at,
    )
    if not uri.strip():
        raise Refused({"uri": [_("Say where the data are.")]})
    valid(row, unset=["artifact", "row_count", "columns"])
    row.save(force_insert=True)
    return row


def _next_number(dataset: Dataset) -> int:
    """One more than the last; the locked row lets one version in at a time."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    last = dataset.versions.order_by("-version").first()
    return last.version + 1 if last else 1
