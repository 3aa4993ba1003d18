"""The steps of the examples for GitHub, GitLab and Azure, run as a runner runs them."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from governance.plain_yaml import load
from tests.governance.doors import EXAMPLES

Respond = Callable[[BaseHTTPRequestHandler], None]


def serve(answer: Respond, servers: list[HTTPServer]) -> str:
    """The address of a server that answers GET and POST with a function."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_GET

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    servers.append(server)
    return f"http://127.0.0.1:{server.server_port}"


def saying(body: str | bytes, status: int = 200, **headers: str) -> Respond:
    """Answers everything the same."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        raw = body.encode() if isinstance(body, str) else body
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


def action() -> dict:
    return load((EXAMPLES / "github-action/action.yml").read_text())


def run_action(
    folder: Path, tokens: str, **given: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """The one step of the action, with inputs by name; and its outputs."""
    found = action()
    (step,) = found["runs"]["steps"]
    inputs = {name: str(i.get("default", "")) for name, i in found["inputs"].items()}
    inputs |= given
    told = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: inputs[m[1]], value)
        for name, value in step["env"].items()
    }
    output, summary = folder / "output", folder / "summary"
    for file in (output, summary):
        file.write_text("")
    runner = {
        "PATH": os.environ["PATH"],
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{tokens}/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
    }
    assert step["shell"] == "bash"
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = _run(command, runner | told, folder)
    lines = [line.partition("=") for line in output.read_text().splitlines()]
    return done, {name: value for name, _equals, value in lines}


def run_gitlab(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The script of the job with its variables."""
    job = load((EXAMPLES / "gitlab/.gitlab-ci.yml").read_text())["may-it-run"]
    (script,) = job["script"]
    variables = {name: str(value) for name, value in job["variables"].items()}
    return _run(
        ["/bin/sh", "-ec", script],
        {"PATH": os.environ["PATH"], **variables, **more},
        folder,
    )


def run_azure(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The step that asks, with the variables of its job."""
    flow = load((EXAMPLES / "azure-devops/azure-pipelines.yml").read_text())
    (step,) = flow["stages"][0]["jobs"][0]["steps"]
    told = {name: str(value) for name, value in step["env"].items()}
    return _run(
        ["bash", "--noprofile", "--norc", "-c", step["bash"]],
        {"PATH": os.environ["PATH"], **told, **more},
        folder,
    )


def _run(
    command: list[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def altered(answer: dict, **predicate: object) -> str:
    """An answer of the gate whose permit says something else."""
    payload = json.loads(base64.b64decode(answer["permit"]["payload"]))
    payload["predicate"] |= predicate
    body = base64.b64encode(json.dumps(payload).encode()).decode()
    return json.dumps({**answer, "permit": {**answer["permit"], "payload": body}})
