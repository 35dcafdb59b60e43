-- Name and number of a chain for everybody who sees one of its locations. The chain's own row stays behind its policy:
-- of the search role, the function applies the rule itself.
CREATE FUNCTION customers_chain_heads(ids bigint[]) RETURNS TABLE (id bigint, company_name text, customer_number text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT c.id, c.company_name::text, c.customer_number::text
      FROM customers_customer c
     WHERE c.organisation_id = crm_organisation() AND c.id = ANY (ids) AND c.account_type = 'CHAIN' AND c.deleted_at IS NULL
       AND (crm_sees_all() OR c.owner_id = ANY (crm_owners()) OR c.id = ANY (crm_granted())
            OR EXISTS (SELECT 1 FROM customers_customer l
                        WHERE l.chain_id = c.id AND l.organisation_id = c.organisation_id AND l.deleted_at IS NULL
                          AND (l.owner_id = ANY (crm_owners()) OR l.id = ANY (crm_granted()))))
$$;
COMMENT ON FUNCTION customers_chain_heads(bigint[]) IS 'Name and number of chains of which the scope sees a location.';
DO $do$ BEGIN
    EXECUTE format('ALTER FUNCTION customers_chain_heads(bigint[]) OWNER TO %I', current_database() || '_search');
END $do$;
