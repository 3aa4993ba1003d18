"""GitHub, GitLab and Azure DevOps as servers of our own, and what they send."""

import hashlib
import hmac
import json
from http.server import BaseHTTPRequestHandler
from threading import Event

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from governance import forges, gate, identities
from governance.forges import Place, sealed
from governance.gate import Question
from governance.models import Forge, ForgePlace, ForgeRequest
from governance.signatures import Proof
from tests.governance import issuer
from tests.world import NOW, PASSWORD, World

ASKED = Question(environment="production", model="mortgage-approval", version="1")
SHA = "a" * 40
GUID = "271ef6f7-5998-4b0d-86fb-4b54d912999"
PLACES = {
    "github": Place(
        "456789", "Production", "mortgage-*", "production", "Ours.", "123456"
    ),
    "gitlab": Place("20", "main", "mortgage-*", "production", "Ours."),
    "azure-devops": Place(
        f"{GUID}1", "Production", "mortgage-*", "production", "Ours."
    ),
}
ISSUERS = {
    "github": issuer.GITHUB,
    "gitlab": "https://gitlab.bank.example",
    "azure-devops": f"https://vstoken.dev.azure.com/{GUID}0",
}
NAME = "octo-org/octo-repo"
KINDS = ("github", "gitlab", "azure-devops")


class Outside:
    """Keeps what it is told; `says` is what it answers by the end of the path.

    `holds`: set when an answer came in, and waited for before anything is said to it.
    """

    holds: tuple[Event, Event] | None = None

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], dict]] = []
        self.says: dict[str, tuple[int, str]] = {}

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length) or b"{}")
        self.seen.append((handler.path, dict(handler.headers), body))
        path = handler.path.partition("?")[0]
        if self.holds and "access_tok" not in path:
            (came, over), self.holds = self.holds, None
            came.set()
            over.wait(60)
            return
        status, said = 404, "{}"
        for end, answer in self.says.items():
            if path.endswith(end):
                status, said = answer
        handler.send_response(status)
        if status == 302:
            handler.send_header("Location", "http://169.254.169.254/")
        handler.end_headers()
        handler.wfile.write(said.encode())

    def answers(self) -> list[dict]:
        """What it was answered, tokens of the App aside."""
        return [body for path, _headers, body in self.seen if "access_tok" not in path]


def good(outside: Outside) -> None:
    """As each of the three says that an answer arrived."""
    outside.says = {
        "/app/installations/7/access_tokens": (201, '{"token": "ghs_of_the_app"}'),
        "/deployment_protection_rule": (204, ""),
        "/status_check_responses": (201, "{}"),
        "/events": (200, "{}"),
    }


def pem() -> str:
    key = issuer.rsa_key("app")
    form = PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def registered(world: World, kind: str, address: str, **more: str) -> tuple[Forge, str]:
    given = {
        "github": {"app_id": "4711", "credential": pem()},
        "gitlab": {"credential": "glpat-0123456789"},
        "azure-devops": {},
    }[kind]
    return forges.register(
        **{
            "name": f"our-{kind}",
            "kind": kind,
            "address": address,
            "issuer": ISSUERS[kind],
            **given,
            **more,
        },
        by=world.adam,
        at=NOW,
    )


def agreed(world: World, forge: Forge, place: Place | None = None) -> ForgePlace:
    row = forges.propose(
        forge=forge, place=place or PLACES[forge.kind], by=world.adam, at=NOW
    )
    proof = Proof(password=PASSWORD)
    return forges.confirm(place=row, proof=proof, by=world.rita, at=NOW)


def pipeline(world: World, kind: str, **claims: object):
    """The user behind a token of a run; the rule that trusts it is made once."""
    rules = {
        "github": {**issuer.CLAIMS},
        "gitlab": {"project_id": ["20"], "ref_protected": ["true"]},
        "azure-devops": {
            "org_id": [f"{GUID}0"],
            "prj_id": [f"{GUID}1"],
            "def_id": ["12"],
            "rpo_ref": ["refs/heads/main"],
        },
    }
    told = {
        "github": issuer.github(),
        "gitlab": {"project_id": "20", "ref_protected": "true", "sha": SHA},
        "azure-devops": {
            "org_id": f"{GUID}0",
            "prj_id": f"{GUID}1",
            "def_id": "12",
            "rpo_ref": "refs/heads/main",
            "run_id": "99",
            "aud": "api://AzureADTokenExchange",
        },
    }[kind]
    name = f"{kind}-deploy"
    if not world.adam.is_staff and not _has(name):
        issuer.trusted(
            world, name=name, kind=kind, issuer=ISSUERS[kind], claims=rules[kind]
        )
    at = issuer.seconds(NOW)
    base = {"aud": issuer.AUDIENCE, "jti": f"{kind}-1", "iat": at, "exp": at + 300}
    token = issuer.token({**base, **told, "iss": ISSUERS[kind], **claims})
    return identities.authenticate(token, at=NOW)


def _has(name: str) -> bool:
    return identities.entering.TrustRule.objects.filter(name=name).exists()


def ask(world: World, kind: str, question: Question = ASKED, **claims: object):
    """What the pipeline asks the gate in its run, before the server asks."""
    return gate.decide(question=question, by=pipeline(world, kind, **claims), at=NOW)


def message(forge: Forge, **more: object) -> tuple[dict[str, str], bytes]:
    """Headers and body of a question, genuine unless `more` says otherwise."""
    made = {"github": _github, "gitlab": _gitlab, "azure-devops": _azure}
    headers, said = made[forge.kind](forge)
    headers |= more.pop("headers", {})  # type: ignore[arg-type]
    said |= more
    body = json.dumps(said).encode()
    return signed(forge, headers, body), body


def signed(forge: Forge, headers: dict[str, str], body: bytes) -> dict[str, str]:
    secret = sealed.secret_of(forge)
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    proof = {
        "github": {"X-Hub-Signature-256": f"sha256={mac}"},
        "gitlab": {"X-Gitlab-Signature": mac},
        "azure-devops": {"Authorization": f"Bearer {secret}"},
    }[forge.kind]
    return {**proof, **headers}


def _github(forge: Forge) -> tuple[dict[str, str], dict]:
    url = f"{forge.address}/repos/{NAME}/actions/runs/99/deployment_protection_rule"
    return {
        "X-GitHub-Event": "deployment_protection_rule",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    }, {
        "action": "requested",
        "environment": "Production",
        "event": "push",
        "deployment_callback_url": url,
        "deployment": {"id": 5, "sha": SHA, "ref": "main", "payload": {}},
        "pull_requests": [],
        "repository": {
            "id": 456789,
            "full_name": NAME,
            "owner": {"id": 123456, "login": "octo-org"},
        },
        "installation": {"id": 7},
        "sender": {"id": 1, "login": "octocat"},
    }


def _gitlab(_forge: Forge) -> tuple[dict[str, str], dict]:
    return {}, {
        "object_kind": "merge_request",
        "project": {"id": 20, "path_with_namespace": "my-group/my-project"},
        "object_attributes": {
            "iid": 3,
            "target_project_id": 20,
            "target_branch": "main",
            "last_commit": {"id": SHA},
        },
        "external_approval_rule": {"id": 11, "name": "Freigabe"},
    }


def _azure(forge: Forge) -> tuple[dict[str, str], dict]:
    return {
        "PlanUrl": f"{forge.address}/",
        "ProjectId": f"{GUID}1",
        "HubName": "Build",
        "PlanId": f"{GUID}2",
        "JobId": f"{GUID}3",
        "TaskInstanceId": f"{GUID}4",
        "AuthToken": "eyJ.of.azure",
    }, {"environment": "Production", "run": "99"}


def send(forge: Forge, at=NOW, **more: object) -> ForgeRequest:
    headers, body = message(forge, **more)
    row = forges.receive(forge=forge, headers=headers, body=body, by=forge.user, at=at)
    assert row is not None
    return row


def work(world: World, at=NOW) -> ForgeRequest:
    """What the worker does in one look of the clock; the newest question then."""
    while forges.answer_next(by=world.adam, at=at) or forges.decide_next(
        by=world.adam, at=at
    ):
        pass
    return ForgeRequest.objects.order_by("-received_at")[0]
