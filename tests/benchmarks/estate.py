"""An inventory of any size: a few models made by acts, copied by the database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from django.apps import apps
from django.db.models import Field, Model, UUIDField
from psycopg import sql

from audits.models import Entry
from governance import approvals, assessing, deployments, findings, gate, tier_decisions
from governance.models import Incident, RiskAssessment, Severity
from governance.signatures import Proof
from registry.models import ModelVersion
from tests.governance.test_fleet import happened
from tests.governance.test_simulation import granted_of
from tests.governance.test_waivers import granted
from tests.world import NOW, PASSWORD, World, later

VERSIONS = 10
ENTRIES = 100  # of the log, for each model
# What goes to people, and the log: neither is copied with a model.
_LEFT_OUT = (
    *("governance_announcement", "governance_notification", "governance_webhook"),
    *("audits_entry", "audits_leaf", "audits_tile", "audits_sequencer"),
    *("audits_opening", "governance_signingchallenge", "governance_series"),
    *("governance_gatekey", "governance_revocationlist"),
)
# What differs from copy to copy, in SQL, for the copy of number nth.
_SPREAD = {
    ("registry_registeredmodel", "name"): "'Model ' || nth",
    ("governance_riskassessment", "likelihood"): "1 + nth % 5",
    ("governance_riskassessment", "impact"): "1 + nth / 5 % 5",
    ("governance_riskassessment", "residual_likelihood"): "1 + nth % 3",
    ("governance_riskassessment", "residual_impact"): "1 + nth / 3 % 3",
    ("governance_riskassessment", "review_due_on"): "one.review_due_on - nth % 400",
    ("governance_authorisation", "valid_until"): (
        "one.valid_until + (nth % 300) * interval '1 day'"
    ),
    ("governance_findingchange", "due_on"): "one.due_on + nth % 90 - 30",
    (
        "governance_finding",
        "raised_at",
    ): "one.raised_at - (nth % 300) * interval '1 day'",
}
_LOG = """
INSERT INTO audits_entry (entry_id, xid, op, rel, pk, actor, occurred_at, body)
SELECT nextval('audits_entry_id_seq'), pg_current_xact_id(), one.op, one.rel,
  CASE WHEN one.pk ~ '^[0-9a-f-]{36}$' THEN md5(one.pk || ':' || nth)::uuid::text
    ELSE one.pk END,
  coalesce(one.actor, %(actor)s),
  one.occurred_at - interval '500 days' + nth * interval '1 hour', one.body
FROM generate_series(%(first)s::int, %(last)s::int) AS copied(nth)
CROSS JOIN LATERAL (
  SELECT * FROM audits_entry WHERE entry_id = ANY(%(entries)s) LIMIT %(each)s) AS one
"""


@dataclass(frozen=True)
class Template:
    """The rows of one model by table; `every` so many models are copies of it."""

    rows: Mapping[str, list[Any]]
    every: int


class Estate:
    """Templates by acts, and the copies of them that there are.

    Three of four models are calm: authorised, deployed. One in ten has an open finding,
    a waiver and an incident; one in ten a reduction; one in a hundred waits for
    signatures.
    """

    def __init__(self, world: World, address: str) -> None:
        self._address, self._size = address, 0
        self._actor = str(world.anna.pk)
        before = Entry.objects.order_by("-entry_id").values_list("pk", flat=True)[0]
        self.templates = [
            _template(1, _calm, world, "calm"),
            _template(10, _found, world, "found"),
            _template(10, _reduced, world, "reduced"),
            _template(100, _waiting, world, "waiting"),
        ]
        entries = Entry.objects.filter(pk__gt=before, op__in=("I", "U"))
        self._entries = list(entries.values_list("pk", flat=True))

    def grow(self, size: int) -> None:
        """Copy until there are so many models, with so many entries of the log."""
        first, last = self._size + 1, size
        with psycopg.connect(self._address) as superuser:
            # Neither capture nor foreign keys: the rows are copies of good ones.
            superuser.execute("SET session_replication_role = replica")
            for at, template in enumerate(self.templates):
                _copy(superuser, template, _numbers(self.templates, at), first, last)
            superuser.execute(
                _LOG,
                {
                    "first": first,
                    "last": last,
                    "entries": self._entries,
                    "each": ENTRIES,
                    # The acts above were nobody's request: that is for bypasses.
                    "actor": self._actor,
                },
            )
        self._size = size
        with psycopg.connect(self._address, autocommit=True) as superuser:
            superuser.execute("VACUUM ANALYZE")


def _template(every: int, make: Any, world: World, slug: str) -> Template:
    before = _keys()
    make(world, slug)
    rows = {table: sorted(keys - before[table]) for table, keys in _keys().items()}
    return Template({table: keys for table, keys in rows.items() if keys}, every)


def _calm(world: World, slug: str) -> ModelVersion:
    model = world.model(slug, ai_act_class="minimal")
    version = world.version(model)
    world.measured(version, world.data(f"{slug}-data"))
    assessing.assess(
        model=model,
        likelihood=4,
        impact=4,
        residual_likelihood=2,
        residual_impact=2,
        rationale="Wrong refusals harm households.",
        mitigations="A clerk decides.",
        by=world.rita,
        at=NOW,
    )
    granted_of(world, version)
    question = gate.Question("production", slug, version.version)
    decision = gate.decide(question=question, by=world.ola, at=later(hours=1))
    _reported(world, version, str(decision.pk))
    for number in range(2, VERSIONS + 1):
        world.version(version.model, str(number))
    return version


def _reported(world: World, version: ModelVersion, permit: str) -> None:
    deployments.record(
        version=version,
        environment=world.production,
        artifact_sha256=world.artifact().sha256,
        permit_id=permit,
        source="jenkins",
        by=world.ola,
        at=later(hours=1, minutes=1),
    )


def _found(world: World, slug: str) -> None:
    version = _calm(world, slug)
    findings.raise_finding(
        model=version.model,
        version=version,
        severity=Severity.HIGH,
        title="Wide of the mark",
        text="It misses.",
        due_on=later(days=9).date(),
        by=world.vera,
        at=NOW,
    )
    granted(world, version, rules=("first-004",))
    happened(world, version.model, kind=Incident.Kind.MINOR)


def _reduced(world: World, slug: str) -> None:
    version = _calm(world, slug)
    tier_decisions.reduce(
        assessment=RiskAssessment.objects.get(model=version.model),
        reason="Controls were tested.",
        proof=Proof(password=PASSWORD),
        by=world.cora,
        at=NOW,
    )


def _waiting(world: World, slug: str) -> None:
    version = _calm(world, slug)
    second = ModelVersion.objects.get(model=version.model, version="2")
    world.measured(second, world.data("waiting-more"))
    approvals.submit(
        version=second, environment=world.production, by=world.anna, at=NOW
    )


def _numbers(templates: list[Template], at: int) -> str:
    """Which copies are of a template, in SQL: the rarest that fits takes a number."""
    rarer = [f"nth % {one.every} <> {i}" for i, one in enumerate(templates) if i > at]
    mine = [f"nth % {templates[at].every} = {at}"] if at else []
    return " AND ".join(mine + rarer) or "true"


def _tables() -> Iterator[type[Model]]:
    for app in ("registry", "audits", "governance"):
        for model in apps.get_app_config(app).get_models():
            key = model._meta.pk
            copied = isinstance(getattr(key, "target_field", key), UUIDField)
            if copied and not model._meta.db_table.startswith(_LEFT_OUT):
                yield model


def _keys() -> dict[str, set[Any]]:
    return {
        model._meta.db_table: set(model._base_manager.values_list("pk", flat=True))
        for model in _tables()
    }


def _copy(
    superuser: psycopg.Connection[Any],
    template: Template,
    numbers: str,
    first: int,
    last: int,
) -> None:
    every = [key for keys in template.rows.values() for key in keys]
    for model in _tables():
        table = model._meta.db_table
        if table not in template.rows:
            continue
        fields = model._meta.concrete_fields
        statement = sql.SQL(
            "INSERT INTO {} ({}) SELECT {} FROM {} AS one,"
            " generate_series(%(first)s::int, %(last)s::int) AS copied(nth)"
            " WHERE one.{} = ANY(%(rows)s) AND {}"
        ).format(
            sql.Identifier(table),
            sql.SQL(", ").join(sql.Identifier(f.column) for f in fields),
            sql.SQL(", ").join(sql.SQL(_value(table, f)) for f in fields),
            sql.Identifier(table),
            sql.Identifier(model._meta.pk.column),
            sql.SQL(numbers.replace("%", "%%")),
        )
        superuser.execute(
            statement,
            {
                "first": first,
                "last": last,
                "rows": template.rows[table],
                "every": every,
            },
        )


def _value(table: str, field: "Field[Any, Any]") -> str:
    """What a copy has in a column: keys of the template's rows become the copy's."""
    column = f'one."{field.column}"'
    if (table, field.column) in _SPREAD:
        return _SPREAD[(table, field.column)].replace("%", "%%")
    if isinstance(field, UUIDField) or field.remote_field:
        return (
            f"CASE WHEN {column} = ANY(%(every)s)"
            f" THEN md5({column}::text || ':' || nth)::uuid ELSE {column} END"
        )
    if field.unique and field.column.endswith("sha256"):
        return f"encode(sha256(convert_to({column} || nth, 'UTF8')), 'hex')"
    if field.unique:
        return f"{column} || '-' || nth"
    return column
