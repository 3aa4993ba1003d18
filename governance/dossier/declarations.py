"""What people declared about a version, its model, its data sets, the installation."""

from datetime import date, datetime
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from governance import declared
from governance.declarable import KINDS
from governance.dossier import verdicts
from governance.dossier.facts import pairs
from governance.dossier.signed import signed_records
from governance.models import Declaration
from registry.models import ModelVersion

RECORD = "declaration"
OVERRIDES = "override_report"


def rows_of(version: ModelVersion, *, at: datetime) -> list[Declaration]:
    """The newest by then of each kind and subject, by kind; older ones are past."""
    found = declared.held(version, at).declarations
    return [row for kind in sorted(found) for row in found[kind]]


def declarations_of(
    version: ModelVersion, *, at: datetime
) -> tuple[verdicts.Declared, ...]:
    """The same as a dossier tells them."""
    return tuple(_declared(row, at) for row in rows_of(version, at=at))


def overrides_of(
    version: ModelVersion, *, at: datetime
) -> tuple[verdicts.Overridden, ...]:
    """All reports on overrides of the version and its model, by period."""
    found = (
        verdicts.Overridden(
            id=str(row.pk),
            about=_about(row),
            period_until=date.fromisoformat(row.fields["period_until"]),
            rate=float(row.fields["override_rate"]),
            reason=row.fields["reasons"],
            adjustments=row.fields["adjustments"],
            declared_by=row.made_by.printed_name,
            declared_at=row.made_at,
        )
        for row in _reports_on_overrides(version, at)
    )
    return tuple(sorted(found, key=lambda row: (row.period_until, row.declared_at)))


def keys_of(version: ModelVersion, *, at: datetime) -> dict[type[Model], set[UUID]]:
    """The keys of every row that this part of the dossier rests on."""
    rows = [*rows_of(version, at=at), *_reports_on_overrides(version, at)]
    return {Declaration: {row.pk for row in rows}}


def _reports_on_overrides(version: ModelVersion, at: datetime) -> QuerySet[Declaration]:
    about = Q(version=version) | Q(model=version.model_id)
    rows = Declaration.objects.filter(about, kind=OVERRIDES, made_at__lte=at)
    return rows.select_related("made_by", "version", "model", "dataset", "person")


def _declared(row: Declaration, at: datetime) -> verdicts.Declared:
    kind = KINDS.get(row.kind)
    return verdicts.Declared(
        id=str(row.pk),
        kind=row.kind,
        title=kind.title if kind else row.kind,
        about=_about(row),
        fields=tuple(declared.said(row)),
        valid_until=row.valid_until,
        record_sha256=row.record_sha256,
        attachment_sha256=row.attachment.artifact.sha256 if row.attachment else "",
        signatures=signed_records(RECORD, [row.pk], at),
        values=_values(row),
    )


def _values(row: Declaration) -> tuple[tuple[str, str, str], ...]:
    kind = KINDS.get(row.kind)
    known = {field.name: field for field in kind.fields} if kind else {}
    return tuple(
        (name, stored, known[name].shown(row.fields[name]) if name in known else stored)
        for name, stored in pairs(row.fields)
    )


def _about(row: Declaration) -> str:
    about = _("the installation")
    if row.model is not None:
        about = _("the model")
    if row.version is not None:
        about = _("this version")
    if row.dataset is not None:
        about = _("the data set %(name)s") % {"name": row.dataset.name}
    return f"{about}, {row.person.printed_name}" if row.person else about
