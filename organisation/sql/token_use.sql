-- A use is noted when the request ends. Noted at its beginning, the row stayed locked as long as the request took, a reader of the
-- feed waits half a minute, and whoever revoked the token waited with him.
DROP FUNCTION organisation_open_token(bytea);
CREATE FUNCTION organisation_open_token(digest bytea)
RETURNS TABLE (id bigint, user_id bigint, scopes text[], is_noted boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT t.id, t.user_id, t.scopes::text[], coalesce(t.last_used_at > clock_timestamp() - interval '1 minute', false)
      FROM organisation_apitoken t JOIN organisation_user u ON u.id = t.user_id AND u.is_active
     WHERE t.digest = $1 AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp()
$$;
COMMENT ON FUNCTION organisation_open_token(bytea) IS
    'Id, user and scopes of a token that is still good, and whether its use was noted in the last minute; no row for any other digest.';

-- A use that another request notes just now is not waited for.
CREATE FUNCTION organisation_note_token(digest bytea) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    UPDATE organisation_apitoken n SET last_used_at = clock_timestamp()
     WHERE n.id IN (SELECT l.id FROM organisation_apitoken l
                     WHERE l.digest = $1 AND (l.last_used_at IS NULL OR l.last_used_at < clock_timestamp() - interval '1 minute')
                       FOR UPDATE OF l SKIP LOCKED)
$$;
COMMENT ON FUNCTION organisation_note_token(bytea) IS 'Notes the use of the token with this digest, once a minute.';

DO $do$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['organisation_open_token', 'organisation_note_token'] LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %I(bytea) FROM PUBLIC', name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I(bytea) TO %I', name, current_database() || '_app');
    END LOOP;
END $do$;
