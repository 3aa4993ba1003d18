"""A tagged PDF as software for the blind meets it: its tree, and what is painted."""

from collections.abc import Iterator
from dataclasses import dataclass

import pikepdf

PAINTS = frozenset(
    {
        *("Tj", "TJ", "'", '"', "Do", "sh", "EI", "INLINE IMAGE"),
        *("S", "s", "f", "F", "f*", "B", "B*", "b", "b*"),
    }
)


@dataclass(frozen=True)
class Painted:
    """A painting operator, and the marked content around it: an MCID or an artifact."""

    operator: str
    mcid: int | None
    artifact: bool


@dataclass(frozen=True)
class Element:
    """A structure element, and the types of those around it, outermost first."""

    kind: str
    node: pikepdf.Object
    above: tuple[str, ...]

    def text_of(self, name: str) -> str:
        """An entry of the element, empty where it has none."""
        return str(self.node.get(name, ""))


def elements(pdf: pikepdf.Pdf) -> Iterator[Element]:
    """All structure elements, in the order in which they are read."""

    def walk(node: pikepdf.Object, above: tuple[str, ...]) -> Iterator[Element]:
        for kid in _kids(node):
            if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
                kind = str(kid.S)[1:]
                yield Element(kind, kid, above)
                yield from walk(kid, (*above, kind))

    yield from walk(pdf.Root.StructTreeRoot, ())


def _kids(node: pikepdf.Object) -> list[pikepdf.Object]:
    kids = node.get("/K")
    if kids is None:
        return []
    return list(kids) if isinstance(kids, pikepdf.Array) else [kids]


def told(pdf: pikepdf.Pdf) -> dict[tuple[int, int], list[Element]]:
    """The elements by the marked content that they hold: page's object and MCID."""
    found: dict[tuple[int, int], list[Element]] = {}
    for element in elements(pdf):
        for kid in _kids(element.node):
            page = element.node.get("/Pg")
            number = kid
            if isinstance(kid, pikepdf.Dictionary):
                if kid.get("/Type") != "/MCR":
                    continue
                page, number = kid.get("/Pg", page), kid.MCID
            assert page is not None
            found.setdefault((page.objgen[0], int(number)), []).append(element)
    return found


def painted(page: pikepdf.Page) -> Iterator[Painted]:
    """Everything that a page paints, with the marked content that it stands in."""
    around: list[tuple[int | None, bool]] = []
    for operands, operator in pikepdf.parse_content_stream(page):
        name = str(operator)
        if name in ("BMC", "BDC"):
            about = operands[1] if name == "BDC" else None
            mcid = about.get("/MCID") if isinstance(about, pikepdf.Dictionary) else None
            artifact = str(operands[0]) == "/Artifact"
            around.append((None if mcid is None else int(mcid), artifact))
        elif name == "EMC":
            around.pop()
        elif name in PAINTS:
            inner = [mcid for mcid, _artifact in around if mcid is not None]
            yield Painted(
                name, inner[-1] if inner else None, any(one for _m, one in around)
            )
    assert not around, "marked content is not closed"
