"""The child that sets a dossier: WeasyPrint alone, no network, bounded, no Django.

Started as a script by `setting`. It reads the folder that it is given, takes the
network and further processes away from itself, and writes `out.pdf` there. What it
says on standard output is one JSON object a line.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pydyf
from weasyprint import CSS, HTML, Attachment
from weasyprint.document import Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from audits.sandboxed import seccomp, usage  # noqa: E402 - a script knows its root here only

SCHEME = "dossier:"
VARIANT = "pdf/a-3a"
JOB, RESULT = "job.json", "out.pdf"
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
_GROUPS = ("/THead", "/TBody", "/TFoot")
# Where the layout of WeasyPrint breaks down over a break in a grid, a flexible box or
# what should stay together: everything in one column, to be broken anywhere.
PLAIN = """
html body *:is(dl, div, li, section, figure) { display: block !important }
* { break-inside: auto !important }
"""
# Libraries map address space that they never touch.
HEADROOM = 1024**3
# PDF/UA beside PDF/A: WeasyPrint names one of the two. PDF/A allows only properties
# that it knows or that the file describes (ISO 19005-3, 6.6.2.3.3), so that of PDF/UA
# (ISO 14289-1, 5) is described here.
_END = b"</rdf:RDF>"
_BOTH = b"""<rdf:Description rdf:about=""
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the file keeps to\
</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">\
<pdfuaid:part>1</pdfuaid:part></rdf:Description>
"""


class FetchRefused(FatalURLFetchingError):  # type: ignore[misc]
    """The document asked for something that is not part of it; rendering stops."""


class TooManyPages(Exception):
    """The document has more pages than it may have: the only argument."""


class Package(URLFetcher):  # type: ignore[misc]
    """Answers the document's own files, and refuses everything else."""

    def __init__(self, files: Mapping[str, tuple[bytes, str]]) -> None:
        """Know files by name: their bytes and media types."""
        super().__init__(allowed_protocols=())
        self._files = files

    def fetch(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> URLFetcherResponse:
        """Answer `dossier:NAME`. Raises `FetchRefused` with the address."""
        name = url.removeprefix(SCHEME)
        if not url.startswith(SCHEME) or name not in self._files:
            raise FetchRefused(url[:200])
        body, media_type = self._files[name]
        return URLFetcherResponse(url, body, {"Content-Type": media_type})


def main() -> None:
    """Set the document of the folder that is named, and say how it went."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / JOB).read_text("utf-8"))
    _confine(job)
    try:
        files = {
            name: ((folder / place).read_bytes(), media_type)
            for name, (place, media_type) in job["files"].items()
        }
        pages = typeset(job, files, folder / RESULT)
    except TooManyPages as error:
        _say(refused="pages", pages=error.args[0])
    except FetchRefused as error:
        _say(refused="fetch", url=str(error))
    except MemoryError:
        _say(refused="memory")
    else:
        _say(done=True, pages=pages, peak_bytes=usage.peak_memory())


def typeset(
    job: Mapping[str, Any], files: Mapping[str, tuple[bytes, str]], out: Path
) -> int:
    """Write the PDF; return the number of its pages.

    The same job gives the same bytes, as long as fonts and WeasyPrint are the same.
    Raises `FetchRefused` and `TooManyPages`.
    """
    package = Package(files)
    fonts = FontConfiguration()
    css = CSS(string=job["css"], font_config=fonts, url_fetcher=package)
    html = HTML(string=job["html"], url_fetcher=package, base_url=SCHEME)
    try:
        document = _laid_out(html, [css], fonts)
    except (AssertionError, IndexError):
        plain = CSS(string=PLAIN, font_config=fonts, url_fetcher=package)
        document = _laid_out(html, [css, plain], fonts)
    if len(document.pages) > job["most_pages"]:
        raise TooManyPages(len(document.pages))
    _say(share=0.75)
    document.metadata.attachments = [_attachment(one, package) for one in job["attach"]]
    named = document.metadata.generate_rdf_metadata
    document.metadata.generate_rdf_metadata = lambda *of: _accessible(named(*of))
    document.write_pdf(out, finisher=_finished, pdf_variant=VARIANT)
    return len(document.pages)


def _laid_out(html: HTML, css: list[CSS], fonts: FontConfiguration) -> Document:
    return html.render(stylesheets=css, font_config=fonts, pdf_variant=VARIANT)


def _attachment(said: Mapping[str, str], package: Package) -> Attachment:
    # Fixed dates: WeasyPrint's default is the moment of the build.
    moment = datetime.fromisoformat(said["moment"])
    return Attachment(
        url=f"{SCHEME}{said['name']}",
        url_fetcher=package,
        name=said["name"],
        description=said["description"],
        created=moment,
        modified=moment,
        relationship=said["relationship"],
    )


def _finished(_document: Document, pdf: Any) -> None:
    """Mend what WeasyPrint 70 writes otherwise than the norms want it."""
    if "AF" in pdf.catalog:  # each attachment stands there twice
        pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])
    root = _object(pdf, pdf.catalog["StructTreeRoot"])
    told = dict(_elements(pdf, root))
    _name_heads(root, told)
    _set_apart(pdf, root, told)


def _object(pdf: Any, reference: bytes) -> Any:
    return pdf.objects[int(reference.split()[0])]


def _elements(
    pdf: Any, node: Any, group: str = ""
) -> Iterator[tuple[bytes, tuple[Any, str]]]:
    """The tags of the tree by their references, each with its group of rows."""
    for kid in node["K"]:
        tag = _object(pdf, kid) if isinstance(kid, bytes) else {}
        if tag.get("Type") == "/StructElem":
            inside = tag["S"] if tag["S"] in _GROUPS else group
            yield kid, (tag, inside)
            yield from _elements(pdf, tag, inside)


def _name_heads(root: Any, told: Mapping[bytes, tuple[Any, str]]) -> None:
    """Say what each head of a table heads, and find heads by the ids that cells name.

    ISO 14289-1, 7.5; ISO 32000-1, table 322: who writes ids writes a tree of them.
    """
    named = {}
    for reference, (tag, group) in told.items():
        if tag["S"] == "/TH":
            tag["A"]["Scope"] = "/Row" if group == "/TBody" else "/Column"
        if "ID" in tag:
            named[tag["ID"].string] = (tag["ID"], reference)
    pairs = (part for _name, pair in sorted(named.items()) for part in pair)
    root["IDTree"] = pydyf.Dictionary({"Names": pydyf.Array(pairs)})


def _set_apart(pdf: Any, root: Any, told: Mapping[bytes, tuple[Any, str]]) -> None:
    """Make artifacts of running titles: ISO 14289-1, 7.8.

    WeasyPrint marks them as content of tags that stand outside of the tree.
    """
    held = _object(pdf, root["ParentTree"])["Nums"]
    for number, page in enumerate(pdf.page_references):
        row = held[2 * number + 1]
        stray = {mcid for mcid, reference in enumerate(row) if reference not in told}
        painted = _object(pdf, _object(pdf, page)["Contents"]).stream
        for place, operator in enumerate(painted):
            if operator == b"BDC" and painted[place - 1].get("MCID") in stray:
                kind = pydyf.Dictionary({"Type": "/Pagination"})
                painted[place - 2 : place] = ["/Artifact", kind]
        for mcid in stray:
            row[mcid] = "null"


def _accessible(rdf: bytes) -> bytes:
    """The metadata of a PDF/A (RDF) that say that it is PDF/UA-1, too."""
    head, end, tail = rdf.rpartition(_END)
    return head + _BOTH + end + tail


def _confine(job: Mapping[str, Any]) -> None:
    """Die with the worker, stay within the limits, and open no socket any more.

    Ends where the filter of system calls cannot be had: better no dossier than one
    that went to the network.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != job["parent"]:  # it died before the line above
        sys.exit(1)
    memory, seconds = int(job["memory_bytes"]), int(job["seconds"])
    for which, limit in {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: seconds + 5,
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_AS: memory + HEADROOM,
    }.items():
        resource.setrlimit(which, (limit, limit))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if not seccomp.deny(libc):
        _say(refused="confinement")
        sys.exit(1)


def _say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
