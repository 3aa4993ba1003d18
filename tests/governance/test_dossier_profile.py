"""PDF/A-3a (ISO 19005-3) and PDF/UA-1 (ISO 14289-1), as far as we can assert them.

veraPDF is not at hand here; these are its rules that a Python test can apply.
"""

import io
import itertools

import pikepdf
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from governance.dossier import build
from tests import world
from tests.governance import tagged
from tests.governance.dossier_stage import Stage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
FORBIDDEN = frozenset(
    {
        *("JavaScript", "JS", "Launch", "Sound", "Movie", "ResetForm", "ImportData"),
        *("Hide", "SetOCGState", "Rendition", "Trans", "GoTo3DView", "XFA"),
    }
)
STANDARD = frozenset(
    {
        *("Document", "Part", "Art", "Sect", "Div", "BlockQuote", "Caption", "TOC"),
        *("TOCI", "Index", "NonStruct", "Private", "P", "H", "H1", "H2", "H3", "H4"),
        *("H5", "H6", "L", "LI", "Lbl", "LBody", "Table", "TR", "TH", "TD", "THead"),
        *("TBody", "TFoot", "Span", "Quote", "Note", "Reference", "BibEntry", "Code"),
        *("Link", "Annot", "Ruby", "Warichu", "Figure", "Formula", "Form"),
    }
)


@pytest.fixture(params=["en", "de"])
def pdf(fresh_database, monkeypatch, request) -> pikepdf.Pdf:
    """The sealed dossier of an approved version."""
    monkeypatch.setattr(world, "NOW", timezone.now())
    stage = Stage()
    dossier = stage.asked(stage.approved(), request.param)
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    with default_storage.open(dossier.pdf_name) as file:
        return pikepdf.open(io.BytesIO(file.read()))


def test_the_file_keeps_to_the_profile(pdf):
    check_file(pdf)
    check_metadata(pdf)
    check_attachments(pdf)
    check_fonts(pdf)
    check_colours(pdf)
    check_tags(pdf)
    check_painted(pdf)
    check_headings(pdf)
    check_tables(pdf)
    check_annotations(pdf)
    check_outline(pdf)


def dictionaries(pdf: pikepdf.Pdf) -> list[pikepdf.Object]:
    """Every dictionary of the file, also those inside of others."""
    found, todo = [], list(pdf.objects)
    while todo:
        item = todo.pop()
        if isinstance(item, pikepdf.Array):
            todo += [one for one in item if not one_indirect(one)]
        elif isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
            found.append(item)
            values = (item[name] for name in item.keys())  # noqa: SIM118
            todo += [one for one in values if not one_indirect(one)]
    return found


def one_indirect(item: object) -> bool:
    """Whether it is an object of its own, met elsewhere, or a plain value."""
    return not isinstance(item, pikepdf.Object) or bool(item.is_indirect)


def check_file(pdf: pikepdf.Pdf) -> None:
    """6.1.2 to 6.1.13, 6.5, 6.6.1: header, no encryption, no actions that do things."""
    assert not pdf.is_encrypted
    assert "/ID" in pdf.trailer
    root = pdf.Root
    for name in ("/AA", "/OCProperties", "/Requirements", "/NeedsRendering"):
        assert name not in root, name
    for item in dictionaries(pdf):
        assert item.get("/Type") != "/Action" or "/S" in item
        action = item.get("/S")
        if isinstance(action, pikepdf.Name) and "/P" not in item:
            assert str(action)[1:] not in FORBIDDEN, action
        assert not {f"/{name}" for name in ("JS", "XFA", "AA", "Launch")} & set(
            item.keys()
        )
        if isinstance(item, pikepdf.Stream):
            assert "/F" not in item, "a stream in another file"
            filters = str(item.get("/Filter", ""))
            assert "LZW" not in filters
            assert "Crypt" not in filters


def check_metadata(pdf: pikepdf.Pdf) -> None:
    """6.6.2 and 7.1 of PDF/UA: XMP and Info agree, a title that the reader shows."""
    with pdf.open_metadata() as meta:
        assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("3", "A")
        assert meta["pdfuaid:part"] == "1"
        assert meta["dc:title"] == str(pdf.docinfo.Title)
        pairs = {
            "/Producer": "pdf:Producer",
            "/Creator": "xmp:CreatorTool",
            "/Keywords": "pdf:Keywords",
        }
        for old, new in pairs.items():
            if old in pdf.docinfo:
                assert str(pdf.docinfo[old]) == meta[new], old
        if "/Author" in pdf.docinfo:
            assert list(meta["dc:creator"]) == [str(pdf.docinfo.Author)]
        if "/Subject" in pdf.docinfo:
            assert str(pdf.docinfo.Subject) == meta["dc:description"]
        for old, new in (("/CreationDate", "xmp:CreateDate"), ("/ModDate", "xmp:Modi")):
            name = "xmp:ModifyDate" if new == "xmp:Modi" else new
            digits = "".join(c for c in str(pdf.docinfo[old])[2:16] if c.isdigit())
            assert digits == "".join(c for c in meta[name][:19] if c.isdigit()), old
    assert "/Filter" not in pdf.Root.Metadata
    assert pdf.Root.ViewerPreferences.DisplayDocTitle
    assert str(pdf.Root.Lang)


def check_attachments(pdf: pikepdf.Pdf) -> None:
    """6.8: each file names its use, its names, its media type and its date."""
    for spec in pdf.Root.AF:
        assert str(spec.AFRelationship)[1:] in ("Source", "Data", "Supplement")
        assert str(spec.F) == str(spec.UF) != ""
        assert str(spec.Desc)
        stream = spec.EF.F
        assert "/" in str(stream.Subtype)[1:].replace("#2F", "/")
        assert stream.Params.ModDate
        assert int(stream.Params.Size) == len(stream.read_bytes())


def check_fonts(pdf: pikepdf.Pdf) -> None:
    """6.2.11: embedded, with Unicode for every glyph, widths and CID maps."""
    fonts = [one for one in dictionaries(pdf) if one.get("/Type") == "/Font"]
    assert fonts
    for font in fonts:
        kind = str(font.Subtype)
        if kind.startswith("/CIDFont"):
            described = font.FontDescriptor
            assert {"/FontFile2", "/FontFile3"} & set(described.keys())
            assert kind == "/CIDFontType0" or "/CIDToGIDMap" in font
            assert "+" in str(font.BaseFont), "not marked as a subset"
        else:
            assert kind == "/Type0", kind
            assert len(font.ToUnicode.read_bytes())
            assert str(font.Encoding) == "/Identity-H"
            codes = font.ToUnicode.read_bytes()
            for bad in (b"<0000>\n", b"<fffe>", b"<feff>"):
                assert bad not in codes.lower().split(b"endcodespacerange")[-1], bad


def check_colours(pdf: pikepdf.Pdf) -> None:
    """6.2.2 to 6.2.10: one RGB output intent, no CMYK, transparency with a space."""
    (intent,) = pdf.Root.OutputIntents
    profile = intent.DestOutputProfile
    head = profile.read_bytes()[:40]
    assert int(profile.N) == 3
    assert head[8] <= 4, "ICC after version 4"
    assert head[12:16] in (b"mntr", b"prtr", b"scnr", b"spac")
    assert head[16:20] == b"RGB "
    assert head[36:40] == b"acsp"
    for page in pdf.pages:
        group = page.get("/Group")
        assert group is None or "/CS" in group
    for item in dictionaries(pdf):
        if item.get("/Subtype") == "/Image":
            assert not item.get("/Interpolate", False)
            assert "/Alternates" not in item
            assert "/OPI" not in item
            assert "CMYK" not in str(item.get("/ColorSpace", ""))
        if item.get("/Type") == "/ExtGState":
            assert "/TR" not in item
            assert "/HTP" not in item
            assert str(item.get("/TR2", "/Default")) == "/Default"
            assert str(item.get("/BM", "/Normal")) in ("/Normal", "/Multiply")
    operators = {
        str(operator)
        for page in pdf.pages
        for _operands, operator in pikepdf.parse_content_stream(page)
    }
    assert not operators & {"k", "K", "PS"}


def check_tags(pdf: pikepdf.Pdf) -> None:
    """6.7.3: types that readers know; figures and formulas say what they show."""
    mapped = pdf.Root.StructTreeRoot.get("/RoleMap", {})
    for element in tagged.elements(pdf):
        kind = str(mapped.get(f"/{element.kind}", f"/{element.kind}"))[1:]
        assert kind in STANDARD, element.kind
        if kind in ("Figure", "Formula"):
            assert element.text_of("/Alt") or element.text_of("/ActualText")
            assert element.text_of("/Alt").strip() == element.text_of("/Alt")
    assert not pdf.Root.MarkInfo.get("/Suspects", False)


def check_painted(pdf: pikepdf.Pdf) -> None:
    """7.1 of PDF/UA: each mark is of one element or an artifact, never of both."""
    held = tagged.told(pdf)
    assert all(len(those) == 1 for those in held.values())
    used = set()
    for page in pdf.pages:
        key = page.obj.objgen[0]
        for one in tagged.painted(page):
            assert one.artifact or one.mcid is not None, (page.label, one)
            assert not (one.artifact and one.mcid is not None)
            if one.mcid is not None:
                assert (key, one.mcid) in held, (page.label, one)
                used.add((key, one.mcid))
    tree = pdf.Root.StructTreeRoot.ParentTree
    numbers = pikepdf.NumberTree(tree)
    for page in pdf.pages:
        row = numbers[int(page.obj.StructParents)]
        key = page.obj.objgen[0]
        for (of, mcid), (element,) in held.items():
            if of == key:
                assert row[mcid].objgen == element.node.objgen


def check_headings(pdf: pikepdf.Pdf) -> None:
    """7.4.2 of PDF/UA: the first is H1, and none skips a level downwards."""
    levels = [
        int(element.kind[1:])
        for element in tagged.elements(pdf)
        if element.kind in ("H1", "H2", "H3", "H4", "H5", "H6")
    ]
    assert levels[0] == 1
    for above, below in itertools.pairwise(levels):
        assert below <= above + 1, (above, below)


def check_tables(pdf: pikepdf.Pdf) -> None:
    """7.5 of PDF/UA: rows in tables, cells in rows, heads that say what they head."""
    inside = {
        "TR": {"Table", "THead", "TBody", "TFoot"},
        "TH": {"TR"},
        "TD": {"TR"},
        "LI": {"L"},
        "LBody": {"LI"},
        "TOCI": {"TOC"},
    }
    heads = 0
    for element in tagged.elements(pdf):
        allowed = inside.get(element.kind)
        assert allowed is None or element.above[-1] in allowed, element
        if element.kind == "TH":
            heads += 1
            attributes = element.node.get("/A")
            those = (
                list(attributes)
                if isinstance(attributes, pikepdf.Array)
                else [attributes]
            )
            scopes = [str(a.Scope) for a in those if a is not None and "/Scope" in a]
            assert scopes, "a head without a scope"
            assert scopes[0] in ("/Column", "/Row", "/Both")
    assert heads


def check_annotations(pdf: pikepdf.Pdf) -> None:
    """7.18 of PDF/UA, 6.3: in the tree, in the order of the tree, said in words."""
    for page in pdf.pages:
        annotations = list(page.get("/Annots", []))
        assert str(page.obj.Tabs) == "/S"
        for one in annotations:
            assert int(one.get("/F", 0)) & 4 or str(one.Subtype) == "/Popup"
            if str(one.Subtype) == "/Link":
                assert "/StructParent" in one
                assert str(one.get("/Contents", "")), "a link without words"


def check_outline(pdf: pikepdf.Pdf) -> None:
    """The bookmarks lead to pages of the file."""
    with pdf.open_outline() as outline:
        assert len(outline.root) > 20
        assert all(item.title for item in outline.root)
