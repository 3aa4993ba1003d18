"""`make bench`: our numbers beside a named peer, measured in the same run."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Of this run alone: another may be under way.
VAR = ROOT / "var" / "bench" / str(os.getpid())
REPORT = ROOT / "var" / "bench.json"
os.environ["DJANGO_SETTINGS_MODULE"] = "governance.settings"
os.environ["FREIGABE_VAR"] = str(VAR)
os.environ["CELERY_BROKER_URL"] = "memory://"
os.environ["FREIGABE_LOG_LEVEL"] = "ERROR"

import django  # noqa: E402 - the settings read the environment above
from django.core.management import call_command  # noqa: E402

from governance import embedded  # noqa: E402

Bench = Callable[[], dict[str, Any] | list[dict[str, Any]]]


def main() -> None:
    """Run the chosen benchmarks on their own database; the table says what is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names, separated by commas")
    only = [name for name in parser.parse_args().only.split(",") if name]
    for left_over in VAR.parent.glob("*/postgres"):
        if not Path("/proc", left_over.parent.name).exists():
            embedded.destroy(left_over)
            shutil.rmtree(left_over.parent, ignore_errors=True)
    embedded.start(VAR / "postgres")
    try:
        django.setup()
        call_command("migrate", verbosity=0)
        rows = [row for name, bench in _chosen(only) for row in _run(name, bench)]
    finally:
        embedded.destroy(VAR / "postgres")
        shutil.rmtree(VAR, ignore_errors=True)
    REPORT.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")
    _print(rows)


def _chosen(only: list[str]) -> list[tuple[str, Bench]]:
    # After Django is set up.
    from audits.verification import Level  # noqa: PLC0415
    from tests.benchmarks import (  # noqa: PLC0415
        apart,
        bulk,
        capture,
        dossier,
        explaining,
        fairness,
        gate,
        log,
        measuring,
        permits,
        proofs,
        running,
        sequencing,
        simulating,
    )

    known: dict[str, Bench] = {
        "gate": gate.decision,
        "gate-growth": gate.growth,
        "verify-history": partial(log.verify, level=Level.HISTORY, goal=None),
        "verify-log": partial(log.verify, level=Level.LOG, goal=1.5),
        "verify-replay": partial(log.verify, level=Level.REPLAY, goal=None),
        "capture-update": capture.update,
        "capture-create": capture.create,
        "bulk": bulk.write,
        "sequencing": sequencing.integrate,
        "writers": sequencing.writers,
        "proof": proofs.inclusion,
        "permit-offline": permits.offline,
        "fairness": fairness.evaluation,
        "fairness-counting": fairness.counting,
        "explaining": explaining.choosing,
        "explaining-background": explaining.background,
        "performance": measuring.evaluation,
        "drift": measuring.drifting,
        "two-workers": running.scaling,
        "large-data": running.memory,
        "worker-start": running.worker_start,
        "run-start": running.run_start,
        "dossier": dossier.building,
        "simulation": simulating.simulate,
        "readiness": simulating.readiness,
        "pages": partial(apart.run, "tests.benchmarks.pages"),
    }
    unknown = sorted(set(only) - set(known))
    if unknown:
        sys.exit(
            f"There is no benchmark {', '.join(unknown)}; known: {', '.join(known)}."
        )
    return [(name, bench) for name, bench in known.items() if not only or name in only]


def _run(name: str, bench: Bench) -> list[dict[str, Any]]:
    """Run one benchmark; a row without a goal is told, not judged."""
    sys.stderr.write(f"{name} ...\n")
    found = bench()
    rows = []
    for row in found if isinstance(found, list) else [found]:
        ratio = row.get("ratio") or row["ours"] / row["reference"]
        goal = row["goal"]
        rows.append(
            row
            | {
                "name": name + row.pop("suffix", ""),
                "ratio": round(ratio, 3),
                "met": None if goal is None else ratio <= goal,
            }
        )
    return rows


def _print(rows: list[dict[str, Any]]) -> None:
    line = "{:<34} {:>10} {:>10} {:<6} {:>7} {:>6}  {:<4} {}\n"
    sys.stdout.write(
        line.format("name", "ours", "peer", "unit", "ratio", "goal", "met", "peer is")
    )
    for r in rows:
        sys.stdout.write(
            line.format(
                r["name"],
                f"{r['ours']:.4f}",
                f"{r['reference']:.4f}",
                r["unit"],
                r["ratio"],
                "-" if r["goal"] is None else r["goal"],
                {True: "yes", False: "no", None: "-"}[r["met"]],
                r["reference_name"],
            )
        )


if __name__ == "__main__":
    main()
