"""Numbers for Prometheus: true, cheap, and without a name of anybody or anything."""

import re
import socket
import urllib.error
import urllib.request
from datetime import timedelta
from threading import Thread

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from audits.models import EvidenceRun, Verification
from governance import issued, metrics, tasks
from governance.gate import Question
from governance.metrics import counting, serving
from governance.models import GateDecision
from tests.governance.test_gate import approved, ask
from tests.world import NOW, later, log_verified

UNKNOWN = Question(model="mortgage-approval", version="9", environment="production")
LINE = re.compile(
    r"(?P<name>[a-z_]+)(\{(?P<label>[a-z]+)=\"(?P<word>[^\"]*)\"\})? "
    r"(?P<value>-?[0-9.]+(e[+-]?\d+)?)"
)


def numbers(at=NOW, counter=None) -> dict[str, float]:
    """The page as a dictionary; every line of it must be one of the format."""
    counter = counter or counting.Counter()
    families = [
        *counter.families(at=at),
        *counting.of_permits(at=at),
        *counting.of_the_log(at=at),
        *counting.of_the_work(),
    ]
    return parsed(serving.text(families).decode())


def parsed(page: str) -> dict[str, float]:
    found, typed = {}, set()
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert kind in ("counter", "gauge", "histogram")
            assert name not in typed
            typed.add(name)
        if line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        assert match, line
        key = match["name"] + (f" {match['word']}" if match["label"] else "")
        assert key not in found
        found[key] = float(match["value"])
    return found


def test_decisions_are_counted_by_outcome_and_timed(world):
    approved(world)
    assert ask(world).allowed
    ask(world, UNKNOWN)
    ask(world, UNKNOWN)
    found = numbers()
    assert found["freigabe_gate_decisions_total allowed"] == 1
    assert found["freigabe_gate_decisions_total denied"] == 2
    assert found["freigabe_gate_decisions_total emergency"] == 0
    assert found["freigabe_gate_decision_seconds_count"] == 3
    assert found["freigabe_gate_decision_seconds_bucket +Inf"] == 3
    spent = sum(row.milliseconds for row in GateDecision.objects.all())
    assert found["freigabe_gate_decision_seconds_sum"] == pytest.approx(spent / 1000)
    buckets = [
        found[f"freigabe_gate_decision_seconds_bucket {bound / 1000}"]
        for bound in counting.BOUNDS
    ]
    assert buckets == sorted(buckets)


def test_a_total_only_rises_and_old_decisions_are_counted_once(world):
    approved(world)
    ask(world)
    counter = counting.Counter()
    first = numbers(later(hours=1), counter)
    assert counter.until == later(hours=1) - counting.SETTLED
    assert counter.settled["was_allowed"] == 1
    ask(world, UNKNOWN, later(minutes=58))
    second = numbers(later(hours=1), counter)
    third = numbers(later(hours=2), counter)
    for outcome, counts in (("allowed", (1, 1, 1)), ("denied", (0, 1, 1))):
        name = f"freigabe_gate_decisions_total {outcome}"
        assert (first[name], second[name], third[name]) == counts
    with CaptureQueriesContext(connection) as asked:
        counter.families(at=later(hours=2))
    assert len(asked) == 2


def test_a_clock_that_went_back_counts_nothing_twice(world):
    approved(world)
    ask(world)
    counter = counting.Counter()
    name = "freigabe_gate_decisions_total allowed"
    found = [numbers(at, counter)[name] for at in (later(hours=1), NOW, later(hours=1))]
    assert found == [1, 1, 1]


def test_a_permit_that_was_revoked_or_is_over_is_not_live(world):
    approved(world)
    permit = ask(world)
    assert numbers()["freigabe_permits_live"] == 1
    assert numbers(permit.expires_at)["freigabe_permits_live"] == 0
    issued.revoke(permit_id=permit.pk, reason="Stolen.", by=world.rita, at=NOW)
    assert numbers()["freigabe_permits_live"] == 0


def test_the_logs_last_verification_speaks_and_none_is_not_ok(world):
    log_verified(later(minutes=1), ok=False)
    found = numbers(later(minutes=3))
    assert found["freigabe_log_verification_ok"] == 0
    assert found["freigabe_log_verification_age_seconds"] == 120
    log_verified(later(minutes=4))
    assert numbers(later(minutes=4))["freigabe_log_verification_ok"] == 1
    assert found["freigabe_log_entries_waiting"] > 0
    assert found["freigabe_log_integration_lag_seconds"] != 0


@pytest.mark.django_db
def test_never_verified_has_no_age():
    assert not Verification.objects.exists()
    found = numbers()
    assert found["freigabe_log_verification_ok"] == 0
    assert "freigabe_log_verification_age_seconds" not in found


def test_what_waits_is_counted_and_every_state_has_its_line(world):
    version, data = world.version(world.model()), world.data()
    for kind in ("fairness", "performance"):
        EvidenceRun.objects.create(
            version=version,
            kind=kind,
            dataset_version=data,
            requested_by=world.vera,
            requested_at=NOW,
        )
    found = numbers()
    assert found["freigabe_evidence_runs pending"] == 2
    assert found["freigabe_waiting evidence"] == 2
    for state in EvidenceRun.State.values:
        assert f"freigabe_evidence_runs {state}" in found
    for queue in ("dossiers", "webhooks", "forges", "lineage"):
        assert found[f"freigabe_waiting {queue}"] == 0


def test_no_name_of_a_model_a_person_or_a_place_is_told(world):
    approved(world)
    ask(world)
    page = serving.text(
        [
            *counting.Counter().families(at=NOW),
            *counting.of_permits(at=NOW),
            *counting.of_the_log(at=NOW),
            *counting.of_the_work(),
        ]
    )
    for word in ("mortgage", "production", "anna", "Anna", "Lindqvist", "ben"):
        assert not re.search(rf"\b{word}", page.decode())


@pytest.fixture
def page():
    """The server on a free port, with numbers of the test's own."""
    said: list[object] = [b"freigabe_up 1\n"]

    def read(*, at):
        if isinstance(said[0], Exception):
            raise said[0]
        return said[0]

    server = serving.Server(("127.0.0.1", 0), serving.handler(read))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", said
    server.shutdown()
    server.server_close()


def fetch(url: str, method: str = "GET") -> tuple[int, str, bytes]:
    request = urllib.request.Request(url, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", error.read()


def test_one_page_is_served_and_nothing_else(page):
    url, said = page
    assert fetch(f"{url}/metrics") == (200, CONTENT_TYPE_PLAIN_0_0_4, said[0])
    assert fetch(f"{url}/")[0] == 404
    assert fetch(f"{url}/metrics", "POST")[0] == 501
    said[0] = OperationalError("secret words of the database")
    status, _type, body = fetch(f"{url}/metrics")
    assert status == 503
    assert b"secret words" not in body


def test_numbers_are_kept_for_seconds(world):
    found = serving.Page()
    first = found.read(at=timezone.now())
    ask(world, UNKNOWN)
    with CaptureQueriesContext(connection) as asked:
        assert found.read(at=timezone.now()) == first
    assert len(asked) == 0
    found.made -= serving.KEPT_SECONDS + 1
    assert found.read(at=timezone.now() + timedelta(days=2)) != first


def test_a_port_that_is_taken_stops_no_worker(caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        metrics.start("127.0.0.1", taken.getsockname()[1])
    metrics.start("127.0.0.1", 99_999)
    assert caplog.text.count("No metrics at 127.0.0.1") == 2


class Worker:
    """As much of Celery's consumer as the signal hands over."""

    def __init__(self, *queues: str) -> None:
        self.app = self
        self.amqp = self
        self.queues = self
        self.consume_from = dict.fromkeys(queues)


@pytest.mark.parametrize(
    ("queues", "port", "served"),
    [(["clock"], 9100, 1), (["evidence", "dossier"], 9100, 0), (["clock"], 0, 0)],
)
def test_the_clocks_worker_serves_where_the_operator_says(
    monkeypatch, settings, queues, port, served
):
    settings.FREIGABE_METRICS_PORT = port
    started: list[tuple[str, int]] = []
    monkeypatch.setattr(metrics, "start", lambda *where: started.append(where))
    tasks.serve_metrics(sender=Worker(*queues))
    assert started == [("127.0.0.1", 9100)] * served
