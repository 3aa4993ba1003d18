"""Times simulation over a portfolio, and readiness. Run by apart.run(); prints JSON."""

import json
import statistics
import sys
import time
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from audits import log, verification  # noqa: E402
from audits.models import EvidenceReport, EvidenceRun, Measurement  # noqa: E402
from governance import access, approvals, policy, simulation  # noqa: E402
from governance.models import (  # noqa: E402
    ApprovalRequest,
    Authorisation,
    PolicyPack,
    RiskAssessment,
    Signature,
)
from governance.publishing import shipped  # noqa: E402
from governance.signatures import Proof  # noqa: E402
from registry.digests import sha256_hex  # noqa: E402
from registry.models import (  # noqa: E402
    ModelVersion,
    RegisteredModel,
    Role,
    VersionArtifact,
    VersionDataset,
)
from tests.world import NOW, PASSWORD, World  # noqa: E402

VERSIONS = 10_000
LIMIT_SECONDS = 60.0
LIMIT_MS = 50.0
ROUNDS = 60


def simulate() -> dict[str, Any]:
    """Seconds for the shipped packs over all versions."""
    _copies(_approved(), VERSIONS)
    at = NOW + timedelta(hours=1)
    versions = {
        slug: [
            PolicyPack(
                slug=slug,
                version=policy.parse(text).version,
                document=text,
                sha256=policy.parse(text).sha256,
                effective_from=NOW,
                published_at=NOW,
            )
        ]
        for slug, text in shipped().items()
    }
    begin = time.perf_counter()
    found = simulation.run(at=at, shelf=policy.Shelf(versions, {}, {}))
    taken = time.perf_counter() - begin
    if found.examined < VERSIONS:
        raise SystemExit(f"only {found.examined} were examined")
    rules = sum(len(policy.parse(text).rules) for text in shipped().values())
    return {
        "ours": taken,
        "reference": LIMIT_SECONDS,
        "reference_name": f"the limit for 10,000 versions ({rules} rules)",
        "unit": "s",
        "goal": 1.0,
    }


@override_settings(ALLOWED_HOSTS=["testserver"])
def readiness() -> dict[str, Any]:
    """Median time of `GET readiness` of one version, against the limit."""
    _approved()
    log.advance(at=timezone.now())
    verification.run_and_record(at=timezone.now())
    _token, secret = access.issue_token(
        name="bench", role=Role.CI, by=access.system_user(), at=timezone.now()
    )
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    url = "/api/v1/models/mortgage-approval/versions/1/readiness"
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        answer = client.get(url, {"environment": "production"})
        times.append(time.perf_counter() - begin)
        if answer.status_code != 200:
            raise SystemExit(f"{url} answered {answer.status_code}")
    return {
        "ours": statistics.median(times) * 1000,
        "reference": LIMIT_MS,
        "reference_name": "the limit",
        "unit": "ms",
        "goal": 1.0,
    }


def _approved() -> Authorisation:
    world = World()
    request = approvals.submit(
        version=world.ready(), environment=world.production, by=world.anna, at=NOW
    )
    for who, meaning in ((world.vera, "review"), (world.carl, "approval")):
        approvals.sign(
            request=request,
            meaning=meaning,
            proof=Proof(password=PASSWORD),
            by=who,
            at=NOW,
        )
    return Authorisation.objects.select_related("request__assessment").get()


def _copies(first: Authorisation, count: int) -> None:
    """The same version under other names, with all that it rests on, inserted raw."""
    for number in range(1, count):
        _copy(first, number)


def _copy(first: Authorisation, number: int) -> None:
    version = ModelVersion.objects.get(pk=first.version_id)
    parts = list(VersionArtifact.objects.filter(version=version))
    data = list(VersionDataset.objects.filter(version=version))
    runs = list(EvidenceRun.objects.filter(version=version))
    model = _anew(
        RegisteredModel.objects.get(pk=version.model_id), slug=f"copy-{number}"
    )
    assessment = _anew(
        RiskAssessment.objects.get(pk=first.request.assessment_id), model=model
    )
    made = _anew(version, model=model)
    for row in (*parts, *data):
        _anew(row, version=made)
    for run in runs:
        report = EvidenceReport.objects.get(run=run.pk)
        measured = list(Measurement.objects.filter(report=report))
        again = _anew(report, run=_anew(run, version=made))
        for measurement in measured:
            _anew(measurement, report=again)
    signed = list(Signature.objects.filter(request=first.request_id))
    asked = ApprovalRequest.objects.get(pk=first.request_id)
    request = _anew(asked, version=made, assessment=assessment)
    for row in signed:
        digest = sha256_hex(f"{number} {row.meaning}".encode())
        _anew(row, request=request, record_sha256=digest)
    _anew(Authorisation.objects.get(pk=first.pk), request=request, version=made)


def _anew(row: Any, **changes: Any) -> Any:
    fresh = type(row)(
        **{
            field.attname: getattr(row, field.attname)
            for field in row._meta.concrete_fields
            if not field.primary_key
        }
    )
    for name, value in changes.items():
        setattr(fresh, name, value)
    fresh.save(force_insert=True)
    return fresh


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    chosen = {"simulation": simulate, "readiness": readiness}[sys.argv[1]]
    print(json.dumps(chosen()))  # noqa: T201
