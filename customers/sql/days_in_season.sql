-- The one rule of churn: how many days d with after < d <= upto lie in a month in season. Month by month, not day by day.
CREATE FUNCTION customers_days_in_season(seasonal boolean, months smallint[], after date, upto date) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN after IS NULL THEN NULL
                WHEN upto <= after THEN 0
                WHEN NOT seasonal OR cardinality(months) = 12 THEN upto - after
                ELSE (SELECT coalesce(sum(least(upto, (m + interval '1 month')::date - 1) - greatest(after, m::date - 1)), 0)::integer
                        FROM generate_series(date_trunc('month', (after + 1)::timestamp), upto::timestamp, interval '1 month') m
                       WHERE extract(month FROM m)::smallint = ANY (months)) END
$$;
COMMENT ON FUNCTION customers_days_in_season(boolean, smallint[], date, date) IS 'Days in season after one date up to and with another.';
