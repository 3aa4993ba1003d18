"""From content to PDF/A-3a: templates, vector graphics, WeasyPrint; no network."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine
from django.utils.translation import gettext as _
from weasyprint import CSS, HTML, Attachment
from weasyprint.document import Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from audits.charts import legible
from governance.dossier.collect import Collected
from governance.dossier.figures import svg_of
from governance.dossier.pages import pages_of

_TEMPLATES = Path(settings.BASE_DIR) / "templates"
_SCHEME = "dossier:"


class FetchRefused(FatalURLFetchingError):  # type: ignore[misc]
    """The document asked for something that is not part of it; rendering stops."""


class Package(URLFetcher):  # type: ignore[misc]
    """Answers the document's own files from memory, and refuses everything else."""

    def __init__(self, files: Mapping[str, tuple[bytes, str]]) -> None:
        """Know files by name: their bytes and media types."""
        super().__init__(allowed_protocols=())
        self._files = files

    def fetch(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> URLFetcherResponse:
        """Answer `dossier:NAME`. Raises `FetchRefused`."""
        name = url.removeprefix(_SCHEME)
        if not url.startswith(_SCHEME) or name not in self._files:
            raise FetchRefused(
                _("A dossier loads nothing from %(url)s.") % {"url": url[:200]}
            )
        body, media_type = self._files[name]
        return URLFetcherResponse(url, body, {"Content-Type": media_type})


def html_of(context: Mapping[str, object]) -> str:
    """The document as HTML, every text escaped."""
    engine = Engine(
        dirs=[str(_TEMPLATES)],
        builtins=["governance.dossier.wording"],
        libraries={"i18n": "django.templatetags.i18n"},
    )
    page = engine.get_template("dossier/dossier.html").render(Context(context))
    return str(legible(page))


def render(
    collected: Collected, *, on_progress: Callable[[float], None] = lambda share: None
) -> bytes:
    """The PDF of the content with all its files, in the language that is active.

    The same content gives the same bytes, as long as fonts and WeasyPrint are the
    same. Raises `FetchRefused`; `on_progress` hears shares from 0 to 1.
    """
    pages = pages_of(collected)
    language = collected.content.control.language
    files = {
        item.facts.name: (item.body, item.facts.media_type) for item in collected.files
    }
    for item in pages.drawings:
        svg = svg_of(item.chart, language=language).encode()
        files[item.url.removeprefix(_SCHEME)] = (svg, "image/svg+xml")
    on_progress(0.3)
    package = Package(files)
    fonts = FontConfiguration()
    css = CSS(
        string=(_TEMPLATES / "dossier" / "dossier.css").read_text("utf-8"),
        font_config=fonts,
        url_fetcher=package,
    )
    html = HTML(string=html_of(pages.context), url_fetcher=package, base_url=_SCHEME)
    document = html.render(stylesheets=[css], font_config=fonts, pdf_variant="pdf/a-3a")
    on_progress(0.8)
    document.metadata.attachments = _attachments(collected, package)
    out = io.BytesIO()
    document.write_pdf(out, finisher=_once, pdf_variant="pdf/a-3a")
    return out.getvalue()


def _once(_document: Document, pdf: Any) -> None:
    """Name each attachment once: WeasyPrint enters them twice into the catalogue."""
    listed = pdf.catalog["AF"]
    listed[:] = dict.fromkeys(listed)


def _attachments(collected: Collected, package: Package) -> list[Attachment]:
    # Fixed dates: WeasyPrint's default is the moment of the build.
    moment = collected.content.control.as_of
    return [
        Attachment(
            url=f"{_SCHEME}{item.facts.name}",
            url_fetcher=package,
            name=item.facts.name,
            description=item.facts.description,
            created=moment,
            modified=moment,
            relationship=item.facts.relationship,
        )
        for item in collected.files
    ]
