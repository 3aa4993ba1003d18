"""Messages on their way: nobody waits for a slow receiver, and none is lost."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from threading import Event

import pytest
from django.conf import settings as configured
from django.db import transaction

from governance import notifications, sealing, webhooks
from governance.models import WebhookAttempt, WebhookEndpoint, WebhookMessage
from governance.webhooks import sending
from tests.governance.forge_jobs import serve
from tests.world import NOW, later

State = WebhookMessage.State


class Slow:
    """Answers as it is told; the first message, while `holds`, gets no answer."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.status = 204
        self.holds: tuple[Event, Event] | None = None

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        self.seen.append(handler.headers["webhook-id"])
        if self.holds:
            (came, over), self.holds = self.holds, None
            came.set()
            over.wait(60)
            return
        handler.send_response(self.status)
        handler.end_headers()


@pytest.fixture
def slow(settings, monkeypatch) -> Iterator[Slow]:
    settings.FREIGABE_WEBHOOK_ALLOW = ["127.0.0.0/8"]
    monkeypatch.setenv("FREIGABE_WEBHOOK_ALLOW", "127.0.0.0/8")
    made: list = []
    receiver = Slow()
    receiver.url = serve(receiver, made)
    yield receiver
    made[0].shutdown()
    made[0].server_close()


def queued(world, receiver: Slow) -> WebhookMessage:
    """One message for one endpoint, due now."""
    webhooks.register(name="SIEM", url=receiver.url, kinds=[], by=world.adam, at=NOW)
    notifications.tell(
        to=[world.rita],
        subject="A waiver ends",
        text="It ends tomorrow.",
        kind="waiver.expiring",
        about=world.rita,
        link="/",
        at=NOW,
    )
    assert webhooks.queue(by=world.adam, at=NOW) == 1
    return WebhookMessage.objects.get()


WORKER = """
import sys; from datetime import datetime
import django; django.setup()
from governance import access, webhooks
webhooks.send_next(by=access.system_user(), at=datetime.fromisoformat(sys.argv[1]))
"""


def test_a_worker_killed_while_it_sends_leaves_the_message_to_the_next(stage, slow):
    queued(stage, slow)
    came, over = slow.holds = Event(), Event()
    command = [sys.executable, "-c", WORKER, NOW.isoformat()]
    with subprocess.Popen(command, cwd=configured.BASE_DIR) as child:
        try:
            assert came.wait(100)
            # While the receiver takes its time, nobody waits for its rows.
            with transaction.atomic():
                row = WebhookMessage.objects.select_for_update(nowait=True).get()
                WebhookEndpoint.objects.select_for_update(nowait=True).get()
        finally:
            child.kill()
    over.set()
    assert row.state == State.WAITING
    assert not WebhookAttempt.objects.exists()
    # It may still be on its way: nobody else sends it before the claim ends.
    assert webhooks.send_next(by=stage.adam, at=later(seconds=59)) is None
    at = later(seconds=60)
    assert webhooks.send_next(by=stage.adam, at=at).status == 204
    assert webhooks.send_next(by=stage.adam, at=later(days=9)) is None
    row.refresh_from_db()
    assert (row.state, row.attempts.count()) == (State.DELIVERED, 1)
    assert slow.seen == [f"msg_{row.pk.hex}"] * 2


def test_what_is_claimed_is_sent_by_nobody_else_until_the_claim_ends(world, slow):
    queued(world, slow)
    assert sending.claim_next(by=world.adam, at=NOW) is not None
    for moment in (NOW, later(seconds=59)):
        assert sending.claim_next(by=world.adam, at=moment) is None
    assert sending.claim_next(by=world.adam, at=later(seconds=60)) is not None


@pytest.mark.parametrize("status", [None, 204, 503])
def test_who_was_too_slow_to_send_changes_nothing_for_who_sent(world, slow, status):
    queued(world, slow)
    late = sending.claim_next(by=world.adam, at=NOW)
    slow.status = 503
    webhooks.send_next(by=world.adam, at=later(minutes=1))
    before = WebhookMessage.objects.values().get()
    attempt = WebhookAttempt(message=late, status=status, attempted_at=NOW)
    sending.record(attempt=attempt, by=world.adam, at=later(minutes=1))
    assert WebhookMessage.objects.values().get() == before
    assert before["tries_left"] == webhooks.TRIES - 1
    assert WebhookAttempt.objects.count() == 2


def test_a_replaced_secret_signs_what_waits_and_the_one_before_nothing(
    world, slow, settings
):
    message = queued(world, slow)
    endpoint = message.endpoint
    settings.SECRET_KEY = "n" * 60
    assert "another key" in webhooks.send_next(by=world.adam, at=NOW).problem
    row, secret = webhooks.replace_secret(endpoint=endpoint, by=world.adam, at=NOW)
    assert secret not in row.secret != endpoint.secret
    assert sealing.unseal(row.secret, about=str(row.pk)) == secret
    assert webhooks.send_next(by=world.adam, at=later(minutes=1)).status == 204
    assert len(slow.seen) == 1
