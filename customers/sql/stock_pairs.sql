-- Pairs of the stock that may be the same company, a stretch of keys at a time. No account is held against all others: of one
-- postcode those are weighed that share the beginning of a telling word, or the door; of all the rest those that share a phone, a
-- VAT id or a domain. A block that more share than `most_of_block` tells nothing (a hotline, a landlord) and is left out.
-- Of the search role, whose reads need no policy per row; gives nothing to a scope that does not see all.

CREATE FUNCTION customers_stock_pairs(kind text, after text, most integer, most_of_block integer)
RETURNS TABLE (upto text, first_id bigint, second_id bigint, score integer, verdict text, reasons text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    last text;
    source text := 'SELECT c.id, {key} AS key FROM customers_customer c WHERE c.organisation_id = $1 AND {key} > $2 AND {column} <> '''' AND c.deleted_at IS NULL';
BEGIN
    source := CASE kind
        WHEN 'place' THEN 'SELECT a.customer_id AS id, a.postcode::text AS key FROM customers_address a'
                          ' WHERE a.organisation_id = $1 AND a.postcode > $2 AND a.postcode <> '''''
        WHEN 'phone' THEN replace(replace(source, '{key}', 'c.phone'), '{column}', 'c.phone')
        WHEN 'vat' THEN replace(replace(source, '{key}', 'customers_vat_key(c.vat_id)'), '{column}', 'c.vat_id')
        WHEN 'web' THEN replace(replace(source, '{key}', 'customers_web_key(c.website)'), '{column}', 'c.website') || ' UNION ALL '
                     || replace(replace(source, '{key}', 'customers_web_key(c.email)'), '{column}', 'c.email') END;
    IF NOT crm_sees_all() THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT max(l.key) FROM (SELECT s.key FROM (%s) s ORDER BY s.key LIMIT $3) l', source)
       INTO last USING crm_organisation(), after, most;
    IF last IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT last, NULL::bigint, NULL::bigint, NULL::integer, NULL::text, NULL::text[];
    RETURN QUERY EXECUTE format($q$
        WITH stretch AS MATERIALIZED (
            SELECT DISTINCT s.id, s.key FROM (%s) s WHERE s.key <= $3
        ), here AS MATERIALIZED (
            SELECT t.id, t.key FROM stretch t
             WHERE $5 OR t.key IN (SELECT o.key FROM stretch o GROUP BY o.key HAVING count(*) BETWEEN 2 AND $4)
        ), known AS MATERIALIZED (
            SELECT c.id, customers_clues(c) AS clues FROM customers_customer c
             WHERE c.id = ANY (ARRAY (SELECT h.id FROM here h)) AND c.deleted_at IS NULL AND c.account_type <> 'CHAIN'
        ), blocked AS MATERIALIZED (
            SELECT DISTINCT h.id, h.key || ' ' || w.mark AS block
              FROM here h JOIN known k ON k.id = h.id
             CROSS JOIN LATERAL (
                   SELECT left(word, 3) AS mark FROM unnest(string_to_array(array_to_string((k.clues).cores, ' '), ' ')) AS word WHERE $5 AND word <> ''
                   UNION ALL
                   SELECT customers_door(p) FROM unnest((k.clues).places) p WHERE $5
                   UNION ALL
                   SELECT '' WHERE NOT $5) w
             WHERE w.mark IS NOT NULL
        ), pairs AS MATERIALIZED (
            SELECT DISTINCT x.id AS one, y.id AS other
              FROM (SELECT b.block FROM blocked b GROUP BY b.block HAVING count(*) BETWEEN 2 AND $4) s
              JOIN blocked x ON x.block = s.block JOIN blocked y ON y.block = s.block AND y.id > x.id
        )
        SELECT $3, m.one, m.other, (m.match).score, (m.match).verdict, (m.match).reasons
          FROM (SELECT p.one, p.other, customers_match(a.clues, b.clues) AS match
                  FROM pairs p JOIN known a ON a.id = p.one JOIN known b ON b.id = p.other OFFSET 0) m
         WHERE (m.match).verdict = 'SAME' OR (m.match).verdict = 'POSSIBLE' AND (m.match).score >= 70
    $q$, source) USING crm_organisation(), after, last, most_of_block, kind = 'place';
END $$;
COMMENT ON FUNCTION customers_stock_pairs(text, text, integer, integer) IS
    'Pairs of the stock that may be one company, of the next so many keys of a kind; the first row tells only how far that was.';
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION customers_stock_pairs(text, text, integer, integer) OWNER TO %I', current_database() || '_search');
END $do$;
