"""What may run without a doubt, found once in the statement that asks for it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Model
from django.db.models.expressions import RawSQL

from governance.models import Sighting
from governance.portfolio import Moment, permits_in_force
from registry.models import Deployment

# `in_force`: by itself, so that the planner takes its many rows for many.
# `granted`: where approvals in force have permits that hold without a closer look, or
# only lapsed: no condition, nothing taken back, no key that others may hold. Permits
# that lapsed pile up, day after day: only where none holds is one of them looked for.
# `owned`: the files of what was granted, and whether other versions have them as well.
# Looked up from the version (`LIMIT` sees to it): a file may be that of thousands.
# `files`: those that are the model of one version alone, so that a digest names it.
# `named`: the others, for which what runs has to say which version it is.
# `seen`: what living sources see.
_TABLES = """
WITH in_force AS MATERIALIZED ({in_force}),
granted AS MATERIALIZED (
  SELECT a.version_id, a.environment_id, a.artifact_sha256,
    p.authorisation_id IS NOT NULL AS fresh
  FROM in_force a
  LEFT JOIN (
    SELECT DISTINCT authorisation_id, version_id, environment_id
    FROM governance_gatedecision WHERE allowed AND expires_at > %s) AS p
    ON p.authorisation_id = a.id AND p.version_id = a.version_id
    AND p.environment_id = a.environment_id
  WHERE CASE WHEN p.authorisation_id IS NOT NULL THEN true ELSE (
      SELECT true FROM governance_gatedecision d
      WHERE d.allowed AND d.authorisation_id = a.id AND d.version_id = a.version_id
        AND d.environment_id = a.environment_id LIMIT 1) END
    AND NOT EXISTS (SELECT FROM governance_keycompromise)
    AND a.request_id NOT IN (SELECT request_id FROM governance_condition)
    AND a.id NOT IN (
      SELECT t.authorisation_id FROM governance_permitrevocation r
      JOIN governance_gatedecision t ON t.id = r.permit_id
      WHERE t.authorisation_id IS NOT NULL)
),
owned AS MATERIALIZED (
  SELECT g.*, EXISTS (
    SELECT FROM registry_versionartifact other WHERE other.artifact_id = f.id
      AND other.role = 'model' AND other.version_id <> g.version_id) AS shared
  FROM granted g
  CROSS JOIN LATERAL (
    SELECT own.artifact_id AS id FROM registry_versionartifact own
    JOIN registry_artifact f ON f.id = own.artifact_id
    WHERE own.version_id = g.version_id AND own.role = 'model'
      AND f.sha256 = g.artifact_sha256 LIMIT 1) AS f
),
files AS MATERIALIZED (
  SELECT environment_id, artifact_sha256, bool_or(fresh) AS fresh
  FROM owned WHERE NOT shared GROUP BY environment_id, artifact_sha256
),
named AS MATERIALIZED (
  SELECT o.environment_id, o.artifact_sha256, m.slug, v.version, o.fresh
  FROM owned o JOIN registry_modelversion v ON v.id = o.version_id
  JOIN registry_registeredmodel m ON m.id = v.model_id WHERE o.shared
),
seen AS MATERIALIZED (
  SELECT s.environment_id, s.place, s.sha256 FROM governance_sighting s
  WHERE s.source_id = ANY(%s)
    AND NOT EXISTS (
      SELECT FROM governance_sightingend e WHERE e.sighting_id = s.id)
)
"""
_OF_REPORT = ("version_id", "environment_id", "artifact_sha256")
_OF_FILE = ("environment_id", "artifact_sha256")


def tables(sources: Iterable[UUID], at: datetime) -> tuple[str, tuple[Any, ...]]:
    """The beginning of a statement that uses the conditions below, and its values."""
    rows = permits_in_force(Moment(at)).order_by()
    own = ("id", "request_id", *_OF_REPORT)
    in_force, values = rows.values(*own).query.sql_with_params()
    return _TABLES.format(in_force=in_force), (*values, at, list(sources))


def report_is_known(where: str) -> RawSQL:
    """Whether a `Deployment` is of what was granted."""
    return _among(Deployment, _OF_REPORT, "granted", _OF_REPORT, where)


def sighting_is_known(where: str) -> RawSQL:
    """Whether a `Sighting` is of a file that was granted, for the version it names
    where several have it."""
    seen = ("environment_id", "sha256")
    names = (*seen, "named_model", "named_version")
    alone = _among(Sighting, seen, "files", _OF_FILE, where)
    among = _among(Sighting, names, "named", (*_OF_FILE, "slug", "version"), where)
    return RawSQL(f"({alone.sql} OR {among.sql})", (), BooleanField())  # noqa: S611


def report_is_seen() -> RawSQL:
    """Whether a source sees the file of a `Deployment`."""
    return _among(Deployment, _OF_FILE, "seen", ("environment_id", "sha256"))


def sighting_is_seen() -> RawSQL:
    """Whether a source sees what a `Sighting` of a cluster tells."""
    same = ("environment_id", "place", "sha256")
    return _among(Sighting, same, "seen", same)


def _among(
    rows: type[Model],
    own: tuple[str, ...],
    table: str,
    columns: tuple[str, ...],
    where: str = "true",
) -> RawSQL:
    """Whether columns of a row are in a table of the statement: looked up, not joined.

    Of what rests on so many conditions the planner expects one row, and a join would
    compare each with each.
    """
    mine = ", ".join(f"{rows._meta.db_table}.{name}" for name in own)
    theirs = f"SELECT {', '.join(columns)} FROM {table} WHERE {where}"  # noqa: S608
    return RawSQL(f"(({mine}) IN ({theirs}))", (), BooleanField())  # noqa: S611
