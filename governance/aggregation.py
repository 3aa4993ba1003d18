"""Aggregate risk: what travels along lineage, and where risk is concentrated."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from governance import findings, portfolio, risk
from governance.findings import Standing as FindingStanding
from registry import lineage
from registry.models import RegisteredModel, VersionDataset

VENDOR, FOUNDATION, DATA_SET = "vendor", "foundation-model", "data-set"


@dataclass(frozen=True)
class Concentration:
    """Models that would suffer together: how many, of which tiers (1 to 4)."""

    kind: str
    name: str
    models: int
    tiers: tuple[int, int, int, int]
    findings: int
    of: int

    @property
    def share(self) -> float:
        """The share of all models, from 0 to 1."""
        return self.models / self.of if self.of else 0.0


@dataclass(frozen=True)
class Linked:
    """Another model along the lineage, with the tier that binds it."""

    slug: str
    name: str
    tier: int
    direct: bool


@dataclass(frozen=True)
class Aggregate:
    """What a model rests on and what rests on it.

    `worst_tier` is the strictest tier among itself and all that rests on it;
    `inherited` are the open findings of all that it rests on. `circular` says that
    the model feeds itself through others.
    """

    tier: int
    worst_tier: int
    raised: bool
    upstream: tuple[Linked, ...]
    downstream: tuple[Linked, ...]
    inherited: tuple[FindingStanding, ...]
    shared: tuple[tuple[str, int], ...]
    circular: bool


def concentrations(at: datetime) -> list[Concentration]:
    """By vendor, data set and foundation model, the most models first."""
    counted: dict[tuple[str, str], list[portfolio.Group]] = defaultdict(list)
    for group in portfolio.groups(portfolio.Moment(at)):
        name = group.name if group.kind == DATA_SET else _folded(group.name)
        counted[group.kind, name].append(group)
    total = RegisteredModel.objects.count()
    found = [
        _concentration(kind, name, rows, total)
        for (kind, name), rows in counted.items()
        if name
    ]
    return sorted(found, key=lambda row: (-row.models, row.kind, row.name))


def _concentration(
    kind: str, name: str, rows: Sequence[portfolio.Group], total: int
) -> Concentration:
    """Together: a model has one vendor and one foundation model, however written."""
    tiers = [sum(counts) for counts in zip(*(row.tiers for row in rows), strict=True)]
    return Concentration(
        kind=kind,
        name=name,
        models=sum(tiers),
        tiers=(tiers[0], tiers[1], tiers[2], tiers[3]),
        findings=sum(row.findings for row in rows),
        of=total,
    )


def _folded(name: str) -> str:
    """One spelling for one vendor: blanks do not make another one."""
    return " ".join(name.split())


def aggregate_of(model: RegisteredModel, at: datetime) -> Aggregate:
    """What travels along the lineage of one model: tiers up, open findings down."""
    pairs = lineage.feeds()
    down = lineage.neighbours(pairs)
    up = lineage.neighbours((b, a) for a, b in pairs)
    below, above = lineage.reach([model.pk], down), lineage.reach([model.pk], up)
    others = list(RegisteredModel.objects.filter(pk__in=below | above))
    standings = risk.standings([*others, model], at)

    def linked(keys: set[UUID], direct: set[UUID]) -> tuple[Linked, ...]:
        rows = [
            Linked(row.slug, row.name, standings[row.pk].tier, row.pk in direct)
            for row in others
            if row.pk in keys and row.pk != model.pk
        ]
        return tuple(sorted(rows, key=lambda row: (row.tier, row.name)))

    downstream = linked(below, down.get(model.pk, set()))
    own = standings[model.pk]
    rests_on = above - {model.pk}
    held = [
        findings.standing(f, at) for f in findings.told().filter(model__in=rests_on)
    ]
    return Aggregate(
        tier=own.tier,
        worst_tier=min([own.tier, *(row.tier for row in downstream)]),
        raised=own.feeds_tier_1,
        upstream=linked(above, up.get(model.pk, set())),
        downstream=downstream,
        inherited=tuple(findings.worst_first([f for f in held if f.is_open])),
        shared=_shared(model),
        circular=model.pk in below,
    )


def _shared(model: RegisteredModel) -> tuple[tuple[str, int], ...]:
    """The data sets of a model, and how many other models use each."""
    mine = VersionDataset.objects.filter(version__model=model)
    data = mine.values_list("dataset_version__dataset_id", flat=True)
    used: dict[str, set[UUID]] = defaultdict(set)
    rows = VersionDataset.objects.filter(dataset_version__dataset__in=data)
    for name, pk in rows.values_list(
        "dataset_version__dataset__name", "version__model_id"
    ).distinct():
        used[name].add(pk)
    return tuple(
        (name, len(keys) - 1) for name, keys in sorted(used.items()) if len(keys) > 1
    )
