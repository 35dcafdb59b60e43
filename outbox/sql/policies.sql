-- The log of events is append-only for the application; the relay gives positions and makes deliveries, and writes nothing else.
DO $do$
DECLARE
    app text := current_database() || '_app';
    relay text := current_database() || '_relay';
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE ON outbox_event FROM %I', app);
    EXECUTE format('GRANT UPDATE (position) ON outbox_event TO %I', relay);
    EXECUTE format('GRANT INSERT, UPDATE ON outbox_delivery TO %I', relay);
    EXECUTE format('GRANT USAGE ON SEQUENCE outbox_delivery_id_seq TO %I', relay);
    EXECUTE format('GRANT INSERT, UPDATE ON outbox_heartbeat TO %I', relay);
END $do$;

-- Both tables change all the time in their waiting part alone: vacuum by absolute numbers, not by their size.
ALTER TABLE outbox_event SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
ALTER TABLE outbox_delivery SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, fillfactor = 80);
