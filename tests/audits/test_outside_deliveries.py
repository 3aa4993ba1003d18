"""Checkpoints by mail and webhook, and alarms."""

import json
import smtplib
from datetime import timedelta

import pytest
from django.core import mail

from audits import log
from audits.models import Delivery
from audits.note import open_checkpoint
from audits.outside import deliveries
from audits.outside.coverage import coverage
from tests.audits.ledger import NOW, add_user
from tests.audits.servers import serving


def test_internal_audit_gets_the_checkpoint_by_mail_once_a_day(written_log, settings):
    settings.FREIGABE_CHECKPOINT_MAIL = ["audit@bank.example", "second@bank.example"]
    done, failed = deliveries.deliver(at=NOW)
    assert (len(done), failed) == (2, [])
    message = mail.outbox[0]
    assert message.to == ["audit@bank.example"]
    assert "verify_log --trusted" in message.body
    name, content, _kind = message.attachments[0]
    assert name == "checkpoint.txt"
    signed = open_checkpoint(content, *log.signer().verifiers())
    assert signed.size == log.latest_checkpoint().tree_size
    add_user("dora")
    log.advance(at=NOW)
    assert deliveries.deliver(at=NOW + timedelta(hours=23)) == ([], [])
    assert len(deliveries.deliver(at=NOW + timedelta(hours=24))[0]) == 2


def test_what_failed_is_said_and_tried_again(written_log, settings):
    settings.FREIGABE_CHECKPOINT_MAIL = ["audit@bank.example"]
    settings.EMAIL_BACKEND = "tests.audits.test_outside_deliveries.Broken"
    done, failed = deliveries.deliver(at=NOW)
    assert done == []
    assert "audit@bank.example" in failed[0]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert len(deliveries.deliver(at=NOW)[0]) == 1
    assert Delivery.objects.count() == 1


class Broken:
    """A mail backend whose server refuses."""

    def __init__(self, **_: object) -> None:
        """Take what Django hands over."""

    def send_messages(self, _messages: object) -> None:
        """Refuse."""
        raise smtplib.SMTPServerDisconnected("gone")


def test_a_webhook_gets_the_checkpoint_signed(written_log, settings):
    got = []

    def answer(path, body, headers):
        got.append((path, body, headers))
        return 204, "text/plain", b""

    settings.FREIGABE_CHECKPOINT_WEBHOOK_SECRET = "shared"
    with serving(answer) as url:
        settings.FREIGABE_CHECKPOINT_WEBHOOK = f"{url}/hook"
        done, failed = deliveries.deliver(at=NOW)
    assert (len(done), failed) == (1, [])
    ((path, body, headers),) = got
    assert path == "/hook"
    assert headers[deliveries.SIGNATURE_HEADER] == deliveries.signature(body)
    assert json.loads(body)["checkpoint"] == log.latest_checkpoint().note
    covered = {one.kind: one for one in coverage()}["delivery"]
    assert covered.size == log.latest_checkpoint().tree_size


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_no_delivery(written_log, settings, status):
    with serving(lambda *_: (status, "text/plain", b"")) as url:
        settings.FREIGABE_CHECKPOINT_WEBHOOK = url
        done, failed = deliveries.deliver(at=NOW)
    assert done == []
    assert str(status) in failed[0]


def test_an_alarm_goes_to_everybody_and_a_broken_way_does_not_stop_it(
    written_log, settings
):
    settings.FREIGABE_CHECKPOINT_MAIL = ["audit@bank.example"]
    settings.FREIGABE_CHECKPOINT_WEBHOOK = "http://127.0.0.1:9/hook"
    failed = deliveries.alarm("the log does not hold", "leaf 3 is missing")
    assert len(failed) == 1
    assert "leaf 3" in mail.outbox[0].body
