"""The log's reading side: checkpoint, entries, proofs, tiles."""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audits import log, tiles
from audits.merkle import HASH_BYTES
from audits.models import Entry as LoggedRow
from audits.models import Leaf, Verification
from audits.outside.coverage import coverage
from audits.outside.witnesses import witnessed_note
from governance import log_state, permit, roles
from governance.api.door import LISTED, Door, page, person

RETRY_SECONDS = "1"  # the clock integrates and signs once a second


class Checkpoint(Door):
    """`log/checkpoint`"""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """The latest signed checkpoint with its cosignatures (C2SP tlog-checkpoint)."""
        roles.require(person(request), "read")
        found = log.latest_checkpoint()
        if found is None:
            raise NotFound(_("No checkpoint has been signed yet."))
        note = witnessed_note(found)
        reply = HttpResponse(note, content_type="text/plain; charset=utf-8")
        reply.headers["Cache-Control"] = "no-cache"
        return reply


class Entry(Door):
    """`log/entries/{index}`"""

    @extend_schema(responses={200: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT})
    def get(self, request: Request, index: int) -> Response:
        """One entry, with the exact text that its leaf hashes; 202 while it waits."""
        roles.require(person(request), "read log entries")
        try:
            found = log.entry(index=index)
        except log.NotInLog as error:
            return _waiting(index, error)
        return Response(
            {
                "index": found.index,
                "leaf_hash": found.leaf_hash.hex(),
                "body": found.entry.body,
            }
        )


class EntryProof(Door):
    """`log/entries/{index}/proof`"""

    @extend_schema(
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            202: OpenApiTypes.OBJECT,
        }
    )
    def get(self, request: Request, index: int) -> HttpResponseBase:
        """The entry with its proof, for a check offline (C2SP tlog-proof)."""
        roles.require(person(request), "read log entries")
        try:
            content = log.proof_file(index=index)
        except (log.NotInLog, log.NotYetSigned) as error:
            return _waiting(index, error)
        return HttpResponse(content, content_type="text/plain; charset=utf-8")


class ObjectEntries(Door):
    """`log/objects/{table}/{key}`"""

    @extend_schema(responses=LISTED)
    def get(self, request: Request, table: str, key: str) -> Response:
        """The history of one row, oldest first, 50 entries a page."""
        roles.require(person(request), "read log entries")
        found = log.entries_for(rel=f"public.{table}", pk=key)
        if not found.exists():
            raise NotFound(_("The log has no such entries."))
        leaf = Leaf.objects.filter(entry_id=OuterRef("entry_id"))
        rows = found.annotate(index=Subquery(leaf.values("leaf_index")))
        signed = log.latest_checkpoint()
        size = signed.tree_size if signed else 0
        return page(request, rows, lambda row: _shown(row, size), ordering=["entry_id"])


class Keys(Door):
    """`log/keys`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """All public keys with their validity, as in `keys.json`."""
        roles.require(person(request), "read")
        return Response(permit.public_keys(at=timezone.now()))


class Inclusion(Door):
    """`log/proofs/inclusion`"""

    @extend_schema(
        parameters=[OpenApiParameter(n, int, required=True) for n in ("index", "size")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Proof that a leaf is in the tree of that size (RFC 6962, 2.1.1)."""
        roles.require(person(request), "read")
        index, size = _whole(request, "index"), _whole(request, "size")
        return _proof(lambda: log.inclusion(index=index, size=size))


class Consistency(Door):
    """`log/proofs/consistency`"""

    @extend_schema(
        parameters=[OpenApiParameter(n, int, required=True) for n in ("old", "new")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Proof that an old tree is the beginning of a newer one (RFC 6962, 2.1.2)."""
        roles.require(person(request), "read")
        old, new = _whole(request, "old"), _whole(request, "new")
        return _proof(lambda: log.consistency(old=old, new=new))


class Status(Door):
    """`log/status`"""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Size, what waits, the last verification, and who outside keeps what."""
        roles.require(person(request), "read")
        now = log.status(at=timezone.now())
        last = now.verification
        return Response(
            {
                "size": now.size,
                "unsequenced": now.unsequenced,
                "lag_seconds": now.lag.total_seconds() if now.lag else 0,
                "unattributed": now.unattributed,
                "checkpoint_size": now.checkpoint.tree_size if now.checkpoint else 0,
                "checkpoint_at": now.checkpoint.created_at if now.checkpoint else None,
                "verified_at": last.ran_at if last else None,
                "holds": last.ok if last else None,
                "verification": _verification(last) if last else None,
                "outside": [asdict(memory) for memory in coverage()],
                "not_covered": log_state.gaps(now),
            }
        )


def _verification(last: Verification) -> dict[str, Any]:
    return {
        "ran_at": last.ran_at,
        "level": last.level,
        "ok": last.ok,
        "size": last.size,
        "findings": len(last.findings),
        "noticed": len(last.noticed),
    }


def _shown(row: LoggedRow, size: int) -> dict[str, Any]:
    index: int | None = row.index  # type: ignore[attr-defined]
    return {
        "entry_id": row.entry_id,
        "index": index,
        "signed": index is not None and index < size,
        "operation": row.op,
        "occurred_at": row.occurred_at,
        "actor": row.actor,
        "body": row.body,
    }


def _waiting(index: int, because: Exception) -> Response:
    """202 for an entry on its way into the signed tree. Raises NotFound for others."""
    now = log.status(at=timezone.now())
    if index >= now.size + now.unsequenced:
        raise NotFound(str(because)) from because
    if index < now.size and isinstance(because, log.NotInLog):
        raise NotFound(str(because)) from because
    return Response(
        {"status": _("waiting"), "because": str(because)},
        status=202,
        headers={"Retry-After": RETRY_SECONDS},
    )


class HashTile(Door):
    """`log/tile/{level}/{path}`: hash tiles (C2SP tlog-tiles)."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, level: int, path: str) -> HttpResponse:
        """The hashes of a tile."""
        roles.require(person(request), "read")
        return _bytes(lambda: _hashes(level, path))


class EntryBundle(Door):
    """`log/tile/entries/{path}`: entry bundles (C2SP tlog-tiles)."""

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, path: str) -> HttpResponse:
        """The entries of a tile, each with its length before it."""
        roles.require(person(request), "read log entries")
        return _bytes(lambda: _bundle(path))


def _tile(path: str) -> tuple[int, int]:
    """Index and width of a tile path such as `x001/234.p/7` (C2SP tlog-tiles)."""
    match = re.fullmatch(r"((?:x\d{3}/){0,5}\d{3})(?:\.p/([1-9]\d{0,2}))?", path)
    if match is None:
        raise log.NotInLog(_("This is no path of a tile."))
    index = int(match[1].replace("x", "").replace("/", ""))
    width = int(match[2]) if match[2] else tiles.TILE_WIDTH
    if width > tiles.TILE_WIDTH or (match[2] and width == tiles.TILE_WIDTH):
        raise log.NotInLog(_("This is no path of a tile."))
    return index, width


def _hashes(level: int, path: str) -> bytes:
    index, width = _tile(path)
    signed = log.latest_checkpoint()
    size = signed.tree_size if signed else 0
    content = tiles.hash_tile(level=level, index=index, size=size)
    if len(content) < width * HASH_BYTES:
        raise log.NotInLog(_("This tile is not that wide yet."))
    return content[: width * HASH_BYTES]


def _bundle(path: str) -> bytes:
    index, width = _tile(path)
    signed = log.latest_checkpoint()
    size = index * tiles.TILE_WIDTH + width
    if signed is None or size > signed.tree_size:
        raise log.NotInLog(_("This bundle is not that long yet."))
    return tiles.entry_bundle(index=index, size=size)


def _bytes(read: Callable[[], bytes]) -> HttpResponse:
    try:
        content = read()
    except (log.NotInLog, ValueError) as error:
        raise NotFound(str(error)) from error
    reply = HttpResponse(content, content_type="application/octet-stream")
    reply.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return reply


def _whole(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValidationError({name: [_("Must be a whole number, 0 or more.")]})
    return int(text)


def _proof(make: Callable[[], log.Proof]) -> Response:
    try:
        proof = make()
    except log.NotInLog as error:
        raise NotFound(str(error)) from error
    return Response(
        {"size": proof.size, "root": proof.root.hex(), "hashes": proof.base64}
    )
