"""The answer on its way: below the one address that was registered, nowhere else."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import jwt
from django.conf import settings
from django.utils.translation import gettext as _

from governance import outgoing
from governance.forges import sealed, wording
from governance.models import Forge, ForgeAttempt, ForgeRequest
from governance.sealing import CannotOpen

_GITHUB = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}
# GitHub takes no App token that lives longer than ten minutes; its clock may differ.
_LIVES, _LEEWAY = timedelta(minutes=8), timedelta(minutes=1)


@dataclass(frozen=True)
class _Call:
    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    arrived: frozenset[int]


class _NotSent(Exception):
    """Nothing was said: the text says why."""


def attempt(row: ForgeRequest, *, at: datetime) -> ForgeAttempt:
    """Answer once, and say how it went; nothing is stored here.

    It arrived only when the server says so with the status that it documents: a
    log-in page of a proxy is a 200, too.
    """
    made = ForgeAttempt(
        request=row, decision=row.decision, allowed=row.allowed, attempted_at=at
    )
    try:
        call = _call(row, at)
        answer = _send(row.forge, call.path, call.body, call.headers)
    except (
        outgoing.AddressRefused,
        outgoing.CallFailed,
        CannotOpen,
        _NotSent,
    ) as error:
        made.problem = str(error)
        return made
    made.status = answer.status
    said = answer.body[: outgoing.KEPT].decode("utf-8", "replace")
    made.response_start = said.replace("\x00", "\ufffd")
    if answer.status not in call.arrived:
        made.problem = _("This is not how the server confirms an answer.")
    return made


def _call(row: ForgeRequest, at: datetime) -> _Call:
    if row.forge.kind == Forge.Kind.GITHUB:
        return _to_github(row, at)
    if row.forge.kind == Forge.Kind.GITLAB:
        return _to_gitlab(row)
    return _to_azure(row)


def _to_github(row: ForgeRequest, at: datetime) -> _Call:
    """`POST /repos/{name}/actions/runs/{run}/deployment_protection_rule`."""
    said = row.answer_to
    name = quote(str(said["name"]))
    return _Call(
        path=f"/repos/{name}/actions/runs/{said['run']}/deployment_protection_rule",
        body={
            "environment_name": row.target,
            "state": "approved" if row.allowed else "rejected",
            "comment": wording.comment(row.reason, row.decision),
        },
        headers={**_GITHUB, "Authorization": f"Bearer {_installed(row, at)}"},
        arrived=frozenset({204}),
    )


def _installed(row: ForgeRequest, at: datetime) -> str:
    """A token of the App in this repository alone, for deployments alone."""
    claims = {
        "iss": row.forge.app_id,
        "iat": int((at - _LEEWAY).timestamp()),
        "exp": int((at + _LIVES).timestamp()),
    }
    app = jwt.encode(claims, sealed.credential_of(row.forge), algorithm="RS256")
    answer = _send(
        row.forge,
        f"/app/installations/{row.answer_to['installation']}/access_tokens",
        {
            "repository_ids": [int(row.project_id)],
            "permissions": {"actions": "read", "deployments": "write"},
        },
        {**_GITHUB, "Authorization": f"Bearer {app}"},
    )
    try:
        found = json.loads(answer.body) if answer.status == 201 else None
    except (ValueError, RecursionError):
        found = None
    token = found.get("token") if isinstance(found, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise _NotSent(
            _("GitHub gives the App no token for this repository (%(status)s).")
            % {"status": answer.status}
        )
    return token


def _to_gitlab(row: ForgeRequest) -> _Call:
    """`POST /projects/{id}/merge_requests/{iid}/status_check_responses`."""
    said = row.answer_to
    return _Call(
        path=f"/api/v4/projects/{row.project_id}/merge_requests/"
        f"{said['merge_request']}/status_check_responses",
        body={
            "sha": said["sha"],
            "external_status_check_id": said["check"],
            "status": "passed" if row.allowed else "failed",
        },
        headers={"PRIVATE-TOKEN": sealed.credential_of(row.forge)},
        arrived=frozenset({200, 201}),
    )


def _to_azure(row: ForgeRequest) -> _Call:
    """`POST {PlanUrl}/{ProjectId}/_apis/distributedtask/hubs/.../events`, 7.1."""
    said = row.answer_to
    return _Call(
        path=f"/{said['ProjectId']}/_apis/distributedtask/hubs/{said['hub']}/plans/"
        f"{said['PlanId']}/events?api-version=7.1",
        body={
            "name": "TaskCompleted",
            "taskId": said["TaskInstanceId"],
            "jobId": said["JobId"],
            "result": "succeeded" if row.allowed else "failed",
        },
        headers={"Authorization": f"Bearer {sealed.token_of(row)}"},
        arrived=frozenset({200, 204}),
    )


def _send(
    forge: Forge, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> outgoing.Document:
    return outgoing.send(
        f"{forge.address}{path}",
        json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
        allowed=settings.FREIGABE_FORGE_ALLOW,
    )
