"""What KServe serves in a cluster, listed through its API server."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from governance.clusters.asking import (
    MOST_PAGES,
    MOST_SEEN,
    Asker,
    Seen,
    Unreachable,
    text_of,
)
from governance.clusters.naming import named_in

_GROUP = "/apis/serving.kserve.io"
# Kind of the list, path, and whether a cluster may be without it.
_LISTS = (
    ("InferenceService", "v1beta1", "inferenceservices", False),
    ("LLMInferenceService", "v1alpha1", "llminferenceservices", True),
)
_PAGE = "200"


def look(asker: Asker, namespaces: Sequence[str]) -> list[Seen]:
    """All files that run in these namespaces, none named means all.

    Raises `Unreachable` unless every list was read to its end.
    """
    found: list[Seen] = []
    for kind, version, plural, optional in _LISTS:
        for namespace in namespaces or [""]:
            within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
            path = f"{_GROUP}/{version}{within}/{plural}"
            for item in _items(asker, path, f"{kind}List", optional):
                found.extend(_seen(kind, item))
                if len(found) > MOST_SEEN:
                    raise Unreachable(_("More runs there than can be looked at."))
    return found


def _items(
    asker: Asker, path: str, kind: str, optional: bool
) -> Iterator[Mapping[str, Any]]:
    after = ""
    for _page in range(MOST_PAGES):
        query = {"limit": _PAGE, **({"continue": after} if after else {})}
        answer = asker.document(path, query, absent=optional and not after)
        if answer is None:
            return
        items, metadata = answer.get("items"), answer.get("metadata")
        if answer.get("kind") != kind or not isinstance(items, list):
            raise Unreachable(_("The answer is not what was asked for."))
        for item in items:
            if not isinstance(item, Mapping):
                raise Unreachable(_("The answer is not what was asked for."))
            yield item
        more = metadata.get("continue") if isinstance(metadata, Mapping) else None
        if not more:
            return
        if not isinstance(more, str) or more == after:
            raise Unreachable(_("The answer is not what was asked for."))
        after = more
    raise Unreachable(_("More runs there than can be looked at."))


def _seen(kind: str, item: Mapping[str, Any]) -> Iterator[Seen]:
    """The files of one object; one without a digest where it names none."""
    metadata = item.get("metadata")
    about = metadata if isinstance(metadata, Mapping) else {}
    place = f"{text_of(about.get('namespace')) or '-'}/{kind}/"
    place += text_of(about.get("name"), 253) or "?"
    named = named_in(item)
    pinned = [one.sha256 for one in named.addresses if one.sha256]
    files = dict.fromkeys((*named.digests, *pinned))
    if not named.addresses and not named.digests:
        files = dict.fromkeys(one.sha256 for one in named.images if one.sha256)
    for sha256 in files:
        yield Seen(place, sha256, model=named.model, version=named.version)
    loose = sum(not one.sha256 for one in named.addresses)
    if not files or loose > len(named.digests) or named.faults:
        note = " ".join(named.faults) or _("It names no digest of what it serves.")
        yield Seen(place, model=named.model, version=named.version, note=note[:2000])
