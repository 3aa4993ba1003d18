"""A change plan of the bank: what may change with fewer signatures."""

from datetime import timedelta

from django.utils import timezone

from governance import changing
from governance.demo.people import PASSWORD
from governance.demo.steps import Story
from governance.signatures import Proof
from registry.models import ModelVersion


def file(story: Story, version: ModelVersion) -> None:
    """The owner files it with a version, before anybody signs; once."""
    if version.change_plans.exists():
        return
    now = timezone.now()
    wish = changing.Wish(
        changes="Learning again from newer applications, with the same settings.",
        protocol="Trained each quarter, measured on the same held-out applications.",
        impact="Scores move a little; refusals still go to a clerk.",
        limits=[
            {
                "kind": "performance",
                "name": "roc_auc",
                "group": "",
                "at_least": 0.70,
                "at_most": None,
            }
        ],
        most_changes=4,
        valid_until=now + timedelta(days=180),
    )
    changing.file_plan(
        version=version,
        wish=wish,
        proof=Proof(password=PASSWORD),
        by=story.people["anna"],
        at=now,
    )
    story.say(f"  Anna files a change plan with {version}")
