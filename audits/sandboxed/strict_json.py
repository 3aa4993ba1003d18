"""Reads text so that no second reader can see another document in the same bytes."""

import json
import re
from typing import Any

from audits.sandboxed.refusal import Refused

WHOLE = re.compile(r"-?[0-9]{1,18}")
DECIMAL = re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?")


def read_json(data: bytes, what: str) -> Any:
    """Answer the document; a name that comes twice is refused. Raises Refused."""
    try:
        return json.loads(data, object_pairs_hook=_unique(what))
    except (ValueError, RecursionError) as trouble:
        raise Refused(f"The {what} file is not valid JSON.") from trouble


def whole(value: str | int) -> int:
    """Read a whole number that every reader reads alike. Raises ValueError.

    Python also takes `1_0` and digits of other scripts, of which C reads the start.
    """
    if not WHOLE.fullmatch(str(value)):
        raise ValueError(f"{str(value)[:40]!r} is not a whole number")
    return int(value)


def _unique(what: str) -> Any:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise Refused(f"The {what} file names something twice.")
        return dict(pairs)

    return build
