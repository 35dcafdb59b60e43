-- Versions of templates are history: written once.
DO $do$ BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE ON messaging_templateversion FROM %I', current_database() || '_app');
END $do$;

-- The sender looks every few seconds: one question for all organisations, answered with ids alone.
CREATE FUNCTION messaging_busy_organisations(sending boolean) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ SELECT organisation_id FROM messaging_message WHERE $1 AND state = 'QUEUED' AND run_at <= clock_timestamp()
      UNION SELECT organisation_id FROM messaging_message WHERE $1 AND state = 'SENDING' AND locked_until <= clock_timestamp()
      UNION SELECT organisation_id FROM messaging_message WHERE state = 'QUEUED' AND expires_at <= clock_timestamp()
      UNION SELECT organisation_id FROM messaging_notice WHERE digest_at <= clock_timestamp()
      ORDER BY 1 $$;
COMMENT ON FUNCTION messaging_busy_organisations(boolean) IS 'Organisations with mails to send (if sending), mails to give up, or digests that are due.';

DO $do$ BEGIN
    REVOKE EXECUTE ON FUNCTION messaging_busy_organisations(boolean) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION messaging_busy_organisations(boolean) TO %I', current_database() || '_app');
END $do$;
