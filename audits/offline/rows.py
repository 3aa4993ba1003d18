"""The entries of each row against each other, in bounded memory."""

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Any

from audits.findings import Findings
from audits.offline.members import Member, members, text_of, values

BodyAt = Callable[[int], bytes | None]
MOST_IN_MEMORY = 300_000  # rows; more are remembered in a temporary file


class Rows:
    """Follows ids and rows through the log, leaf by leaf."""

    def __init__(self, found: Findings) -> None:
        """Start before the first leaf."""
        self._found = found
        self._memory = _Memory()
        self._last_id = 0
        self._skipped = -1
        self.entries = self.gaps = self.unclear = 0

    def close(self) -> None:
        """Give the temporary file back."""
        self._memory.close()

    def skip(self, index: int) -> None:
        """Pass a leaf whose entry cannot be read: any row may have changed there."""
        self._skipped = index

    def take(self, index: int, raw: bytes, body_at: BodyAt) -> None:
        """Take the entry of the next leaf that could be read.

        `body_at` gives the entry of an earlier leaf again, or None if it cannot.
        """
        self.entries += 1
        try:
            text = raw.decode()
            body = values(text)
            entry, kind, rel, pk = (body[name] for name in ("id", "op", "rel", "pk"))
            if type(entry) is not int or not 0 < entry < 2**63:
                raise ValueError("its id is not the number of an entry")
        except (ValueError, KeyError, RecursionError) as error:
            self._found.add(
                "entry",
                f"leaf {index} is not the JSON of an entry: {error}",
                "every leaf is an entry of the log",
            )
            return
        if entry <= self._last_id:
            self._found.add(
                "order",
                f"leaf {index} stands after entry {self._last_id}",
                "leaves keep the order of capture",
                entry=entry,
            )
        self.gaps += max(entry - self._last_id - 1, 0)
        self._last_id = max(entry, self._last_id)
        if kind in ("I", "U", "D") and isinstance(rel, str) and isinstance(pk, str):
            seen, what = self._follow(index, body, text, body_at)
            if what and seen < self._skipped:
                self.unclear += 1
            elif what:
                because = "the row changed between the two without capture"
                self._found.add("chain", what, because, entry=entry, table=rel, key=pk)

    def _follow(
        self, index: int, body: dict[str, Any], text: str, body_at: BodyAt
    ) -> tuple[int, str]:
        """Compare with the entry before for the row; return its leaf, what differs."""
        name = f"{body['rel']}\0{body['pk']}".encode("utf-8", "surrogatepass")
        row = hashlib.sha256(name).digest()[:16]
        kind = body["op"]
        digest = hashlib.sha256(text_of("new", text).encode()).digest()
        place = index.to_bytes(8, "big") + body["id"].to_bytes(8, "big")
        state = self._memory.get(row)
        self._memory.set(row, kind.encode() + place + digest)
        if state is None:
            leaf, before, was = -1, "nothing", "D"
        else:
            leaf, was = int.from_bytes(state[1:9], "big"), state[:1].decode()
            before = f"entry {int.from_bytes(state[9:17], 'big')} ({was})"
        if was == "D":
            what = f"a change ({kind}) follows {before}: nobody inserted the row"
            return leaf, "" if kind == "I" else what
        if kind == "I":
            return leaf, f"an insert follows {before}: nobody deleted the row"
        if state and body.get("osha") == state[17:].hex():
            return leaf, ""
        return leaf, self._look_closer(body_at(leaf), before, text)

    def _look_closer(self, raw: bytes | None, before: str, text: str) -> str:
        """Say which columns differ; nothing when a digest or a migration explains it.

        The digest of the old row is of the full row: where a value was logged by its
        digest, or a migration changed the columns, only columns can be compared.
        """
        if raw is None:
            self.unclear += 1
            return ""
        try:
            changed, explained = _compare(members(raw.decode()), members(text))
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return f"{before} or this one has no readable image of the row"
        if changed:
            names = ", ".join(sorted(changed)[:10])
            return f"the columns {names} were not as {before} says"
        if explained:
            self.unclear += 1
            return ""
        return f"its digest of the old row does not match {before}"


def _compare(
    before: dict[str, Member], this: dict[str, Member]
) -> tuple[set[str], bool]:
    """Compare two images of a row; say also whether they are comparable by column only.

    A value that became personal in between stands as a commitment on one side only,
    and cannot be compared.
    """
    was = members(before["new"].text)
    old = members(this["old"].text) if this["old"].value else {}
    if this["op"].value == "U":
        old = members(this["new"].text) | old
    was_digest = _reduced(before, "new")
    old_digest = _reduced(this, "old") | (_reduced(this, "new") - _names(this["old"]))
    explained = bool(was_digest or old_digest) or was.keys() != old.keys()
    changed = set()
    for name in was.keys() & old.keys():
        left, right = was[name], old[name]
        if _committed(left) != _committed(right):
            explained = True
        elif (name in was_digest) != (name in old_digest):
            by_digest, plain = (left, right) if name in was_digest else (right, left)
            if by_digest.value["$sha256"] != _sha256_of(plain):
                changed.add(name)
        elif left.text != right.text:
            changed.add(name)
    return changed, explained


def _reduced(body: dict[str, Member], part: str) -> set[str]:
    """Name the columns whose value stands in this part by its digest."""
    reduced = body.get("reduced")
    names = reduced.value.get(part) if reduced and reduced.value else None
    return set(names or ())


def _names(image: Member) -> set[str]:
    return set(image.value or ())


def _committed(member: Member) -> bool:
    return isinstance(member.value, dict) and member.value.keys() == {"$commitment"}


def _sha256_of(member: Member) -> str:
    """Digest a value as audits_digest() in capture.sql does."""
    text = member.value if isinstance(member.value, str) else member.text
    return hashlib.sha256(text.encode()).hexdigest()


class _Memory:
    """The last entry of each row: in memory, and when that grows, in a file as well."""

    def __init__(self) -> None:
        self._recent: dict[bytes, bytes] = {}
        self._file: sqlite3.Connection | None = None

    def get(self, row: bytes) -> bytes | None:
        """Return what was set last, or None."""
        state = self._recent.get(row)
        if state is None and self._file:
            query = "SELECT state FROM rows WHERE row = ?"
            found = self._file.execute(query, [row]).fetchone()
            state = found[0] if found else None
        return state

    def set(self, row: bytes, state: bytes) -> None:
        """Remember the row's last entry."""
        self._recent[row] = state
        if len(self._recent) > MOST_IN_MEMORY:
            self._spill()

    def close(self) -> None:
        """Give the file back."""
        if self._file:
            self._file.close()

    def _spill(self) -> None:
        if self._file is None:
            # An empty name: a private file that vanishes with the connection.
            self._file = sqlite3.connect("")
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute(
                "CREATE TABLE rows (row BLOB PRIMARY KEY, state BLOB) WITHOUT ROWID"
            )
        self._file.executemany(
            "INSERT OR REPLACE INTO rows VALUES (?, ?)", sorted(self._recent.items())
        )
        self._recent.clear()
