"""How people want the pages to be: their language and time zone."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.utils.translation import gettext as _

from governance import records
from governance.models import Preference
from registry.acts import act
from registry.models import User

UTC = "UTC"
# Names that are no places: of the zone database's files, or of a fixed distance.
_NO_PLACES = ("Etc/", "SystemV/", "US/", "posix/", "right/")


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """The names of the IANA database that stand for a place, in order; UTC first."""
    places = {
        name
        for name in available_timezones()
        if "/" in name and not name.startswith(_NO_PLACES)
    }
    return (UTC, *sorted(places))


def zone(name: str) -> ZoneInfo:
    """The zone of that name; UTC where none is chosen or none is known any more."""
    return ZoneInfo(name if name in time_zones() else UTC)


def of(person: User) -> Preference:
    """What the person chose; an empty one where they chose nothing."""
    return Preference.objects.filter(person=person).first() or Preference(person=person)


@act
def prefer(*, language: str, time_zone: str, by: User, at: datetime) -> Preference:
    """Choose one's own language and time zone; empty means none in particular.

    Raises `records.Refused` for what there is not.
    """
    errors = {}
    if language and language not in dict(settings.LANGUAGES):
        errors["language"] = [_("The pages are not written in this language.")]
    if time_zone and time_zone not in time_zones():
        errors["time_zone"] = [_("There is no such time zone.")]
    if errors:
        raise records.Refused(errors)
    rows = Preference.objects.select_for_update()
    row = rows.get_or_create(person=by)[0]
    row.language, row.time_zone = language, time_zone
    row.save()
    return row
