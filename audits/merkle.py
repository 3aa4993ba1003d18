"""The RFC 6962 hash tree: hashes, roots, proofs and their verification."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

# Answers the hash of the complete subtree over the leaves
# [index * 2^level, (index + 1) * 2^level); asked only for subtrees that exist.
NodeReader = Callable[[int, int], bytes]


class ProofError(ValueError):
    """A proof does not hold; the text names what was expected and what was found."""


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00, data), the hash of a leaf (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01, left, right), the hash of an inner node (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root over these leaf hashes, in constant memory."""
    tree = CompactRange()
    for leaf in leaf_hashes:
        tree.append(leaf)
    return tree.root()


class CompactRange:
    """The right edge of a growing tree: as many hashes as its size has one-bits."""

    def __init__(self, size: int = 0, frontier: Sequence[bytes] = ()) -> None:
        """Resume from a stored size and frontier; ValueError if they disagree."""
        if size < 0 or size.bit_count() != len(frontier):
            raise ValueError(
                f"A tree of {size} leaves has {max(size, 0).bit_count()} edge hashes, "
                f"not {len(frontier)}."
            )
        self.size = size
        self.frontier = list(frontier)

    def append(
        self, leaf: bytes, visit: Callable[[int, int, bytes], None] | None = None
    ) -> None:
        """Add one leaf hash; tell visit(level, index, hash) of each node completed."""
        self.append_subtree(0, leaf, visit)

    def append_subtree(
        self,
        level: int,
        node: bytes,
        visit: Callable[[int, int, bytes], None] | None = None,
    ) -> None:
        """Add the root over the next 2**level leaves, as append() would one by one.

        ValueError unless the size is a multiple of 2**level. `visit` is not told of
        nodes below this one.
        """
        if self.size & ((1 << level) - 1):
            raise ValueError(f"{self.size} leaves do not end at level {level}.")
        self.size += 1 << level
        index = (self.size >> level) - 1
        while index & 1:
            node = hashlib.sha256(b"\x01" + self.frontier.pop() + node).digest()
            level, index = level + 1, index >> 1
            if visit:
                visit(level, index, node)
        self.frontier.append(node)

    def root(self) -> bytes:
        """Return the root hash of the leaves appended so far."""
        return _fold_right(self.frontier) if self.frontier else EMPTY_ROOT


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of hashes."""
    row = list(hashes)
    while len(row) > 1:
        pairs = iter(row)
        row = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(pairs, pairs, strict=True)
        ]
    return row[0]


def inclusion_proof(*, index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the audit path of a leaf in the tree of this size (RFC 6962, 2.1.1).

    Reads at most two nodes for each level. Raises ProofError unless
    0 <= index < size.
    """
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves has no leaf {index}.")
    return _path(index, 0, size, node)


def consistency_proof(*, old_size: int, new_size: int, node: NodeReader) -> list[bytes]:
    """Return the proof that the old tree is a prefix of the new (RFC 6962, 2.1.2).

    Raises ProofError unless 0 < old_size <= new_size. Equal sizes: empty proof.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(
            f"There is no consistency proof from size {old_size} to size {new_size}."
        )
    return _subproof(old_size, 0, new_size, True, node)


def subtree_hash(*, begin: int, end: int, node: NodeReader) -> bytes:
    """Return the hash over the leaves [begin, end); with begin 0, a tree's root.

    `begin` must be a multiple of the largest power of two up to end - begin.
    """
    if begin == end == 0:
        return EMPTY_ROOT
    return _subtree(begin, end, node)


def verify_inclusion(
    *, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf hash stands at this index (RFC 9162, 2.1.3.2).

    Raises ProofError that names the computed and the expected root.
    """
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves has no leaf {index}.")
    _require_hashes([leaf, root, *proof])
    inner = (index ^ (size - 1)).bit_length()
    expected = inner + (index >> inner).bit_count()
    if len(proof) != expected:
        raise ProofError(
            f"The proof for leaf {index} of {size} has {len(proof)} hashes, "
            f"not {expected}."
        )
    computed = leaf
    for depth, sibling in enumerate(proof):
        if depth < inner and not index >> depth & 1:
            computed = node_hash(computed, sibling)
        else:
            computed = node_hash(sibling, computed)
    _require_root(computed, root, f"leaf {index} of {size}")


def verify_consistency(
    *,
    old_size: int,
    new_size: int,
    old_root: bytes,
    new_root: bytes,
    proof: Sequence[bytes],
) -> None:
    """Check that the new tree only appends to the old one (RFC 9162, 2.1.4.2).

    Sizes start at 1. Raises ProofError that names both values.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(f"Size {new_size} cannot be an extension of size {old_size}.")
    _require_hashes([old_root, new_root, *proof])
    if old_size == new_size:
        if proof:
            raise ProofError(
                f"Equal sizes need no proof, yet {len(proof)} hashes came."
            )
        _require_root(old_root, new_root, f"two trees of {old_size} leaves")
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise ProofError(f"The proof from {old_size} to {new_size} is empty.")
    old, new, left_over = _climb(old_size - 1, new_size - 1, path)
    if left_over:
        raise ProofError(
            f"The proof from {old_size} to {new_size} has a wrong number of hashes."
        )
    _require_root(old, old_root, f"the old tree of {old_size} leaves")
    _require_root(new, new_root, f"the new tree of {new_size} leaves")


def _climb(fn: int, sn: int, path: list[bytes]) -> tuple[bytes, bytes, int]:
    """Walk both trees up at once; the names fn and sn are those of RFC 9162."""
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return old, new, 1
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    return old, new, sn


def _path(index: int, begin: int, end: int, node: NodeReader) -> list[bytes]:
    """Collect the siblings from the leaf up, within the leaves [begin, end)."""
    siblings: list[bytes] = []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            siblings.append(_subtree(middle, end, node))
            end = middle
        else:
            siblings.append(_subtree(begin, middle, node))
            begin = middle
    return siblings[::-1]


def _subproof(
    old: int, begin: int, end: int, complete: bool, node: NodeReader
) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2, over the leaves [begin, end)."""
    if begin + old == end:
        return [] if complete else [_subtree(begin, end, node)]
    middle = begin + _split(end - begin)
    if begin + old <= middle:
        inner = _subproof(old, begin, middle, complete, node)
        return [*inner, _subtree(middle, end, node)]
    inner = _subproof(begin + old - middle, middle, end, False, node)
    return [*inner, _subtree(begin, middle, node)]


def _subtree(begin: int, end: int, node: NodeReader) -> bytes:
    """Return the hash over the leaves [begin, end), joined from complete subtrees."""
    parts: list[bytes] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        parts.append(node(level, begin >> level))
        begin += 1 << level
    return _fold_right(parts)


def _fold_right(parts: Sequence[bytes]) -> bytes:
    folded = parts[-1]
    for part in reversed(parts[:-1]):
        folded = node_hash(part, folded)
    return folded


def _split(count: int) -> int:
    """Return the largest power of two below count, for count > 1 (RFC 6962, 2.1)."""
    return 1 << (count - 1).bit_length() - 1


def _require_hashes(hashes: Iterable[bytes]) -> None:
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise ProofError(f"A hash has {HASH_BYTES} bytes, not {len(value)}.")


def _require_root(computed: bytes, expected: bytes, where: str) -> None:
    if computed != expected:
        raise ProofError(
            f"For {where}, the hashes give {computed.hex()}, "
            f"but {expected.hex()} was expected."
        )
