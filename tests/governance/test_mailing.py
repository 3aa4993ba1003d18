"""The digest: who asked for one gets one mail with what is new, once."""

import smtplib
import threading

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.utils.translation import gettext_lazy

from governance import mailing, notifications
from governance.models import NotificationMailed
from tests.world import NOW, World, later


def tell(world, to=None, at=NOW, subject=None):
    return notifications.tell(
        to=to or [world.rita],
        subject=subject or gettext_lazy("Approvals"),
        text="One waits.",
        link="/approvals/",
        at=at,
    )


def wish(world, digest="daily", language="en", by=None):
    notifications.wish(language=language, digest=digest, by=by or world.rita, at=NOW)


def run(world, at=NOW) -> int:
    sent = 0
    while mailing.send_next(by=world.adam, at=at):
        sent += 1
    return sent


def test_a_digest_carries_what_is_new_once(world):
    wish(world)
    tell(world)
    tell(world)
    run(world)
    run(world, at=later(days=1))
    (sent,) = mail.outbox
    assert sent.subject == "Freigabe: 2 notifications"
    assert sent.to == ["rita@bank.example"]
    assert "/approvals/" in sent.body


def test_it_comes_in_the_persons_language(world):
    wish(world, language="de")
    tell(world)
    run(world)
    assert "Freigaben" in mail.outbox[0].body


def test_whoever_asked_for_none_gets_none(world):
    tell(world)
    wish(world, digest="never")
    assert run(world) == 0
    assert mail.outbox == []


def test_what_was_read_or_is_told_later_waits_for_no_second_mail(world):
    wish(world)
    tell(world)
    notifications.mark_read(
        notifications=notifications.unread(world.rita), by=world.rita, at=NOW
    )
    run(world)
    assert mail.outbox == []
    tell(world, at=later(hours=1))
    assert run(world, at=later(hours=2)) == 0
    run(world, at=later(days=1))
    assert len(mail.outbox) == 1


def test_a_mail_server_that_refuses_is_asked_again(world, monkeypatch):
    wish(world)
    tell(world)

    def refuse(_self: EmailMessage) -> int:
        raise smtplib.SMTPServerDisconnected("gone")

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", refuse)
        with pytest.raises(mailing.NotSent, match="rita"):
            mailing.send_next(by=world.adam, at=NOW)
    assert run(world, at=later(minutes=1)) == 0
    assert run(world, at=later(minutes=6)) == 1
    assert len(mail.outbox) == 1


def test_an_address_with_a_line_break_is_no_header_and_stops_nobody_elses_mail(world):
    for who in (world.rita, world.carl):
        wish(world, by=who)
        tell(world, [who])
    world.rita.email = "rita@bank.example\nBcc: everybody@evil.example"
    world.rita.save()
    sent = 0
    for _look in range(2):
        try:
            sent += mailing.send_next(by=world.adam, at=NOW)
        except mailing.NotSent as refusal:
            assert "rita" in str(refusal)
    assert sent == 1
    assert [message.to for message in mail.outbox] == [["carl@bank.example"]]


def test_a_hostile_name_stays_in_the_body_of_a_digest(world):
    wish(world)
    tell(world, subject="Hello\nBcc: everybody@evil.example\n\n<script>")
    mailing.send_next(by=world.adam, at=NOW)
    (message,) = mail.outbox
    raw = message.message()
    assert set(raw.keys()).isdisjoint({"Bcc", "Cc"})
    assert message.recipients() == ["rita@bank.example"]
    assert raw.get_content_type() == "text/plain"
    assert "\n" not in raw["Subject"]


def test_workers_at_the_same_time_send_one_digest(fresh_database, django_db_blocker):
    with django_db_blocker.unblock():
        world = World()
        wish(world)
        tell(world)
        gate = threading.Barrier(4)

        def work() -> None:
            gate.wait()
            mailing.send_next(by=world.adam, at=NOW)
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(mail.outbox) == 1
        assert NotificationMailed.objects.count() == 1
