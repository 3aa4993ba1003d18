"""What others said of the checkpoints in an export: witnesses and time stamps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from audits.cosignature import Cosigner, open_cosignature
from audits.export.manifest import Cosigned, Manifest, Stamped
from audits.note import Checkpoint, NoteMalformed, NoteUnverified, format_checkpoint
from audits.offline.extract import open_signed
from audits.offline.report import DoesNotHold, Report
from audits.trusted import TrustedKeys

LATEST_SHOWN = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class Outside:
    """Checks cosignatures against the rebuilt tree; lists what it cannot check."""

    def __init__(
        self, keys: TrustedKeys, witnesses: Sequence[Cosigner], report: Report
    ) -> None:
        """`witnesses` are the witnesses whose keys the auditor trusts."""
        self._keys = keys
        self._witnesses = {witness.name: witness for witness in witnesses}
        self._report = report
        self._origins: list[str] = []
        self._latest: dict[str, tuple[int, int]] = {}  # name: size, Unix time
        self._unknown: Counter[str] = Counter()
        self._stamps: dict[str, tuple[int, int]] = {}  # authority: how many, last size

    def check(self, manifest: Manifest, roots: Mapping[int, bytes]) -> None:
        """Check what a manifest carries; `roots` are those of the rebuilt tree."""
        if manifest.origin not in self._origins:
            self._origins.append(manifest.origin)
        for cosigned in manifest.cosignatures:
            self._check_cosignature(manifest, cosigned, roots)
        for stamp in manifest.timestamps:
            self._check_stamp(manifest, stamp, roots)

    def say(self) -> None:
        """Write down what was checked and what was not."""
        report = self._report
        for name, (size, seconds) in sorted(self._latest.items()):
            when = datetime.fromtimestamp(min(seconds, LATEST_SHOWN), UTC).isoformat()
            report.checked.append(
                f"the cosignatures of the witness {name}: the last is of {size} "
                f"leaves, made at {when}."
            )
        for name in sorted(self._witnesses.keys() - self._latest.keys()):
            report.not_checked.append(
                f"what the witness {name} saw: the export has no cosignature of it."
            )
        for name, count in sorted(self._unknown.items()):
            report.not_checked.append(
                f"{count} cosignatures of {name}: name its key with --witness."
            )
        for authority, (count, size) in sorted(self._stamps.items()):
            report.not_checked.append(
                f"the signatures of {count} time stamps of {authority}, the last of "
                f"{size} leaves; they are of signed trees of this log."
            )
        if not self._latest:
            report.not_checked.append(
                "whether anybody outside saw this log: no cosignature was verified. "
                "Whoever holds the log's key could have written another export."
            )

    def _check_cosignature(
        self, manifest: Manifest, cosigned: Cosigned, roots: Mapping[int, bytes]
    ) -> None:
        witness = self._witnesses.get(cosigned.witness)
        root = roots.get(cosigned.size)
        if witness is None or root is None:
            self._unknown[cosigned.witness] += 1
            return
        try:
            seconds = self._seconds(cosigned, root, witness)
        except (NoteMalformed, NoteUnverified) as error:
            self._add(manifest, f"cosignature of {cosigned.size} leaves: {error}")
            return
        latest = self._latest.get(witness.name, (0, 0))
        self._latest[witness.name] = max(latest, (cosigned.size, seconds))

    def _seconds(self, cosigned: Cosigned, root: bytes, witness: Cosigner) -> int:
        """Return when the witness signed, under the log's present or a former name.

        A step may carry a cosignature that was made before the log was renamed.
        """
        wrong = NoteUnverified("The log has no name.")
        for origin in self._origins:
            tree = Checkpoint(origin, cosigned.size, root)
            note = f"{format_checkpoint(tree)}\n{cosigned.line}\n"
            try:
                return open_cosignature(note, cosigned.line, witness)
            except NoteUnverified as error:
                wrong = error
        raise wrong

    def _check_stamp(
        self, manifest: Manifest, stamp: Stamped, roots: Mapping[int, bytes]
    ) -> None:
        """A token says when its note was there; the note must be one of this log."""
        try:
            signed = open_signed(stamp.note, self._keys)
        except DoesNotHold as error:
            self._add(manifest, f"time stamp of {stamp.authority}: {error}")
            return
        root = roots.get(signed.size)
        if signed.size != stamp.size or root not in (None, signed.root):
            self._add(
                manifest,
                f"time stamp of {stamp.authority}: it is of a tree of "
                f"{signed.size} leaves that this log never had",
            )
            return
        count, _ = self._stamps.get(stamp.authority, (0, 0))
        self._stamps[stamp.authority] = (count + 1, signed.size)

    def _add(self, manifest: Manifest, what: str) -> None:
        because = "what others signed is the tree of this export"
        self._report.found.add(
            "outside", f"manifest {manifest.number}: {what}", because
        )
