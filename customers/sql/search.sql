-- The words of each customer, and the vocabulary in which a mistyped word finds the right one.

CREATE FUNCTION customers_words(customer customers_customer) RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, public AS $$
    SELECT crm_fold_words(concat_ws(' ', customer.company_name, customer.trading_name, customer.customer_number,
           (SELECT concat_ws(' ', a.postcode, a.city) FROM customers_address a WHERE a.customer_id = customer.id
             ORDER BY a.is_primary DESC, a.id LIMIT 1)))
$$;
COMMENT ON FUNCTION customers_words(customers_customer) IS 'The folded words that search finds a customer by.';

CREATE VIEW customers_words_expected WITH (security_invoker = true) AS
SELECT c.id AS customer_id, c.organisation_id, c.owner_id, c.chain_id, w.word COLLATE "C" AS word
  FROM customers_customer c CROSS JOIN LATERAL unnest(customers_words(c)) AS w(word)
 WHERE c.deleted_at IS NULL;
COMMENT ON VIEW customers_words_expected IS 'What the search words must be, recomputed from the source tables.';

-- Without seqscan: in a fresh database no statistics tell that the tables are large by the end of the first import.
CREATE FUNCTION customers_index_words(ids bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
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
         WHERE NOT EXISTS (SELECT 1 FROM customers_vocabularyword v WHERE v.organisation_id = e.organisation_id AND v.word = e.word)
         ORDER BY 1, 2
        ON CONFLICT (organisation_id, word) DO NOTHING
    )
    INSERT INTO customers_customerword AS kept (organisation_id, customer_id, owner_id, chain_id, word)
    SELECT e.organisation_id, e.customer_id, e.owner_id, e.chain_id, e.word FROM expected e
    ON CONFLICT (customer_id, word) DO UPDATE SET owner_id = excluded.owner_id, chain_id = excluded.chain_id
     WHERE (kept.owner_id, kept.chain_id) IS DISTINCT FROM (excluded.owner_id, excluded.chain_id);
END $$;
COMMENT ON FUNCTION customers_index_words(bigint[]) IS 'Brings the search words of these customers up to date.';

CREATE FUNCTION customers_index_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE ids bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        EXECUTE format('SELECT array_agg(DISTINCT %I) FROM new_rows', TG_ARGV[0]) INTO ids;
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE format('SELECT array_agg(DISTINCT %I) FROM old_rows', TG_ARGV[0]) INTO ids;
    ELSIF TG_TABLE_NAME = 'customers_customer' THEN
        SELECT array_agg(n.id) INTO ids FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE (n.company_name, n.trading_name, n.customer_number, n.owner_id, n.chain_id, n.deleted_at)
               IS DISTINCT FROM (o.company_name, o.trading_name, o.customer_number, o.owner_id, o.chain_id, o.deleted_at);
    ELSE
        SELECT array_agg(DISTINCT n.customer_id) INTO ids FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE (n.postcode, n.city, n.is_primary) IS DISTINCT FROM (o.postcode, o.city, o.is_primary);
    END IF;
    IF ids IS NOT NULL THEN
        PERFORM customers_index_words(ids);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION customers_index_changed() IS 'AFTER STATEMENT: indexes the words of the changed customers.';

CREATE INDEX vocabulary_by_trigram ON customers_vocabularyword USING gin (word gin_trgm_ops);

-- Words that resemble a typed one, best first, of customers that the scope sees. Of the search role: under the caller's policies
-- the trigram operators would not use their index; so the rule of the policy stands here, before the limit. The vocabulary keeps
-- words whose customer is gone; who sees all is asked only whether somebody has the word. Each word is one probe of an index,
-- from the best down until there are enough: OFFSET 0 keeps the sort below the probes.
CREATE FUNCTION customers_similar_words(typed text, most integer) RETURNS TABLE (word text, score real)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public SET pg_trgm.similarity_threshold = 0.35 AS $$
    SELECT s.word, s.score
      FROM (SELECT v.organisation_id, v.word, similarity(v.word, typed) AS score
              FROM customers_vocabularyword v
             WHERE v.organisation_id = crm_organisation() AND v.word % typed
             ORDER BY 3 DESC, v.word OFFSET 0) s
     WHERE EXISTS (SELECT 1 FROM customers_customerword w
                    WHERE w.organisation_id = s.organisation_id AND w.word = s.word
                      AND ((SELECT crm_sees_all())
                           OR w.owner_id = ANY ((SELECT crm_owners())::bigint[])
                           OR w.customer_id = ANY ((SELECT crm_granted())::bigint[])
                           OR w.chain_id = ANY ((SELECT crm_granted())::bigint[])))
     ORDER BY s.score DESC, s.word LIMIT least(most, 50)
$$;
COMMENT ON FUNCTION customers_similar_words(text, integer) IS 'Words like a mistyped one, of customers that the scope sees.';
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION customers_similar_words(text, integer) OWNER TO %I', current_database() || '_search');
END $do$;

-- One choice a row, kept beside the values of fields with several choices.
CREATE FUNCTION customers_keep_choices() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM customers_customerfieldchoice c USING old_rows o
         WHERE c.customer_id = o.customer_id AND c.definition_id = o.definition_id AND jsonb_typeof(o.value) = 'array';
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO customers_customerfieldchoice (organisation_id, customer_id, definition_id, choice)
        SELECT DISTINCT n.organisation_id, n.customer_id, n.definition_id, left(e.choice, 200)
          FROM new_rows n CROSS JOIN LATERAL jsonb_array_elements_text(
                   CASE jsonb_typeof(n.value) WHEN 'array' THEN n.value ELSE '[]' END) AS e(choice);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION customers_keep_choices() IS 'AFTER STATEMENT: keeps the choices of changed field values as rows.';
