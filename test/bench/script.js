/*
 * script.js
 *    What a careful author would write instead of the collector: Node.js, many requests at once over connections that stay
 *    open, rows upserted in batches over several database connections.
 *
 *    node script.js BASE one|three ACCOUNTS CONNECTIONS BATCH
 *
 * Writes to the tables of the schema "bench", which are copies of the extension's. With one connection and batches of one
 * it is the loop of single requests. Needs the package pg (node-postgres) in NODE_PATH; the database is that of PGHOST and
 * the like. Prints the seconds that it took.
 */
'use strict';
const http = require('node:http');
const { Pool } = require('pg');

const [base, kind, accountsText, connectionsText, batchText] = process.argv.slice(2);
const accounts = Number(accountsText), connections = Number(connectionsText), batch = Number(batchText);
const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
const pool = new Pool({ max: connections === 1 ? 1 : 4 });
const NOW = Date.parse('2026-03-01T06:00:00Z'), DATE = '2026-03-01', DAY = 86400000;

function get(path, token) {
	return new Promise((resolve, reject) => {
		http.get(base + path, { agent, headers: { authorization: `Bearer ${token}` } }, (res) => {
			const parts = [];
			res.on('data', (part) => parts.push(part));
			res.on('end', () => {
				if (res.statusCode !== 200) return reject(new Error(`status ${res.statusCode}`));
				resolve(JSON.parse(Buffer.concat(parts)));
			});
			res.on('error', reject);
		}).on('error', reject);
	});
}

async function collectOne(account) {
	const { user } = (await get('/open.tiktokapis.com/v2/user/info/' +
		'?fields=open_id,display_name,follower_count,following_count,likes_count,video_count', account.token)).data;
	return {
		day: [account.user_id, 'tiktok', user.follower_count, user.likes_count, user.video_count, {
			follower_count: user.follower_count, follower_change_24h: null, following_count: user.following_count,
			total_views: null, total_likes: user.likes_count, total_comments: null, total_shares: null,
			video_count: user.video_count, videos_posted_24h: null, top_videos: null, engagement_rate: null,
			average_views_per_video: null,
		}],
		items: [],
	};
}

async function collectThree(account) {
	const youtube = '/www.googleapis.com/youtube/v3/';
	const channel = (await get(youtube + 'channels?part=id,snippet,statistics,contentDetails&id=' +
		account.external_id, account.token)).items[0];
	const uploads = (await get(youtube + 'playlistItems?part=contentDetails,status&maxResults=50&playlistId=' +
		channel.contentDetails.relatedPlaylists.uploads, account.token)).items;
	const ids = uploads.filter((u) => u.status.privacyStatus === 'public').map((u) => u.contentDetails.videoId);
	const videos = (await get(youtube + 'videos?part=snippet,contentDetails,statistics,liveStreamingDetails,player&id=' +
		ids.join(','), account.token)).items;
	const items = videos.map((v) => ({
		id: v.id, title: v.snippet.title, published: v.snippet.publishedAt, at: Date.parse(v.snippet.publishedAt),
		views: Number(v.statistics.viewCount), likes: Number(v.statistics.likeCount),
		comments: Number(v.statistics.commentCount), duration: v.contentDetails.duration,
	}));
	const sum = (key) => items.reduce((total, item) => total + item[key], 0);
	const top = items.filter((item) => item.at > NOW - 30 * DAY).sort((a, b) => b.views - a.views).slice(0, 10);
	const likes = sum('likes'), comments = sum('comments'), subscribers = Number(channel.statistics.subscriberCount);
	return {
		day: [account.user_id, 'youtube', subscribers, likes + comments, Number(channel.statistics.videoCount), {
			subscriber_count: subscribers, subscriber_change_24h: null, total_views: Number(channel.statistics.viewCount),
			views_24h: null, watch_time_minutes: null, average_view_duration: null,
			videos_count: Number(channel.statistics.videoCount), likes_total: likes, comments_total: comments,
			shares_total: null, uploads_24h: items.filter((item) => item.at > NOW - DAY).length,
			top_videos: top.map((v) => ({ video_id: v.id, title: v.title, views: v.views, likes: v.likes,
				comments: v.comments, watch_time_hours: null })),
		}],
		items: items.map((item) => ({ user_id: account.user_id, ...item })),
	};
}

const columns = (rows, count) => Array.from({ length: count }, (_, i) => rows.map((row) => row[i]));

async function store(results) {
	const days = results.map((result) => result.day);
	const items = results.flatMap((result) => result.items);
	const young = items.filter((item) => item.at > NOW - 30 * DAY);
	const client = await pool.connect();
	try {
		await client.query('BEGIN');
		await client.query({ name: 'days', text: `
			INSERT INTO bench.daily_metrics AS d (user_id, platform, date, follower_count, engagement_total, content_count,
				metrics, collected_at)
			SELECT j.user_id, j.platform, '${DATE}', j.followers, j.engagement, j.content, j.metrics, now()
			FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::int[], $6::jsonb[])
				AS j(user_id, platform, followers, engagement, content, metrics)
			ON CONFLICT (user_id, platform, date) DO UPDATE SET follower_count = excluded.follower_count,
				engagement_total = excluded.engagement_total, content_count = excluded.content_count,
				metrics = excluded.metrics, collected_at = excluded.collected_at`, values: columns(days, 6) });
		if (items.length > 0)
			await client.query({ name: 'items', text: `
				INSERT INTO bench.content_items AS c (user_id, platform, content_id, kind, published_at, title, url, likes,
					comments, views, first_seen, last_seen, extra)
				SELECT j.user_id, 'youtube', j.id, 'video', j.published, j.title,
					'https://www.youtube.com/watch?v=' || j.id, j.likes, j.comments, j.views, now(), now(), j.extra
				FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::bigint[], $6::bigint[],
					$7::bigint[], $8::jsonb[]) AS j(user_id, id, published, title, likes, comments, views, extra)
				ON CONFLICT (user_id, platform, content_id) DO UPDATE SET title = excluded.title, likes = excluded.likes,
					comments = excluded.comments, views = excluded.views, last_seen = excluded.last_seen`,
				values: columns(items.map((item) => [item.user_id, item.id, item.published, item.title, item.likes,
					item.comments, item.views, { duration: item.duration }]), 8) });
		if (young.length > 0)
			await client.query({ name: 'history', text: `
				INSERT INTO bench.content_history AS h (user_id, platform, content_id, date, likes, comments, views)
				SELECT j.user_id, 'youtube', j.id, '${DATE}', j.likes, j.comments, j.views
				FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
					AS j(user_id, id, likes, comments, views)
				ON CONFLICT (user_id, platform, content_id, date) DO UPDATE SET likes = excluded.likes,
					comments = excluded.comments, views = excluded.views`,
				values: columns(young.map((item) => [item.user_id, item.id, item.likes, item.comments, item.views]), 5) });
		await client.query('COMMIT');
	} finally {
		client.release();
	}
}

async function main() {
	const began = process.hrtime.bigint();
	const { rows } = await pool.query('SELECT user_id, external_id, \'token \' || external_id AS token' +
		' FROM dreamsuite.accounts WHERE platform = $1 LIMIT $2', [kind === 'one' ? 'tiktok' : 'youtube', accounts]);
	const collect = kind === 'one' ? collectOne : collectThree;
	const storing = [];
	let next = 0, done = [];
	async function worker() {
		while (next < rows.length) {
			done.push(await collect(rows[next++]));
			if (done.length >= batch) {
				const full = done;
				done = [];
				if (connections === 1) await store(full);
				else storing.push(store(full));
			}
		}
	}
	await Promise.all(Array.from({ length: connections }, worker));
	if (done.length > 0) storing.push(store(done));
	await Promise.all(storing);
	console.log((Number(process.hrtime.bigint() - began) / 1e9).toFixed(6));
	agent.destroy();
	await pool.end();
}

main().catch((error) => { console.error(error); process.exit(1); });
