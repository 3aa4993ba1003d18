"""What every fact has: an identity that nobody reuses."""

import uuid
from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

SLUG = RegexValidator(
    r"^[a-z0-9]+(?:-[a-z0-9]+)*\Z",
    "Use lower-case letters, digits and single hyphens, such as mortgage-approval.",
)
VERSION = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z",
    "Use up to 64 letters, digits, dots, underscores, plus signs or hyphens.",
)
SHA256 = RegexValidator(
    r"^[0-9a-f]{64}\Z", "A SHA-256 digest has 64 lower-case hexadecimal digits."
)
JURISDICTION = RegexValidator(
    r"^[A-Z]{2}(-[A-Z0-9]{1,6})?\Z",
    "Use codes such as EU, DE, US or US-NYC (ISO 3166).",
)
ANNEX_III_POINT = RegexValidator(
    r"^[1-8][a-e]?\Z",
    "Use a point of Annex III such as 5b: an area from 1 to 8, and a letter if any.",
)


class Fact(models.Model):
    """A row with a random UUID as its key.

    `append_only` tables refuse UPDATE and DELETE in the database; `log_secrets` names
    columns that the log must never contain, `log_personal` those whose values it holds
    as commitments that can be erased. All are read by the capture triggers.
    """

    append_only: ClassVar[bool] = False
    log_secrets: ClassVar[tuple[str, ...]] = ()
    log_personal: ClassVar[tuple[str, ...]] = ()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True
