-- What the scope sees of {words} with these digits inside a phone or a number. Of the search role, as customers_similar_words is:
-- under the caller's policies LIKE would not use its index. By EXECUTE, so that each fragment gets a plan of its own.
CREATE FUNCTION {name}(fragment text, most integer) RETURNS TABLE (id bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    RETURN QUERY EXECUTE
        'SELECT DISTINCT w.{id} FROM (
             SELECT w.{id} FROM {words} w
              WHERE w.organisation_id = crm_organisation() AND w.word ~ ''^[0-9]{6,}$'' AND w.word LIKE $1
                AND ((SELECT crm_sees_all())
                     OR w.owner_id = ANY ((SELECT crm_owners())::bigint[])
                     OR w.customer_id = ANY ((SELECT crm_granted())::bigint[])
                     OR w.chain_id = ANY ((SELECT crm_granted())::bigint[]))
              LIMIT $2) w'
        USING '%' || regexp_replace(fragment, '[^0-9]', '', 'g') || '%', least(most, 100);
END $$;
COMMENT ON FUNCTION {name}(text, integer) IS 'Rows that the scope sees with a phone or number that has these digits inside.';
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION {name}(text, integer) OWNER TO %I', current_database() || '_search');
END $do$;
