"""Load the demo through the real acts; doing it twice changes nothing."""

import time
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from audits import log, verification
from audits.evidence import latest_reports
from audits.models import EvidenceRun
from governance import access, nudge
from governance.demo import log_ins, people, story
from governance.management.base import DatabaseCommand
from governance.models import Token
from registry.acts import through
from registry.models import ModelVersion, Role

_PATIENCE_SECONDS = 600
_TOKEN = "demo pipeline"  # noqa: S105 - a name


class Command(DatabaseCommand):
    """`manage.py load_demo`; needs a worker for the evidence."""

    help = "Load the demo data through the real acts."

    def handle(self, **_options: Any) -> None:
        """Hire, register, measure, sign, ask the gate; then say how to log in."""
        if people.strangers().exists():
            raise CommandError(
                "People of your own are here, and the demo's would mix with them: go "
                "on with make start."
            )
        with through("command", reason="demo"):
            staff = people.hire(at=timezone.now())
            self._verify_log()
            story.tell(staff, say=self._say, wait=self._wait)
            self._verify_log()
            secret = self._token()
        self._say_log_ins(secret)

    def _verify_log(self) -> None:
        log.advance(at=timezone.now())
        result = verification.run_and_record(at=timezone.now())
        if not result.ok:
            raise CommandError(f"The log does not hold: {result.findings}")

    def _wait(self, versions: list[ModelVersion]) -> None:
        """Show the progress of the runs until all ended."""
        nudge.nudge(nudge.EVIDENCE)
        open_states = [EvidenceRun.State.PENDING, EvidenceRun.State.RUNNING]
        runs = EvidenceRun.objects.filter(version__in=versions)
        shown: set[str] = set()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            for run in runs.exclude(state__in=open_states).select_related("version"):
                if str(run.pk) not in shown:
                    shown.add(str(run.pk))
                    words = run.failure or run.get_state_display().lower()
                    self._say(f"  {run.version}, {run.kind}: {words}")
            left = runs.filter(state__in=open_states).count()
            if not left:
                break
            if time.monotonic() > deadline:
                raise CommandError(f"{left} evidence runs do not end. Is a worker up?")
            time.sleep(0.5)
        for run in runs.filter(state=EvidenceRun.State.FAILED):
            if run.kind not in latest_reports(run.version):
                raise CommandError(f"{run}: {run.failure}")

    def _token(self) -> str:
        """A token for the one-curl gate, issued once."""
        if Token.objects.filter(name=_TOKEN).exists():
            return ""
        _token, secret = access.issue_token(
            name=_TOKEN, role=Role.CI, by=access.system_user(), at=timezone.now()
        )
        return secret

    def _say_log_ins(self, secret: str) -> None:
        self._say("")
        for line in log_ins.lines():
            self._say(line)
        if secret:
            self._say(f"Token of the pipeline (shown once): {secret}")
        else:
            self._say("A token: manage.py issue_token --role ci --name my-pipeline")
        self._say("")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
