"""The owner attests a model of the lowest tier, where every pack in force lets them."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import access, approvals, policy, roles
from governance.models import Authorisation
from governance.policy import SHIPPED
from governance.web import worklist
from tests.governance.pack_stage import only
from tests.governance.test_approvals import sign, submit
from tests.governance.test_light_pack import complete
from tests.world import PASSWORD, later, log_verified

pytestmark = pytest.mark.django_db


@pytest.fixture
def light():
    log_verified()
    return only("startup-light")


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: later(hours=1))


def page_of(request):
    return reverse("web:approval", args=[request.pk])


def as_(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_the_owner_attests_a_tier_4_model_by_the_act(light):
    request = submit(light, complete(light, likelihood=1, impact=1))
    sign(request, light.anna, "approval")
    assert Authorisation.objects.get().request == request


def test_the_owner_is_offered_it_in_the_worklist_and_on_the_page(light):
    request = submit(light, complete(light, likelihood=1, impact=1))
    assert [w.request for w in worklist.waiting_for(light.anna)] == [request]
    client = as_(light.anna)
    assert (
        "I, Anna Lindqvist, acting as" in client.get(page_of(request)).content.decode()
    )
    said = {"meaning": "approval", "user_name": "anna", "password": PASSWORD}
    assert client.post(page_of(request), said).status_code == 302
    assert Authorisation.objects.get().request == request


def test_in_tier_3_the_owner_attests_nothing(light):
    request = submit(light, complete(light, likelihood=2, impact=3))
    with pytest.raises((approvals.SameHand, roles.NotAllowed)):
        sign(request, light.anna, "approval")
    assert not worklist.waiting_for(light.anna)


def test_one_pack_that_does_not_allow_it_is_enough_to_forbid_it(light):
    text = (SHIPPED / "first-policy.yaml").read_text("utf-8")
    text = text.replace("first-policy", "house-policy")
    policy.publish(text=text, by=access.system_user(), at=later(seconds=-1))
    request = submit(light, complete(light, likelihood=1, impact=1))
    with pytest.raises((approvals.SameHand, roles.NotAllowed)):
        sign(request, light.anna, "approval")
    assert not worklist.waiting_for(light.anna)


def test_nobody_but_the_owner_attests(light):
    request = submit(light, complete(light, likelihood=1, impact=1))
    with pytest.raises((approvals.SameHand, roles.NotAllowed)):
        sign(request, light.ben, "approval")
    assert not worklist.waiting_for(light.ben)
