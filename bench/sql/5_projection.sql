-- The hot rows, from the projection's own definition; what other areas feed is drawn beside it, as skewed and correlated as it is in life.
CREATE OR REPLACE FUNCTION bench.project(first bigint, last bigint) RETURNS void LANGUAGE sql AS $fn$
    INSERT INTO customers_customerhot ({hot_columns}, projected_at, sample_status, roi_bucket, next_appointment_at, open_opportunity_cents)
    SELECT {hot_columns}, now() - interval '1 second' * (800 * bench.u(e.customer_id, 303)), s.sample_status,
           CASE WHEN bench.u(e.customer_id, 304) < CASE WHEN s.sample_status IN ('FEEDBACK_SUCCESS', 'FEEDBACK_NEUTRAL') THEN 0.6
                                                       WHEN e.status = 'AKTIV' THEN 0.25 ELSE 0.05 END
                THEN CASE WHEN s.sample_status = 'FEEDBACK_SUCCESS' THEN bench.pick(e.customer_id, 305, '{HIGH,MEDIUM,LOW}', 1.5)
                          ELSE bench.pick(e.customer_id, 305, '{LOW,MEDIUM,HIGH}', 1.5) END
                ELSE 'NONE' END,
           CASE WHEN bench.u(e.customer_id, 306) < CASE WHEN s.sample_status = 'NONE' THEN 0.02 ELSE 0.25 END
                THEN now() + interval '1 hour' * (24 * 60 * power(bench.u(e.customer_id, 307), 1.5)) END,
           CASE WHEN bench.u(e.customer_id, 308) < CASE WHEN s.sample_status = 'NONE' THEN 0.03 ELSE 0.35 END
                THEN (20000 + 5000000 * power(bench.u(e.customer_id, 309), 4))::bigint ELSE 0 END
      FROM customers_hot_expected e
      CROSS JOIN LATERAL (SELECT CASE WHEN bench.u(e.customer_id, 301) < CASE e.status WHEN 'PROSPECT' THEN 0.12 WHEN 'AKTIV' THEN 0.4
                                                                                   WHEN 'RISIKO' THEN 0.2 ELSE 0.02 END
                 THEN CASE WHEN e.status = 'AKTIV' AND bench.u(e.customer_id, 310) < 0.6 THEN 'FEEDBACK_SUCCESS'
                           ELSE bench.pick(e.customer_id, 302, '{DELIVERED,FEEDBACK_FAILED,FEEDBACK_PENDING,FEEDBACK_NEUTRAL,SHIPPED,FEEDBACK_SUCCESS,REQUESTED,APPROVED}', 1.4) END
                 ELSE 'NONE' END AS sample_status) s
     WHERE e.customer_id BETWEEN first AND last;
    INSERT INTO customers_customerword (organisation_id, customer_id, owner_id, chain_id, word)
    SELECT organisation_id, customer_id, owner_id, chain_id, word FROM customers_words_expected WHERE customer_id BETWEEN first AND last;
    INSERT INTO customers_contactword (organisation_id, contact_id, customer_id, owner_id, chain_id, word)
    SELECT organisation_id, contact_id, customer_id, owner_id, chain_id, word FROM customers_contact_words_expected
     WHERE customer_id BETWEEN first AND last;
$fn$;
