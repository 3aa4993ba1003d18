"""Check a whole export: manifests, files, every leaf, every root, every row's chain."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from audits.cosignature import Cosigner
from audits.export.layout import POINTER, is_tile_path, manifest_number
from audits.export.manifest import Manifest
from audits.note import Checkpoint
from audits.offline.leaves import Leaves
from audits.offline.links import Links, check_links, manifests
from audits.offline.outside import Outside
from audits.offline.report import Report
from audits.offline.rows import Rows
from audits.offline.source import Files, Unreadable
from audits.trusted import CannotCheck, TrustedKeys

Progress = Callable[[int, int], None]


def check_bundle(
    files: Files,
    keys: TrustedKeys,
    report: Report,
    *,
    since: Checkpoint | None = None,
    witnesses: Sequence[Cosigner] = (),
    progress: Progress | None = None,
) -> None:
    """Check an export of a log; what does not hold is in `report.found`.

    Two passes: over the manifests, then over all leaves, in bounded memory. Raises
    CannotCheck without a key for checkpoints or without a readable manifest.
    """
    report.level = "bundle"
    if not keys.logs:
        raise CannotCheck("No public key for checkpoints was given.")
    links = check_links(files, keys, report)
    if links.last is None:
        raise CannotCheck("No manifest of the export can be read.")
    if since:
        links.wanted.add(since.size)
    with closing(Rows(report.found)) as rows:
        leaves = Leaves(files, report.found, rows, links.wanted)
        outside = Outside(keys, witnesses, report)
        paths = _check_steps(files, report, links, leaves, outside, progress)
    if since:
        _check_since(since, leaves, report)
    _check_pointer(files, links, report)
    _say_what_was_checked(links, leaves, report)
    outside.say()
    _say_what_was_not(files, paths, leaves, report)


def _check_steps(
    files: Files,
    report: Report,
    links: Links,
    leaves: Leaves,
    outside: Outside,
    progress: Progress | None,
) -> set[str]:
    """Check the files and leaves of each manifest; return the paths they name."""
    paths: set[str] = set()
    number = 0
    total = links.last.size if links.last else 0
    show = partial(_tell, progress, total) if progress else None
    for manifest in manifests(files, links):
        complete = manifest.number == number + 1
        leaves.grow(manifest, complete=complete, progress=show)
        paths.update(file.path for file in manifest.files)
        _check_root(manifest, leaves, report)
        outside.check(manifest, leaves.roots)
        number = manifest.number
    return paths


def _tell(progress: Progress, total: int, done: int) -> None:
    progress(done, total)


def _check_root(manifest: Manifest, leaves: Leaves, report: Report) -> None:
    if leaves.broken or leaves.tree.size != manifest.size:
        return
    root, signed = leaves.tree.root(), manifest.signed.root
    if root != signed:
        report.found.add(
            "checkpoint",
            f"manifest {manifest.number}: {manifest.size} leaves give the root "
            f"{root.hex()}, signed was {signed.hex()}",
            "a checkpoint signs the root of the leaves",
        )


def _check_since(since: Checkpoint, leaves: Leaves, report: Report) -> None:
    """Compare the tree with the checkpoint that the auditor kept."""
    size, root = leaves.tree.size, leaves.roots.get(since.size)
    if since.size == 0 or (root == since.root):
        report.checked.append(
            f"the checkpoint of {since.size} leaves that you trust: the log of this "
            "export begins with exactly these."
        )
        return
    what = (
        f"the leaves give {root.hex()} at {since.size} leaves, it says "
        f"{since.root.hex()}"
        if root
        else f"it is of {since.size} leaves, in the export are {size}"
    )
    report.found.add(
        "since",
        f"the checkpoint that you trust: {what}",
        "a log never forgets and never rewrites what it has shown",
    )


def _check_pointer(files: Files, links: Links, report: Report) -> None:
    """Compare the file `checkpoint` with the last manifest."""
    if links.last is None:
        return
    if POINTER not in files.sizes:
        report.not_checked.append("the file checkpoint: it is not there.")
        return
    try:
        content = files.read(POINTER)
    except Unreadable as error:
        report.found.add("file", f"{POINTER} cannot be read: {error}", "it is plain")
        return
    if content == links.last.checkpoint.encode():
        return
    if links.before and content == links.before.checkpoint.encode():
        report.not_checked.append(
            "the file checkpoint: it is of the step before the last, as an "
            "interrupted export leaves it."
        )
        return
    report.found.add(
        "checkpoint",
        f"the file {POINTER} is not the checkpoint of manifest {links.last.number}",
        "it repeats the newest checkpoint",
    )


def _say_what_was_checked(links: Links, leaves: Leaves, report: Report) -> None:
    rows = leaves.rows
    logs = ", ".join(f"{name} ({n})" for name, n in links.origins.items())
    report.counts = {
        "manifests": sum(links.origins.values()),
        "leaves": leaves.tree.size,
        "entries": rows.entries,
        "gaps": rows.gaps,
    }
    report.checked += [
        f"{report.counts['manifests']} manifests: their links and the signatures of "
        f"their checkpoints, of {logs}.",
        f"{leaves.tree.size} leaves: every file against its digest, every entry hashed "
        "again, every tile and every root rebuilt; each signed tree against the one "
        "before it.",
        f"{rows.entries} entries: their numbers rise; {rows.gaps} numbers are not "
        "used, as transactions that were rolled back leave them.",
        "each row's entries against each other: a change between two of them that "
        "nobody recorded.",
    ]


def _say_what_was_not(
    files: Files, paths: set[str], leaves: Leaves, report: Report
) -> None:
    rows = leaves.rows
    extra = [
        path
        for path in files.sizes
        if path not in paths and path != POINTER and not manifest_number(path)
    ]
    tiles = sum(map(is_tile_path, extra))
    for count, what in (
        (leaves.unread, "leaves, whose entries could not be read, were not followed."),
        (
            rows.unclear,
            "changes, not whole: values stand as digests, columns came or "
            "went, or an entry between could not be read.",
        ),
        (leaves.unlisted, "files have no digest in a manifest that is there."),
        (
            tiles,
            "files of the tree are in no manifest: an interrupted export leaves "
            "such files.",
        ),
        (len(extra) - tiles, "files do not belong to an export."),
    ):
        if count:
            report.not_checked.append(f"{count} {what}")
    report.not_checked += [
        "whether the export goes on elsewhere, and whether the newest steps are "
        "missing here: compare with --since, or with the database (verify_log).",
        "whether the live tables agree with the log (verify_log).",
        "whether this log shows others another history: compare checkpoints.",
    ]
