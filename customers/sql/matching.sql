-- The one rule that says whether two accounts are the same company. The hint while typing, the check over the API and the
-- trial on labelled pairs all ask customers_match; who they ask about differs, how it is weighed does not.
-- What is missing speaks neither for nor against. A name alone never makes two accounts one: a place, a phone, a VAT id must join.

CREATE TYPE customers_place AS (
    street text, house text, postcode text, city text, latitude double precision, longitude double precision
);
COMMENT ON TYPE customers_place IS 'Where an account is, made comparable by customers_place_of.';

-- cores: of each name the words that tell it from others; kinds: those that tell only what sort of house it is; cuisines: which
-- cuisine these tell; bare: the whole name without blanks. One entry per name, words parted by blanks.
CREATE TYPE customers_clues AS (
    cores text[], kinds text[], cuisines text[], bare text[], phones text[], webs text[], vat_id text, places customers_place[]
);
COMMENT ON TYPE customers_clues IS 'What is known of an account, made comparable by customers_clues_of.';

-- Words of a name that do not tell it from others, folded as crm_fold does. "empty": articles, small words, legal forms, large
-- towns. "house": what kind of house it is, and words that half a town's houses have in their names; the others: which
-- cuisine. A rare kind that stands not here counts as a name.
CREATE FUNCTION customers_word_classes() RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(word, class) FROM (VALUES
        ('empty', 'mr mrs der die das den dem des zum zur zu im in am an auf bei beim vom von und mit fur ein eine the and of at by for le la
            les il lo el los las al de di da du del della dei et e y co inh inhaber inhaberin familie fam gmbh mbh ug
            haftungsbeschrankt ag kg ohg gbr ek eg se ltd inc llc gesellschaft berlin hamburg munchen koln frankfurt stuttgart
            dusseldorf leipzig dresden hannover nurnberg bremen essen dortmund potsdam wien zurich'),
        ('house', 'restaurant restaurants restaurante ristorante restoran restauration speiserestaurant gastronomie gastro gasthaus
            gasthof gaststatte gaststube gastwirtschaft wirtshaus wirtschaft schenke brauhaus brauerei biergarten landgasthof
            ratskeller bodega cantina brasserie bistro bistrot cafe caffe kaffee kaffeehaus kaffeebar kaffeerosterei coffee
            coffeebar coffeeshop stehcafe backerei bakery konditorei backshop patisserie bar weinbar cocktailbar shishabar
            sportsbar sportbar weinstube vinothek wein wine cocktail cocktails shisha hookah pub kneipe bierstube lounge club
            hotel pension kantine mensa cafeteria catering partyservice lieferservice imbiss schnellimbiss snack snacks snackbar
            kiosk spatkauf spati grill grillhaus gemuse chicken hahnchen fisch fish tea tee teehaus food foods kuche kitchen deli
            delicatessen feinkost metzgerei fleischerei haus house stube vegan veganes vegetarisch deutsches dining room time treff
            treffpunkt eck ecke corner city station garden garten point express palace palast royal king boss best super mega new
            neu deluxe grand markt marktplatz bahnhof hauptbahnhof hbf'),
        ('italian', 'pizza pizzeria pasta trattoria osteria italian italienisch italienisches'),
        ('asian', 'asia asian asiatisch asiatisches asiatische sushi sushibar ramen nudel nudeln noodle noodles vietnam vietnamese
            vietnamesisch vietnamesisches thai china chinese chinarestaurant chinesisches korean japanese japanisches bowl bowls
            bubble'),
        ('oriental', 'kebab kebap kebaphaus kebabhaus doner donerhaus donerladen shawarma falafel turkish turkisches'),
        ('american', 'burger burgers steak steakhaus steakhouse bbq'),
        ('greek', 'greek griechisch griechisches taverna taverne'),
        ('indian', 'indian indisch indisches indische'),
        ('spanish', 'tapas'),
        ('ice', 'eis eiscafe eisdiele eismanufaktur gelateria gelato ice cream')
    ) AS v (class, list) CROSS JOIN LATERAL regexp_split_to_table(v.list, '\s+') AS word
$$;
COMMENT ON FUNCTION customers_word_classes() IS 'Words of names that many share, with what they tell. A constant once planned.';

-- Digits without the country's and the trunk prefix of Germany: +49 (0)30 231 = 0049 30 231 = 030/231. Under six digits it is a part.
CREATE FUNCTION customers_phone_key(typed text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT CASE WHEN length(k.digits) > 5 THEN k.digits END
      FROM (SELECT regexp_replace(regexp_replace(replace(btrim(typed), '(0)', ''), '^(\+|00)\s*49|^0+', ''), '[^0-9]|^0+', '', 'g') AS digits) k
$$;
COMMENT ON FUNCTION customers_phone_key(text) IS 'A phone number as digits to compare; NULL for a part of one.';

-- The host of a website or an address; of hosts that everybody uses the address itself, and nothing of a page there.
CREATE FUNCTION customers_web_key(typed text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT CASE WHEN k.host !~ '\.' THEN NULL
                WHEN k.host ~ '(^|\.)(gmail|googlemail|gmx|web|t-online|freenet|outlook|hotmail|yahoo|icloud|aol|posteo|mailbox|live|arcor|magenta|protonmail)\.[a-z]+$'
                THEN CASE WHEN position('@' IN typed) > 0 THEN lower(btrim(typed) COLLATE "C") END
                WHEN k.host ~ '(^|\.)(facebook|instagram|google|tiktok|linktr|lieferando|wolt|ubereats|opentable|tripadvisor|jimdo|wixsite|business)\.[a-z]+$' THEN NULL
                ELSE k.host END
      FROM (SELECT regexp_replace(regexp_replace(lower(btrim(typed) COLLATE "C"), '^[a-z]+://|^.*@', ''), '^www\.|[/?#:].*$', '', 'g') AS host) k
$$;
COMMENT ON FUNCTION customers_web_key(text) IS 'What two websites or e-mail addresses of one company have in common.';

CREATE FUNCTION customers_vat_key(typed text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nullif(regexp_replace(upper(typed COLLATE "C"), '[^A-Z0-9]', '', 'g'), '')
$$;
COMMENT ON FUNCTION customers_vat_key(text) IS 'A VAT id without blanks and signs.';

-- "Haupt-Str. 12 a" = "Hauptstraße 12a"; the number stands in its own field, behind the street or, in English, before it.
CREATE FUNCTION customers_place_of(street text, house text, postcode text, city text, latitude double precision, longitude double precision)
RETURNS customers_place LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public AS $$
DECLARE
    folded text := crm_fold(coalesce(street, ''));
    place customers_place;
BEGIN
    place.street := nullif(regexp_replace(regexp_replace(regexp_replace(folded, '^\d+\S*\s+|\s+\d.*$', '', 'g'),
                                                         '(strasse|str\.?)(?=\s|$)', 'str', 'g'), '[^[:alnum:]]', '', 'g'), '');
    place.house := substring(coalesce(nullif(house, ''), substring(folded FROM '^\d+'), substring(folded FROM '\s(\d.*)$')) FROM '\d+');
    place.postcode := nullif(upper(btrim(postcode)), '');
    place.city := nullif(crm_fold(city), '');
    place.latitude := latitude;
    place.longitude := longitude;
    RETURN place;
END $$;
COMMENT ON FUNCTION customers_place_of(text, text, text, text, double precision, double precision) IS 'An address made comparable.';

CREATE FUNCTION customers_door(place customers_place) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT place.street || ' ' || place.house
$$;
COMMENT ON FUNCTION customers_door(customers_place) IS 'Street and number as one text; NULL where one of them is missing.';

CREATE FUNCTION customers_clues_of(names text[], phones text[], webs text[], vat_id text, places customers_place[])
RETURNS customers_clues LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public AS $$
DECLARE
    clues customers_clues;
    given text;
    word text;
    class text;
    core text;
    kind text;
    cuisine text;
    towns text[] := '{}';
    place customers_place;
BEGIN
    FOREACH place IN ARRAY coalesce(places, '{}') LOOP
        towns := towns || crm_fold_words(coalesce(place.city, ''));
    END LOOP;
    FOREACH given IN ARRAY names LOOP
        CONTINUE WHEN given IS NULL OR given = '';
        core := '';
        kind := '';
        cuisine := '';
        FOREACH word IN ARRAY crm_fold_words(translate(given, '''`´’‘', '')) LOOP
            class := CASE WHEN word = ANY (towns) THEN 'empty' ELSE customers_word_classes() ->> word END;
            IF class IS NULL THEN
                core := core || ' ' || word;
            ELSIF class <> 'empty' THEN
                kind := kind || ' ' || word;
                IF class <> 'house' THEN
                    cuisine := cuisine || ' ' || class;
                END IF;
            END IF;
        END LOOP;
        clues.cores := clues.cores || substr(core, 2);
        clues.kinds := clues.kinds || substr(kind, 2);
        clues.cuisines := clues.cuisines || substr(cuisine, 2);
        clues.bare := clues.bare || array_to_string(crm_fold_words(translate(given, '''`´’‘', '')), '');
    END LOOP;
    FOREACH given IN ARRAY coalesce(phones, '{}') LOOP
        IF customers_phone_key(given) IS NOT NULL THEN
            clues.phones := clues.phones || customers_phone_key(given);
        END IF;
    END LOOP;
    FOREACH given IN ARRAY coalesce(webs, '{}') LOOP
        IF customers_web_key(given) IS NOT NULL THEN
            clues.webs := clues.webs || customers_web_key(given);
        END IF;
    END LOOP;
    clues.vat_id := customers_vat_key(vat_id);
    clues.places := places;
    RETURN clues;
END $$;
COMMENT ON FUNCTION customers_clues_of(text[], text[], text[], text, customers_place[]) IS 'What is known of an account, made comparable.';

-- 0 to 1: equal, mistyped, shortened ("deli" for "delicatessen"), or the one with its kind behind it ("Divabar" for "Diva").
CREATE FUNCTION customers_word_likeness(a text, b text) RETURNS real LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN a = b THEN 1
                WHEN least(length(a), length(b)) < 4 OR a ~ '^\d' OR b ~ '^\d' THEN 0
                WHEN starts_with(a, b) OR starts_with(b, a)
                THEN CASE WHEN customers_word_classes() ->> right(CASE WHEN length(a) > length(b) THEN a ELSE b END, -least(length(a), length(b))) <> 'empty'
                          THEN 0.9 ELSE greatest(0.7, least(length(a), length(b))::real / greatest(length(a), length(b))) END
                WHEN greatest(length(a), length(b)) > 4 AND levenshtein_less_equal(a, b, 2) <= CASE WHEN greatest(length(a), length(b)) < 6 THEN 1 ELSE 2 END
                THEN least(1 - levenshtein_less_equal(a, b, 2)::real / greatest(length(a), length(b)), CASE WHEN greatest(length(a), length(b)) IN (6, 7)
                           AND levenshtein_less_equal(a, b, 2) = 2 THEN 0.7 ELSE 1 END)
                ELSE 0 END
$$;
COMMENT ON FUNCTION customers_word_likeness(text, text) IS 'How alike two folded words are, 0 to 1.';

CREATE FUNCTION customers_name_cover(words text[], others text[]) RETURNS real LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    word text;
    other text;
    best real;
    found real := 0;
    whole integer := 0;
BEGIN
    FOREACH word IN ARRAY words LOOP
        best := 0;
        IF word = ANY (others) THEN
            best := 1;
        ELSE
            FOREACH other IN ARRAY others LOOP
                best := greatest(best, customers_word_likeness(word, other));
            END LOOP;
        END IF;
        found := found + best * least(length(word), 10);
        whole := whole + least(length(word), 10);
    END LOOP;
    RETURN found / whole;
END $$;
COMMENT ON FUNCTION customers_name_cover(text[], text[]) IS 'The share of one name''s letters, 0 to 1, that the other has too, in whatever order.';

CREATE FUNCTION customers_name_likeness(a customers_clues, i integer, b customers_clues, j integer) RETURNS real
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    joined_a text := left(replace(a.cores[i], ' ', ''), 100);
    joined_b text := left(replace(b.cores[j], ' ', ''), 100);
    words_a text[];
    words_b text[];
    cover_a real;
    cover_b real;
    likeness real;
BEGIN
    IF a.bare[i] = b.bare[j] THEN
        RETURN CASE WHEN a.bare[i] = '' THEN 0 ELSE 1 END;  -- signs alone are no name
    END IF;
    IF joined_a = '' OR joined_b = '' THEN
        -- "Asia Snack" and "Pizza Pasta": nothing here has a name of its own.
        words_a := string_to_array(a.kinds[i], ' ');
        words_b := string_to_array(b.kinds[j], ' ');
        RETURN CASE WHEN joined_a = joined_b AND words_a <@ words_b AND words_b <@ words_a THEN 0.9 ELSE 0.5 * similarity(a.bare[i], b.bare[j]) END;
    END IF;
    words_a := string_to_array(a.cores[i], ' ');
    words_b := string_to_array(b.cores[j], ' ');
    IF joined_a = joined_b THEN
        likeness := 0.97;
    ELSE
        cover_a := customers_name_cover(words_a, words_b);
        cover_b := customers_name_cover(words_b, words_a);
        -- "MontRaw" is "Mezze Bar MontRaw", but "Golden Thai" is not "Golden Fleece": what it cooks is not in the longer name.
        likeness := greatest((cover_a * length(joined_a) + cover_b * length(joined_b)) / (length(joined_a) + length(joined_b)),
                             cover_a * CASE WHEN string_to_array(a.cuisines[i], ' ') <@ string_to_array(b.cuisines[j], ' ') THEN 0.78 ELSE 0.68 END,
                             cover_b * CASE WHEN string_to_array(b.cuisines[j], ' ') <@ string_to_array(a.cuisines[i], ' ') THEN 0.78 ELSE 0.68 END);
        IF cardinality(words_a) + cardinality(words_b) > 2 AND likeness < 0.9 THEN
            likeness := greatest(likeness, customers_word_likeness(joined_a, joined_b));
        END IF;
    END IF;
    -- "Pizza Kladow", "Asia Imbiss Kladow": one word in common, and two cuisines. Kinds of house (Gasthof, Hotel) are soon mixed up.
    IF a.cuisines[i] <> '' AND b.cuisines[j] <> '' AND NOT string_to_array(a.cuisines[i], ' ') && string_to_array(b.cuisines[j], ' ') THEN
        likeness := 0.7 * likeness;
    END IF;
    RETURN likeness;
END $$;
COMMENT ON FUNCTION customers_name_likeness(customers_clues, integer, customers_clues, integer) IS
    'How alike one''s i-th and the other''s j-th name are, 0 to 1.';

-- HERE: one place. NEAR: within sight. AREA: one postcode, and nothing tells two streets apart. CITY, ELSEWHERE, FAR; '' where nothing is known.
CREATE FUNCTION customers_place_likeness(a customers_place, b customers_place) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    metres double precision := 111195 * sqrt((a.latitude - b.latitude) ^ 2 + ((a.longitude - b.longitude) * cosd((a.latitude + b.latitude) / 2)) ^ 2);
    one_street boolean := a.street = b.street OR starts_with(a.street, b.street) OR starts_with(b.street, a.street)
                          OR 1 - levenshtein(left(a.street, 100), left(b.street, 100))::real / greatest(length(a.street), length(b.street)) >= 0.8;
    one_door boolean := one_street AND a.house = b.house;
    one_city boolean := starts_with(a.city, b.city) OR starts_with(b.city, a.city);
    one_code boolean := a.postcode = b.postcode;
    one_area boolean := coalesce(one_code, one_city, true);
BEGIN
    RETURN CASE
        WHEN metres <= 60 OR coalesce(one_door, false) AND one_area AND coalesce(metres <= 1000, true) THEN 'HERE'
        WHEN metres <= 250 THEN 'NEAR'
        WHEN metres > 250 THEN 'FAR'
        WHEN one_code AND coalesce(one_door, one_street, true) THEN 'AREA'
        WHEN one_code OR one_city AND one_code IS NULL THEN 'CITY'
        WHEN NOT coalesce(one_code, one_city OR coalesce(one_door, false)) THEN 'ELSEWHERE'  -- one may name the town, one its quarter
        ELSE '' END;
END $$;
COMMENT ON FUNCTION customers_place_likeness(customers_place, customers_place) IS 'How near two places are: HERE, NEAR, AREA, CITY, ELSEWHERE, FAR or nothing.';

-- score 0 to 100. verdict: SAME (offered as the same company: the default threshold, 80 points), POSSIBLE (50), then
-- SAME_PREMISES_OTHER_OPERATOR: one place, two names, never offered as the same; DIFFERENT.
CREATE FUNCTION customers_match(a customers_clues, b customers_clues, OUT score integer, OUT verdict text, OUT reasons text[])
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public AS $$
DECLARE
    name real := 0;
    place text := '';
    met text;
    nearest CONSTANT text[] := '{HERE,NEAR,AREA,CITY,"",ELSEWHERE,FAR}';
    points real;
    one_phone boolean := coalesce(a.phones && b.phones, false);
    one_web boolean := coalesce(a.webs && b.webs, false);
    one_vat boolean := coalesce(a.vat_id = b.vat_id, false);
    two_vats boolean := coalesce(a.vat_id <> b.vat_id, false);
BEGIN
    FOR i IN 1 .. coalesce(cardinality(a.cores), 0) LOOP
        FOR j IN 1 .. coalesce(cardinality(b.cores), 0) LOOP
            name := greatest(name, customers_name_likeness(a, i, b, j));
        END LOOP;
    END LOOP;
    FOR i IN 1 .. coalesce(cardinality(a.places), 0) LOOP
        FOR j IN 1 .. coalesce(cardinality(b.places), 0) LOOP
            met := customers_place_likeness(a.places[i], b.places[j]);
            IF i = 1 AND j = 1 OR array_position(nearest, met) < array_position(nearest, place) THEN
                place := met;
            END IF;
        END LOOP;
    END LOOP;
    points := 70 * name + CASE place WHEN 'HERE' THEN 30 WHEN 'NEAR' THEN 15 WHEN 'AREA' THEN 25 WHEN 'CITY' THEN 5
                                     WHEN 'ELSEWHERE' THEN -25 WHEN 'FAR' THEN -35 ELSE 0 END
              + CASE WHEN one_phone THEN 40 ELSE 0 END + CASE WHEN one_vat THEN 50 ELSE 0 END + CASE WHEN one_web THEN 15 ELSE 0 END;
    IF name < 0.9 AND NOT a.phones && b.phones THEN
        points := points - 10;  -- two phones do not speak for two spellings of one name
    END IF;
    IF two_vats OR place IN ('ELSEWHERE', 'FAR') THEN
        points := least(points, 75);  -- two companies by law, or two houses of one, however alike
    END IF;
    IF name < 0.6 AND NOT one_vat THEN
        points := least(points, 60);  -- a phone stays with the house when its operator goes
    END IF;
    score := greatest(0, least(100, round(points)));
    verdict := CASE WHEN score >= 80 THEN 'SAME'
                    WHEN place = 'HERE' AND name < 0.6 AND NOT one_vat THEN 'SAME_PREMISES_OTHER_OPERATOR'
                    WHEN score >= 50 THEN 'POSSIBLE' ELSE 'DIFFERENT' END;
    reasons := array_remove(ARRAY[
        CASE WHEN name > 0.99 THEN 'SAME_NAME' WHEN name >= 0.5 THEN 'SIMILAR_NAME' END,
        CASE WHEN one_vat THEN 'SAME_VAT_ID' WHEN two_vats THEN 'OTHER_VAT_ID' END,
        CASE WHEN one_phone THEN 'SAME_PHONE' END,
        CASE WHEN one_web THEN 'SAME_WEB' END,
        CASE place WHEN 'HERE' THEN 'SAME_PLACE' WHEN 'NEAR' THEN 'NEAR_PLACE' WHEN 'AREA' THEN 'SAME_POSTCODE' WHEN 'ELSEWHERE' THEN 'OTHER_PLACE'
                   WHEN 'FAR' THEN 'OTHER_PLACE' END], NULL);
END $$;
COMMENT ON FUNCTION customers_match(customers_clues, customers_clues) IS 'Whether two accounts are the same company: score, verdict and the codes of its reasons.';
