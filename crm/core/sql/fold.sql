-- One fold for all: lower case, no accents, ß = ss, then ae = a, oe = o, ue = u, so that Müller = Mueller = muller.
-- The twin of crm/core/folding.py; a test holds both equal.
CREATE FUNCTION crm_fold(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT btrim(regexp_replace(
        replace(replace(replace(
            translate(replace(replace(replace(
                regexp_replace(normalize(lower(value), NFKD), '[\u0300-\u036f]', '', 'g'),
                'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'øłđð', 'oldd'),
            'ae', 'a'), 'oe', 'o'), 'ue', 'u'),
        '\s+', ' ', 'g'))
$$;
COMMENT ON FUNCTION crm_fold(text) IS 'Folded text: what search and sort compare.';

CREATE FUNCTION crm_fold_words(value text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT coalesce(array_agg(DISTINCT left(w, 40)), '{}') FROM regexp_split_to_table(crm_fold(value), '[^[:alnum:]]+') AS w WHERE w <> ''
$$;
COMMENT ON FUNCTION crm_fold_words(text) IS 'The distinct folded words of a text.';
