"""schemathesis over the whole OpenAPI: no 5xx, and every answer as the schema says."""

import hypothesis
import pytest
import requests
import schemathesis
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.governance.callers import Caller
from tests.governance.test_api_fuzz import everybody, known

__all__ = ["everybody", "known"]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def operations():
    """Every operation of our own schema."""
    document = Client().get("/api/v1/schema?format=json").json()
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


def answered(case: schemathesis.Case, everybody: Caller) -> schemathesis.Response:
    """Send the case through Django's own client, inside the test's transaction."""
    told = case.as_transport_kwargs(base_url="http://testserver")
    known = ("method", "url", "params", "json", "data", "files", "headers", "cookies")
    sent = requests.Request(**{k: v for k, v in told.items() if k in known}).prepare()
    body = sent.body or b""
    got = everybody.client.generic(
        sent.method,
        sent.path_url,
        body.encode() if isinstance(body, str) else body,
        sent.headers.get("Content-Type", ""),
    )
    return schemathesis.Response(
        status_code=got.status_code,
        headers={name.lower(): [value] for name, value in got.headers.items()},
        content=b"".join(got.streaming_content) if got.streaming else got.content,
        request=sent,
        elapsed=0.0,
        verify=False,
    )


@pytest.mark.parametrize(
    "examples",
    [3, pytest.param(300, marks=[pytest.mark.soak, pytest.mark.timeout(0)], id="soak")],
)
def test_every_answer_is_what_the_schema_says(operations, known, everybody, examples):
    troubles = []
    assert len(operations) > 100
    for operation in operations:

        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=examples < 10,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), data=st.data())
        def ask(case, data):
            for name in case.path_parameters or {}:
                if name in known and data.draw(st.booleans()):
                    case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
            with transaction.atomic():
                try:
                    case.validate_response(answered(case, everybody), checks=CHECKS)
                finally:
                    transaction.set_rollback(True)

        try:
            ask()
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - told below
            troubles.append(f"{operation.label}: {error}")
    assert troubles == [], "\n".join(troubles)[:20_000]


def test_a_number_that_no_passkey_can_sign_is_refused_in_words(everybody):
    body = {"kind": "review", "model": "mortgage-approval", "outcome": "fit"}
    body |= {"text": "Fit.", "step_up": "43c57635-eebe-42f5-bda5-d3dcddab4b85"}
    answer = everybody.post("reviews", body | {"more": [2**60]})
    assert answer.status_code == 422
    assert "beyond 2^53" in answer.json()["errors"][0]["detail"]
