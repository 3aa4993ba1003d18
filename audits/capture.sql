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

-- The text that is hashed. Up to "actor" it repeats the columns of audits_entry.
-- The nonce keeps a leaf hash from being guessed; random() is seeded from the system's
-- strong source, and the hash keeps its state from being read off earlier nonces.
-- No SET clause, one SELECT: PostgreSQL writes it into the calling statement.
CREATE OR REPLACE FUNCTION public.audits_body(
  id bigint, x xid8, at timestamptz, op text, rel text, pk text, actor text, ctx text,
  osha text, hidden text, reduced text, was text, became text) RETURNS text
LANGUAGE sql
AS $$
  SELECT '{"v": 2, "id": ' || id::text || ', "xid": "' || x::text || '", "at": "'
    || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '", "op": "' || op
    || '", "rel": ' || to_json(rel)::text
    || ', "pk": ' || coalesce(to_json(pk)::text, 'null')
    || ', "actor": ' || coalesce(to_json(actor)::text, 'null')
    || ', "role": ' || to_json(session_user)::text
    || ', "nonce": "' || left(encode(sha256(float8send(random())
      || float8send(random()) || float8send(random())), 'hex'), 32)
    || '", "ctx": ' || coalesce(ctx, 'null')
    || ', "osha": ' || coalesce('"' || osha || '"', 'null')
    || ', "hidden": ' || coalesce(hidden, 'null')
    || ', "reduced": ' || coalesce(reduced, 'null')
    || ', "old": ' || coalesce(was, 'null')
    || ', "new": ' || coalesce(became, 'null') || '}'
$$;

-- The same entry with its largest values by digest, until it fits.
CREATE OR REPLACE FUNCTION public.audits_shrunk(
  id bigint, x xid8, at timestamptz, op text, rel text, pk text, actor text, ctx text,
  osha text, hidden text, was jsonb, became jsonb) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  largest integer;
  body text;
BEGIN
  FOREACH largest IN ARRAY ARRAY[8192, 1024, 128, 0] LOOP
    body := public.audits_body(id, x, at, op, rel, pk, actor, ctx, osha, hidden,
      jsonb_build_object('old', public.audits_large(was, largest),
        'new', public.audits_large(became, largest))::text,
      public.audits_reduce(was, largest)::text,
      public.audits_reduce(became, largest)::text);
    EXIT WHEN octet_length(body) <= 65535;
  END LOOP;
  RETURN body;
END $$;

-- The way into the log for all that is no change of a row. The transaction id is taken
-- BEFORE the entry id: otherwise the sequencer's fence could pass while this entry is
-- still invisible (log.md 2.1).
CREATE OR REPLACE FUNCTION public.audits_append(
  op text, rel text, pk text, was jsonb, became jsonb, osha text, ctx jsonb)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
  x xid8 := pg_current_xact_id();
  id bigint := nextval('public.audits_entry_id_seq');
  at timestamptz := clock_timestamp();
  actor text := coalesce(ctx->>'sub', ctx->>'via');
  body text := public.audits_body(id, x, at, op, rel, pk, actor, ctx::text, osha,
    NULL, NULL, was::text, became::text);
BEGIN
  IF octet_length(body) > 65535 THEN
    body := public.audits_shrunk(
      id, x, at, op, rel, pk, actor, ctx::text, osha, NULL, was, became);
  END IF;
  INSERT INTO public.audits_entry
    (entry_id, xid, op, rel, pk, actor, occurred_at, body)
  VALUES (id, x, op, rel, pk, actor, at, body);
  RETURN id;
END $$;
REVOKE ALL ON FUNCTION public.audits_append FROM PUBLIC;

-- Replace personal values by salted commitments (log.md 2.4). A value that was committed
-- to before keeps its commitment, so that the images of a row stay comparable; any other
-- value gets a new one, whose opening goes into the erasable table.
CREATE OR REPLACE FUNCTION public.audits_commit(
  entry bigint, relation text, key text, image jsonb, personal text[]) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  name text;
  said text;
  last public.audits_opening;
  fresh bytea;
BEGIN
  FOREACH name IN ARRAY personal LOOP
    said := image->name;
    CONTINUE WHEN said IS NULL OR said IN ('null', '""');
    SELECT * INTO last FROM public.audits_opening o
      WHERE o.rel = relation AND o.pk = key AND o."column" = name
      ORDER BY o.id DESC LIMIT 1;
    IF last.value IS DISTINCT FROM said THEN
      fresh := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
      last.commitment := encode(sha256(fresh || convert_to(said, 'UTF8')), 'hex');
      INSERT INTO public.audits_opening
        (entry_id, rel, pk, "column", commitment, salt, value)
      VALUES (entry, relation, key, name, last.commitment, fresh, said);
    END IF;
    image := image || jsonb_build_object(
      name, jsonb_build_object('$commitment', last.commitment));
  END LOOP;
  RETURN image;
END $$;
REVOKE ALL ON FUNCTION public.audits_commit FROM PUBLIC;

-- A row as JSON under pinned settings, because its text depends on them (log.md 2.3).
CREATE OR REPLACE FUNCTION public.audits_image(line anyelement) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
  SELECT to_jsonb(line)
$$;

-- Row trigger. Arguments: the key column; the columns left out of the log; those of
-- them whose change alone is not worth an entry; the personal ones. All but the first
-- are comma-separated lists. The row's change has given the transaction its id before
-- nextval. Pinning settings costs more than looking at them: only a session that
-- differs pays for it.
CREATE OR REPLACE FUNCTION public.audits_capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  x xid8 := pg_current_xact_id();
  id bigint := nextval('public.audits_entry_id_seq');
  at timestamptz := clock_timestamp();
  o jsonb;
  n jsonb;
  ctx json := nullif(current_setting('freigabe.actor', true), '');
  actor text := coalesce(ctx->>'sub', ctx->>'via');
  rel text := TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME;
  pk text;
  secret text[];
  hidden text[];
  osha text;
  body text;
  usual boolean := current_setting('timezone') = 'UTC'
    AND starts_with(current_setting('datestyle'), 'ISO')
    AND current_setting('intervalstyle') = 'postgres'
    AND current_setting('bytea_output') = 'hex'
    AND current_setting('extra_float_digits') = '1';
BEGIN
  IF TG_OP <> 'INSERT' THEN
    o := CASE WHEN usual THEN to_jsonb(OLD) ELSE public.audits_image(OLD) END;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    n := CASE WHEN usual THEN to_jsonb(NEW) ELSE public.audits_image(NEW) END;
  END IF;
  pk := coalesce(n, o)->>TG_ARGV[0];
  IF TG_OP = 'UPDATE' AND pk IS DISTINCT FROM o->>TG_ARGV[0] THEN
    RAISE EXCEPTION 'The key of a row of % cannot change.', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_ARGV[1] <> '' THEN
    secret := string_to_array(TG_ARGV[1], ',');
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
  IF TG_ARGV[3] <> '' THEN  -- the old image first: it looks up what the last one said
    IF o IS NOT NULL THEN
      o := public.audits_commit(id, rel, pk, o, string_to_array(TG_ARGV[3], ','));
    END IF;
    IF n IS NOT NULL THEN
      n := public.audits_commit(id, rel, pk, n, string_to_array(TG_ARGV[3], ','));
    END IF;
  END IF;
  IF o IS NOT NULL THEN
    osha := encode(sha256(convert_to(o::text, 'UTF8')), 'hex');
  END IF;
  IF TG_OP = 'UPDATE' THEN  -- keep the changed values; osha binds the whole old row
    SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') INTO o
      FROM jsonb_each(o) e WHERE (n->e.key)::text IS DISTINCT FROM e.value::text;
  END IF;
  body := public.audits_body(id, x, at, left(TG_OP, 1), rel, pk, actor, ctx::text,
    osha, to_jsonb(hidden)::text, NULL, o::text, n::text);
  IF octet_length(body) > 65535 THEN
    body := public.audits_shrunk(id, x, at, left(TG_OP, 1), rel, pk, actor,
      ctx::text, osha, to_jsonb(hidden)::text, o, n);
  END IF;
  INSERT INTO public.audits_entry
    (entry_id, xid, op, rel, pk, actor, occurred_at, body)
  VALUES (id, x, left(TG_OP, 1), rel, pk, actor, at, body);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.audits_capture FROM PUBLIC;

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
