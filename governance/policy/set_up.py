"""Publishing at set-up, before there is anybody who could approve a pack."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import roles
from governance.models import PolicyPack
from governance.policy.parsing import InvalidPack, parse
from registry.acts import act
from registry.digests import sha256_hex
from registry.models import User


@act
def publish(*, text: str, by: User, at: datetime) -> PolicyPack:
    """Publish a pack, in force at once. Raises `InvalidPack` and `NotAllowed`.

    Only the installation itself does this; people go through `publishing`.
    """
    if by.username != "system":
        raise roles.NotAllowed(
            _("Only the installation publishes without a draft and a signature.")
        )
    pack = parse(text)
    if PolicyPack.objects.filter(slug=pack.slug, version=pack.version).exists():
        raise InvalidPack(
            [
                _("%(slug)s %(version)s is published already; raise the version.")
                % {"slug": pack.slug, "version": pack.version}
            ]
        )
    return PolicyPack.objects.create(
        slug=pack.slug,
        version=pack.version,
        document=text,
        sha256=sha256_hex(text.encode()),
        effective_from=at,
        published_by=by,
        published_at=at,
    )
