"""Every act of people has an API call and a page, or a reason why not."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND_LINE = "the operator's command line: who has an account is settled there"
PIPELINE = "its page is the pipeline: files and machines come through the API"
INSIDE = "part of other acts, never called from outside"
WORKER = "a worker's"
ISSUE_6 = "tokens for an outage: their page is issue 6"

BOTH = {
    "audits.keeping.place_hold": "governance.keeping.place_hold decides who may",
    "audits.keeping.release_hold": "governance.keeping.release_hold decides who may",
    "audits.keeping.set_rule": "governance.keeping.set_rule decides who may",
    "governance.access.create_person": COMMAND_LINE,
    "governance.access.deactivate": COMMAND_LINE,
    "governance.dossier.removal.remove_next": WORKER,
    "governance.dossier.scheduling.mail": WORKER,
    "governance.dossier.scheduling.request_next": WORKER,
    "governance.erasure.erase": "the operator's command line, with the person at hand",
    "governance.forges.answering.claim_next": WORKER,
    "governance.forges.answering.decide_next": WORKER,
    "governance.forges.answering.record": WORKER,
    "governance.ingest.joining.join_next": WORKER,
    "governance.keeping.place_hold": COMMAND_LINE,
    "governance.keeping.release_hold": COMMAND_LINE,
    "governance.keeping.set_rule": COMMAND_LINE,
    "governance.permit.ring.rotate": "a command where the keys lie",
    "governance.policy.set_up.publish": "the first policy, put in force by migrations",
    "governance.reconciliation.recording.record": WORKER,
    "governance.reconciliation.telling.tell_unauthorised": WORKER,
    "governance.risk.require_reassessment": "assessing.demand decides who may",
    "governance.roles.end": COMMAND_LINE,
    "governance.roles.grant": COMMAND_LINE,
    "governance.signatures.record_failure": INSIDE,
    "governance.webhooks.sending.claim_next": WORKER,
    "governance.webhooks.sending.queue": WORKER,
    "governance.webhooks.sending.record": WORKER,
}
NO_PAGE = {
    "governance.admission.deciding.admit": "clusters ask",
    "governance.breaches.report": "monitoring reports what it observed, no person",
    "governance.datasets.point_at": PIPELINE,
    "governance.datasets.register": PIPELINE,
    "governance.deployments.record": PIPELINE,
    "governance.emergencies.tokens.reconcile": ISSUE_6,
    "governance.emergencies.tokens.seal": ISSUE_6,
    "governance.forges.receiving.receive": PIPELINE,
    "governance.ingest.mlflow.receive": PIPELINE,
    "governance.ingest.receiving.receive": PIPELINE,
    "governance.gate.deciding.decide": "machines ask; its page shows what was answered",
    "governance.publishing.adopt": "the page begins a draft with the shipped text",
    "governance.registration.register_environment": PIPELINE,
    "governance.registration.register_version": PIPELINE,
}
BROWSER = "where the identity provider sends a browser back to"
OWN_PAGE = "how somebody likes to see a page; programs say each time what they ask"
NO_API = {
    "governance.saved_views.drop": OWN_PAGE,
    "governance.saved_views.keep": OWN_PAGE,
    "governance.saved_views.rename": OWN_PAGE,
    "governance.preferences.prefer": OWN_PAGE,
    "governance.single_sign_on.acts.answer": BROWSER,
    "governance.single_sign_on.acts.fail": BROWSER,
}
DOORS = {"governance/api": BOTH | NO_API, "governance/web": BOTH | NO_PAGE}


def acts() -> Iterator[str]:
    """Every public function that is decorated as an act, by its full name."""
    for top in ("registry", "audits", "governance"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef) and node.name[0] != "_":
                    marks = {ast.unparse(d) for d in node.decorator_list}
                    if {mark.split(".")[-1] for mark in marks} & {"act", "signed_act"}:
                        yield f"{_module(path)}.{node.name}"


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def reached(door: str) -> set[str]:
    """What the modules below a door name, of what they import, where it is defined."""
    found = set()
    for path in (ROOT / door).rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names = {
            alias.asname or alias.name: (node.module or "", alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in ast.walk(tree):
            said = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            first, _dot, rest = said.partition(".")
            if first in names:
                found.add(_defined(*names[first], rest))
            elif isinstance(node, ast.Name) and node.id in names:
                found.add(_defined(*names[node.id], ""))
    return found


def _defined(module: str, name: str, rest: str) -> str:
    """The full name of what is reached, where its module defines it."""
    thing = getattr(import_module(module), name, None)
    if thing is None:
        thing = import_module(f"{module}.{name}")
    for part in filter(None, rest.split(".")):
        thing = getattr(thing, part, None)
    where = getattr(thing, "__module__", "")
    return f"{where}.{getattr(thing, '__qualname__', '')}"


@pytest.mark.parametrize("door", sorted(DOORS))
def test_every_act_has_this_door(door):
    everything, here = set(acts()), reached(door)
    assert len(everything) > 100
    missing = everything - here
    assert missing == set(DOORS[door])
