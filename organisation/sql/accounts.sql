-- A one-time link is opened before anybody is known: the functions answer for one digest, and tell the user's id alone.
CREATE FUNCTION organisation_link_user(digest bytea, purpose text) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ SELECT l.user_id FROM organisation_onetimelink l JOIN organisation_user u ON u.id = l.user_id AND u.is_active
       WHERE l.digest = $1 AND l.purpose = $2 AND l.used_at IS NULL AND l.expires_at > clock_timestamp() $$;
COMMENT ON FUNCTION organisation_link_user(bytea, text) IS 'User of a one-time link that is still good; NULL for any other digest.';

CREATE FUNCTION organisation_redeem_link(digest bytea, purpose text) RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ UPDATE organisation_onetimelink l SET used_at = clock_timestamp() FROM organisation_user u
       WHERE u.id = l.user_id AND u.is_active
         AND l.digest = $1 AND l.purpose = $2 AND l.used_at IS NULL AND l.expires_at > clock_timestamp()
      RETURNING l.user_id $$;
COMMENT ON FUNCTION organisation_redeem_link(bytea, text) IS 'Uses a one-time link up; its user, or NULL when it is not good (any more).';

-- The sign-in page of a local trial offers the demo's people.
CREATE FUNCTION organisation_demo_users() RETURNS TABLE (id bigint, organisation text, role text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$ SELECT u.id, o.name, u.role, u.name FROM organisation_user u JOIN organisation_organisation o ON o.id = u.organisation_id
       WHERE o.is_demo AND u.is_active ORDER BY o.id, u.id $$;
COMMENT ON FUNCTION organisation_demo_users() IS 'Active people of organisations marked demo, and of no other.';

DO $do$
DECLARE one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['organisation_link_user(bytea, text)', 'organisation_redeem_link(bytea, text)', 'organisation_demo_users()']
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', one, current_database() || '_app');
    END LOOP;
END $do$;
