"""The members of a JSON object with their exact text: numbers stay as spelled."""

import json
import re
from typing import Any, NamedTuple

_OPEN = re.compile(r"[ \n\t\r]*\{[ \n\t\r]*(\})?")
_NAME = re.compile(r'[ \n\t\r]*("(?:[^"\\]|\\.)*")[ \n\t\r]*:[ \n\t\r]*', re.DOTALL)
_NEXT = re.compile(r"[ \n\t\r]*([,}])")


class Member(NamedTuple):
    """A member of a JSON object: its exact text and its value."""

    text: str
    value: Any


def values(text: str) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError; a name that stands twice is one too."""
    found = _strict.decode(text)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def text_of(name: str, text: str) -> str:
    """Return the exact text of a member of an object that values() could parse.

    Empty when there is none. Fast where it is the last member, as in our entries.
    """
    mark = f'"{name}": '
    end = len(text) - 1
    place = text.find(mark)
    while place >= 0:
        # Only the last member of the outermost object ends right before its brace.
        start = place + len(mark)
        if text[end] == "}" and _decode(text, start)[1] == end:
            return text[start:end]
        place = text.find(mark, start)
    found = members(text).get(name)
    return found.text if found else ""


def members(text: str) -> dict[str, Member]:
    """Cut a JSON object into its members, each with its exact text.

    Raises ValueError when the text is no object, or names a member twice.
    """
    found: dict[str, Member] = {}
    mark = _mark(_OPEN, text, 0)
    place = mark.end()
    if mark[1]:
        return _ended(text, place, found)
    while True:
        named = _mark(_NAME, text, place)
        key = json.loads(named[1])
        if key in found:
            raise ValueError(f"the member {key!r} stands twice"[:200])
        start = named.end()
        value, place = _decode(text, start)
        found[key] = Member(text[start:place], value)
        mark = _mark(_NEXT, text, place)
        place = mark.end()
        if mark[1] == "}":
            return _ended(text, place, found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _mark(pattern: re.Pattern[str], text: str, place: int) -> re.Match[str]:
    found = pattern.match(text, place)
    if found is None:
        raise ValueError(f"it is no JSON object at character {place}")
    return found


def _ended(text: str, place: int, found: dict[str, Member]) -> dict[str, Member]:
    if text[place:].strip(" \n\t\r"):
        raise ValueError("something follows the object")
    return found


_strict = json.JSONDecoder(object_pairs_hook=_once)
_decode = json.JSONDecoder().raw_decode
