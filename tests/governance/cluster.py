"""Objects and reviews as an API server sends them."""

import copy
import json
import uuid

from tests.governance.doors import EXAMPLES

SHA = "freigabe/artifact-sha256"
ELSEWHERE = "a" * 64


def service(sha256: str = "", name: str = "mortgage", **spec: object) -> dict:
    """An InferenceService of KServe; `sha256` stands in our annotation."""
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": "models",
            "annotations": {SHA: sha256} if sha256 else {},
        },
        "spec": spec
        or {
            "predictor": {
                "model": {
                    "modelFormat": {"name": "lightgbm"},
                    "storageUri": "s3://models/mortgage/1",
                }
            }
        },
    }


def pod_of(image: str, sha256: str = "", kind: str = "Deployment") -> dict:
    """A workload whose pods run an image; the annotation is that of the pods."""
    group = "batch/v1" if kind == "Job" else "apps/v1"
    pod = {"containers": [{"name": "server", "image": image}]}
    made = {
        "apiVersion": "v1" if kind == "Pod" else group,
        "kind": kind,
        "metadata": {"name": "server", "namespace": "models"},
        "spec": pod if kind == "Pod" else {"template": {"spec": pod}},
    }
    inner = made if kind == "Pod" else made["spec"]["template"]
    inner.setdefault("metadata", {})["annotations"] = {SHA: sha256} if sha256 else {}
    return made


def review(content: dict | None, before: dict | None = None, **more: object) -> dict:
    """A review of storing `content`, of changing `before` into it, or of its end."""
    shown = content or before or {}
    group, _slash, version = shown.get("apiVersion", "").rpartition("/")
    kind = {"group": group, "version": version, "kind": shown.get("kind", "")}
    operation = "UPDATE" if before else "CREATE"
    request = {
        "uid": str(uuid.uuid4()),
        "kind": kind,
        "resource": {**kind, "resource": f"{kind['kind'].lower()}s"},
        "name": shown.get("metadata", {}).get("name", ""),
        "namespace": shown.get("metadata", {}).get("namespace", ""),
        "operation": operation if content else "DELETE",
        "userInfo": {"username": "system:serviceaccount:argocd:argocd"},
        "object": content,
        "oldObject": before,
        "dryRun": False,
        "options": None,
        **more,
    }
    request["resource"].pop("kind")
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {name: value for name, value in request.items() if value is not ...},
    }


def example(name: str, **values: str) -> str:
    """A manifest of docs/examples/kubernetes, with its sample values replaced."""
    text = (EXAMPLES / "kubernetes" / name).read_text()
    for old, new in values.items():
        text = text.replace(old, new)
    return text


def changed(content: dict, **annotations: str) -> dict:
    """A copy with other annotations."""
    made = copy.deepcopy(content)
    made["metadata"].setdefault("annotations", {}).update(annotations)
    return made


def as_text(body: object) -> bytes:
    return json.dumps(body).encode()
