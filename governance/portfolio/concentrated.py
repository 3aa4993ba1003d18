"""What many models rest on, counted by the database."""

from dataclasses import dataclass

from governance.models import FindingChange
from governance.portfolio.asking import Moment
from governance.portfolio.judging import ask, tables, values_at

_State = FindingChange.State
_GROUPS = """
named AS (
  SELECT 'vendor' AS kind, vendor AS name, id FROM record
  UNION ALL SELECT 'foundation-model', foundation_model, id FROM record
  UNION ALL SELECT DISTINCT 'data-set', d.name, v.model_id
    FROM registry_versiondataset u
    JOIN registry_datasetversion s ON s.id = u.dataset_version_id
    JOIN registry_dataset d ON d.id = s.dataset_id
    JOIN registry_modelversion v ON v.id = u.version_id
),
standing AS (
  SELECT DISTINCT ON (finding_id) finding_id, state, accepted_until
  FROM governance_findingchange ORDER BY finding_id, sequence DESC
),
opened AS (
  SELECT f.model_id, count(*) AS n FROM standing s
  JOIN governance_finding f ON f.id = s.finding_id
  WHERE s.state <> %(closed)s
    AND NOT (s.state = %(accepted)s AND coalesce(s.accepted_until > %(at)s, false))
  GROUP BY f.model_id
)
SELECT kind, name, coalesce(sum(opened.n), 0)::int AS findings,
  count(*) FILTER (WHERE j.tier = 1) AS tier_1,
  count(*) FILTER (WHERE j.tier = 2) AS tier_2,
  count(*) FILTER (WHERE j.tier = 3) AS tier_3,
  count(*) FILTER (WHERE j.tier = 4) AS tier_4
FROM named JOIN judged j ON j.id = named.id
LEFT JOIN opened ON opened.model_id = named.id
WHERE btrim(name) <> '' GROUP BY kind, name
"""


@dataclass(frozen=True)
class Group:
    """Models with one name of a kind as it is written: by tier 1 to 4, and findings."""

    kind: str
    name: str
    tiers: tuple[int, int, int, int]
    findings: int


def groups(moment: Moment) -> list[Group]:
    """By vendor, foundation model and data set, in no order."""
    values = values_at(moment)
    values |= {"closed": _State.CLOSED.value, "accepted": _State.ACCEPTED.value}
    rows = ask(f"{tables(moment)},\n{_GROUPS}", values)
    return [
        Group(
            row["kind"],
            row["name"],
            (row["tier_1"], row["tier_2"], row["tier_3"], row["tier_4"]),
            row["findings"],
        )
        for row in rows
    ]
