-- People are read before a scope exists: the sign-in names one user by id or mail (app.login), and sees that row alone.
CREATE POLICY sign_in_reads ON organisation_user FOR SELECT
    USING (current_setting('app.login', true) IN (id::text, lower(email)));
CREATE POLICY sign_in_writes ON organisation_user FOR UPDATE
    USING (current_setting('app.login', true) = id::text)
    WITH CHECK (current_setting('app.login', true) = id::text);
-- His organisation's zone, language and demo mark are needed to make his scope.
CREATE POLICY sign_in_reads ON organisation_organisation FOR SELECT
    USING (EXISTS (SELECT 1 FROM organisation_user u WHERE u.organisation_id = organisation_organisation.id
                      AND current_setting('app.login', true) IN (u.id::text, lower(u.email))));

-- Jobs run for each organisation in turn: its ids, and no more, are readable without a scope.
CREATE FUNCTION organisation_ids() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ SELECT id FROM organisation_organisation ORDER BY id $$;
COMMENT ON FUNCTION organisation_ids() IS 'Ids of all organisations, for schedulers that then open a scope in each.';
