-- Customers of one organisation, ids from `first` to `last`. Of the first organisation one in ten is a LOCATION; chains come before all.
CREATE OR REPLACE FUNCTION bench.customers(org bigint, first bigint, last bigint, chain_last bigint, reps bigint, rep_base bigint)
RETURNS bigint LANGUAGE sql AS $fn$
WITH base AS (
    SELECT i, bench.kind(i) AS kind, bench.surname(i) AS surname, split_part(bench.town(i), '|', 1) AS city, now()::date AS today,
           CASE WHEN i <= chain_last THEN 'CHAIN' WHEN bench.u(i, 41) < 0.1002 AND chain_last > 0 THEN 'LOCATION' ELSE 'INDEPENDENT' END AS account_type,
           CASE WHEN bench.u(i, 42) < 0.55 THEN 'PROSPECT' WHEN bench.u(i, 42) < 0.80 THEN 'AKTIV' WHEN bench.u(i, 42) < 0.87 THEN 'RISIKO'
                WHEN bench.u(i, 42) < 0.95 THEN 'INAKTIV' ELSE 'ARCHIVIERT' END AS status,
           -- the first rep has the most, the last the fewest; a tenth has no owner
           CASE WHEN bench.u(i, 43) < 0.9 THEN rep_base + 1 + floor(reps * (1 - power(1 - bench.u(i, 44), 1 / 2.78)))::bigint END AS owner_id,
           CASE WHEN bench.u(i, 45) < 0.85 THEN 0 ELSE 1 + floor(6 * bench.u(i, 46))::integer END AS season,
           now() - interval '1 day' * (2200 * power(bench.u(i, 47), 1.5)) AS created_at
      FROM generate_series(first, last) AS i
), named AS (
    SELECT b.*, CASE WHEN account_type = 'LOCATION' THEN (first_chain.id) END AS chain_id,
           CASE account_type
             WHEN 'CHAIN' THEN bench.pick(i, 51, '{Backhaus,Burger,Hotelgruppe,Klinikgruppe,Cafeteria,Systemgastronomie,Pizza,Catering}', 1.2) || ' ' || surname || ' AG'
             ELSE kind || ' ' ||
               CASE WHEN bench.u(i, 52) < 0.5 THEN bench.pick(i, 53, '{Zum,Zur,Am,Alte,Goldener,Goldene,Alter,Weißes,Schwarzer,Grüner,Roter,Blauer,Neue,Kleine,Bella,La,Il,Großer,Stadt,Haus}', 1.4)
                        || ' ' || bench.pick(i, 54, '{Post,Linde,Krone,Hirsch,Adler,Sonne,Löwen,Rössl,Mühle,Bären,Schwan,Ochsen,Anker,Engel,Traube,Stern,Rathaus,Bahnhof,Markt,Schloss,Park,Seeblick,Garten,Italia,Napoli,Roma,Venezia,Athen,Delphi,Akropolis,Istanbul,Saigon,Hanoi,Shanghai,Peking,Mumbai,Mykonos,Palermo,Verona,Toscana,Alpenblick,Waldhaus,Turmstube,Hafen,Dorfkrug,Schützenhaus,Ratskeller,Fährhaus,Forsthaus,Jägerhof}', 1.5)
                    WHEN bench.u(i, 52) < 0.88 THEN surname
                    ELSE surname || ' ' || city END
           END AS name
      FROM base b
      LEFT JOIN LATERAL (SELECT 1 + floor(chain_last * power(bench.u(i, 55), 2.5))::bigint AS id) first_chain ON account_type = 'LOCATION'
), put AS (
    INSERT INTO customers_customer (
        id, organisation_id, customer_number, company_name, trading_name, account_type, chain_id, status, status_since, owner_id, business_type, kitchen_size,
        employee_count, branch_count, is_chain, pain_staff_shortage, pain_high_costs, pain_food_waste, pain_quality_inconsistency, pain_time_pressure,
        pain_supplier_quality, pain_unreliable_delivery, pain_poor_service, pain_notes, estimated_volume, expected_annual_volume, actual_annual_volume,
        renewal_date, phone, email, website, vat_id, legal_form, is_natural_person, xentral_customer_id, source, last_order_at, last_contact_at, activated_at,
        first_order_number, is_seasonal_business, seasonal_months, seasonal_pattern, created_at, updated_at)
    SELECT i, org, 'K-' || lpad(i::text, greatest(6, length(i::text)), '0'),
           name || CASE WHEN bench.u(i, 61) < 0.12 THEN ' GmbH' WHEN bench.u(i, 61) < 0.16 THEN ' GbR' WHEN bench.u(i, 61) < 0.19 THEN ' & Co. KG' ELSE '' END,
           '', account_type, chain_id, status, created_at, owner_id, bench.business(kind),
           CASE WHEN bench.u(i, 62) < 0.3 THEN '' ELSE bench.pick(i, 63, '{SMALL,MEDIUM,LARGE,INDUSTRIAL}', 1.8) END,
           CASE WHEN bench.u(i, 64) < 0.4 THEN 1 + floor(200 * power(bench.u(i, 65), 3))::integer END, NULL, account_type = 'CHAIN',
           bench.u(i, 66) < 0.1, bench.u(i, 67) < 0.1, bench.u(i, 68) < 0.05, bench.u(i, 69) < 0.03, bench.u(i, 70) < 0.08, bench.u(i, 71) < 0.04,
           bench.u(i, 72) < 0.03, bench.u(i, 73) < 0.02, '', NULL,
           CASE WHEN bench.u(i, 74) < 0.4 THEN round((500 + 80000 * power(bench.u(i, 75), 3))::numeric, 2) END,
           CASE WHEN status IN ('AKTIV', 'RISIKO') THEN round((300 + 60000 * power(bench.u(i, 76), 3))::numeric, 2) END,
           CASE WHEN bench.u(i, 77) < CASE status WHEN 'AKTIV' THEN 0.7 WHEN 'RISIKO' THEN 0.8 WHEN 'PROSPECT' THEN 0.02 ELSE 0.1 END
                THEN today - 60 + floor(500 * power(bench.u(i, 78), 1.3))::integer END,
           CASE WHEN bench.u(i, 79) < 0.7 THEN '+4930' || lpad((i % 10000000)::text, 7, '0') ELSE '' END,
           CASE WHEN bench.u(i, 80) < 0.3 THEN 'kontakt' || i || '@bench.invalid' ELSE '' END,
           CASE WHEN bench.u(i, 81) < 0.3 THEN 'https://haus' || i || '.bench.invalid/' ELSE '' END, '', '', false, '',
           CASE WHEN bench.u(i, 82) < 0.5 THEN bench.pick(i, 83, '{osm,website,fair,referral,call,import}', 1.6) ELSE '' END,
           CASE status WHEN 'AKTIV' THEN now() - interval '1 day' * (90 * bench.u(i, 84)) WHEN 'RISIKO' THEN now() - interval '1 day' * (90 + 90 * bench.u(i, 84))
                       WHEN 'INAKTIV' THEN now() - interval '1 day' * (180 + 900 * bench.u(i, 84)) END,
           CASE WHEN bench.u(i, 85) < CASE status WHEN 'PROSPECT' THEN 0.4 WHEN 'ARCHIVIERT' THEN 0.2 ELSE 0.95 END
                THEN now() - interval '1 day' * (400 * power(bench.u(i, 86), 2)) END,
           CASE WHEN status IN ('AKTIV', 'RISIKO', 'INAKTIV') THEN created_at + interval '30 days' END, '', season > 0,
           CASE season WHEN 0 THEN '{}' WHEN 1 THEN '{4,5,6,7,8,9}' WHEN 2 THEN '{1,2,3,12}' WHEN 3 THEN '{3,4,5,6,7,8,9,10}' WHEN 4 THEN '{4,5,6,7,8,9}'
                       WHEN 5 THEN '{1,2,3,12}' ELSE '{11,12}' END::smallint[],
           (ARRAY['', 'SUMMER', 'WINTER', 'ICE_CREAM', 'BEER_GARDEN', 'SKI', 'CHRISTMAS'])[season + 1], created_at, created_at
      FROM named
    RETURNING 1
) SELECT count(*) FROM put
$fn$;

-- One address and two contacts for each.
CREATE OR REPLACE FUNCTION bench.around(org bigint, first bigint, last bigint) RETURNS void LANGUAGE sql AS $fn$
    INSERT INTO customers_address (organisation_id, customer_id, kind, is_primary, street, house_number, postcode, city, country)
    SELECT org, i, 'DELIVERY', true, bench.pick(i, 91, '{Hauptstraße,Bahnhofstraße,Dorfstraße,Schulstraße,Gartenstraße,Lindenstraße,Marktplatz,Kirchweg}', 1.2),
           (1 + i % 180)::text, split_part(town, '|', 2) || lpad(floor(400 * bench.u(i, 92))::text, 3, '0'), split_part(town, '|', 1), 'DE'
      FROM generate_series(first, last) AS i, LATERAL (SELECT bench.town(i) AS town) t;
    INSERT INTO customers_contact (organisation_id, customer_id, first_name, last_name, role, decision_power, phone, mobile, email, language)
    SELECT org, i, first_name, last_name, bench.pick(n, 94, '{OWNER,HEAD_CHEF,GENERAL_MANAGER,PURCHASING,OTHER}', 1.3), '',
           CASE WHEN bench.u(n, 96) < 0.5 THEN '+4930' || lpad((n * 7919 % 10000000)::text, 7, '0') ELSE '' END,
           CASE WHEN bench.u(n, 97) < 0.4 THEN '+4917' || lpad((n * 104729 % 1000000000)::text, 9, '0') ELSE '' END,
           CASE WHEN bench.u(n, 98) < 0.6 THEN lower(last_name) || n || '@haus' || i || '.bench.invalid' ELSE '' END, 'de'
      FROM generate_series(first, last) AS i, generate_series(0, 1) AS k,
           LATERAL (SELECT i * 2 + k AS n) numbered,
           LATERAL (SELECT bench.pick(n, 93, '{Anna,Peter,Maria,Thomas,Sabine,Michael,Petra,Stefan,Ayşe,Luca,Nguyen,Elena}', 1) AS first_name,
                           bench.surname(n * 31) AS last_name) named;
    -- the history of a new customer: one row, as the trigger would have written it
    INSERT INTO customers_historicalcustomer ({history_columns}, history_date, history_type, history_change_reason, history_actor, history_source,
                                              history_request_id)
    SELECT {history_columns}, c.created_at, '+', 'bench', 'command:bench', 'command', '' FROM customers_customer c WHERE c.id BETWEEN first AND last;
$fn$;

-- Each field for a tenth of the customers.
CREATE OR REPLACE FUNCTION bench.values(org bigint, first bigint, last bigint) RETURNS void LANGUAGE sql AS $fn$
    INSERT INTO customers_customerfieldvalue (organisation_id, customer_id, definition_id, value)
    SELECT org, i, org * 100 + n, CASE
             WHEN n IN (1, 2, 3, 4, 12) THEN to_jsonb(bench.pick(i, 100 + n, (ARRAY['{italian,german,asian,greek,turkish,french,indian,vegan}',
                  '{metro,none,edeka,transgourmet,chefs,selgros}', '{monday,tuesday,thursday,friday,wednesday}', '{middle,low,high}',
                  '{season,never,monthly,weekly}']::text[])[least(n, 5)]::text[], 1.6))
             WHEN n IN (6, 18) THEN to_jsonb(bench.u(i, 100 + n) < 0.3)
             WHEN n IN (7, 8) THEN to_jsonb(5 + floor(400 * power(bench.u(i, 100 + n), 2.5))::integer)
             WHEN n = 9 THEN to_jsonb(round((100 + 9000 * power(bench.u(i, 109), 2))::numeric, 2))
             WHEN n = 14 THEN to_jsonb(round((40 * bench.u(i, 114))::numeric, 1))
             WHEN n IN (10, 11) THEN to_jsonb((now()::date - 9000 + floor(10000 * bench.u(i, 100 + n))::integer)::text)
             WHEN n = 15 THEN to_jsonb(ARRAY[bench.pick(i, 115, '{organic,regional,halal}', 1.3), bench.pick(i, 116, '{kosher,fairtrade}', 1)])
             WHEN n = 5 THEN to_jsonb(bench.pick(i, 105, '{Gastrofix,Orderbird,Lightspeed,Vectron,Casio}', 1.5) || ' ' || (i % 7))
             WHEN n = 13 THEN to_jsonb((10 + i % 4)::text || ':00–22:00')
             WHEN n = 16 THEN to_jsonb('https://reserve.bench.invalid/' || i)
             WHEN n = 17 THEN to_jsonb('orders' || i || '@bench.invalid')
             ELSE to_jsonb(bench.surname(i + n) || ' ' || bench.surname(i * 3 + n)) END
      FROM generate_series(first, last) AS i, generate_series(1, 20) AS n WHERE bench.u(i, 200 + n) < 0.1;
    INSERT INTO customers_customerfieldchoice (organisation_id, customer_id, definition_id, choice)
    SELECT DISTINCT v.organisation_id, v.customer_id, v.definition_id, e.choice
      FROM customers_customerfieldvalue v CROSS JOIN LATERAL jsonb_array_elements_text(v.value) AS e(choice)
     WHERE v.definition_id = org * 100 + 15 AND v.customer_id BETWEEN first AND last;
$fn$;
