-- What a platform would do, without a network.

CREATE FUNCTION classify_answer(
    platform    text,
    status      integer,               -- HTTP; 0: not known
    body        text,
    headers     jsonb       DEFAULT '{}',  -- names in lower case
    answered_at timestamptz DEFAULT '2026-03-01 06:00:00+00',
    step        text        DEFAULT '')    -- which request was answered; '': not known
RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_classify_answer' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION classify_answer(text, integer, text, jsonb, timestamptz, text) IS
'What an answer of a platform means: {"error_class", "scope", "wait_until", "message"}; null for a platform without an API.';

CREATE FUNCTION plan_requests(
    platform text,
    account  jsonb,                    -- external_id, settings, has_token, scopes, quarantined, observed_at, known, max_pages
    answers  jsonb DEFAULT '{}')       -- address -> body, or {"status", "body", "headers"}
RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_plan_requests' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION plan_requests(text, jsonb, jsonb) IS
'The requests of one account-day where the platform answers as given: {"requests", "missing", "bounded", "refused", "quota_cost", "earlier", "normalised"}.';
