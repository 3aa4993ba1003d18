"""Reads JSON so that no second reader can see another document in the same bytes."""

import json
from typing import Any

from audits.sandboxed.refusal import Refused


def read_json(data: bytes, what: str) -> Any:
    """Answer the document; a name that comes twice is refused. Raises Refused."""
    try:
        return json.loads(data, object_pairs_hook=_unique(what))
    except (ValueError, RecursionError) as trouble:
        raise Refused(f"The {what} file is not valid JSON.") from trouble


def _unique(what: str) -> Any:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise Refused(f"The {what} file names something twice.")
        return dict(pairs)

    return build
