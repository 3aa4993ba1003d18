"""The German catalogue: complete, compiled, and with the same placeholders."""

import ast
import gettext
import re
from collections.abc import Iterator

import pytest
from django.conf import settings

FOLDER = settings.BASE_DIR / "governance" / "locale" / "de" / "LC_MESSAGES"
PLACE = re.compile(r"%\(\w+\)[a-z]")
KEYWORD = re.compile(r'^(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) (".*")$')


def entries() -> Iterator[dict[str, str]]:
    """The entries of the catalogue, as keyword and text."""
    for block in (FOLDER / "django.po").read_text("utf-8").split("\n\n")[1:]:
        found: dict[str, str] = {}
        last = ""
        for line in block.splitlines():
            if match := KEYWORD.match(line):
                last = match[1]
                found[last] = ast.literal_eval(match[2])
            elif line.startswith('"'):
                found[last] += ast.literal_eval(line)
        if found:
            yield found


@pytest.fixture(scope="module")
def compiled() -> gettext.GNUTranslations:
    """What the application reads."""
    with (FOLDER / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def test_every_sentence_is_translated_with_its_placeholders(compiled):
    found = list(entries())
    assert len(found) > 900
    for entry in found:
        for name, text in entry.items():
            if not name.startswith("msgstr"):
                continue
            assert text, entry["msgid"]
            wanted = entry["msgid"] + entry.get("msgid_plural", "")
            assert set(PLACE.findall(text)) == set(PLACE.findall(wanted)), text


def test_compiled_catalogue_is_the_written_one(compiled):
    for entry in entries():
        if "msgid_plural" in entry:
            said = compiled.ngettext(entry["msgid"], entry["msgid_plural"], 1)
            assert said == entry["msgstr[0]"]
        elif "msgctxt" in entry:
            said = compiled.pgettext(entry["msgctxt"], entry["msgid"])
            assert said == entry["msgstr"]
        else:
            assert compiled.gettext(entry["msgid"]) == entry["msgstr"]
