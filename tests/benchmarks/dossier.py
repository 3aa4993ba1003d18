"""A dossier of about 60 pages and 20 figures, beside WeasyPrint alone."""

from typing import Any

from tests.benchmarks import apart

Row = dict[str, Any]
MEMORY_LIMIT = 1024**3


def building() -> list[Row]:
    """The whole build against setting the same HTML, and the peak memory."""
    found = apart.run("tests.benchmarks.typesetting")
    what = f"WeasyPrint alone, {found['pages']} pages, {found['figures']} figures"
    return [
        {**found["seconds"], "unit": "s", "goal": 1.5, "reference_name": what},
        {
            "suffix": "-memory",
            "ours": found["peak_bytes"] / 2**20,
            "reference": MEMORY_LIMIT / 2**20,
            "unit": "MiB",
            "goal": 1.0,
            "reference_name": "the limit; the child that sets it",
        },
    ]
