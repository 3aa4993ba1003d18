"""The GitHub Action and the GitLab job, against a live server and impostors."""

import json
import shutil
from collections.abc import Callable, Iterator

import pytest

from governance.models import GateDecision
from governance.plain_yaml import load
from tests.governance import issuer
from tests.governance.doors import EXAMPLES, schema
from tests.governance.forge_jobs import (
    action,
    altered,
    run_action,
    run_gitlab,
    saying,
    serve,
)
from tests.governance.test_gate import approved
from tests.world import NOW, World

ASKED = {"model": "mortgage-approval", "version": "1", "environment": "production"}
USE = "A clerk sees the proposal and decides."
GITLAB_CLAIMS = {
    "project_id": ["20"],
    "ref_protected": ["true"],
}


@pytest.fixture
def servers() -> Iterator[Callable[..., str]]:
    """Servers by what they say."""
    made: list = []
    yield lambda *said, **more: serve(saying(*said, **more), made)
    for one in made:
        one.shutdown()
        one.server_close()


@pytest.fixture
def bank(stage, live, clock, settings) -> tuple[World, str]:
    """The world and the address of a server with an approved version."""
    if not all(map(shutil.which, ("curl", "jq", "bash"))):
        pytest.skip("curl, jq and bash are not installed")
    address = live.url.replace("localhost", "127.0.0.1")
    settings.FREIGABE_INSTANCE_URL, settings.ALLOWED_HOSTS = address, ["127.0.0.1"]
    approved(stage)
    return stage, address


@pytest.fixture
def github(bank, servers) -> str:
    """Where a runner of GitHub asks for its token."""
    world, address = bank
    issuer.trusted(world)
    token = issuer.token(issuer.github(aud=address))
    return servers(json.dumps({"count": 1, "value": token}))


def test_the_action_writes_the_permit_a_summary_and_sarif(bank, github, tmp_path):
    world, address = bank
    digest = world.artifact().sha256
    done, output = run_action(
        tmp_path,
        github,
        server=f"{address}/",
        digest=f"sha256:{digest}",
        use=USE,
        **ASKED,
    )
    assert done.returncode == 0, done
    decision = GateDecision.objects.get()
    assert output["decision-id"] == str(decision.pk)
    with open(output["permit"]) as permit:
        assert json.load(permit) == json.loads(decision.permit)
    with open(output["sarif"]) as sarif:
        assert json.load(sarif)["version"] == "2.1.0"
    assert f"ALLOW {decision.pk}" in (tmp_path / "summary").read_text()
    assert decision.pipeline_token.claims["run_id"] == "99"
    place = {"environment": "production"}
    done, output = run_action(tmp_path, github, server=address, digest=digest, **place)
    assert (done.returncode, "sarif" in output) == (0, False), done


def test_a_denial_of_the_action_names_the_next_step_and_leaves_no_permit(
    bank, github, tmp_path
):
    _world, address = bank
    (tmp_path / "freigabe-permit.json").write_text("of an earlier step")
    done, output = run_action(
        tmp_path, github, server=address, **ASKED | {"version": "9"}
    )
    assert done.returncode == 1
    assert "permit" not in output
    assert output["decision-id"] == str(GateDecision.objects.get().pk)
    assert not (tmp_path / "freigabe-permit.json").exists()
    summary = (tmp_path / "summary").read_text()
    assert "The developer registers the model and this version." in summary


def test_the_action_takes_no_odd_answer_for_a_yes(bank, github, servers, tmp_path):
    _world, address = bank
    done, _output = run_action(tmp_path, github, server=address, **ASKED)
    assert done.returncode == 0
    row = GateDecision.objects.get()
    good = {
        "decision": "allow",
        "decision_id": str(row.pk),
        "permit": json.loads(row.permit),
        **ASKED,
        "expires_at": row.expires_at.isoformat(),
    }
    honest = servers(json.dumps(good))
    assert run_action(tmp_path, github, server=honest, **ASKED)[0].returncode == 0
    no = {
        "nothing": servers(""),
        "a log-in page": servers("<html>decision allow</html>"),
        "null": servers("null"),
        "two answers": servers(json.dumps(good) * 2),
        "a redirect": servers("", 302, Location=f"{honest}/"),
        "a yes with 500": servers(json.dumps(good), 500),
        "a yes with 403": servers(json.dumps(good), 403),
        "a yes with 202": servers(json.dumps(good), 202),
        "deny with a permit": servers(json.dumps({**good, "decision": "deny"})),
        "no permit": servers(json.dumps({**good, "permit": None})),
        "no signature": servers(
            json.dumps({**good, "permit": {**good["permit"], "signatures": []}})
        ),
        "another version": servers(altered(good, version="2")),
        "another model": servers(altered(good, model="fraud")),
        "another environment": servers(altered(good, environment="staging")),
        "another decision": servers(altered(good, decision_id="0" * 36)),
        "an old permit": servers(altered(good, valid_until="2020-01-01T00:00:00")),
        "a permit without end": servers(altered(good, valid_until=None)),
        "nobody there": "http://127.0.0.1:1",
        "no address": "",
        "plain http": "http://freigabe.bank.example",
    }
    for case, server in no.items():
        done, output = run_action(tmp_path, github, server=server, **ASKED)
        assert done.returncode == 1, (case, done)
        assert "permit" not in output, case
        assert "DENY" in (tmp_path / "summary").read_text(), case
    for field, value in (("digest", "f" * 64), ("use", "Commercial property.")):
        done, _ = run_action(tmp_path, github, server=honest, **ASKED, **{field: value})
        assert done.returncode == 1, field
        assert f"differs: {field}" in done.stdout


def test_the_action_asks_nothing_half(bank, github, servers, tmp_path):
    _world, address = bank
    for wrong in (
        {"model": ""},
        {"version": ""},
        {"environment": ""},
        {"model": "x\n::set-output name=permit::/etc/passwd"},
        {"version": "$(touch hacked)"},
    ):
        done, output = run_action(tmp_path, github, server=address, **ASKED | wrong)
        assert (done.returncode, output.get("permit")) == (1, None), (wrong, done)
    assert not (tmp_path / "hacked").exists()
    for tokens in (servers(""), servers("{}"), servers("<html>"), servers("x", 500)):
        done, _ = run_action(tmp_path, tokens, server=address, **ASKED)
        assert (done.returncode, "no id token" in done.stdout) == (1, True), done
    assert not GateDecision.objects.filter(allowed=True).exists()


def test_what_a_server_sends_is_no_command_to_the_runner(github, servers, tmp_path):
    said = {"detail": "x\n::add-path::/tmp\n```\n# Approved", "decision_id": "a\nb=c"}
    done, output = run_action(
        tmp_path, github, server=servers(json.dumps(said), 403), **ASKED
    )
    assert done.returncode == 1
    assert not any(line.startswith("::add-path") for line in done.stdout.splitlines())
    assert output == {"decision-id": ""}
    assert (tmp_path / "summary").read_text().count("```") == 2


def test_the_workflow_uses_what_the_action_has():
    found, flow = action(), load((EXAMPLES / "github-action/workflow.yaml").read_text())
    _checkout, asks, sarif, deploy = flow["jobs"]["deploy"]["steps"]
    assert flow["permissions"]["id-token"] == "write"
    assert set(asks["with"]) <= set(found["inputs"])
    needed = {n for n, one in found["inputs"].items() if one.get("required")}
    assert needed <= set(asks["with"])
    assert {"permit", "decision-id", "sarif"} == set(found["outputs"])
    assert "always()" in sarif["if"]
    assert "if" not in deploy
    assert "continue-on-error" not in asks


@pytest.fixture
def gitlab(bank) -> str:
    """The id token of a job on a protected branch."""
    world, address = bank
    issuer.trusted(
        world,
        name="gitlab-deploy",
        kind="gitlab",
        issuer="https://gitlab.bank.example",
        claims=GITLAB_CLAIMS,
    )
    said = schema("fixtures/ci_identity_and_callbacks.json")["gitlab_id_token_example"]
    at = issuer.seconds(NOW)
    return issuer.token(
        {
            **said,
            "iss": "https://gitlab.bank.example",
            "aud": address,
            "ref_protected": "true",
            **{"iat": at, "nbf": at - 5, "exp": at + 300},
        }
    )


def test_the_job_of_gitlab_ends_well_with_a_permit_alone(
    bank, gitlab, servers, tmp_path
):
    _world, address = bank
    told = {"FREIGABE": address, "MODEL": ASKED["model"], "FREIGABE_TOKEN": gitlab}
    done = run_gitlab(tmp_path, **told)
    assert done.returncode == 0, done
    row = GateDecision.objects.get()
    assert row.pipeline_token.claims["pipeline_id"] == "574"
    permit = tmp_path / "freigabe-permit.json"
    assert json.loads(permit.read_text()) == json.loads(row.permit)
    good = {
        "decision": "allow",
        "decision_id": str(row.pk),
        "permit": json.loads(row.permit),
    }
    honest = {"FREIGABE": servers(json.dumps(good))}
    assert run_gitlab(tmp_path, **told | honest).returncode == 0
    no = {
        "an unknown version": {"VERSION": "9"},
        "no environment": {"ENVIRONMENT": ""},
        "a wrong token": {"FREIGABE_TOKEN": "wrong"},
        "nobody there": {"FREIGABE": "http://127.0.0.1:1"},
        "nothing": {"FREIGABE": servers("")},
        "a log-in page": {"FREIGABE": servers("<html>allow</html>")},
        "two answers": {"FREIGABE": servers(json.dumps(good) * 2)},
        "a redirect": {"FREIGABE": servers("", 302, Location="/")},
        "a yes with 500": {"FREIGABE": servers(json.dumps(good), 500)},
        "another version": {"FREIGABE": servers(altered(good, version="2"))},
        "an old permit": {
            "FREIGABE": servers(altered(good, valid_until="2020-01-01T00:00:00"))
        },
        "another's yes": {"FREIGABE": servers('{"decision": "allow"}')},
    }
    for case, more in no.items():
        done = run_gitlab(tmp_path, **told | more)
        assert (done.returncode, permit.exists()) == (1, False), (case, done)
        assert done.stdout.startswith("DENY"), (case, done)
