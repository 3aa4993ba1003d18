"""Following the links of the pages, as somebody would who clicks on everything."""

from collections import Counter, deque
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urldefrag, urljoin, urlsplit

from django.http import HttpResponseBase
from django.test import Client
from django.urls import Resolver404, resolve

from registry.models import User


class Links(HTMLParser):
    """Where the links of a page lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found.append(dict(attrs).get("href") or "")


@dataclass
class Walk:
    """What somebody came to: each address with its answer, and from where."""

    answers: dict[str, HttpResponseBase] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def pages(self) -> dict[str, str]:
        """An address of each kind of page that was shown, by the name of the page."""
        return {
            resolve(urlsplit(address).path).view_name: address
            for address, answer in self.answers.items()
            if answer.status_code == 200
            and answer.headers["Content-Type"].startswith("text/html")
        }

    def refused(self) -> list[str]:
        """The links that led nowhere."""
        return [
            f"{answer.status_code} {address} from {self.origins[address]}"
            for address, answer in self.answers.items()
            if answer.status_code >= 400
        ]


def walk(person: User, *, language: str = "en", each: int = 1) -> Walk:
    """Follow links from the first page: `each` of every page and kind of question."""
    browser = Client(headers={"accept-language": language})
    browser.force_login(person)
    found, seen = Walk(), Counter[object]()
    waiting = deque([("/", "")])
    while waiting:
        address, origin = waiting.popleft()
        found.origins[address] = origin
        answer = found.answers[address] = browser.get(address)
        for link in _links(answer):
            there = urldefrag(urljoin(address, link)).url
            kind = _kind(there)
            if there not in found.origins and kind and seen[kind] < each:
                seen[kind] += 1
                found.origins[there] = address
                waiting.append((there, address))
    return found


def _links(answer: HttpResponseBase) -> list[str]:
    if 300 <= answer.status_code < 400:
        return [answer.headers["Location"]]
    if answer.streaming or not answer.headers["Content-Type"].startswith("text/html"):
        return []
    return Links(answer.content.decode()).found


def _kind(address: str) -> object:
    """What two links have in common that lead to the same page with other rows."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    try:
        name = resolve(parts.path).view_name
    except Resolver404:
        return address
    return name, *sorted(parse_qs(parts.query))
