-- The hot projection: its one definition is the view customers_hot_expected; triggers, rebuild and check all read it.

CREATE FUNCTION customers_season_now(seasonal boolean, months smallint[], on_date date) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN NOT seasonal OR cardinality(months) = 12 THEN 'ALL_YEAR'
                WHEN extract(month FROM on_date)::smallint = ANY (months) THEN 'IN_SEASON' ELSE 'PAUSED' END
$$;
COMMENT ON FUNCTION customers_season_now(boolean, smallint[], date) IS 'Season on a date: ALL_YEAR, IN_SEASON or PAUSED.';

CREATE VIEW customers_hot_expected WITH (security_invoker = true) AS
SELECT c.id AS customer_id, c.organisation_id, c.owner_id, c.chain_id, c.account_type::text AS account_type, c.status::text AS status,
       c.business_type::text AS business_type, nullif(c.kitchen_size, '')::text AS kitchen_size, c.name_key, c.customer_number::text AS customer_number,
       nullif(a.city, '')::text AS city, nullif(crm_fold(a.city), '') AS city_key, nullif(a.postcode, '')::text AS postcode,
       customers_season_now(c.is_seasonal_business, c.seasonal_months, (crm_now() AT TIME ZONE o.zone)::date) AS season_now,
       c.renewal_date, c.last_contact_at, c.last_order_at, nullif(c.source, '')::text AS lead_source, c.created_at,
       (c.expected_annual_volume * 100)::bigint AS expected_volume_cents, (c.actual_annual_volume * 100)::bigint AS actual_volume_cents,
       coalesce(f.fields, '{}'::jsonb) AS fields,
       {slot_columns}
  FROM customers_customer c
  JOIN organisation_organisation o ON o.id = c.organisation_id
  LEFT JOIN LATERAL (SELECT x.city, x.postcode FROM customers_address x WHERE x.customer_id = c.id
                      ORDER BY x.is_primary DESC, x.id LIMIT 1) a ON true
  LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(d.key, v.value) FILTER (WHERE d.is_active AND d.sensitivity <> 'RESTRICTED') AS fields,
               {slot_aggregates}
          FROM customers_customerfieldvalue v JOIN customers_fielddefinition d ON d.id = v.definition_id
         WHERE v.customer_id = c.id) f ON true
 WHERE c.deleted_at IS NULL;
COMMENT ON VIEW customers_hot_expected IS 'What the hot projection must hold, recomputed from the source tables.';

-- Writes the rows of these customers; a customer in the trash, or gone, loses his row. Returns how many rows changed.
-- Without seqscan: in a fresh database no statistics tell that the tables are large by the end of the first import.
CREATE FUNCTION customers_project(ids bigint[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
DECLARE changed bigint; removed bigint;
BEGIN
    -- First, so that the statements below see what another writer of these customers has just committed: ON CONFLICT waits
    -- for him, but would then write what it read before. In order, so that writers of several wait instead of deadlocking.
    PERFORM 1 FROM customers_customer WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    DELETE FROM customers_customerhot h
     WHERE h.customer_id = ANY (ids)
       AND NOT EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = h.customer_id AND c.deleted_at IS NULL);
    GET DIAGNOSTICS removed = ROW_COUNT;
    INSERT INTO customers_customerhot ({columns}, projected_at)
    SELECT {columns}, crm_now() FROM customers_hot_expected e WHERE e.customer_id = ANY (ids)
    ON CONFLICT (customer_id) DO UPDATE SET {assignments}, projected_at = excluded.projected_at
     WHERE ({own_columns}) IS DISTINCT FROM ({excluded_columns});
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed + removed;
END $$;
COMMENT ON FUNCTION customers_project(bigint[]) IS 'Brings the hot projection of these customers up to date.';

-- Where the projection differs from what it must hold: customer and kind (missing, extra, different). Under the caller's policies.
CREATE FUNCTION customers_hot_differences() RETURNS TABLE (customer_id bigint, kind text) LANGUAGE sql STABLE AS $$
    SELECT coalesce(e.customer_id, h.customer_id),
           CASE WHEN h.customer_id IS NULL THEN 'missing' WHEN e.customer_id IS NULL THEN 'extra' ELSE 'different' END
      FROM customers_hot_expected e FULL JOIN customers_customerhot h ON h.customer_id = e.customer_id
     WHERE h.customer_id IS NULL OR e.customer_id IS NULL OR ({h_columns}) IS DISTINCT FROM ({e_columns})
$$;
COMMENT ON FUNCTION customers_hot_differences() IS 'Rows of the hot projection that differ from a recomputation.';

CREATE VIEW hot_projection_staleness WITH (security_invoker = true) AS
SELECT organisation_id, count(*) AS customers,
       max(extract(epoch FROM crm_now() - projected_at))::bigint AS oldest_seconds,
       round(avg((projected_at > crm_now() - interval '900 seconds')::int), 4) AS share_under_900_s
  FROM customers_customerhot GROUP BY organisation_id;
COMMENT ON VIEW hot_projection_staleness IS 'Age of the hot projection per organisation: rows, oldest age in seconds, share projected within 900 s.';

CREATE FUNCTION customers_project_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public AS $$
DECLARE ids bigint[];
BEGIN
    -- TG_ARGV[0] names the column that holds the customer's id.
    IF TG_OP = 'INSERT' THEN
        EXECUTE format('SELECT array_agg(DISTINCT %I) FROM new_rows', TG_ARGV[0]) INTO ids;
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE format('SELECT array_agg(DISTINCT %I) FROM old_rows', TG_ARGV[0]) INTO ids;
    ELSE
        EXECUTE format('SELECT array_agg(DISTINCT x) FROM (SELECT %1$I AS x FROM new_rows UNION SELECT %1$I FROM old_rows) both_rows', TG_ARGV[0])
           INTO ids;
    END IF;
    IF ids IS NOT NULL THEN
        PERFORM customers_project(ids);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION customers_project_changed() IS 'AFTER STATEMENT: projects the customers of the changed rows.';
