"""The pages that tell all calls of the API."""

import copy
import json
import shlex

import jsonschema
import pytest
from django.test import Client

from governance import preferences
from tests.world import NOW

DOCS = "/api/v1/docs"


@pytest.fixture(scope="module")
def document():
    return Client().get("/api/v1/schema?format=json").json()


@pytest.fixture
def taken(document):
    """The schemas as they hold for what is sent: nobody sends what is read only."""
    schemas = copy.deepcopy(document["components"]["schemas"])
    for schema in schemas.values():
        fields = schema.get("properties", {})
        needed = schema.get("required", ())
        schema["required"] = [one for one in needed if not fields[one].get("readOnly")]
    return schemas


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def words_of(page):
    """The words of the example as a shell takes them."""
    return shlex.split(page.context["call"].example.replace("\\\n", " "))


def test_every_call_is_listed_and_leads_to_its_page(document):
    page = Client().get(DOCS).content.decode()
    number = 0
    for path, method, operation in operations(document):
        key = operation["operationId"]
        assert f'href="{DOCS}/{key}"><code>{method} {path}</code>' in page
        shown = Client().get(f"{DOCS}/{key}")
        assert shown.status_code == 200
        for parameter in operation.get("parameters", ()):
            assert f"<code>{parameter['name']}</code>" in shown.content.decode()
        number += 1
    assert number > 200
    assert f"{number} calls" in page


def test_every_example_sends_what_the_schema_takes(document, taken):
    found = 0
    for path, _method, operation in operations(document):
        page = Client().get(f"{DOCS}/{operation['operationId']}")
        words = words_of(page)
        assert words[0] == "curl"
        assert words[-1].split("?")[0].count("/") == f"http://h{path}".count("/")
        # curl refuses both at once.
        bodies = [word for word in ("-d", "-F") if word in words]
        assert len(bodies) == ("requestBody" in operation)
        if "-d" not in words:
            continue
        sent = operation["requestBody"]["content"]["application/json"]["schema"]
        schema = sent | {"components": {"schemas": taken}}
        jsonschema.validate(json.loads(words[words.index("-d") + 1]), schema)
        found += 1
    assert found > 100


def test_examples_of_uploads_send_a_file(document):
    uploads = [
        operation["operationId"]
        for _path, _method, operation in operations(document)
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]
    assert set(uploads) == {
        "artifacts_create",
        "datasets_versions_create",
        "models_versions_attachments_create",
    }
    for key in uploads:
        words = words_of(Client().get(f"{DOCS}/{key}"))
        assert words[words.index("file=@FILE") - 1] == "-F"


def test_a_call_tells_fields_inside_lists_and_leaves_passwords_out_of_answers(document):
    version = Client().get(f"{DOCS}/models_versions_create").content.decode()
    assert "<code>artifacts[].sha256</code>" in version
    assert "maxLength" in version
    signed = Client().get(f"{DOCS}/approval_requests_signatures_create")
    call = signed.context["call"]
    assert "password" in [field.name for field in call.sent[0].fields]
    answered = [field.name for body in call.answers[0].bodies for field in body.fields]
    assert answered
    assert "password" not in answered


def test_calls_are_searched_by_address_and_by_what_they_do():
    page = Client().get(f"{DOCS}?q=BREAK-glass").content.decode()
    assert "break-glass/" in page
    assert "/api/v1/gate<" not in page
    assert "No call speaks of" in Client().get(f"{DOCS}?q=<zzz>").content.decode()


def test_an_unknown_call_is_not_found_and_nothing_is_posted_here():
    assert Client().get(f"{DOCS}/nothing").status_code == 404
    assert Client().post(DOCS).status_code == 405


def test_the_pages_speak_the_language_of_the_person(world):
    preferences.prefer(language="de", time_zone="", by=world.vera, at=NOW)
    browser = Client()
    browser.force_login(world.vera)
    for address in (DOCS, f"{DOCS}/models_list"):
        page = browser.get(address).content.decode()
        assert '<html lang="de">' in page
        assert "Aufrufe der API" in page
        assert "Vera Haas" in page
