"""A field for a number as people write it in their language."""

import re
from typing import Any

from django import forms
from django.utils.formats import get_format
from django.utils.translation import gettext as _

_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(\.[0-9]{3})+")


class NumberField(forms.FloatField):
    """A number with the decimal separator of the reader's language; also with a point.

    A browser's own field for numbers drops a comma that it does not expect: 0,8 became
    08, without a word.
    """

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off"}
        super().__init__(localize=True, widget=forms.TextInput(attrs=attrs), **kwargs)

    def to_python(self, value: Any) -> Any:
        """Refuse 1.000 where a comma parts the decimals: it is a thousand, or one."""
        text = str(value or "").strip()
        if get_format("DECIMAL_SEPARATOR") == ",":
            if _GROUPED.fullmatch(text):
                raise forms.ValidationError(
                    _(
                        "This can be read in two ways. Write whole numbers without"
                        " points, and decimals after a comma."
                    ),
                    code="ambiguous",
                )
            if "," not in text:
                value = text.replace(".", ",")
        return super().to_python(value)
