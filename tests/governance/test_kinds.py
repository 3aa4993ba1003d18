"""Every kind of evidence has its places: names, pages, the dossier."""

from audits.models import EvidenceRun
from governance.web.versions import SHOWN_FIRST


def test_the_version_page_places_every_kind():
    assert set(SHOWN_FIRST) == set(EvidenceRun.Kind)
