"""A form as a browser sends it: what stands in its fields when nobody touched it."""

from html.parser import HTMLParser


class Filled(HTMLParser):
    """The values of the last form of a page that has this field."""

    def __init__(self, text: str, field: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._field, self._select, self._area = field, "", ""
        self._read: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = {name: value or "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "form":
            self._read = {}
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in found:
            self._read[self._select] = found.get("value", "")
        elif tag == "textarea":
            self._area = name
            self._read[name] = ""
        elif tag == "input" and _sent(found):
            ticked = "on" if "checked" in found else ""
            self._read[name] = _lines(found.get("value", ticked))

    def handle_data(self, data):
        if self._area:
            # The line end behind the tag is not part of the text.
            self._read[self._area] = _lines(data.removeprefix("\r").removeprefix("\n"))

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = ""
        elif tag == "form" and self._field in self._read:
            self.values = self._read


def _lines(text: str) -> str:
    """Line ends as browsers send them."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _sent(field: dict[str, str]) -> bool:
    boxes = ("checkbox", "radio")
    return "name" in field and (field.get("type") not in boxes or "checked" in field)


def filled(text: str, field: str) -> dict[str, str]:
    """What a browser sends of the form with this field."""
    return Filled(text, field).values
