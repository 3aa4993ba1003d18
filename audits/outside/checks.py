"""Settings of the outside memory, checked when a process starts."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from audits.outside import timestamps, witness, witnesses


@register()
def check_outside(**_: Any) -> list[CheckMessage]:
    """Read every setting that names somebody outside; a wrong one is an error."""
    reading: list[Callable[[], object]] = [witnesses.configured, witness.witnessed]
    if settings.FREIGABE_TSA_URL or settings.FREIGABE_TSA_CERTIFICATES:
        reading.append(timestamps.certificates)
    found: list[CheckMessage] = []
    for read in reading:
        try:
            read()
        except ImproperlyConfigured as error:
            found.append(Error(str(error), id="audits.E001"))
    return found
