-- import_csv: files of Spotify for Artists and YouTube Studio, recognised by their columns; each row's fate is told.
\set user '''00000000-0000-4000-8000-000000000002'''
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET dreamsuite.test_now = '2026-11-21 12:00:00+00';

-- each refused, each with its own reason
SELECT * FROM dreamsuite.import_csv(NULL, 'spotify', 'audience', 'date,listeners');
SELECT * FROM dreamsuite.import_csv(:user, NULL, 'audience', 'date,listeners');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'audience', NULL);
SELECT * FROM dreamsuite.import_csv(:user, 'myspace', 'audience', 'date,listeners');
SELECT * FROM dreamsuite.import_csv(:user, 'deezer', 'audience', 'date,listeners');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'cities', 'date,listeners');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'audience: 1year', E'date,listeners\n');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'audience', '');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', NULL, E'country,streams\nPE,5\n');
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', NULL, E'date,colour\n2026-11-01,blue\n');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'audience', E'song,listeners,streams,saves,release_date\nTide,1,2,0,2026-01-01\n');
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'table', E'Date,Views\n2026-11-01,5\n');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'songs', E'song,streams\n"Tide,5\n');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'songs', E'song,streams\n"Tide"s,5\n');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'songs', 'song,streams' || repeat(',', 200));
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'songs', repeat('x', 16 * 1024 * 1024 + 1));
SELECT count(*) AS rows FROM dreamsuite.daily_metrics;

-- the audience timeline as it is today: a byte-order mark, CRLF, a bad cell, a blank one, the future, a day told twice
CREATE TEMP TABLE files (name text, csv text);
INSERT INTO files VALUES ('audience', E'\uFEFFdate,listeners,monthly listeners,monthly active listeners,super listeners,streams,playlist adds,saves,followers\r\n2026-11-17,130,3801,600,41,300,4,8,1200\r\n2026-11-18,140,"3,820",610,44,311,5,9,1204\r\n2026-11-19,152,3861,615,45,,2,7,\r\n2026-11-20,none,many,1,1,1,1,1,1\r\n2026-11-22,1,1,1,1,1,1,1,1\r\n2026-11-18,1,1,1,1,1,1,1,1\r\n,1,1,1,1,1,1,1,1\r\n,,,,,,,,\r\n2026-11-16,,,,,,,,\r\n');
SELECT i.* FROM files, dreamsuite.import_csv(:user, 'spotify', 'audience', csv) AS i WHERE name = 'audience';
SELECT date, follower_count, follower_change_24h, jsonb_strip_nulls(metrics) FROM dreamsuite.daily_metrics ORDER BY date;
SELECT platform, date, outcome FROM dreamsuite.collection_runs ORDER BY date;
-- the same file again: nothing changes
SELECT action, count(*) FROM files, dreamsuite.import_csv(:user, 'spotify', 'audience', csv) AS i WHERE name = 'audience' AND action NOT LIKE 'skipped%' GROUP BY action;
SELECT count(*) AS revisions FROM dreamsuite.metric_revisions;
SELECT count(*) AS runs FROM dreamsuite.collection_runs;

-- the older header, columns in another order, a corrected day: the former value is kept, the changes follow
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'audience-timeline', E'followers,date,streams,listeners\n1202,2026-11-18,311,140\n1210,2026-11-19,298,152\n');
SELECT date, metric, old_value, new_value, observed_at FROM dreamsuite.metric_revisions;
SELECT date, follower_count, follower_change_24h, metrics -> 'monthly_listeners' AS monthly_listeners FROM dreamsuite.daily_metrics ORDER BY date;

-- songs of a window: the most streamed, without a total
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'songs', E'song,listeners,streams,saves,release_date\n"Glass Road (feat. Juno Park)",2210,5120,188,2026-10-30\n"Say ""hi"", slowly",900,6000,,2026-01-01\nNone,1,,1,2026-01-01\n');
SELECT jsonb_pretty(metrics -> 'top_tracks') AS top_tracks, metrics -> 'total_streams' AS total_streams FROM dreamsuite.daily_metrics WHERE date = '2026-11-21';
-- songs of all time: their sum is the total
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'songs', E'song,listeners,streams,saves,release_date\nGlass Road,0,50000,0,2026-10-30\nTide,0,40000,0,2025-01-01\n');
SELECT metrics -> 'top_tracks' AS top_tracks, metrics -> 'total_streams' AS total_streams FROM dreamsuite.daily_metrics WHERE date = '2026-11-21';
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'songs-all', E'song,listeners,streams,saves,release_date\nGlass Road,0,50000,0,2026-10-30\nTide,0,40000,0,2025-01-01\n');
-- a total that lacks a song is none
SELECT * FROM dreamsuite.import_csv('00000000-0000-4000-8000-000000000003', 'spotify', 'songs: all', E'song,streams\nTide,4\nFoam,\n');
SELECT metrics -> 'total_streams' AS total_streams FROM dreamsuite.daily_metrics WHERE user_id = '00000000-0000-4000-8000-000000000003';

-- daily streams around a known total: the totals and the changes are the platform's own daily numbers
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'audience', E'date,listeners,streams,followers\n2026-11-20,150,305,1215\n2026-11-21,150,310,1216\n');
SELECT date, metrics -> 'total_streams' AS total, metrics -> 'streams_change_24h' AS h24 FROM dreamsuite.daily_metrics WHERE user_id = :user ORDER BY date;
-- a restated day corrects the totals that were derived, never the one that was observed
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'audience', E'date,listeners,streams,followers\n2026-11-20,150,405,1215\n');
SELECT date, metrics -> 'total_streams' AS total, metrics -> 'streams_change_24h' AS h24 FROM dreamsuite.daily_metrics WHERE user_id = :user ORDER BY date;
SET dreamsuite.test_now = '2026-11-24 12:00:00+00';
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'audience', E'date,listeners,streams,followers\n2026-11-22,150,400,1217\n2026-11-24,150,500,1219\n');
SELECT date, metrics -> 'total_streams' AS total, metrics -> 'streams_change_24h' AS h24 FROM dreamsuite.daily_metrics WHERE user_id = :user AND date > '2026-11-20' ORDER BY date;
SELECT date, gain, total FROM dreamsuite.imported_days WHERE user_id = :user ORDER BY date;

-- one song: the file does not say which
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'song', E'date,streams\n2026-11-20,30\n');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'song: Glass Road', E'date,streams\n2026-11-20,30\n2026-11-21,\n');
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'song: Glass Road', E'date,streams\n2026-11-20,31\n2026-11-21,2\n');
SELECT date, subject, gain, total FROM dreamsuite.imported_days WHERE subject <> '' ORDER BY date;

-- playlists: those of Spotify are editorial
SELECT * FROM dreamsuite.import_csv(:user, 'spotify', 'playlists', E'title,author,listeners,streams,date_added\nRelease Radar,Spotify,410,522,n/a\n"Late, slow",mira.k,33,51,2026-10-31\nRadio,-,3,5,n/a\n,-,3,5,n/a\n');
SELECT date, metrics -> 'playlist_placements' AS placements, metrics -> 'editorial_playlists' AS editorial FROM dreamsuite.daily_metrics WHERE user_id = :user ORDER BY date DESC LIMIT 1;

-- a table of YouTube Studio: the total is the channel's, the rows are videos
INSERT INTO files VALUES ('studio', E'\uFEFFContent,Video title,Video publish time,Duration,Views,Watch time (hours),Subscribers,Thumbnail impressions,Thumbnail click-through rate (%),Average view duration,Likes,Comments added,Shares\nTotal,,,,2500,61.5,12,40000,4.9,0:01:29,120,20,7\naaaaaaaaaa1,"Glass Road, official","Nov 22, 2026",201,"1,820",48.2,9,30000,5.1%,1:35,97,14,5\n -aaaaaaaaa2,Teaser,2026-10-02,31,680,13.3,3,10000,,0:31,23,6,2\nPeru,,,,5,1,1,1,1,1,1,1,1\naaaaaaaaaa1,again,,,,,,,,,,,\n');
SELECT i.* FROM files, dreamsuite.import_csv(:user, 'youtube', 'Table data.csv', csv) AS i WHERE name = 'studio';
SELECT date, follower_count, engagement_total, content_count, jsonb_strip_nulls(metrics) FROM dreamsuite.daily_metrics WHERE platform = 'youtube';
SELECT content_id, kind, published_at, title, url, likes, comments, shares, views, watch_time_minutes, extra FROM dreamsuite.content_items ORDER BY content_id;
SELECT action FROM files, dreamsuite.import_csv(:user, 'youtube', NULL, csv) AS i WHERE name = 'studio';
-- what is known of a video is never lowered; the older names of the columns
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'table', E'Content;Video title;Video publish time;Duration;Views;Impressions click-through rate (%)\nTotal;;;;2.600;5,0\naaaaaaaaaa1;Glass Road, official;Nov 22, 2026;201;1.900;5,1\n-aaaaaaaaa2;Teaser;2026-10-02;31;600;4\n');
SELECT content_id, views, likes, title FROM dreamsuite.content_items ORDER BY content_id;
SELECT jsonb_strip_nulls(metrics) FROM dreamsuite.daily_metrics WHERE platform = 'youtube';
-- a period is no lifetime, whether the caller says so or the numbers do
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'table: 28 days', E'Content,Video title,Views,Watch time (hours),Thumbnail click-through rate (%)\nTotal,,900,20,4.8\naaaaaaaaaa1,"Glass Road, official",600,15,5.1\n');
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'table', E'Content,Video title,Views,Watch time (hours),Thumbnail click-through rate (%)\nTotal,,900,20,4.8\naaaaaaaaaa3,"New",600,15,5.1\n');
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'table', E'Content,Video title,Watch time (hours),Thumbnail click-through rate (%)\nTotal,,20,4.8\n');
SELECT metrics -> 'click_through_rate' AS ctr, metrics -> 'watch_time_minutes' AS minutes FROM dreamsuite.daily_metrics WHERE platform = 'youtube';
SELECT date, metric, old_value, new_value FROM dreamsuite.metric_revisions WHERE platform = 'youtube' ORDER BY revision_id;
-- what the collector told of the day stands: its totals end three days before those of the file
INSERT INTO dreamsuite.collection_runs (user_id, platform, date, started_at, outcome) VALUES (:user, 'youtube', '2026-11-24', now(), 'ok');
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'table', E'Content,Video title,Views,Watch time (hours),Average view duration,Thumbnail click-through rate (%)\nTotal,,2700,70,0:01:40,4.7\n');
SELECT metrics -> 'click_through_rate' AS ctr, metrics -> 'watch_time_minutes' AS minutes, metrics -> 'average_view_duration' AS seconds FROM dreamsuite.daily_metrics WHERE platform = 'youtube';
DELETE FROM dreamsuite.collection_runs WHERE platform = 'youtube' AND outcome = 'ok';

-- totals: a row per day, of one metric
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'totals', E'Date,Thumbnail click-through rate (%)\nTotal,5\n2026-11-20,4.5\n"Nov 21, 2026",\n2026-11-22,120\n2026-11-19,0\n');
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'totals', E'Date,Watch time (hours)\n2026-11-22,2\n2026-11-23,1.5\n2026-11-24,0.5\n');
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'totals', E'Date,Watch time (hours)\n2026-11-22,2\n2026-11-23,1.5\n2026-11-24,0.5\n');
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'totals', E'Date,Subscribers\n2026-11-22,2\n03/04/2026,2\n');
SELECT date, metrics -> 'click_through_rate' AS ctr, metrics -> 'watch_time_minutes' AS minutes FROM dreamsuite.daily_metrics WHERE platform = 'youtube' ORDER BY date;

-- a chart: what each video gained on each day gives its counts by age, where the file goes back to its publication
INSERT INTO dreamsuite.content_history (user_id, platform, content_id, date, views) VALUES (:user, 'youtube', 'aaaaaaaaaa4', '2026-11-22', 333);
INSERT INTO files VALUES ('chart', E'Date,Content,Video title,Video publish time,Duration,Views\n2026-11-20,aaaaaaaaaa4,"Tide, live","Nov 20, 2026",201,100\n2026-11-21,aaaaaaaaaa4,"Tide, live","Nov 20, 2026",201,50\n2026-11-23,aaaaaaaaaa4,"Tide, live","Nov 20, 2026",201,"1,000"\n2026-11-22,aaaaaaaaaa4,"Tide, live","Nov 20, 2026",201,0\n2026-11-24,aaaaaaaaaa4,"Tide, live","Nov 20, 2026",201,7\n2026-11-20,aaaaaaaaaa5,Old,"Nov 1, 2026",60,9\n2026-11-22,aaaaaaaaaa6,New,"Nov 22, 2026",60,5\n2026-11-22,aaaaaaaaaa6,New,"Nov 22, 2026",60,5\n2026-11-20,aaaaaaaaaa7,Gap,"Nov 20, 2026",60,5\n2026-11-22,aaaaaaaaaa7,Gap,"Nov 20, 2026",60,5\n2026-11-22,Peru,,,,5\n2026-11-22,aaaaaaaaaa8,Undated,,60,5\n2026-11-22,aaaaaaaaaa9,Blank,"Nov 22, 2026",60,\n');
SELECT i.* FROM files, dreamsuite.import_csv(:user, 'youtube', 'Chart data.csv', csv) AS i WHERE name = 'chart';
SELECT content_id, date, likes, comments, shares, views FROM dreamsuite.content_history ORDER BY content_id, date;
SELECT content_id, kind, published_at, title, views FROM dreamsuite.content_items WHERE content_id > 'aaaaaaaaaa2' ORDER BY content_id;
SELECT action, count(*) FROM files, dreamsuite.import_csv(:user, 'youtube', NULL, csv) AS i WHERE name = 'chart' AND action NOT LIKE 'skipped%' GROUP BY action;
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'chart', E'Date,Content,Video title,Video publish time,Duration,Likes\n2026-11-20,aaaaaaaaaa4,"Tide, live",2026-11-20,201,10\n2026-11-21,aaaaaaaaaa4,"Tide, live",2026-11-20,201,3\n');
SELECT date, likes, comments, shares, views FROM dreamsuite.content_history WHERE content_id = 'aaaaaaaaaa4' ORDER BY date;
SELECT * FROM dreamsuite.import_csv(:user, 'youtube', 'chart', E'Date,Content,Video title,Video publish time,Duration,Average view duration\n2026-11-20,aaaaaaaaaa4,"Tide, live",2026-11-20,201,0:30\n');
SELECT action, count(*) FROM dreamsuite.import_csv(:user, 'youtube', 'chart', (SELECT 'Date,Content,Video title,Video publish time,Duration,Views' || string_agg(E'\n' || to_char(d, 'YYYY-MM-DD') || ',aaaaaaaaab1,Long,2026-10-01,60,1', '' ORDER BY d) FROM generate_series(timestamp '2026-10-01', timestamp '2026-11-20', interval '1 day') d)) GROUP BY action ORDER BY action;

-- sums and products that no bigint holds are unknown, never another number
SELECT count(*) FROM dreamsuite.import_csv('00000000-0000-4000-8000-000000000003', 'spotify', 'songs: all',
  (SELECT 'song,listeners,streams,saves' || string_agg(format(E'\nSong %s,0,999999999999999999,0', i), '') FROM generate_series(1, 10) i));
SELECT action FROM dreamsuite.import_csv('00000000-0000-4000-8000-000000000003', 'youtube', 'table', E'Content,Video title,Views,Watch time (hours)\nTotal,,5,999999999999999999\n');
SELECT platform, metrics -> 'total_streams' AS streams, metrics -> 'total_views' AS views, metrics -> 'watch_time_minutes' AS minutes, jsonb_array_length(metrics -> 'top_tracks') AS songs
  FROM dreamsuite.daily_metrics WHERE user_id = '00000000-0000-4000-8000-000000000003' AND date = (SELECT max(date) FROM dreamsuite.daily_metrics WHERE user_id = '00000000-0000-4000-8000-000000000003') ORDER BY platform;

-- an error in the last line leaves nothing of the lines before it
SELECT * FROM dreamsuite.import_csv('00000000-0000-4000-8000-000000000004', 'spotify', 'audience', E'date,listeners,streams,followers\n2026-11-22,150,400,1217\n"2026-11-24,150,500,1219\n');
SELECT count(*) FROM dreamsuite.daily_metrics WHERE user_id = '00000000-0000-4000-8000-000000000004';

SELECT dreamsuite.forget_user(u) > 0 AS forgotten FROM (VALUES (:user::uuid), ('00000000-0000-4000-8000-000000000003')) AS v(u);
SELECT count(*) FROM dreamsuite.imported_days;
