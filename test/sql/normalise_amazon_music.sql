-- Amazon Music: a placeholder. Nothing is asked and nothing is known.
\pset format unaligned
\pset tuples_only on

SELECT dreamsuite.normalise('amazon_music', '{}', '2026-11-24 06:00+00');

-- no request, whatever the account holds
SELECT dreamsuite.plan_requests('amazon_music', '{"external_id": "B0", "has_token": true, "settings": {"storefronts": ["us"], "tracked_playlists": ["x"]}}') -> 'requests';

-- it has no step whose answer could be given
SELECT dreamsuite.normalise('amazon_music', '{"artist": []}', '2026-11-24 06:00+00');
