"""Two versions of a model side by side: what is the same, what differs, in words."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from audits.labels import measurement_label
from governance.models import ApprovalRequest
from governance.templatetags.freigabe import short
from governance.web.limits import Limit
from governance.web.readings import Reading, difference, holds, read
from registry.models import (
    DatasetVersion,
    ModelVersion,
    VersionArtifact,
    VersionDataset,
)

GROUPS = 200


@dataclass(frozen=True)
class Pair:
    """One fact of both versions; `words` say what differs where the values do not."""

    label: str
    before: str
    after: str
    words: str = ""

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.before == self.after and not self.words


@dataclass(frozen=True)
class Measured:
    """One measurement of both versions, with its limit and what differs."""

    title: str
    group: str
    before: Reading | None
    after: Reading | None
    limit: Limit

    @property
    def of_both(self) -> bool:
        """Whether both were measured."""
        return bool(self.before and self.after)

    @property
    def before_holds(self) -> bool | None:
        """Whether the first keeps the limit; None without limit or value."""
        return holds(self.before, self.limit) if self.before else None

    @property
    def after_holds(self) -> bool | None:
        """The same of the second."""
        return holds(self.after, self.limit) if self.after else None

    @property
    def words(self) -> str:
        """What differs."""
        return difference(self.before, self.after)


@dataclass(frozen=True)
class Evidence:
    """All measurements of both: what speaks for all, then by group, at most 200."""

    overall: Sequence[Measured]
    groups: Sequence[Measured]
    left_out: int

    @property
    def told_first(self) -> Sequence[Measured]:
        """What a rule limits, and what was measured for both."""
        return [row for row in self.overall if row.limit.text or row.of_both]

    @property
    def of_one(self) -> Sequence[Measured]:
        """What no rule limits and only one version was measured for."""
        return [row for row in self.overall if not row.limit.text and not row.of_both]


def evidence(
    before: ModelVersion, after: ModelVersion, limits: Mapping[str, Limit]
) -> Evidence:
    """The measurements that count for each, by kind, name and group."""
    found = read([before, after])
    left, right = (
        {(one.kind, one.name, one.group): one for one in found[version.pk]}
        for version in (before, after)
    )
    rows = [
        (
            _says_all(name, group) or name in limits,
            Measured(
                measurement_label(name),
                group,
                left.get((kind, name, group)),
                right.get((kind, name, group)),
                limits.get(name, Limit()),
            ),
        )
        for kind, name, group in sorted(left.keys() | right.keys())
    ]
    overall = [row for says_all, row in rows if says_all]
    groups = [row for says_all, row in rows if not says_all]
    return Evidence(
        sorted(overall, key=lambda row: not row.limit.text),
        groups[:GROUPS],
        max(0, len(groups) - GROUPS),
    )


def _says_all(name: str, group: str) -> bool:
    return not group or name.endswith(("_difference", "_ratio"))


def record(before: ModelVersion, after: ModelVersion) -> list[Pair]:
    """What was registered: who, when, how scores become outcomes, the training run."""
    left, right = _told(before), _told(after)
    pairs = [Pair(label, left[label], right[label]) for label in left]
    pairs += _of_runs(before, after, "parameters", _("Parameter %(name)s"))
    pairs += _of_runs(before, after, "metrics", _("Metric of the run %(name)s"))
    return [pair for pair in pairs if pair.before or pair.after]


def _told(version: ModelVersion) -> dict[str, str]:
    run = version.run
    return {
        _("Registered"): short(version.registered_at),
        _("Developer"): version.developer.printed_name,
        _("Method"): version.method,
        _("Positive class"): version.positive_class,
        _("Favourable outcome"): (
            _("the positive class") if version.favourable else _("the other class")
        ),
        _("Threshold"): str(version.threshold),
        _("Code"): run.code_commit if run else "",
        _("Repository"): run.code_repository if run else "",
        _("Software environment"): run.environment_sha256 if run else "",
        _("Notes"): version.notes,
    }


def _of_runs(
    before: ModelVersion, after: ModelVersion, field: str, label: str
) -> Iterator[Pair]:
    left, right = (
        getattr(version.run, field, None) or {} for version in (before, after)
    )
    if not (isinstance(left, dict) and isinstance(right, dict)):
        return
    for name in sorted({*left, *right}):
        yield Pair(
            label % {"name": name}, _plain(left.get(name)), _plain(right.get(name))
        )


def _plain(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def artifacts(before: ModelVersion, after: ModelVersion) -> list[Pair]:
    """The files of both by part and name: the same bytes, others, or one only."""
    rows = VersionArtifact.objects.filter(version__in=[before, after])
    sides: dict[Any, dict[tuple[str, str], VersionArtifact]] = {
        before.pk: {},
        after.pk: {},
    }
    for row in rows.select_related("artifact").order_by("pk"):
        # There is one model file; documents go by their names.
        name = "" if row.role == VersionArtifact.Part.MODEL else row.artifact.file_name
        sides[row.version_id][row.role, name] = row
    left, right = sides[before.pk], sides[after.pk]
    return [
        _files(left.get(key), right.get(key))
        for key in sorted(left.keys() | right.keys(), key=lambda k: (k[1] != "", k))
    ]


def _files(left: VersionArtifact | None, right: VersionArtifact | None) -> Pair:
    label = next(str(row.get_role_display()) for row in (left, right) if row)
    if left is None or right is None:
        return Pair(label, _file(left), _file(right), _("in one version only"))
    same = left.artifact_id == right.artifact_id
    words = "" if same else _("other bytes")
    return Pair(label, _file(left), _file(right), words)


def _file(row: VersionArtifact | None) -> str:
    if row is None:
        return ""
    found = row.artifact
    size = filesizeformat(found.size)
    return f"{found.file_name}, {found.format}, {size}, {found.sha256}"


def data(before: ModelVersion, after: ModelVersion) -> list[Pair]:
    """The data sets of both by use: versions, rows, and which columns changed."""
    rows = VersionDataset.objects.filter(version__in=[before, after]).select_related(
        "dataset_version__dataset"
    )
    sides: dict[Any, dict[tuple[str, str, str], DatasetVersion]] = {
        before.pk: {},
        after.pk: {},
    }
    for row in rows.order_by("dataset_version__version"):
        found = row.dataset_version
        key = row.use, found.dataset.name, str(found.dataset_id)
        sides[row.version_id][key] = found
    left, right = sides[before.pk], sides[after.pk]
    uses = dict(VersionDataset.Use.choices)
    return [
        Pair(
            f"{uses[key[0]]}: {key[1]}",
            _rows_of(left.get(key)),
            _rows_of(right.get(key)),
            _columns(left.get(key), right.get(key)),
        )
        for key in sorted(left.keys() | right.keys())
    ]


def _rows_of(found: DatasetVersion | None) -> str:
    if found is None:
        return ""
    rows = "?" if found.row_count is None else str(found.row_count)
    return _("version %(version)s, %(rows)s rows, %(sha256)s") % {
        "version": found.version,
        "rows": rows,
        "sha256": found.sha256,
    }


def _columns(left: DatasetVersion | None, right: DatasetVersion | None) -> str:
    """What was added, left out, or changed its role."""
    if left is None or right is None:
        return _("for one version only")
    if left.pk == right.pk:
        return ""
    old, new = ({c["name"]: c["role"] for c in side.columns} for side in (left, right))
    added, gone = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    moved = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    said = [
        text % {"names": ", ".join(names)}
        for text, names in (
            (_("new columns: %(names)s"), added),
            (_("columns left out: %(names)s"), gone),
            (_("columns of another role: %(names)s"), moved),
        )
        if names
    ]
    return "; ".join(said) or _("the same columns, other rows")


def submitted(
    versions: Sequence[ModelVersion],
) -> dict[Any, ApprovalRequest]:
    """The newest request of each version, with the risk that it was judged by."""
    rows = ApprovalRequest.objects.filter(version__in=versions).select_related(
        "assessment", "environment"
    )
    newest = rows.order_by("version_id", "-requested_at", "-sequence")
    return {row.version_id: row for row in newest.distinct("version_id")}


def packs(before: ApprovalRequest | None, after: ApprovalRequest | None) -> list[Pair]:
    """The packs that each was submitted under, by name."""
    left, right = (
        {_slug(pack["id"]): pack for pack in (request.packs if request else ())}
        for request in (before, after)
    )
    return [
        Pair(
            slug,
            _pack(left.get(slug)),
            _pack(right.get(slug)),
            "" if slug in left and slug in right else _("for one version only"),
        )
        for slug in sorted(left.keys() | right.keys())
    ]


def _slug(name: str) -> str:
    """The pack without its version."""
    return name.rpartition(" ")[0] or name


def _pack(pack: Mapping[str, Any] | None) -> str:
    return f"{pack['id']}, {pack['sha256']}" if pack else ""
