"""What docs/doors.md tells people to paste, run against a server with curl."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import xmlschema
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from audits import log
from governance import access
from governance.models import GateDecision
from governance.plain_yaml import load
from registry.models import Role
from tests.governance.doors import EXAMPLES, ROOT, schema_file
from tests.governance.test_gate import approved
from tests.world import World

DOORS = (ROOT / "docs/doors.md").read_text()
SHOWN = (
    "curl/gate.sh",
    "curl/one-line.sh",
    "curl/events.sh",
    "azure-devops/azure-pipelines.yml",
    "azure-devops/check-api-response.json",
    "azure-devops/check-callback.json",
    "github-action/workflow.yaml",
    "gitlab/.gitlab-ci.yml",
    "jenkins/gate.sh",
    "jenkins/Jenkinsfile",
    "argo-cd/presync.yaml",
    "argo-rollouts/analysis-template.yaml",
    "opa/gate.rego",
    "opa/opa.yaml",
)
ASKED = {
    "MODEL": "mortgage-approval",
    "VERSION": "1",
    "ENVIRONMENT": "production",
}


@pytest.fixture
def bank(stage, live, clock) -> tuple[World, LiveServer]:
    """A server with an approved version."""
    if not shutil.which("curl") or not shutil.which("jq"):
        pytest.skip("curl and jq are not installed")
    approved(stage)
    return stage, live


@pytest.fixture
def impostor() -> Iterator[Callable[[str], str]]:
    """Servers that answer everything with 200 and a given body."""
    servers = []

    def make(body: str) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body.encode())

        server = HTTPServer(("127.0.0.1", 0), Answer)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def run(
    script: str, live: LiveServer, folder: Path, role: Role = Role.CI, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a shell text as a pipeline would, with a token of that role."""
    _token, secret = access.issue_token(
        name="pipeline", role=role, by=access.system_user(), at=timezone.now()
    )
    environment = {"PATH": os.environ["PATH"], "FREIGABE": live.url, "TOKEN": secret}
    return subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", script],
        env=environment | ASKED | more,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def text(name: str) -> str:
    return (EXAMPLES / name).read_text()


@pytest.mark.parametrize("name", SHOWN)
def test_the_page_shows_the_file_as_it_is(name):
    assert text(name) in DOORS


@pytest.mark.parametrize("name", ["curl/gate.sh", "jenkins/gate.sh"])
def test_the_scripts_let_a_permit_through_and_nothing_else(
    bank, impostor, tmp_path, name
):
    _world, live = bank
    done = run(text(name), live, tmp_path)
    assert done.returncode == 0, done
    assert GateDecision.objects.get().allowed
    no = {
        "an unknown version": {"VERSION": "9"},
        "a model with a name like a query": {"MODEL": "x&version=1"},
        "no environment": {"ENVIRONMENT": ""},
        "a wrong token": {"TOKEN": "wrong"},
        "a server that is not there": {"FREIGABE": "http://127.0.0.1:1"},
        "an empty answer": {"FREIGABE": impostor("")},
        "a login page": {"FREIGABE": impostor("<html>decision allow</html>")},
        "another's yes": {"FREIGABE": impostor('{"allow": true}')},
    }
    for case, more in no.items():
        done = run(text(name), live, tmp_path, **more)
        assert done.returncode == 1, (case, done)
        assert done.stdout, (case, done)
    assert GateDecision.objects.filter(allowed=True).count() == 1


def test_a_denial_of_the_script_names_the_next_step(bank, tmp_path):
    _world, live = bank
    done = run(text("curl/gate.sh"), live, tmp_path, VERSION="9")
    assert done.stdout.startswith("DENY ")
    assert "FAIL The version is known: " in done.stdout
    assert "The developer registers the model and this version." in done.stdout


def test_the_one_line_ends_well_for_a_permit_alone(bank, tmp_path):
    _world, live = bank
    line = text("curl/one-line.sh")
    done = run(line, live, tmp_path)
    assert (done.returncode, done.stdout[:6]) == (0, "ALLOW ")
    done = run(line.replace("version=1", "version=9"), live, tmp_path)
    assert (done.returncode, done.stdout[:5]) == (22, "DENY ")


def test_jenkins_finds_a_report_of_a_denial_and_no_stale_one(bank, tmp_path):
    _world, live = bank
    script, report = text("jenkins/gate.sh"), tmp_path / "freigabe.xml"
    assert run(script, live, tmp_path, VERSION="9").returncode == 1
    assert "<failure" in report.read_text()
    assert run(script, live, tmp_path, TOKEN="wrong").returncode == 1  # noqa: S106
    assert not report.exists()
    assert run(script, live, tmp_path).returncode == 0
    xmlschema.XMLSchema(schema_file("junit/JUnit.xsd")).validate(str(report))


def test_the_job_of_argo_cd_runs_before_the_sync_and_fails_it(bank, impostor, tmp_path):
    _world, live = bank
    job = load(text("argo-cd/presync.yaml"))
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PreSync"
    assert job["spec"]["backoffLimit"] == 0
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    (container,) = pod["containers"]
    told = {one["name"]: one["value"] for one in container["env"]}
    (source,) = pod["volumes"][0]["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == told["FREIGABE"]
    shell, flags, script = container["command"]
    assert (shell, flags) == ("/bin/sh", "-euc")
    mounted = container["volumeMounts"][0]["mountPath"]
    assert f"cat {mounted}/token" in script
    script = script.replace(f"$(cat {mounted}/token)", "$TOKEN")
    asked = told["QUESTION"]
    assert run(f"set -eu\n{script}", live, tmp_path, QUESTION=asked).returncode == 0
    for question in (asked.replace("version=1", "version=9"), "", "model=x"):
        done = run(f"set -eu\n{script}", live, tmp_path, QUESTION=question)
        assert done.returncode == 1, (question, done)
    page = {"QUESTION": asked, "FREIGABE": impostor("<html>ALLOW </html>")}
    assert run(f"set -eu\n{script}", live, tmp_path, **page).returncode == 1
    down = {"QUESTION": asked, "FREIGABE": "http://127.0.0.1:1"}
    assert run(f"set -eu\n{script}", live, tmp_path, **down).returncode == 1


def test_the_metric_of_argo_rollouts_is_read_as_the_template_says(bank, tmp_path):
    _world, live = bank
    template = load(text("argo-rollouts/analysis-template.yaml"))
    (metric,) = template["spec"]["metrics"]
    assert metric["successCondition"] == "result == true"
    assert metric["failureLimit"] == 0
    web = metric["provider"]["web"]
    assert web["jsonPath"] == "{$.data.ok}"
    url = web["url"].replace("https://freigabe.bank.example", "$FREIGABE")
    for name, value in (("model", "$MODEL"), ("environment", "$ENVIRONMENT")):
        url = url.replace(f"{{{{args.{name}}}}}", value)
    url = url.replace("{{args.version}}", "$VERSION")
    assert "{{" not in url
    script = f'curl -sS -f -H "Authorization: Bearer $TOKEN" "{url}" | jq .data.ok'
    assert run(script, live, tmp_path).stdout == "true\n"
    assert run(script, live, tmp_path, VERSION="9").stdout == "false\n"


def test_the_siem_reads_each_event_once(bank, tmp_path):
    _world, live = bank
    run(text("curl/gate.sh"), live, tmp_path)
    log.integrate()
    script, cursor = text("curl/events.sh"), str(tmp_path / "cursor")
    first = run(script, live, tmp_path, role=Role.AUDITOR, CURSOR=cursor)
    assert first.returncode == 0, first
    events = [json.loads(line) for line in first.stdout.splitlines()]
    assert len([e for e in events if e["class_uid"] == 6003]) == 1
    log.integrate()
    again = run(script, live, tmp_path, role=Role.AUDITOR, CURSOR=cursor)
    uids = {json.loads(line)["metadata"]["uid"] for line in again.stdout.splitlines()}
    assert not uids & {e["metadata"]["uid"] for e in events}
    denied = run(script, live, tmp_path, CURSOR=str(tmp_path / "other"))
    assert (denied.returncode != 0, denied.stdout) == (True, "")
