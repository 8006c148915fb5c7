
-- Numbers that come by hand or by file.

CREATE FUNCTION record_metrics(
    user_id  uuid,
    platform text,
    date     date,   -- the day on which the numbers were seen
    metrics  jsonb)  -- some keys of metric_catalog(); the others stay as they are
RETURNS void
AS 'MODULE_PATHNAME', 'dreamsuite_record_metrics' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION record_metrics(uuid, text, date, jsonb) IS
'Merges numbers into a day by hand, with or without a connected account. Unknown keys, wrong types and nulls are refused by name; changes follow by themselves.';
