
-- Numbers that come by hand or by file.

CREATE FUNCTION record_metrics(
    user_id  uuid,
    platform text,
    date     date,   -- the day on which the numbers were seen
    metrics  jsonb)  -- some keys of metric_catalog(); the others stay as they are
RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_record_metrics' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION record_metrics(uuid, text, date, jsonb) IS
'Merges numbers into a day by hand, with or without a connected account. Unknown keys, wrong types and nulls are refused by name; changes follow by themselves.';

CREATE TABLE imported_days (
    user_id  uuid NOT NULL,
    platform text NOT NULL,
    metric   text NOT NULL,
    subject  text NOT NULL DEFAULT '',
    date     date NOT NULL,
    gain     double precision NOT NULL,
    total    bigint,
    PRIMARY KEY (user_id, platform, metric, subject, date)
);
COMMENT ON TABLE imported_days IS 'What imported files say of single days where metrics holds a total since the beginning.';
COMMENT ON COLUMN imported_days.subject IS 'What the gain belongs to: the title of a song; empty for the account itself.';
COMMENT ON COLUMN imported_days.total IS 'The total in metrics that was derived for the day; a different one there is an observation.';
SELECT pg_catalog.pg_extension_config_dump('imported_days', '');

CREATE FUNCTION import_csv(
    user_id  uuid,
    platform text,   -- spotify (Spotify for Artists) or youtube (YouTube Studio)
    kind     text,   -- audience, songs, song, playlists; table, chart, totals; null: recognised by the columns
    csv      text)   -- the text of the file
RETURNS TABLE (date date, action text)
AS 'MODULE_PATHNAME', 'dreamsuite_import_csv' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION import_csv(uuid, text, text, text) IS
'Fills days from an exported file and tells of each of its rows what became of it: inserted, updated, unchanged, or skipped and why. A file that is not known is refused with its columns.';
