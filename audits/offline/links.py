"""The manifests of an export against each other, and the checkpoints' signatures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from audits.export.layout import manifest_number, manifest_path
from audits.export.manifest import Manifest, ManifestMalformed, parse
from audits.offline.extract import open_signed
from audits.offline.report import DoesNotHold, Report
from audits.offline.source import Files, Unreadable
from audits.trusted import TrustedKeys
from registry.digests import sha256_hex

LINKS = "each manifest quotes the digest of the one before it"


@dataclass
class Links:
    """What the first pass over the manifests found."""

    numbers: list[int]
    origins: dict[str, int] = field(default_factory=dict)
    last: Manifest | None = None
    before: Manifest | None = None
    wanted: set[int] = field(default_factory=set)

    def take(self, manifest: Manifest) -> None:
        """Go on to this manifest."""
        self.before, self.last = self.last, manifest
        self.origins[manifest.origin] = self.origins.get(manifest.origin, 0) + 1
        self.wanted.update(item.size for item in manifest.cosignatures)
        self.wanted.update(item.size for item in manifest.timestamps)


def check_links(files: Files, keys: TrustedKeys, report: Report) -> Links:
    """Check all manifests that are there, in order; say which are missing."""
    links = Links(sorted(n for path in files.sizes if (n := manifest_number(path))))
    for former, number in pairwise([0, *links.numbers]):
        if number > former + 1:
            upto = f", and all up to {number - 1}" if number > former + 2 else ""
            _manifest(report, former + 1, f"it is missing{upto}")
    former_digest = ""
    expected = 1
    for number in links.numbers:
        before = former_digest if number == expected else None
        former_digest = _check_link(files, number, before, links, keys, report)
        expected = number + 1
    return links


def manifests(files: Files, links: Links) -> Iterator[Manifest]:
    """Yield the manifests that can be read, in order."""
    for number in links.numbers:
        try:
            manifest = parse(files.read(manifest_path(number)))
        except (Unreadable, ManifestMalformed):
            continue  # the first pass has said so
        if manifest.number == number:
            yield manifest


def _check_link(
    files: Files,
    number: int,
    before: str | None,
    links: Links,
    keys: TrustedKeys,
    report: Report,
) -> str:
    """Check one manifest and return its digest; `before` is that of the one before.

    An empty `before` stands for the beginning, None for a manifest that is missing.
    """
    try:
        raw = files.read(manifest_path(number))
        digest = sha256_hex(raw)
        manifest = parse(raw)
    except Unreadable as error:
        _manifest(report, number, f"it cannot be read: {error}")
        return "unreadable"
    except ManifestMalformed as error:
        _manifest(report, number, str(error))
        return digest
    if manifest.number != number:
        _manifest(report, number, f"it calls itself number {manifest.number}")
    if before is None or manifest.previous_sha256 != (before or None):
        said, there = manifest.previous_sha256, "missing" if before is None else before
        _manifest(report, number, f"it says {said} is before it, but that is {there}")
    if links.last and manifest.size < links.last.size:
        what = f"it has {manifest.size} leaves, after {links.last.size}"
        report.found.add("checkpoint", f"manifest {number}: {what}", "a log only grows")
    try:
        open_signed(manifest.checkpoint, keys)
    except DoesNotHold as error:
        because = "a checkpoint carries its log's signature"
        report.found.add("checkpoint", f"manifest {number}: {error}", because)
    links.take(manifest)
    return digest


def _manifest(report: Report, number: int, what: str) -> None:
    report.found.add("manifest", f"manifest {number}: {what}", LINKS)
