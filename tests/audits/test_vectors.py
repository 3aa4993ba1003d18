"""Vectors that nobody here wrote, beside those of test_note and test_merkle.

The cases of tlog-proof are those of transparency-dev/formats, proof/tlog_proof_test.go;
those of consistency proofs are built as transparency-dev/merkle builds them.
"""

import base64
import hashlib
import json
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature

from audits import merkle, note
from audits.proof_files import format_proof, parse_proof

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
shared = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="../shared/vectors is not there"
)

LEAVES = [merkle.leaf_hash(bytes([i])) for i in range(20)]
ROOTS = [merkle.root_hash(LEAVES[:size]) for size in range(len(LEAVES) + 1)]
PAIRS = [(old, new) for new in range(1, 18) for old in range(1, new + 1)]
ODD = hashlib.sha256(b"WrongProofBytes").digest()


def _node(level: int, index: int) -> bytes:
    return merkle.root_hash(LEAVES[index << level : (index + 1) << level])


@shared
def test_no_vector_is_left_out():
    """What lies there, and how many: a new file or case asks for a new test."""
    proofs = list((VECTORS / "merkle_inclusion").rglob("*.json"))
    assert len(proofs) == 98
    notes = json.loads((VECTORS / "signed_note_vectors.json").read_text())
    assert len(notes["cases"]) == 17
    checkpoints = json.loads((VECTORS / "checkpoint_vectors.json").read_text())
    assert len(checkpoints["cases"]) == 12
    curves = json.loads((VECTORS / "ed25519" / "ed25519vectors.json").read_text())
    assert len(curves) == 914
    assert {path.name for path in VECTORS.iterdir()} == {
        "checkpoint_vectors.json",
        "dsse_vector.json",
        "ed25519",
        "jcs",
        "merkle_inclusion",
        "rfc3161",
        "signed_note_vectors.json",
    }


@shared
def test_signatures_at_the_edges_of_ed25519_are_judged_one_way():
    """Without the cofactor and with a canonical R, as RFC 8032, 5.1.7 allows.

    So no signature has a second spelling that verifies as well.
    """
    cases = json.loads((VECTORS / "ed25519" / "ed25519vectors.json").read_text())
    judged = {True: 0, False: 0}
    for case in cases:
        flags = set(case["flags"] or [])
        if flags & {"low_order_A", "non_canonical_A"}:
            continue  # such a key is refused: test_note
        key = note.parse_public_key(bytes.fromhex(case["key"]))
        try:
            key.verify(bytes.fromhex(case["sig"]), case["msg"].encode())
            holds = True
        except InvalidSignature:
            holds = False
        assert holds == (not flags & {"low_order_residue", "non_canonical_R"}), flags
        judged[holds] += 1
    assert min(judged.values()) > 40


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_consistency_holds_only_for_its_sizes_roots_and_hashes(old, new):
    proof = merkle.consistency_proof(old_size=old, new_size=new, node=_node)
    good = {
        "old_size": old,
        "new_size": new,
        "old_root": ROOTS[old],
        "new_root": ROOTS[new],
        "proof": proof,
    }
    merkle.verify_consistency(**good)
    wrong = [
        {"old_size": 0},
        {"old_size": new + 1},
        {"new_size": old - 1},
        {"old_root": ODD},
        {"new_root": ODD},
        {"old_root": merkle.EMPTY_ROOT},
        {"proof": [*proof, b""]},
        {"proof": [*proof, ODD]},
        {"proof": [*proof, ROOTS[new]]},
        {"proof": [ODD, *proof]},
        {"proof": [ROOTS[old], *proof]},
        {"proof": [b"", *proof]},
    ]
    if old != new:
        wrong += [{"old_root": ROOTS[new], "new_root": ROOTS[old]}, {"proof": []}]
        wrong += [{"old_size": old - 1}, {"new_size": new * 2}, {"new_size": old}]
        wrong += [{"proof": [*proof[:i], *proof[i + 1 :]]} for i in range(len(proof))]
        wrong += [
            {"proof": [*proof[:i], ODD, *proof[i + 1 :]]} for i in range(len(proof))
        ]
        wrong += [
            {"proof": [*proof[:i], proof[i + 1], proof[i], *proof[i + 2 :]]}
            for i, _ in enumerate(pairwise(proof))
        ]
    for change in wrong:
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(**{**good, **change})


@pytest.mark.parametrize("size", range(1, 18))
def test_inclusion_holds_only_at_its_index_and_for_its_hashes(size):
    for index in range(size):
        proof = merkle.inclusion_proof(index=index, size=size, node=_node)
        good = {
            "leaf": LEAVES[index],
            "index": index,
            "size": size,
            "proof": proof,
            "root": ROOTS[size],
        }
        merkle.verify_inclusion(**good)
        wrong = [
            {"index": index - 1},
            {"index": index + 1},
            {"index": index ^ 2},
            {"index": size},
            {"size": index},
            {"size": 0},
            {"size": size * 2},
            {"leaf": ODD},
            {"leaf": b""},
            {"root": ODD},
            {"root": merkle.EMPTY_ROOT},
            {"proof": [*proof, ODD]},
            {"proof": [*proof, ROOTS[size]]},
            {"proof": [ODD, *proof]},
            {"proof": [*proof, b""]},
        ]
        wrong += [{"proof": [*proof[:i], *proof[i + 1 :]]} for i in range(len(proof))]
        for change in wrong:
            with pytest.raises(merkle.ProofError):
                merkle.verify_inclusion(**{**good, **change})


def test_a_tree_of_nothing_has_a_root_and_no_proofs():
    assert merkle.root_hash([]) == merkle.EMPTY_ROOT == hashlib.sha256().digest()
    assert merkle.CompactRange().root() == merkle.EMPTY_ROOT
    with pytest.raises(merkle.ProofError):
        merkle.verify_inclusion(
            leaf=merkle.EMPTY_ROOT, index=0, size=0, proof=[], root=merkle.EMPTY_ROOT
        )
    for old, new in ((0, 0), (0, 1), (1, 0)):
        with pytest.raises(merkle.ProofError):
            merkle.verify_consistency(
                old_size=old,
                new_size=new,
                old_root=merkle.EMPTY_ROOT,
                new_root=merkle.EMPTY_ROOT,
                proof=[],
            )


H1, H2 = (hashlib.sha256(text).digest() for text in (b"hash1", b"hash2"))
E1, E2 = (base64.b64encode(value).decode() for value in (H1, H2))


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (
            (5, (H1, H2), "test checkpoint\n", None),
            f"c2sp.org/tlog-proof@v1\nindex 5\n{E1}\n{E2}\n\ntest checkpoint\n",
        ),
        (
            (10, (H1,), "checkpoint data\n", b"extra information"),
            "c2sp.org/tlog-proof@v1\nextra ZXh0cmEgaW5mb3JtYXRpb24=\n"
            f"index 10\n{E1}\n\ncheckpoint data\n",
        ),
        (
            (0, (), "checkpoint\n", None),
            "c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n",
        ),
    ],
    ids=["without extra", "with extra", "without hashes"],
)
def test_published_proof_files(parts, text):
    index, hashes, checkpoint, extra = parts
    written = format_proof(
        index=index, hashes=hashes, checkpoint=checkpoint, extra=extra
    )
    assert written == text
    read = parse_proof(text)
    assert (read.index, read.hashes, read.checkpoint, read.extra) == parts


@pytest.mark.parametrize(
    "text",
    [
        "wrong-header\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\n\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex notanumber\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n"
        + base64.b64encode(bytes(64)).decode()
        + "\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "a" * 65 * 1024 + "\n",
    ],
)
def test_published_broken_proof_files(text):
    with pytest.raises(note.NoteMalformed):
        parse_proof(text)


def test_the_cosigned_checkpoint_of_the_specification_is_read():
    """C2SP tlog-cosignature, the example: its time is 2023-03-20."""
    text = (
        "example.com/behind-the-sofa\n20852163\n"
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe"
        "4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWX"
        "EhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    body, lines = note.split_note(text)
    assert note.parse_checkpoint(body).size == 20852163
    (_, _, signature), (name, _, stamped) = map(note.parse_signature, lines)
    assert len(signature) == 64
    assert name == "witness.example.com/w1"
    assert int.from_bytes(stamped[:8], "big") == 1679315147
    assert len(stamped) == 8 + 64
