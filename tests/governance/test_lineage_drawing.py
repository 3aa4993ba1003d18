"""The drawing of lineage: nothing overlaps, all goes forward, and it never varies."""

import random

import pytest
from django.urls import reverse
from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.web import drawing
from governance.web.drawing import HEIGHT, MARGIN, WIDTH, draw
from governance.web.folding import MANY, fold
from governance.web.layering import Circular, place
from registry.lineage import Edge, Graph, Node

KINDS = tuple(drawing.KINDS)
VERBS = tuple(drawing.VERBS)
NAMES = st.integers(0, 11)


@st.composite
def graphs(draw_from) -> Graph:
    """Any graph of up to twelve nodes of few families, circles among them."""
    count = draw_from(st.integers(0, 12))
    nodes = tuple(
        Node(
            id=f"n{at}",
            kind=draw_from(st.sampled_from(KINDS)),
            name=f"Node {at}",
            family=draw_from(st.sampled_from(("", "a", "b"))),
        )
        for at in range(count)
    )
    if not nodes:
        return Graph((), ())
    ends = st.sampled_from([node.id for node in nodes])
    edges = draw_from(
        st.lists(st.builds(Edge, ends, ends, st.sampled_from(VERBS)), max_size=30)
    )
    return Graph(nodes, tuple(edges))


def chain(*names: str) -> tuple[Edge, ...]:
    return tuple(Edge(a, b, "feeds") for a, b in zip(names, names[1:], strict=False))


def models(*names: str) -> tuple[Node, ...]:
    return tuple(Node(name, "model", name, family=name) for name in names)


# Three equal data sets, of which one names itself.
SELF = Graph(
    tuple(Node(name, "dataset", name, family="x") for name in "abc"),
    (Edge("a", "a", "produced"),),
)
CIRCLE = Graph(
    models("a", "b", "c", "d"), (*chain("a", "b", "c", "a"), *chain("c", "d"))
)


@given(graphs())
@example(CIRCLE)
def test_no_two_boxes_overlap_and_all_are_inside(graph):
    drawn = draw(graph)
    places = [(box.x, box.y) for box in drawn.boxes]
    for at, (x, y) in enumerate(places):
        assert MARGIN <= x <= drawn.width - WIDTH - MARGIN
        assert MARGIN <= y <= drawn.height - HEIGHT - MARGIN
        for x2, y2 in places[at + 1 :]:
            assert x != x2 or abs(y - y2) >= HEIGHT + drawing.GAP_Y


@given(graphs())
@example(CIRCLE)
def test_every_arrow_goes_forward_and_passes_no_box(graph):
    drawn = draw(graph)
    step = WIDTH + drawing.GAP_X
    for arrow in drawn.arrows:
        assert arrow.source.x + WIDTH < arrow.target.x
        passed = range(arrow.source.x + step, arrow.target.x, step)
        assert len(passed) == len(arrow.bends)
        for x, y in zip(passed, arrow.bends, strict=True):
            for box in drawn.boxes:
                assert box.x != x or not box.y <= y <= box.y + HEIGHT


@given(graphs(), st.randoms())
@example(CIRCLE, random.Random(1))  # noqa: S311
def test_the_same_graph_gives_the_same_drawing_in_any_order(graph, order):
    nodes, edges = list(graph.nodes), list(graph.edges)
    order.shuffle(nodes)
    order.shuffle(edges)
    assert draw(Graph(tuple(nodes), tuple(edges))) == draw(graph)


@given(graphs(), st.sampled_from(((), ("*",))))
def test_folding_loses_no_node_and_no_edge(graph, opened):
    folded = fold(graph, opened)
    told = [node.id for knot in folded.knots for node in knot.members]
    assert sorted(told) == sorted(node.id for node in graph.nodes)
    place_of = {n.id: knot.id for knot in folded.knots for n in knot.members}
    wanted = {
        (place_of[e.source], place_of[e.target], e.verb)
        for e in graph.edges
        if place_of[e.source] != place_of[e.target]
    }
    assert {(e.source, e.target, e.verb) for e in folded.edges} == wanted


@given(graphs())
@example(SELF)
def test_stacks_hold_only_nodes_that_lead_to_alike_and_come_from_alike(graph):
    folded = fold(graph)
    own = {n.id: knot for knot in folded.knots for n in knot.members}
    known = {node.id: node for node in graph.nodes}

    def look(name: str) -> object:
        node, knot = known[name], own[name]
        return knot.id if knot.circle else (node.kind, node.family or node.id)

    for knot in folded.knots:
        if not knot.is_stack:
            continue
        assert len(knot.members) >= MANY
        looks = [
            (
                look(node.id),
                {(e.verb, look(e.target)) for e in graph.edges if e.source == node.id},
                {(e.verb, look(e.source)) for e in graph.edges if e.target == node.id},
            )
            for node in knot.members
        ]
        assert all(one == looks[0] for one in looks)


@given(graphs())
def test_what_is_opened_is_shown_one_by_one(graph):
    assert not [knot for knot in fold(graph, ("*",)).knots if knot.is_stack]
    for knot in fold(graph).knots:
        if knot.is_stack:
            shown = {k.id for k in fold(graph, (knot.id,)).knots}
            assert {node.id for node in knot.members} <= shown


def test_models_that_feed_each_other_are_one_box():
    drawn = draw(CIRCLE)
    assert [len(box.knot.members) for box in drawn.boxes] == [3, 1]
    assert drawn.boxes[0].detail == "feed each other in a circle"
    assert [(a.source.node.id, a.target.node.id) for a in drawn.arrows] == [("a", "d")]


def test_a_circle_that_was_not_folded_is_refused():
    with pytest.raises(Circular):
        place({"a": "x", "b": "x"}, [("a", "b"), ("b", "a")], height=9, gap=1)


def two_hundred() -> Graph:
    """Twenty-five models of four trained versions each, on four data sets."""
    return by_models(25)


def by_models(count: int) -> Graph:
    """So many models of four trained versions each, on four data sets."""
    nodes = [Node(f"d{n}", "dataset", f"Data {n}", family="Data") for n in range(4)]
    nodes += [Node(f"p{n}", "deployment", f"Place {n}", family=f"{n}") for n in (0, 1)]
    edges = []
    for at in range(count):
        family = f"M{at}"
        for number in range(4):
            run, made = f"r{at}.{number}", f"v{at}.{number}"
            slugs = (f"m{at}", str(number))
            name = f"{family} {number}"
            nodes.append(Node(run, "run", "train", family=family))
            nodes.append(Node(made, "version", name, family=family, slugs=slugs))
            edges += [
                Edge(f"d{at % 4}", run, "training"),
                Edge(f"d{(at + 1) % 4}", made, "test"),
                Edge(run, made, "produced"),
                Edge(made, f"p{at % 2}", "runs in" if number == 3 else "ran in"),
            ]
    return Graph(tuple(nodes), tuple(edges))


def test_two_hundred_nodes_fold_to_what_can_be_read():
    graph = two_hundred()
    assert len(graph.nodes) == 206
    folded, opened = draw(graph), draw(graph, opened=("*",))
    assert len(opened.boxes) == 206
    assert opened.words == folded.words
    assert len(folded.boxes) == 4 + 25 * 2 * 2 + 2
    assert {box.x for box in opened.boxes} == {
        MARGIN + at * (WIDTH + drawing.GAP_X) for at in range(4)
    }


def test_a_data_set_with_many_models_is_drawn_by_models():
    graph = by_models(25)
    drawn, opened = (
        draw(graph, joining=True),
        draw(graph, opened=("*",), joining=True),
    )
    assert len(opened.boxes) == len(graph.nodes) == 206
    assert len(drawn.boxes) == 4 + 25 + 2
    assert drawn.words == opened.words
    box = next(box for box in drawn.boxes if box.name == "M7")
    assert box.href == reverse("web:model_lineage", args=["m7"])
    assert {(a.source.name, a.how) for a in drawn.arrows if a.target == box} == {
        ("Data 3", "training"),
        ("Data 0", "test"),
    }


def test_more_models_than_anybody_reads_are_drawn_by_what_is_alike():
    drawn = draw(by_models(100), joining=True)
    assert len(drawn.boxes) == 4 + 4 + 2
    assert "25 × Model" in {box.full_name for box in drawn.boxes}


def test_a_small_graph_is_drawn_with_its_runs_and_versions():
    assert not draw(by_models(3), joining=True).joined


def test_equal_versions_of_one_model_are_one_box_with_their_names():
    nodes = [Node("d", "dataset", "Data 1", family="Data")]
    nodes += [Node(f"v{n}", "version", f"Model {n}", family="Model") for n in range(14)]
    edges = [Edge("d", f"v{n}", "training") for n in range(14)]
    drawn = draw(Graph(tuple(nodes), tuple(edges)))
    assert [box.full_name for box in drawn.boxes] == ["Data 1", "14 × Model"]
    stack = drawn.boxes[1]
    assert stack.members.endswith("and 2 more")
    assert (stack.href, stack.opens) == ("", [stack.knot.id])


def test_data_that_nothing_leads_to_stands_in_one_column():
    nodes = (
        Node("d1", "dataset", "Training 1"),
        Node("d2", "dataset", "Test 1"),
        Node("r", "run", "train"),
        Node("v", "version", "Model 1"),
    )
    edges = (
        Edge("d1", "r", "training"),
        Edge("d2", "v", "test"),
        Edge("r", "v", "produced"),
    )
    drawn = draw(Graph(nodes, edges))
    columns = {box.node.id: box.x for box in drawn.boxes}
    assert columns["d1"] == columns["d2"] < columns["r"] < columns["v"]


@settings(max_examples=20)
@given(st.text(min_size=1, max_size=60))
def test_a_long_name_is_cut_to_its_box_and_kept_in_full(name):
    (box,) = draw(Graph((Node("v", "version", name),), ())).boxes
    assert len(box.name) <= drawing.LONGEST_NAME
    assert box.full_name == name
