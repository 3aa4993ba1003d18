-- The database's own definitions as part of the log: who changed them, how they stand.
-- Installed after govern.sql; the event triggers themselves need a superuser
-- (governance/database_roles.py).

-- What could silence or bypass the log, one line each.
CREATE OR REPLACE FUNCTION public.audits_catalog() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  WITH ours AS (
    SELECT c.* FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S'))
  SELECT format('trigger %s on %s: %s %s', t.tgname, t.tgrelid::regclass,
      t.tgenabled, pg_get_triggerdef(t.oid))
    FROM pg_trigger t JOIN ours c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT format('table %s: kind %s, owner %s, rights %s, row security %s %s, parent %s',
      c.oid::regclass, c.relkind, c.relowner::regrole, c.relacl, c.relrowsecurity,
      c.relforcerowsecurity, (SELECT string_agg(i.inhparent::regclass::text, ',')
        FROM pg_inherits i WHERE i.inhrelid = c.oid))
    FROM ours c
  UNION ALL
  SELECT format('constraint %s on %s: %s', k.conname, k.conrelid::regclass,
      pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN ours c ON c.oid = k.conrelid WHERE k.contype <> 'n'
  UNION ALL
  SELECT format('unique index %s', pg_get_indexdef(i.indexrelid))
    FROM pg_index i JOIN ours c ON c.oid = i.indrelid WHERE i.indisunique
  UNION ALL
  SELECT format('rule %s on %s', r.rulename, r.ev_class::regclass)
    FROM pg_rewrite r JOIN ours c ON c.oid = r.ev_class WHERE c.relkind <> 'v'
  UNION ALL
  SELECT format('policy %s on %s', p.polname, p.polrelid::regclass) FROM pg_policy p
  UNION ALL
  SELECT format('function %s: owner %s, rights %s, %s', p.oid::regprocedure,
      p.proowner::regrole, p.proacl,
      encode(sha256(convert_to(pg_get_functiondef(p.oid), 'UTF8')), 'hex'))
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
      AND starts_with(p.proname, 'audits_')
  UNION ALL
  SELECT format('event trigger %s on %s: %s %s owner %s', e.evtname, e.evtevent,
      e.evtenabled, e.evtfoid::regproc, e.evtowner::regrole) FROM pg_event_trigger e
  UNION ALL
  SELECT format('role %s: superuser %s, replication %s, row security ignored %s',
      r.rolname, r.rolsuper, r.rolreplication, r.rolbypassrls)
    FROM pg_roles r WHERE r.rolsuper OR r.rolreplication OR r.rolbypassrls
  UNION ALL
  SELECT format('role %s is in %s', m.member::regrole, m.roleid::regrole)
    FROM pg_auth_members m JOIN pg_class c
      ON c.oid = 'public.audits_entry'::regclass AND m.roleid = c.relowner
  UNION ALL
  SELECT format('setting of role %s in database %s: %s', s.setrole::regrole,
      (SELECT datname FROM pg_database d WHERE d.oid = s.setdatabase), s.setconfig)
    FROM pg_db_role_setting s
    WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
$$;

-- Record how the catalogue stands when that differs from the last time; say whether.
CREATE OR REPLACE FUNCTION public.audits_attest() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  now_lines text := (SELECT string_agg(l, E'\n' ORDER BY l COLLATE "C")
    FROM public.audits_catalog() l);
  digest text := encode(sha256(convert_to(now_lines, 'UTF8')), 'hex');
  last public.audits_catalogstate;
BEGIN
  SELECT * INTO last FROM public.audits_catalogstate ORDER BY id DESC LIMIT 1;
  IF last.sha256 = digest THEN
    RETURN false;
  END IF;
  -- Only now, so that the clock's many looks never wait for each other.
  PERFORM pg_advisory_xact_lock(5063085548371017731);
  SELECT * INTO last FROM public.audits_catalogstate ORDER BY id DESC LIMIT 1;
  IF last.sha256 = digest THEN
    RETURN false;
  END IF;
  INSERT INTO public.audits_catalogstate (sha256, lines, added, removed, seen_at)
  VALUES (digest, now_lines,
    (SELECT coalesce(string_agg(l, E'\n'), '') FROM (
      SELECT unnest(string_to_array(now_lines, E'\n')) EXCEPT
      SELECT unnest(string_to_array(last.lines, E'\n'))) d(l) WHERE last.id IS NOT NULL),
    (SELECT coalesce(string_agg(l, E'\n'), '') FROM (
      SELECT unnest(string_to_array(last.lines, E'\n')) EXCEPT
      SELECT unnest(string_to_array(now_lines, E'\n'))) d(l) WHERE last.id IS NOT NULL),
    clock_timestamp());
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION public.audits_attest FROM PUBLIC;

-- Event trigger: each DDL command becomes a row, and with it an entry; but for the task
-- queue (pgmq), which makes and drops triggers while it works. Outside of a
-- migration the catalogue is attested at once, so that what was switched off and on
-- again between two ticks of the clock is told in full.
CREATE OR REPLACE FUNCTION public.audits_record_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
BEGIN
  IF to_regclass('public.audits_schemachange') IS NULL
      OR to_regclass('public.audits_catalogstate') IS NULL THEN
    RETURN;
  END IF;
  IF TG_EVENT = 'sql_drop' THEN
    INSERT INTO public.audits_schemachange (command, kind, identity, role, happened_at)
      SELECT TG_TAG, object_type, object_identity, session_user, clock_timestamp()
      FROM pg_event_trigger_dropped_objects()
      WHERE original AND NOT is_temporary AND schema_name IS DISTINCT FROM 'pgmq';
  ELSE
    INSERT INTO public.audits_schemachange (command, kind, identity, role, happened_at)
      SELECT command_tag, object_type, coalesce(object_identity, ''), session_user,
        clock_timestamp()
      FROM pg_event_trigger_ddl_commands()
      WHERE coalesce(schema_name, '') NOT IN ('pg_temp', 'pgmq') AND NOT in_extension
      -- A trigger has no schema of its own, its table has.
      AND NOT EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE classid = 'pg_trigger'::regclass AND t.oid = objid
        AND c.relnamespace::regnamespace::text = 'pgmq');
  END IF;
  IF FOUND AND coalesce(nullif(current_setting('freigabe.actor', true), '')::jsonb
      ->> 'via', '') <> 'migration' THEN
    PERFORM public.audits_attest();
  END IF;
END $$;
REVOKE ALL ON FUNCTION public.audits_record_ddl FROM PUBLIC;
