"""Who asks the gate: a pipeline that two people trust, and the cluster itself.

Nothing outside is called: what a cluster would send is sent here.
"""

import json
from pathlib import Path
from time import monotonic

from django.conf import settings
from django.utils import timezone

from governance import access, admission, identities
from governance.demo.people import PASSWORD
from governance.demo.steps import Story
from governance.models import Token, TrustRule
from governance.signatures import Proof
from registry.models import ModelVersion, Role

EXAMPLE = "docs/examples/identity/trust-github.json"
CLUSTER = "production-cluster"


def open_up(story: Story, permitted: ModelVersion, unknown: ModelVersion) -> None:
    """Trust a pipeline, and let the cluster ask about two objects."""
    _trust(story)
    _ask(story, permitted, unknown)


def _trust(story: Story) -> None:
    wish = identities.Wish(
        **json.loads(Path(settings.BASE_DIR, EXAMPLE).read_text("utf-8"))
    )
    if TrustRule.objects.filter(name=wish.name).exists():
        return
    rule = identities.propose(wish=wish, by=story.people["adam"], at=timezone.now())
    identities.confirm(
        rule=rule,
        proof=Proof(password=PASSWORD),
        by=story.people["rita"],
        at=timezone.now(),
    )
    story.say(f"  The pipeline {wish.name} is trusted by two people")


def _ask(story: Story, *versions: ModelVersion) -> None:
    """A token of its own for the cluster, as an administrator issues it."""
    if Token.objects.filter(name=CLUSTER).exists():
        return
    token, _secret = access.issue_token(
        name=CLUSTER,
        role=Role.CI,
        environments=(story.production.slug,),
        by=story.people["adam"],
        at=timezone.now(),
    )
    for version in versions:
        answer = admission.admit(
            review=admission.read(_review(version)),
            environment=story.production.slug,
            by=token.user,
            at=timezone.now(),
            began=monotonic(),
        )
        verdict = "admitted" if answer.allowed else "turned away"
        story.say(f"  {version} is {verdict} by the cluster")


def _review(version: ModelVersion) -> dict[str, object]:
    """What the API server sends when somebody applies an InferenceService."""
    kind = {"group": "serving.kserve.io", "version": "v1beta1"}
    name, part = version.model.slug, version.version_artifacts.get(role="model")
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": str(version.pk),
            "kind": {**kind, "kind": "InferenceService"},
            "operation": "CREATE",
            "namespace": "models",
            "name": name,
            "object": {
                "apiVersion": f"{kind['group']}/{kind['version']}",
                "kind": "InferenceService",
                "metadata": {
                    "name": name,
                    "namespace": "models",
                    "annotations": {
                        "freigabe/artifact-sha256": f"sha256:{part.artifact.sha256}"
                    },
                },
                "spec": {
                    "predictor": {
                        "model": {"storageUri": f"s3://models/{name}/{version.version}"}
                    }
                },
            },
        },
    }
