-- Retry-After: seconds or a date. What has passed, or what nobody could mean, is no wait that the platform named.
CREATE FUNCTION pg_temp.wait_of(header text) RETURNS text LANGUAGE sql AS $$
    SELECT dreamsuite.classify_answer('youtube', 429, '{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}}',
               jsonb_build_object('retry-after', header), '2026-03-01 06:00:00+00') ->> 'wait_until'
$$;
SELECT header, pg_temp.wait_of(header) FROM unnest(ARRAY[
    '90', '31622400',
    'Sun, 01 Mar 2026 06:10:00 GMT',
    -- past
    'Sun, 01 Mar 2026 05:59:59 GMT', '-5',
    -- without end
    'Fri, 31 Dec 9999 23:59:59 GMT', '31622401', '99999999999999999999',
    -- no time at all
    'soon', '', 'Sun, 41 Mar 2026 06:10:00 GMT']) AS header;
