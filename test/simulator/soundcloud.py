"""SoundCloud: /me and own tracks by `Authorization: OAuth`, cursor links, dates with slashes; refresh
tokens work once."""

import ids
from oauth import Grant, basic
from server import Response
from texts import md5, moment, number

PLATFORM = "soundcloud"
HOSTS = ("api.soundcloud.com", "secure.soundcloud.com")
LIFE = 3599
LINK = "https://developers.soundcloud.com/docs/api/explorer/open-api"


def error(status, message):
    return Response(
        status, {
            "code": status, "message": message, "link": LINK, "status": f"{status} - {message}",
            "errors": [{"error_message": message}], "error": None
        })


def failure(sim, request, kind, rule):
    if kind == "unauthorized":
        return Response(401, b"")
    if kind == "forbidden":
        return error(403, "Forbidden")
    if kind == "quota":
        reset = moment(sim.now() + (rule.wait(sim.now()) or 3600)).strftime("%Y/%m/%d %H:%M:%S +0000")
        return Response(
            429, {
                "errors": [{
                    "meta": {
                        "rate_limit": {"group": "plays", "max_nr_of_requests": 15000, "time_window": "PT24H"},
                        "remaining_requests": 0, "reset_time": reset
                    }
                }]
            })
    if kind == "rate_limit":
        headers = {"x-ratelimit-limit": "-1", "x-ratelimit-reset": "0"}
        if rule.wait(sim.now()):
            headers["Retry-After"] = str(rule.wait(sim.now()))
        return Response(429, {"error": "Rate Limit Exceeded"}, headers)
    if rule.status == 503:
        return Response(503,
                        "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD></HTML>",
                        content_type="text/html")
    return error(rule.status, "Internal Server Error")


def account_of(sim, request):
    request.token, request.rate = sim.grants.find(request.bearer, PLATFORM,
                                                  "access") if request.bearer else (None, None)
    return (PLATFORM, request.token.grant.number) if request.token else None


def handle(sim, request):
    if request.host == "secure.soundcloud.com":
        return secure(sim, request)
    kind = request.headers.get("authorization", "").split(" ")[0]
    if request.token is None or kind != "OAuth":
        return Response(401, b"") if request.bearer and request.rate != "expired" else error(
            401, "Unauthorized")
    parts, now = request.segments, sim.now()
    if request.token.grant.number is None and parts[:1] == ["me"]:
        return error(401, "Unauthorized")
    account = request.token.grant.number and sim.world.account(PLATFORM, request.token.grant.number)
    if parts == ["me"]:
        return Response(200, {**user(account, now), **own(account, now)})
    if parts == ["me", "tracks"]:
        return track_list(request, account, account.items(now), now)
    if parts[:1] == ["users"] and len(parts) >= 2:
        account = sim.world.account(PLATFORM, ids.number_of(PLATFORM, parts[1]))
        if len(parts) == 2:
            return Response(200, user(account, now))
        if parts[2:] == ["tracks"]:
            return track_list(request, account, public(account, now), now)
    if parts[:1] == ["tracks"] and len(parts) == 2:
        found = find_track(sim, parts[1].split(":")[-1], now)
        return Response(200, track(*found, now)) if found else Response(
            404, {"errors": [{"error_message": "404 - Not Found"}]})
    return error(404, "404 - Not Found")


def slash_time(t):
    return moment(t).strftime("%Y/%m/%d %H:%M:%S +0000")


def permalink(account):
    return account.artist.name.lower().replace(" ", "-")


def public(account, t):
    """The public tracks; every 13th is private, and seen by its owner only."""
    return [item for item in account.items(t) if sharing(item) == "public"]


def sharing(item):
    return "private" if item.index % 13 == 8 else "public"


def hidden(item):
    """Quiet mode: play and like counts are not told."""
    return item.index % 23 == 3


def user(account, now):
    tracks = public(account, now)
    return {
        "urn": f"soundcloud:users:{account.number}", "kind": "user", "username": account.artist.name,
        "id": account.number, "permalink": permalink(account), "permalink_url": "https://soundcloud.com/" +
        permalink(account), "uri": f"https://api.soundcloud.com/users/soundcloud:users:{account.number}",
        "full_name": account.artist.name,
        "avatar_url": f"https://i1.sndcdn.com/avatars-{md5(account.number)[:12]}-large.jpg", "city": None,
        "country": account.artist.country, "created_at": "2014/03/02 11:20:09 +0000",
        "last_modified": slash_time(now), "description": None, "followers_count": account.followers(now),
        "followings_count": 30 + account.number % 70, "track_count": len(tracks), "playlist_count": 3,
        "public_favorites_count": 57, "likes_count": 57, "reposts_count": 14, "comments_count": 0,
        "online": False, "plan": "Pro Plus", "subscriptions": []
    }


def own(account, now):
    return {
        "primary_email_confirmed": True, "private_playlists_count": 1, "locale": "en",
        "upload_seconds_left": None,
        "private_tracks_count": len(account.items(now)) - len(public(account, now)),
        "quota": {"unlimited_upload_quota": True, "upload_seconds_used": 9000, "upload_seconds_left": None}
    }


def track_number(account, item):
    """Beyond 2^53 for odd indices, as SoundCloud's ids will be."""
    short = account.number * 100000 + item.index
    return short + (1 << 53) if item.index % 2 else short


def find_track(sim, text, now):
    value = number(text)
    if value is None:
        return None
    if value > 1 << 53:
        value -= 1 << 53
    account = sim.world.account(PLATFORM, max(1, value // 100000))
    item = account.item(value % 100000, now)
    return item and (account, item)


def track(account, item, now):
    name, slug = track_number(account, item), item.title.lower().replace(" ", "-")
    out = {
        "kind": "track", "urn": f"soundcloud:tracks:{name}", "id": name, "title": item.title,
        "duration": item.duration * 1000, "created_at": slash_time(item.at), "last_modified": slash_time(
            item.at), "sharing": sharing(item),
        "permalink_url": f"https://soundcloud.com/{permalink(account)}/{slug}?utm_medium=api&utm_source=id_1",
        "uri": f"https://api.soundcloud.com/tracks/soundcloud:tracks:{name}", "genre": "Pop", "tag_list": "",
        "isrc": None, "description": None, "release_year": None, "release_month": None, "release_day": None,
        "streamable": True, "commentable": True, "downloadable": False, "license": "all-rights-reserved",
        "state": "finished", "user": {
            "urn": f"soundcloud:users:{account.number}", "id": account.number, "kind": "user",
            "username": account.artist.name, "permalink": permalink(account)
        }, "playback_count": item.count("views", now), "favoritings_count": item.count(
            "likes", now), "reposts_count": item.count("shares",
                                                       now), "comment_count": item.count("comments", now),
        "download_count": 0, "reveal_stats": not hidden(item), "reveal_comments": True, "access": "playable",
        "metadata_artist": " & ".join([account.artist.name] +
                                      [account.world.artist(n).name for n in item.partners])
    }
    if hidden(item):
        out["playback_count"] = out["favoritings_count"] = None
    return out


def track_list(request, account, items, now):
    """Newest first. A bare array unless linked_partitioning is asked for; the next link carries a cursor."""
    query = request.query
    limit = number(query.get("page_size") or query.get("limit"), 50)
    if limit is None or not 1 <= limit <= 200:
        return error(400, "limit must be between 1 and 200")
    items = list(reversed(items)) if query.get("sort") != "asc" else items
    start = 0
    if query.get("cursor"):
        last = number(query["cursor"].rsplit(",", 1)[-1])
        start = next((i + 1 for i, item in enumerate(items) if item.index == last), None)
        if last is None or start is None:
            return error(400, "Invalid cursor")
    shown = items[start:start + limit]
    out = [track(account, item, now) for item in shown]
    if query.get("linked_partitioning") not in ("true", "1"):
        return Response(200, out)
    follow = None
    if start + limit < len(items):
        at = moment(shown[-1].at).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        follow = (
            f"https://api.soundcloud.com{request.path}?page_size={limit}&cursor={at.replace(':', '%3A')}%2Ctracks%2C"
            f"{shown[-1].index:011d}&linked_partitioning=true")
    return Response(200, {"collection": out, "next_href": follow})


def secure(sim, request):

    def refuse(code, status=400):
        return Response(status, {"error": code})

    if request.path == "/authorize":
        return sim.grants.authorize(PLATFORM, request.query, pkce=True)
    form = request.form
    if request.path == "/sign-out":
        sim.grants.revoke(PLATFORM, form.get("access_token"))
        return Response(200, {})
    if request.path != "/oauth/token" or request.method != "POST":
        return Response(404, "Not Found", content_type="text/html")
    client, secret = basic(request)
    client, secret = client or form.get("client_id"), secret or form.get("client_secret")
    if not sim.grants.client_known(PLATFORM, client, secret):
        return refuse("invalid_client", 401)
    kind = form.get("grant_type")
    if kind == "client_credentials":
        grant, problem = Grant(PLATFORM, None, client, [], sim.now()), None
    elif kind == "authorization_code":
        grant, problem = sim.grants.redeem(PLATFORM, form.get("code"), client, form.get("redirect_uri", ""),
                                           form.get("code_verifier"))
    elif kind == "refresh_token":
        grant, problem = sim.grants.renew(PLATFORM, form.get("refresh_token"), client, rotates=True)
    else:
        return refuse("unsupported_grant_type")
    if problem:
        return refuse("invalid_grant")
    access, refresh = sim.grants.issue("access", grant, LIFE), sim.grants.issue("refresh", grant, None)
    return Response(
        200, {
            "access_token": access.text, "expires_in": LIFE, "refresh_token": refresh.text, "scope": "",
            "token_type": "bearer"
        })


def truth(sim, account, t):
    """/me, the sums over all own tracks whose counts are told, and each track."""
    items = account.items(t)
    told = [item for item in items if not hidden(item)]
    return {
        "followers": account.followers(t), "track_count": len(public(account, t)),
        "total_plays": sum(item.count("views", t)
                           for item in told), "likes_total": sum(item.count("likes", t) for item in told),
        "reposts_total": account.total("shares", t), "comments_total": account.total("comments", t),
        "content": [{
            "id": str(track_number(account, item)), "title": item.title, "published_at": slash_time(item.at),
            "sharing": sharing(item), "views": None if hidden(item) else item.count("views", t),
            "likes": None if hidden(item) else item.count("likes", t), "shares": item.count("shares", t),
            "comments": item.count("comments", t)
        } for item in reversed(items)]
    }
