-- The relay makes messages to subscribers where it places events, and writes nothing else of theirs.
DO $do$
DECLARE
    relay text := current_database() || '_relay';
BEGIN
    EXECUTE format('GRANT INSERT ON outbox_dispatch TO %I', relay);
    EXECUTE format('GRANT USAGE ON SEQUENCE outbox_dispatch_id_seq TO %I', relay);
END $do$;

ALTER TABLE outbox_dispatch SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, fillfactor = 80);
ALTER TABLE outbox_subscriptionpace SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, fillfactor = 50);

-- Ids of events published set-based: UUID version 7, as outbox/identifiers.py makes them.
CREATE FUNCTION outbox_uuid7(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$ SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
                 PLACING substring(int8send(floor(extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid $$;
COMMENT ON FUNCTION outbox_uuid7(timestamptz) IS 'A new UUID version 7 of that instant.';

-- Whether a subscription to these types (exact, area.*, *) and kinds of records (none: all) hears of an event.
CREATE FUNCTION outbox_hears(types varchar[], kinds varchar[], type text, subject_type text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT types::text[] && ARRAY[type, split_part(type, '.', 1) || '.*', '*'] AND (kinds = '{}' OR subject_type = ANY (kinds::text[])) $$;
COMMENT ON FUNCTION outbox_hears(varchar[], varchar[], text, text) IS 'Which events a subscription hears.';

-- Senders work for all organisations: which subscribers have something due, and no more, is readable without a scope.
CREATE FUNCTION outbox_due_subscriptions() RETURNS TABLE (organisation_id bigint, subscription_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT s.organisation_id, s.id FROM outbox_subscription s
     WHERE EXISTS (SELECT FROM outbox_dispatch d
                    WHERE d.subscription_id = s.id AND d.state = 'WAITING' AND d.run_at <= now()
                      AND (d.locked_until IS NULL OR d.locked_until <= now())
                      AND (s.state IN ('ACTIVE', 'FAILING') OR d.type = 'freshplan.ping'))
     ORDER BY s.id
$$;
COMMENT ON FUNCTION outbox_due_subscriptions() IS 'Subscriptions with a message that is due; senders then open a scope in each organisation.';

-- And which have been failing for so long that somebody is to be told.
CREATE FUNCTION outbox_failing_subscriptions() RETURNS TABLE (organisation_id bigint, subscription_id bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT p.organisation_id, p.subscription_id FROM outbox_subscriptionpace p JOIN outbox_subscription s ON s.id = p.subscription_id
     WHERE s.state IN ('ACTIVE', 'FAILING') AND p.failing_since <= now() - interval '1 hour'
     ORDER BY 2
$$;
COMMENT ON FUNCTION outbox_failing_subscriptions() IS 'Subscriptions that have been failing for an hour or longer.';

DO $do$
DECLARE one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['outbox_due_subscriptions()', 'outbox_failing_subscriptions()']
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', one, current_database() || '_app');
    END LOOP;
END $do$;
