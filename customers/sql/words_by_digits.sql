-- A customer's phone is one more of his words, as its digits. It stays out of the vocabulary: nobody mistypes into a number's likeness.

CREATE OR REPLACE FUNCTION customers_words(customer customers_customer) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, public AS $$
    SELECT crm_fold_words(concat_ws(' ', customer.company_name, customer.trading_name, customer.customer_number,
           (SELECT concat_ws(' ', a.postcode, a.city) FROM customers_address a WHERE a.customer_id = customer.id
             ORDER BY a.is_primary DESC, a.id LIMIT 1), customers_phone_key(customer.phone)))
$$;

CREATE OR REPLACE FUNCTION customers_index_words(ids bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
BEGIN
    -- First, so that the statements below see what another writer of these customers has just committed: ON CONFLICT waits
    -- for him, but would then write what it read before. In order, so that writers of several wait instead of deadlocking.
    PERFORM 1 FROM customers_customer WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    WITH expected AS MATERIALIZED (
        SELECT e.organisation_id, e.customer_id, e.owner_id, e.chain_id, e.word FROM customers_words_expected e
         WHERE e.customer_id = ANY (ids)
    ), gone AS (
        DELETE FROM customers_customerword o
         WHERE o.customer_id = ANY (ids)
           AND NOT EXISTS (SELECT 1 FROM expected e WHERE e.customer_id = o.customer_id AND e.word = o.word)
    ), named AS (
        -- Sorted, so that two writers of the same new words wait for each other instead of locking each other out.
        INSERT INTO customers_vocabularyword (organisation_id, word)
        SELECT DISTINCT e.organisation_id, e.word FROM expected e
         WHERE e.word !~ '^[0-9]{7,}$'
           AND NOT EXISTS (SELECT 1 FROM customers_vocabularyword v WHERE v.organisation_id = e.organisation_id AND v.word = e.word)
         ORDER BY 1, 2
        ON CONFLICT (organisation_id, word) DO NOTHING
    )
    INSERT INTO customers_customerword AS kept (organisation_id, customer_id, owner_id, chain_id, word)
    SELECT e.organisation_id, e.customer_id, e.owner_id, e.chain_id, e.word FROM expected e
    ON CONFLICT (customer_id, word) DO UPDATE SET owner_id = excluded.owner_id, chain_id = excluded.chain_id
     WHERE (kept.owner_id, kept.chain_id) IS DISTINCT FROM (excluded.owner_id, excluded.chain_id);
END $$;

CREATE OR REPLACE FUNCTION customers_index_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE ids bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        EXECUTE format('SELECT array_agg(DISTINCT %I) FROM new_rows', TG_ARGV[0]) INTO ids;
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE format('SELECT array_agg(DISTINCT %I) FROM old_rows', TG_ARGV[0]) INTO ids;
    ELSIF TG_TABLE_NAME = 'customers_customer' THEN
        SELECT array_agg(n.id) INTO ids FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE (n.company_name, n.trading_name, n.customer_number, n.phone, n.owner_id, n.chain_id, n.deleted_at)
               IS DISTINCT FROM (o.company_name, o.trading_name, o.customer_number, o.phone, o.owner_id, o.chain_id, o.deleted_at);
    ELSE
        SELECT array_agg(DISTINCT n.customer_id) INTO ids FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE (n.postcode, n.city, n.is_primary) IS DISTINCT FROM (o.postcode, o.city, o.is_primary);
    END IF;
    IF ids IS NOT NULL THEN
        PERFORM customers_index_words(ids);
    END IF;
    RETURN NULL;
END $$;
