#!/usr/bin/env python3
"""The simulator's own tests: python3 test/simulator/selftest.py"""

import base64
import gzip
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from urllib.parse import parse_qs, quote, urlencode, urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = "2026-03-01T12:00:00Z"
DAY = 86400


class Answer:

    def __init__(self, response, body):
        self.status, self.headers, self.raw = response.status, response.headers, body
        if response.headers.get("Content-Encoding") == "gzip":
            self.raw = gzip.decompress(body)

    @property
    def json(self):
        return json.loads(self.raw)


class Simulator:
    """A running simulator and a client that keeps its connection."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory()
        port_file = os.path.join(self.folder.name, "port")
        self.process = subprocess.Popen([
            sys.executable,
            os.path.join(HERE, "simulator.py"), "--port", "0", "--port-file", port_file, "--with-parent",
            *options
        ])
        end = time.monotonic() + 10
        while not os.path.exists(port_file):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("the simulator does not start")
            time.sleep(0.02)
        with open(port_file) as lines:
            self.port = int(lines.read())
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.process.terminate()
        self.process.wait(5)
        self.folder.cleanup()

    def ask(self, url, method="GET", body=None, headers=None, timeout=5):
        """Asks for https://HOST/PATH, or for a path of the simulator's own."""
        path = "/" + url.removeprefix("https://").lstrip("/")
        headers = dict(headers or {})
        if isinstance(body, dict):
            body = urlencode(body)
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            return Answer(response, response.read())
        except Exception:
            self.connection.close()
            self.connection = None
            raise

    def control(self, what, body=None):
        answer = self.ask("_control/" + what, "GET" if body is None else "POST",
                          None if body is None else json.dumps(body))
        if answer.status != 200:
            raise RuntimeError(answer.raw)
        return answer.json

    def truth(self, platform, artist, at=None):
        return self.control(f"truth?platform={platform}&artist={artist}" + (f"&at={at}" if at else ""))


class Case(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.sim = Simulator("--now", NOW)

    @classmethod
    def tearDownClass(cls):
        cls.sim.close()

    def setUp(self):
        self.sim.control("reset", {})
        self.sim.control("now", {"now": NOW})

    def get(self, url, token=None, scheme="Bearer", status=200, **headers):
        if token:
            headers["Authorization"] = f"{scheme} {token}"
        answer = self.sim.ask(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
        self.assertEqual(answer.status, status, answer.raw[:300])
        return answer

    def post(self, url, body, status=200, **headers):
        answer = self.sim.ask(url, "POST", body, {k.replace("_", "-"): v for k, v in headers.items()})
        self.assertEqual(answer.status, status, answer.raw[:300])
        return answer


class World(Case):

    def test_same_seed_same_numbers_in_any_order(self):
        other = Simulator("--now", "2026-05-05T05:05:05Z")
        try:
            other.truth("youtube", 4711, "2026-11-01T00:00:00Z")  # a later time first
            for platform in ("youtube", "instagram", "deezer", "twitter", "apple_music"):
                self.assertEqual(other.truth(platform, 4711, NOW), self.sim.truth(platform, 4711, NOW))
        finally:
            other.close()

    def test_another_seed_is_another_world(self):
        other = Simulator("--now", NOW, "--seed", "2")
        try:
            self.assertNotEqual(
                other.truth("deezer", 4711)["followers"],
                self.sim.truth("deezer", 4711)["followers"])
        finally:
            other.close()

    def test_numbers_grow_with_a_weekday_cycle_and_counts_never_fall(self):
        days = [f"2026-0{3 + i // 28}-{i % 28 + 1:02d}T00:00:00Z" for i in range(84)]
        followers = [self.sim.truth("instagram", 4711, day)["followers"] for day in days]
        self.assertGreater(followers[-1], followers[0])
        first, last = (self.sim.truth("instagram", 4711, day) for day in (days[0], days[-1]))
        later = {item["id"]: item for item in last["content"]}
        for item in first["content"]:
            self.assertLessEqual(item["comments"], later[item["id"]]["comments"])
        self.assertGreater(last["media_count"], first["media_count"])

    def test_one_artist_has_one_name_everywhere_and_unknown_ids_are_artists_too(self):
        names = {self.sim.truth(p, 4711)["name"] for p in ("deezer", "youtube", "tidal", "spotify")}
        self.assertEqual(len(names), 1)
        odd = "UCsyntheticAAAAAAAAAAAAA"
        item = self.get(f"https://www.googleapis.com/youtube/v3/channels?part=id&id={odd}",
                        "tok-youtube-4711").json["items"][0]
        self.assertEqual(item["id"], odd)

    def test_scale_sets_the_number_of_items(self):
        other = Simulator("--now", NOW, "--scale", "100-199:posts=50,cadence=0", "--scale",
                          "200:posts=1,cadence=0")
        try:
            self.assertEqual(len(other.truth("youtube", 100)["content"]), 50)
            self.assertEqual(len(other.truth("youtube", 200)["content"]), 1)
            self.assertEqual(other.truth("deezer", 100)["album_count"], 50)
        finally:
            other.close()

    def test_the_calendar_moves(self):
        before = self.sim.truth("deezer", 4711)["followers"]
        self.sim.control("now", {"advance": 30 * DAY})
        self.assertEqual(self.sim.control("now")["now"], "2026-03-31T12:00:00Z")
        self.assertNotEqual(self.sim.truth("deezer", 4711)["followers"], before)


class Sums(Case):
    """What the APIs answer adds up to the truth."""

    def test_deezer(self):
        truth = self.sim.truth("deezer", 4711)
        artist = self.get("https://api.deezer.com/artist/4711").json
        self.assertEqual((artist["nb_fan"], artist["nb_album"]), (truth["followers"], truth["album_count"]))
        albums, url = [], "https://api.deezer.com/artist/4711/albums?limit=4"
        while url:
            page = self.get(url).json
            albums += page["data"]
            url = page.get("next")
            self.assertTrue(url is None or url.startswith("https://api.deezer.com/"))
        self.assertEqual([str(a["id"]) for a in albums], [c["id"] for c in truth["content"]])
        tracks = [self.get(f"https://api.deezer.com/album/{a['id']}").json for a in albums]
        self.assertEqual(sum(a["nb_tracks"] for a in tracks), truth["track_count"])
        library = self.get("https://api.deezer.com/user/me/tracks?limit=1&access_token=tok-deezer-4711").json
        self.assertEqual(library["total"], truth["favorite_tracks"])
        self.assertEqual(self.get("https://api.deezer.com/user/me").json["error"]["code"], 200)
        self.assertEqual(self.get("https://api.deezer.com/user/me?access_token=x").json["error"]["code"], 300)
        self.assertEqual(self.get("https://api.deezer.com/artist/-1").json["error"]["code"], 800)
        shown = self.get("https://api.deezer.com/artist/4711/playlists?limit=100").json
        self.assertEqual(shown["total"], truth["playlist_placements"])
        tracks = self.get(
            f"https://api.deezer.com/playlist/{shown['data'][0]['id']}/tracks?limit=100").json["data"]
        self.assertIn(4711, [t["artist"]["id"] for t in tracks])

    def test_youtube(self):
        truth = self.sim.truth("youtube", 4711)
        token, base = "tok-youtube-4711", "https://www.googleapis.com/youtube/v3/"
        channel = self.get(base + "channels?part=id,snippet,statistics,contentDetails&mine=true",
                           token).json["items"][0]
        self.assertEqual(channel["statistics"]["subscriberCount"], str(truth["followers"]))
        self.assertEqual(channel["statistics"]["viewCount"], str(truth["total_views"]))
        self.assertEqual(truth["followers"], truth["exact_subscribers"] // 10 * 10)  # three figures of four
        uploads, names, mark = channel["contentDetails"]["relatedPlaylists"]["uploads"], [], ""
        while mark is not None:
            page = self.get(
                f"{base}playlistItems?part=contentDetails,status&maxResults=50&playlistId={uploads}{mark}",
                token).json
            names += [i["contentDetails"]["videoId"] for i in page["items"]]
            mark = "&pageToken=" + page["nextPageToken"] if "nextPageToken" in page else None
        self.assertEqual(names, [c["id"] for c in truth["content"]])
        videos = self.get(base + "videos?part=statistics,contentDetails,snippet&id=" + ",".join(names[:50]),
                          token).json["items"]
        known = {c["id"]: c for c in truth["content"]}
        for video in videos:
            likes = video["statistics"].get("likeCount")
            self.assertEqual(likes and int(likes), known[video["id"]]["likes"])
            self.assertEqual(int(video["statistics"]["viewCount"]), known[video["id"]]["views"])
        lifetime = (
            "https://youtubeanalytics.googleapis.com/v2/reports?ids=channel==MINE&startDate=2019-05-01&endDate=2026-03-01"
            "&metrics=")
        whole = self.get(lifetime + "views,likes", token).json["rows"][0]
        by_video = self.get(lifetime + "views,likes&dimensions=video&sort=-views&maxResults=200",
                            token).json["rows"]
        self.assertEqual(whole, [sum(r[1] for r in by_video), sum(r[2] for r in by_video)])
        self.assertEqual(whole[0], truth["analytics"]["views"])
        days = self.get(
            lifetime.replace("2019-05-01", "2026-02-01") +
            "views,subscribersGained,subscribersLost&dimensions=day&sort=day", token).json["rows"]
        self.assertEqual(days[-1][0], "2026-02-26")  # 60 hours late
        watched = "estimatedMinutesWatched,shares"
        before = self.get(lifetime + watched, token).json["rows"][0]
        daily = lifetime.replace("2019-05-01", "2026-02-20") + watched + "&dimensions=day"
        told = self.get(daily, token).json["rows"]
        self.sim.control("modes", {"youtube_restates": 3})  # the 25th ended 3 days and 4 hours ago
        after, late = self.get(lifetime + watched, token).json["rows"][0], self.get(daily, token).json["rows"]
        self.sim.control("modes", {"youtube_restates": 0})
        self.assertEqual(late[:-1], told[:-1])
        self.assertEqual(late[-1][1:], [n - n // 10 for n in told[-1][1:]])
        self.assertEqual(after, [n - m // 10 for n, m in zip(before, told[-1][1:])])
        self.assertEqual(
            self.get(base + "channels?part=id&mine=true", "nonsense",
                     status=401).json["error"]["errors"][0]["reason"], "authError")
        self.assertNotIn("items", self.get(base + "channels?part=id&id=UCx", token).json)

    def test_hidden_subscribers_and_likes_are_absent(self):
        hidden = next(n for n in range(1, 400) if self.sim.truth("youtube", n)["followers"] is None)
        stats = self.get("https://www.googleapis.com/youtube/v3/channels?part=statistics&mine=true",
                         f"tok-youtube-{hidden}").json["items"][0]["statistics"]
        self.assertTrue(stats["hiddenSubscriberCount"])
        self.assertNotIn("subscriberCount", stats)
        hidden = next(n for n in range(1, 400) if self.sim.truth("instagram", n)["likes_hidden_items"])
        media = self.get(
            f"https://graph.facebook.com/v25.0/17841400000000{hidden:03d}/media?fields=like_count&limit=100",
            f"tok-instagram-{hidden}").json["data"]
        self.assertTrue(any("like_count" not in m for m in media) and any("like_count" in m for m in media))

    def test_instagram(self):
        truth = self.sim.truth("instagram", 4711)
        token, base = "tok-instagram-4711", "https://graph.facebook.com/v25.0/17841400000004711"
        profile = self.get(base + "?fields=id,username,followers_count,media_count", token)
        self.assertEqual(profile.json["followers_count"], truth["followers"])
        self.assertIn("X-App-Usage", profile.headers)
        media, url = [], base + "/media?fields=id,media_product_type,like_count,comments_count,permalink&limit=100"
        while url:
            page = self.get(url, token).json
            media += page["data"]
            url = page["paging"].get("next")
            self.assertTrue(url is None or "access_token=" in url)
        self.assertEqual(len(media), truth["media_count"])
        self.assertEqual(sum(m.get("like_count", 0) for m in media), truth["likes_shown"])
        self.assertEqual(sum(m["comments_count"] for m in media), truth["comments_total"])
        self.assertEqual(sum(m["media_product_type"] == "REELS" for m in media), truth["reels_count"])
        stories = self.get(base + "/stories?fields=id,timestamp", token).json["data"]
        self.assertEqual({s["id"] for s in stories}, {s["id"] for s in truth["stories"]})
        until = 1772323200
        window = f"&period=day&metric_type=total_value&since={until - 30 * DAY}&until={until}"
        insights = self.get(base + "/insights?metric=reach,views" + window, token).json["data"]
        self.assertEqual({i["name"]: i["total_value"]["value"] for i in insights},
                         {k: truth["insights"][k] for k in ("reach", "views")})
        refused = self.get(base + "/insights?metric=reach,impressions" + window, token,
                           status=400).json["error"]
        self.assertIn("metric[1] must be one of the following values: reach,", refused["message"])
        self.get(base + "/insights?metric=views&period=day", token, status=400)
        self.sim.control("modes", {"instagram_restates": 2})
        for days, day, late in ((0, NOW, True), (2, "2026-02-27T12:00:00Z", False)):
            shifted = f"&period=day&metric_type=total_value&since={until - (30 + days) * DAY}&until={until - days * DAY}"
            told = self.get(base + "/insights?metric=views" + shifted, token).json["data"][0]["total_value"]["value"]
            views = self.sim.truth("instagram", 4711, day)["insights"]["views"]
            self.assertEqual(told, views * 9 // 10 if late else views)
        self.sim.control("modes", {"instagram_restates": 0})
        old, new = media[-1]["id"], media[0]["id"]
        members = [{
            "method": "GET", "relative_url": f"{name}/insights?metric=reach%2Cviews%2Csaved%2Cshares"
        } for name in (new, old)]
        batch = self.post(
            "https://graph.facebook.com/v25.0/",
            {"access_token": token, "include_headers": "false", "batch": json.dumps(members)}).json
        self.assertEqual([b["code"] for b in batch], [200, 400])
        self.assertEqual(json.loads(batch[1]["body"])["error"]["error_subcode"], 2108006)
        found = {e["name"]: e["values"][0]["value"] for e in json.loads(batch[0]["body"])["data"]}
        self.assertEqual(found["views"], truth["content"][0]["views"])
        self.assertEqual(self.get(base, "nonsense", status=401).json["error"]["code"], 190)
        self.get(base.replace("4711", "4712"), token, status=400)
        me = self.get("https://graph.instagram.com/v25.0/me?fields=user_id,followers_count", token).json
        self.assertEqual((me["user_id"], me["followers_count"]), ("17841400000004711", truth["followers"]))

    def test_facebook(self):
        truth = self.sim.truth("facebook", 4711)
        token, base = "tok-facebook-4711", "https://graph.facebook.com/v25.0/100000000004711"
        node = self.get(
            base + "?fields=fan_count,followers_count,published_posts.limit(0).summary(total_count)",
            token).json
        self.assertEqual((node["followers_count"], node["published_posts"]["summary"]["total_count"]),
                         (truth["followers"], truth["posts_count"]))
        posts, url = [], (base + "/published_posts?fields=id,shares,reactions.limit(0).summary(total_count),"
                          "comments.limit(0).summary(total_count),attachments{media_type}&limit=50")
        while url:
            page = self.get(url, token).json
            posts += page["data"]
            url = page["paging"].get("next")
        self.assertEqual(sum(p["reactions"]["summary"]["total_count"] for p in posts),
                         truth["reactions_total"])
        self.assertEqual(sum(p.get("shares", {"count": 0})["count"] for p in posts), truth["shares_total"])
        insights = self.get(base + "/insights?metric=page_media_view,page_follows&period=days_28",
                            token).json["data"]
        self.assertEqual(insights[0]["values"][-1]["value"], truth["insights"]["page_media_view"])
        me = self.get("https://graph.facebook.com/v25.0/me?fields=id,followers_count", token).json
        self.assertEqual(me, {"id": "100000000004711", "followers_count": truth["followers"]})
        videos = self.get(base + "/videos?fields=id&limit=100", token).json["data"]
        self.assertEqual(len(videos), truth["videos_count"])
        self.assertIn(
            "valid insights metric",
            self.get(base + "/insights?metric=page_impressions&period=day", token,
                     status=400).json["error"]["message"])

    def test_spotify(self):
        truth = self.sim.truth("spotify", 4711)
        token, base = "tok-spotify-4711", "https://api.spotify.com/v1/"
        self.assertEqual(
            self.get(base + "me/tracks?limit=1", token).json["total"], truth["saved_tracks_count"])
        self.assertEqual(
            self.get(base + "me/playlists?limit=50", token).json["total"], truth["playlists_count"])
        following = self.get(base + "me/following?type=artist&limit=1", token).json["artists"]
        self.assertEqual(following["total"], truth["following_count"])
        self.get(following["next"], token)
        artist = base + "artists/sim0000000000000004711"
        self.assertEqual(self.get(artist, token).json["followers"]["total"], truth["followers"])
        albums, url = [], artist + "/albums?include_groups=album,single&limit=5"
        while url:
            page = self.get(url, token).json
            albums += page["items"]
            url = page["next"]
        self.assertEqual([a["id"] for a in albums], [c["id"] for c in truth["content"]])
        self.assertEqual(
            self.get(base + "albums/" + albums[0]["id"], token).json["tracks"]["total"],
            truth["content"][0]["tracks"])
        self.sim.control("modes", {"spotify": "dev"})
        self.assertNotIn("followers", self.get(artist, token).json)
        self.get(artist + "/albums?limit=50", token, status=400)
        self.get(base + "me", "nonsense", status=401)

    def test_tiktok(self):
        truth = self.sim.truth("tiktok", 4711)
        token, base = "tok-tiktok-4711", "https://open.tiktokapis.com/v2/"
        user = self.get(base + "user/info/?fields=follower_count,likes_count,video_count",
                        token).json["data"]["user"]
        self.assertEqual(user, {k: truth[{"follower_count": "followers"}.get(k, k)] for k in user})
        videos, cursor, more = [], None, True
        while more:
            body = {"max_count": 20, **({"cursor": cursor} if cursor else {})}
            page = self.post(base + "video/list/?fields=id,view_count,comment_count",
                             json.dumps(body),
                             Authorization="Bearer " + token,
                             Content_Type="application/json").json["data"]
            videos += page["videos"]
            cursor, more = page["cursor"], page["has_more"]
        self.assertEqual(len(videos), truth["video_count"])
        self.assertEqual(sum(v["view_count"] for v in videos), truth["total_views"])
        self.assertEqual(
            self.get(base + "user/info/?fields=open_id", "x", status=401).json["error"]["code"],
            "access_token_invalid")

    def test_soundcloud(self):
        truth = self.sim.truth("soundcloud", 4711)
        base = "https://api.soundcloud.com/me"
        self.assertEqual(
            self.get(base, "tok-soundcloud-4711", "OAuth").json["followers_count"], truth["followers"])
        tracks, url = [], base + "/tracks?limit=7&linked_partitioning=true"
        while url:
            page = self.get(url, "tok-soundcloud-4711", "OAuth").json
            tracks += page["collection"]
            url = page["next_href"]
        self.assertEqual(sum(t["playback_count"] or 0 for t in tracks), truth["total_plays"])
        self.assertEqual(sum(t["sharing"] == "public" for t in tracks), truth["track_count"])
        self.assertIsInstance(self.get(base + "/tracks", "tok-soundcloud-4711", "OAuth").json, list)
        self.assertEqual(self.get(base, "nonsense", "OAuth", status=401).raw, b"")
        self.get(base, "tok-soundcloud-4711", "Bearer", status=401)

    def test_twitter(self):
        truth = self.sim.truth("twitter", 4711)
        token, base = "tok-twitter-4711", "https://api.x.com/2/users/"
        me = self.get(base + "me?user.fields=public_metrics", token)
        self.assertEqual(me.json["data"]["public_metrics"]["tweet_count"], truth["tweets_count"])
        self.assertEqual(me.headers["x-rate-limit-limit"], "75")
        url, mark, tweets, lost = (
            base +
            "1500000000000004711/tweets?max_results=10&exclude=retweets&start_time=2026-01-30T12:00:00Z"
            "&tweet.fields=created_at,public_metrics,non_public_metrics"), "", [], 0
        while mark is not None:
            page = self.get(url + mark, token).json
            tweets += page.get("data", [])
            lost += len(page.get("errors", []))
            mark = "&pagination_token=" + page["meta"]["next_token"] if "next_token" in page["meta"] else None
        self.assertEqual(sum(t["public_metrics"]["like_count"] for t in tweets), truth["month"]["likes"])
        self.assertEqual(sum(t["non_public_metrics"].get("url_link_clicks", 0) for t in tweets),
                         truth["month"]["link_clicks"])
        old = truth["content"][-1]["id"]
        self.assertIn(
            "errors",
            self.get(f"https://api.x.com/2/tweets?ids={old}&tweet.fields=non_public_metrics", token).json)
        self.sim.control("modes", {"twitter": "post"})
        self.get(base + "1500000000000004711/tweets?tweet.fields=created_at", token, status=400)
        self.assertIn(
            "repost_count",
            self.get(base + "1500000000000004711/tweets?post.fields=public_metrics",
                     token).json["data"][0]["public_metrics"])

    def test_apple_music(self):
        truth = self.sim.truth("apple_music", 4711)
        base, token = "https://api.music.apple.com/v1/", "tok-apple_music-dev"
        mine = {"Music_User_Token": "tok-apple_music-4711"}
        self.assertEqual(
            self.get(base + "me/library/songs?limit=1", token, **mine).json["meta"]["total"],
            truth["library_songs_count"])
        self.assertEqual(
            self.get(base + "me/library/songs", token, status=403).json["errors"][0]["code"], "40300")
        albums, url = [], base + "catalog/us/artists/4711/albums?limit=10"
        while url:
            page = self.get(url, token).json
            albums += page["data"]
            url = "https://api.music.apple.com" + page["next"] if "next" in page else None
        self.assertEqual([a["id"] for a in albums], [c["id"] for c in truth["content"]])
        songs = []
        for offset in (0, 50, 100, 150):
            chart = self.get(
                base + f"catalog/us/charts?types=songs&chart=most-played&limit=50&offset={offset}",
                token).json
            songs += chart["results"]["songs"][0]["data"]
        self.assertEqual(songs[truth["charts"]["us"]["position"] - 1]["id"], truth["charts"]["us"]["song"])
        self.get(base + "catalog/us/charts?types=songs&chart=most-played&offset=200", token, status=400)
        tracked = self.get(
            base +
            f"catalog/us/playlists/{truth['featured_playlists'][0]}?include=tracks&include%5Bsongs%5D=artists",
            token).json["data"][0]
        self.assertIn("4711", [
            a["id"] for s in tracked["relationships"]["tracks"]["data"]
            for a in s["relationships"]["artists"]["data"]
        ])
        found = self.get(base + "catalog/us/artists/4711/view/featured-playlists?limit=100",
                         token).json["data"]
        self.assertEqual([p["id"] for p in found], truth["featured_playlists"])

    def test_apple_developer_token_is_checked(self):

        def jwt(**change):
            now = int(time.time())
            head = {"alg": "ES256", "kid": "ABCDE12345", **change.get("head", {})}
            claims = {"iss": "TEAM123456", "iat": now, "exp": now + 3600, **change.get("claims", {})}
            parts = [json.dumps(head).encode(), json.dumps(claims).encode(), b"s" * change.get("size", 64)]
            return ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)

        url = "https://api.music.apple.com/v1/catalog/us/artists/4711"
        self.get(url, jwt())
        for wrong in ({"head": {"alg": "HS256"}}, {"claims": {"exp": 1}},
                      {"claims": {"exp": int(time.time()) + 10**9}}, {"size": 70}):
            self.get(url, jwt(**wrong), status=401)

    def test_tidal(self):
        truth = self.sim.truth("tidal", 4711)
        base, token = "https://openapi.tidal.com/v2", "tok-tidal-4711"
        answer = self.get(base + "/artists/4711?countryCode=US", token)
        self.assertEqual(answer.json["data"]["attributes"]["numberOfFollowers"], truth["followers"])
        self.assertEqual(answer.headers["x-ratelimit-burst-capacity"], "10")
        self.assertNotIn("numberOfFollowers",
                         self.get(base + "/artists/4714", token).json["data"]["attributes"])
        url, names = f"/playlists/{truth['playlist_ids'][1]}/relationships/items?countryCode=US&include=items.artists", []
        artists = set()
        while url:
            page = self.get(base + url, token).json
            names += [d["id"] for d in page["data"]]
            for resource in page["included"]:
                if resource["type"] == "tracks":
                    artists |= {a["id"] for a in resource["relationships"]["artists"]["data"]}
            url = page["links"].get("next")
        self.assertEqual(len(names), 60)
        self.assertIn("4711", artists)
        albums = self.get(base + "/artists/4711/relationships/albums?include=albums.artists,albums",
                          token).json
        self.assertEqual([d["id"] for d in albums["data"]], [c["id"] for c in truth["content"]])
        self.get(base + "/artists/4711", status=401)


def challenge(verifier, as_hex=False):
    digest = hashlib.sha256(verifier.encode()).digest()
    return digest.hex() if as_hex else base64.urlsafe_b64encode(digest).decode().rstrip("=")


class OAuth(Case):
    VERIFIER = "v" * 50
    REDIRECT = "https://app.example/callback"

    def consent(self, url, **query):
        answer = self.get(
            url + "?" +
            urlencode({"redirect_uri": self.REDIRECT, "state": "s t", "response_type": "code", **query}),
            status=302)
        back = urlsplit(answer.headers["Location"])
        values = {k: v[0] for k, v in parse_qs(back.query).items()}
        self.assertEqual(values["state"], "s t")
        return values

    def basic(self):
        return {"Authorization": "Basic " + base64.b64encode(b"app:secret").decode()}

    def test_google(self):
        scope = "https://www.googleapis.com/auth/youtube.readonly https://www.googleapis.com/auth/yt-analytics.readonly"
        self.sim.control("consent", {"platform": "youtube", "artist": 55, "untick": [scope.split()[1]]})
        code = self.consent("https://accounts.google.com/o/oauth2/v2/auth",
                            client_id="app",
                            scope=scope,
                            code_challenge=challenge(self.VERIFIER),
                            code_challenge_method="S256")["code"]
        form = {
            "grant_type": "authorization_code", "client_id": "app", "client_secret": "secret", "code": code,
            "redirect_uri": self.REDIRECT, "code_verifier": self.VERIFIER
        }
        self.post("https://oauth2.googleapis.com/token", {**form, "code_verifier": "w" * 50}, status=400)
        tokens = self.post("https://oauth2.googleapis.com/token", form).json
        self.assertEqual(tokens["scope"], scope.split()[0])
        self.assertEqual(
            self.post("https://oauth2.googleapis.com/token", form, status=400).json["error"], "invalid_grant")
        url = "https://www.googleapis.com/youtube/v3/channels?part=id&mine=true"
        self.assertEqual(self.get(url, tokens["access_token"]).json["items"][0]["id"], "UC" + "55".zfill(22))
        self.get(
            "https://youtubeanalytics.googleapis.com/v2/reports?ids=channel==MINE&startDate=2026-01-01&endDate=2026-02-01&metrics=views",
            tokens["access_token"],
            status=403)
        refresh = {
            "grant_type": "refresh_token", "client_id": "app", "client_secret": "secret",
            "refresh_token": tokens["refresh_token"]
        }
        self.sim.control("now", {"advance": 3600})
        self.get(url, tokens["access_token"], status=401)
        again = self.post("https://oauth2.googleapis.com/token", refresh).json
        self.assertNotIn("refresh_token", again)
        self.get(url, again["access_token"])
        self.post("https://oauth2.googleapis.com/revoke?token=" + again["access_token"], {})
        self.assertEqual(
            self.post("https://oauth2.googleapis.com/token", refresh, status=400).json["error"],
            "invalid_grant")

    def test_a_denied_consent_comes_back_as_an_error(self):
        self.sim.control("consent", {"platform": "*", "deny": True})
        values = self.consent("https://accounts.spotify.com/authorize",
                              client_id="app",
                              scope="user-library-read")
        self.assertEqual(values["error"], "access_denied")

    def rotating(self, token_url, code_form, refresh_form, headers):
        """Code -> tokens -> renewed tokens; the spent refresh token then ends the account."""
        first = self.post(token_url, code_form, **headers).json
        second = self.post(token_url, {**refresh_form, "refresh_token": first["refresh_token"]},
                           **headers).json
        self.assertNotEqual(first["refresh_token"], second["refresh_token"])
        self.assertEqual(self.sim.control("stats")["refresh_tokens_reused"], [])
        self.post(token_url, {**refresh_form, "refresh_token": first["refresh_token"]}, status=400, **headers)
        self.assertEqual(len(self.sim.control("stats")["refresh_tokens_reused"]), 1)
        self.post(token_url, {**refresh_form, "refresh_token": second["refresh_token"]},
                  status=400,
                  **headers)
        return second

    def test_x_rotates(self):
        code = self.consent("https://x.com/i/oauth2/authorize",
                            client_id="app",
                            scope="users.read tweet.read offline.access",
                            code_challenge=challenge(self.VERIFIER),
                            code_challenge_method="S256")["code"]
        dead = self.rotating(
            "https://api.x.com/2/oauth2/token", {
                "grant_type": "authorization_code", "code": code, "redirect_uri": self.REDIRECT,
                "code_verifier": self.VERIFIER
            }, {"grant_type": "refresh_token"}, self.basic())
        self.get("https://api.x.com/2/users/me", dead["access_token"], status=401)
        self.assertEqual(
            self.post("https://api.x.com/2/oauth2/token",
                      {"grant_type": "refresh_token", "refresh_token": "x"},
                      status=401).json["error"], "unauthorized_client")

    def test_tiktok_rotates_and_hashes_in_hex(self):

        def code(as_hex):
            return self.consent("https://www.tiktok.com/v2/auth/authorize/",
                                client_key="app",
                                scope="user.info.basic,user.info.stats",
                                code_challenge=challenge(self.VERIFIER, as_hex),
                                code_challenge_method="S256")["code"]

        client = {"client_key": "app", "client_secret": "secret"}
        form = {
            **client, "grant_type": "authorization_code", "redirect_uri": self.REDIRECT,
            "code_verifier": self.VERIFIER
        }
        url = "https://open.tiktokapis.com/v2/oauth/token/"
        self.assertEqual(
            self.post(url, {**form, "code": code(False)}, status=400).json["error"], "invalid_request")
        tokens = self.post(url, {**form, "code": code(True)}).json
        self.assertEqual(tokens["scope"], "user.info.basic,user.info.stats")
        info = "https://open.tiktokapis.com/v2/user/info/?fields=follower_count"
        self.get(info, tokens["access_token"])
        self.assertEqual(
            self.get(info + ",username", tokens["access_token"], status=401).json["error"]["code"],
            "scope_not_authorized")
        self.rotating(url, {**form, "code": code(True)}, {**client, "grant_type": "refresh_token"}, {})

    def test_soundcloud_demands_pkce_and_rotates(self):
        answer = self.sim.ask("https://secure.soundcloud.com/authorize?client_id=app&redirect_uri=" +
                              quote(self.REDIRECT))
        self.assertEqual(answer.status, 400)
        code = self.consent("https://secure.soundcloud.com/authorize",
                            client_id="app",
                            code_challenge=challenge(self.VERIFIER),
                            code_challenge_method="S256")["code"]
        client = {"client_id": "app", "client_secret": "secret"}
        self.rotating(
            "https://secure.soundcloud.com/oauth/token", {
                **client, "grant_type": "authorization_code", "code": code, "redirect_uri": self.REDIRECT,
                "code_verifier": self.VERIFIER
            }, {**client, "grant_type": "refresh_token"}, {})

    def test_spotify_keeps_or_rotates(self):

        def tokens():
            code = self.consent("https://accounts.spotify.com/authorize",
                                client_id="app",
                                scope="user-library-read",
                                code_challenge=challenge(self.VERIFIER),
                                code_challenge_method="S256")["code"]
            return {
                "grant_type": "authorization_code", "code": code, "redirect_uri": self.REDIRECT,
                "code_verifier": self.VERIFIER
            }

        url = "https://accounts.spotify.com/api/token"
        first = self.post(url, tokens(), **self.basic()).json
        again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        self.assertNotIn("refresh_token", self.post(url, again, **self.basic()).json)
        self.sim.control("now", {"advance": 184 * DAY})
        self.assertEqual(
            self.post(url, again, status=400, **self.basic()).json["error_description"],
            "Refresh token expired")
        public = {"client_id": "app"}
        self.rotating(url, {**tokens(), **public}, {**public, "grant_type": "refresh_token"}, {})

    def test_tidal(self):
        code = self.consent("https://login.tidal.com/authorize",
                            client_id="app",
                            scope="user.read",
                            code_challenge=challenge(self.VERIFIER),
                            code_challenge_method="S256")["code"]
        url = "https://auth.tidal.com/v1/oauth2/token"
        held = self.post(
            url, {
                "grant_type": "authorization_code", "client_id": "app", "code": code,
                "redirect_uri": self.REDIRECT, "code_verifier": self.VERIFIER
            }).json["refresh_token"]
        seen = []
        for _ in range(4):
            answer = self.post(
                url, {"grant_type": "refresh_token", "client_id": "app", "refresh_token": held}).json
            seen.append("refresh_token" in answer)
            held = answer.get("refresh_token", held)
        self.assertEqual(seen, [False, True, False, True])
        app = self.post(url, {"grant_type": "client_credentials"}, **self.basic()).json
        self.get("https://openapi.tidal.com/v2/artists/4711", app["access_token"])

    def test_facebook_login(self):
        code = self.consent(
            "https://www.facebook.com/v25.0/dialog/oauth",
            client_id="app",
            scope="pages_show_list,pages_read_engagement,read_insights,pages_read_user_content")["code"]
        base, client = "https://graph.facebook.com/v25.0/", {"client_id": "app", "client_secret": "secret"}
        short = self.get(base + "oauth/access_token?" +
                         urlencode({**client, "redirect_uri": self.REDIRECT, "code": code})).json
        long = self.get(base + "oauth/access_token?" + urlencode(
            {**client, "grant_type": "fb_exchange_token", "fb_exchange_token": short["access_token"]})).json
        self.assertGreater(long["expires_in"], 5000000)
        page = self.get(base + "me/accounts?fields=id,access_token", long["access_token"]).json["data"][0]
        node = base + page["id"] + "/published_posts?limit=1"
        self.assertEqual(
            self.get(node, long["access_token"], status=400).json["error"]["error_subcode"], 2069032)
        self.get(node, page["access_token"])
        self.sim.control("now", {"advance": 61 * DAY})
        self.assertEqual(
            self.get(base + "me", long["access_token"], status=400).json["error"]["error_subcode"], 463)
        self.get(node, page["access_token"])  # a Page token has no expiry date

    def test_instagram_login(self):
        answer = self.get("https://www.instagram.com/oauth/authorize?" + urlencode({
            "client_id": "app", "redirect_uri": self.REDIRECT, "state": "x",
            "scope": "instagram_business_basic,instagram_business_manage_insights"
        }),
                          status=302)
        self.assertTrue(answer.headers["Location"].endswith("#_"))
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        form = {
            "client_id": "app", "client_secret": "secret", "grant_type": "authorization_code",
            "redirect_uri": self.REDIRECT, "code": code
        }
        short = self.post("https://api.instagram.com/oauth/access_token", form).json
        self.assertEqual(short["user_id"], 17841400000004711)
        self.assertEqual(
            self.post("https://api.instagram.com/oauth/access_token", form, status=400).json["error_type"],
            "OAuthException")
        base = "https://graph.instagram.com/"
        long = self.get(base +
                        "access_token?grant_type=ig_exchange_token&client_secret=secret&access_token=" +
                        short["access_token"]).json
        fresh = self.get(base + "refresh_access_token?grant_type=ig_refresh_token&access_token=" +
                         long["access_token"]).json
        self.get(base + "v25.0/me?fields=user_id,username", fresh["access_token"])
        self.get(base + "v25.0/17841400000004711/media?fields=id,collaborators",
                 fresh["access_token"],
                 status=400)

    def test_deezer(self):
        code = self.consent("https://connect.deezer.com/oauth/auth.php",
                            app_id="app",
                            perms="basic_access,offline_access")["code"]
        url = "https://connect.deezer.com/oauth/access_token.php?app_id=app&secret=s&output=json&code="
        token = self.get(url + code).json
        self.assertEqual(token["expires"], 0)
        self.assertEqual(
            self.get("https://api.deezer.com/user/me?access_token=" + token["access_token"]).json["id"], 4711)
        self.assertEqual(self.get(url + code).raw, b"wrong code")

    def test_registered_clients_and_secrets(self):
        self.sim.control("clients", {"platform": "tidal", "client_id": "app", "client_secret": "secret"})
        self.post("https://auth.tidal.com/v1/oauth2/token",
                  {"grant_type": "client_credentials", "client_id": "app", "client_secret": "other"},
                  status=401)
        token = self.sim.control("issue", {"platform": "tidal", "artist": 9, "life": 60})
        self.assertIn(token["access_token"], self.sim.control("secrets")["secrets"])


class Faults(Case):
    URL = "https://api.deezer.com/artist/4711"

    def test_delivery(self):
        for kind in ("reset", "truncate", "hang"):
            self.sim.control("faults", [{"kind": kind, "times": 1}])
            with self.assertRaises((OSError, http.client.HTTPException)):
                self.sim.connection and self.sim.connection.close()
                self.sim.connection = http.client.HTTPConnection("127.0.0.1", self.sim.port, timeout=0.3)
                self.sim.ask(self.URL)
            self.get(self.URL)
        for kind in ("garbage", "deep", "empty", "too_large"):
            self.sim.control("faults", [{"kind": kind, "times": 1}])
            body = self.get(self.URL).raw
            with self.assertRaises((ValueError, RecursionError)):
                json.loads(body) if kind != "too_large" else json.loads(b"" if len(body) > 8 << 20 else b"1")
        self.sim.control("faults", [{"kind": "delay", "seconds": 0.2, "times": 1}])
        start = time.monotonic()
        self.get(self.URL)
        self.assertGreaterEqual(time.monotonic() - start, 0.2)

    def test_each_platform_refuses_in_its_own_way(self):
        expect = {
            "https://api.deezer.com/artist/1": [
                (200, "quota"), (200, "oauth")
            ], "https://www.googleapis.com/youtube/v3/channels?part=id&mine=true": [
                (429, "resource_exhausted"), (401, "autherror")
            ], "https://graph.facebook.com/v25.0/17841400000004711": [
                (400, "80002"), (400, "463")
            ], "https://api.spotify.com/v1/me": [
                (429, "rate limit"), (401, "expired")
            ], "https://open.tiktokapis.com/v2/user/info/?fields=open_id": [
                (429, "rate_limit_exceeded"), (401, "access_token_invalid")
            ], "https://api.soundcloud.com/me": [(429, "rate limit"), (401, "")
                                                 ], "https://api.x.com/2/users/me": [(429, "rate limit"),
                                                                                     (401, "unauthorized")],
            "https://api.music.apple.com/v1/catalog/us/artists/1": [(429, "capacity"), (401, "")],
            "https://openapi.tidal.com/v2/artists/1": [(429, "rate limit"), (401, "expired")]
        }
        for url, answers in expect.items():
            for kind, (status, word) in zip(("429", "401"), answers):
                self.sim.control("faults", [{"kind": kind, "times": 1, "retry_after": 30}])
                self.assertIn(word, self.get(url, status=status).raw.decode().lower(), url)
            self.sim.control("faults", [{"kind": "5xx", "status": 500, "times": 1}])
            self.get(url, status=500)

    def test_a_rule_strikes_whom_it_names(self):
        self.sim.control(
            "faults",
            [{"kind": "5xx", "status": 502, "account": "4711", "path": "/albums", "skip": 1, "times": 1}])
        self.get(self.URL)
        self.get("https://api.deezer.com/artist/4712/albums")
        self.get(self.URL + "/albums")
        self.get(self.URL + "/albums", status=502)
        self.get(self.URL + "/albums")
        self.assertEqual(self.sim.control("faults")["rules"][0]["hits"], 1)

    def test_probability_is_drawn_from_the_seed(self):

        def run():
            self.sim.control("reset", {})
            self.sim.control("faults", [{"kind": "5xx", "status": 502, "probability": 0.3}])
            return [self.sim.ask(f"https://api.deezer.com/artist/{n}").status for n in range(1, 101)]

        first = run()
        self.assertTrue(15 <= first.count(502) <= 45, first.count(502))
        other = Simulator("--now", NOW)
        try:
            other.control("faults", [{"kind": "5xx", "status": 502, "probability": 0.3}])
            self.assertEqual([other.ask(f"https://api.deezer.com/artist/{n}").status for n in range(1, 101)],
                             first)
        finally:
            other.close()

    def test_retired_metrics(self):
        self.sim.control("faults", [{"kind": "retired", "metric": "profile_views", "platform": "instagram"}, {
            "kind": "retired", "metric": "shares", "platform": "youtube"
        }, {"kind": "retired", "metric": "page_views_total", "platform": "facebook"}])
        base = "https://graph.facebook.com/v25.0/"
        message = self.get(
            base +
            "17841400000004711/insights?metric=website_clicks,profile_views&period=day&metric_type=total_value",
            "tok-instagram-4711",
            status=400).json["error"]["message"]
        self.assertTrue(
            message.startswith("(#100) metric[1] must be one of") and "profile_views" not in message)
        self.get(base + "100000000004711/insights?metric=page_views_total&period=day",
                 "tok-facebook-4711",
                 status=400)
        reports = "https://youtubeanalytics.googleapis.com/v2/reports?ids=channel==MINE&startDate=2026-01-01&endDate=2026-02-01&metrics="
        self.assertIn(
            "not supported",
            self.get(reports + "views,shares", "tok-youtube-4711", status=400).json["error"]["message"])
        self.get(reports + "views,likes", "tok-youtube-4711")

    def test_members_of_a_batch(self):
        self.sim.control("faults", [{"kind": "null_member", "times": 1}, {"kind": "429", "path": "/stories"}])
        members = json.dumps([{"method": "GET", "relative_url": "17841400000004711?fields=id"}] * 2 +
                             [{"method": "GET", "relative_url": "17841400000004711/stories"}])
        batch = self.post("https://graph.facebook.com/v25.0/",
                          {"access_token": "tok-instagram-4711", "batch": members}).json
        self.assertIsNone(batch[0])
        self.assertEqual(batch[1]["code"], 200)
        self.assertEqual(json.loads(batch[2]["body"])["error"]["code"], 80002)
        self.assertEqual(self.sim.control("stats")["batch_members"], 3)

    def test_requests_before_the_named_time_are_counted(self):
        self.sim.control("faults", [{"kind": "429", "retry_after": 60, "times": 1}])
        url = "https://api.spotify.com/v1/me"
        self.assertEqual(self.get(url, "tok-spotify-4711", status=429).headers["Retry-After"], "60")
        self.get(url, "tok-spotify-4712")
        self.assertEqual(self.sim.control("stats")["early_requests"], 0)
        self.get(url, "tok-spotify-4711")
        self.assertEqual(self.sim.control("stats")["early_requests"], 1)
        self.sim.control("now", {"advance": 60})
        self.get(url, "tok-spotify-4711")
        self.assertEqual(self.sim.control("stats")["early_requests"], 1)

    def test_a_rule_ends_by_the_calendar(self):
        self.sim.control("faults", [{"kind": "429", "until": "2026-03-01T13:00:00Z", "scope": "host"}])
        url = "https://api.spotify.com/v1/me"
        self.assertEqual(self.get(url, "tok-spotify-1", status=429).headers["Retry-After"], "3600")
        self.get(url, "tok-spotify-2", status=429)
        self.assertEqual(self.sim.control("stats")["early_requests"], 1)
        self.sim.control("now", {"advance": 3600})
        self.get(url, "tok-spotify-1")
        self.assertEqual(self.sim.control("stats")["early_requests"], 1)

    def test_a_wrong_rule_changes_nothing(self):
        self.sim.control("faults", [{"kind": "5xx", "account": "1"}])
        for wrong in ([{"kind": "nonsense"}], [{"kind": "delay", "hots": "x"}], [{"kind": "retired"}]):
            self.assertEqual(self.sim.ask("_control/faults", "POST", json.dumps(wrong)).status, 400)
        self.assertEqual(len(self.sim.control("faults")["rules"]), 1)


class Service(Case):

    def test_many_connections_at_once(self):
        results = []

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", self.sim.port, timeout=10)
            for n in range(1, 6):
                connection.request("GET", f"/api.deezer.com/artist/{n}")
                results.append(connection.getresponse().read())
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(results), 300)
        stats = self.sim.control("stats")
        self.assertEqual(stats["requests"], {"GET api.deezer.com/artist/{}": 300})
        self.assertEqual(stats["accounts"]["deezer/1"], 60)
        self.assertGreater(stats["max_connections"], 1)

    def test_gzip_when_asked(self):
        plain = self.get("https://api.deezer.com/artist/4711/albums")
        packed = self.get("https://api.deezer.com/artist/4711/albums", Accept_Encoding="gzip, deflate")
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(packed.raw, plain.raw)

    def test_deezer_quota(self):
        other = Simulator("--now", NOW, "--deezer-quota")
        try:
            codes = [
                other.ask("https://api.deezer.com/artist/1").json.get("error", {}).get("code")
                for _ in range(52)
            ]
            self.assertEqual(codes, [None] * 50 + [4, 4])
        finally:
            other.close()

    def test_quits_with_its_parent(self):
        with tempfile.TemporaryDirectory() as folder:
            port_file = os.path.join(folder, "port")
            script = (
                f"import subprocess,sys,time; p=subprocess.Popen([sys.executable,{os.path.join(HERE, 'simulator.py')!r},"
                f"'--port','0','--port-file',{port_file!r},'--with-parent']); print(p.pid,flush=True); time.sleep(60)"
            )
            parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
            child = int(parent.stdout.readline())
            parent.stdout.close()
            end = time.monotonic() + 5
            while not os.path.exists(port_file) and time.monotonic() < end:
                time.sleep(0.02)
            parent.kill()
            parent.wait()
            end = time.monotonic() + 5
            while time.monotonic() < end:
                try:
                    os.kill(child, 0)
                    with open(f"/proc/{child}/stat") as stat:
                        if stat.read().split(")")[1].split()[0] == "Z":
                            return
                except (ProcessLookupError, FileNotFoundError):
                    return
                time.sleep(0.05)
            os.kill(child, signal.SIGKILL)
            self.fail("the simulator outlived its parent")


if __name__ == "__main__":
    unittest.main(verbosity=1)
