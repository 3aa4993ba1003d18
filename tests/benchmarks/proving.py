"""Times inclusion proofs in a log of 1,000,000. Run by apart.run(); prints JSON."""

import hashlib
import json
import random
import statistics
import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402

from audits import log, merkle  # noqa: E402

SMALL, LARGE, PROOFS = 1_000, 1_000_000, 300


def _fill() -> None:
    """Write leaves and tiles as the integrator would; no proof reads an entry."""
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(LARGE)]
    tree = merkle.CompactRange()
    roots: dict[int, list[bytes]] = {}

    def visit(level: int, _index: int, node: bytes) -> None:
        if level % 8 == 0:
            roots.setdefault(level // 8 - 1, []).append(node)

    for leaf in leaves:
        tree.append(leaf, visit)
    with connections["owner"].cursor() as cursor:
        with cursor.copy("COPY audits_leaf FROM STDIN") as copy:
            for number, leaf in enumerate(leaves):
                copy.write_row((number, number + 1_000_000, leaf))
        with cursor.copy("COPY audits_tile FROM STDIN") as copy:
            below = leaves
            for level, nodes in sorted(roots.items()):
                for number, root in enumerate(nodes):
                    hashes = b"".join(below[number * 256 : number * 256 + 256])
                    copy.write_row((level, number, hashes, root))
                below = nodes
        cursor.execute(
            "UPDATE audits_sequencer SET tree_size = %s, frontier = %s",
            [LARGE, b"".join(tree.frontier)],
        )
        cursor.execute("ANALYZE audits_leaf, audits_tile")


def _proved(size: int) -> float:
    """Milliseconds of one proof, which must hold."""
    index = random.sample(range(size), 1)[0]
    begin = time.perf_counter()
    proof = log.inclusion(index=index, size=size)
    taken = (time.perf_counter() - begin) * 1000
    merkle.verify_inclusion(
        leaf=hashlib.sha256(b"\0%d" % index).digest(),
        index=index,
        size=size,
        proof=proof.hashes,
        root=proof.root,
    )
    return taken


def measure() -> dict[str, dict[str, float]]:
    """Median milliseconds at both sizes, interleaved."""
    times: dict[int, list[float]] = {SMALL: [], LARGE: []}
    for _ in range(PROOFS):
        for size, taken in times.items():
            taken.append(_proved(size))
    return {
        name: {"size": size, "ms": statistics.median(times[size])}
        for name, size in (("small", SMALL), ("large", LARGE))
    }


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    _fill()
    connection.ensure_connection()
    sys.stdout.write(json.dumps(measure()))
