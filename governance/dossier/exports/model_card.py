"""A model card as Hugging Face reads it: metadata in YAML, then Markdown."""

import re
from typing import Any

import yaml

from audits.charts import legible
from governance.dossier.content import Content, Evidence, Measured
from governance.dossier.reading import line, number, record, second, task_of

# The task names of the hub; what is not measured as one of these is "other".
_TASKS = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
}
_SECTIONS = (
    ("Intended use", ("purpose", "expected_use", "products", "affected_people")),
    ("Out of scope and limitations", ("restrictions", "limitations")),
    ("Inputs and outputs", ("inputs", "outputs", "components")),
)
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$])")


class _Texts(yaml.SafeDumper):
    """Writes withheld values, which are texts of a type of their own, as texts."""


_Texts.add_multi_representer(str, yaml.SafeDumper.represent_str)


def model_card(said: Content) -> bytes:
    """The card in UTF-8. Results that are not estimable are in the text only."""
    head = yaml.dump(
        _metadata(said),
        Dumper=_Texts,
        allow_unicode=True,
        sort_keys=False,
        width=10_000,
    )
    return str(legible(f"---\n{head}---\n\n{_text(said)}")).encode()


def _metadata(said: Content) -> dict[str, Any]:
    version = said.version
    task = _TASKS.get(task_of(said), "other")
    return {
        "model_name": line(said.inventory.name),
        "version": version.version,
        "pipeline_tag": task,
        "tags": ["freigabe", f"tier-{said.standing.tier}"],
        "datasets": sorted({use.slug for use in said.data}),
        "metrics": sorted({row.name for item in said.evidence for row in _known(item)}),
        "model-index": [
            {
                "name": said.inventory.slug,
                "results": [
                    _result(item, task) for item in said.evidence if _known(item)
                ],
            }
        ],
        "freigabe": {
            "dossier": said.control.dossier_id,
            "as_of": second(said.control.as_of),
            "version_sha256": version.sha256,
            "files": [file.sha256 for file in version.files],
        },
    }


def _known(item: Evidence) -> list[Measured]:
    return [row for row in item.measurements if row.value is not None]


def _result(item: Evidence, task: str) -> dict[str, Any]:
    return {
        "task": {"type": task, "name": item.kind},
        "dataset": {
            "type": "tabular",
            "name": line(item.dataset),
            "revision": item.dataset_sha256,
        },
        "metrics": [
            {
                "type": row.name,
                "name": f"{row.label} ({row.group})" if row.group else row.label,
                "value": row.value,
            }
            for row in _known(item)
        ],
    }


def _text(said: Content) -> str:
    known = record(said)
    parts = [f"# {_plain(said.inventory.name)} {_plain(said.version.version)}", ""]
    for title, names in _SECTIONS:
        parts += [f"## {title}", ""]
        for name in names:
            value = known[name].value
            parts += [f"**{_plain(known[name].label)}:** {_plain(value)}", ""]
    parts += ["## Evaluation", ""]
    for item in said.evidence:
        parts += [*_table(item), ""]
    parts += ["## Risk and decision", "", f"Tier {said.standing.tier}."]
    for verdict in said.evaluations:
        answer = "may run" if verdict.allowed else "may not run"
        parts.append(
            f"In {_plain(verdict.environment)} it {answer}; "
            f"{verdict.met} of {len(verdict.rulings)} checks are met."
        )
    parts += [
        "",
        "## Where this comes from",
        "",
        f"Dossier {said.control.dossier_id} as of {second(said.control.as_of)}, "
        f"version digest `{said.version.sha256}`.",
    ]
    return "\n".join(parts) + "\n"


def _table(item: Evidence) -> list[str]:
    found = [
        f"### {_plain(item.label)}",
        "",
        f"Measured on {_plain(item.dataset)} (`{item.dataset_sha256}`), "
        f"report `{item.sha256}`.",
        "",
        "| Measurement | Group | Value | 95 % interval | n |",
        "|---|---|---|---|---|",
    ]
    return found + [
        f"| {_plain(row.label)} | {_plain(row.group)} | {_value(row)} "
        f"| {_interval(row)} | {'–' if row.n is None else row.n} |"
        for row in item.measurements
    ]


def _value(row: Measured) -> str:
    if row.value is None:
        return f"not estimable: {_plain(row.because)}"
    return number(row.value)


def _interval(row: Measured) -> str:
    if row.lower is None or row.upper is None:
        return "–"
    return f"{number(row.lower)} to {number(row.upper)}"


def _plain(text: str) -> str:
    """One line in which nothing is markup: neither Markdown nor HTML."""
    flat = line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", flat)
