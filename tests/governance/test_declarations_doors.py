"""Declarations through the API and on pages."""

import pytest

from governance import access
from governance.declarable import KINDS
from governance.models import Declaration
from tests.world import NOW, PASSWORD, World

pytestmark = pytest.mark.django_db
SCREENING = {
    "practices": ["a", "b"],
    "prohibited": False,
    "reason": "It decides about credit only.",
}


@pytest.fixture
def world():
    made = World()
    made.model()
    return made


def call(client, world, username):
    _row, secret = access.issue_token(
        name="t", user=world.people[username], by=access.system_user(), at=NOW
    )
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


def post(client, headers, **body):
    return client.post(
        "/api/v1/declarations", body, content_type="application/json", **headers
    )


def test_a_person_declares_through_the_api_and_reads_it_again(client, world):
    headers = call(client, world, "cora")
    answer = post(
        client,
        headers,
        kind="prohibited_practice_screening",
        model="mortgage-approval",
        fields=SCREENING,
        password=PASSWORD,
    )
    assert answer.status_code == 201, answer.content
    again = client.get(answer.json()["url"], **headers).json()
    assert again["fields"] == SCREENING
    listed = client.get(
        "/api/v1/declarations?kind=prohibited_practice_screening", **headers
    ).json()
    assert [row["id"] for row in listed] == [again["id"]]


def test_a_wrong_field_is_answered_with_its_pointer(client, world):
    answer = post(
        client,
        call(client, world, "cora"),
        kind="prohibited_practice_screening",
        model="mortgage-approval",
        fields={**SCREENING, "practices": []},
        password=PASSWORD,
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/fields/practices"


def test_who_may_not_declare_is_refused(client, world):
    answer = post(
        client,
        call(client, world, "ben"),
        kind="prohibited_practice_screening",
        model="mortgage-approval",
        fields=SCREENING,
        password=PASSWORD,
    )
    assert answer.status_code == 403
    assert not Declaration.objects.exists()


def test_the_kinds_come_with_the_schema_of_their_fields(client, world):
    kinds = client.get("/api/v1/declaration-kinds", **call(client, world, "ben")).json()
    assert len(kinds) == 63
    assert all(kind["schema"]["properties"] for kind in kinds)


def test_the_form_of_a_page_follows_from_the_kind(client, world):
    client.force_login(world.cora)
    page = "/declarations/model/mortgage-approval/prohibited_practice_screening"
    shown = client.get(page).content.decode()
    assert 'name="field_practices"' in shown
    answer = client.post(
        page,
        {
            "field_practices": ["a", "b"],
            "field_prohibited": "no",
            "field_reason": "Credit only.",
            "user_name": "cora",
            "password": PASSWORD,
        },
    )
    assert answer.status_code == 302, answer.content.decode()
    row = Declaration.objects.get()
    assert row.fields["prohibited"] is False
    assert "Credit only." in client.get(answer.url).content.decode()
    listed = client.get("/declarations/model/mortgage-approval/").content.decode()
    assert f"/declarations/{row.pk}/" in listed


def test_a_page_shows_what_is_wrong_beside_its_field(client, world):
    client.force_login(world.cora)
    page = "/declarations/model/mortgage-approval/prohibited_practice_screening"
    answer = client.post(
        page,
        {
            "field_practices": ["a"],
            "field_prohibited": "no",
            "field_reason": "Yes.",
            "user_name": "cora",
            "password": "wrong",
        },
    )
    assert answer.status_code == 200
    assert not Declaration.objects.exists()


def test_every_kind_has_a_form(client, world):
    client.force_login(world.rita)
    listed = client.get("/declarations/installation/all/")
    assert listed.status_code == 200
    assert client.get("/declarations/planet/earth/").status_code == 404
    for kind in KINDS.values():
        key = {
            "model": "mortgage-approval",
            "installation": "all",
        }.get(kind.about[0])
        if key is None:
            continue
        address = f"/declarations/{kind.about[0]}/{key}/{kind.name}"
        assert client.get(address).status_code == 200, kind.name
