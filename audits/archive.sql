-- Archiving: what must stay behind when a stretch of entries leaves the database.
-- Installed after catalog.sql; only the owner calls these, so nobody is granted them.

-- What in a stretch is the last word of a table on something that lives on: the last
-- image of a row that is not deleted, and the last S entry that says how the table is
-- captured.
CREATE OR REPLACE FUNCTION public.audits_uncarried(
  relation text, first bigint, last bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.entry_id FROM (
    SELECT DISTINCT ON (w.pk) w.entry_id, w.op, w.pk FROM public.audits_entry w
    WHERE w.rel = relation AND w.entry_id BETWEEN first AND last
      AND (w.op IN ('I', 'U', 'D') AND w.pk IS NOT NULL OR w.op = 'S' AND w.pk IS NULL)
    ORDER BY w.pk, w.entry_id DESC) e
  WHERE e.op <> 'D' AND NOT CASE WHEN e.pk IS NULL THEN EXISTS (
    SELECT FROM public.audits_entry n WHERE n.rel = relation AND n.pk IS NULL
      AND n.entry_id > last AND n.op = 'S')
  ELSE EXISTS (
    SELECT FROM public.audits_entry n WHERE n.rel = relation AND n.pk = e.pk
      AND n.entry_id > last AND n.op IN ('I', 'U', 'D')) END
$$;
REVOKE ALL ON FUNCTION public.audits_uncarried FROM PUBLIC;

-- Say these entries of a table again in new ones; return how many. A carried image
-- continues the entry that it repeats: nothing changed, and its digest of the old row is
-- that of the image. The table is locked, so that no writer comes between an image and its
-- repetition; what was spoken of after `last` in the meantime is left alone.
CREATE OR REPLACE FUNCTION public.audits_carry(
  relation text, ids bigint[], last bigint, ctx jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  actor text := coalesce(ctx->>'sub', ctx->>'via');
  e record;
  x xid8;
  id bigint;
  at timestamptz;
  was jsonb;
  image jsonb;
  digests jsonb;
  largest integer;
  line text;
  carried bigint := 0;
  personal text[] := (SELECT string_to_array((string_to_array(
      encode(t.tgargs, 'escape'), '\000'))[4], ',') FROM pg_trigger t
    WHERE t.tgrelid = to_regclass(relation) AND t.tgname = 'zz_capture');
BEGIN
  IF to_regclass(relation) IS NOT NULL THEN
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', to_regclass(relation));
  END IF;
  FOR e IN SELECT w.op, w.pk, w.body FROM public.audits_entry w
    WHERE w.entry_id = ANY (ids) AND w.rel = relation
      AND NOT CASE WHEN w.pk IS NULL THEN EXISTS (
        SELECT FROM public.audits_entry n WHERE n.rel = relation AND n.pk IS NULL
          AND n.entry_id > last AND n.op = 'S')
      ELSE EXISTS (
        SELECT FROM public.audits_entry n WHERE n.rel = relation AND n.pk = w.pk
          AND n.entry_id > last AND n.op IN ('I', 'U', 'D')) END
    ORDER BY w.entry_id
  LOOP
    carried := carried + 1;
    was := e.body::jsonb->'new';
    IF e.op = 'S' THEN
      PERFORM public.audits_append('S', relation, NULL, NULL,
        was || '{"event": "carried forward"}', NULL, ctx);
      CONTINUE;
    END IF;
    x := pg_current_xact_id();  -- before the id: the sequencer's fence
    id := nextval('public.audits_entry_id_seq');
    at := clock_timestamp();
    image := was;
    IF e.body::jsonb->>'v' = '1' AND personal <> '{""}' THEN  -- its names are plain
      image := public.audits_commit(id, relation, e.pk, image, personal);
    END IF;
    digests := coalesce(nullif(e.body::jsonb->'reduced', 'null')->'new', '[]');
    FOREACH largest IN ARRAY ARRAY[65535, 8192, 1024, 128] LOOP
      digests := digests || public.audits_large(image, largest);
      image := public.audits_reduce(image, largest);
      line := public.audits_body(id, x, at, 'U', relation, e.pk, actor, ctx::text,
        encode(sha256(convert_to(was::text, 'UTF8')), 'hex'), NULL,
        CASE WHEN digests <> '[]' THEN
          jsonb_build_object('old', '[]'::jsonb, 'new', digests)::text END,
        '{}', image::text);
      EXIT WHEN octet_length(line) <= 65535;
    END LOOP;
    INSERT INTO public.audits_entry
      (entry_id, xid, op, rel, pk, actor, occurred_at, body)
    VALUES (id, x, 'U', relation, e.pk, actor, at, line);
  END LOOP;
  RETURN carried;
END $$;
REVOKE ALL ON FUNCTION public.audits_carry FROM PUBLIC;

-- Erase the personal values of the rows of a table that were deleted in a stretch and did
-- not come back: once their entries are gone, nobody finds them any more.
CREATE OR REPLACE FUNCTION public.audits_forget(
  relation text, first bigint, last bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(sum(public.audits_erase(relation, gone.pk)), 0)::bigint FROM (
    SELECT DISTINCT o.pk FROM public.audits_opening o
    WHERE o.rel = relation AND o.erased_at IS NULL AND EXISTS (
      SELECT FROM public.audits_entry w WHERE w.rel = o.rel AND w.pk = o.pk
        AND w.op = 'D' AND w.entry_id BETWEEN first AND last)
    AND NOT EXISTS (
      SELECT FROM public.audits_entry n WHERE n.rel = o.rel AND n.pk = o.pk
        AND n.op IN ('I', 'U', 'D') AND n.entry_id > last)) gone
$$;
REVOKE ALL ON FUNCTION public.audits_forget FROM PUBLIC;
