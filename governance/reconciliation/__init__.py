"""What runs against what may run: sources, looks at them, and what follows."""

from governance.reconciliation.configuring import (
    Wish,
    WrongState,
    ask,
    configure,
    end,
    listen,
    replace_secret,
)
from governance.reconciliation.fleet import Fleet, fleet, unauthorised, worst_first
from governance.reconciliation.looking import due, reconcile
from governance.reconciliation.permitted import State
from governance.reconciliation.recording import (
    gone_from_cluster,
    record,
    seen_by_cluster,
)
from governance.reconciliation.standing import (
    Rank,
    Running,
    SourceState,
    in_scope,
    rank,
    running_of,
    source_states,
)
from governance.reconciliation.telling import tell_unauthorised

__all__ = [
    "Fleet",
    "Rank",
    "Running",
    "SourceState",
    "State",
    "Wish",
    "WrongState",
    "ask",
    "configure",
    "due",
    "end",
    "fleet",
    "gone_from_cluster",
    "in_scope",
    "listen",
    "rank",
    "reconcile",
    "record",
    "replace_secret",
    "running_of",
    "seen_by_cluster",
    "source_states",
    "tell_unauthorised",
    "unauthorised",
    "worst_first",
]
