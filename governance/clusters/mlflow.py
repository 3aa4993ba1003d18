"""Which versions the aliases of an MLflow registry point at (MLflow 2.x and 3.x).

MLflow keeps no digest of a model's files: it is the tag `freigabe.digest` of the model
version, or that of the version here whose run has the same id.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from governance.clusters.asking import (
    MOST_PAGES,
    MOST_SEEN,
    Asker,
    Seen,
    Unreachable,
    text_of,
)

TAG = "freigabe.digest"
_API = "/api/2.0/mlflow"
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_VERSION = re.compile(r"\d+\.\d+\S*\s*")


def look(asker: Asker, aliases: Sequence[str]) -> list[Seen]:
    """What each of these aliases points at, of all registered models.

    Raises `Unreachable` unless everything was read.
    """
    # An empty registry answers {}, as a gateway in between may: is it MLflow at all?
    if not _VERSION.fullmatch(asker.text("/version")):
        raise Unreachable(_("It does not answer as MLflow does."))
    found = []
    for name, alias, version in _pointers(asker, frozenset(aliases)):
        found.append(_seen(asker, name, alias, version))
        if len(found) > MOST_SEEN:
            raise Unreachable(_("More runs there than can be looked at."))
    return found


def _pointers(asker: Asker, aliases: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """Model, alias and version of every alias that is asked for."""
    after = ""
    for _page in range(MOST_PAGES):
        query = {"max_results": "200", **({"page_token": after} if after else {})}
        answer = _object(asker, "/registered-models/search", query)
        for model in _list(answer, "registered_models"):
            for one in _list(model, "aliases"):
                if one.get("alias") in aliases:
                    said = (model.get("name"), one.get("alias"), one.get("version"))
                    if not all(isinstance(part, str | int) and part for part in said):
                        raise Unreachable(_("The answer is not what was asked for."))
                    yield str(said[0]), str(said[1]), str(said[2])
        after = str(answer.get("next_page_token") or "")
        if not after:
            return
    raise Unreachable(_("More runs there than can be looked at."))


def _seen(asker: Asker, name: str, alias: str, version: str) -> Seen:
    query = {"name": name, "version": version}
    answer = _object(asker, "/model-versions/get", query)
    found = answer.get("model_version")
    if not isinstance(found, Mapping) or str(found.get("version")) != version:
        raise Unreachable(_("The answer is not what was asked for."))
    tags = {one.get("key"): one.get("value") for one in _list(found, "tags")}
    digest = tags.get(TAG)
    match = _SHA256.fullmatch(digest.strip()) if isinstance(digest, str) else None
    place = f"{text_of(name, 300)}@{text_of(alias)}"
    if match:
        return Seen(place, match[1])
    note = _("Version %(version)s has no digest in its tag %(tag)s.") % {
        "version": text_of(version),
        "tag": TAG,
    }
    return Seen(place, note=note, run=text_of(found.get("run_id")))


def _object(asker: Asker, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
    found = asker.document(_API + path, query)
    if found is None:
        raise Unreachable(_("The answer is not what was asked for."))
    return found


def _list(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """A list of objects; MLflow leaves empty ones out."""
    found = holder.get(name, [])
    if not isinstance(found, list) or not all(isinstance(x, Mapping) for x in found):
        raise Unreachable(_("The answer is not what was asked for."))
    return found
