"""Reading an AdmissionReview (admission.k8s.io/v1), field by field, believing nothing.

Source: kubernetes/api admission/v1/types.go; standards.md 2.9.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"
OPERATIONS = ("CREATE", "UPDATE", "DELETE")
# What carries a model, by group. Everything else does not belong before this door.
KINDS: Mapping[tuple[str, str], str] = {
    ("serving.kserve.io", "InferenceService"): "inferenceservices",
    ("serving.kserve.io", "LLMInferenceService"): "llminferenceservices",
    # One more model for a server that runs already.
    ("serving.kserve.io", "TrainedModel"): "trainedmodels",
    ("apps", "Deployment"): "deployments",
    ("apps", "StatefulSet"): "statefulsets",
    ("apps", "DaemonSet"): "daemonsets",
    ("apps", "ReplicaSet"): "replicasets",
    ("batch", "Job"): "jobs",
    ("batch", "CronJob"): "cronjobs",
    ("", "Pod"): "pods",
}
# A container that is put into a pod that runs: the review shows the whole pod.
_INTO_A_POD = ("", "Pod", "ephemeralcontainers")
LONGEST = 253  # of a name or namespace (RFC 1123)
# What the API server and controllers change of an object that runs on as it is.
_HOUSEKEEPING = frozenset(
    {
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
    }
)


class NoReview(Exception):
    """This is no AdmissionReview with a request that could be answered."""


class Malformed(Exception):
    """The review of this `uid` cannot be understood: it is refused."""

    def __init__(self, uid: str, message: str) -> None:
        super().__init__(message)
        self.uid = uid


@dataclass(frozen=True)
class Review:
    """What a cluster asks: may this object be stored?

    `content` is the object as it will be; of a DELETE it is the one that goes.
    """

    uid: str
    operation: str
    kind: str
    namespace: str
    name: str
    content: Mapping[str, Any]
    before: Mapping[str, Any] | None
    dry_run: bool

    @property
    def place(self) -> str:
        """Where it runs, in the cluster's words."""
        return f"{self.namespace or '-'}/{self.kind}/{self.name}"

    @property
    def runs_as_before(self) -> bool:
        """Whether nothing changes but the cluster's own bookkeeping.

        A controller takes finalizers away so: denied, nothing could be deleted.
        """
        if self.operation != "UPDATE" or self.before is None:
            return False
        return _substance(self.before) == _substance(self.content)


def _substance(content: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in content.items() if name != "status"}
    metadata = found.get("metadata")
    if isinstance(metadata, Mapping):
        found["metadata"] = {
            name: value for name, value in metadata.items() if name not in _HOUSEKEEPING
        }
    return found


def uid_of(body: object) -> str:
    """The uid of a review, empty where none can be read."""
    request = body.get("request") if isinstance(body, Mapping) else None
    uid = request.get("uid") if isinstance(request, Mapping) else None
    good = isinstance(uid, str) and 1 <= len(uid) <= LONGEST and uid.isprintable()
    return str(uid) if good else ""


def read(body: object) -> Review:
    """The review of a request's body. Raises `NoReview`, `Malformed`."""
    if not isinstance(body, Mapping):
        raise NoReview(_("This is no AdmissionReview."))
    if (body.get("apiVersion"), body.get("kind")) != (API_VERSION, KIND):
        raise NoReview(
            _("This door reads %(kind)s of %(version)s.")
            % {"kind": KIND, "version": API_VERSION}
        )
    uid = uid_of(body)
    if not uid:
        raise NoReview(_("The review has no request with a uid."))
    return _review(uid, body["request"])


def _review(uid: str, request: Mapping[str, Any]) -> Review:
    group, kind = _kind(uid, request)
    operation = request.get("operation")
    if operation not in OPERATIONS:
        raise Malformed(
            uid,
            _("Only %(names)s are answered here.") % {"names": ", ".join(OPERATIONS)},
        )
    dry_run = request.get("dryRun", False)
    if not isinstance(dry_run, bool):
        raise Malformed(uid, _("dryRun is neither true nor false."))
    before = _object(uid, request, "oldObject")
    content = before if operation == "DELETE" else _object(uid, request, "object")
    if content is None:
        raise Malformed(uid, _("The review has no object."))
    if operation != "DELETE":
        _require_same_kind(uid, content, group, kind)
    metadata = content.get("metadata")
    if not isinstance(metadata, Mapping):
        raise Malformed(uid, _("The object has no spec or no metadata."))
    names = (request.get("name"), metadata.get("name"), metadata.get("generateName"))
    return Review(
        uid=uid,
        operation=str(operation),
        kind=kind,
        namespace=_word(uid, request.get("namespace")),
        name=_word(uid, next(filter(None, names), uid)),
        content=content,
        before=before,
        dry_run=dry_run,
    )


def _kind(uid: str, request: Mapping[str, Any]) -> tuple[str, str]:
    asked = request.get("kind")
    if not isinstance(asked, Mapping):
        raise Malformed(uid, _("The review names no kind."))
    found = (asked.get("group"), asked.get("kind"))
    plain = all(isinstance(part, str) for part in found)
    below = request.get("subResource")
    whole = not below or (*found, below) == _INTO_A_POD
    if not plain or found not in KINDS or not whole:
        said = ", ".join(sorted(kind for _group, kind in KINDS))
        raise Malformed(
            uid,
            _(
                "This is no kind that carries a model: %(kinds)s. Take it out of the "
                "rules of the webhook."
            )
            % {"kinds": said},
        )
    return str(found[0]), str(found[1])


def _require_same_kind(
    uid: str, content: Mapping[str, Any], group: str, kind: str
) -> None:
    version = content.get("apiVersion")
    said = version.rpartition("/")[0] if isinstance(version, str) else None
    if content.get("kind") != kind or said != group:
        raise Malformed(uid, _("The object is of another kind than the review."))


def _object(
    uid: str, request: Mapping[str, Any], name: str
) -> Mapping[str, Any] | None:
    found = request.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise Malformed(uid, _("The review has no object."))
    return found


def _word(uid: str, value: object) -> str:
    found = "" if value is None else value
    if not isinstance(found, str) or len(found) > LONGEST or not found.isprintable():
        raise Malformed(uid, _("Name and namespace cannot be read."))
    return found
