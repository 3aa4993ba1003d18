"""C2SP tlog-proof files, written and read back, and every way to get them wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import log, merkle
from audits.models import Leaf
from audits.note import NoteMalformed, open_checkpoint, parse_vkey
from audits.proof_files import HEADER, format_proof, parse_proof

NOTE = "bank.example/log\n7\nAAAA\n\n— bank.example/log AAAA\n"
HASH = b"h" * 32
GOOD = format_proof(index=5, hashes=[HASH, HASH], checkpoint=NOTE, extra=b"{}")


@given(
    index=st.integers(0, 2**63 - 1),
    hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    extra=st.none() | st.binary(),
)
def test_what_is_written_is_read_back(index, hashes, extra):
    text = format_proof(index=index, hashes=hashes, checkpoint=NOTE, extra=extra)
    read = parse_proof(text)
    assert (read.index, list(read.hashes), read.extra) == (index, hashes, extra)
    assert read.checkpoint == NOTE


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEADER,
        GOOD.replace("@v1", "@v2"),
        GOOD.replace(HEADER, f"{HEADER} "),
        GOOD.replace("index 5", "index +5"),
        GOOD.replace("index 5", "index 05"),
        GOOD.replace("index 5", "index -1"),
        GOOD.replace("index 5", "index 5 "),
        GOOD.replace("index 5", f"index {2**63}"),
        GOOD.replace("index 5", "index ५"),
        GOOD.replace("index 5\n", ""),
        GOOD.replace("index 5\n", "index 5\nindex 5\n"),
        GOOD.replace("extra e30=", "extra e30"),
        GOOD.replace("extra e30=", "extra  e30="),
        GOOD.replace("extra e30=\n", "extra e30=\nextra e30=\n"),
        GOOD.replace("index 5\n", "index 5\nAAAA\n"),
        GOOD.replace("index 5\n", "index 5\n \n"),
        GOOD.partition("\n\n")[0],
        GOOD.partition("\n\n")[0] + "\n\n",
        format_proof(index=5, hashes=[HASH] * 64, checkpoint=NOTE),
        GOOD.replace("\n", "\r\n"),
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(NoteMalformed):
        parse_proof(text)


def test_the_logs_own_proofs_hold(written_log):
    verifier = parse_vkey(log.signer().vkey)
    for leaf in Leaf.objects.all()[::17]:
        read = parse_proof(log.proof_file(index=leaf.leaf_index))
        signed = open_checkpoint(read.checkpoint, verifier)
        merkle.verify_inclusion(
            leaf=merkle.leaf_hash(read.extra),
            index=read.index,
            size=signed.size,
            proof=read.hashes,
            root=signed.root,
        )


def test_there_is_no_proof_of_what_is_not_signed(written_log):
    with pytest.raises(log.NotInLog):
        log.proof_file(index=Leaf.objects.count())
