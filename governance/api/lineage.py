"""OpenLineage events, as its own clients send them (spec 2-0-2)."""

import io
import zlib
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ParseError, UnsupportedMediaType, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from governance import roles
from governance.api.door import LISTED, Door, page, person
from governance.api.parsers import Unreadable, require_readable
from governance.api.show import Json, user
from governance.ingest import openlineage, receiving
from governance.models import LineageEvent, LineageName

LARGEST_BATCH = 8 * 1024 * 1024  # bytes, unpacked
MOST_EVENTS = 1000
_OBJECTS: Any = {
    "application/json": {
        "type": "array",
        "maxItems": MOST_EVENTS,
        "items": {"type": "object", "additionalProperties": {}},
    }
}


class EventParser(JSONParser):
    """JSON, packed with gzip or not; what unpacks to too much is not unpacked.

    What cannot be kept is found event by event, see `_read`.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The body's value. Raises `ParseError`, `TooLarge`."""
        request = (parser_context or {})["request"]
        packing = request.headers.get("Content-Encoding", "identity").lower()
        if packing not in ("identity", "gzip"):
            raise UnsupportedMediaType(packing[:40])
        raw = stream.read(LARGEST_BATCH + 1)
        if packing == "gzip":
            raw = _unpacked(raw)
        if len(raw) > LARGEST_BATCH:
            raise openlineage.TooLarge(_("The message is larger than 8 MiB."))
        try:
            return super().parse(io.BytesIO(raw), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deep.")) from error


def _unpacked(raw: bytes) -> bytes:
    """At most one byte more than may be."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(raw, LARGEST_BATCH + 1)
    except zlib.error as error:
        raise ParseError(_("The body is not packed with gzip.")) from error
    whole = unpacker.eof and not unpacker.unused_data
    if len(found) <= LARGEST_BATCH and not whole:
        raise ParseError(_("The body is not packed with gzip."))
    return found


def _read(said: object) -> openlineage.Told:
    try:
        require_readable(said)
    except Unreadable as error:
        where = error.pointer.removeprefix("/")
        raise openlineage.NotUnderstood(where, str(error)) from error
    return openlineage.read(said)


def event(row: LineageEvent) -> Json:
    """An event and what became of the things that it names."""
    return {
        "id": row.id,
        "kind": row.kind,
        "run_id": row.run_id,
        "event_type": row.event_type or None,
        "event_time": row.event_time,
        "job": row.job or None,
        "sha256": row.sha256,
        "names": [name(one) for one in row.names.all()],
        "received_by": user(row.received_by),
        "received_at": row.received_at,
    }


def name(row: LineageName) -> Json:
    """A thing by its sender's name, and what it is here."""
    link = row.link
    version = link.version if link else None
    data = link.dataset_version if link else None
    return {
        "side": row.side,
        "namespace": row.namespace,
        "name": row.name,
        "version": row.version or None,
        "sha256": row.sha256 or None,
        "state": row.state,
        "because": row.because or None,
        "is": {"model": version.model.slug, "version": version.version}
        if version
        else {"dataset": data.dataset.slug, "version": data.version}
        if data
        else None,
    }


class Lineage(Door):
    """`lineage`; a repeat of an event is that event."""

    idempotent = False
    parser_classes = (EventParser,)

    @extend_schema(request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Keep an event; a worker joins what it names to what is registered."""
        roles.require(person(request), receiving.RIGHT)
        told = _read(request.data)
        (row,) = receiving.receive(events=[told], by=person(request), at=timezone.now())
        return Response({"id": row.id, "state": "received"})

    @extend_schema(responses=LISTED)
    def get(self, request: Request) -> Response:
        """List events with what became of their names, the newest first.

        A token for some models sees what it sent itself.
        """
        by = person(request)
        roles.require(by, "read")
        # A document may have a mebibyte, and is shown nowhere.
        rows = LineageEvent.objects.defer("document").select_related("received_by")
        rows = rows.prefetch_related(
            "names__link__version__model", "names__link__dataset_version__dataset"
        )
        if by.scope is not None and by.scope.models_pattern != "*":
            pattern = by.scope.models_pattern
            rows = rows.filter(received_by=by, models_pattern=pattern)
        return page(request, rows, event, ordering=["-received_at", "id"])


class Batch(Door):
    """`lineage/batch`; the good events of a batch are kept, the others named."""

    idempotent = False
    parser_classes = (EventParser,)

    @extend_schema(request=_OBJECTS, responses={200: OpenApiTypes.OBJECT, 204: None})
    def post(self, request: Request) -> Response:
        """Keep events: 204 when all were kept, else 200 with what was wrong."""
        by, said = person(request), request.data
        roles.require(by, receiving.RIGHT)
        if not isinstance(said, list) or len(said) > MOST_EVENTS:
            raise ValidationError([_("Send a list of at most 1000 events.")])
        good, failed = [], []
        for index, one in enumerate(said):
            try:
                good.append(_read(one))
            except openlineage.NotUnderstood as error:
                reason = f"/{error.field}: {error}"
                failed.append({"index": index, "reason": reason, "retriable": False})
        if good:
            receiving.receive(events=good, by=by, at=timezone.now())
        if not failed:
            return Response(status=204)
        summary = {
            "received": len(said),
            "successful": len(good),
            "failed": len(failed),
            "retriable": 0,
            "non_retriable": len(failed),
        }
        return Response(
            {"status": "partial_success", "summary": summary, "failed_events": failed}
        )


class Facet(Door):
    """`lineage/facet`: the schema of our own facet, which its `_schemaURL` names."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses=OpenApiTypes.OBJECT, auth=[])
    def get(self, request: Request) -> Response:
        """How an event says which bytes it means."""
        return Response(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": settings.FREIGABE_INSTANCE_URL + reverse("api:lineage-facet"),
                "type": "object",
                "properties": {
                    "_producer": {"type": "string", "format": "uri"},
                    "_schemaURL": {"type": "string", "format": "uri"},
                    "sha256": {
                        "type": "string",
                        "pattern": "^(sha256:)?[0-9a-f]{64}$",
                    },
                    "uri": {"type": "string", "maxLength": openlineage.LONGEST},
                },
                "required": ["_producer", "_schemaURL", "sha256"],
            }
        )
