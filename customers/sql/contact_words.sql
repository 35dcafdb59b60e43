-- The words of each contact: of the name each, of the e-mail address the whole and its host, of the phones their digits. Kept as
-- the words of customers are, under the same lock; only words of names go into the vocabulary in which mistyped ones are looked up.

CREATE VIEW customers_contact_words_expected WITH (security_invoker = true) AS
SELECT p.id AS contact_id, p.organisation_id, c.id AS customer_id, c.owner_id, c.chain_id, w.word COLLATE "C" AS word, w.is_name
  FROM customers_customer c JOIN customers_contact p ON p.customer_id = c.id
 CROSS JOIN LATERAL (
       SELECT every.word, bool_or(every.is_name) AS is_name FROM (
           SELECT unnest(crm_fold_words(concat_ws(' ', p.first_name, p.last_name))) AS word, true AS is_name
           UNION ALL SELECT nullif(crm_fold(p.email), ''), false
           UNION ALL SELECT substring(crm_fold(p.email) FROM '@.+$'), false
           UNION ALL SELECT customers_phone_key(p.phone), false
           UNION ALL SELECT customers_phone_key(p.mobile), false) every
        WHERE every.word IS NOT NULL GROUP BY every.word) w
 WHERE c.deleted_at IS NULL;
COMMENT ON VIEW customers_contact_words_expected IS 'What the search words of contacts must be, recomputed from the source tables.';

-- Without seqscan: as customers_index_words, whose lock it takes too: who hands the customer over meanwhile is waited for.
CREATE FUNCTION customers_index_contact_words(ids bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
BEGIN
    PERFORM 1 FROM customers_customer WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    WITH expected AS MATERIALIZED (
        SELECT e.* FROM customers_contact_words_expected e WHERE e.customer_id = ANY (ids)
    ), gone AS (
        DELETE FROM customers_contactword o
         WHERE o.customer_id = ANY (ids)
           AND NOT EXISTS (SELECT 1 FROM expected e WHERE e.contact_id = o.contact_id AND e.word = o.word)
    ), named AS (
        INSERT INTO customers_vocabularyword (organisation_id, word)
        SELECT DISTINCT e.organisation_id, e.word FROM expected e
         WHERE e.is_name
           AND NOT EXISTS (SELECT 1 FROM customers_vocabularyword v WHERE v.organisation_id = e.organisation_id AND v.word = e.word)
         ORDER BY 1, 2
        ON CONFLICT (organisation_id, word) DO NOTHING
    )
    INSERT INTO customers_contactword AS kept (organisation_id, contact_id, customer_id, owner_id, chain_id, word)
    SELECT e.organisation_id, e.contact_id, e.customer_id, e.owner_id, e.chain_id, e.word FROM expected e
    ON CONFLICT (contact_id, word) DO UPDATE
       SET customer_id = excluded.customer_id, owner_id = excluded.owner_id, chain_id = excluded.chain_id
     WHERE (kept.customer_id, kept.owner_id, kept.chain_id) IS DISTINCT FROM (excluded.customer_id, excluded.owner_id, excluded.chain_id);
END $$;
COMMENT ON FUNCTION customers_index_contact_words(bigint[]) IS 'Brings the search words of all contacts of these customers up to date.';

CREATE FUNCTION customers_contact_words_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE ids bigint[];
BEGIN
    IF TG_TABLE_NAME = 'customers_customer' THEN
        SELECT array_agg(n.id) INTO ids FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE (n.owner_id, n.chain_id, n.deleted_at) IS DISTINCT FROM (o.owner_id, o.chain_id, o.deleted_at)
           AND EXISTS (SELECT 1 FROM customers_contact p WHERE p.customer_id = n.id);
    ELSIF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT n.customer_id) INTO ids FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(DISTINCT o.customer_id) INTO ids FROM old_rows o;
    ELSE
        SELECT array_agg(DISTINCT moved.customer_id) INTO ids FROM new_rows n JOIN old_rows o ON o.id = n.id
         CROSS JOIN LATERAL (VALUES (n.customer_id), (o.customer_id)) AS moved (customer_id)
         WHERE (n.customer_id, n.first_name, n.last_name, n.email, n.phone, n.mobile)
               IS DISTINCT FROM (o.customer_id, o.first_name, o.last_name, o.email, o.phone, o.mobile);
    END IF;
    IF ids IS NOT NULL THEN
        PERFORM customers_index_contact_words(ids);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION customers_contact_words_changed() IS 'AFTER STATEMENT: indexes the words of the contacts of changed customers.';

-- As customers_similar_words, of contacts.
CREATE FUNCTION customers_similar_contact_words(typed text, most integer) RETURNS TABLE (word text, score real)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public SET pg_trgm.similarity_threshold = 0.35 AS $$
    SELECT s.word, s.score
      FROM (SELECT v.organisation_id, v.word, similarity(v.word, typed) AS score
              FROM customers_vocabularyword v
             WHERE v.organisation_id = crm_organisation() AND v.word % typed
             ORDER BY 3 DESC, v.word OFFSET 0) s
     WHERE EXISTS (SELECT 1 FROM customers_contactword w
                    WHERE w.organisation_id = s.organisation_id AND w.word = s.word
                      AND ((SELECT crm_sees_all())
                           OR w.owner_id = ANY ((SELECT crm_owners())::bigint[])
                           OR w.customer_id = ANY ((SELECT crm_granted())::bigint[])
                           OR w.chain_id = ANY ((SELECT crm_granted())::bigint[])))
     ORDER BY s.score DESC, s.word LIMIT least(most, 50)
$$;
COMMENT ON FUNCTION customers_similar_contact_words(text, integer) IS 'Words like a mistyped one, of contacts that the scope sees.';
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION customers_similar_contact_words(text, integer) OWNER TO %I', current_database() || '_search');
END $do$;
