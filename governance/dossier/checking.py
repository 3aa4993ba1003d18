"""Where a reader checks a dossier: an address on the cover, as text and as QR code."""

import qrcode
from django.conf import settings
from qrcode.constants import ERROR_CORRECT_M

_QUIET = 4  # modules around the code (ISO/IEC 18004, 5.3.8)


def check_url(document_sha256: str) -> str:
    """The public page that says whether this installation made such a dossier."""
    return f"{settings.FREIGABE_INSTANCE_URL}/check/{document_sha256}/"


def qr_svg(text: str) -> bytes:
    """A QR code as vector graphic: one path, one module is one unit."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0)
    code.add_data(text)
    code.make(fit=True)
    modules = code.get_matrix()
    size = len(modules) + 2 * _QUIET
    steps = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(modules)
        for x, dark in enumerate(row)
        if dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" '
        f'width="{size}" height="{size}"><rect width="{size}" height="{size}" '
        f'fill="#fff"/><path d="{steps}" fill="#000"/></svg>'
    ).encode()
