"""Notifications, webhooks and people by page and by call."""

import pytest
from django.test import Client
from django.urls import reverse

from governance import notifications, sealing
from governance.models import (
    CredentialReset,
    Notification,
    NotificationWish,
    PersonIdentity,
    PersonLink,
    WebhookEndpoint,
    WebhookMessage,
)
from tests.governance.callers import pointers
from tests.governance.evidence_stage import PDF
from tests.governance.test_attaching_pages import file
from tests.governance.test_pages import INLINE, as_
from tests.world import NOW, PASSWORD


def tell(world, person):
    return notifications.tell(
        to=[person], subject="A waiver ends", text="Soon.", link="/models/", at=NOW
    )


def test_the_frame_counts_and_the_page_marks(world):
    tell(world, world.rita)
    tell(world, world.rita)
    client = as_(world.rita)
    page = client.get("/notifications/").content.decode()
    assert '<span class="count hot">2</span>' in page
    assert not INLINE.search(page)
    one = Notification.objects.filter(recipient=world.rita).first()
    client.post("/notifications/read", {"id": str(one.pk)})
    assert '<span class="count hot">1</span>' in client.get("/models/").content.decode()
    client.post("/notifications/read")
    assert "count hot" not in client.get("/notifications/").content.decode()


def test_nobody_marks_what_others_were_told(world, caller):
    tell(world, world.rita)
    one = Notification.objects.get()
    as_(world.cora).post("/notifications/read", {"id": str(one.pk)})
    answer = caller(user="cora").post(
        "notifications/read", {"notifications": [str(one.pk)]}
    )
    assert answer.json() == {"marked": 0}
    assert len(notifications.unread(world.rita)) == 1


def test_one_reads_and_marks_by_call(world, caller):
    tell(world, world.rita)
    rita = caller(user="rita")
    (one,) = rita.get("notifications?unread=1").json()
    assert (one["subject"], one["read_at"]) == ("A waiver ends", None)
    rita.post("notifications/read", {"notifications": [one["id"]]})
    assert rita.get("notifications?unread=1").json() == []
    assert rita.get("notifications").json()[0]["read_at"]


def test_how_one_is_told_is_kept(world, caller):
    as_(world.rita).post("/notifications/wish", {"language": "de", "digest": "weekly"})
    kept = NotificationWish.objects.get(person=world.rita)
    assert (kept.language, kept.digest) == ("de", "weekly")
    answer = caller(user="cora").post(
        "notifications/wish", {"language": "xx", "digest": "hourly"}
    )
    assert pointers(answer) == ["/language", "/digest"]


@pytest.fixture
def allowed(settings):
    settings.FREIGABE_WEBHOOK_ALLOW = ["127.0.0.0/8"]


def test_a_webhook_is_registered_switched_and_looked_at(world, allowed):
    client = as_(world.adam)
    form = {"name": "SIEM", "url": "http://127.0.0.1:9/", "kinds": "a.b c.d"}
    page = client.post("/webhooks/", form).content.decode()
    row = WebhookEndpoint.objects.get()
    secret = sealing.unseal(row.secret, about=str(row.pk))
    assert secret in page
    later = client.get("/webhooks/").content.decode()
    assert secret not in later
    assert row.secret not in page + later
    assert row.kinds == ["a.b", "c.d"]
    switch = reverse("web:switch_webhook", args=[row.pk])
    refused = client.post(switch, {"reason": "Noisy.\x00"}).content.decode()
    assert "Null characters are not allowed." in refused
    assert "Noisy." in refused
    row.refresh_from_db()
    assert row.disabled_at is None
    client.post(switch, {"reason": "Noisy."})
    assert "Noisy." in client.get(f"/webhooks/{row.pk}/").content.decode()
    client.post(switch)
    row.refresh_from_db()
    assert row.disabled_at is None
    page = client.post(f"/webhooks/{row.pk}/secret").content.decode()
    row.refresh_from_db()
    assert secret != sealing.unseal(row.secret, about=str(row.pk)) in page


def test_a_webhook_into_our_network_is_refused_beside_its_field(world, caller):
    body = {"name": "SIEM", "url": "http://169.254.169.254/"}
    # An administrator's token is asked for, and given.
    answer = caller(user="adam").post("webhooks", body)
    assert (answer.status_code, pointers(answer)) == (422, ["/url"])
    page = as_(world.adam).post("/webhooks/", {**body, "kinds": ""})
    assert "not public" in page.content.decode()
    assert caller(user="rita").post("webhooks", body).status_code == 403
    assert as_(world.rita).get("/webhooks/").status_code == 403


def test_every_act_on_webhooks_has_a_call(world, caller, allowed):
    adam = caller(user="adam")
    made = adam.post("webhooks", {"name": "SIEM", "url": "http://127.0.0.1:9/"})
    assert made.json()["secret"].startswith("whsec_")
    (listed,) = adam.get("webhooks").json()
    assert "secret" not in listed
    path = f"webhooks/{listed['id']}"
    assert adam.post(f"{path}/enable", {}).status_code == 409
    assert adam.post(f"{path}/disable", {"reason": "x"}).json()["disabled_at"]
    assert adam.post(f"{path}/enable", {}).status_code == 200
    row = WebhookEndpoint.objects.get()
    told = adam.post(f"{path}/secret", {}).json()["secret"]
    assert caller(user="rita").post(f"{path}/secret", {}).status_code == 403
    assert told not in (made.json()["secret"], row.secret)
    message = WebhookMessage.objects.create(
        endpoint=row,
        announcement=tell(world, world.rita),
        tries_left=1,
        queued_at=NOW,
        due_at=NOW,
    )
    assert adam.get(f"{path}/messages").json()[0]["state"] == "waiting"
    again = f"webhook-messages/{message.pk}/redelivery"
    assert adam.post(again, {}).status_code == 409
    WebhookMessage.objects.update(state="given-up")
    assert adam.post(again, {}).json()["state"] == "waiting"
    assert caller(user="rita").post(again, {}).status_code == 403


def test_people_are_told_apart_by_page(world):
    client = as_(world.adam)
    address = f"/people/{world.vera.pk}/"
    facts = {"act": "identity", "kind": "subject", "issuer": "", "value": "s-1"}
    assert "Say whose identifier" in client.post(address, facts).content.decode()
    client.post(address, {**facts, "issuer": "https://idp.example"})
    row = PersonIdentity.objects.get(value="s-1")
    end = reverse("web:end_identity", args=[row.pk])
    client.post(end, {"reason": ""})
    refused = client.post(end, {"reason": "Mixed up.\x00"}).content.decode()
    assert "Null characters are not allowed." in refused
    assert "Mixed up." in refused
    row.refresh_from_db()
    assert row.ended_by is None
    client.post(end, {"reason": "Mixed up."})
    row.refresh_from_db()
    assert row.ended_by == world.adam
    said = {"act": "link", "second": "carl", "same": "no", "reason": "Seen both."}
    client.post(address, said)
    assert not PersonLink.objects.exists()
    as_(world.cora).post(address, said)
    assert PersonLink.objects.get().declared_by == world.cora
    assert not INLINE.search(client.get(address).content.decode())
    assert as_(world.ben).get(address).status_code == 403


def test_people_are_listed_with_their_roles(world):
    page = as_(world.adam).get("/people/").content.decode()
    row = page.split(">vera</a>", 1)[1].split("</tr>", 1)[0]
    assert "Validator" in row


def test_who_is_refused_finds_the_way_back(world):
    for address, person in (("/people/", world.ben), ("/nowhere/", world.adam)):
        page = as_(person).get(address).content.decode().split("<main", 1)[1]
        assert 'href="/">To your first page' in page


def test_credentials_are_reset_by_one_and_proved_by_another(world):
    address = f"/people/{world.vera.pk}/"
    as_(world.adam).post(address, {"act": "reset", "reason": "Forgot."})
    reset = CredentialReset.objects.get()
    own = as_(world.adam).post(address, {"act": "prove", "seen": "Pass."})
    assert "It takes a second person" in own.content.decode()
    page = as_(world.cora).post(address, {"act": "prove", "seen": "Staff pass."})
    assert "Hand this password over" in page.content.decode()
    assert reset.identity_proof.proved_by == world.cora
    assert "Hand this" not in as_(world.cora).get(address).content.decode()


def test_every_act_on_people_has_a_call(world, caller):
    adam, cora = caller(user="adam"), caller(user="cora")
    known = adam.post(
        "person-identities",
        {"user": "vera", "kind": "email", "value": "Vera+x@Bank.example"},
    ).json()
    assert known["value"] == "vera@bank.example"
    end = f"person-identities/{known['id']}/end"
    assert adam.post(end, {"reason": "x"}).json()["ended_by"] == "adam"
    wrong = {"user": "vera", "kind": "subject", "value": "1"}
    assert pointers(adam.post("person-identities", wrong)) == ["/issuer"]
    body = {"first": "vera", "second": "carl", "same": True, "reason": "One man."}
    assert adam.post("person-links", body).status_code == 403
    assert cora.post("person-links", body).json()["same"] is True
    body = {"user": "vera", "reason": "Forgot."}
    made = adam.post("credential-resets", body).json()
    proof = f"credential-resets/{made['id']}/identity-proof"
    assert adam.post(proof, {"seen": "x"}).status_code == 403
    assert cora.post(proof, {"seen": "Pass."}).json()["password"]
    assert cora.post(proof, {"seen": "Pass."}).status_code == 409
    assert len(cora.get("credential-resets").json()) == 1
    assert len(cora.get("person-links").json()) == 1
    assert cora.get("person-identities").status_code == 200
    assert caller(user="ben").get("person-identities").status_code == 403


def test_a_page_asks_for_the_user_name_only_once_in_a_series(world):
    version = world.version(world.model())
    client = Client()
    client.force_login(world.vera)
    address = reverse("web:attach", args=[version.model.slug, version.version])
    fields = {
        "kind": "validation_report",
        "title": "Report",
        "produced_by": "Vera Haas",
        "produced_on": "2026-11-01",
        "password": PASSWORD,
    }
    assert 'name="user_name"' in client.get(address).content.decode()
    without = client.post(address, {**fields, "file": file(PDF, "a.pdf")})
    assert "Sign with your user name, too" in without.content.decode()
    named = {**fields, "user_name": "vera", "file": file(PDF, "a.pdf")}
    assert client.post(address, named).status_code == 302
    assert 'name="user_name"' not in client.get(address).content.decode()
    again = {**fields, "title": "Second", "file": file(PDF, "a.pdf")}
    assert client.post(address, again).status_code == 302
    other = as_(world.vera)
    assert 'name="user_name"' in other.get(address).content.decode()
