"""MLflow tells what changed: proved, of now, once; and it is asked again."""

import base64
import hashlib
import hmac
import json
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from governance import reconciliation, sealing, tasks
from governance.ingest import mlflow
from governance.models import DeploymentSource, Notification, RegistryEvent, Sighting
from governance.records import Refused
from registry.models import ModelVersion, Role
from tests.governance.callers import PROBLEM
from tests.governance.reconciling import configured, look
from tests.governance.test_pages import INLINE, as_
from tests.world import NOW, later

ADDRESS = "/api/v1/mlflow/webhook"
ALIAS = {"name": "mortgage-approval", "alias": "champion", "version": "2"}
# As mlflow/webhooks/types.py has them.
CREATED = {
    "name": "mortgage-approval",
    "version": "7",
    "source": "models:/m-1",
    "run_id": None,
    "tags": {},
    "description": None,
}


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.FREIGABE_SOURCES_ALLOW = ["127.0.0.0/8"]


@pytest.fixture
def heard(world, registry, clock):
    """A registry of ours that is listened to: its source, and its secret."""
    row = configured(world, registry, kind="mlflow", places=["champion"])
    return reconciliation.listen(source=row, by=world.ola, at=NOW)


def body(entity="model_version_alias", action="created", data=ALIAS, **more) -> bytes:
    """As mlflow/webhooks/delivery.py writes it."""
    told = {"entity": entity, "action": action, "timestamp": NOW.isoformat()}
    return json.dumps({**told, "data": data, **more}).encode()


def signed(secret: str, raw: bytes, at=NOW, delivery: str = "") -> dict[str, str]:
    delivery = delivery or str(uuid.uuid4())
    stamp = str(int(at.timestamp()))
    said = f"{delivery}.{stamp}.".encode() + raw
    mac = hmac.new(secret.encode(), said, hashlib.sha256).digest()
    return {
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": stamp,
        "X-MLflow-Signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def post(headers: dict[str, str], raw: bytes):
    return Client(headers=headers).post(ADDRESS, raw, "application/json")


def test_an_alias_that_moved_makes_its_source_due_at_once(world, heard, registry):
    row, secret = heard
    look(row, later(minutes=-1))
    DeploymentSource.objects.update(asked_at=None)
    assert reconciliation.due(at=NOW) == []
    raw = body()
    answer = post(signed(secret, raw), raw)
    assert answer.status_code == 200, answer.content
    assert reconciliation.due(at=NOW) == [row]
    registry.aliases = {("mortgage-approval", "champion"): "2"}
    tasks.pull_deployments()
    assert Sighting.objects.get().place == "mortgage-approval@champion"
    kept = RegistryEvent.objects.get()
    assert (kept.alias, kept.version, kept.source) == ("champion", "2", row)


def test_so_does_the_tag_that_says_the_digest_and_no_other_tag(heard):
    row, secret = heard
    look(row, later(minutes=-1))
    DeploymentSource.objects.update(asked_at=None)
    for key, due in (("owner", []), ("freigabe.digest", [row])):
        data = {"name": "m", "version": "1", "key": key, "value": "x"}
        raw = body("model_version_tag", "set", data)
        assert post(signed(secret, raw), raw).status_code == 200
        assert reconciliation.due(at=NOW) == due


def test_every_source_of_the_registry_is_due_and_no_other(world, heard, registry):
    first, secret = heard
    second = configured(
        world, registry, kind="mlflow", places=["challenger"], name="challengers"
    )
    for row in (first, second):
        look(row, later(minutes=-1))
    DeploymentSource.objects.update(asked_at=None)
    raw = body()
    post(signed(secret, raw), raw)
    assert {row.pk for row in reconciliation.due(at=NOW)} == {first.pk, second.pk}


def test_a_new_version_is_suggested_once_and_never_registered(world, heard, caller):
    world.model()
    _row, secret = heard
    for _ in range(2):
        raw = body("model_version", "created", CREATED, workspace="default")
        assert post(signed(secret, raw), raw).status_code == 200
    told = Notification.objects.filter(announcement__kind="version.suggested")
    assert {one.recipient.username for one in told} == {"anna", "ben"}
    assert told.count() == 2
    assert "version 7" in told[0].subject
    assert not ModelVersion.objects.exists()
    listed = caller(user="rita").get("mlflow/events").json()
    assert [one["suggests"] for one in listed] == [True, True]
    assert caller(Role.CI, models_pattern="m*").get("mlflow/events").status_code == 403


def test_what_is_registered_or_unknown_is_not_suggested(world, heard):
    world.version(world.model(), "7")
    _row, secret = heard
    for name in ("mortgage-approval", "elsewhere"):
        raw = body("model_version", "created", CREATED | {"name": name})
        assert post(signed(secret, raw), raw).status_code == 200
    assert RegistryEvent.objects.count() == 2
    assert not Notification.objects.filter(
        announcement__kind="version.suggested"
    ).exists()


def refused(answer, status: int) -> None:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == PROBLEM
    assert not RegistryEvent.objects.exists()


def test_what_is_not_signed_with_the_secret_is_nobodys(heard):
    _row, secret = heard
    raw = body()
    good = signed(secret, raw)
    refused(post({}, raw), 401)
    refused(post(signed(secret + "x", raw), raw), 401)
    refused(post(good, raw + b" "), 401)
    for name, value in (
        ("X-MLflow-Delivery-Id", "another"),
        ("X-MLflow-Delivery-Id", "a b"),
        ("X-MLflow-Timestamp", str(int(NOW.timestamp()) + 1)),
        ("X-MLflow-Timestamp", "9" * 40),
        ("X-MLflow-Timestamp", "١٢٣"),
        ("X-MLflow-Signature", ""),
        ("X-MLflow-Signature", good["X-MLflow-Signature"].replace("v1,", "v2,")),
        ("X-MLflow-Signature", good["X-MLflow-Signature"].removeprefix("v1,")),
        ("X-MLflow-Signature", "v1,é"),
    ):
        headers = good | {name: value}
        # A header is ASCII on the wire; what is not comes as bytes in Latin-1.
        headers = {k: v.encode().decode("latin-1") for k, v in headers.items()}
        refused(post(headers, raw), 401)
    assert post(good, raw).status_code == 200


def test_nothing_is_genuine_when_nobody_is_listened_to(world, registry, clock):
    row = configured(world, registry, kind="mlflow", places=["champion"])
    raw = body()
    for guess in ("", row.secret, "mlflow"):
        refused(post(signed(guess, raw), raw), 401)


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (6, 401), (-4, 200)])
def test_what_is_old_or_of_tomorrow_is_refused(heard, minutes, status):
    raw = body()
    at = later(minutes=minutes)
    assert post(signed(heard[1], raw, at), raw).status_code == status


def test_a_delivery_counts_once(heard):
    _row, secret = heard
    raw = body()
    headers = signed(secret, raw)
    assert post(headers, raw).status_code == 200
    DeploymentSource.objects.update(asked_at=None)
    answer = post(headers, raw)
    assert (answer.status_code, RegistryEvent.objects.count()) == (409, 1)
    assert DeploymentSource.objects.get().asked_at is None
    other = body(action="deleted", data={"name": "m", "alias": "champion"})
    again = signed(secret, other, delivery=headers["X-MLflow-Delivery-Id"])
    assert post(again, other).status_code == 409


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"\xff",
        b"{" * 100_000,
        b"[" * 100_000,
        body(data="x"),
        body(data={}),
        body(data={"name": "a\x00b"}),
        body(data={"name": "a\nb"}),
        body(data={"name": ["a"]}),
        body(data={"name": "a" * 301}),
        body(data={"name": "a", "version": {}}),
        body(data={"name": "\ud800"}),
        body(entity="Model Version"),
        body(action=None),
    ],
)
def test_what_a_registry_cannot_mean_is_refused(heard, raw):
    refused(post(signed(heard[1], raw), raw), 422)


def test_more_than_a_mebibyte_is_not_read(heard):
    raw = body(data=ALIAS | {"more": "x" * mlflow.LARGEST})
    refused(post(signed(heard[1], raw), raw), 413)


def test_an_unknown_event_is_kept_and_does_nothing(heard):
    raw = body("prompt", "created", {"name": "greeting", "template": "<b>"})
    assert post(signed(heard[1], raw), raw).status_code == 200
    assert RegistryEvent.objects.get().entity == "prompt"


def test_a_new_secret_ends_the_one_before_and_the_end_ends_all(world, heard):
    row, old = heard
    row, new = reconciliation.listen(source=row, by=world.ola, at=NOW)
    raw = body()
    refused(post(signed(old, raw), raw), 401)
    assert post(signed(new, raw), raw).status_code == 200
    reconciliation.end(source=row, reason="Moved.", by=world.ola, at=NOW)
    row.refresh_from_db()
    assert row.webhook_secret == ""
    assert post(signed(new, raw), raw).status_code == 401


def test_the_secret_is_sealed_for_this_use_of_this_source(heard, settings):
    row, secret = heard
    assert secret not in row.webhook_secret
    opened = sealing.unseal(row.webhook_secret, about=f"{row.pk} webhook")
    assert opened == secret
    with pytest.raises(sealing.CannotOpen):
        sealing.unseal(row.webhook_secret, about=str(row.pk))
    # Put into the column by hand, in plain or sealed for something else, it is none.
    raw = body()
    for planted in ("plain", sealing.seal("plain", about=str(row.pk)), row.secret):
        DeploymentSource.objects.update(webhook_secret=planted)
        refused(post(signed("plain", raw), raw), 401)


def test_only_mlflow_and_only_who_configures_sources(world, registry, caller, clock):
    row = configured(world, registry, kind="mlflow", places=["champion"])
    path = f"deployment-sources/{row.pk}/webhook-secret"
    assert caller(user="rita").post(path, {}).status_code == 403
    assert caller(Role.CI).post(path, {}).status_code == 403
    answer = caller(user="ola").post(path, {})
    raw = body()
    told = answer.json()
    assert told["listens"] is True
    assert post(signed(told["webhook_secret"], raw), raw).status_code == 200
    assert told["webhook_secret"] not in str(
        caller(user="ola").get("deployment-sources").content
    )
    other = configured(world, registry, name="cluster")
    with pytest.raises(Refused):
        reconciliation.listen(source=other, by=world.ola, at=NOW)


def test_the_page_shows_the_secret_once_and_what_was_told(world, heard):
    row, _secret = heard
    client, address = as_(world.ola), reverse("web:source", args=[row.pk])
    shown = client.post(reverse("web:listen", args=[row.pk])).content.decode()
    found = re.search(r"shown only now:\s*<code>([^<]+)</code>", shown)
    assert found
    raw = body("model_version", "created", CREATED | {"name": "<script>x</script>"})
    assert post(signed(found[1], raw), raw).status_code == 200
    after = client.get(address).content.decode()
    assert found[1] not in after
    assert "&lt;script&gt;x&lt;/script&gt;" in after
    assert not INLINE.search(after)
    assert as_(world.rita).post(reverse("web:listen", args=[row.pk])).status_code == 403
