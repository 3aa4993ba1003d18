"""Places for boxes in columns: every edge goes forward, no two boxes overlap.

The layers of Sugiyama, Tagawa and Toda (1981): columns by the longest way, order in
a column by the middle of the neighbours, heights by isotonic regression.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 8
# What an edge takes of a column that it passes.
THIN = 10


class Circular(Exception):
    """The graph has a circle: fold it first."""


@dataclass(frozen=True)
class Layout:
    """`column` and `top` of each box; `bends` of each edge in the columns it passes."""

    column: Mapping[str, int]
    top: Mapping[str, int]
    bends: Mapping[tuple[str, str], tuple[int, ...]]
    columns: int
    height: int


@dataclass(frozen=True)
class _Item:
    """What takes room in a column: a box, or an edge that passes."""

    key: tuple[str, ...]
    height: int


def place(
    kinds: Mapping[str, str],
    edges: Sequence[tuple[str, str]],
    *,
    height: int,
    gap: int,
) -> Layout:
    """Place boxes of one height. Raises `Circular`.

    `kinds` gives the kind of each box, in the order that decides where nothing else
    does: boxes of a kind that nothing leads to share a column where they can.
    """
    edges = sorted(set(edges))
    column = _columns(kinds, edges)
    count = max(column.values(), default=-1) + 1
    layers: list[list[_Item]] = [[] for _ in range(count)]
    for name in kinds:
        layers[column[name]].append(_Item((name,), height))
    links: list[tuple[_Item, _Item]] = []
    for edge in edges:
        links += _chain(edge, column, layers, height)
    layers = _ordered(layers, links)
    tops = _heights(layers, links, gap)
    bottom = max((tops[i] + i.height for layer in layers for i in layer), default=0)
    return Layout(
        column=column,
        top={name: tops[_Item((name,), height)] for name in kinds},
        bends={
            (a, b): tuple(
                tops[_Item((a, b, str(at)), THIN)] + THIN // 2
                for at in range(column[a] + 1, column[b])
            )
            for a, b in edges
        },
        columns=count,
        height=bottom,
    )


def _columns(
    kinds: Mapping[str, str], edges: Sequence[tuple[str, str]]
) -> dict[str, int]:
    after: dict[str, list[str]] = defaultdict(list)
    missing = dict.fromkeys(kinds, 0)
    for source, target in edges:
        after[source].append(target)
        missing[target] += 1
    column = {name: 0 for name in kinds if missing[name] == 0}
    first = list(column)
    ready = list(first)
    done = 0
    while ready:
        here = ready.pop()
        done += 1
        for there in after[here]:
            column[there] = max(column.get(there, 0), column[here] + 1)
            missing[there] -= 1
            if missing[there] == 0:
                ready.append(there)
    if done < len(kinds):
        raise Circular("Boxes of a circle have no order.")
    _pull(column, kinds, first, after)
    return column


def _pull(
    column: dict[str, int],
    kinds: Mapping[str, str],
    first: Sequence[str],
    after: Mapping[str, list[str]],
) -> None:
    """Move boxes that nothing leads to towards what they lead to, kind by kind."""
    room = {
        name: min(column[there] for there in after[name]) - 1
        for name in first
        if after.get(name)
    }
    starts = set(first)
    level: dict[str, int] = {}
    for name, kind in kinds.items():
        at = room.get(name) if name in starts else column[name]
        if at is not None:
            level[kind] = min(level.get(kind, at), at)
    for name, most in room.items():
        column[name] = min(most, level[kinds[name]])


def _chain(
    edge: tuple[str, str],
    column: Mapping[str, int],
    layers: list[list[_Item]],
    height: int,
) -> list[tuple[_Item, _Item]]:
    """An edge as steps from column to column, with a thin item in each it passes."""
    source, target = edge
    here, links = _Item((source,), height), []
    for at in range(column[source] + 1, column[target]):
        passing = _Item((source, target, str(at)), THIN)
        layers[at].append(passing)
        links.append((here, passing))
        here = passing
    return [*links, (here, _Item((target,), height))]


_Links = Sequence[tuple[_Item, _Item]]


def _both_ways(
    links: _Links,
) -> tuple[dict[_Item, list[_Item]], dict[_Item, list[_Item]]]:
    before: dict[_Item, list[_Item]] = defaultdict(list)
    after: dict[_Item, list[_Item]] = defaultdict(list)
    for source, target in links:
        before[target].append(source)
        after[source].append(target)
    return before, after


def _ordered(layers: list[list[_Item]], links: _Links) -> list[list[_Item]]:
    """The order in each column with the fewest crossings that the sweeps find."""
    before, after = _both_ways(links)
    best, fewest = layers, _crossings(layers, after)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        forward = sweep % 2 == 0
        near = before if forward else after
        layers = [list(layer) for layer in layers]
        for at in range(len(layers)) if forward else reversed(range(len(layers))):
            beside = at - 1 if forward else at + 1
            if 0 <= beside < len(layers):
                layers[at] = _sorted(layers[at], layers[beside], near)
        crossings = _crossings(layers, after)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _sorted(
    layer: Sequence[_Item],
    beside: Sequence[_Item],
    near: Mapping[_Item, Sequence[_Item]],
) -> list[_Item]:
    """By the middle of the neighbours; what has none keeps its place."""
    place = {item: number for number, item in enumerate(beside)}

    def middle(pair: tuple[int, _Item]) -> float:
        number, item = pair
        known = [place[other] for other in near.get(item, ())]
        return sum(known) / len(known) if known else number

    return [item for _number, item in sorted(enumerate(layer), key=middle)]


def _crossings(
    layers: Sequence[Sequence[_Item]], after: Mapping[_Item, Sequence[_Item]]
) -> int:
    """How many pairs of edges cross, of all columns."""
    total = 0
    for layer, beside in zip(layers, layers[1:], strict=False):
        place = {item: number for number, item in enumerate(beside)}
        seen: list[int] = []
        for item in layer:
            ends = sorted(place[other] for other in after.get(item, ()))
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _heights(
    layers: Sequence[Sequence[_Item]], links: _Links, gap: int
) -> dict[_Item, int]:
    """The top of each item: level with its neighbours as far as order and room let."""
    before, after = _both_ways(links)
    tops: dict[_Item, int] = {}
    for layer in layers:
        tops.update(_settled(layer, {}, {}, gap))
    for near, order in ((before, layers), (after, layers[::-1]), (before, layers)):
        for layer in order:
            tops.update(_settled(layer, tops, near, gap))
    highest = min(tops.values(), default=0)
    return {item: top - highest for item, top in tops.items()}


def _settled(
    layer: Sequence[_Item],
    tops: Mapping[_Item, int],
    near: Mapping[_Item, Sequence[_Item]],
    gap: int,
) -> dict[_Item, int]:
    """Tops as near as can be to the wished ones, in order and apart by the gap.

    With the room above each item taken off, wishes must only not fall: the pools of
    adjacent violators give the least squares. Whole numbers keep the gap exact.
    """
    taken, above = 0, []
    pools: list[tuple[float, int]] = []  # the mean of the wishes, and of how many
    for item in layer:
        above.append(taken)
        pools.append((_wish(item, tops, near, taken) - taken, 1))
        taken += item.height + gap
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (low, n), (high, m) = pools[-2:]
            pools[-2:] = [((low * n + high * m) / (n + m), n + m)]
    levels = [round(mean) for mean, count in pools for _ in range(count)]
    return {
        item: level + room
        for item, level, room in zip(layer, levels, above, strict=True)
    }


def _wish(
    item: _Item,
    tops: Mapping[_Item, int],
    near: Mapping[_Item, Sequence[_Item]],
    otherwise: int,
) -> float:
    """Level with the middle of the neighbours; without any, where it is."""
    known = [tops[other] + other.height / 2 for other in near.get(item, ())]
    if known:
        return sum(known) / len(known) - item.height / 2
    return tops.get(item, otherwise)
