"""Fifty clients at once: no wrong answer, no 500, every decision in the log once."""

import itertools
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import requests
from django.utils import timezone

from audits import log, verification
from tests.conftest import VAR
from tests.governance.faulty import BODY, Bank, bank

CLIENTS = 50
SHARED = 5  # clients that send the same Idempotency-Key at the same time
UNKNOWN = BODY | {"version": "99"}
ELSEWHERE = BODY | {"environment": "mars"}
OTHER_FILE = BODY | {"model": "no-such-model"}
QUESTIONS = (
    *((BODY, "allow"), (UNKNOWN, "deny"), (BODY, "allow")),
    *((ELSEWHERE, "deny"), (BODY, "allow"), (OTHER_FILE, "deny")),
)


@dataclass
class Told:
    """What the clients were told, for the comparison with the record."""

    verdicts: dict[str, str] = field(default_factory=dict)
    by_key: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture(scope="module")
def busy_bank(django_db_setup, django_db_blocker) -> Iterator[Bank]:
    """Two web processes of four threads, as the operator's guide has them."""
    with bank(VAR / "busy", django_db_blocker.unblock, workers=2) as made:
        yield made


@pytest.mark.parametrize(
    "seconds",
    [
        5,
        pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(600)], id="soak"),
    ],
)
def test_fifty_clients_at_once(busy_bank, seconds):
    before = {row[0] for row in recorded(busy_bank)}
    told, end = Told(), time.monotonic() + seconds
    # Five clients share each series of keys, and meet at the same ones.
    series = [str(uuid.uuid4()) for _ in range(CLIENTS // SHARED)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        for number in range(CLIENTS):
            key = series[number // SHARED]
            clients.submit(client, busy_bank, number, key, end, told)
    assert told.wrong == [], (busy_bank.var / "web.log").read_text()[-3000:]
    assert set(told.statuses) <= {200, 409, 422}, told.statuses
    assert {200, 422} <= set(told.statuses)
    rows = {row[0]: row[1:] for row in recorded(busy_bank) if row[0] not in before}
    # Each answer is a row with the same verdict, each row was an answer, once.
    assert {name: row[0] for name, row in rows.items()} == {
        name: verdict == "allow" for name, verdict in told.verdicts.items()
    }
    assert {row[1] for row in rows.values()} == {1}
    assert all(len(set(names)) == 1 for names in told.by_key.values())
    assert any(len(names) > 1 for names in told.by_key.values())
    log.advance(at=timezone.now())
    assert verification.verify(level=verification.Level.HISTORY).ok


def client(bank: Bank, number: int, key: str, end: float, told: Told) -> None:
    """Ask until the time is over; a third of the questions carry a key."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {bank.tokens['ci']}"
    try:
        for turn in itertools.count():
            if time.monotonic() > end:
                return
            body, expected = QUESTIONS[(number + turn) % len(QUESTIONS)]
            if turn % 3 == 0:
                keyed(session, bank, f"{key}-{turn}", told)
            else:
                answer = post(session, bank, body, told)
                note(answer, expected, told)
    except Exception as error:  # noqa: BLE001 - told to the test, which fails
        told.wrong.append(repr(error))


def keyed(session: requests.Session, bank: Bank, key: str, told: Told) -> None:
    """The same question under the same key, and another one under it."""
    answer = post(session, bank, BODY, told, key)
    if answer.status_code == 409:
        return  # the first one still runs
    note(answer, "allow", told)
    with told.lock:
        told.by_key[key].append(answer.json()["decision_id"])
    other = post(session, bank, UNKNOWN, told, key)
    if other.status_code not in (409, 422):
        told.wrong.append(f"{key} was answered for another body: {other.text}")


def post(
    session: requests.Session, bank: Bank, body: dict, told: Told, key: str = ""
) -> requests.Response:
    headers = {"Idempotency-Key": key} if key else {}
    began = time.monotonic()
    answer = session.post(
        f"{bank.url}/api/v1/gate/decisions", json=body, headers=headers, timeout=60
    )
    with told.lock:
        told.statuses[answer.status_code] += 1
        told.longest = max(told.longest, time.monotonic() - began)
    return answer


def note(answer: requests.Response, expected: str, told: Told) -> None:
    """Keep the verdict; a second, other one for the same decision is wrong."""
    said = answer.json()
    with told.lock:
        if answer.status_code != 200 or said["decision"] != expected:
            told.wrong.append(f"{answer.status_code}: {answer.text[:2000]}")
        elif (said["permit"] is not None) != (expected == "allow"):
            told.wrong.append(f"{expected} with the permit {said['permit']}")
        else:
            told.verdicts[said["decision_id"]] = said["decision"]


def recorded(bank: Bank) -> list[tuple[str, bool, int]]:
    """Each decision, whether it allows, and how often the log has it."""
    with bank.superuser() as database:
        return database.execute(
            "SELECT d.id::text, d.allowed, (SELECT count(*) FROM audits_entry e WHERE "
            "e.rel = 'public.governance_gatedecision' AND e.pk = d.id::text) "
            "FROM governance_gatedecision d"
        ).fetchall()
