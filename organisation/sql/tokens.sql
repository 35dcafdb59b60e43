-- A token is opened before anybody is known: the function answers for one digest, and notes the use once a minute.
-- A use that another request notes just now is not waited for.
CREATE FUNCTION organisation_open_token(digest bytea) RETURNS TABLE (id bigint, user_id bigint, scopes text[])
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    WITH good AS (
        SELECT t.id, t.user_id, t.scopes::text[] AS scopes FROM organisation_apitoken t
          JOIN organisation_user u ON u.id = t.user_id AND u.is_active
         WHERE t.digest = $1 AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp()
    ), noted AS (
        UPDATE organisation_apitoken n SET last_used_at = clock_timestamp()
         WHERE n.id IN (SELECT l.id FROM organisation_apitoken l JOIN good ON good.id = l.id
                         WHERE l.last_used_at IS NULL OR l.last_used_at < clock_timestamp() - interval '1 minute'
                           FOR UPDATE OF l SKIP LOCKED)
    )
    SELECT good.id, good.user_id, good.scopes FROM good
$$;
COMMENT ON FUNCTION organisation_open_token(bytea) IS 'Id, user and scopes of a token that is still good; no row for any other digest.';

DO $do$
BEGIN
    REVOKE EXECUTE ON FUNCTION organisation_open_token(bytea) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION organisation_open_token(bytea) TO %I', current_database() || '_app');
END $do$;
