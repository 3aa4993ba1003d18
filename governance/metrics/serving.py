"""The page for Prometheus: one thread, one question after the other, no log-in.

It is served where the operator says, 127.0.0.1 unless told otherwise: who can connect
reads how much there is, and no name.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from threading import Thread
from time import monotonic

from django.db import Error, connection, transaction
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from governance.metrics import counting

PATH = "/metrics"
KEPT_SECONDS = 5.0  # however often somebody asks, the database is asked no oftener
CLIENT_SECONDS = 5.0
STATEMENT_MILLISECONDS = 5000
logger = logging.getLogger(__name__)


@dataclass
class Page:
    """The page as it is now, and for a few seconds as it was."""

    counter: counting.Counter = field(default_factory=counting.Counter)
    kept: bytes = b""
    made: float = 0.0

    def read(self, *, at: datetime) -> bytes:
        """All numbers. Raises `django.db.Error` when the database does not answer."""
        if not self.kept or monotonic() - self.made > KEPT_SECONDS:
            self.kept, self.made = self._count(at), monotonic()
        return self.kept

    def _count(self, at: datetime) -> bytes:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MILLISECONDS}")
            families = [
                *self.counter.families(at=at),
                *counting.of_permits(at=at),
                *counting.of_the_log(at=at),
                *counting.of_the_work(),
            ]
        return text(families)


def text(families: list[Metric]) -> bytes:
    """The families in Prometheus' text format, and nothing about this process."""
    registry = CollectorRegistry()
    registry.register(_Told(families))
    return generate_latest(registry)


@dataclass(frozen=True, eq=False)
class _Told(Collector):
    families: list[Metric]

    def collect(self) -> list[Metric]:
        return self.families


class Server(TCPServer):
    """Bound at once, without a question to the name service as HTTPServer has it."""

    allow_reuse_address = True


def handler(read: Callable[..., bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """GET /metrics, and nothing else."""

        timeout = CLIENT_SECONDS
        server_version, sys_version = "Freigabe", ""

        def do_GET(self) -> None:
            """Answer with the page, or say why there is none."""
            if self.path.partition("?")[0] != PATH:
                self.send_error(404)
                return
            try:
                body = read(at=timezone.now())
            except Error as error:
                logger.warning("No metrics: %s", error)
                self.send_error(503)
                return
            finally:
                # This thread's own: a broken one must not outlive the question.
                connection.close()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of each question."""

    return Handler


def start(host: str, port: int) -> None:
    """Serve beside what this process does, until it ends.

    A port that is taken is said in the log: a worker works without its numbers.
    """
    try:
        found = Server((host, port), handler(Page().read))
    except (OSError, OverflowError) as error:
        logger.error("No metrics at %s:%s: %s", host, port, error)
        return
    Thread(target=found.serve_forever, name="metrics", daemon=True).start()
    logger.info("Metrics: http://%s:%s%s", host, port, PATH)
