"""The digest of what computes: all of our code that a report depends on."""

import ast
from collections.abc import Iterator
from pathlib import Path

import audits
from audits import questions

HOME = Path(audits.__file__).parent
# What brings the data to the evaluators, and their answer to the database; it decides
# no number. `report_format` is part of the question itself.
CARRIERS = {
    "conversation",
    "evidence",
    "isolation",
    "models",
    "questions",
    "report_format",
    "sandbox",
    "scores",
}


def imported(path: Path) -> Iterator[str]:
    """The modules of `audits` that a file imports, by their first name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "audits":
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            package, _, rest = node.module.partition(".")
            if package == "audits":
                yield rest.split(".")[0]


def files_of(part: str) -> list[Path]:
    path = HOME / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def test_whatever_computes_a_report_is_in_its_digest():
    covered = {part.removesuffix(".py") for part in questions.OURS}
    needed = {
        name
        for part in questions.OURS
        for path in files_of(part)
        for name in imported(path)
    }
    assert needed - covered - CARRIERS == set()
    assert all(files_of(part) for part in questions.OURS)
