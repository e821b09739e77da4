-- The words a partner is found by stand beside it: a search that finds many reads them row by row, without making them anew.

-- +goose Up
DROP INDEX partners_by_words;
ALTER TABLE partners ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, regexp_replace(number || ' ' || name || ' ' || coalesce(city, ''), '[^[:alnum:]]+', ' ', 'g'))) STORED;
CREATE INDEX partners_by_words ON partners USING gin (words);

-- +goose Down
DROP INDEX partners_by_words;
ALTER TABLE partners DROP COLUMN words;
CREATE INDEX partners_by_words ON partners USING gin (to_tsvector('simple', regexp_replace(number || ' ' || name || ' ' || coalesce(city, ''), '[^[:alnum:]]+', ' ', 'g')));
