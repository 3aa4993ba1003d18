"""What people declared and attached, as rules read it: the newest of each counts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from audits.models import ForeignEvidence
from governance.declarable import KINDS, Kind
from governance.models import Declaration
from registry.digests import sha256_of_json
from registry.models import ModelVersion, VersionDataset


@dataclass(frozen=True)
class Held:
    """What counts as evidence about a version at a moment, the newest first.

    Declarations about it, its model, its data sets and the installation, each the
    newest of its kind and subject, and attachments. `datasets` are the data sets, by
    id, that the version learned from or was tested on.
    """

    declarations: Mapping[str, tuple[Declaration, ...]] = field(default_factory=dict)
    attachments: Mapping[str, tuple[ForeignEvidence, ...]] = field(default_factory=dict)
    datasets: Mapping[UUID, str] = field(default_factory=dict)

    def latest(self, kind: str) -> Declaration | None:
        """The newest declaration of a kind, whatever it is about."""
        return next(iter(self.declarations.get(kind, ())), None)

    def about_dataset(self, kind: str, dataset: UUID) -> Declaration | None:
        """The newest one about a data set."""
        found = self.declarations.get(kind, ())
        return next((row for row in found if row.dataset_id == dataset), None)

    def about_person(self, kind: str, person: UUID) -> Declaration | None:
        """The newest one that concerns a person."""
        found = self.declarations.get(kind, ())
        return next((row for row in found if row.person_id == person), None)

    def digests(self) -> dict[str, str]:
        """One digest for each type of evidence, over all rows that count.

        What signers judge includes it: another declaration gives another digest.
        """
        rows: dict[str, list[str]] = defaultdict(list)
        for kind, declarations in self.declarations.items():
            rows[kind] += [row.record_sha256 for row in declarations]
        for kind, attachments in self.attachments.items():
            rows[kind] += [row.record_sha256 for row in attachments]
        return {kind: sha256_of_json(sorted(rows[kind])) for kind in sorted(rows)}

    def days(self, on: date) -> dict[str, date]:
        """The day of the newest row of each type that counts by itself on a day.

        The newest declaration, when it is not over and its outcome is no failure; else
        the newest attachment with such an outcome, whose signer is not revoked.
        """
        found = {
            kind: made_on
            for kind, rows in self.attachments.items()
            for row in rows[:1]
            if (made_on := _attached_on(row)) is not None
        }
        for kind in self.declarations:
            row = self.latest(kind)
            if row is not None and _stands(row, on):
                found[kind] = max(dated(row), found.get(kind, date.min))
            else:
                found.pop(kind, None)
        return found


def _attached_on(row: ForeignEvidence) -> date | None:
    """The day of an attachment that counts; some kinds need a verdict."""
    kind = KINDS.get(row.kind)
    outcomes = ForeignEvidence.Outcome
    good = {outcomes.PASSED, outcomes.WARNED}
    if kind is None or not kind.verdict:
        good.add(outcomes.NONE)
    revoked = row.signer is not None and row.signer.revoked_at is not None
    return None if revoked or row.outcome not in good else row.produced_on


def _stands(row: Declaration, on: date) -> bool:
    kind = KINDS.get(row.kind)
    if kind is None or (row.valid_until is not None and row.valid_until < on):
        return False
    return not kind.verdict or row.fields.get(kind.verdict) in ("passed", "warned")


def held(version: ModelVersion, at: datetime, *, attached: bool = True) -> Held:
    """What is declared and attached about one version by `at`."""
    return held_by([version], at, attached=attached)[version.pk]


def held_by(
    versions: Iterable[ModelVersion], at: datetime, *, attached: bool = True
) -> dict[UUID, Held]:
    """The same for many versions, in four queries.

    Not `attached`: there is known to be no attachment.
    """
    rows = list(versions)
    pks = [version.pk for version in rows]
    datasets: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    links = VersionDataset.objects.filter(version__in=pks)
    for version, dataset, slug in links.values_list(
        "version_id", "dataset_version__dataset_id", "dataset_version__dataset__slug"
    ).order_by("dataset_version__dataset__slug"):
        datasets[version][dataset] = slug
    declarations = _declarations(rows, {d for of in datasets.values() for d in of}, at)
    attachments: dict[UUID, list[ForeignEvidence]] = defaultdict(list)
    rows_attached = (
        ForeignEvidence.objects.filter(version__in=pks, attached_at__lte=at)
        .select_related("signer", "artifact")
        .order_by("-attached_at", "-id")
    )
    for row in rows_attached if attached else ():
        attachments[row.version_id].append(row)
    return {
        version.pk: Held(
            declarations=_newest(
                row
                for row in declarations
                if _concerns(row, version, datasets[version.pk])
            ),
            attachments=_by_kind(attachments[version.pk]),
            datasets=datasets[version.pk],
        )
        for version in rows
    }


def _declarations(
    versions: list[ModelVersion], datasets: set[UUID], at: datetime
) -> list[Declaration]:
    about = (
        Q(version__in=[version.pk for version in versions])
        | Q(model__in={version.model_id for version in versions})
        | Q(dataset__in=datasets)
        | Q(version=None, model=None, dataset=None)
    )
    rows = Declaration.objects.filter(about, made_at__lte=at)
    return list(rows.select_related("made_by").order_by("-made_at", "-sequence"))


def _concerns(
    row: Declaration, version: ModelVersion, datasets: Mapping[UUID, str]
) -> bool:
    if row.version_id is not None:
        return row.version_id == version.pk
    if row.model_id is not None:
        return row.model_id == version.model_id
    return row.dataset_id is None or row.dataset_id in datasets


def _newest(rows: Iterable[Declaration]) -> dict[str, tuple[Declaration, ...]]:
    """By kind, the newest of each subject, in the order in which they come.

    A test of one kind stands beside those of others: a held-out test does not take
    the place of one out of time.
    """
    found: dict[str, dict[tuple[Any, ...], Declaration]] = defaultdict(dict)
    for row in rows:
        test = row.fields.get("test_kind") if row.kind == "test_report" else None
        subject = (row.version_id, row.model_id, row.dataset_id, row.person_id, test)
        found[row.kind].setdefault(subject, row)
    return {kind: tuple(of.values()) for kind, of in found.items()}


def _by_kind(
    rows: Iterable[ForeignEvidence],
) -> dict[str, tuple[ForeignEvidence, ...]]:
    found: dict[str, list[ForeignEvidence]] = defaultdict(list)
    for row in rows:
        found[row.kind].append(row)
    return {kind: tuple(of) for kind, of in found.items()}


def dated(row: Declaration) -> date:
    """The day from which a declaration's age counts: its own, else that of signing."""
    kind = KINDS.get(row.kind)
    if kind is None or not kind.dated:
        return row.made_at.date()
    return date.fromisoformat(row.fields[kind.dated])


def said(row: Declaration) -> list[tuple[str, str]]:
    """The fields in words: titles and values, in the order of the form."""
    kind: Kind | None = KINDS.get(row.kind)
    if kind is None:
        return [(name, str(value)) for name, value in row.fields.items()]
    return [
        (field.title, field.shown(row.fields[field.name]))
        for field in kind.fields
        if field.name in row.fields
    ]
