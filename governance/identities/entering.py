"""Who comes in with a token of a pipeline: the machine user of the one rule that fits.

Why a token may be used more than once: docs/decisions/0041-tokens-of-pipelines.md.
"""

import functools
import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from governance.access import InvalidToken
from governance.identities import fetching, keys, terms, tokens
from governance.identities.tokens import Presented
from governance.models import PipelineToken, TrustRule
from registry.acts import acting
from registry.digests import sha256_hex
from registry.models import Scope, User

_log = logging.getLogger(__name__)
_set_of = functools.lru_cache(maxsize=64)(keys.parse)


def authenticate(text: str, *, at: datetime, address: str = "") -> User:
    """The machine user behind a token of a pipeline, with its scope.

    The first use of a token is recorded with what ran where, and `address`, the
    network address that it came from. Raises `InvalidToken`, and `IssuerUnreachable`
    when nobody can tell.
    """
    token = tokens.read(text)
    rules = [rule for rule in _in_force(token.issuer) if _addressed(rule, token)]
    if not rules:
        raise InvalidToken(
            _(
                "No rule trusts tokens of %(issuer)s for %(audience)s, signed with "
                "%(algorithm)s."
            )
            % {
                "issuer": token.issuer,
                "audience": token.audience[:200],
                "algorithm": token.algorithm,
            }
        )
    issued, ends = tokens.times(token, at=at)
    rule = _the_one(_verified(token, rules, at), token)
    row = _record(rule, token, at, issued=issued, ends=ends, address=address)
    user = rule.user
    user.scope = Scope(
        rule.models_pattern,
        tuple(rule.environments),
        ends_at=ends,
        pipeline=row.pk,
        run=row.claims,
    )
    return user


def _in_force(issuer: str) -> Sequence[TrustRule]:
    return list(
        TrustRule.objects.filter(
            issuer=issuer,
            confirmation__isnull=False,
            end__isnull=True,
            user__is_active=True,
        ).select_related("user")
    )


def _addressed(rule: TrustRule, token: Presented) -> bool:
    return rule.audience == token.audience and token.algorithm in rule.algorithms


def _verified(
    token: Presented, rules: Sequence[TrustRule], at: datetime
) -> list[TrustRule]:
    """The rules by whose keys the token is genuine.

    Raises `InvalidToken` for none, `IssuerUnreachable` when that may be because keys
    could not be had.
    """
    genuine, seen = [], dict[tuple[str, str], Exception | None]()
    for rule in rules:
        source = (rule.jwks_uri, rule.jwks)
        if source not in seen:
            seen[source] = _why_not(token, rule, at)
        if seen[source] is None:
            genuine.append(rule)
    if genuine:
        return genuine
    problems = [error for error in seen.values() if error is not None]
    for error in problems:
        if isinstance(error, fetching.IssuerUnreachable):
            raise error
    raise problems[0]


def _why_not(token: Presented, rule: TrustRule, at: datetime) -> Exception | None:
    try:
        if rule.jwks:
            key = _set_of(rule.jwks).get(token.kid)
        else:
            source = fetching.Source(rule.issuer, rule.jwks_uri)
            key = fetching.cache.find(source, token.kid, at=at)
        tokens.verify(token, key)
    except (InvalidToken, keys.UnusableKeys, fetching.IssuerUnreachable) as error:
        return error
    return None


def _the_one(rules: Sequence[TrustRule], token: Presented) -> TrustRule:
    """The only rule that fits. Raises `InvalidToken` for none, and for several."""
    fitting = [rule for rule in rules if not _misfits(rule, token)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InvalidToken(
            _(
                "Several rules fit this token: %(names)s. An administrator ends all "
                "but one."
            )
            % {"names": ", ".join(rule.name for rule in fitting)}
        )
    told = next((rule for rule in rules if terms.is_for(rule, token.claims)), None)
    _log.warning("A genuine token of %s fits no rule.", token.issuer)
    if told is None:
        raise InvalidToken(_("No rule trusts this repository or project."))
    raise InvalidToken(
        _("The rule %(name)s does not fit: %(claims)s differ from what it trusts.")
        % {"name": told.name, "claims": ", ".join(_misfits(told, token))}
    )


def _misfits(rule: TrustRule, token: Presented) -> list[str]:
    return terms.misfits(rule, token.claims)


def _record(
    rule: TrustRule,
    token: Presented,
    at: datetime,
    *,
    issued: datetime,
    ends: datetime,
    address: str,
) -> PipelineToken:
    """The row of this token, made at its first use.

    Raises `InvalidToken` when its `jti` stood in another token, or it came in under
    another rule before.
    """
    # Without the signature, of which there can be several that are right.
    digest = sha256_hex(token.text.rpartition(".")[0].encode())
    row = _known(token)
    if row is None:
        row = PipelineToken(
            rule=rule,
            issuer=token.issuer,
            jti=token.jti,
            sha256=digest,
            claims=terms.kept(rule, token.claims),
            address=address[:60],
            issued_at=issued,
            expires_at=ends,
            first_used_at=at,
        )
        try:
            with acting(by=rule.user), transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            # Another request with the same token was first.
            row = _known(token)
    if row is None or row.sha256 != digest or row.rule_id != rule.pk:
        raise InvalidToken(
            _("This token, or another with its jti, came in by another rule before.")
        )
    return row


def _known(token: Presented) -> PipelineToken | None:
    rows = PipelineToken.objects.filter(issuer=token.issuer, jti=token.jti)
    return rows.first()
