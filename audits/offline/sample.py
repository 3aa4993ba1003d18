"""Check a random sample: draw it again from the signed root, and prove every item."""

import hashlib
from typing import Any

from audits import in_toto, lots, note
from audits.offline.extract import check_entry, open_signed
from audits.offline.report import DoesNotHold, Report
from audits.trusted import CannotCheck, TrustedKeys

SAMPLES = "public.governance_auditsample"


def check_sample(document: dict[str, Any], keys: TrustedKeys, report: Report) -> None:
    """Check the request's entry, draw again, check each item's entry.

    Raises DoesNotHold or CannotCheck.
    """
    if not keys.logs:
        raise CannotCheck("No public key for checkpoints was given.")
    report.level = "sample"
    signed = open_signed(document.get("checkpoint"), keys)
    check_entry(document.get("request"), signed)
    request = _row(document["request"]["body"], SAMPLES)
    population = _population(document, request)
    secret = _secret(document, request)
    seed = lots.seed(
        root_sha256=signed.root.hex(),
        population_sha256=request["population_sha256"],
        secret=secret,
    )
    expected = _drawn(population, request, seed)
    if len(expected) != request["size"]:
        raise DoesNotHold("The population has fewer items than the sample.")
    _compare(document.get("chosen"), expected, signed, request["kind"])
    report.checked += [
        f"the request is entry {document['request']['index']} of the log "
        f"{signed.origin}; its root with {signed.size} leaves, signed with a key that "
        "you trust, is the seed.",
        f"the {len(expected)} items follow from that root: drawn again, they are the "
        "same, in the same order.",
        "the entry of every item is in that tree, byte for byte.",
    ]
    report.not_checked += [
        "whether the population holds every record of the time: compare it with an "
        "export of the log.",
        "whether no earlier checkpoint covered the request: compare with those that "
        "you or a witness kept.",
    ]


def _row(body: str, table: str) -> dict[str, Any]:
    """The row that an entry added. Raises DoesNotHold."""
    try:
        entry = in_toto.read(body.encode())
        said, row = (entry["op"], entry["rel"]), entry["new"]
    except (in_toto.StatementMalformed, KeyError, TypeError) as error:
        raise DoesNotHold(f"An entry cannot be read: {error}") from error
    if said != ("I", table) or not isinstance(row, dict):
        raise DoesNotHold(f"An entry does not add a row of {table}, but is {said}.")
    return row


def _population(document: dict[str, Any], request: dict[str, Any]) -> str:
    text = document.get("population")
    if not isinstance(text, str):
        raise CannotCheck("The file does not say what was drawn from.")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if digest != request.get("population_sha256"):
        raise DoesNotHold("It was drawn from another population than was fixed before.")
    return text


def _secret(document: dict[str, Any], request: dict[str, Any]) -> str:
    secret = document.get("secret", "")
    if not isinstance(secret, str):
        raise DoesNotHold("The auditor's word is no text.")
    raw = secret.encode("utf-8", "surrogatepass")
    given = hashlib.sha256(raw).hexdigest() if secret else ""
    if given != request.get("secret_sha256"):
        raise DoesNotHold("The auditor's word is not the one whose SHA-256 was fixed.")
    return secret


def _drawn(
    population: str, request: dict[str, Any], seed: str
) -> list[tuple[str, str, str]]:
    """What has to be in the sample, in the order drawn."""
    try:
        size = request["size"]
        if type(size) is not int or not 1 <= size <= lots.LARGEST_SAMPLE:
            raise ValueError("its size is out of range")
        if request["kind"] == "entries":
            first, last = (int(word) for word in population.split())
            leaves = lots.choose_leaves(first, last, size, seed)
            return [("log", "audits_entry", str(leaf)) for leaf in leaves]
        found = lots.choose(lots.items(population), size, seed)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise DoesNotHold(f"The population cannot be read: {error}.") from error
    return [(item.stratum, item.table, item.key) for item in found]


def _compare(
    chosen: Any,
    expected: list[tuple[str, str, str]],
    signed: note.Checkpoint,
    kind: str,
) -> None:
    if not isinstance(chosen, list) or len(chosen) != len(expected):
        raise DoesNotHold(f"The sample must have {len(expected)} items.")
    for item, (stratum, table, key) in zip(chosen, expected, strict=True):
        said = (
            [item.get(name) for name in ("stratum", "table", "id")]
            if isinstance(item, dict)
            else None
        )
        if said != [stratum, table, key]:
            raise DoesNotHold(f"Drawn is {table} {key}, but the sample has {said}.")
        check_entry(item.get("entry"), signed)
        if kind == "entries":
            if item["entry"]["index"] != int(key):
                raise DoesNotHold(f"The entry of leaf {key} is that of another leaf.")
        elif _key(item["entry"]["body"], table) != key:
            raise DoesNotHold(f"The entry beside {table} {key} is of another row.")


def _key(body: str, table: str) -> Any:
    _row(body, f"public.{table}")
    return in_toto.read(body.encode()).get("pk")
