"""Random samples: first what they are drawn from is fixed, then the log gives the seed.

1. An auditor says what to draw from. The rows that are there are written down, and
   their digest becomes an entry of the log: nothing can be added or left out later.
2. The log goes on. The first checkpoint that covers this entry is signed: nobody knew
   its root before, and it is published and witnessed as every other one.
3. The sample follows from that root, by `audits.lots`. Drawing anew gives the same.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from audits import capture, log, lots
from audits.models import Checkpoint, Entry, Leaf
from governance import records, risk, roles
from governance.models import (
    AuditDraw,
    AuditSample,
    GateDecision,
    RecordSignature,
    Signature,
)
from registry.acts import act
from registry.models import ModelVersion, RegisteredModel, User

Kind = AuditSample.Kind
MOST = 200_000  # rows of a population that is written down
# Of each kind the tables, the field of their time, and where their model is.
_SOURCES: dict[Kind, list[tuple[type[Model], str, str]]] = {
    Kind.VERSIONS: [(ModelVersion, "registered_at", "model")],
    Kind.DECISIONS: [(GateDecision, "decided_at", "version__model")],
    Kind.SIGNATURES: [
        (Signature, "signed_at", "request__version__model"),
        (RecordSignature, "signed_at", ""),
    ],
}


class CannotDraw(records.Refused):
    """The sample cannot be asked for, or not be drawn yet."""


@dataclass(frozen=True)
class Wish:
    """What an auditor wants a sample of; `begin` and `end` are days in UTC."""

    kind: str
    begin: date
    end: date
    size: int
    by_tier: bool
    reason: str
    secret_sha256: str = ""


@act
def ask_sample(*, wish: Wish, by: User, at: datetime) -> AuditSample:
    """Fix what a sample will be drawn from. Raises `NotAllowed` and `CannotDraw`.

    An external auditor draws from what is about the models of their access; entries
    of the log are about all models, and only for internal auditors.
    """
    roles.require(by, "ask as an auditor")
    roles.require_person(by)
    _refuse(wish, by)
    population, count = _population(wish, by, at)
    if not count:
        raise CannotDraw({"kind": [_("There is nothing of this kind in that time.")]})
    row = AuditSample(
        kind=wish.kind,
        begin=wish.begin,
        end=wish.end,
        size=min(wish.size, count),
        by_tier=wish.by_tier,
        count=count,
        population=population,
        population_sha256=hashlib.sha256(population.encode()).hexdigest(),
        secret_sha256=wish.secret_sha256,
        reason=wish.reason,
        asked_by=by,
        asked_at=at,
    )
    records.valid(row, unset=["population"])
    row.save(force_insert=True)
    return row


@act
def draw(*, sample: AuditSample, secret: str, by: User, at: datetime) -> AuditDraw:
    """Draw with the root of the first checkpoint that covers what was asked.

    Drawing again answers the first draw. Raises `NotAllowed` and `CannotDraw`.
    """
    roles.require(by, "ask as an auditor")
    locked = AuditSample.objects.select_for_update().get(pk=sample.pk)
    if locked.asked_by_id != by.pk:
        raise roles.NotAllowed(_("Only who asked for a sample draws it."))
    former = AuditDraw.objects.filter(sample=locked).first()
    if former is not None:
        return former
    given = hashlib.sha256(secret.encode()).hexdigest() if secret else ""
    if given != locked.secret_sha256:
        raise CannotDraw(
            {"secret": [_("This is not the word whose SHA-256 you gave.")]}
        )
    leaf, signed = _covered(locked)
    root = bytes(signed.root_hash).hex()
    return AuditDraw.objects.create(
        sample=locked,
        leaf_index=leaf,
        tree_size=signed.tree_size,
        root_sha256=root,
        secret=secret,
        chosen=chosen_of(locked, root, secret),
        drawn_by=by,
        drawn_at=at,
    )


def ready(sample: AuditSample) -> bool:
    """Whether a checkpoint covers what was asked, so that it can be drawn."""
    try:
        _covered(sample)
    except CannotDraw:
        return False
    return True


def chosen_of(sample: AuditSample, root: str, secret: str) -> list[list[str]]:
    """The sample that follows from a root: stratum, table and id of each item."""
    seed = lots.seed(
        root_sha256=root, population_sha256=sample.population_sha256, secret=secret
    )
    if sample.kind == Kind.ENTRIES:
        first, last = map(int, sample.population.split())
        leaves = lots.choose_leaves(first, last, sample.size, seed)
        return [["log", "audits_entry", str(leaf)] for leaf in leaves]
    found = lots.choose(lots.items(sample.population), sample.size, seed)
    return [[item.stratum, item.table, item.key] for item in found]


def samples_for(by: User) -> QuerySet[AuditSample]:
    """The samples that one may see: external auditors their own, others all."""
    rows = AuditSample.objects.select_related("asked_by", "draw").defer("population")
    return rows.filter(asked_by=by) if roles.is_outside(by) else rows


def require_inside(drawn: AuditDraw, by: User) -> None:
    """Refuse a sample with what an external auditor may see no more.

    The access of the day on which it was asked for may be over. Raises `NotAllowed`.
    """
    roles.require(by, "ask as an auditor")
    bounded = _bounds(by)
    if bounded is None:
        return
    inside = sum(
        table._default_manager.filter(
            **{f"{model}__slug__in": bounded},
            pk__in=[k for _s, name, k in drawn.chosen if name == table._meta.db_table],
        ).count()
        for table, _moment, model in _SOURCES.get(Kind(drawn.sample.kind), [])
        if model
    )
    if inside < len(drawn.chosen):
        raise roles.NotAllowed(
            _("Your access is not for all models of this sample any more.")
        )


def _refuse(wish: Wish, by: User) -> None:
    faults: dict[str, list[str]] = {}
    if wish.kind not in Kind.values:
        faults["kind"] = [_("There is no such kind.")]
    elif wish.kind == Kind.ENTRIES and roles.is_outside(by):
        faults["kind"] = [_("Entries of the log are about more than your access.")]
    if wish.end < wish.begin:
        faults["end"] = [_("The end is before the beginning.")]
    if not 1 <= wish.size <= lots.LARGEST_SAMPLE:
        faults["size"] = [
            _("A sample has 1 to %(most)s items.") % {"most": lots.LARGEST_SAMPLE}
        ]
    if not wish.reason.strip():
        faults["reason"] = [_("Say why.")]
    if faults:
        raise CannotDraw(faults)


def _population(wish: Wish, by: User, at: datetime) -> tuple[str, int]:
    """The lines of what is drawn from, and how many items they stand for."""
    begin = datetime.combine(wish.begin, time.min, UTC)
    end = datetime.combine(wish.end, time.min, UTC) + timedelta(days=1)
    if wish.kind == Kind.ENTRIES:
        return _leaves(begin, end)
    rows = sorted(_rows(wish, begin, end, by))
    if len(rows) > MOST:
        raise CannotDraw({"end": [_("These are more than %(most)s.") % {"most": MOST}]})
    strata = _tiers(at) if wish.by_tier else {}
    other = "tier-none" if wish.by_tier else "all"
    lines = [f"{strata.get(model, other)} {table} {key}" for table, key, model in rows]
    return "".join(f"{line}\n" for line in sorted(lines)), len(lines)


def _leaves(begin: datetime, end: datetime) -> tuple[str, int]:
    """The leaves between the first and the last entry of a time."""
    found = Entry.objects.filter(occurred_at__gte=begin, occurred_at__lt=end)
    oldest = found.order_by("occurred_at", "entry_id").first()
    newest = found.order_by("-occurred_at", "-entry_id").first()
    if oldest is None or newest is None:
        return "", 0
    placed = Leaf.objects.order_by("leaf_index")
    first = placed.filter(entry_id__gte=oldest.entry_id).order_by("entry_id").first()
    last = placed.filter(entry_id__lte=newest.entry_id).order_by("-entry_id").first()
    if first is None or last is None or last.leaf_index < first.leaf_index:
        return "", 0
    size = last.leaf_index + 1 - first.leaf_index
    return f"{first.leaf_index} {last.leaf_index + 1}\n", size


def _rows(
    wish: Wish, begin: datetime, end: datetime, by: User
) -> Iterable[tuple[str, str, str]]:
    """Table, key and model of each row of this kind in the time and the scope."""
    bounded = _bounds(by)
    for table, moment, model in _SOURCES[Kind(wish.kind)]:
        if bounded is not None and not model:
            continue  # a record's signature names no model: outside of every scope
        during = {f"{moment}__gte": begin, f"{moment}__lt": end}
        rows = table._default_manager.filter(**during).order_by("pk")
        if bounded is not None:
            rows = rows.filter(**{f"{model}__slug__in": bounded})
        name = table._meta.db_table
        fields = rows.values_list("pk", model or "pk")
        for key, about in fields[: MOST + 1]:
            yield name, str(key), str(about) if model else ""


def _bounds(by: User) -> frozenset[str] | None:
    """The models that an external auditor may see now; None for all others: any."""
    if not roles.is_outside(by):
        return None
    return (by.scope and by.scope.models) or frozenset()


def _tiers(at: datetime) -> dict[str, str]:
    """The tier of every model now, as the name of its stratum."""
    found = risk.standings(RegisteredModel.objects.all(), at)
    return {
        str(key): f"tier-{standing.tier}" if standing.tier else "tier-none"
        for key, standing in found.items()
    }


def _covered(sample: AuditSample) -> tuple[int, Checkpoint]:
    """Where the sample's own entry is, and the first checkpoint that covers it."""
    entry = log.entries_for(rel=capture.relation(AuditSample), pk=str(sample.pk))
    leaf = Leaf.objects.filter(entry_id__in=entry.values("entry_id")).first()
    signed = None
    if leaf is not None:
        later = Checkpoint.objects.filter(tree_size__gt=leaf.leaf_index)
        signed = later.order_by("tree_size").first()
    if leaf is None or signed is None:
        raise CannotDraw(
            {"sample": [_("No signed checkpoint covers this request yet. Try again.")]}
        )
    return leaf.leaf_index, signed
