"""Every kind of evidence and of record has its places: names, pages, the dossier."""

from django.apps import apps
from django.utils import translation

from audits import capture
from audits.models import EvidenceRun
from governance import inventory_words
from governance.web import kinds
from governance.web.versions import SHOWN_FIRST
from tests.governance.test_german import entries


def test_the_version_page_places_every_kind():
    assert set(SHOWN_FIRST) == set(EvidenceRun.Kind)


def test_every_table_of_the_log_has_a_word_in_both_languages():
    german = {
        entry["msgid"]: entry["msgstr"] for entry in entries() if "msgstr" in entry
    }
    tables = [table.table for table in capture.governed_tables()]
    assert len(tables) > 150
    for table in tables:
        with translation.override("en"):
            word = kinds.kind(table)
        assert word != table, f"{table} needs a word in governance/web/kinds.py"
        assert german.get(word), f"{word} needs its German"


def test_no_two_kinds_of_records_have_the_same_word():
    for language in ("en", "de"):
        with translation.override(language):
            words = [kinds.kind(t.table) for t in capture.governed_tables()]
        assert len(set(words)) == len(words), language


def test_every_column_of_the_log_has_a_german_word_and_no_word_is_left_over():
    tables = {table.table for table in capture.governed_tables()}
    columns = {
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.db_table in tables
        for field in model._meta.concrete_fields
    }
    inventory = {
        (table, name)
        for table, name in columns
        if table == "registry_registeredmodel"
        and name.removesuffix("_id") in inventory_words.LABELS
    }
    told = {name for name, row in kinds.columns().items() if row["de"].strip()}
    silent = {name for _, name in columns - inventory if name not in told}
    assert silent == set(), "governance/web/columns.csv needs their words"
    assert told - {name for _, name in columns} == set()
    with translation.override("de"):
        assert kinds.field("governance_waitingrequest", "due_at") == "Fällig am"
        assert kinds.field("registry_registeredmodel", "owner_id") == "Verantwortlich"
