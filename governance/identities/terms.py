"""By which claims tokens of each kind of issuer are told apart, and by which never.

Identifiers that are never given twice, not names: who deletes a repository leaves its
name to whoever comes next, and the form of `sub` changes (regulation.md 0.9).
Sources: GitHub "OpenID Connect reference", GitLab "ID token authentication", Azure
DevOps REST "Oidctoken - Create", Kubernetes "Bound service account tokens".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from governance.models import TrustRule

Kind = TrustRule.Kind
MOST_VALUES = 20
LONGEST_VALUE = 500
LONGEST_KEPT = 300
_PINNED = re.compile(r".+@(refs/(heads|tags)/.+|[0-9a-f]{40})\Z")
_SELF = "kubernetes.io"


@dataclass(frozen=True)
class Terms:
    """What a rule of this kind must and may name.

    `ids` never change hands; `required` beside them narrow to protected places, and of
    `one_of` at least one. `fixed` are the only value of a claim that may be trusted,
    `brings` what must be named with a claim. `never` are values that anybody could
    bring about, by a pull request. `kept` says what ran where. `paths` are the places
    of claims that are not at the top.
    """

    ids: tuple[str, ...]
    others: tuple[str, ...]
    kept: tuple[str, ...]
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    brings: Mapping[str, str] = field(default_factory=dict)
    never: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    pinned: tuple[str, ...] = ()
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All claims that a rule may name."""
        return (*self.ids, *self.others)


_MERGED_BY_ANYBODY = re.compile(r"refs/(pull|merge-requests)/.*")
TERMS: Mapping[str, Terms] = {
    Kind.GITHUB: Terms(
        ids=("repository_id", "repository_owner_id"),
        required=("event_name",),
        one_of=("environment", "ref"),
        others=(
            *("event_name", "environment", "ref", "ref_type", "runner_environment"),
            *("job_workflow_ref", "job_workflow_sha", "workflow_ref", "workflow_sha"),
            *("enterprise_id", "repository_visibility"),
        ),
        pinned=("job_workflow_ref", "workflow_ref"),
        never={
            "event_name": re.compile(r"pull_request.*|issue.*|discussion.*|fork"),
            "ref": _MERGED_BY_ANYBODY,
        },
        kept=(
            *("repository", "repository_id", "run_id", "run_attempt", "sha", "ref"),
            *("environment", "event_name", "job_workflow_ref", "runner_environment"),
        ),
    ),
    Kind.GITLAB: Terms(
        ids=("project_id",),
        required=("ref_protected",),
        others=(
            *("ref_protected", "namespace_id", "ref", "ref_type", "environment"),
            *("environment_protected", "deployment_tier", "pipeline_source"),
            *("runner_environment", "ci_config_sha", "ci_config_ref_uri"),
        ),
        fixed={"ref_protected": "true", "environment_protected": "true"},
        brings={"environment": "environment_protected"},
        never={
            "pipeline_source": re.compile(
                r"merge_request_event|external_pull_request_event"
            ),
            "ref": _MERGED_BY_ANYBODY,
            "ref_path": _MERGED_BY_ANYBODY,
        },
        kept=(
            *("project_path", "project_id", "pipeline_id", "job_id", "sha", "ref"),
            *("environment", "pipeline_source", "runner_environment"),
        ),
    ),
    Kind.AZURE: Terms(
        ids=("org_id", "prj_id", "def_id"),
        required=("rpo_ref",),
        others=("rpo_id", "rpo_ref"),
        never={"rpo_ref": _MERGED_BY_ANYBODY},
        kept=("org_id", "prj_id", "def_id", "run_id", "rpo_uri", "rpo_ver", "rpo_ref"),
    ),
    Kind.KUBERNETES: Terms(
        ids=("serviceaccount_uid",),
        others=("namespace", "serviceaccount_name"),
        kept=("namespace", "serviceaccount_name", "serviceaccount_uid", "pod_name"),
        paths={
            "namespace": (_SELF, "namespace"),
            "serviceaccount_name": (_SELF, "serviceaccount", "name"),
            "serviceaccount_uid": (_SELF, "serviceaccount", "uid"),
            "pod_name": (_SELF, "pod", "name"),
        },
    ),
}


def faults(kind: str, claims: Mapping[str, Sequence[str]]) -> list[str]:
    """Why a rule with these claims would trust too much; empty when it may be made."""
    return list(_faults(TERMS[kind], claims))


def _faults(terms: Terms, claims: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if unknown := sorted(set(claims) - set(terms.names)):
        yield _("A rule cannot name %(names)s. It may name: %(known)s.") % {
            "names": ", ".join(unknown)[:200],
            "known": ", ".join(terms.names),
        }
    if missing := [name for name in terms.ids if not claims.get(name)]:
        yield _(
            "Name %(names)s: a name can be taken over by somebody else, this number "
            "cannot."
        ) % {"names": ", ".join(missing)}
    if missing := [name for name in terms.required if not claims.get(name)]:
        yield _("Name %(names)s too.") % {"names": ", ".join(missing)}
    if terms.one_of and not any(claims.get(name) for name in terms.one_of):
        yield _("Name one of: %(names)s.") % {"names": ", ".join(terms.one_of)}
    for name, with_it in terms.brings.items():
        if claims.get(name) and not claims.get(with_it):
            yield _("Whoever names %(name)s names %(with_it)s, too.") % {
                "name": name,
                "with_it": with_it,
            }
    for name, values in claims.items():
        yield from _faulty_values(terms, name, values)


def _faulty_values(terms: Terms, name: str, values: Sequence[str]) -> Iterator[str]:
    said = {"name": name[:80]}
    if not 1 <= len(values) <= MOST_VALUES:
        yield _("%(name)s has 1 to 20 values.") % said
    for value in values[:MOST_VALUES]:
        if not 1 <= len(value) <= LONGEST_VALUE or not value.isprintable():
            yield _("A value of %(name)s has 1 to 500 signs that one sees.") % said
        elif "*" in value:
            yield _("%(name)s is compared as it stands: there are no patterns.") % said
        elif value != terms.fixed.get(name, value):
            yield _("%(name)s can only be %(value)s.") % {
                **said,
                "value": terms.fixed[name],
            }
        elif name in terms.never and terms.never[name].fullmatch(value):
            yield _(
                "%(value)s is not trusted: anybody may bring it about by proposing a "
                "change."
            ) % {"value": value}
        elif name in terms.pinned and not _PINNED.fullmatch(value):
            yield _("%(name)s ends in @ and a branch, a tag or a commit.") % said


def presented(kind: str, token: Mapping[str, Any], name: str) -> object:
    """The value of a claim as the token has it; None without."""
    found: object = token
    for step in TERMS[kind].paths.get(name, (name,)):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def is_for(rule: TrustRule, token: Mapping[str, Any]) -> bool:
    """Whether the identifiers fit: the rule is about this repository or project."""
    return not any(_differs(rule, token, name) for name in TERMS[rule.kind].ids)


def misfits(rule: TrustRule, token: Mapping[str, Any]) -> list[str]:
    """The claims that do not fit the rule, or that nobody may be trusted with.

    A claim fits when it is a text equal to one of the rule's: a list, a number or a
    truth value equals none.
    """
    terms = TERMS[rule.kind]
    wrong = [name for name in rule.claims if _differs(rule, token, name)]
    for name, pattern in terms.never.items():
        value = presented(rule.kind, token, name)
        if value is None or name in wrong:
            continue
        if not isinstance(value, str) or pattern.fullmatch(value):
            wrong.append(name)
    return wrong


def _differs(rule: TrustRule, token: Mapping[str, Any], name: str) -> bool:
    value = presented(rule.kind, token, name)
    return not isinstance(value, str) or value not in rule.claims.get(name, ())


def kept(rule: TrustRule, token: Mapping[str, Any]) -> dict[str, str]:
    """What ran where, as it is recorded with each act."""
    found = {}
    for name in TERMS[rule.kind].kept:
        value = presented(rule.kind, token, name)
        if isinstance(value, str) and value and value.isprintable():
            found[name] = value[:LONGEST_KEPT]
    return found
