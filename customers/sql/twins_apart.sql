-- What the scope sees and what is hidden from it are weighed apart: hidden accounts, however alike, take no visible one's place.
-- Nor do they where twins are looked for: of a frequent word, the scope's own accounts are asked for beside the first ones of all.
CREATE OR REPLACE FUNCTION customers_twins(typed_name text, typed_postcode text, typed_phone text, most integer)
RETURNS TABLE (customer_id bigint, score integer, name_score real, same_postcode boolean, same_phone boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public SET pg_trgm.similarity_threshold = 0.35 AS $$
    WITH asked AS MATERIALIZED (
        SELECT crm_organisation() AS organisation, crm_fold(typed_name) COLLATE "C" AS name, nullif(typed_postcode, '') AS postcode,
               nullif(typed_phone, '') AS phone
    ), words AS MATERIALIZED (
        SELECT DISTINCT w.word COLLATE "C" AS word FROM unnest(crm_fold_words(typed_name)) AS w(word) WHERE length(w.word) > 2
    ), alike AS MATERIALIZED (
        SELECT word FROM words UNION
        SELECT s.word FROM words CROSS JOIN asked a CROSS JOIN LATERAL (
            SELECT v.word FROM customers_vocabularyword v WHERE v.organisation_id = a.organisation AND v.word % words.word
             ORDER BY similarity(v.word, words.word) DESC, v.word LIMIT 5) s
    ), here AS MATERIALIZED (
        SELECT p.customer_id FROM customers_customerword p, asked a
         WHERE p.organisation_id = a.organisation AND p.word = a.postcode LIMIT 3000
    ), found AS MATERIALIZED (
        SELECT c.id FROM customers_customer c, asked a
         WHERE c.organisation_id = a.organisation AND c.phone = a.phone AND c.phone <> '' AND c.deleted_at IS NULL
        UNION
        (SELECT c.id FROM customers_customer c, asked a
          WHERE c.organisation_id = a.organisation AND c.name_key = a.name AND c.deleted_at IS NULL LIMIT 50)
        UNION
        SELECT f.customer_id FROM alike CROSS JOIN asked a CROSS JOIN LATERAL (
            SELECT w.customer_id FROM customers_customerword w
             WHERE w.organisation_id = a.organisation AND w.word = alike.word LIMIT 200) f
        UNION
        SELECT f.customer_id FROM alike CROSS JOIN asked a CROSS JOIN LATERAL (
            SELECT w.customer_id FROM customers_customerword w
             WHERE w.organisation_id = a.organisation AND w.owner_id = ANY (crm_owners()) AND w.word = alike.word LIMIT 200) f
        UNION
        SELECT f.customer_id FROM alike CROSS JOIN asked a CROSS JOIN LATERAL (
            SELECT w.customer_id FROM customers_customerword w
             WHERE w.organisation_id = a.organisation AND w.word = alike.word
               AND (w.customer_id = ANY (crm_granted()) OR w.chain_id = ANY (crm_granted())) LIMIT 200) f
         WHERE cardinality(crm_granted()) > 0
        UNION
        SELECT w.customer_id FROM here JOIN customers_customerword w ON w.customer_id = here.customer_id AND w.word = ANY
            (ARRAY (SELECT word FROM alike))
    ), scored AS (
        SELECT c.id, coalesce(crm_sees_all() OR c.owner_id = ANY (crm_owners()) OR c.id = ANY (crm_granted())
                              OR c.chain_id = ANY (crm_granted()), false) AS is_visible,
               similarity(c.name_key, a.name) AS name_score,
               coalesce(EXISTS (SELECT 1 FROM customers_address d WHERE d.customer_id = c.id AND d.postcode = a.postcode), false)
                   AND a.postcode IS NOT NULL AS same_postcode,
               coalesce(c.phone = a.phone, false) AS same_phone
          FROM found f JOIN customers_customer c ON c.id = f.id AND c.deleted_at IS NULL CROSS JOIN asked a
    ), weighed AS (
        SELECT s.*, least(100, round(75 * s.name_score + CASE WHEN s.same_postcode THEN 20 ELSE 0 END
                                     + CASE WHEN s.same_phone THEN 40 ELSE 0 END))::integer AS score
          FROM scored s
    ), placed AS (
        SELECT w.*, row_number() OVER (PARTITION BY w.is_visible ORDER BY w.score DESC, w.id) AS place
          FROM weighed w WHERE w.score >= 40 AND (w.name_score >= 0.5 OR w.same_phone)
    )
    SELECT CASE WHEN is_visible THEN id END, score, name_score, same_postcode, same_phone FROM placed
     WHERE place <= CASE WHEN is_visible THEN least(most, 20) ELSE 1 END ORDER BY score DESC, id
$$;
COMMENT ON FUNCTION customers_twins(text, text, text, integer) IS
    'Possible duplicates of a typed account: at most so many that the scope sees, and the likeliest hidden one, without its id.';
