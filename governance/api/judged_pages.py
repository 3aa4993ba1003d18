"""Pages of lists that are judged when they are read, and have no order in a table."""

import base64
import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from governance.reconciliation import Rank

LARGEST, USUAL = 200, 50

T = TypeVar("T")


def page_of(
    request: Request,
    rows: Callable[[Rank | None], Iterable[T]],
    rank: Callable[[T], Rank],
) -> tuple[list[T], dict[str, str]]:
    """One page of the rows after a rank, in the order of theirs, and its `Link` header.

    The cursor names the last row that was shown by its rank: the next page begins after
    it, also when that row has gone meanwhile. No more rows are taken than the page
    needs. `limit` as in the other lists. Raises `NotFound` for a cursor that was never
    given out.
    """
    cursor = request.query_params.get("cursor", "")
    limit = _limit(request.query_params.get("limit", ""))
    found = list(islice(rows(_read(cursor) if cursor else None), limit + 1))
    shown = found[:limit]
    if len(found) == len(shown):
        return shown, {}
    url = request.build_absolute_uri()
    following = replace_query_param(url, "cursor", _written(rank(shown[-1])))
    return shown, {"Link": f'<{following}>; rel="next"'}


def _limit(text: str) -> int:
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    return min(wanted, LARGEST) or USUAL


def _written(rank: Rank) -> str:
    return base64.urlsafe_b64encode(json.dumps(rank).encode()).decode()


def _read(cursor: str) -> Rank:
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, RecursionError) as error:
        raise _nowhere() from error
    if not isinstance(found, list) or list(map(type, found)) != [int, str, str, str]:
        raise _nowhere()
    state, environment, place, key = found
    return state, environment, place, key


def _nowhere() -> NotFound:
    return NotFound(_("This cursor leads nowhere."))
