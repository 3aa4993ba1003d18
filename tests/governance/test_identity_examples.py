"""What docs/doors.md tells people to paste about the identity of a pipeline."""

import json
from pathlib import Path

import pytest

from governance import identities
from governance.identities import Wish
from tests.world import NOW

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs/examples/identity"
DOORS = (ROOT / "docs/doors.md").read_text()


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("trust-*.json")), ids=lambda path: path.stem
)
def test_each_rule_to_paste_is_taken(world, path):
    wish = Wish(**json.loads(path.read_text()))
    rule = identities.propose(wish=wish, by=world.adam, at=NOW)
    assert rule.state == "proposed"
    assert path.name in DOORS
