"""OpenLineage's doors: what its clients and its specification send, and what hurts."""

import copy
import gzip
import json
import uuid
from collections.abc import Iterator
from functools import cache

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.ingest import openlineage
from governance.models import LineageEvent, LineageName
from registry.models import Role
from tests.governance.callers import PROBLEM, pointers
from tests.governance.doors import schema_file
from tests.governance.lineage_stage import PRODUCER, event, facet, model, named
from tests.world import NOW

SPEC = "openlineage"


def send(client, body: bytes, path="lineage", **headers: str):
    return client.client.post(
        f"/api/v1/{path}", body, content_type="application/json", headers=headers
    )


@pytest.fixture
def ci(caller):
    return caller(Role.CI)


def test_what_the_python_client_sent_is_taken_as_it_is(world, ci):
    sample = schema_file(
        f"{SPEC}/sample_run_event_openlineage-python-1.54.0.json"
    ).read_bytes()
    for raw, headers in (
        (sample, {}),
        (gzip.compress(sample), {"Content-Encoding": "gzip"}),
    ):
        answer = send(ci, raw, **headers)
        assert answer.status_code == 200, answer.content
    kept = LineageEvent.objects.get()
    assert (kept.event_type, kept.job) == ("COMPLETE", "ml/train.credit")
    assert json.loads(kept.document) == json.loads(sample)
    names = {(one.side, one.kind, one.key) for one in kept.names.all()}
    assert names == {
        ("input", "address", "s3://b/train.parquet"),
        ("output", "model", "credit-pd"),
    }


def test_the_list_says_what_became_of_each_name(world, ci, caller):
    world.version(world.model())
    ci.post("lineage", event(inputs=[named("s3://b", "x")], outputs=[model()]))
    from_worker = caller(user="rita").get("lineage").json()
    (row,) = from_worker
    assert {one["state"] for one in row["names"]} == {"waiting"}
    assert row["run_id"] == "d37e971c-09bc-485e-8fbe-c9279a52750a"
    narrow = caller(Role.CI, models_pattern="credit-*")
    assert narrow.get("lineage").json() == []
    narrow.post("lineage", event(run=uuid.uuid4()))
    assert len(narrow.get("lineage").json()) == 1
    assert len(caller(user="rita").get("lineage").json()) == 2


def test_a_repeat_is_the_same_event(ci):
    first, again = (ci.post("lineage", event()).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert LineageEvent.objects.count() == 1


def test_a_batch_keeps_the_good_and_names_the_others(ci):
    good = [event(run=uuid.uuid4()) for _ in range(2)]
    answer = ci.post(
        "lineage/batch", [good[0], 7, event(eventTime="yesterday"), good[1]]
    )
    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == "partial_success"
    assert told["summary"] == {
        "received": 4,
        "successful": 2,
        "failed": 2,
        "retriable": 0,
        "non_retriable": 2,
    }
    assert [one["index"] for one in told["failed_events"]] == [1, 2]
    assert "/eventTime" in told["failed_events"][1]["reason"]
    assert not any(one["retriable"] for one in told["failed_events"])
    assert LineageEvent.objects.count() == 2
    hidden = event(job={"namespace": "n", "name": "a\x00b"}, run=uuid.uuid4())
    answer = ci.post("lineage/batch", [hidden, event(run=uuid.uuid4())])
    assert [one["index"] for one in answer.json()["failed_events"]] == [0]
    assert LineageEvent.objects.count() == 3
    answer = ci.post("lineage/batch", good)
    assert (answer.status_code, answer.content) == (204, b"")
    assert LineageEvent.objects.count() == 3


@pytest.mark.parametrize("body", [{}, "x", None, [0] * 1001])
def test_no_list_or_too_long_a_list_is_no_batch(ci, body):
    assert send(ci, json.dumps(body).encode(), "lineage/batch").status_code == 422


def test_only_who_may_report_and_read(world, caller):
    for path in ("lineage", "lineage/batch"):
        body = event() if path == "lineage" else [event()]
        assert caller(user="rita").post(path, body).status_code == 403
        assert caller(user="adam").post(path, body).status_code == 403
    assert caller(user="adam").get("lineage").status_code == 403
    assert not LineageEvent.objects.exists()


@cache
def of_spec(kind: str = "RunEvent") -> jsonschema_rs.Validator:
    document = json.loads(schema_file(f"{SPEC}/spec/OpenLineage.json").read_bytes())
    document |= {"$ref": f"#/$defs/{kind}"}
    document.pop("oneOf", None)
    return jsonschema_rs.Draft202012Validator(document, validate_formats=True)


BROKEN = {
    "eventTime": event(eventTime="yesterday"),
    "eventType": event(kind="DONE"),
    "run": event(run="x") | {"run": 7},
    "run/runId": event(run="not-a-uuid"),
    "job": event(job=None),
    "job/name": event(job={"namespace": "ml"}),
    "inputs": event() | {"inputs": {}},
    "inputs/0": event(inputs=[7]),
    "outputs/0/namespace": event(outputs=[{"name": "x"}]),
    "producer": event(producer="x y"),
    "schemaURL": event(schemaURL=None),
    "inputs/0/facets/a~1b": event(
        inputs=[{"namespace": "n", "name": "x", "facets": {"a/b": 7}}]
    ),
    "inputs/0/facets/version/_producer": event(
        inputs=[{"namespace": "n", "name": "x", "facets": {"version": {}}}]
    ),
}


@pytest.mark.parametrize("where", BROKEN)
def test_what_the_specification_refuses_is_refused_at_its_place(ci, where):
    assert not of_spec().is_valid(BROKEN[where])
    assert pointers(ci.post("lineage", BROKEN[where])) == [f"/{where}"]
    assert not LineageEvent.objects.exists()


def test_a_run_event_without_its_run_is_no_job_event(ci):
    """The root schema takes it for one (standards.md 2.1)."""
    broken = event()
    del broken["run"]
    assert pointers(ci.post("lineage", broken)) == ["/run"]
    broken["schemaURL"] = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
    assert pointers(ci.post("lineage", broken)) == ["/run"]


def test_every_facet_of_the_specification_is_kept_unchanged(world, ci):
    """Each of upstream's examples, in the place that it belongs to."""
    folder = schema_file(f"{SPEC}/spec/OpenLineage.json").parent / "tests"
    examples = sorted(folder.rglob("*.json"))
    assert len(examples) > 40
    for path in examples:
        facets = {
            name: {"_producer": PRODUCER, "_schemaURL": PRODUCER, **said}
            for name, said in json.loads(path.read_bytes()).items()
            if isinstance(said, dict)
        }
        data = {"namespace": "n", "name": "x", "facets": facets}
        sent = event(inputs=[data], run=uuid.uuid4())
        answer = ci.post("lineage", sent)
        assert answer.status_code == 200, (path, answer.content)
        kept = LineageEvent.objects.get(pk=answer.json()["id"])
        assert json.loads(kept.document) == sent


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"", {}, 422),
        (b"{", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b"[]", {}, 422),
        (b"null", {}, 422),
        (b'{"eventTime": NaN}', {}, 400),
        (b"{}", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0)[:-4], {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"{}", mtime=0) + b"more", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b" " * 200_000_000, 9), {"Content-Encoding": "gzip"}, 413),
        (b" " * (8 * 1024 * 1024 + 1), {}, 413),
        (b"{}", {"Content-Encoding": "br"}, 415),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_keeps_nothing(ci, raw, headers, status):
    answer = send(ci, raw, **headers)
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == PROBLEM
    assert not LineageEvent.objects.exists()


@pytest.mark.parametrize(
    "said",
    [
        event(outputs=[named("n", "x" * 1001)]),
        event(outputs=[named("n", "x")] * 1001),
        event(outputs=[named("n", "x\x00")]),
        event(outputs=[named("n", "\ud800")]),
        event(outputs=[model(sha256="ab")]),
        event(eventTime="2026-11-21T10:00:00"),
        event(eventTime="2026-13-21T10:00:00Z"),
        event(eventTime="0001-01-01T00:00:00+14:00"),
        event(eventTime="9999-12-31T23:59:59-14:00"),
        event(eventTime="9999-12-31T23:59:60Z"),
        event(
            job={"namespace": "n", "name": "x", "facets": {"x": facet(a="y" * 2**20)}}
        ),
    ],
)
def test_hostile_events_are_refused_whole(ci, said):
    answer = send(ci, json.dumps(said).encode())
    assert answer.status_code == 422, answer.content
    assert not LineageEvent.objects.exists()


def test_strange_names_stay_text(world, ci):
    strange = ["<script>", "../../x", "'; DROP TABLE x; --", "\u202eevil", "%s", ""]
    sent = event(outputs=[named("models://" + one, one, one) for one in strange])
    assert ci.post("lineage", sent).status_code == 200
    assert {row.name for row in LineageName.objects.all()} == set(strange)


def test_numbers_that_canonical_json_has_no_place_for_are_kept(ci):
    sent = event(job={"namespace": "n", "name": "x", "facets": {"x": facet(at=2**70)}})
    assert ci.post("lineage", sent).status_code == 200
    assert openlineage.read(sent).event_time == NOW


def test_the_schema_of_our_facet_is_public_and_holds_for_what_we_read(client):
    found = client.get("/api/v1/lineage/facet").json()
    good = facet(sha256="ab" * 32)
    jsonschema_rs.Draft202012Validator(found).validate(good)
    assert not jsonschema_rs.Draft202012Validator(found).is_valid(
        good | {"sha256": "x"}
    )


WHOLE = event(
    inputs=[named("s3://b", "x", "1", "ab" * 32, "s3://b/x")],
    outputs=[model()],
    unknown={"kept": 1},
)
ODD = [
    None,
    True,
    7,
    1.5,
    "",
    "x y",
    "a",
    [],
    {},
    [{}],
    {"a": 1},
    "2026-02-30T00:00:00Z",
]


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """The path of everything in a document below its root."""
    steps = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for step, part in steps:
        yield (*path, step)
        yield from places(part, (*path, step))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_we_take_the_specification_takes(data):
    said = copy.deepcopy(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        found = sorted(places(said), key=repr)
        *above, last = data.draw(st.sampled_from(found))
        holder = said
        for step in above:
            holder = holder[step]
        odd = data.draw(st.sampled_from([*ODD, "delete"]))
        if odd == "delete":
            del holder[last]
        else:
            holder[last] = copy.deepcopy(odd)
        if not said:
            break
    try:
        told = openlineage.read(said)
    except openlineage.NotUnderstood as error:
        assert str(error)
        return
    kind = {"run": "RunEvent", "job": "JobEvent", "dataset": "DatasetEvent"}[told.kind]
    assert of_spec(kind).is_valid(said)
    assert json.loads(told.document) == said


def test_data_that_stay_where_they_are_are_registered_by_address_and_digest(caller):
    """As the contract has it; `lineage` then names them by their address."""
    client = caller(user="ben")
    client.post("datasets", {"slug": "train", "name": "Train"})
    path = "datasets/train/versions"
    told = {"uri": "s3://b/train.parquet", "sha256": "ab" * 32}
    answer = client.post(path, told)
    assert answer.status_code == 201, answer.content
    assert client.post(path, told | {"columns": {"a": "target"}}).status_code == 201
    assert pointers(client.post(path, told | {"sha256": "x"})) == ["/sha256"]
    assert pointers(client.post(path, told | {"uri": " "})) == ["/uri"]
