-- One fold for all: small letters, no accents, ß = ss, then ae = a, oe = o, ue = u, so that Müller = Mueller = muller.
-- The twin of crm/core/folding.py; a test holds both equal. Nothing rests on the collation or locale of the database:
-- lower() is asked for ASCII alone, all other letters are written out. Plain ASCII takes the short way.
CREATE FUNCTION crm_fold(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT btrim(regexp_replace(regexp_replace(
        CASE WHEN octet_length(value) = char_length(value) THEN lower(value COLLATE "C")
        ELSE replace(replace(replace(replace(replace(replace(replace(replace(
                 translate(
                     lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f\u00ad\u200b-\u200d\u2060\ufeff]', '', 'g') COLLATE "C"),
                     'ØŁĐÐŦĦŊΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЂЄЅІЈЉЊЋЏҐøłđðŧħŋıς',
                     'olddthnαβγδεζηθικλμνξοπρστυφχψωабвгдежзиклмнопрстуфхцчшщъыьэюяђєѕіјљњћџґolddthniσ'),
                 'ß', 'ss'), 'ẞ', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'), 'þ', 'th'), 'Þ', 'th')
        END,
        '([aou])e+', '\1', 'g'),
        '[\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+', ' ', 'g'), ' ')
$$;
COMMENT ON FUNCTION crm_fold(text) IS 'Folded text: what search and sort compare.';

CREATE FUNCTION crm_fold_words(value text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT coalesce(array_agg(distinct_words.word ORDER BY distinct_words.place), '{}')
      FROM (SELECT left(parts.part, 40) AS word, min(parts.place) AS place
              FROM regexp_split_to_table(crm_fold(value), '[\u0001-/:-@\[-`\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u02c2-\u02df\u2000-\u206f\u20a0-\u20cf\u2100-\u2bff\u2e00-\u2e7f\u3000-\u303f\ue000-\uf8ff\ufe10-\ufe6f\U0001f000-\U0001faff]+')
                   WITH ORDINALITY AS parts (part, place)
             WHERE parts.part <> ''
             GROUP BY 1) AS distinct_words
$$;
COMMENT ON FUNCTION crm_fold_words(text) IS 'The distinct folded words of a text, in their order.';
