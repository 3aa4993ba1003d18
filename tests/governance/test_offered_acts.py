"""What the pages of a request offer in each of its states, the acts accept."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from governance import approvals, challenges, registration
from governance.models import ApprovalRequest
from governance.signatures import Proof
from tests.governance.test_challenges import ask
from tests.governance.test_duties import sign, submit
from tests.governance.test_sending_back import send_back
from tests.world import NOW, PASSWORD, World, later

TYPED = {
    **{"comment": "Too early.", "reason": "Explain it.", "text": "Because."},
    **{"question": "Why?", "expertise": "Credit.", "independence": "Second line."},
    "outcome": "resolved",
}
OPEN = {
    "anna": {"withdraw"},
    "ben": set(),
    "vera": {"review", "rejection", "request-changes", "challenge", "dissent"},
    "carl": {"approval", "rejection", "request-changes", "challenge", "dissent"},
    "eva": {"rejection", "request-changes", "challenge", "dissent"},
    "ines": set(),
}


class Forms(HTMLParser):
    """The forms of a page's content: where each goes, and what its fields hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page.split('<main class="page"')[1])

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self.found.append((given.get("action") or "", {}))
        elif self.found and given.get("name"):
            name = given["name"]
            self.found[-1][1][name] = given.get("value") or TYPED.get(name, "")


def rejected(world: World, request: ApprovalRequest) -> None:
    sign(request, world.vera, "rejection", comment="No.")


def withdrawn(world: World, request: ApprovalRequest) -> None:
    approvals.withdraw(request=request, reason="Wait.", by=world.anna, at=NOW)


def authorised(world: World, request: ApprovalRequest) -> None:
    sign(request, world.vera)
    sign(request, world.carl, "approval")


def changed(world: World, request: ApprovalRequest) -> None:
    registration.change_inventory(
        model=request.version.model, purpose="Decides alone.", by=world.anna, at=NOW
    )


def overtaken(world: World, request: ApprovalRequest) -> None:
    world.assessed(request.version.model)
    submit(world, request.version)


def challenged(world: World, request: ApprovalRequest) -> None:
    ask(request, world.vera)
    dissented(world, request)


def answered(world: World, request: ApprovalRequest) -> None:
    row = ask(request, world.vera)
    challenges.respond(challenge=row, text="Because.", by=world.ben, at=NOW)


def dissented(world: World, request: ApprovalRequest) -> None:
    challenges.dissent(request=request, reason="Too early.", by=world.cora, at=NOW)


def overridden(world: World, request: ApprovalRequest) -> None:
    dissented(world, request)
    challenges.override(
        dissent=request.dissents.get(),
        reason="It is a pilot.",
        proof=Proof(password=PASSWORD),
        by=world.eva,
        at=NOW,
    )


def reviewed(world: World, request: ApprovalRequest) -> None:
    sign(request, world.vera)


def sent_back(world: World, request: ApprovalRequest) -> None:
    send_back(request, world.carl)


DECIDED = (rejected, withdrawn, authorised, sent_back)
STATES: tuple[Callable[[World, ApprovalRequest], None], ...] = (
    *DECIDED,
    *(changed, overtaken, challenged, answered, overridden, reviewed),
)


def offered(client: Client, name: str, request: ApprovalRequest):
    """What the two pages of a request offer this person, and how to send it."""
    for view in ("web:approval", "web:challenges"):
        page = reverse(view, args=[request.pk])
        for action, fields in Forms(client.get(page).content.decode()).found:
            act = fields.get("act") or fields.get("meaning") or action.split("/")[-1]
            if "user_name" in fields:
                fields |= {"user_name": name, "password": PASSWORD}
            yield act, action or page, fields


def client_of(world: World, name: str) -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client


@pytest.mark.parametrize("name", OPEN)
def test_who_may_act_on_an_open_request_is_offered_it(world, clock, name):
    clock(later(hours=1))
    request = submit(world, world.ready())
    found = {act for act, *_ in offered(client_of(world, name), name, request)}
    assert found == OPEN[name]


@pytest.mark.parametrize("come_to", STATES)
def test_what_is_offered_is_accepted_in_each_state(world, clock, come_to):
    clock(later(hours=1))
    request = submit(world, world.ready())
    come_to(world, request)
    accepted, refused = [], []
    for name in (*OPEN, "cora", "rita"):
        client = client_of(world, name)
        for act, address, fields in offered(client, name, request):
            with transaction.atomic():
                answer = client.post(address, fields)
                transaction.set_rollback(True)
            (accepted if answer.status_code == 302 else refused).append((name, act))
    assert refused == []
    assert bool(accepted) == (come_to not in DECIDED)
