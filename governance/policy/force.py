"""Which packs are in force at a moment."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance.models import PolicyPack


class NoPolicy(Exception):
    """No policy pack is in force, so nothing can pass."""


def current_pack(*, at: datetime) -> PolicyPack:
    """The pack in force at a moment. Raises `NoPolicy`."""
    found = (
        PolicyPack.objects.filter(effective_from__lte=at)
        .order_by("-effective_from", "-version")
        .first()
    )
    if found is None:
        raise NoPolicy(_("No policy pack is in force."))
    return found
