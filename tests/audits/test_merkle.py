"""The tree against published vectors, and against a naive reference."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits import merkle

VECTORS = Path(__file__).resolve().parents[3] / "shared/vectors/merkle_inclusion"
CASES = sorted(VECTORS.rglob("*.json"))
LEAVES = [merkle.leaf_hash(bytes([i // 256, i % 256])) for i in range(600)]
SIZES = st.integers(1, len(LEAVES))


def _naive_root(leaves: list[bytes]) -> bytes:
    """Follow RFC 6962, 2.1, word by word."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(_naive_root(leaves[:k]), _naive_root(leaves[k:]))


def _node(level: int, index: int) -> bytes:
    part = LEAVES[index << level : (index + 1) << level]
    assert len(part) == 1 << level, "only complete subtrees may be asked for"
    return _naive_root(part)


@pytest.mark.skipif(not CASES, reason="../shared/vectors is not there")
@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_published_inclusion_vectors(path):
    case = json.loads(path.read_text())

    def verify() -> None:
        merkle.verify_inclusion(
            leaf=base64.b64decode(case["leafHash"]),
            index=case["leafIdx"],
            size=case["treeSize"],
            proof=[base64.b64decode(value) for value in case["proof"] or []],
            root=base64.b64decode(case["root"]),
        )

    if case["wantErr"]:
        with pytest.raises(merkle.ProofError):
            verify()
    else:
        verify()


def test_published_constants_of_the_hasher():
    leaf = "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    node = "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.leaf_hash(b"L123456").hex() == leaf
    assert merkle.node_hash(b"N123", b"N456").hex() == node
    assert merkle.leaf_hash(b"").hex() == empty_leaf
    assert merkle.EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")


@given(SIZES)
def test_root_equals_the_naive_one(size):
    expected = _naive_root(LEAVES[:size])
    assert merkle.root_hash(LEAVES[:size]) == expected
    assert merkle.subtree_hash(begin=0, end=size, node=_node) == expected


@given(SIZES, st.data())
def test_inclusion_holds_for_its_leaf_and_for_nothing_else(size, data):
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index=index, size=size, node=_node)
    root = _naive_root(LEAVES[:size])
    merkle.verify_inclusion(
        leaf=LEAVES[index], index=index, size=size, proof=proof, root=root
    )
    if other != index:
        with pytest.raises(merkle.ProofError):
            merkle.verify_inclusion(
                leaf=LEAVES[index], index=other, size=size, proof=proof, root=root
            )


@given(SIZES, st.data())
@settings(max_examples=200)
def test_consistency_holds_and_every_change_of_it_fails(size, data):
    old = data.draw(st.integers(1, size))
    proof = merkle.consistency_proof(old_size=old, new_size=size, node=_node)
    old_root, new_root = _naive_root(LEAVES[:old]), _naive_root(LEAVES[:size])

    def verify(**changed: object) -> None:
        merkle.verify_consistency(
            **{
                "old_size": old,
                "new_size": size,
                "old_root": old_root,
                "new_root": new_root,
                "proof": proof,
                **changed,
            }
        )

    verify()
    wrong = [{"new_root": LEAVES[0][::-1]}, {"proof": [*proof, LEAVES[0]]}]
    if old < size:
        wrong += [{"old_root": LEAVES[0][::-1]}, {"proof": proof[:-1]}]
        place = data.draw(st.integers(0, len(proof) - 1))
        flipped = bytes([proof[place][0] ^ 1]) + proof[place][1:]
        wrong.append({"proof": [*proof[:place], flipped, *proof[place + 1 :]]})
    for changed in wrong:
        with pytest.raises(merkle.ProofError):
            verify(**changed)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5), (-1, 5)])
def test_sizes_that_make_no_sense_are_refused(old, new):
    with pytest.raises(merkle.ProofError):
        merkle.consistency_proof(old_size=old, new_size=new, node=_node)
    with pytest.raises(merkle.ProofError):
        merkle.verify_consistency(
            old_size=old,
            new_size=new,
            old_root=LEAVES[0],
            new_root=LEAVES[0],
            proof=[],
        )


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_leaves_outside_of_the_tree_are_refused(index, size):
    with pytest.raises(merkle.ProofError):
        merkle.inclusion_proof(index=index, size=size, node=_node)


def test_an_error_names_both_roots():
    with pytest.raises(merkle.ProofError) as failure:
        merkle.verify_inclusion(
            leaf=LEAVES[0], index=0, size=1, proof=[], root=LEAVES[1]
        )
    assert LEAVES[0].hex() in str(failure.value)
    assert LEAVES[1].hex() in str(failure.value)


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_compact_range_resumes_where_it_stopped(first, more):
    tree = merkle.CompactRange()
    for leaf in LEAVES[:first]:
        tree.append(leaf)
    resumed = merkle.CompactRange(tree.size, tree.frontier)
    seen: dict[tuple[int, int], bytes] = {}

    def visit(level: int, index: int, node: bytes) -> None:
        seen[level, index] = node

    for leaf in LEAVES[first : first + more]:
        resumed.append(leaf, visit)
    assert resumed.root() == _naive_root(LEAVES[: first + more])
    assert all(node == _node(*place) for place, node in seen.items())


def test_a_frontier_that_does_not_fit_its_size_is_refused():
    with pytest.raises(ValueError, match="2 edge hashes, not 1"):
        merkle.CompactRange(3, [LEAVES[0]])
