-- Platforms: pure functions over answers.

CREATE FUNCTION normalise(
    platform    text,
    responses   jsonb,                 -- step -> array of bodies, or of {"of": parameter, "body": body}
    observed_at timestamptz,
    settings    jsonb DEFAULT '{}')    -- the account's: external_id, artist_id, ...
RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_normalise' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION normalise(text, jsonb, timestamptz, jsonb) IS
'What a platform''s answers say: {"metrics", "core", "content"}. Unknown is null; a missing step leaves its fields null.';

