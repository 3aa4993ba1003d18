"""What was decided in the bank: something of every kind, and the pages that show it."""

from collections.abc import Iterator

from django.urls import reverse

from governance import challenges, delegation, simulation, triggers
from governance.models import ApprovalRequest, WebhookEndpoint
from registry.models import Role
from tests.governance.test_emergencies import allow, broken
from tests.governance.test_findings import raised
from tests.governance.test_fleet import attested, happened
from tests.governance.test_matrix_publishing import THREE, draft, own
from tests.governance.test_publishing import person, reviewed
from tests.governance.test_waivers import asked
from tests.world import NOW, World, later

MODEL, VERSION = ("mortgage-approval",), ("mortgage-approval", "1")
SCREENING = "prohibited_practice_screening"


def pages(world: World) -> dict[str, list[str]]:
    """The addresses of the pages on decisions, with data, by who looks at them."""
    return {
        "rita": [*_rules(world), *_exceptions(world), *_approvals(world)],
        "adam": list(_administration(world)),
    }


def _rules(world: World) -> Iterator[str]:
    author = person(world, "paula", Role.POLICY_AUTHOR)
    matrix = draft(world, own(THREE))
    tried = simulation.simulate_matrix(draft=matrix, by=world.rita, at=NOW)
    yield reverse("web:policy_draft", args=[reviewed(author).pk])
    yield reverse("web:policy_write")
    yield reverse("web:matrices")
    yield reverse("web:matrix_draft", args=[matrix.pk])
    yield reverse("web:simulation", args=[tried.pk])
    yield reverse("web:tier", args=MODEL)
    yield reverse("web:concentration")
    yield reverse("web:aggregate", args=MODEL)
    yield reverse("web:evaluations", args=VERSION)
    yield reverse("web:declarations", args=["model", *MODEL])
    yield reverse("web:declare", args=["model", *MODEL, SCREENING])


def _exceptions(world: World) -> Iterator[str]:
    version = ApprovalRequest.objects.get().version
    model = version.model
    allow(world)
    happened(world, model)
    triggers.record_vendor_notice(model=model, text="It ends.", by=world.anna, at=NOW)
    yield reverse("web:finding", args=[raised(world, model=model).pk])
    yield reverse("web:findings")
    yield reverse("web:raise_finding", args=MODEL)
    yield reverse("web:waiver", args=[asked(world, version).pk])
    yield reverse("web:waivers")
    glass = broken(world, world.ready("loans"))
    yield reverse("web:emergency", args=[glass.pk])
    yield reverse("web:emergencies")
    yield reverse("web:incident", args=[model.incidents.get().pk])
    yield reverse("web:incidents")
    yield reverse("web:vendor_notices")
    yield reverse("web:record_notice")
    yield reverse("web:reviews")
    yield reverse("web:review", args=MODEL)
    yield reverse("web:attestation", args=[attested(world).pk])
    yield reverse("web:attestations")


def _approvals(world: World) -> Iterator[str]:
    request = ApprovalRequest.objects.get()
    challenges.challenge(
        request=request,
        question="Does it hold in a recession?",
        expertise="Credit risk.",
        independence="Second line.",
        by=world.vera,
        at=NOW,
    )
    delegation.delegate(
        to=world.vera,
        role=Role.APPROVER,
        reason="Leave.",
        valid_until=later(days=5),
        by=world.carl,
        at=NOW,
    )
    yield reverse("web:challenges", args=[request.pk])
    yield reverse("web:together")
    yield reverse("web:delegations")
    yield reverse("web:duties")
    yield reverse("web:draws")
    yield reverse("web:notifications")


def _administration(world: World) -> Iterator[str]:
    triggers.report_compromised_key(
        key_id="ab" * 32, reason="A laptop was lost.", by=world.adam, at=NOW
    )
    hook = WebhookEndpoint.objects.create(
        name="SIEM",
        url="https://siem.example/",
        kinds=[],
        secret="whsec_x",  # noqa: S106
        registered_by=world.adam,
        registered_at=NOW,
        enabled_at=NOW,
    )
    yield reverse("web:compromised_keys")
    yield reverse("web:webhooks")
    yield reverse("web:webhook", args=[hook.pk])
    yield reverse("web:people")
    yield reverse("web:person", args=[world.vera.pk])
