-- Putting tables under capture, partitions, erasing. Installed after capture.sql.

-- Put a table under capture: triggers, and one entry (S) that says since when. Rows
-- that were there before the first time get a baseline entry each; never later, so
-- that dropping the triggers, changing a row and migrating again launders nothing.
CREATE OR REPLACE FUNCTION public.audits_govern(
  t regclass, pk text, secrets text, quiet text, personal text, append_only boolean)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex'
SET extra_float_digits = 1
AS $$
DECLARE
  name text;
  known boolean;
  content jsonb;
  baseline bigint := 0;
  ctx jsonb := '{"via": "baseline", "reason": "baseline"}';
BEGIN
  SELECT n.nspname || '.' || c.relname INTO name FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = t;
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', t);
  SELECT EXISTS (SELECT FROM public.audits_entry e
    WHERE e.rel = name AND e.pk IS NULL AND e.op = 'S') INTO known;
  IF NOT known THEN
    FOR content IN EXECUTE format('SELECT to_jsonb(x.*) - %L::text[] FROM %s x',
        string_to_array(secrets, ','), t) LOOP
      IF personal <> '' THEN  -- 0: the opening is of a baseline, not of one entry
        content := public.audits_commit(
          0, name, content->>pk, content, string_to_array(personal, ','));
      END IF;
      PERFORM public.audits_append('I', name, content->>pk, NULL, content, NULL, ctx);
      baseline := baseline + 1;
    END LOOP;
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER zz_capture AFTER INSERT OR UPDATE OR DELETE '
    'ON %s FOR EACH ROW EXECUTE FUNCTION public.audits_capture(%L, %L, %L, %L)',
    t, pk, secrets, quiet, personal);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER zz_capture', t);
  PERFORM public.audits_protect(t, append_only);
  PERFORM public.audits_append('S', name, NULL, NULL, jsonb_build_object(
    'event', CASE WHEN known THEN 'governed again' ELSE 'governed' END, 'key', pk,
    'secrets', secrets, 'quiet', quiet, 'personal', personal,
    'append_only', append_only, 'baseline', baseline), NULL, ctx);
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
  IF (SELECT relispartition FROM pg_class WHERE oid = t) THEN
    RETURN;  -- it has its row triggers from its table
  END IF;
  IF append_only THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER aa_no_change BEFORE UPDATE OR DELETE '
      'ON %s FOR EACH ROW EXECUTE FUNCTION public.audits_forbid()', t);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER aa_no_change', t);
  ELSE
    EXECUTE format('DROP TRIGGER IF EXISTS aa_no_change ON %s', t);
  END IF;
END $$;
REVOKE ALL ON FUNCTION public.audits_protect FROM PUBLIC;

-- Make the next partition of audits_entry in time; return its name, or NULL where the
-- present ones still reach. What no partition covers falls into audits_entry_default,
-- so that no write ever fails for want of one. Gives up rather than make writers wait.
CREATE OR REPLACE FUNCTION public.audits_add_partition(
  width bigint DEFAULT 4194304) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  reach bigint;
  number integer;
  name text;
BEGIN
  SELECT max((regexp_match(pg_get_expr(c.relpartbound, c.oid),
      'TO \(''(\d+)''\)'))[1]::bigint),
      max(substring(c.relname FROM '\d+$')::integer) + 1
    INTO reach, number FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.audits_entry'::regclass;
  IF (SELECT last_value FROM public.audits_entry_id_seq) < reach - width / 2 THEN
    RETURN NULL;
  END IF;
  SELECT greatest(reach, max(entry_id) + width) INTO reach
    FROM public.audits_entry_default;
  name := 'audits_entry_p' || number;
  EXECUTE format(
    'CREATE TABLE public.%I (LIKE public.audits_entry INCLUDING ALL)', name);
  EXECUTE format('ALTER TABLE public.audits_entry ATTACH PARTITION public.%I '
    'FOR VALUES FROM (%s) TO (%s)', name, reach, reach + width);
  PERFORM public.audits_protect(format('public.%I', name)::regclass, true);
  RETURN name;
END $$;
REVOKE ALL ON FUNCTION public.audits_add_partition FROM PUBLIC;

-- The same row with its personal values as the log should have them. A value without an
-- opening that fits stays as it is, and so differs from the log. An erased opening fits
-- nothing: audits_erase() empties only those of values that the row no longer has.
CREATE OR REPLACE FUNCTION public.audits_committed(
  relation text, key text, image jsonb, personal text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  name text;
  said text;
  last public.audits_opening;
BEGIN
  FOREACH name IN ARRAY personal LOOP
    said := image->name;
    CONTINUE WHEN said IS NULL OR said IN ('null', '""');
    SELECT * INTO last FROM public.audits_opening o
      WHERE o.rel = relation AND o.pk = key AND o."column" = name
      ORDER BY o.id DESC LIMIT 1;
    IF last.value = said AND last.commitment
        = encode(sha256(last.salt || convert_to(said, 'UTF8')), 'hex') THEN
      image := image || jsonb_build_object(
        name, jsonb_build_object('$commitment', last.commitment));
    END IF;
  END LOOP;
  RETURN image;
END $$;

-- Erase the openings of all values that a row no longer has; return how many. The log
-- keeps the commitments, which without their salts say nothing, and an entry (S) that
-- they were erased, whoever calls.
CREATE OR REPLACE FUNCTION public.audits_erase(relation text, key text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  live jsonb;
  column_name text := (SELECT TG.args[1] FROM (SELECT string_to_array(
      encode(t.tgargs, 'escape'), '\000') AS args FROM pg_trigger t
    WHERE t.tgrelid = relation::regclass AND t.tgname = 'zz_capture') TG);
  erased bigint;
BEGIN
  IF column_name IS NULL THEN
    RAISE EXCEPTION '% is not under capture.', relation;
  END IF;
  EXECUTE format('SELECT to_jsonb(x.*) FROM %s x WHERE x.%I::text = $1',
    relation::regclass, column_name) INTO live USING key;
  UPDATE public.audits_opening o SET salt = NULL, value = NULL, erased_at = now()
    WHERE o.rel = relation AND o.pk = key AND o.erased_at IS NULL
      AND o.value IS DISTINCT FROM (live->o."column")::text;
  GET DIAGNOSTICS erased = ROW_COUNT;
  PERFORM public.audits_append('S', relation, key, NULL, jsonb_build_object(
    'event', 'openings erased', 'openings', erased), NULL,
    nullif(current_setting('freigabe.actor', true), '')::jsonb);
  RETURN erased;
END $$;
REVOKE ALL ON FUNCTION public.audits_erase FROM PUBLIC;
