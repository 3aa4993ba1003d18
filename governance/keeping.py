"""Who may say how long records are kept, and place or release a legal hold."""

from datetime import datetime
from pathlib import Path

import yaml

from audits import keeping
from audits.models import LegalHold, LegalHoldRelease, RetentionRule
from governance import roles
from registry.acts import act
from registry.models import User

RETENTION = Path(__file__).parent / "packs" / "retention.yaml"


@act
def set_rule(
    *,
    basis: str,
    record: str,
    months: int,
    by: User,
    at: datetime,
    in_force: bool = True,
) -> RetentionRule:
    """Say how long a kind of record is kept.

    Raises `NotAllowed` and audits.keeping.InvalidRule.
    """
    roles.require(by, "set retention rules")
    roles.require_person(by)
    return keeping.set_rule(
        basis=basis, record=record, months=months, in_force=in_force, by=by, at=at
    )


@act
def place_hold(
    *, because: str, by: User, at: datetime, rel: str = "", pk: str = ""
) -> LegalHold:
    """Place a legal hold. Raises `NotAllowed` and what keeping.place_hold raises."""
    roles.require(by, "hold records")
    roles.require_person(by)
    return keeping.place_hold(rel=rel, pk=pk, because=because, by=by, at=at)


@act
def release_hold(
    *, hold: LegalHold, because: str, by: User, at: datetime
) -> LegalHoldRelease:
    """Release somebody else's hold. Raises `NotAllowed` and what keeping does."""
    roles.require(by, "hold records")
    roles.require_person(by)
    return keeping.release_hold(hold=hold, because=because, by=by, at=at)


def set_shipped_rules(*, by: User, at: datetime) -> int:
    """Set the rules of retention.yaml whose basis was never set; return how many."""
    known = set(RetentionRule.objects.values_list("basis", flat=True))
    shipped = yaml.safe_load(RETENTION.read_text("utf-8"))["rules"]
    missing = [rule for rule in shipped if rule["basis"] not in known]
    for rule in missing:
        keeping.set_rule(**rule, by=by, at=at)
    return len(missing)
