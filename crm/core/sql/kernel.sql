-- Functions that every app's policies and triggers rest on.

-- The scope's values. Inlined by the planner; nullif because a SET LOCAL leaves '' behind, never NULL.
CREATE FUNCTION crm_organisation() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.organisation', true), '')::bigint $$;

CREATE FUNCTION crm_user() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.user', true), '')::bigint $$;

CREATE FUNCTION crm_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT current_setting('app.owners', true) IS NOT DISTINCT FROM '*' $$;

CREATE FUNCTION crm_owners() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN current_setting('app.owners', true) = '*' THEN NULL
             ELSE nullif(current_setting('app.owners', true), '')::bigint[] END $$;

CREATE FUNCTION crm_granted() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.granted', true), '')::bigint[] $$;

-- The clock of the request or job; rules take it, only policies would call now().
CREATE FUNCTION crm_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(nullif(current_setting('app.now', true), '')::timestamptz, now()) $$;

COMMENT ON FUNCTION crm_organisation() IS 'Organisation of the active scope; NULL without one, so that policies fail closed.';
COMMENT ON FUNCTION crm_user() IS 'User of the active scope; NULL for jobs.';
COMMENT ON FUNCTION crm_sees_all() IS 'Whether the active scope sees every row of its organisation.';
COMMENT ON FUNCTION crm_owners() IS 'Owners whose rows the active scope sees.';
COMMENT ON FUNCTION crm_granted() IS 'Accounts granted to the active scope; a CHAIN among them stands for its LOCATIONs.';
COMMENT ON FUNCTION crm_now() IS 'Instant of the active scope.';

-- version and updated_at of every row that pages edit, whoever writes.
CREATE FUNCTION crm_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := crm_now();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION crm_touch() IS 'BEFORE UPDATE: counts version up and sets updated_at.';

-- History: one row per changed row and statement, bulk or single, with who and why from the scope's values.
-- TG_ARGV[0] is the history table. Columns are taken from the history table at run time, so that a column added to both is kept.
CREATE FUNCTION crm_keep_history() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE
    actor text := nullif(current_setting('app.actor', true), '');
    columns text;
    prefixed text;
    source text;
    mark text;
BEGIN
    IF actor IS NULL THEN
        RAISE EXCEPTION 'a write to % names no actor', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), string_agg('r.' || quote_ident(a.attname), ', ' ORDER BY a.attnum)
      INTO columns, prefixed
      FROM pg_attribute a JOIN pg_attribute h ON h.attrelid = TG_ARGV[0]::regclass AND h.attname = a.attname AND h.attnum > 0
     WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped;
    IF TG_OP = 'UPDATE' THEN
        mark := '~';
        source := 'new_rows r JOIN old_rows o ON o.id = r.id WHERE o.* IS DISTINCT FROM r.*';
    ELSIF TG_OP = 'INSERT' THEN
        mark := '+';
        source := 'new_rows r';
    ELSE
        mark := '-';
        source := 'old_rows r';
    END IF;
    EXECUTE format(
        'INSERT INTO %s (%s, history_date, history_type, history_user_id, history_change_reason, history_actor, history_source,
                         history_request_id, history_change_set_id)
         SELECT %s, clock_timestamp(), %L, nullif(current_setting(''app.user'', true), '''')::bigint,
                left(nullif(current_setting(''app.reason'', true), ''''), 500), %L,
                coalesce(current_setting(''app.source'', true), ''''), coalesce(current_setting(''app.request_id'', true), ''''),
                nullif(current_setting(''app.change_set'', true), '''')::bigint
           FROM %s', TG_ARGV[0], columns, prefixed, mark, actor, source);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION crm_keep_history() IS 'AFTER STATEMENT: writes the history rows of a table; refuses a write without an actor.';

-- What filters compare of a catalogue value: the folded text, and the number times 10,000 (no numeric: it is not leakproof).
CREATE FUNCTION crm_text_key(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE jsonb_typeof(value) WHEN 'string' THEN left(crm_fold(value #>> '{}'), 200) WHEN 'boolean' THEN value #>> '{}' END $$;
COMMENT ON FUNCTION crm_text_key(jsonb) IS 'Comparable text of a catalogue value.';

CREATE FUNCTION crm_number_key(value jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE jsonb_typeof(value) WHEN 'number' THEN round((value #>> '{}')::numeric * 10000)::bigint END $$;
COMMENT ON FUNCTION crm_number_key(jsonb) IS 'Comparable number of a catalogue value: times 10,000.';
