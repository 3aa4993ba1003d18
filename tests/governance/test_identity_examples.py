"""What docs/doors.md tells people to paste about the identity of a pipeline."""

import json
from pathlib import Path

import pytest

from governance import identities
from governance.identities import Wish
from governance.plain_yaml import load
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


@pytest.mark.parametrize("name", ["github.yaml", "gitlab.yaml"])
def test_the_page_shows_the_job_as_the_file_has_it(name):
    assert (EXAMPLES / name).read_text() in DOORS


def test_the_jobs_ask_for_a_token_that_is_made_for_us():
    github = load((EXAMPLES / "github.yaml").read_text())
    assert github["permissions"] == {"contents": "read", "id-token": "write"}
    job = github["jobs"]["deploy"]
    script = job["steps"][0]["run"]
    assert "audience=$FREIGABE" in script
    gitlab = load((EXAMPLES / "gitlab.yaml").read_text())["deploy"]
    audience = gitlab["id_tokens"]["FREIGABE_TOKEN"]["aud"]
    assert audience == job["env"]["FREIGABE"]
    assert f"{audience}/api/v1/gate" in gitlab["script"][0]
