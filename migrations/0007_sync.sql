-- How the mirror is filled: a table that stands empty is loaded beside it, without its indexes, and takes its place
-- with all that the catalog says of it. A feed remembers why it stopped, and what reconciling repaired.

-- +goose Up
ALTER TABLE feeds ADD stopped_at timestamptz, ADD allow_loss boolean NOT NULL DEFAULT false, ADD reread text,
  ADD rows_repaired bigint NOT NULL DEFAULT 0, ADD repaired_at timestamptz;
GRANT UPDATE (allow_loss) ON feeds TO extranet_host;

-- The schema's owner checks foreign keys to partners, and forced row security holds the owner too.
CREATE POLICY keys ON partners FOR SELECT TO CURRENT_USER USING (true);

-- COPY is refused under row security. These let the worker, who neither owns a table nor bypasses its security, fill one that is empty:
-- load_begin makes a table of the same shape, load_index builds one of its indexes, load_end puts it in the other's place.
-- Everything happens in the worker's transaction; the table that stands is locked from load_end to the commit alone.

-- mirrored reports whether the worker may write and delete all rows of the table, and nothing else depends on it.
-- +goose StatementBegin
CREATE FUNCTION mirrored(name text) RETURNS regclass LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE t oid;
BEGIN
  SELECT c.oid INTO t FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relname = name AND c.relkind = 'r' AND pg_get_userbyid(c.relowner) = current_user
    AND has_table_privilege('extranet_worker', c.oid, 'INSERT') AND has_table_privilege('extranet_worker', c.oid, 'UPDATE') AND has_table_privilege('extranet_worker', c.oid, 'DELETE')
    AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'changed_at')
    AND (NOT c.relrowsecurity OR EXISTS (SELECT 1 FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = name AND p.policyname = 'mirror' AND p.roles = '{extranet_worker}' AND p.qual = 'true'))
    AND NOT EXISTS (SELECT 1 FROM pg_constraint f WHERE f.confrelid = c.oid)
    AND NOT EXISTS (SELECT 1 FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal)
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass)
    AND NOT EXISTS (SELECT 1 FROM pg_publication_rel p WHERE p.prrelid = c.oid) AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent));
  RETURN t;
END $$;
-- +goose StatementEnd

-- load_begin returns the indexes to build, that of the core's key first; none when the table cannot be loaded so.
-- +goose StatementBegin
CREATE FUNCTION load_begin(name text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t regclass := public.mirrored(name);
BEGIN
  IF t IS NULL THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)', 'loading_' || name, name);
  EXECUTE format('ALTER TABLE public.%I SET (autovacuum_enabled = off)', 'loading_' || name);
  EXECUTE format('GRANT SELECT, INSERT, DELETE ON public.%I TO extranet_worker', 'loading_' || name);
  RETURN QUERY SELECT c.relname::text FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indrelid = t
    ORDER BY c.relname <> name || '_by_key', NOT x.indisprimary, c.relname;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION load_index(name text, index text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '128MB' AS $$
DECLARE t regclass := public.mirrored(name); i oid; k text; def text;
BEGIN
  SELECT x.indexrelid, pg_get_constraintdef(c.oid), pg_get_indexdef(x.indexrelid) INTO STRICT i, k, def
    FROM pg_index x JOIN pg_class r ON r.oid = x.indexrelid LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.conrelid = t AND c.contype IN ('p', 'u')
    WHERE x.indrelid = t AND r.relname = index;
  IF k IS NOT NULL THEN
    EXECUTE format('ALTER TABLE public.%I ADD CONSTRAINT %I %s', 'loading_' || name, 'loading_' || index, k);
  ELSE
    EXECUTE regexp_replace(def, '^(CREATE (UNIQUE )?INDEX) .* ON (ONLY )?\S+ USING ', format('\1 %I ON public.%I USING ', 'loading_' || index, 'loading_' || name));
  END IF;
END $$;
-- +goose StatementEnd

-- load_end raises object_not_in_prerequisite_state when rows came into the table meanwhile.
-- +goose StatementBegin
CREATE FUNCTION load_end(name text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE t regclass := public.mirrored(name); n text := format('public.%I', 'loading_' || name); r record; filled boolean;
BEGIN
  FOR r IN SELECT conname, pg_get_constraintdef(oid) AS def FROM pg_constraint WHERE conrelid = t AND contype = 'f' ORDER BY conname LOOP
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', n, r.conname, r.def);
  END LOOP;
  FOR r IN SELECT x.grantee, x.privilege_type, x.is_grantable, a.attname FROM pg_class c, pg_attribute a, aclexplode(a.attacl) x WHERE c.oid = t AND a.attrelid = t AND a.attnum > 0
    UNION ALL SELECT x.grantee, x.privilege_type, x.is_grantable, NULL FROM pg_class c, aclexplode(c.relacl) x WHERE c.oid = t AND x.grantee <> c.relowner LOOP
    EXECUTE format('GRANT %s %s ON %s TO %s %s', r.privilege_type, coalesce('(' || quote_ident(r.attname) || ')', ''), n,
      CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.grantee)) END, CASE WHEN r.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END);
  END LOOP;
  FOR r IN SELECT policyname, permissive, array_to_string(ARRAY(SELECT CASE role WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(role) END FROM unnest(roles) AS role), ', ') AS roles, cmd, qual, with_check
    FROM pg_policies WHERE schemaname = 'public' AND tablename = name ORDER BY policyname LOOP
    EXECUTE format('CREATE POLICY %I ON %s AS %s FOR %s TO %s %s %s', r.policyname, n, r.permissive, r.cmd, r.roles,
      coalesce('USING (' || r.qual || ')', ''), coalesce('WITH CHECK (' || r.with_check || ')', ''));
  END LOOP;
  SELECT relrowsecurity AS enabled, relforcerowsecurity AS forced, array_to_string(reloptions, ', ') AS options INTO r FROM pg_class WHERE oid = t;
  IF r.enabled THEN EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', n); END IF;
  IF r.forced THEN EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', n); END IF;
  EXECUTE format('ALTER TABLE %s RESET (autovacuum_enabled)', n);
  IF r.options IS NOT NULL THEN EXECUTE format('ALTER TABLE %s SET (%s)', n, r.options); END IF;
  EXECUTE format('ANALYZE %s', n);
  FOR i IN 1..60 LOOP -- whoever reads lets us in between two transactions; whoever comes waits half a second at most
    BEGIN
      EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', name);
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      IF i = 60 THEN RAISE; END IF;
    END;
  END LOOP;
  EXECUTE format('ALTER TABLE public.%I NO FORCE ROW LEVEL SECURITY', name); -- so that its owner sees whether it is empty
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', name) INTO filled;
  IF filled THEN RAISE EXCEPTION '% is not empty any more', name USING ERRCODE = 'object_not_in_prerequisite_state'; END IF;
  EXECUTE format('DROP TABLE public.%I', name);
  EXECUTE format('ALTER TABLE %s RENAME TO %I', n, name);
  FOR r IN SELECT c.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indrelid = format('public.%I', name)::regclass LOOP
    EXECUTE format('ALTER INDEX public.%I RENAME TO %I', r.relname, substr(r.relname, length('loading_') + 1));
  END LOOP;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION mirrored(text), load_begin(text), load_index(text, text), load_end(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_begin(text), load_index(text, text), load_end(text) TO extranet_worker;

-- +goose Down
DROP FUNCTION load_end(text), load_index(text, text), load_begin(text), mirrored(text);
DROP POLICY keys ON partners;
ALTER TABLE feeds DROP stopped_at, DROP allow_loss, DROP reread, DROP rows_repaired, DROP repaired_at;
