"""What is counted: by SQL, and what never changes again only once.

Labels hold fixed words of this code: no name of a model, a person or an environment
ever becomes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, Sum
from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from audits import log
from audits.models import EvidenceRun
from governance import issued
from governance.models import (
    Dossier,
    ForgeRequest,
    GateDecision,
    KeyCompromise,
    LineageName,
    PermitRevocation,
    WebhookMessage,
)

# Upper bounds in milliseconds of the gate's histogram.
BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
# A decision is written within seconds of its time: older counts stay as they are.
SETTLED = timedelta(minutes=5)
_OUTCOMES = {
    "allowed": Q(allowed=True, emergency=None),
    "emergency": Q(allowed=True, emergency__isnull=False),
    "denied": Q(allowed=False),
}


@dataclass
class Counter:
    """The gate's totals, which only rise; those long past are counted once."""

    until: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    settled: dict[str, int] = field(default_factory=dict)

    def families(self, *, at: datetime) -> list[Metric]:
        """Decisions by outcome, and how long they took."""
        settled = max(self.until, at - SETTLED)
        self.settled = _sum(self.settled, _between(self.until, settled))
        self.until = settled
        # What a clock that ran ahead dated into the future counts as well.
        now = _sum(self.settled, _between(self.until, None))
        outcomes = CounterMetricFamily(
            "freigabe_gate_decisions_total",
            "Decisions of the gate by outcome.",
            labels=["outcome"],
        )
        for word in _OUTCOMES:
            outcomes.add_metric([word], now[f"was_{word}"])
        return [outcomes, _histogram(now)]


def _between(after: datetime, until: datetime | None) -> dict[str, int]:
    rows = GateDecision.objects.filter(decided_at__gt=after)
    if until is not None:
        rows = rows.filter(decided_at__lte=until)
    found = rows.aggregate(
        **{
            f"was_{word}": Count("pk", filter=which)
            for word, which in _OUTCOMES.items()
        },
        **{
            f"le_{bound}": Count("pk", filter=Q(milliseconds__lte=bound))
            for bound in BOUNDS
        },
        measured=Count("milliseconds"),
        spent=Sum("milliseconds"),
    )
    return {name: value or 0 for name, value in found.items()}


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + value for name, value in other.items()}


def _histogram(now: dict[str, int]) -> Metric:
    buckets = [(str(bound / 1000), now[f"le_{bound}"]) for bound in BOUNDS]
    return HistogramMetricFamily(
        "freigabe_gate_decision_seconds",
        "From the question until the decision was written, in seconds.",
        buckets=[*buckets, ("+Inf", now["measured"])],
        sum_value=now["spent"] / 1000,
    )


def of_the_log(*, at: datetime) -> list[Metric]:
    """How far the log is behind, and what its last verification found.

    Never verified is not ok, and has no age.
    """
    state = log.status(at=at)
    last = state.verification
    found: list[Metric] = [
        GaugeMetricFamily("freigabe_log_entries", "Entries in the tree.", state.size),
        GaugeMetricFamily(
            "freigabe_log_entries_waiting",
            "Entries without a place in the tree.",
            state.unsequenced,
        ),
        GaugeMetricFamily(
            "freigabe_log_integration_lag_seconds",
            "Age of the oldest entry without a place; 0 when there is none.",
            state.lag.total_seconds() if state.lag else 0,
        ),
        GaugeMetricFamily(
            "freigabe_log_verification_ok",
            "1 when the last verification held, else 0.",
            int(last is not None and last.ok),
        ),
    ]
    if last is not None:
        age = (at - last.ran_at).total_seconds()
        about = "Age of the last verification."
        found.append(
            GaugeMetricFamily("freigabe_log_verification_age_seconds", about, age)
        )
    if state.checkpoint_age is not None:
        age = state.checkpoint_age.total_seconds()
        about = "Age of the last signed checkpoint."
        found.append(
            GaugeMetricFamily("freigabe_log_checkpoint_age_seconds", about, age)
        )
    return found


def of_the_work() -> list[Metric]:
    """What waits, and evidence runs by state."""
    rows = EvidenceRun.objects.order_by().values_list("state").annotate(Count("pk"))
    runs = dict.fromkeys(EvidenceRun.State.values, 0.0) | dict(rows)
    waiting = {
        "evidence": runs[EvidenceRun.State.PENDING],
        "dossiers": Dossier.objects.filter(state=Dossier.State.PENDING).count(),
        "webhooks": WebhookMessage.objects.filter(
            state=WebhookMessage.State.WAITING, endpoint__disabled_at=None
        ).count(),
        "forges": ForgeRequest.objects.filter(state=ForgeRequest.State.WAITING).count(),
        "lineage": LineageName.objects.filter(state=LineageName.State.WAITING).count(),
    }
    return [
        _each("freigabe_waiting", "Rows that wait for a worker.", "queue", waiting),
        *_broker(),
        _each("freigabe_evidence_runs", "Evidence runs by state.", "state", runs),
    ]


def _broker() -> list[Metric]:
    """Messages in the embedded broker; another broker has numbers of its own."""
    if not settings.CELERY_BROKER_URL.startswith("pgmq://"):
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pgmq.meta')")
        if cursor.fetchone() == (None,):
            return []
        cursor.execute("SELECT queue_name, queue_length FROM pgmq.metrics_all()")
        found = {str(name): float(length) for name, length in cursor.fetchall()}
    return [
        _each("freigabe_broker_messages", "Messages in the broker.", "queue", found)
    ]


def of_permits(*, at: datetime) -> list[Metric]:
    """How many permits count now: by their state, not only by their end."""
    rows = GateDecision.objects.filter(allowed=True, expires_at__gt=at)
    rows = rows.exclude(pk__in=PermitRevocation.objects.values("permit_id"))
    rows = rows.select_related("authorisation", "emergency")
    rows = rows.defer("checks", "vsa", "svr")
    if not KeyCompromise.objects.exists():
        rows = rows.defer("permit")  # only who signed it is read from it
    states = issued.states_of(rows, at=at).values()
    live = sum(state in issued.VALID for state in states)
    return [GaugeMetricFamily("freigabe_permits_live", "Permits that count now.", live)]


def _each(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    """A number for each word."""
    family = GaugeMetricFamily(name, about, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family
