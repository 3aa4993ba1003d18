"""Attaching at the same moment: one row, and no signer slips through a revocation."""

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from audits.models import ForeignEvidence
from governance import evidence_signers
from governance.records import Refused
from tests.governance.evidence_stage import lab, signed_by_lab, signed_by_person
from tests.world import NOW, World, later, log_verified


@pytest.fixture
def stage(fresh_database, django_db_blocker) -> Iterator[World]:
    """A world whose acts are committed, so that others see them."""
    with django_db_blocker.unblock():
        log_verified()
        yield World()


class Runner(threading.Thread):
    """Does something with a connection of its own, and keeps what came of it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self.work = work
        self.came: Any = None

    def run(self) -> None:
        try:
            self.came = self.work()
        except Refused as refusal:
            self.came = refusal
        finally:
            connections.close_all()


def test_the_same_envelope_at_once_is_one_attachment(stage):
    version = stage.version(stage.model())
    lab(stage)
    ready = threading.Barrier(4)

    def work() -> ForeignEvidence:
        ready.wait(10)
        return signed_by_lab(stage, version)

    runners = [Runner(work) for _ in range(4)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(60)
    row = ForeignEvidence.objects.get()
    assert [runner.came for runner in runners] == [row] * 4


def test_a_form_sent_twice_at_once_is_one_attachment(stage):
    version = stage.version(stage.model())
    # A document that is known already makes nobody wait for its row.
    signed_by_person(stage, version, claim={"title": "Draft"})
    ready = threading.Barrier(3)

    def work(second: int) -> ForeignEvidence:
        ready.wait(10)
        return signed_by_person(stage, version, at=later(seconds=second))

    runners = [Runner(functools.partial(work, second)) for second in range(3)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(60)
    row = ForeignEvidence.objects.exclude(title="Draft").get()
    assert [runner.came for runner in runners] == [row] * 3


def test_a_revocation_that_comes_first_wins(stage):
    version = stage.version(stage.model())
    signer = lab(stage)
    runner = Runner(lambda: signed_by_lab(stage, version))
    with transaction.atomic():
        evidence_signers.revoke_signer(
            signer=signer, reason="The key leaked.", by=stage.rita, at=NOW
        )
        runner.start()
        # It has seen a valid signer and waits for the row that is being revoked.
        runner.join(2)
        assert runner.is_alive()
    runner.join(60)
    assert isinstance(runner.came, Refused)
    assert "revoked" in str(runner.came)
    assert not ForeignEvidence.objects.exists()
