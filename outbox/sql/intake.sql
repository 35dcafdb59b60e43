-- The webhook door knows a key before it knows who is asked: the function answers for one key, and tells ids and state alone.
CREATE FUNCTION outbox_connection_at(provider text, key text)
RETURNS TABLE (connection_id bigint, organisation_id bigint) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$ SELECT c.id, c.organisation_id FROM outbox_connection c
       WHERE c.key = $2 AND c.provider = $1 AND c.deleted_at IS NULL $$;
COMMENT ON FUNCTION outbox_connection_at(text, text) IS 'Connection and organisation behind the key of a webhook address; nothing for any other key.';

-- At most two live secrets of a kind: one in use, and one to come or running out. Checked at the commit, for roles change hands.
ALTER TABLE outbox_credential
    ADD CONSTRAINT credential_one_current EXCLUDE USING btree (connection_id WITH =, kind WITH =)
        WHERE (role = 'CURRENT') DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT credential_one_other EXCLUDE USING btree (connection_id WITH =, kind WITH =)
        WHERE (role <> 'CURRENT') DEFERRABLE INITIALLY DEFERRED;

-- What came in is never changed, only forgotten.
CREATE FUNCTION outbox_keep_body() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what came in is never changed' USING ERRCODE = 'insufficient_privilege';
END $$;
COMMENT ON FUNCTION outbox_keep_body() IS 'BEFORE UPDATE: refuses another body, key or time of receipt.';
CREATE TRIGGER keep_body BEFORE UPDATE ON outbox_inboxrequest FOR EACH ROW
    WHEN ((NEW.body IS DISTINCT FROM OLD.body AND NEW.body IS NOT NULL) OR NEW.dedupe_key <> OLD.dedupe_key
          OR NEW.received_at <> OLD.received_at OR NEW.connection_id <> OLD.connection_id)
    EXECUTE FUNCTION outbox_keep_body();

DO $do$
BEGIN
    EXECUTE 'REVOKE EXECUTE ON FUNCTION outbox_connection_at(text, text) FROM PUBLIC';
    EXECUTE format('GRANT EXECUTE ON FUNCTION outbox_connection_at(text, text) TO %I', current_database() || '_app');
    -- The relay tells the workers what is due, and notes that it did.
    EXECUTE format('GRANT UPDATE (queued_until, locked_until) ON outbox_connectioncheck TO %I', current_database() || '_relay');
END $do$;

ALTER TABLE outbox_inboxevent SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, fillfactor = 80);
ALTER TABLE outbox_inboxrequest SET (fillfactor = 90);
