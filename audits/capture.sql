-- Capture: every change of a governed row becomes one log entry in the same transaction.
-- Installed anew after every migration by audits/capture.py; verify_log compares it.

-- CACHE must stay 1: the sequencer's fence reads last_value.
CREATE SEQUENCE IF NOT EXISTS public.audits_entry_id_seq AS bigint CACHE 1;

-- Stands in for a value that is too large for an entry.
CREATE OR REPLACE FUNCTION public.audits_digest(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_build_object(
    '$sha256', encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'),
    '$len', octet_length(value #>> '{}'))
$$;

-- The same row with every value of more than `largest` bytes replaced by its digest.
CREATE OR REPLACE FUNCTION public.audits_reduce(content jsonb, largest integer)
RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_object_agg(key, CASE WHEN octet_length(value::text) > largest
    THEN public.audits_digest(value) ELSE value END) FROM jsonb_each(content)
$$;

CREATE OR REPLACE FUNCTION public.audits_large(content jsonb, largest integer)
RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(jsonb_agg(key), '[]') FROM jsonb_each(content)
  WHERE octet_length(value::text) > largest
$$;

-- The one way into the log. The transaction id is taken BEFORE the entry id: otherwise
-- the sequencer's fence could pass while this entry is still invisible (log.md 2.1).
CREATE OR REPLACE FUNCTION public.audits_append(
  op text, rel text, pk text, was jsonb, became jsonb, osha text, hidden jsonb,
  ctx jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
  x xid8 := pg_current_xact_id();
  id bigint := nextval('public.audits_entry_id_seq');
  at timestamptz := clock_timestamp();
  nonce uuid := gen_random_uuid();
  o jsonb := was;
  n jsonb := became;
  reduced jsonb;
  largest integer;
  body text;
BEGIN
  FOREACH largest IN ARRAY ARRAY[8192, 1024, 128, 0] LOOP
    body := jsonb_build_object(
      'v', 1, 'id', id, 'xid', x::text, 'op', op, 'rel', rel, 'pk', pk,
      'at', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'old', o, 'new', n, 'osha', osha, 'hidden', hidden, 'reduced', reduced,
      'nonce', nonce, 'role', session_user, 'ctx', ctx)::text;
    EXIT WHEN octet_length(body) <= 65535;
    o := public.audits_reduce(was, largest);
    n := public.audits_reduce(became, largest);
    reduced := jsonb_build_object('old', public.audits_large(was, largest),
                                  'new', public.audits_large(became, largest));
  END LOOP;
  INSERT INTO public.audits_entry
    (entry_id, xid, op, rel, pk, actor, occurred_at, body)
  VALUES (id, x, op, rel, pk, coalesce(ctx->>'sub', ctx->>'via'), at, body);
  RETURN id;
END $$;
REVOKE ALL ON FUNCTION public.audits_append FROM PUBLIC;

-- Row trigger. Arguments: the key column; the columns left out of the log; those of
-- them whose change alone is not worth an entry. Both lists are comma-separated.
-- Settings are pinned, because to_jsonb(row) depends on them (log.md 2.3).
CREATE OR REPLACE FUNCTION public.audits_capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  o jsonb;
  n jsonb;
  secret text[] := string_to_array(TG_ARGV[1], ',');
  hidden text[];
  osha text;
BEGIN
  IF TG_OP <> 'INSERT' THEN o := to_jsonb(OLD); END IF;
  IF TG_OP <> 'DELETE' THEN n := to_jsonb(NEW); END IF;
  IF TG_OP = 'UPDATE' AND o->TG_ARGV[0] IS DISTINCT FROM n->TG_ARGV[0] THEN
    RAISE EXCEPTION 'The key of a row of % cannot change.', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF secret <> '{}' THEN
    IF TG_OP = 'UPDATE' THEN
      SELECT array_agg(c) INTO hidden FROM unnest(secret) c
        WHERE (o->c)::text IS DISTINCT FROM (n->c)::text;
    END IF;
    o := o - secret;
    n := n - secret;
    IF hidden <@ string_to_array(TG_ARGV[2], ',') AND o::text = n::text THEN
      RETURN NULL;
    END IF;
  END IF;
  IF o IS NOT NULL THEN
    osha := encode(sha256(convert_to(o::text, 'UTF8')), 'hex');
  END IF;
  IF TG_OP = 'UPDATE' THEN  -- keep the changed values; osha binds the whole old row
    SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') INTO o
      FROM jsonb_each(o) e WHERE (n->e.key)::text IS DISTINCT FROM e.value::text;
  END IF;
  PERFORM public.audits_append(
    left(TG_OP, 1), TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME,
    coalesce(n, o)->>TG_ARGV[0], o, n, osha, to_jsonb(hidden),
    nullif(current_setting('freigabe.actor', true), '')::jsonb);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION public.audits_forbid() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION '% on %.% is refused: % in the log of Freigabe.', TG_OP,
    TG_TABLE_SCHEMA, TG_TABLE_NAME,
    CASE TG_OP WHEN 'TRUNCATE' THEN 'it would leave no trace'
      ELSE 'its rows are only ever added; what was recorded stays' END
    USING ERRCODE = 'restrict_violation';
END $$;

-- Put a table under capture: triggers, and one entry (S) that says since when. Rows
-- that were there before the first time get a baseline entry each; never later, so
-- that dropping the triggers, changing a row and migrating again launders nothing.
CREATE OR REPLACE FUNCTION public.audits_govern(
  t regclass, pk text, secrets text, quiet text, append_only boolean) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex'
SET extra_float_digits = 1
AS $$
DECLARE
  name text;
  known boolean;
  baseline bigint := 0;
  ctx jsonb := '{"via": "baseline", "reason": "baseline"}';
BEGIN
  SELECT n.nspname || '.' || c.relname INTO name FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = t;
  EXECUTE format('CREATE OR REPLACE TRIGGER zz_capture AFTER INSERT OR UPDATE OR DELETE '
    'ON %s FOR EACH ROW EXECUTE FUNCTION public.audits_capture(%L, %L, %L)',
    t, pk, secrets, quiet);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER zz_capture', t);
  PERFORM public.audits_protect(t, append_only);
  SELECT EXISTS (SELECT FROM public.audits_entry e
    WHERE e.rel = name AND e.pk IS NULL AND e.op = 'S') INTO known;
  IF NOT known THEN
    EXECUTE format('SELECT count(public.audits_append(''I'', %L, r->>%L, NULL, '
      'r - %L::text[], NULL, NULL, %L)) FROM (SELECT to_jsonb(x.*) r FROM %s x) y',
      name, pk, string_to_array(secrets, ','), ctx, t) INTO baseline;
  END IF;
  PERFORM public.audits_append('S', name, NULL, NULL, jsonb_build_object(
    'event', CASE WHEN known THEN 'governed again' ELSE 'governed' END, 'key', pk,
    'secrets', secrets, 'quiet', quiet, 'append_only', append_only,
    'baseline', baseline), NULL, NULL, ctx);
  RETURN baseline;
END $$;
REVOKE ALL ON FUNCTION public.audits_govern FROM PUBLIC;

-- Refuse TRUNCATE, and on append-only tables UPDATE and DELETE, whoever asks.
CREATE OR REPLACE FUNCTION public.audits_protect(t regclass, append_only boolean)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER aa_no_truncate BEFORE TRUNCATE ON %s '
    'FOR EACH STATEMENT EXECUTE FUNCTION public.audits_forbid()', t);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER aa_no_truncate', t);
  IF append_only THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER aa_no_change BEFORE UPDATE OR DELETE '
      'ON %s FOR EACH ROW EXECUTE FUNCTION public.audits_forbid()', t);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER aa_no_change', t);
  ELSE
    EXECUTE format('DROP TRIGGER IF EXISTS aa_no_change ON %s', t);
  END IF;
END $$;
REVOKE ALL ON FUNCTION public.audits_protect FROM PUBLIC;
