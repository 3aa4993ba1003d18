"""What a server sent, once it is proved to be from it: read with limits.

Sources: GitHub "deployment_protection_rule" webhook; GitLab "External status checks"
and merge-request events; Azure DevOps "Invoke REST API" check.
"""

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from governance.forges import sealed
from governance.models import Forge
from governance.sealing import CannotOpen
from registry.digests import sha256_hex

logger = logging.getLogger(__name__)

LARGEST = 1024 * 1024  # bytes of a body
_LONGEST_TOKEN = 8000  # signs of the token that Azure DevOps brings
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_AZURE_IDS = ("ProjectId", "PlanId", "JobId", "TaskInstanceId")

Headers = Mapping[str, str]
Json = Mapping[str, Any]


class NotGenuine(Exception):
    """Nothing shows that this is from the server."""


class TooLarge(Exception):
    """More than anybody would ask; it is not read."""


class NotUnderstood(Exception):
    """It is from the server, and says nothing that could be decided."""


@dataclass(frozen=True)
class Asked:
    """A question in the server's words; see the fields of `ForgeRequest`.

    `untied` says why no answer can be sent to where the question came from.
    """

    delivery: str
    content_sha256: str
    project_id: str
    target: str
    owner_id: str = ""
    project: str = ""
    run: str = ""
    sha: str = ""
    asked_model: str = ""
    asked_version: str = ""
    answer_to: dict[str, str | int] = field(default_factory=dict)
    token: str = ""
    untied: str = ""


def read(forge: Forge, headers: Headers, body: bytes) -> Asked | None:
    """What is asked; None for an event that asks nothing.

    Raises `TooLarge` and `NotGenuine` before anything of the body is read, and
    `NotUnderstood`.
    """
    if len(body) > LARGEST:
        raise TooLarge(_("The message is larger than 1 MiB."))
    _verify(forge, headers, body)
    if forge.kind == Forge.Kind.GITHUB:
        return _github(forge, headers, body)
    if forge.kind == Forge.Kind.GITLAB:
        return _gitlab(headers, body)
    return _azure(forge, headers, body)


def _verify(forge: Forge, headers: Headers, body: bytes) -> None:
    """Compare in constant time: HMAC-SHA256 of the body, or a bearer of Azure."""
    try:
        secret = sealed.secret_of(forge)
    except CannotOpen as error:
        # Who asks is told no more than anybody else: it may be anybody.
        logger.error("forge %s: %s", forge.name, error)
        raise _not_genuine() from error
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    expected, shown = {
        str(Forge.Kind.GITHUB): (f"sha256={mac}", "X-Hub-Signature-256"),
        str(Forge.Kind.GITLAB): (mac, "X-Gitlab-Signature"),
        str(Forge.Kind.AZURE): (f"Bearer {secret}", "Authorization"),
    }[forge.kind]
    found = headers.get(shown, "")
    if not hmac.compare_digest(found.encode("utf-8", "replace"), expected.encode()):
        raise _not_genuine()


def _not_genuine() -> NotGenuine:
    return NotGenuine(_("The signature of this message is missing or wrong."))


def _github(forge: Forge, headers: Headers, body: bytes) -> Asked | None:
    if headers.get("X-GitHub-Event") != "deployment_protection_rule":
        return None
    said = _json(body)
    if said.get("action") != "requested":
        return None
    repository = _part(said, "repository")
    name = _text(repository, "full_name")
    project_id, target = str(_number(repository, "id")), _text(said, "environment")
    url = _text(said, "deployment_callback_url", 1000)
    run = _run_of(url, forge, name)
    untied = _("The address for the answer is not that of this repository here.")
    return Asked(
        delivery=_header(headers, "X-GitHub-Delivery"),
        content_sha256=sha256_hex(body),
        project_id=project_id,
        owner_id=str(_number(_part(repository, "owner"), "id")),
        project=name,
        target=target,
        run=run,
        sha=_sha(_part(said, "deployment"), "sha"),
        answer_to={
            "name": name,
            "run": run,
            "installation": _number(_part(said, "installation"), "id"),
        },
        untied="" if run else untied,
    )


def _run_of(url: str, forge: Forge, name: str) -> str:
    """The run of a callback address, which must be exactly ours for this repository."""
    before = f"{forge.address}/repos/{name}/actions/runs/"
    after = "/deployment_protection_rule"
    run = url.removeprefix(before).removesuffix(after)
    plain = re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+(?<!/\.)(?<!/\.\.)", name)
    number = run.isascii() and run.isdigit() and len(run) <= 20
    return run if plain and number and url == f"{before}{run}{after}" else ""


def _gitlab(headers: Headers, body: bytes) -> Asked | None:
    said = _json(body)
    if said.get("object_kind") != "merge_request":
        return None
    request, project = _part(said, "object_attributes"), _part(said, "project")
    project_id = _number(project, "id")
    if _number(request, "target_project_id") != project_id:
        raise NotUnderstood(_("This merge request is for another project."))
    digest = sha256_hex(body)
    sha = _sha(_part(request, "last_commit"), "id")
    return Asked(
        delivery=_header(headers, "Idempotency-Key", digest),
        content_sha256=digest,
        project_id=str(project_id),
        project=_text(project, "path_with_namespace"),
        target=_text(request, "target_branch"),
        sha=sha,
        answer_to={
            "merge_request": _number(request, "iid"),
            "check": _number(_part(said, "external_approval_rule"), "id"),
            "sha": sha,
        },
    )


def _azure(forge: Forge, headers: Headers, body: bytes) -> Asked:
    said = _json(body)
    ids = {name: _header(headers, name) for name in _AZURE_IDS}
    if not all(_GUID.fullmatch(value) for value in ids.values()):
        raise NotUnderstood(_("The numbers of the plan are missing or wrong."))
    hub = _header(headers, "HubName")
    if not re.fullmatch(r"[A-Za-z]{1,40}", hub):
        raise NotUnderstood(_("The numbers of the plan are missing or wrong."))
    token = headers.get("AuthToken", "")
    if not re.fullmatch(rf"[\x21-\x7e]{{1,{_LONGEST_TOKEN}}}", token):
        raise NotUnderstood(_("The check brings no token for its answer."))
    tied = headers.get("PlanUrl", "").rstrip("/") == forge.address
    untied = _("The address of the plan is not that of this server.")
    return Asked(
        delivery=ids["TaskInstanceId"].lower(),
        content_sha256=sha256_hex("/".join([hub, *ids.values()]).lower().encode()),
        project_id=ids["ProjectId"].lower(),
        target=_text(said, "environment"),
        run=_optional(said, "run", 20),
        asked_model=_optional(said, "model", 80),
        asked_version=_optional(said, "version", 64),
        answer_to={"hub": hub, **ids},
        token=token if tied else "",
        untied="" if tied else untied,
    )


def _json(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(_("The message is no JSON.")) from error
    if not isinstance(found, dict):
        raise NotUnderstood(_("The message is no JSON object."))
    return found


def _part(said: Json, name: str) -> Json:
    found = said.get(name)
    if not isinstance(found, dict):
        raise _missing(name)
    return found


def _text(said: Json, name: str, longest: int = 255) -> str:
    found = said.get(name)
    if not isinstance(found, str) or not 1 <= len(found) <= longest:
        raise _missing(name)
    if not found.isprintable():
        raise _missing(name)
    return found


def _optional(said: Json, name: str, longest: int) -> str:
    return _text(said, name, longest) if said.get(name) else ""


def _number(said: Json, name: str) -> int:
    found = said.get(name)
    if isinstance(found, bool) or not isinstance(found, int):
        raise _missing(name)
    if not 0 < found < 2**63:
        raise _missing(name)
    return found


def _sha(said: Json, name: str) -> str:
    found = _text(said, name, 64)
    if not _SHA.fullmatch(found):
        raise _missing(name)
    return found


def _header(headers: Headers, name: str, without: str = "") -> str:
    found = headers.get(name) or without
    if not 1 <= len(found) <= 100 or not found.isprintable():
        raise _missing(name)
    return found


def _missing(name: str) -> NotUnderstood:
    return NotUnderstood(_("%(name)s is missing or wrong.") % {"name": name})
