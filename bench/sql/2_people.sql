-- Three organisations; the first with reps in teams of ten, a lead for each, one chain manager, manager and so on.
INSERT INTO organisation_organisation (id, name, zone, language, is_demo)
SELECT o, (ARRAY['FreshFoodz Nord', 'Kochwerk Süd', 'Küche und Partner'])[o], 'Europe/Berlin', 'de', false FROM generate_series(1, 3) AS o;

INSERT INTO organisation_team (id, organisation_id, name, postcode_regions)
SELECT t, 1, 'Team ' || t, '{}' FROM generate_series(1, current_setting('bench.teams')::bigint) AS t;

-- Ids: reps from 1, team leads from 10,001, the rest from 20,001; of the small organisations from 30,001.
CREATE TEMP TABLE people AS
SELECT r AS id, 1 AS organisation_id, 'REP' AS role, 1 + (r - 1) % current_setting('bench.teams')::bigint AS team_id
  FROM generate_series(1, current_setting('bench.reps')::bigint) AS r
UNION ALL SELECT 10000 + t, 1, 'TEAM_LEAD', t FROM generate_series(1, current_setting('bench.teams')::bigint) AS t
UNION ALL SELECT 20000 + k, 1, role, NULL
            FROM unnest(ARRAY['CHAIN_MANAGER', 'MANAGER', 'ADMINISTRATOR', 'DPO', 'AUDITOR']) WITH ORDINALITY AS x(role, k)
UNION ALL SELECT 30000 + o * 10 + k, o, CASE k WHEN 1 THEN 'MANAGER' ELSE 'REP' END, NULL
            FROM generate_series(2, 3) AS o, generate_series(1, 6) AS k;

INSERT INTO organisation_user (id, organisation_id, email, name, password, role, team_id, language, phone, is_active, is_superuser,
                               added_rights, withdrawn_rights)
SELECT id, organisation_id, 'user' || id || '@bench.invalid', bench.surname(id * 7919) || ' ' || id, '!', role, team_id, 'de', '', true, false, '{}', '{}'
  FROM people;

INSERT INTO organisation_team_leads (team_id, user_id)
SELECT t, 10000 + t FROM generate_series(1, current_setting('bench.teams')::bigint) AS t;
