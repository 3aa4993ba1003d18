"""The demo, or an installation of one's own: all processes under one supervisor."""

import shutil
import socket
import sys
from collections.abc import Callable
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from governance import embedded, queues
from governance.demo import log_ins, people
from governance.supervisor import AlreadyRunning, Child, Supervisor
from registry.models import Role, User

HOST = "127.0.0.1"
READY_SECONDS = 60
KEPT_BY_RESET = {"run", "test", "secret_key"}
_IN_MEMORY = ["--scheduler", "celery.beat:Scheduler"]
ADMINISTRATOR = ("admin", "First", "Administrator", "admin@localhost")
DATABASE = settings.VAR_DIR / "postgres"
OWN = settings.VAR_DIR / "own"  # stands where it is no demo's data


class Command(BaseCommand):
    """Starts everything, and stops what it started on Ctrl-C or SIGTERM."""

    help = "Run the demo until interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the switches that start over, and without the demo's data."""
        parser.add_argument("--reset", action="store_true", help="delete var/ first")
        parser.add_argument(
            "--empty",
            action="store_true",
            help="no demo data: an installation of your own, with one administrator",
        )

    def handle(self, *args: Any, reset: bool, empty: bool, **options: Any) -> None:
        """Run until interrupted; a wrong start is one sentence and exit code 1."""
        ours = not settings.DATABASE_URL_GIVEN
        if reset and not ours:
            raise CommandError(
                "RESET=1 deletes the embedded database only, and DATABASE_URL is set."
            )
        supervisor = Supervisor(
            run_dir=settings.VAR_DIR / "run",
            log_dir=settings.VAR_DIR / "log",
            say=self._say,
        )
        try:
            with supervisor:
                _require_free_port()
                if reset:
                    _clear(own=empty)
                self._serve(supervisor, self._open if empty else self._load, ours=ours)
        except (AlreadyRunning, embedded.EmbeddedFailure) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _serve(
        self, supervisor: Supervisor, fill: Callable[[Supervisor], None], *, ours: bool
    ) -> None:
        try:
            if ours:
                self._say("Starting PostgreSQL ...")
                embedded.start(DATABASE)
            self._say("Bringing the tables up to date ...")
            call_command("migrate", verbosity=0, interactive=False)
            queues.install()
            connection.close()
            for child in _children():
                supervisor.start(child)
            fill(supervisor)
            self._wait_for_web(supervisor)
            while not supervisor.stopping:
                supervisor.watch(60)
            self._say("Stopping ...")
        finally:
            supervisor.stop_children()
            if ours:
                embedded.stop(DATABASE)
        self._say("Freigabe has stopped.")

    def _load(self, supervisor: Supervisor) -> None:
        """Load the demo data once, and say how to log in."""
        if log_ins.story_was_told():
            for line in log_ins.lines():
                self._say(line)
        else:
            self._tell(supervisor)

    def _open(self, _supervisor: Supervisor) -> None:
        """Add the first administrator where nobody is yet."""
        own = people.strangers().exists()
        others = not own and User.objects.filter(is_machine=False).exists()
        if others or log_ins.story_was_told():
            raise CommandError(
                "The demo's data is here: make start RESET=1 deletes it."
            )
        if not settings.DATABASE_URL_GIVEN:
            OWN.touch()
        if own:
            self._say("People are here already; manage.py access adds more.")
            return
        call_command("access", "--add-person", *ADMINISTRATOR, stdout=self.stdout)
        grant = ("--grant-role", ADMINISTRATOR[0], Role.PLATFORM_ADMIN)
        call_command("access", *grant, stdout=self.stdout)
        self._say("Log in as admin: the first steps lead to the first permit.")

    def _tell(self, supervisor: Supervisor) -> None:
        command = [sys.executable, "manage.py", "load_demo"]
        code = supervisor.run(command, environment={})
        if supervisor.stopping:
            return
        if code != 0:
            raise CommandError(f"The demo data could not be loaded (exit code {code}).")

    def _wait_for_web(self, supervisor: Supervisor) -> None:
        for _ in range(READY_SECONDS * 5):
            if supervisor.stopping:
                return
            if _answers():
                self._say(f"Freigabe is ready: http://{HOST}:{settings.PORT}")
                self._say("Stop with Ctrl-C. Logs are in var/log.")
                return
            supervisor.watch(0.2)
        raise CommandError("The web server does not answer; see var/log/web.log.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _children() -> list[Child]:
    """Return the web server, a small worker for the clock, the muscle, the clock."""
    celery = [sys.executable, "-m", "celery", "--app"]
    worker = [*celery, "governance", "worker", "--loglevel", "INFO", "--without-gossip"]
    worker += ["--without-mingle", "--without-heartbeat"]
    web = [sys.executable, "-m", "gunicorn", "governance.wsgi", "--preload"]
    web += ["--workers", "2", "--worker-class", "gthread", "--threads", "4"]
    web += ["--bind", f"{HOST}:{settings.PORT}", "--timeout", "120"]
    web += ["--access-logfile", "-"]
    return [
        Child("web", web),
        Child("clock-worker", [*worker, "--pool", "solo", "--queues", "clock"]),
        Child(
            "worker",
            [*worker, "--concurrency", "2", "--queues", "evidence,dossier"],
            # One BLAS thread each: two runs share two cores.
            {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        ),
        Child(
            "clock",
            # In memory: no schedule file that a kill could leave half-written.
            [*celery, "governance.celery:clock", "beat", *_IN_MEMORY],
        ),
    ]


def _require_free_port() -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, settings.PORT))
        except OSError as failure:
            raise CommandError(
                f"Port {settings.PORT} is not free ({failure.strerror}). "
                f"Choose another: PORT={settings.PORT + 1}"
            ) from failure


def _clear(*, own: bool) -> None:
    if OWN.exists() and not own:
        raise CommandError(
            f"{settings.VAR_DIR} holds an installation of your own, not the demo's"
            f" data. Remove {OWN} first if all of it may be deleted."
        )
    embedded.destroy(DATABASE)
    for path in settings.VAR_DIR.iterdir():
        if path.name in KEPT_BY_RESET:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    settings.UPLOAD_DIR.mkdir(mode=0o700)
    (settings.VAR_DIR / "log").mkdir()


def _answers() -> bool:
    try:
        with urlopen(  # noqa: S310 - our own address, http
            f"http://{HOST}:{settings.PORT}/api/v1/health/live", timeout=5
        ) as response:
            return bool(response.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
