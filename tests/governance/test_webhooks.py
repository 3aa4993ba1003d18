"""Webhooks: signed, sent once and again until they arrive, and never in a flood."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from importlib import import_module
from types import SimpleNamespace

import jsonschema
import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client

from governance import notifications, roles, sealing, webhooks
from governance.models import (
    Notification,
    WebhookEndpoint,
    WebhookMessage,
)
from governance.records import AlreadyRegistered, Refused
from tests.governance.doors import schema
from tests.governance.test_outgoing import Receiver, receiver  # noqa: F401
from tests.world import NOW, later


@pytest.fixture
def hook(world, receiver, settings):  # noqa: F811
    settings.FREIGABE_WEBHOOK_ALLOW = ["127.0.0.0/8"]

    def make(path="/good", **more):
        kinds = more.pop("kinds", [])
        return webhooks.register(
            name=f"SIEM {path}",
            url=receiver + path,
            kinds=kinds,
            by=world.adam,
            at=NOW,
            **more,
        )

    return make


def tell(world, kind="waiver.expiring", at=NOW):
    return notifications.tell(
        to=[world.rita],
        subject="Rita's waiver ends",
        text="It ends tomorrow.",
        kind=kind,
        about=world.rita,
        link="/models/mortgage-approval/",
        at=at,
    )


def run(world, at=NOW):
    webhooks.queue(by=world.adam, at=at)
    made = []
    while attempt := webhooks.send_next(by=world.adam, at=at):
        made.append(attempt)
    return made


def test_a_receiver_can_check_who_sent_it_and_when(world, hook):
    _endpoint, secret = hook()
    tell(world)
    assert [one.status for one in run(world)] == [204]
    ((_path, headers, body),) = Receiver.seen
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert int(headers["webhook-timestamp"]) == int(NOW.timestamp())


def test_ids_and_links_leave_and_no_words_or_names(world, hook):
    hook()
    told = tell(world)
    run(world)
    body = Receiver.seen[0][2].decode()
    assert not any(word in body for word in ("Rita", "Okafor", "waiver ends", "bank."))
    said = json.loads(body)
    assert said["type"] == "waiver.expiring"
    assert said["id"] == str(told.pk)
    assert said["data"]["url"].endswith("/models/mortgage-approval/")


def test_what_is_sent_is_a_cloud_event(world, hook):
    hook()
    tell(world)
    run(world)
    _path, headers, body = Receiver.seen[0]
    assert headers["Content-Type"] == "application/cloudevents+json"
    said = json.loads(body)
    checker = jsonschema.Draft7Validator.FORMAT_CHECKER
    against = schema("cloudevents/cloudevents.json")
    jsonschema.Draft7Validator(against, format_checker=checker).validate(said)
    assert datetime.fromisoformat(said["time"]) == NOW


def test_each_announcement_is_sent_once_however_often_the_clock_ticks(world, hook):
    hook()
    tell(world)
    run(world)
    run(world, at=later(seconds=5))
    run(world, at=later(days=3))
    assert len(Receiver.seen) == 1


def test_only_what_was_asked_for_and_happened_since(world, hook):
    tell(world, at=later(minutes=-1))
    hook(kinds=["waiver.expiring"])
    tell(world, kind="finding.overdue")
    tell(world)
    assert len(run(world)) == 1


def test_a_failure_is_tried_again_later_under_the_same_id(world, hook):
    hook("/down")
    tell(world)
    (first,) = run(world)
    assert (first.status, first.response_start) == (503, "down for now")
    assert run(world, at=later(seconds=4)) == []
    assert len(run(world, at=later(seconds=7))) == 1
    ids = {headers["webhook-id"] for _path, headers, _body in Receiver.seen}
    assert len(ids) == 1
    assert len(Receiver.seen) == 2


def test_after_the_last_try_it_is_given_up_and_can_be_sent_by_hand(world, hook):
    hook("/down")
    tell(world)
    for day in range(webhooks.TRIES + 3):
        run(world, at=later(days=2 * day))
    message = WebhookMessage.objects.get()
    assert message.state == webhooks.State.GIVEN_UP
    assert message.attempts.count() == webhooks.TRIES
    at = later(days=90)
    WebhookEndpoint.objects.update(url=message.endpoint.url.replace("down", "good"))
    webhooks.redeliver(message=message, by=world.adam, at=at)
    with pytest.raises(webhooks.CannotChange, match="waits"):
        webhooks.redeliver(message=message, by=world.adam, at=at)
    assert [one.status for one in run(world, at=at)] == [204]


def test_the_page_of_a_disabled_endpoint_says_why_and_what_waits(world, hook):
    row, _secret = hook("/down")
    tell(world)
    for hour in range(20):
        run(world, at=later(hours=hour * 30))
        tell(world, at=later(hours=hour * 30))
    client = Client(headers={"accept-language": "de"})
    client.force_login(world.adam)
    page = client.get(f"/webhooks/{row.pk}/").content.decode()
    assert "zu oft hintereinander" in page
    assert "sobald er eingeschaltet ist" in page
    assert "1 frühere" in page
    assert "zu oft hintereinander" in client.get("/webhooks/").content.decode()


def test_an_endpoint_that_only_fails_is_disabled_and_somebody_is_told(world, hook):
    endpoint, _secret = hook("/down")
    for _ in range(webhooks.FAILURES_ALLOWED):
        tell(world)
    run(world)
    tell(world)
    assert run(world, at=later(days=1)) == []
    told = Notification.objects.filter(recipient=world.adam)
    assert told.get().subject == "The webhook SIEM /down is disabled"
    WebhookEndpoint.objects.update(url=endpoint.url.replace("down", "good"))
    webhooks.enable(endpoint=endpoint, by=world.adam, at=later(days=2))
    made = run(world, at=later(days=2))
    # All that waited, what was told meanwhile, and that it was disabled.
    assert len(made) == webhooks.FAILURES_ALLOWED + 2


def test_an_address_that_became_an_inner_one_is_not_called(world, hook, settings):
    hook()
    tell(world)
    settings.FREIGABE_WEBHOOK_ALLOW = []
    (attempt,) = run(world)
    assert attempt.status is None
    assert "not public" in attempt.problem
    assert Receiver.seen == []


def test_only_an_administrator_registers_and_never_an_inner_address(world, hook):
    with pytest.raises(roles.NotAllowed):
        webhooks.register(
            name="x", url="https://a.example", kinds=[], by=world.rita, at=NOW
        )
    with pytest.raises(Refused, match="not public"):
        webhooks.register(
            name="x", url="http://10.0.0.1/", kinds=[], by=world.adam, at=NOW
        )
    hook()
    with pytest.raises(AlreadyRegistered):
        hook()


def test_the_secret_is_sealed_in_the_table_and_for_its_own_endpoint(world, hook):
    (row, secret), (other, _secret) = hook(), hook("/down")
    assert secret not in row.secret
    assert sealing.unseal(row.secret, about=str(row.pk)) == secret
    with pytest.raises(sealing.CannotOpen):
        sealing.unseal(row.secret, about=str(other.pk))


@pytest.mark.parametrize("planted", ["whsec_" + "A" * 43 + "=", "", "x", "other"])
def test_what_is_not_sealed_for_the_endpoint_signs_nothing(world, hook, planted):
    row, _secret = hook()
    if planted == "other":
        planted = sealing.seal("whsec_AAAA", about="somebody else")
    WebhookEndpoint.objects.filter(pk=row.pk).update(secret=planted)
    tell(world)
    (attempt,) = run(world)
    assert (attempt.status, Receiver.seen) == (None, [])
    assert "sealed with another key" in attempt.problem
    assert WebhookMessage.objects.get().state == WebhookMessage.State.WAITING


def test_a_changed_key_of_the_installation_still_signs_as_a_former_one(
    world, hook, settings
):
    hook()
    old, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 60
    settings.SECRET_KEY_FALLBACKS = [old]
    tell(world)
    assert [one.status for one in run(world)] == [204]


SEALING = import_module("governance.migrations.0026_sealed_webhooks")
EDITOR = SimpleNamespace(connection=connection)


def test_the_migration_seals_what_is_there_once(world, hook):
    row, secret = hook()
    plain = "whsec_" + base64.b64encode(b"k" * 32).decode()
    WebhookEndpoint.objects.filter(pk=row.pk).update(secret=plain)
    for _ in range(2):
        SEALING.seal_secrets(apps, EDITOR)
    row.refresh_from_db()
    assert sealing.unseal(row.secret, about=str(row.pk)) == plain != secret
    tell(world)
    assert [one.status for one in run(world)] == [204]


def test_the_migration_refuses_another_key_than_the_installations(
    world, hook, settings
):
    row, _secret = hook()
    sealed, _other = hook("/down")
    WebhookEndpoint.objects.filter(pk=row.pk).update(secret="whsec_AAAA")
    settings.SECRET_KEY = "n" * 60
    with pytest.raises(ImproperlyConfigured, match="FREIGABE_SECRET_KEY"):
        SEALING.seal_secrets(apps, EDITOR)
    row.refresh_from_db()
    assert row.secret == "whsec_AAAA"
