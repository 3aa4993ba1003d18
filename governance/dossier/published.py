"""The papers for readers outside: only what is published, nothing internal."""

from dataclasses import asdict, replace

from governance.dossier.attachments import File, dossier_file
from governance.dossier.content import Content, plain
from governance.dossier.hiring import summary_of
from registry.digests import canonical_json

FORMAT = "freigabe-ll144/1"
NAMES = ("ll144.csv", "ll144.html")
_CONTROL = ("dossier_id", "variant", "language", "as_of", "software", "instance")


def published(
    said: Content, made: tuple[File, ...]
) -> tuple[Content, tuple[File, ...]]:
    """The content and files of the public summary.

    Its `dossier.json` holds the summary alone: no names of staff, no findings, no log.
    """
    files = tuple(file for file in made if file.facts.name in NAMES)
    complete = replace(said, attachments=tuple(file.facts for file in files))
    control = asdict(said.control)
    summary = summary_of(said)
    document = {
        "format": FORMAT,
        "control": {name: control[name] for name in _CONTROL},
        "summary": asdict(summary) if summary else None,
        "attachments": [asdict(facts) for facts in complete.attachments],
    }
    return complete, (*files, dossier_file(canonical_json(plain(document))))
