"""A field for a number as people write it in their language."""

from typing import Any

from django import forms


class NumberField(forms.FloatField):
    """A number with the decimal separator of the reader's language; also with a point.

    A browser's own field for numbers drops a comma that it does not expect: 0,8 became
    08, without a word.
    """

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off"}
        super().__init__(localize=True, widget=forms.TextInput(attrs=attrs), **kwargs)
