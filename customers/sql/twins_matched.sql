-- The hint while typing asks the one rule, and looks for twins by all that the rule weighs. The old function knew three fields.
CREATE INDEX customer_by_vat_id ON customers_customer (organisation_id, customers_vat_key(vat_id)) WHERE vat_id <> '' AND deleted_at IS NULL;
CREATE INDEX customer_by_website ON customers_customer (organisation_id, customers_web_key(website)) WHERE website <> '' AND deleted_at IS NULL;
CREATE INDEX customer_by_mail_host ON customers_customer (organisation_id, customers_web_key(email)) WHERE email <> '' AND deleted_at IS NULL;
CREATE INDEX address_by_door ON customers_address
    (organisation_id, postcode, customers_door(customers_place_of(street, house_number, postcode, city, NULL, NULL)))
    WHERE street <> '' AND postcode <> '';

CREATE FUNCTION customers_clues(customer customers_customer) RETURNS customers_clues LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, public AS $$
    SELECT customers_clues_of(
        ARRAY[customer.company_name, customer.trading_name], ARRAY[customer.phone], ARRAY[customer.website, customer.email], customer.vat_id,
        (SELECT array_agg(customers_place_of(a.street, a.house_number, a.postcode, a.city, a.latitude, a.longitude))
           FROM (SELECT * FROM customers_address d WHERE d.customer_id = customer.id ORDER BY d.is_primary DESC, d.id LIMIT 5) a))
$$;
COMMENT ON FUNCTION customers_clues(customers_customer) IS 'What is known of a stored account, made comparable.';

-- Accounts that may be the typed one. Of the search role, because it must know of accounts hidden from the scope as well; of these
-- it gives the score alone, never the id. What the scope sees and what is hidden from it are weighed apart: hidden accounts, however
-- alike, take no visible one's place; of a frequent word, the scope's own accounts are asked for beside the first ones of all.
-- All that is found is ordered by what is cheap (what led to it, likeness of names), and the best of them are weighed by the rule.
CREATE FUNCTION customers_twins(typed_name text, typed_phone text, typed customers_clues, most integer)
RETURNS TABLE (customer_id bigint, score integer, verdict text, reasons text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public SET pg_trgm.similarity_threshold = 0.35 AS $$
    WITH asked AS MATERIALIZED (
        SELECT crm_organisation() AS organisation, crm_fold(typed_name) COLLATE "C" AS name, nullif(typed_phone, '') AS phone,
               (typed.places[1]).postcode AS postcode, customers_door(typed.places[1]) AS door
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
    ), led AS MATERIALIZED (
        (SELECT c.id, 1.0 AS lead FROM customers_customer c, asked a
          WHERE c.organisation_id = a.organisation AND c.phone = a.phone AND c.phone <> '' AND c.deleted_at IS NULL LIMIT 200)
        UNION ALL
        (SELECT c.id, 1.0 FROM customers_customer c, asked a
          WHERE c.organisation_id = a.organisation AND customers_vat_key(c.vat_id) = typed.vat_id AND c.vat_id <> '' AND c.deleted_at IS NULL
          LIMIT 200)
        UNION ALL
        (SELECT d.customer_id, 1.0 FROM customers_address d, asked a
          WHERE d.organisation_id = a.organisation AND d.street <> '' AND d.postcode <> '' AND d.postcode = a.postcode
            AND customers_door(customers_place_of(d.street, d.house_number, d.postcode, d.city, NULL, NULL)) = a.door LIMIT 200)
        UNION ALL
        (SELECT c.id, 0.5 FROM customers_customer c, asked a, unnest(typed.webs) AS w(web)
          WHERE c.organisation_id = a.organisation AND customers_web_key(c.website) = w.web AND c.website <> '' AND c.deleted_at IS NULL LIMIT 200)
        UNION ALL
        (SELECT c.id, 0.5 FROM customers_customer c, asked a, unnest(typed.webs) AS w(web)
          WHERE c.organisation_id = a.organisation AND customers_web_key(c.email) = w.web AND c.email <> '' AND c.deleted_at IS NULL LIMIT 200)
        UNION ALL
        SELECT here.customer_id, 0.3 FROM here CROSS JOIN LATERAL (
            SELECT FROM customers_customerword w WHERE w.customer_id = here.customer_id AND w.word = ANY (ARRAY (SELECT word FROM alike)) LIMIT 1) f
        UNION ALL
        (SELECT c.id, 0.0 FROM customers_customer c, asked a
          WHERE c.organisation_id = a.organisation AND c.name_key = a.name AND c.deleted_at IS NULL LIMIT 50)
        UNION ALL
        SELECT f.customer_id, 0.0 FROM alike CROSS JOIN asked a CROSS JOIN LATERAL (
            SELECT w.customer_id FROM customers_customerword w
             WHERE w.organisation_id = a.organisation AND w.word = alike.word LIMIT 200) f
        UNION ALL
        SELECT f.customer_id, 0.0 FROM alike CROSS JOIN asked a CROSS JOIN LATERAL (
            SELECT w.customer_id FROM customers_customerword w
             WHERE w.organisation_id = a.organisation AND w.owner_id = ANY (crm_owners()) AND w.word = alike.word LIMIT 200) f
        UNION ALL
        SELECT f.customer_id, 0.0 FROM alike CROSS JOIN asked a CROSS JOIN LATERAL (
            SELECT w.customer_id FROM customers_customerword w
             WHERE w.organisation_id = a.organisation AND w.word = alike.word
               AND (w.customer_id = ANY (crm_granted()) OR w.chain_id = ANY (crm_granted())) LIMIT 200) f
         WHERE cardinality(crm_granted()) > 0
    ), found AS (
        SELECT c.id, l.lead, greatest(similarity(c.name_key, a.name), CASE WHEN c.trading_name <> '' THEN similarity(crm_fold(c.trading_name), a.name) END) AS likeness,
               coalesce(crm_sees_all() OR c.owner_id = ANY (crm_owners()) OR c.id = ANY (crm_granted())
                        OR c.chain_id = ANY (crm_granted()), false) AS is_visible
          FROM (SELECT led.id, max(led.lead) AS lead FROM led GROUP BY led.id) l
          JOIN customers_customer c ON c.id = l.id AND c.deleted_at IS NULL CROSS JOIN asked a
    ), nearest AS MATERIALIZED (
        SELECT f.id, f.is_visible
          FROM (SELECT found.*, row_number() OVER (PARTITION BY found.is_visible ORDER BY found.lead + found.likeness DESC, found.id) AS place
                  FROM found WHERE found.lead >= 0.5 OR found.likeness >= 0.3) f
         WHERE f.place <= CASE WHEN f.is_visible THEN 24 ELSE 8 END
    ), weighed AS (
        SELECT n.id, n.is_visible, (m.match).score, (m.match).verdict, (m.match).reasons
          FROM nearest n JOIN customers_customer c ON c.id = n.id
         CROSS JOIN LATERAL (SELECT customers_match(typed, customers_clues(c)) AS match OFFSET 0) m
    ), placed AS (
        SELECT w.*, row_number() OVER (PARTITION BY w.is_visible ORDER BY w.score DESC, w.id) AS place
          FROM weighed w WHERE w.verdict <> 'DIFFERENT'
    )
    SELECT CASE WHEN p.is_visible THEN p.id END, p.score, p.verdict, p.reasons FROM placed p
     WHERE p.place <= CASE WHEN p.is_visible THEN least(most, 20) ELSE 1 END ORDER BY p.score DESC, p.id
$$;
COMMENT ON FUNCTION customers_twins(text, text, customers_clues, integer) IS
    'Possible duplicates of a typed account: at most so many that the scope sees, and the likeliest hidden one, without its id.';
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION customers_twins(text, text, customers_clues, integer) OWNER TO %I', current_database() || '_search');
END $do$;
