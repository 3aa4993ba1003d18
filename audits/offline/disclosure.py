"""Check values that were withheld from a dossier against what it committed to."""

import hashlib
from typing import Any

from audits import commitments, in_toto
from audits.offline.report import DoesNotHold, Report
from audits.trusted import CannotCheck

FORMAT = "freigabe-disclosure/1"


def check_disclosure(document: dict[str, Any], report: Report) -> None:
    """Check each disclosed value, and that the document is the one that it names.

    Raises DoesNotHold, CannotCheck for a file that is no disclosure.
    """
    text, disclosed = document.get("document"), document.get("disclosed")
    if not isinstance(text, str) or not isinstance(disclosed, list):
        raise CannotCheck("The file is no disclosure: parts of it are missing.")
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest != document.get("document_sha256"):
        raise DoesNotHold(
            f"The dossier.json inside has the digest {digest}, and the disclosure "
            f"names {document.get('document_sha256')}."
        )
    try:
        said = in_toto.read(text.encode())
    except in_toto.StatementMalformed as error:
        raise CannotCheck(f"The dossier.json inside is not JSON: {error}") from error
    for item in disclosed:
        pointer, salt, value = _read(item)
        if not commitments.holds(said, pointer, salt, value):
            raise DoesNotHold(f"{pointer} was not committed to with this value.")
    report.level = "disclosure"
    report.counts["disclosed"] = len(disclosed)
    report.checked.append(
        f"{len(disclosed)} disclosed values are what the dossier.json with the digest "
        f"{digest} committed to."
    )
    report.not_checked.append(
        "that this dossier.json is the one of a PDF: compare the digest with the "
        "content hash on its cover."
    )


def _read(item: Any) -> tuple[str, bytes, Any]:
    try:
        pointer, salt = str(item["pointer"]), bytes.fromhex(item["salt"])
        return pointer, salt, item["value"]
    except (KeyError, TypeError, ValueError) as error:
        raise CannotCheck("An item of the disclosure cannot be read.") from error
