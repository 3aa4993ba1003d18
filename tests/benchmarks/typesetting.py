"""Times a build and WeasyPrint on its HTML. Run by apart.run(); prints JSON."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - after the settings
from django.utils import timezone  # noqa: E402

from audits.evaluators.base import Evaluation, Measurement  # noqa: E402
from governance.dossier import build, setting  # noqa: E402
from governance.dossier.render import job_of  # noqa: E402
from tests import world  # noqa: E402
from tests.benchmarks import apart  # noqa: E402
from tests.governance.dossier_stage import FIGURES, Stage  # noqa: E402

PASSES = 3
FEATURES, GROUPS = 17, 12
ALONE = """
import json, sys, time
from pathlib import Path
sys.argv = ["typeset.py", sys.argv[1], sys.argv[2]]
began = time.perf_counter()
import runpy
child = runpy.run_path(sys.argv[2])
folder = Path(sys.argv[1])
job = json.loads((folder / "job.json").read_text())
files = {n: ((folder / p).read_bytes(), t) for n, (p, t) in job["files"].items()}
from weasyprint import CSS, HTML
package = child["Package"](files)
html = HTML(string=job["html"], url_fetcher=package, base_url="dossier:")
css = CSS(string=job["css"], url_fetcher=package)
html.write_pdf(folder / "alone.pdf", stylesheets=[css], pdf_variant="pdf/a-3a")
print(time.perf_counter() - began)
"""


def main() -> None:
    """Build the same dossier several times, each time beside WeasyPrint alone."""
    call_command("migrate", verbosity=0)
    world.NOW = timezone.now()
    stage = Stage()
    version = stage.approved()
    stage.measured_with_figures(version, _large())
    ours, peer, made = [], [], None
    for _pass in range(PASSES):
        dossier = stage.asked(version)
        began = time.perf_counter()
        assert build.build_next()  # noqa: S101
        ours.append(time.perf_counter() - began)
        dossier.refresh_from_db()
        assert not dossier.failure, dossier.failure  # noqa: S101
        job = job_of(build.snapshot(dossier))
        peer.append(_alone(job))
        made = setting.typeset(job)
    assert made is not None  # noqa: S101
    figures = sum(name.startswith("figure-") for name in job.files)
    sys.stdout.write(
        json.dumps(
            {
                "seconds": apart.paired(ours, peer),
                "pages": made.pages,
                "figures": figures,
                "peak_bytes": made.peak_bytes,
            }
        )
    )


def _alone(job: setting.Job) -> float:
    """Seconds of a process that imports WeasyPrint and sets the HTML."""
    with tempfile.TemporaryDirectory() as scratch:
        setting._write(job, Path(scratch))
        done = subprocess.run(
            [sys.executable, "-c", ALONE, scratch, str(setting.SCRIPT)],
            stdout=subprocess.PIPE,
            check=True,
        )
    return float(done.stdout)


def _large() -> dict[str, Evaluation]:
    """Groups of many features, as a fairness report of a wide table has them."""
    features: list[dict[str, Any]] = []
    measurements = list(FIGURES["fairness"].measurements)
    for number in range(FEATURES):
        names = [f"feature{number}=group{group}" for group in range(GROUPS)]
        rates = {
            name: {"value": 0.3 + 0.02 * place, "lower": 0.25, "upper": 0.7, "n": 200}
            for place, name in enumerate(names)
        }
        features.append(
            {
                "feature": f"feature{number}",
                "groups": [
                    {
                        "group": name,
                        "rows": 200,
                        "rates": {"selection_rate": {**rate, "because": ""}},
                    }
                    for name, rate in rates.items()
                ],
            }
        )
        measurements += [
            Measurement(kind, 0.4, 0.35, 0.45, n=200, group=name)
            for kind in ("selection_rate", "true_positive_rate", "false_positive_rate")
            for name in names
        ]
    return {"fairness": Evaluation(tuple(measurements), summary={"features": features})}


if __name__ == "__main__":
    main()
