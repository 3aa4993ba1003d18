"""Times simulation over a portfolio, and readiness. Run by apart.run(); prints JSON."""

import json
import statistics
import sys
import time
from datetime import timedelta
from functools import cache
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from audits import log, verification  # noqa: E402
from audits.models import EvidenceRun  # noqa: E402
from governance import access, approvals, policy, signatures, simulation  # noqa: E402
from governance.models import Authorisation, PolicyPack, StatusChange  # noqa: E402
from governance.publishing import shipped  # noqa: E402
from governance.signatures import Proof  # noqa: E402
from registry.digests import canonical_json, sha256_hex  # noqa: E402
from registry.models import Role, VersionArtifact, VersionDataset  # noqa: E402
from tests.world import EVERYWHERE, NOW, PASSWORD, World  # noqa: E402

VERSIONS = 10_000
AT_ONCE = 500
LIMIT_SECONDS = 60.0
LIMIT_MS = 50.0
ROUNDS = 60


def simulate() -> dict[str, Any]:
    """Seconds for the shipped packs over all versions."""
    copies(_approved(), 1, VERSIONS)
    shelf, at = _shelf(), NOW + timedelta(hours=1)
    begin = time.perf_counter()
    found = simulation.run(at=at, shelf=shelf)
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


def _shelf() -> policy.Shelf:
    """All shipped packs, as if they were in force."""
    packs = [
        PolicyPack(
            slug=slug,
            version=policy.parse(text).version,
            document=text,
            sha256=policy.parse(text).sha256,
            effective_from=NOW,
            published_at=NOW,
        )
        for slug, text in shipped().items()
    ]
    return policy.Shelf({row.slug: [row] for row in packs}, {}, {})


@override_settings(ALLOWED_HOSTS=["testserver"])
def readiness() -> dict[str, Any]:
    """Median time of `GET readiness` of one version, against the limit."""
    _approved()
    for text in shipped().values():
        pack = policy.parse(text)
        if not PolicyPack.objects.filter(slug=pack.slug).exists():
            policy.publish(text=text, by=access.system_user(), at=timezone.now())
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
        "reference_name": f"the limit, with {len(shipped())} packs in force",
        "unit": "ms",
        "goal": 1.0,
    }


def _approved() -> Authorisation:
    """A granted version to which all five packs apply, as they ask for the most."""
    world = World()
    model = world.model(**EVERYWHERE)
    version = world.version(model, "1")
    world.measured(version, world.data())
    world.assessed(model)
    request = approvals.submit(
        version=version, environment=world.production, by=world.anna, at=NOW
    )
    for who, meaning in ((world.vera, "review"), (world.carl, "approval")):
        approvals.sign(
            request=request,
            meaning=meaning,
            proof=Proof(password=PASSWORD),
            by=who,
            at=NOW,
        )
    return Authorisation.objects.select_related(
        "request__assessment", "version__model"
    ).get()


def copies(first: Authorisation, begin: int, end: int) -> None:
    """The same version under other names, with all that it rests on, inserted raw.

    They are called `copy-N`, with N from `begin` to before `end`.
    Each request's subject names its own copy and each signature its own request, so
    that what was granted holds and signatures count, as they do in a real portfolio.
    """
    for start in range(begin, end, AT_ONCE):
        made: dict[type[Any], list[Any]] = {}
        for number in range(start, min(start + AT_ONCE, end)):
            _copy(first, number, made)
        for kind, rows in made.items():
            kind.objects.bulk_create(rows)


def _copy(first: Authorisation, number: int, made: dict[type[Any], list[Any]]) -> None:
    """One copy; `made` collects the rows by table, each after what it points at."""

    def anew(row: Any, **changes: Any) -> Any:
        fresh = type(row)(
            **{
                field.attname: getattr(row, field.attname)
                for field in row._meta.concrete_fields
                if not field.primary_key
            }
        )
        for name, value in changes.items():
            setattr(fresh, name, value)
        made.setdefault(type(row), []).append(fresh)
        return fresh

    version, asked = first.version, first.request
    model = anew(version.model, slug=f"copy-{number}")
    assessment = anew(asked.assessment, model=model)
    copy = anew(version, model=model)
    for row in _rows(first, VersionArtifact, VersionDataset, StatusChange):
        anew(row, version=copy)
    for run in _rows(first, EvidenceRun):
        report = anew(run.report, run=anew(run, version=copy))
        for measurement in run.report.measurements.all():
            anew(measurement, report=report)
    subject = json.loads(asked.subject)
    subject["model"], subject["assessment"]["id"] = model.slug, str(assessment.pk)
    text = canonical_json(subject)
    request = anew(
        asked,
        version=copy,
        assessment=assessment,
        subject=text.decode(),
        subject_sha256=sha256_hex(text),
    )
    for row in asked.signatures.all():
        signed = anew(row, request=request)
        signed.record_sha256 = signatures.record_digest(signed)
    anew(first, request=request, version=copy)


@cache
def _rows(first: Authorisation, *kinds: type[Any]) -> list[Any]:
    """What belongs to the version that is copied, read once."""
    return [
        row for kind in kinds for row in kind.objects.filter(version=first.version_id)
    ]


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    chosen = {"simulation": simulate, "readiness": readiness}[sys.argv[1]]
    print(json.dumps(chosen()))  # noqa: T201
