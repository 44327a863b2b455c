-- Search by any part of a name, pinyin, initials or a disease, however short. Trigrams serve nothing below three
-- characters, and Chinese names and diseases have two; so every one and two neighbouring characters are indexed.

CREATE FUNCTION search_grams(given text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000
    RETURN (SELECT coalesce(array_agg(DISTINCT substr(given, n, width)), '{}')
            FROM generate_series(1, length(given)) n, generate_series(1, 2) width);
COMMENT ON FUNCTION search_grams IS 'Every one and two neighbouring characters of a text; a text holds another only if its grams hold the other''s.';

CREATE INDEX department_search ON department USING gin
    (search_grams(lower(name_zh || ' ' || pinyin || ' ' || initials || ' ' || name_en)));
DROP INDEX practitioner_search;
CREATE INDEX practitioner_search ON practitioner USING gin
    (search_grams(lower(name || ' ' || pinyin || ' ' || initials || ' ' || keywords)));
