"""The gate for clusters denies unless everything that an object runs is permitted."""

import copy

import jsonschema
import pytest

from governance import suspensions
from governance.lifecycle import State
from governance.models import Authorisation, GateDecision, SecurityEvent, Sighting
from registry.models import Role
from tests.governance.cluster import ELSEWHERE, SHA, changed, pod_of, review, service
from tests.governance.doors import schema
from tests.governance.test_gate import approved
from tests.world import later, log_verified

DOOR = "kubernetes/admission/production"


@pytest.fixture
def sha256(world, clock) -> str:
    """The digest of a file that is approved for production."""
    approved(world)
    return world.artifact().sha256


@pytest.fixture
def cluster(caller):
    """The API server of a cluster, by the token in its kubeconfig."""
    return caller(Role.CI, environments=("production",))


def ask(cluster, body: dict, door: str = DOOR) -> dict:
    answer = cluster.post(f"{door}?timeout=10s", body)
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["apiVersion"], found["kind"]) == (
        "admission.k8s.io/v1",
        "AdmissionReview",
    )
    assert set(found) == {"apiVersion", "kind", "response"}
    assert found["response"]["uid"] == body["request"]["uid"]
    return found["response"]


def denied(cluster, body: dict, *words: str, door: str = DOOR) -> dict:
    found = ask(cluster, body, door)
    assert found["allowed"] is False, found
    assert found["status"]["code"] == 403
    for word in words:
        assert word in found["status"]["message"], found["status"]["message"]
    return found


def test_an_approved_file_is_admitted_and_its_decision_recorded(cluster, sha256):
    found = ask(cluster, review(service(sha256)))
    assert found["allowed"] is True
    decision = GateDecision.objects.get()
    assert decision.allowed
    assert found["auditAnnotations"] == {"decision-id": str(decision.pk)}
    assert "status" not in found
    seen = Sighting.objects.get()
    assert (seen.place, seen.sha256) == ("models/InferenceService/mortgage", sha256)


def test_answers_fit_the_schema_of_kubernetes(cluster, sha256):
    text = schema("kubernetes/admissionreview_v1.derived.schema.json")
    answers = {"$defs": text["$defs"], "$ref": "#/$defs/validatingResponse"}
    for body in (
        review(service(sha256)),
        review(service(ELSEWHERE)),
        review(service()),
        review(service(sha256), operation="CONNECT"),
        review(None, service(sha256)),
    ):
        jsonschema.validate(body, text)
        jsonschema.validate(cluster.post(DOOR, body).json(), answers)


def test_the_official_sample_is_refused_by_its_uid(cluster, sha256):
    body = schema("kubernetes/admission.k8s.io.v1.AdmissionReview.json")
    found = cluster.post(DOOR, body).json()["response"]
    assert (found["uid"], found["allowed"]) == ("uidValue", False)


def test_a_denial_names_check_observation_reason_and_next_step(cluster, world):
    world.ready()
    found = denied(
        cluster,
        review(service(world.artifact().sha256)),
        "models/InferenceService/mortgage",
        "The version is approved: ",
        "Why: Only approved versions may run.",
        "Next: The version completes its approval.",
    )
    decision = GateDecision.objects.get()
    assert str(decision.pk) in found["status"]["message"]
    assert found["auditAnnotations"] == {"decision-id": str(decision.pk)}
    assert not Sighting.objects.exists()


def test_what_names_no_file_is_denied(cluster, sha256):
    denied(cluster, review(service()), "names no model file", SHA)
    assert not GateDecision.objects.exists()


def test_an_unknown_file_is_denied_and_recorded(cluster, sha256):
    denied(cluster, review(service(ELSEWHERE)), "not registered")
    assert not GateDecision.objects.get().allowed


def test_a_suspended_file_is_denied(cluster, world, sha256):
    suspensions.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=State.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=later(minutes=1),
    )
    denied(cluster, review(service(sha256)), "Suspended")


def test_one_of_several_files_that_is_not_permitted_denies_all(cluster, sha256):
    both = f"{sha256}, sha256:{ELSEWHERE}"
    denied(cluster, review(service(both)), ELSEWHERE[:12])
    assert {d.allowed for d in GateDecision.objects.all()} == {True, False}
    assert not Sighting.objects.exists()


LOADED = "internal.serving.kserve.io/storage-initializer-sourceuri"


def other(field: str) -> dict:
    return {field: f"oci://x@sha256:{ELSEWHERE}"}


HIDDEN = (
    {"transformer": {"containers": [{"image": f"x@sha256:{ELSEWHERE}"}]}},
    {"explainer": {"art": other("storageUri")}},
    {"predictor": {"sklearn": other("storageUri")}},
    {"predictor": {"initContainers": [{"image": f"x@sha256:{ELSEWHERE}"}]}},
    {"predictor": {"storageUris": [other("uri")]}},
    {"volumes": [{"image": {"reference": f"x@sha256:{ELSEWHERE}"}}]},
    {"env": [{"name": "STORAGE_URI", **other("value")}]},
    {"ephemeralContainers": [{"image": f"x@sha256:{ELSEWHERE}"}]},
    {
        "template": {
            "metadata": {"annotations": {LOADED: f"oci://x@sha256:{ELSEWHERE}"}}
        }
    },
    {"template": {"metadata": {"annotations": {SHA: ELSEWHERE}}}},
)
LOOSE = (
    ({"predictor": {"containers": [{"image": "bank/model:latest"}]}}, "image"),
    ({"predictor": {"containers": [{"image": ["x"]}]}}, "cannot be read"),
    ({"a": {"storageUri": "s3://a"}, "b": {"storageUri": "s3://b"}}, "may change"),
    ({"storage": {"key": "bucket", "path": "x"}, "uri": "hf://x"}, "may change"),
    ({"env": [{"name": "STORAGE_URI", "valueFrom": {}}], "uri": "x"}, "may change"),
    ({"storage": {"parameters": {"bucket": "b"}}, "uri": "hf://x"}, "may change"),
    ({"storage": {}, "uri": "hf://x"}, "may change"),
    ({"metadata": {"annotations": {LOADED: "s3://a"}}, "uri": "x"}, "may change"),
    ({"metadata": {"annotations": {LOADED: ["s3://a"]}}}, "cannot be read"),
)


def test_no_place_of_the_object_hides_another_file(cluster, sha256):
    for hidden in HIDDEN:
        denied(cluster, review(service(sha256, **hidden)), ELSEWHERE[:12])


def test_what_may_change_later_is_denied(cluster, sha256):
    for hidden, words in LOOSE:
        denied(cluster, review(service(sha256, **hidden)), words)
    assert not GateDecision.objects.exists()


def test_a_digest_in_the_name_of_a_bucket_binds_nothing(cluster, sha256):
    """Only a registry of images compares it: anybody may write what is named so."""
    for scheme in ("s3://", "https://host/", "gs://", "pvc://", "hf://", "OCI://", ""):
        named = f"{scheme}a/b@sha256:{sha256}"
        model = {"predictor": {"model": {"storageUri": named}}}
        denied(cluster, review(service(**model)), "names no model file")
    model = {"predictor": {"model": {"storageUri": f"oci://a/b@sha256:{sha256}"}}}
    assert ask(cluster, review(service(**model)))["allowed"]


def test_what_kserve_loads_into_any_pod_is_a_model(cluster, sha256):
    pod = pod_of(f"server@sha256:{sha256}", kind="Pod")
    assert ask(cluster, review(pod))["allowed"]
    loaded = changed(pod, **{LOADED: "s3://models/other"})
    denied(cluster, review(loaded), "may change")


def test_one_more_model_for_a_server_that_runs_is_asked_about(cluster, sha256):
    for digest, allowed in ((sha256, True), (ELSEWHERE, False), ("", False)):
        made = service(digest, model={"storageUri": "s3://a", "framework": "sklearn"})
        made |= {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "TrainedModel"}
        assert ask(cluster, review(made))["allowed"] is allowed


def test_a_container_put_into_a_pod_that_runs_is_asked_about(cluster, sha256):
    before = pod_of(f"server@sha256:{sha256}", kind="Pod")
    for image, words in ((f"x@sha256:{ELSEWHERE}", ELSEWHERE[:12]), ("x:1", "change")):
        after = copy.deepcopy(before)
        after["spec"]["ephemeralContainers"] = [{"name": "debug", "image": image}]
        body = review(after, before, subResource="ephemeralcontainers")
        denied(cluster, body, words)
    elsewhere = review(service(sha256), subResource="ephemeralcontainers")
    denied(cluster, elsewhere, "no kind that carries")


def test_an_image_is_known_by_its_manifest_or_listed_by_the_operator(
    cluster, sha256, settings
):
    image = {"predictor": {"containers": [{"image": "istio/proxyv2:1.2"}]}}
    denied(cluster, review(service(sha256, **image)), "FREIGABE_KUBERNETES_IMAGES")
    settings.FREIGABE_KUBERNETES_IMAGES = ["istio/"]
    assert ask(cluster, review(service(sha256, **image)))["allowed"]
    settings.FREIGABE_KUBERNETES_IMAGES = ["istio/proxyv2"]
    assert ask(cluster, review(service(sha256, **image)))["allowed"]
    settings.FREIGABE_KUBERNETES_IMAGES = ["istio/proxy"]
    denied(cluster, review(service(sha256, **image)), "may change")


def test_a_pinned_image_is_asked_about_as_any_file(cluster, sha256):
    for kind in ("Deployment", "StatefulSet", "Job", "Pod"):
        pinned = pod_of(f"registry:5000/model@sha256:{sha256}", kind=kind)
        assert ask(cluster, review(pinned))["allowed"]
        swapped = pod_of(f"registry:5000/model@sha256:{ELSEWHERE}", sha256, kind=kind)
        denied(cluster, review(swapped), ELSEWHERE[:12])


def test_a_change_to_another_file_is_denied(cluster, sha256):
    before = service(sha256)
    denied(cluster, review(service(ELSEWHERE), before), "not registered")
    moved = service(
        sha256, predictor={"model": {"storageUri": f"oci://x@sha256:{ELSEWHERE}"}}
    )
    denied(cluster, review(moved, before), ELSEWHERE[:12])
    without = service()
    denied(cluster, review(without, before), "names no model file")


def test_housekeeping_of_what_may_no_longer_run_passes(cluster, sha256):
    before = service(ELSEWHERE)
    before["metadata"]["finalizers"] = ["inferenceservice.finalizers"]
    after = copy.deepcopy(before)
    after["metadata"].update(finalizers=[], deletionTimestamp="2026-11-21T10:00:00Z")
    after["status"] = {"ready": False}
    assert ask(cluster, review(after, before))["allowed"]
    # Anything else of it is a change, also a label or an annotation.
    denied(cluster, review(changed(after, team="x"), before), "not registered")
    relabelled = copy.deepcopy(after)
    relabelled["metadata"]["labels"] = {"a": "b"}
    denied(cluster, review(relabelled, before), "not registered")


def test_another_environment_is_denied(cluster, caller, sha256):
    meant = changed(service(sha256), **{"freigabe/environment": "test"})
    denied(cluster, review(meant), "meant for test")
    everywhere = caller(Role.CI)
    body = review(service(sha256))
    denied(everywhere, body, "not registered", door="kubernetes/admission/mars")
    denied(everywhere, body, "environment", door="kubernetes/admission")
    assert ask(cluster, body, "kubernetes/admission")["allowed"]
    denied(cluster, body, "This token is for", door="kubernetes/admission/test")


def test_a_token_of_other_models_is_refused(caller, sha256):
    other = caller(Role.CI, models_pattern="churn-*", environments=("production",))
    denied(other, review(service(sha256)), "This token is for the models")
    assert not GateDecision.objects.exists()


def test_nobody_asks_without_a_token(client, sha256):
    answer = client.post(
        f"/api/v1/{DOOR}", review(service(sha256)), content_type="application/json"
    )
    assert answer.status_code == 401
    assert not GateDecision.objects.exists()


NO_REVIEWS = (
    b"",
    b"[]",
    b"null",
    b"{",
    b"[" * 50_000,
    b'{"kind": "AdmissionReview"}',
    b'{"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview",'
    b' "request": {"uid": "u"}}',
    b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}',
    b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",'
    b' "request": {"uid": ""}}',
    b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",'
    b' "request": {"uid": ["u"]}}',
    b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",'
    b' "request": {"uid": "a\\u0000b"}}',
)


def test_what_is_no_review_is_a_400(cluster):
    for body in NO_REVIEWS:
        answer = cluster.client.post(
            f"/api/v1/{DOOR}", body, content_type="application/json"
        )
        assert answer.status_code == 400, body


MALFORMED = (
    {"operation": "CONNECT"},
    {"operation": ...},
    {"operation": None},
    {"kind": {"group": "", "version": "v1", "kind": "ConfigMap"}},
    {"kind": {"group": "x.io", "version": "v1", "kind": "InferenceService"}},
    {"kind": "InferenceService"},
    {"kind": {"group": [], "kind": {}}},
    {"subResource": "status"},
    {"object": None},
    {"object": []},
    {"object": {}},
    {"object": {"apiVersion": "v1", "kind": "Pod"}},
    {"object": ...},
    {"oldObject": "x"},
    {"dryRun": "false"},
    {"name": "x" * 300},
    {"namespace": {"a": 1}},
    {"options": {"a": "\x00"}},
)


def test_a_malformed_review_is_refused_by_its_uid(cluster, sha256):
    for odd in MALFORMED:
        denied(cluster, review(service(sha256), **odd))
    assert not GateDecision.objects.exists()
    assert not Sighting.objects.exists()


NO_DIGESTS: tuple[object, ...] = (
    {SHA: "sha256:abc"},
    {SHA: ELSEWHERE.upper()},
    {SHA: " "},
    {SHA: ["x"]},
    {SHA: ","},
    {SHA: "md5:" + "a" * 64},
    {SHA: ",".join(f"{n:064x}" for n in range(40))},
    ["x"],
    "x",
)


def test_a_digest_that_is_none_is_denied(cluster, sha256):
    for annotations in NO_DIGESTS:
        odd = service(sha256)
        odd["metadata"]["annotations"] = annotations
        denied(cluster, review(odd))
    assert not GateDecision.objects.exists()


def test_a_dry_run_answers_the_same_and_records_nothing(cluster, sha256):
    found = ask(cluster, review(service(sha256), dryRun=True))
    assert found["allowed"]
    assert "auditAnnotations" not in found
    denied(cluster, review(service(ELSEWHERE), dryRun=True), "not registered")
    assert not GateDecision.objects.exists()
    assert not Sighting.objects.exists()
    assert not SecurityEvent.objects.exists()


def test_a_deletion_is_never_held_up(cluster, sha256):
    ask(cluster, review(service(sha256)))
    assert ask(cluster, review(None, service(sha256), dryRun=True))["allowed"]
    assert not Sighting.objects.filter(end__isnull=False).exists()
    assert ask(cluster, review(None, service(sha256)))["allowed"]
    assert Sighting.objects.get().end
    assert ask(cluster, review(None, service(ELSEWHERE)))["allowed"]


def test_warnings_tell_of_approvals_about_to_end_and_of_loose_addresses(
    cluster, world, clock
):
    approved(world, valid_until=later(days=3))
    for dry_run in (True, False):
        body = review(service(world.artifact().sha256), dryRun=dry_run)
        ends, loose = ask(cluster, body)["warnings"]
        assert "ends on" in ends
        assert "s3://models/mortgage/1" in loose


def test_when_the_same_is_admitted_again_nothing_new_is_seen(cluster, sha256, clock):
    for _time in range(3):
        ask(cluster, review(service(sha256)))
    assert Sighting.objects.count() == 1
    clock(later(hours=25))
    log_verified(later(hours=25))
    ask(cluster, review(service(sha256)))
    assert Sighting.objects.filter(end=None).count() == 1
    assert Sighting.objects.count() == 2
