"""Attacks on the structure around the log: rights, owners, schemas, partitions."""

import pytest
from django.db import connection

from tests.audits.ledger import checked
from tests.audits.tampering import Attack, Named, attacks, carry_out

_STRUCTURE = [
    Attack(
        "row security that hides entries",
        (
            "ALTER TABLE audits_entry ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY p ON audits_entry USING (entry_id <> {anna_entry})",
        ),
        (Named("entry", "no entry any more", entry="{anna_entry}"),),
    ),
    Attack(
        "row security that hides nothing yet",
        (
            "ALTER TABLE registry_user ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY p ON registry_user USING (true)",
        ),
        (Named("capture|catalog|rights", table="registry_user"),),
    ),
    Attack(
        "row security that hides a live row",
        (
            "ALTER TABLE registry_user ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY p ON registry_user USING (unit <> 'ben')",
        ),
        (Named("replay", "the row is gone", "registry_user", "{ben}"),),
    ),
    Attack(
        "child table that adds rows",
        (
            "CREATE TABLE public.more () INHERITS (auth_group)",
            "INSERT INTO public.more VALUES (99, 'x')",
            "GRANT SELECT ON public.more TO freigabe",
        ),
        (Named("replay", "no entry tells of it", "auth_group", "99"),),
    ),
    Attack(
        "view in place of a table",
        (
            "ALTER TABLE mfa_authenticator RENAME TO mfa_aside",
            "CREATE VIEW mfa_authenticator AS SELECT * FROM mfa_aside",
            "GRANT ALL ON mfa_authenticator TO freigabe",
        ),
        (Named("replay|capture", table="mfa_authenticator"),),
    ),
    Attack(
        "table dropped",
        ("DROP TABLE mfa_authenticator",),
        (Named("replay|capture", table="mfa_authenticator"),),
    ),
    Attack(
        "schema that stands before public",
        (
            "CREATE SCHEMA freigabe",
            "CREATE TABLE freigabe.auth_group AS SELECT * FROM public.auth_group",
        ),
        (Named("capture|catalog|rights", "auth_group"),),
    ),
    Attack(
        "log that does not survive a crash",
        ("ALTER TABLE audits_leaf SET UNLOGGED",),
        (Named("capture|catalog", table="audits_leaf"),),
    ),
    Attack(
        "application may edit entries",
        ("GRANT UPDATE ON audits_entry TO freigabe",),
        (Named("rights|capture|catalog", "UPDATE", "audits_entry"),),
    ),
    Attack(
        "everybody may edit leaves",
        ("GRANT UPDATE ON audits_leaf TO PUBLIC",),
        (Named("rights|capture|catalog", table="audits_leaf"),),
    ),
    Attack(
        "application owns a table",
        ("ALTER TABLE registry_user OWNER TO freigabe",),
        (Named("rights|capture|catalog", "freigabe", "registry_user"),),
    ),
    Attack(
        "application may write entries through the function",
        (
            "GRANT EXECUTE ON FUNCTION "
            "audits_append(text, text, text, jsonb, jsonb, text, jsonb) TO freigabe",
        ),
        (Named("rights|capture|catalog", "audits_append"),),
    ),
    Attack(
        "alterations no longer recorded",
        ("ALTER EVENT TRIGGER audits_ddl DISABLE",),
        (Named("capture|catalog", "audits_ddl"),),
    ),
    Attack(
        "record of alterations dropped",
        ("DROP EVENT TRIGGER audits_drop",),
        (Named("capture|catalog", "audits_drop"),),
    ),
    Attack(
        "ids handed out in stocks",
        ("ALTER SEQUENCE audits_entry_id_seq CACHE 50",),
        (Named("capture|catalog|sequencer", "audits_entry_id_seq"),),
    ),
    Attack(
        "column made secret for a moment",
        (
            "SELECT audits_govern('registry_user', 'id', "
            "'password,last_login,is_superuser', 'last_login', "
            "'username,first_name,last_name,email', false)",
            "UPDATE registry_user SET is_superuser = true, unit = 'x' "
            "WHERE id = '{anna}'",
            "SELECT audits_govern('registry_user', 'id', 'password,last_login', "
            "'last_login', 'username,first_name,last_name,email', false)",
        ),
        (Named("replay", "is_superuser is true", "registry_user", "{anna}"),),
    ),
    Attack(
        "column under another name for a moment",
        (
            "ALTER TABLE registry_user RENAME is_superuser TO other",
            "UPDATE registry_user SET other = true WHERE id = '{anna}'",
            "ALTER TABLE registry_user RENAME other TO is_superuser",
        ),
        (Named("replay", "is_superuser is true", "registry_user", "{anna}"),),
    ),
    Attack(
        "column made secret for a moment, then written honestly",
        (
            "SELECT audits_govern('registry_user', 'id', "
            "'password,last_login,is_superuser', 'last_login', "
            "'username,first_name,last_name,email', false)",
            "UPDATE registry_user SET is_superuser = true, unit = 'x' "
            "WHERE id = '{anna}'",
            "SELECT audits_govern('registry_user', 'id', 'password,last_login', "
            "'last_login', 'username,first_name,last_name,email', false)",
            "UPDATE registry_user SET unit = 'y' WHERE id = '{anna}'",
        ),
        (Named("chain", "is_superuser is true", "registry_user", "{anna}"),),
    ),
    Attack(
        "a leaf twice, without the index that forbids it",
        (
            "ALTER TABLE audits_leaf DROP CONSTRAINT audits_leaf_pkey CASCADE",
            "ALTER TABLE audits_leaf DROP CONSTRAINT audits_leaf_entry_id_key",
            "INSERT INTO audits_leaf SELECT * FROM audits_leaf WHERE leaf_index = 7",
        ),
        (Named("leaf"),),
    ),
    Attack(
        "another function of the same name",
        (
            "CREATE FUNCTION public.audits_digest(value text) RETURNS jsonb "
            "LANGUAGE sql AS $$ SELECT '1'::jsonb $$",
        ),
        (Named("capture", "audits_digest"),),
    ),
    Attack(
        "a column of the checkpoints given away",
        ("GRANT UPDATE (note) ON audits_checkpoint TO freigabe",),
        (Named("capture", "column note", "audits_checkpoint"),),
    ),
    Attack(
        "another role may add leaves",
        ("GRANT INSERT ON audits_leaf TO freigabe_auditor",),
        (Named("capture", "freigabe_auditor", "audits_leaf"),),
    ),
    Attack(
        "application may make tables",
        ("GRANT CREATE ON SCHEMA public TO freigabe",),
        (Named("capture", "make tables"),),
    ),
    Attack(
        "default partition dropped",
        ("DROP TABLE audits_entry_default",),
        (Named("capture", "default partition", "audits_entry"),),
    ),
]


@attacks(*_STRUCTURE)
def test_a_change_of_the_structure_is_named(superuser, attack):
    carry_out(attack, superuser)


@pytest.mark.parametrize(
    ("give", "take", "words"),
    [
        ("ALTER ROLE {} SUPERUSER", "ALTER ROLE {} NOSUPERUSER", "superuser"),
        ("ALTER ROLE {} CREATEROLE", "ALTER ROLE {} NOCREATEROLE", "make roles"),
        ("ALTER ROLE {} BYPASSRLS", "ALTER ROLE {} NOBYPASSRLS", "row security"),
        ("ALTER ROLE {} REPLICATION", "ALTER ROLE {} NOREPLICATION", "replicate"),
        ("GRANT freigabe_owner TO {}", "REVOKE freigabe_owner FROM {}", "owner"),
        (
            "GRANT SET ON PARAMETER session_replication_role TO {}",
            "REVOKE SET ON PARAMETER session_replication_role FROM {}",
            "switch ordinary triggers off",
        ),
    ],
)
def test_an_application_that_may_too_much_is_named(superuser, give, take, words):
    """Roles are the whole server's: what was given is taken back in any case."""
    role = connection.settings_dict["USER"]
    try:
        superuser.execute(give.format(role))
        verdict = checked()
    finally:
        superuser.execute(take.format(role))
    what = [item.what for item in verdict.findings if item.kind == "capture"]
    assert any(words in text for text in what), verdict.findings
    assert checked().ok
