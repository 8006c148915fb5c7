"""TikTok's Display API v2: account counters and public videos; tokens rotate.

Every answer has an envelope with `error`; `fields` is a query parameter of every call, also of the POSTs.
"""

import json

import ids
from server import Response
from texts import md5
from world import DAY

PLATFORM = "tiktok"
HOSTS = ("open.tiktokapis.com", "www.tiktok.com")
ACCESS_LIFE, REFRESH_LIFE = 7200, 180 * DAY
SCOPES = ("user.info.basic", "user.info.profile", "user.info.stats", "video.list")
USER_FIELDS = {
    "user.info.basic": ("open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url",
                        "display_name"),
    "user.info.profile": ("bio_description", "profile_deep_link", "username", "is_verified"),
    "user.info.stats": ("follower_count", "following_count", "likes_count", "video_count")
}
VIDEO_FIELDS = ("id", "create_time", "title", "video_description", "share_url", "embed_link", "embed_html",
                "cover_image_url", "duration", "height", "width", "like_count", "comment_count",
                "share_count", "view_count", "is_aigc")


def log_id(*parts):
    return "20261123" + md5(*parts)[:26].upper()


def error(status, code, message):
    return Response(status, {"data": {}, "error": {"code": code, "message": message, "log_id": log_id(code)}})


def answer(data):
    return Response(200, {"data": data, "error": {"code": "ok", "message": "", "log_id": log_id("ok")}})


def failure(sim, request, kind, rule):
    if "oauth" in request.path and kind != "server_error":
        return Response(
            429 if kind in ("rate_limit", "quota") else 400, {
                "error": "rate_limit_exceeded" if kind in ("rate_limit", "quota") else "invalid_request",
                "error_description": "Synthetic.", "log_id": log_id(kind)
            })
    if kind == "unauthorized":
        return error(401, "access_token_invalid", "The access token is invalid or not found in the request.")
    if kind == "forbidden":
        return error(401, "scope_not_authorized",
                     "The user did not authorize the scope required for completing this request.")
    if kind in ("rate_limit", "quota"):
        out = error(429, "rate_limit_exceeded", "The API rate limit was exceeded. Please try again later.")
        if rule.wait(sim.now()):
            out.headers["Retry-After"] = str(rule.wait(sim.now()))
        return out
    return error(rule.status, "internal_error", "Something is wrong. Please try again later.")


def account_of(sim, request):
    request.token, request.rate = sim.grants.find(request.bearer, PLATFORM,
                                                  "access") if request.bearer else (None, None)
    return (PLATFORM, request.token.grant.number) if request.token else None


def handle(sim, request):
    path = request.path.rstrip("/")
    if request.host == "www.tiktok.com":
        if path == "/v2/auth/authorize":
            return sim.grants.authorize(PLATFORM,
                                        request.query,
                                        separator=",",
                                        client="client_key",
                                        hex_challenge=True)
        return Response(404, "Not Found", content_type="text/html")
    if path == "/v2/oauth/token":
        return token_server(sim, request)
    if path == "/v2/oauth/revoke":
        sim.grants.revoke(PLATFORM, request.form.get("token"))
        return Response(200, b"")
    if request.token is None:
        return error(401, "access_token_invalid", "The access token is invalid or not found in the request.")
    account = sim.world.account(PLATFORM, request.token.grant.number)
    if path == "/v2/user/info" and request.method == "GET":
        return user_info(sim, request, account)
    if path in ("/v2/video/list", "/v2/video/query") and request.method == "POST":
        return videos(sim, request, account, path.endswith("query"))
    return error(404, "invalid_params", "Unsupported path")


def scoped(request, scope):
    granted = request.token.grant.scopes
    return granted is None or scope in granted


def user_info(sim, request, account):
    fields, now = [name for name in request.query.get("fields", "").split(",") if name], sim.now()
    if not fields:
        return error(400, "invalid_params", "fields is required")
    for name in fields:
        scope = next((scope for scope, names in USER_FIELDS.items() if name in names), None)
        if scope is None or name in sim.retired(PLATFORM, request):
            return error(400, "invalid_params", f"Field {name} is invalid")
        if not scoped(request, scope):
            return error(401, "scope_not_authorized",
                         "The user did not authorize the scope required for completing this request.")
    handle_ = username(account)
    avatar = f"https://p16-sign.tiktokcdn.com/{md5(account.number)}.jpeg"
    values = {
        "open_id": ids.external_id(PLATFORM, account.number), "display_name": account.artist.name,
        "username": handle_, "union_id": str(account.number), "avatar_url": avatar, "avatar_url_100": avatar,
        "avatar_large_url": avatar, "bio_description": "",
        "profile_deep_link": f"https://vm.tiktok.com/{handle_}", "is_verified": False,
        "follower_count": account.followers(now), "following_count": 40 + account.number % 90,
        "likes_count": likes_count(account, now), "video_count": len(public(account, now))
    }
    return answer({"user": {name: values[name] for name in fields}})


def username(account):
    return account.artist.name.lower().replace(" ", "")


def public(account, t):
    """The public posts, oldest first; every 19th is private and neither listed nor counted."""
    return [item for item in account.items(t) if item.index % 19 != 13]


def likes_count(account, t):
    """Of all videos, also of those that are not listed."""
    return account.total("likes", t)


def video_id(account, item):
    return ids.digits_id("7", account.number, item.index, 8)


def video(account, item, fields, now):
    name = video_id(account, item)
    share = f"https://www.tiktok.com/@{username(account)}/{item.kind}/{name}?utm_campaign=tt4d_open_api&utm_source=client"
    values = {
        "id": name, "create_time": int(item.at), "title": item.title if item.index % 5 else "",
        "video_description": f"{item.title} #music", "share_url": share, "embed_link": share,
        "embed_html": "<div></div>", "cover_image_url": f"https://p16-sign.tiktokcdn.com/{md5(name)}.jpeg",
        "duration": item.duration if item.kind == "video" else 0, "height": 1024, "width": 576,
        "like_count": item.count("likes", now), "comment_count": item.count("comments", now),
        "share_count": item.count("shares", now), "view_count": item.count("views", now), "is_aigc": False
    }
    return {key: values[key] for key in fields}


def videos(sim, request, account, by_id):
    if not scoped(request, "video.list"):
        return error(401, "scope_not_authorized",
                     "The user did not authorize the scope required for completing this request.")
    fields, now = [name for name in request.query.get("fields", "").split(",") if name], sim.now()
    retired = sim.retired(PLATFORM, request)
    unknown = [name for name in fields if name not in VIDEO_FIELDS or name in retired]
    if not fields or unknown:
        return error(400, "invalid_params",
                     f"Field {unknown[0]} is invalid" if unknown else "fields is required")
    try:
        body = json.loads(request.body or b"{}")
        if not isinstance(body, dict):
            raise ValueError
    except ValueError:
        return error(400, "invalid_params", "The request body is invalid")
    if by_id:
        wanted = body.get("filters", {}).get("video_ids", [])
        if not 0 < len(wanted) <= 20:
            return error(400, "invalid_params", "video_ids must hold 1 to 20 ids")
        mine = {video_id(account, item): item for item in public(account, now)}
        return answer(
            {"videos": [video(account, mine[name], fields, now) for name in wanted if name in mine]})
    count, cursor = body.get("max_count", 10), body.get("cursor")
    if not isinstance(count, int) or not 1 <= count <= 20 or (cursor is not None
                                                              and not isinstance(cursor, int)):
        return error(400, "invalid_params", "max_count must be between 1 and 20")
    before = [item for item in reversed(public(account, now)) if cursor is None or item.at * 1000 < cursor]
    shown = before[:count]
    last = int(shown[-1].at) * 1000 if shown else cursor or 0
    return answer({
        "videos": [video(account, item, fields, now) for item in shown], "cursor": last,
        "has_more": len(before) > count
    })


def token_server(sim, request):
    """Flat answers, without the envelope."""

    def refuse(code, text, status=400):
        return Response(status, {"error": code, "error_description": text, "log_id": log_id(code)})

    form = request.form
    client = form.get("client_key")
    if not sim.grants.client_known(PLATFORM, client, form.get("client_secret")):
        return refuse("invalid_client", "Client key or secret is incorrect.", 401)
    kind = form.get("grant_type")
    if kind == "authorization_code":
        grant, problem = sim.grants.redeem(PLATFORM, form.get("code"), client, form.get("redirect_uri", ""),
                                           form.get("code_verifier"))
        if problem == "verifier":
            return refuse("invalid_request", "Code verifier or code challenge is invalid.")
        if problem:
            return refuse(
                "invalid_request" if problem == "redirect_uri" else "invalid_grant",
                "Redirect_uri is not matched "
                "with the uri when requesting code."
                if problem == "redirect_uri" else "Authorization code is expired.")
    elif kind == "refresh_token":
        grant, problem = sim.grants.renew(PLATFORM, form.get("refresh_token"), client, rotates=True)
        if problem:
            return refuse("invalid_grant", "Refresh token is invalid or expired.")
    else:
        return refuse("unsupported_grant_type", "Grant type is not supported.")
    access, refresh = sim.grants.issue("access", grant,
                                       ACCESS_LIFE), sim.grants.issue("refresh", grant, REFRESH_LIFE)
    return Response(
        200, {
            "access_token": access.text, "expires_in": ACCESS_LIFE, "refresh_token": refresh.text,
            "open_id": ids.external_id(PLATFORM, grant.number), "refresh_expires_in": REFRESH_LIFE,
            "scope": ",".join(SCOPES if grant.scopes is None else grant.scopes), "token_type": "Bearer"
        })


def truth(sim, account, t):
    """User info, and each listed video; likes_count is of more videos than are listed."""
    items = public(account, t)
    return {
        "followers": account.followers(t), "following_count": 40 + account.number % 90,
        "video_count": len(items), "likes_count": likes_count(account, t), **{
            f"total_{name}": sum(item.count(name, t) for item in items) for name in ("views", "comments", "shares")
        }, "content": [{
            "id": video_id(account,
                           item), "kind": item.kind, "published_at": int(item.at), "title": item.title,
            **{name: item.count(name, t) for name in ("likes", "comments", "shares", "views")}
        } for item in reversed(items)]
    }
