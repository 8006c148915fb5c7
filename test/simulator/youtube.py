"""YouTube: the Data API v3, the Analytics API v2, the Reporting API's reach report, and Google's OAuth
server.

Data API statistics are strings; what is hidden is absent. Subscribers above 1000 are rounded down to three
figures. Analytics days are days of America/Los_Angeles and end some 60 hours before now.
"""

from datetime import date, timedelta

import ids
from server import Response
from texts import iso_time, md5, number, pacific_midnight, parse_time
from world import GENESIS

PLATFORM = "youtube"
HOSTS = ("www.googleapis.com", "youtube.googleapis.com", "youtubeanalytics.googleapis.com",
         "youtubereporting.googleapis.com", "accounts.google.com", "oauth2.googleapis.com")
DATA = "https://www.googleapis.com/auth/youtube.readonly"
ANALYTICS = "https://www.googleapis.com/auth/yt-analytics.readonly"
LAG = 60 * 3600  # Analytics shows the days that ended so long ago
DAY_QUOTA = 10000
METRICS = ("views", "engagedViews", "likes", "comments", "shares", "estimatedMinutesWatched",
           "averageViewDuration", "subscribersGained", "subscribersLost", "averageViewPercentage", "dislikes",
           "videosAddedToPlaylists", "videosRemovedFromPlaylists", "redViews", "estimatedRedMinutesWatched")


def error(status, message, reason, domain="global", state=None):
    body = {
        "code": status, "message": message,
        "errors": [{"message": message, "domain": domain, "reason": reason}]
    }
    if state:
        body["status"] = state
    return Response(status, {"error": body})


def new_style_error(status, message, state):
    """Analytics and Reporting send no `errors` list."""
    return Response(status, {"error": {"code": status, "message": message, "status": state}})


def unauthenticated():
    return error(
        401, "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential.", "authError", "global", "UNAUTHENTICATED")


def failure(sim, request, kind, rule):
    if kind == "unauthorized":
        return unauthenticated()
    if kind == "forbidden":
        return error(403, "The request is not properly authorized.", "forbidden", "youtube.common",
                     "PERMISSION_DENIED")
    if kind == "quota":
        return error(
            403, "The request cannot be completed because you have exceeded your "
            "<a href=\"/youtube/v3/getting-started#quota\">quota</a>.", "quotaExceeded", "youtube.quota")
    if kind == "rate_limit":
        out = error(429, "Resource has been exhausted (e.g. check quota).", "rateLimitExceeded", "global",
                    "RESOURCE_EXHAUSTED")
        if rule.wait(sim.now()):
            out.headers["Retry-After"] = str(rule.wait(sim.now()))
        return out
    return error(
        rule.status,
        "Internal error encountered." if rule.status == 500 else "The service is currently unavailable.",
        "backendError", "global", "INTERNAL" if rule.status == 500 else "UNAVAILABLE")


def account_of(sim, request):
    text = request.bearer or request.query.get("access_token")
    if text:
        request.token, _ = sim.grants.find(text, PLATFORM, "access")
        if request.token:
            return PLATFORM, request.token.grant.number
    return None


def handle(sim, request):
    if request.host == "accounts.google.com" and request.path == "/o/oauth2/v2/auth":
        return sim.grants.authorize(PLATFORM, request.query)
    if request.host == "oauth2.googleapis.com":
        return token_server(sim, request)
    if request.token is None and not (request.query.get("key") and request.host.startswith(
        ("www.", "youtube."))):
        if request.bearer is None and not request.query.get("access_token"):
            return error(
                403,
                "Method doesn't allow unregistered callers (callers without established identity). Please "
                "use API Key or other form of API consumer identity to call this API.", "forbidden", "global",
                "PERMISSION_DENIED")
        return unauthenticated()
    parts = request.segments
    if request.host == "youtubeanalytics.googleapis.com":
        return reports(sim, request) if parts == ["v2", "reports"] else new_style_error(
            404, "Not found.", "NOT_FOUND")
    if request.host == "youtubereporting.googleapis.com":
        return reporting(sim, request, parts)
    if parts[:2] != ["youtube", "v3"] or len(parts) != 3:
        return error(404, "Not Found", "notFound")
    if not scoped(request, DATA):
        return error(403, "Request had insufficient authentication scopes.", "insufficientPermissions",
                     "global", "PERMISSION_DENIED")
    what = {
        "channels": channels, "playlistItems": playlist_items, "videos": videos,
        "videos:batchGetStats": batch_stats
    }.get(parts[2])
    if what is None:
        return error(404, "Not Found", "notFound")
    if not request.query.get("part"):
        return error(400, "No filter selected. Expected one of: part", "missingRequiredParameter", "global")
    return what(sim, request)


def scoped(request, scope):
    if request.token is None or request.token.grant.scopes is None:
        return True
    return scope in request.token.grant.scopes or scope.replace(".readonly", "") in request.token.grant.scopes


def parts_of(request, whole):
    """The parts of a resource that the request asks for."""
    asked = request.query["part"].split(",")
    return {key: value for key, value in whole.items() if key in asked or key in ("kind", "etag", "id")}


def listing(kind, items, total=None, per_page=5, **more):
    out = {
        "kind": f"youtube#{kind}ListResponse", "etag": md5(kind, len(items)), **more, "pageInfo": {
            "totalResults": len(items) if total is None else total, "resultsPerPage": per_page
        }
    }
    if items or kind != "channel":
        out["items"] = items
    return Response(200, out)


def thumbnails(name, *sizes):
    return {
        size: {"url": f"https://i.ytimg.com/vi/{name}/{size}.jpg", "width": width, "height": height}
        for size, width, height in sizes
    }


# Channels


def rounded(count):
    """Down to three significant figures above 1000."""
    unit = 10**max(0, len(str(count)) - 3)
    return count // unit * unit if count > 1000 else count


def total_views(account, t):
    """The channel's views: of all its videos, and of some that were deleted."""
    return account.total("views", t) + int(account.base * 3)


def visible(account, t):
    """The public videos, oldest first; every 17th upload is private or unlisted."""
    return [item for item in account.items(t) if privacy(item) == "public"]


def privacy(item):
    return "private" if item.index % 17 == 11 else "unlisted" if item.index % 17 == 5 else "public"


def channel(sim, account, now):
    shown = ids.external_id(PLATFORM, account.number)
    artist = account.artist
    stats = {
        "viewCount": str(total_views(account, now)), "subscriberCount": str(rounded(account.followers(now))),
        "hiddenSubscriberCount": artist.hides_subscribers, "videoCount": str(len(visible(account, now)))
    }
    if artist.hides_subscribers:
        del stats["subscriberCount"]
    return {
        "kind": "youtube#channel", "etag": md5(shown, now), "id": shown, "snippet": {
            "title": artist.name, "description": f"The channel of {artist.name}",
            "customUrl": "@" + artist.name.lower().replace(" ", ""), "publishedAt": "2019-05-01T10:00:00Z",
            "thumbnails": thumbnails(shown, ("default", 88, 88), ("medium", 240, 240), ("high", 800, 800)),
            "localized": {"title": artist.name,
                          "description": f"The channel of {artist.name}"}, "country": artist.country
        }, "contentDetails": {"relatedPlaylists": {"likes": "LL", "uploads": "UU" + shown[2:]}},
        "statistics": stats, "status": {
            "privacyStatus": "public", "isLinked": True, "longUploadsStatus": "longUploadsUnspecified"
        }
    }


def channels(sim, request):
    query, now = request.query, sim.now()
    if query.get("mine") == "true":
        if request.token is None:
            return error(401,
                         "The request uses the <code>mine</code> parameter but is not properly authorized.",
                         "authorizationRequired", "youtube.header")
        numbers = [request.token.grant.number]
    elif query.get("id"):
        named = query["id"].split(",")
        if len(named) > 50:
            return error(400, "Request contains an invalid argument.", "invalidFilters", "youtube.parameter")
        numbers = [
            ids.number_of(PLATFORM, name) for name in named if name.startswith("UC") and len(name) == 24
        ]
    else:
        return error(400, "No filter selected. Expected one of: forUsername, id, managedByMe, mine",
                     "missingRequiredParameter", "youtube.parameter")
    return listing("channel",
                   [parts_of(request, channel(sim, sim.world.account(PLATFORM, n), now)) for n in numbers])


# Videos


def video_id(account, item):
    return ids.packed(account.number, item.index, ids.BASE64, 11)


def find_video(sim, text, now):
    parts = ids.unpacked(text, ids.BASE64, 11)
    if not parts:
        return None
    account = sim.world.account(PLATFORM, parts[0])
    item = account.item(parts[1], now)
    return item and (account, item)


def playlist_items(sim, request):
    query, now = request.query, sim.now()
    name = query.get("playlistId", "")
    if not name.startswith("UU") or len(name) != 24:
        return error(
            404,
            "The playlist identified with the request's <code>playlistId</code> parameter cannot be found.",
            "playlistNotFound", "youtube.playlistItem")
    account = sim.world.account(PLATFORM, ids.number_of(PLATFORM, "UC" + name[2:]))
    owner = request.token is not None and request.token.grant.number == account.number
    items = [item for item in reversed(account.items(now)) if owner or privacy(item) != "private"]
    size = number(query.get("maxResults"), 5)
    if not 0 <= size <= 50:
        return error(400, "Invalid value for maxResults.", "invalidParameter", "youtube.parameter")
    start = 0
    if query.get("pageToken"):
        start = number(query["pageToken"].removeprefix("EAAaB1BUOk"),
                       None) if query["pageToken"].startswith("EAAaB1BUOk") else None
        if start is None:
            return error(400, "The request specifies an invalid page token.", "invalidPageToken",
                         "youtube.parameter")
    more = {}
    if start + size < len(items):
        more["nextPageToken"] = f"EAAaB1BUOk{start + size}"
    if start:
        more["prevPageToken"] = f"EAAaB1BUOk{max(start - size, 0)}"
    shown = ids.external_id(PLATFORM, account.number)
    out = []
    for position, item in enumerate(items[start:start + size], start):
        video, state = video_id(account, item), privacy(item)
        details = {"videoId": video}
        if state != "private":
            details["videoPublishedAt"] = iso_time(item.at)
        title = item.title if state != "private" or owner else "Private video"
        out.append(
            parts_of(
                request, {
                    "kind": "youtube#playlistItem", "etag": md5(video), "id": "VVU" + md5(video, "item")[:24],
                    "snippet": {
                        "publishedAt": iso_time(item.at), "channelId": shown,
                        "title": title, "description": "", "thumbnails": thumbnails(
                            video, ("default", 120, 90),
                            ("medium", 320, 180)), "channelTitle": account.artist.name, "playlistId": name,
                        "position": position, "resourceId": {"kind": "youtube#video", "videoId": video},
                        "videoOwnerChannelTitle": account.artist.name, "videoOwnerChannelId": shown
                    }, "contentDetails": details, "status": {"privacyStatus": state}
                }))
    return listing("playlistItem", out, len(items), size, **more)


def duration(seconds):
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + (f"{seconds}S"
                                                                                         if seconds else "")


def seconds_of(item):
    return item.duration + 2400 if item.kind == "live" else item.duration


def statistics(account, item, now):
    stats = {
        "viewCount": str(item.count("views", now)), "likeCount": str(item.count("likes", now)),
        "favoriteCount": "0", "commentCount": str(item.count("comments", now))
    }
    if item.hides_likes:
        del stats["likeCount"]
    if item.hides_comments:
        del stats["commentCount"]
    return stats


def video(account, item, now, high=0):
    shown, name = ids.external_id(PLATFORM, account.number), video_id(account, item)
    out = {
        "kind": "youtube#video", "etag": md5(name, now), "id": name, "snippet": {
            "publishedAt": iso_time(item.at), "channelId": shown, "title": item.title,
            "description": description(account, item),
            "thumbnails": thumbnails(name, ("default", 120, 90), ("medium", 320, 180), ("high", 480, 360)),
            "channelTitle": account.artist.name, "tags": [account.artist.name, "music"], "categoryId": "10",
            "liveBroadcastContent": "none", "localized": {"title": item.title, "description": ""}
        }, "contentDetails": {
            "duration": duration(seconds_of(item)), "dimension": "2d", "definition": "hd", "caption": "false",
            "licensedContent": True, "contentRating": {}, "projection": "rectangular"
        }, "status": {
            "uploadStatus": "processed", "privacyStatus": privacy(item), "license": "youtube",
            "embeddable": True, "publicStatsViewable": True, "madeForKids": False
        }, "statistics": statistics(account, item, now),
        "player": {"embedHtml": f"<iframe src=\"//www.youtube.com/embed/{name}\"></iframe>"}
    }
    if high:  # the player's size is told only where a height is asked for
        wide = high * 9 // 16 if item.kind == "short" else high * 16 // 9
        out["player"].update(embedHeight=str(high), embedWidth=str(wide))
    if item.kind == "live":
        out["liveStreamingDetails"] = {
            "actualStartTime": iso_time(item.at), "actualEndTime": iso_time(item.at + seconds_of(item)),
            "scheduledStartTime": iso_time(item.at)
        }
    return out


def description(account, item):
    text = f"{item.title} by {account.artist.name}. " + "Lyrics, credits and links to all platforms. " * 4
    return text + " ".join(f"feat. {account.world.artist(n).name}" for n in item.partners)


def asked_videos(sim, request):
    """The videos that the request names, unknown ones left out; None where the list of ids is wrong."""
    names = [name for name in request.query.get("id", "").split(",") if name]
    if not names or len(names) > 50:
        return None
    now, out = sim.now(), []
    for name in names:
        found = find_video(sim, name, now)
        if found:
            account, item = found
            owner = request.token is not None and request.token.grant.number == account.number
            if privacy(item) != "private" or owner:
                out.append(found)
    return out


def videos(sim, request):
    found = asked_videos(sim, request)
    if found is None:
        return error(400, "The request specifies an invalid filter parameter.", "invalidFilters",
                     "youtube.parameter")
    now, high = sim.now(), number(request.query.get("maxHeight"), 0)
    return listing("video", [parts_of(request, video(account, item, now, high)) for account, item in found],
                   per_page=len(found))


def batch_stats(sim, request):
    found = asked_videos(sim, request)
    if found is None:
        return error(400, "Request contains an invalid argument.", "badRequest")
    now, out = sim.now(), []
    for account, item in found:
        stats = statistics(account, item, now)
        del stats["favoriteCount"]
        out.append(
            parts_of(
                request, {
                    "kind": "youtube#videoStats", "etag": md5(item.index, now), "id": video_id(account, item),
                    "snippet": {"publishTime": iso_time(item.at)}, "statistics": stats, "contentDetails": {
                        "duration": duration(seconds_of(item)), "durationMillis": str(
                            seconds_of(item) * 1000)
                    }
                }))
    return Response(200, {"kind": "youtube#batchGetStatsResponse", "etag": md5(len(out), now), "items": out})


# Analytics: differences of the same counts between Pacific midnights


def last_day(now):
    """The newest Pacific day that Analytics shows."""
    day = date.fromordinal(int((now - LAG) // 86400) + date(1970, 1, 1).toordinal())
    return day if pacific_midnight(day + timedelta(days=1)) <= now - LAG else day - timedelta(days=1)


def average_seconds(item):
    return seconds_of(item) * (30 + item.index % 30) / 100


def columns(account, items, since, until):
    """All metrics over [since, until) for some of the account's videos."""
    whole = len(items) == len(account.items(until))

    def grown(name):
        if whole:
            return account.total(name, until) - account.total(name, since)
        return sum(
            item.count(name, until) - (item.count(name, since) if item.at <= since else 0) for item in items)

    views, watched = grown("views"), 0.0
    for item in items:
        before = item.count("views", since) if item.at <= since else 0
        watched += (item.count("views", until) - before) * average_seconds(item)
    net = account.followers(until) - account.followers(since)
    lost = abs(net) // 5 + max(0, -net)
    return {
        "views": views, "engagedViews": views * 4 // 5, "likes": grown("likes"),
        "comments": grown("comments"), "shares": grown("shares"), "dislikes": 0,
        "estimatedMinutesWatched": int(watched / 60),
        "averageViewDuration": int(watched / views) if views else 0, "averageViewPercentage": 41.5,
        "subscribersGained": net + lost, "subscribersLost": lost, "videosAddedToPlaylists": views // 400,
        "videosRemovedFromPlaylists": views // 4000, "redViews": views // 10,
        "estimatedRedMinutesWatched": int(watched / 600)
    }


def reports(sim, request):
    query, now = request.query, sim.now()
    if not scoped(request, ANALYTICS):
        return Response(
            403, {
                "error": {
                    "code": 403, "message": "Request had insufficient authentication scopes.",
                    "status": "PERMISSION_DENIED", "errors": [{
                        "message": "Insufficient Permission", "domain": "global",
                        "reason": "insufficientPermissions"
                    }], "details": [{
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com"
                    }]
                }
            })
    who = query.get("ids", "").removeprefix("channel==")
    own = request.token.grant.number
    if who != "MINE" and ids.number_of(PLATFORM, who) != own:
        return error(403, "Forbidden", "forbidden")
    metrics = [name for name in query.get("metrics", "").split(",") if name]
    retired = sim.retired(PLATFORM, request)
    try:
        first, last = date.fromisoformat(query["startDate"]), date.fromisoformat(query["endDate"])
    except (KeyError, ValueError):
        return new_style_error(400, "Request contains an invalid argument.", "INVALID_ARGUMENT")
    dimension = query.get("dimensions", "")
    unknown = [name for name in metrics if name not in METRICS]
    if unknown and not unknown[0].startswith("videoThumbnailImpressions"):
        return error(400, f"Unknown identifier ({unknown[0]}) given in field parameters.metrics.",
                     "badRequest")
    if (not metrics or unknown or any(name in retired for name in metrics)
            or dimension not in ("", "day", "video", "creatorContentType")):
        return error(400, "The query is not supported. Check the documentation for supported queries.",
                     "badRequest")
    if dimension == "video" and not (query.get("sort") and 0 < number(query.get("maxResults"), 0) <= 200):
        return error(400, "The query is not supported. Check the documentation for supported queries.",
                     "badRequest")
    account = sim.world.account(PLATFORM, own)
    last = min(last, last_day(now))
    late = now - sim.modes.get("youtube_restates", 0) * 86400
    rows = report_rows(account, dimension, query.get("filters", ""), metrics, first, last, late)
    sort = query.get("sort")
    head = ([dimension] if dimension else []) + metrics
    if sort:
        place = sort.removeprefix("-")
        if place not in head:
            return new_style_error(400, "Request contains an invalid argument.", "INVALID_ARGUMENT")
        rows.sort(key=lambda row: row[head.index(place)], reverse=sort.startswith("-"))
    start = number(query.get("startIndex"), 1) - 1
    rows = rows[start:start + number(query.get("maxResults"), len(rows))]
    out = {
        "kind": "youtubeAnalytics#resultTable", "columnHeaders": [{
            "name": name, "columnType": "DIMENSION" if name == dimension else "METRIC", "dataType": "STRING"
            if name == dimension else "FLOAT" if name == "averageViewPercentage" else "INTEGER"
        } for name in head]
    }
    if rows or dimension:
        out["rows"] = rows
    return Response(200, out)


def untold(account, since, until, late):
    """The tenth of the shares and the time watched of [since, until) that comes late: of the days that end after
    `late`."""
    day, out = last_day(until + LAG), {"shares": 0, "estimatedMinutesWatched": 0}
    while pacific_midnight(day) >= since and pacific_midnight(day + timedelta(days=1)) > late:
        end = pacific_midnight(day + timedelta(days=1))
        values = columns(account, account.items(end), pacific_midnight(day), end)
        for name in out:
            out[name] += values[name] // 10
        day -= timedelta(days=1)
    return out


def report_rows(account, dimension, filters, metrics, first, last, late):
    if first > last:
        return []
    since, until = pacific_midnight(first), pacific_midnight(last + timedelta(days=1))
    items = account.items(until)
    wanted = next(
        (f.removeprefix("video==").split(",") for f in filters.split(";") if f.startswith("video==")), None)
    if wanted is not None:
        items = [item for item in items if video_id(account, item) in wanted]

    def row(chosen, a, b):
        values = columns(account, chosen, a, b)
        if dimension in ("", "day") and wanted is None:
            for name, part in untold(account, a, b, late).items():
                values[name] -= part
        return [values[name] for name in metrics]

    if dimension == "video":
        return [[video_id(account, item)] + row([item], since, until) for item in items]
    if dimension == "creatorContentType":
        kinds = {"VIDEO_ON_DEMAND": "video", "SHORTS": "short", "LIVE_STREAM": "live"}
        groups = ((name, [i for i in items if i.kind == kind]) for name, kind in kinds.items())
        return [[name] + row(group, since, until) for name, group in groups if group]
    if dimension == "day":
        first = max(first, date(2025, 1, 1))
        days = (first + timedelta(days=i) for i in range((last - first).days + 1))
        return [[day.isoformat()] +
                row([i for i in items if i.at < pacific_midnight(day + timedelta(days=1))],
                    pacific_midnight(day), pacific_midnight(day + timedelta(days=1))) for day in days]
    return [row(items, since, until)] if items else []


# Reporting: one daily CSV of thumbnail impressions per job


def reporting(sim, request, parts):
    if not scoped(request, ANALYTICS):
        return new_style_error(403, "Request had insufficient authentication scopes.", "PERMISSION_DENIED")
    account, now = sim.world.account(PLATFORM, request.token.grant.number), sim.now()
    job = f"job-{account.number}"
    if parts == ["v1", "jobs"]:
        body = {
            "id": job, "reportTypeId": "channel_reach_basic_a1", "name": "reach",
            "createTime": iso_time(GENESIS)
        }
        return Response(200, body if request.method == "POST" else {"jobs": [body]})
    if parts == ["v1", "jobs", job, "reports"]:
        after = parse_time(request.query["createdAfter"]) if request.query.get("createdAfter") else 0
        newest, out = last_day(now), []
        for back in range(60):
            day = newest - timedelta(days=back)
            start = pacific_midnight(day)
            created = start + 86400 + LAG
            if created > after:
                out.append({
                    "id": str(day.toordinal()), "jobId": job, "startTime": iso_time(start),
                    "endTime": iso_time(pacific_midnight(day + timedelta(days=1))),
                    "createTime": iso_time(created),
                    "downloadUrl": f"https://youtubereporting.googleapis.com/v1/media/{job}/{day.toordinal()}?alt=media"
                })
        return Response(200, {"reports": out} if out else {})
    if parts[:3] == ["v1", "media", job] and len(parts) == 4 and parts[3].isdigit():
        day = date.fromordinal(int(parts[3]))
        since, until = pacific_midnight(day), pacific_midnight(day + timedelta(days=1))
        shown = ids.external_id(PLATFORM, account.number)
        lines = ["date,channel_id,video_id,video_thumbnail_impressions,video_thumbnail_impressions_ctr"]
        for item in account.items(until):
            impressions, ctr = reach(item, since, until)
            if impressions:
                lines.append(f"{day:%Y%m%d},{shown},{video_id(account, item)},{impressions},{ctr}")
        return Response(200, "\n".join(lines) + "\n", content_type="text/csv")
    return new_style_error(404, "Requested entity was not found.", "NOT_FOUND")


def reach(item, since, until):
    """(impressions, click-through rate) of a video's thumbnail in [since, until)."""
    views = item.count("views", until) - (item.count("views", since) if item.at <= since else 0)
    return views * 8, round(0.03 + item.index % 40 / 1000, 3)


# OAuth


def token_server(sim, request):
    if request.path == "/revoke":
        known = sim.grants.revoke(PLATFORM, request.query.get("token") or request.form.get("token"))
        return Response(200, {}) if known else Response(
            400, {"error": "invalid_token", "error_description": "Token expired or revoked"})
    if request.path != "/token" or request.method != "POST":
        return Response(404, "Not Found", content_type="text/html")
    form = request.form
    client = form.get("client_id")
    if not sim.grants.client_known(PLATFORM, client, form.get("client_secret")):
        return Response(401,
                        {"error": "invalid_client", "error_description": "The OAuth client was not found."})
    out = {}
    if form.get("grant_type") == "authorization_code":
        grant, problem = sim.grants.redeem(PLATFORM, form.get("code"), client, form.get("redirect_uri", ""),
                                           form.get("code_verifier"))
        if problem == "redirect_uri":
            return Response(400, {"error": "redirect_uri_mismatch", "error_description": "Bad Request"})
        if problem:
            return Response(
                400, {
                    "error": "invalid_grant", "error_description": "Missing code verifier."
                    if problem == "verifier" else "Malformed auth code."
                })
        out["refresh_token"] = sim.grants.issue("refresh", grant, None).text
    elif form.get("grant_type") == "refresh_token":
        grant, problem = sim.grants.renew(PLATFORM, form.get("refresh_token"), client, rotates=False)
        if problem:
            return Response(
                400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
    else:
        return Response(400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type: "})
    token = sim.grants.issue("access", grant, 3599)
    scopes = [DATA, ANALYTICS] if grant.scopes is None else grant.scopes
    return Response(200, {
        "access_token": token.text, "expires_in": 3599, **out, "scope": " ".join(scopes),
        "token_type": "Bearer"
    })


def truth(sim, account, t):
    """What Data API and Analytics hold at t. A hidden count is null; `exact_subscribers` is what Analytics
    adds up to."""
    items = account.items(t)
    until = pacific_midnight(last_day(t) + timedelta(days=1))
    lifetime = columns(account, account.items(until), pacific_midnight(date(2019, 5, 1)), until)
    hidden = account.artist.hides_subscribers
    return {
        "followers": None if hidden else rounded(account.followers(t)),
        "exact_subscribers": account.followers(t), "total_views": total_views(account, t),
        "videos_count": len(visible(account, t)), "analytics": lifetime, "analytics_until": until,
        "uploads_24h": sum(item.at >= t - 86400 for item in visible(account, t)), "content": [{
            "id": video_id(account, item), "kind": item.kind, "title": item.title,
            "published_at": iso_time(item.at), "privacy": privacy(item), "views": item.count("views", t),
            "likes": None if item.hides_likes else item.count("likes", t),
            "comments": None if item.hides_comments else item.count("comments", t),
            "duration": seconds_of(item)
        } for item in reversed(items)]
    }
