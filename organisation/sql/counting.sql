-- Counts of critical operations are written after the operation's own transaction, when no scope is set any more: one statement
-- that waits for no disk and gives up after a second, so that counting never holds up what it counts.
CREATE FUNCTION organisation_count_operation(counted_organisation bigint, counted_operation text, is_failure boolean)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '1s', true);
    INSERT INTO organisation_operationcount AS c (organisation_id, operation, day, done, failed)
    SELECT o.id, counted_operation, (now() AT TIME ZONE o.zone)::date, (NOT is_failure)::int, is_failure::int
      FROM organisation_organisation o WHERE o.id = counted_organisation
        ON CONFLICT (organisation_id, operation, day)
        DO UPDATE SET done = c.done + excluded.done, failed = c.failed + excluded.failed;
END $$;
COMMENT ON FUNCTION organisation_count_operation(bigint, text, boolean) IS
    'Counts one critical operation, done or failed, on today''s row of its organisation.';

DO $do$
DECLARE app text := current_database() || '_app';
BEGIN
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON organisation_operationcount FROM %I', app);
    EXECUTE 'REVOKE EXECUTE ON FUNCTION organisation_count_operation(bigint, text, boolean) FROM PUBLIC';
    EXECUTE format('GRANT EXECUTE ON FUNCTION organisation_count_operation(bigint, text, boolean) TO %I', app);
END $do$;
