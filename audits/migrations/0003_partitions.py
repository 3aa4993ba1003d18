"""Partition the entries by their ids; those that are there become the first one."""

from django.db import migrations

# Their arguments changed; installed anew after the migration.
FORMER = """
DROP FUNCTION IF EXISTS public.audits_append(
  text, text, text, jsonb, jsonb, text, jsonb, jsonb);
DROP FUNCTION IF EXISTS public.audits_govern(regclass, text, text, text, boolean);
"""
PARTITION = """
DROP TRIGGER IF EXISTS aa_no_change ON audits_entry;
DROP TRIGGER IF EXISTS aa_no_truncate ON audits_entry;
ALTER TABLE audits_entry RENAME TO audits_entry_p1;
ALTER TABLE audits_entry_p1 RENAME CONSTRAINT audits_entry_pkey TO audits_entry_p1_pkey;
ALTER INDEX entries_by_row RENAME TO audits_entry_p1_by_row;
ALTER INDEX entries_unattributed RENAME TO audits_entry_p1_unattributed;
CREATE TABLE audits_entry (LIKE audits_entry_p1 INCLUDING CONSTRAINTS)
  PARTITION BY RANGE (entry_id);
ALTER TABLE audits_entry ADD CONSTRAINT audits_entry_pkey PRIMARY KEY (entry_id);
CREATE INDEX entries_by_row ON audits_entry (rel, pk, entry_id);
CREATE INDEX entries_unattributed ON audits_entry (entry_id) WHERE actor IS NULL;
DO $$
BEGIN
  EXECUTE format('ALTER TABLE audits_entry ATTACH PARTITION audits_entry_p1 '
    'FOR VALUES FROM (MINVALUE) TO (%s)',
    (SELECT (coalesce(max(entry_id), 0) / 4194304 + 1) * 4194304 FROM audits_entry_p1));
END $$;
CREATE TABLE audits_entry_default PARTITION OF audits_entry DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("audits", "0002_log_life")]

    operations = [migrations.RunSQL(FORMER), migrations.RunSQL(PARTITION)]
