-- What the extension does with a platform that was added. Writes TAP. In a session that has not loaded the extension itself.
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
LOAD :'library';
CREATE FUNCTION platform_catalog() RETURNS TABLE (place integer, name text, label text, status text, has_api boolean, scopes text[])
    AS :'library', 'dreamsuite_platform_catalog' LANGUAGE C STABLE STRICT;
CREATE FUNCTION metric_catalog() RETURNS TABLE (platform text, metric text, json_type text, nullable boolean, kind text,
    unit text, source text, description text) AS :'library', 'dreamsuite_metric_catalog' LANGUAGE C STABLE STRICT;
CREATE FUNCTION normalise(platform text, responses jsonb, observed_at timestamptz, settings jsonb DEFAULT '{}') RETURNS jsonb
    AS :'library', 'dreamsuite_normalise' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION plan_requests(platform text, account jsonb, answers jsonb DEFAULT '{}') RETURNS jsonb
    AS :'library', 'dreamsuite_plan_requests' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION classify_answer(platform text, status integer, body text, headers jsonb DEFAULT '{}',
    answered_at timestamptz DEFAULT '2026-03-01 06:00:00+00', step text DEFAULT '') RETURNS jsonb
    AS :'library', 'dreamsuite_classify_answer' LANGUAGE C IMMUTABLE STRICT;

CREATE FUNCTION is(got anyelement, expected anyelement, name text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN got IS NOT DISTINCT FROM expected THEN 'ok - ' || name
                ELSE format(E'not ok - %s\n# got      %s\n# expected %s', name, got, expected) END
$$;

SELECT is((SELECT count(*) FROM platform_catalog() WHERE name <> 'dozen'), 12::bigint, 'there are twelve platforms');
SELECT is((SELECT label FROM platform_catalog() WHERE name = 'mixcloud'), 'Mixcloud'::text, 'the twelfth is in the catalog');
SELECT is((SELECT count(*) FROM metric_catalog() WHERE platform = 'mixcloud'), 6::bigint, 'so are its metrics');

-- a day of two pages: the requests, and what the answers say
\set user '{"username": "spartacus", "name": "Spartacus", "follower_count": 1200, "cloudcast_count": 3}'
\set page1 '{"data": [{"key": "/spartacus/three/", "name": "Three", "url": "https://www.mixcloud.com/spartacus/three/", "created_time": "2026-02-28T20:00:00Z", "play_count": 40, "favorite_count": 4, "comment_count": 1, "repost_count": 0}, {"key": "/spartacus/two/", "name": "Two", "created_time": "2026-02-01T20:00:00Z", "play_count": 300, "favorite_count": 20, "comment_count": 2, "repost_count": 3}], "paging": {"next": "https://api.mixcloud.com/spartacus/cloudcasts/?limit=100&offset=100"}}'
\set page2 '{"data": [{"key": "/spartacus/one/", "name": "One", "created_time": "2025-11-01T20:00:00Z", "play_count": 660, "favorite_count": 30, "comment_count": 5, "repost_count": 5}], "paging": {}}'
CREATE TABLE day AS SELECT plan_requests('mixcloud', '{"external_id": "spartacus"}', jsonb_build_object(
    'https://api.mixcloud.com/spartacus/', :'user'::jsonb,
    'https://api.mixcloud.com/spartacus/cloudcasts/?limit=100', :'page1'::jsonb,
    'https://api.mixcloud.com/spartacus/cloudcasts/?limit=100&offset=100', :'page2'::jsonb)) AS plan;
SELECT is((SELECT jsonb_array_length(plan -> 'requests') FROM day), 3, 'the listing is followed to its end');
SELECT is((SELECT plan #> '{normalised,metrics}' FROM day),
          '{"follower_count": 1200, "follower_change_7d": null, "total_plays": 1000, "favorites_total": 54, "shows_count": 3,
            "shows_24h": 1}'::jsonb, 'a day of metrics');
SELECT is((SELECT plan #> '{normalised,core}' FROM day),
          '{"follower_count": 1200, "engagement_total": 70, "content_count": 3}'::jsonb, 'the core columns');
SELECT is((SELECT jsonb_array_length(plan #> '{normalised,content}') FROM day), 3, 'three shows');

-- a lost page: no totals
SELECT is(plan_requests('mixcloud', '{"external_id": "spartacus"}', jsonb_build_object(
              'https://api.mixcloud.com/spartacus/', :'user'::jsonb,
              'https://api.mixcloud.com/spartacus/cloudcasts/?limit=100', :'page1'::jsonb)) #> '{normalised,metrics,total_plays}',
          'null'::jsonb, 'a lost page leaves the totals unknown');
-- a later day: the listing ends at a show that is known and old
SELECT is(jsonb_array_length(plan_requests('mixcloud', jsonb_build_object('external_id', 'spartacus',
              'observed_at', '2026-04-15T06:00:00Z', 'known', (SELECT plan #> '{normalised,content}' FROM day)), jsonb_build_object(
              'https://api.mixcloud.com/spartacus/', :'user'::jsonb,
              'https://api.mixcloud.com/spartacus/cloudcasts/?limit=100', :'page1'::jsonb)) -> 'requests'),
          2, 'a later day does not read what is known and old');
SELECT is(normalise('mixcloud', jsonb_build_object('user', jsonb_build_array(:'user'::jsonb)), '2026-03-01') #> '{metrics,total_plays}',
          'null'::jsonb, 'a step that was not asked leaves its fields null');

SELECT is(classify_answer('mixcloud', 403, '{"error": {"type": "RateLimitException", "message": "slow down"}}', '{"retry-after": "30"}')
              ->> 'wait_until', '2026-03-01T06:00:30Z', 'a limit is waited for as long as the platform says');
SELECT is(classify_answer('mixcloud', 403, '{"error": {"type": "RateLimitException", "message": "slow down", "retry_after": 45}}')
              ->> 'wait_until', '2026-03-01T06:00:45Z', 'also where the body says it');
SELECT is(classify_answer('mixcloud', 404, '{"error": {"type": "NotFound", "message": "User not found"}}') ->> 'error_class',
          'not_found', 'an unknown profile');

-- One of twelve metrics is retired, and the platform does not say which. Asks what the plan asks until it asks no more.
CREATE FUNCTION search(retired text[], quarantined text[], OUT requests integer, OUT refused text[], OUT unknown text[]) LANGUAGE plpgsql AS $$
DECLARE
    answers jsonb := '{}';
    plan    jsonb;
    url     text;
    metrics text[];
BEGIN
    LOOP
        plan := plan_requests('dozen', jsonb_build_object('quarantined', quarantined), answers);
        SELECT split_part(r, ' ', 3) INTO url FROM jsonb_array_elements_text(plan -> 'requests') r
         WHERE NOT answers ? split_part(r, ' ', 3) LIMIT 1;
        EXIT WHEN NOT FOUND;
        metrics := string_to_array(replace(split_part(url, 'metric=', 2), '%2C', ','), ',');
        answers := answers || jsonb_build_object(url, CASE WHEN metrics && retired THEN '{"status": 400, "body": {"error": "no"}}'::jsonb
                                                           ELSE (SELECT jsonb_object_agg(m, 7) FROM unnest(metrics) m) END);
    END LOOP;
    requests := jsonb_array_length(plan -> 'requests');
    SELECT array_agg(value) INTO refused FROM jsonb_array_elements_text(plan -> 'refused');
    SELECT array_agg(key ORDER BY key) INTO unknown FROM jsonb_each(plan #> '{normalised,metrics}') WHERE value = 'null';
END
$$;
SELECT is((search('{}', '{}')).requests, 1, 'twelve metrics are one request');
SELECT is((SELECT max(s.requests) FROM unnest('{a,b,c,d,e,f,g,h,i,j,k,l}'::text[]) m, search(ARRAY[m], '{}') s), 6,
          'one that is retired costs at most five more, wherever it stands');
SELECT is((SELECT count(*) FROM unnest('{a,b,c,d,e,f,g,h,i,j,k,l}'::text[]) m, search(ARRAY[m], '{}') s
            WHERE s.refused = ARRAY[m] AND s.unknown = ARRAY[m]), 12::bigint, 'it is found, and no other field is lost');
SELECT is((search('{f}', '{f}')).requests, 1, 'once it is known it costs nothing');
SELECT is((SELECT s.unknown FROM search('{c,k}', '{}') s), '{c,k}'::text[], 'of two none is missed, and no other field is lost');
