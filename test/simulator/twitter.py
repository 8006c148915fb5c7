"""X (Twitter) API v2: the user's public metrics and own posts; OAuth 2.0 whose refresh tokens work once.

The mode {"twitter": "post"} speaks the newer vocabulary (post.fields, repost_count, post_count) and
refuses the older.
"""

from email.utils import formatdate

import ids
from oauth import basic
from server import Response
from texts import iso_millis, number, parse_time
from world import DAY

PLATFORM = "twitter"
HOSTS = ("api.x.com", "api.twitter.com", "x.com")
WINDOW = 900
LIMITS = {"users/me": 75, "users": 300, "users/tweets": 900, "tweets": 5000, "tweet": 900}
ACCESS_LIFE, REFRESH_LIFE, CODE_LIFE = 7200, 183 * DAY, 30
PROBLEMS = "https://api.twitter.com/2/problems/"
DEPTH, DEPTH_WITHOUT_REPLIES = 3200, 800
PRIVATE = ("non_public_metrics", "organic_metrics", "promoted_metrics")


def problem(status, title, detail, kind="about:blank", **more):
    return Response(status, {**more, "title": title, "detail": detail, "type": kind, "status": status},
                    content_type="application/problem+json")


def invalid(parameter, value, message):
    return Response(
        400, {
            "errors": [{"parameters": {parameter: [value]}, "message": message}], "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": PROBLEMS + "invalid-request"
        })


def unauthorized():
    return problem(401, "Unauthorized", "Unauthorized")


def failure(sim, request, kind, rule):
    if kind == "unauthorized":
        return unauthorized()
    if kind == "forbidden":
        return problem(403,
                       "Client Forbidden",
                       "When authenticating requests to the Twitter API v2 endpoints, you must use keys "
                       "and tokens from a Twitter developer App that is attached to a Project.",
                       PROBLEMS + "client-forbidden",
                       reason="client-not-enrolled")
    if kind == "quota":
        return Response(402, {
            "account_id": 1590000000000000777, "title": "CreditsDepleted",
            "type": "https://api.x.com/2/problems/credits",
            "detail": "Your enrolled account does not have any credits "
            "to fulfill this request."
        },
                        content_type="application/problem+json")
    if kind == "rate_limit":
        wait = rule.wait(sim.now()) or WINDOW
        out = Response(429, "Rate limit exceeded\n", content_type="text/plain;charset=utf-8")
        out.headers.update(
            rate_headers(LIMITS.get(bucket_name(request.segments[1:]), 75), 0, int(sim.now() + wait + 0.999)))
        out.headers["Date"] = formatdate(sim.now(), usegmt=True)
        return out
    return problem(rule.status, "Service Unavailable", "Service Unavailable")


def account_of(sim, request):
    request.token, request.rate = sim.grants.find(request.bearer, PLATFORM,
                                                  "access") if request.bearer else (None, None)
    return (PLATFORM, request.token.grant.number) if request.token else None


def bucket_name(parts):
    if parts[:2] == ["users", "me"]:
        return "users/me"
    if parts[:1] == ["users"]:
        return "users/tweets" if len(parts) > 2 else "users"
    return "tweets" if len(parts) == 1 else "tweet"


def rate_headers(limit, remaining, reset):
    return {
        "x-rate-limit-limit": str(limit), "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(reset)
    }


def handle(sim, request):
    parts, now = request.segments, sim.now()
    if request.host == "x.com":
        if parts == ["i", "oauth2", "authorize"]:
            return sim.grants.authorize(PLATFORM, request.query, pkce=True, life=CODE_LIFE)
        return Response(404, "Not Found", content_type="text/html")
    if parts[:2] == ["2", "oauth2"]:
        return oauth2(sim, request, parts[2:])
    if request.token is None:
        return unauthorized()
    granted = request.token.grant.scopes
    if granted is not None and not {"users.read", "tweet.read"} <= set(granted):
        return problem(
            403, "Forbidden",
            "Your client app is not configured with the appropriate oauth1 app permissions for this "
            "endpoint.", PROBLEMS + "oauth1-permissions")
    bucket = bucket_name(parts[1:])
    key = ("x", bucket, request.token.grant.number, int(now // WINDOW))
    used = sim.buckets[key] = sim.buckets.get(key, 0) + 1
    limit, reset = LIMITS[bucket], (int(now // WINDOW) + 1) * WINDOW
    if sim.options.limits and used > limit:
        response = problem(429, "Too Many Requests", "Too Many Requests")
    else:
        response = answer(sim, request, parts[1:], now)
    response.headers.update(rate_headers(limit, max(0, limit - used), reset))
    response.headers["Date"] = formatdate(now, usegmt=True)
    return response


def answer(sim, request, parts, now):
    account = sim.world.account(PLATFORM, request.token.grant.number)
    if parts == ["users", "me"]:
        return Response(200, {"data": user(sim, account, request, now)})
    if parts[:1] == ["users"] and len(parts) >= 2 and parts[1].isdigit():
        other = sim.world.account(PLATFORM, ids.number_of(PLATFORM, parts[1]))
        if len(parts) == 2:
            return Response(200, {"data": user(sim, other, request, now)})
        if parts[2:] == ["tweets"]:
            return timeline(sim, request, other, now)
    if parts == ["tweets"] and request.query.get("ids"):
        return by_id(sim, request, request.query["ids"].split(","), now)
    if parts[:1] == ["tweets"] and len(parts) == 2 and parts[1].isdigit():
        return by_id(sim, request, [parts[1]], now, single=True)
    return problem(404, "Not Found", "Not Found")


def newer_names(sim):
    return sim.modes.get("twitter") == "post"


def asked_fields(sim, request):
    """(fields, None) or (None, refusal): the list of post fields, by the parameter of the vocabulary in
    force."""
    right, wrong = ("post.fields", "tweet.fields") if newer_names(sim) else ("tweet.fields", "post.fields")
    if wrong in request.query:
        return None, invalid(wrong, request.query[wrong],
                             f"The query parameter [{wrong}] is not one of [{right},...]")
    return [name for name in request.query.get(right, "").split(",") if name], None


def username(account):
    return account.artist.name.lower().replace(" ", "")[:15]


def user(sim, account, request, now):
    fields = request.query.get("user.fields", "").split(",")
    items = account.items(now)
    out = {
        "id": ids.external_id(PLATFORM, account.number), "name": account.artist.name,
        "username": username(account)
    }
    values = {
        "public_metrics": {
            "followers_count": account.followers(now), "following_count": 100 + account.number % 300,
            "post_count" if newer_names(sim) else "tweet_count": len(items),
            "listed_count": account.followers(now) // 700, "like_count": 300 + account.number % 900,
            "media_count": len(items) // 5
        }, "protected": False, "verified": False, "created_at": "2012-05-06T07:08:09.000Z",
        "description": "Music"
    }
    out.update({name: values[name] for name in fields if name in values})
    return out


def tweet_id(account, item):
    return ids.digits_id("1", account.number, item.index, 8)


def is_retweet(item):
    return item.index % 6 == 3


def text(item):
    return f"RT @someone: {item.title} &amp; more" if is_retweet(
        item) else f"{item.title} &amp; more https://t.co/x"


def link_clicks(item, now):
    """Known for posts with a link only: every second."""
    return item.count("views", now) // 90 if item.index % 2 else None


def tweet(sim, account, item, fields, now):
    new = newer_names(sim)
    name = tweet_id(account, item)
    views, likes, shares = item.count("views", now), item.count("likes", now), item.count("shares", now)
    public = {
        "repost_count" if new else "retweet_count": shares, "reply_count": item.count("comments", now),
        "like_count": likes, "quote_count": shares // 4, "bookmark_count": item.count("saves", now),
        "impression_count": views
    }
    if is_retweet(item):  # the original's count, none of its own
        public.update({
            "repost_count" if new else "retweet_count": 5000 + item.index, "reply_count": 0, "like_count": 0,
            "quote_count": 0, "impression_count": 0
        })
    kind = "retweeted" if is_retweet(item) else {"reply": "replied_to", "quote": "quoted"}.get(item.kind)
    private = {"impression_count": views, "user_profile_clicks": views // 300, "engagements": likes + shares}
    if link_clicks(item, now) is not None:
        private["url_link_clicks"] = link_clicks(item, now)
    values = {
        "created_at": iso_millis(item.at), "public_metrics": public,
        "author_id": ids.external_id(PLATFORM, account.number), "lang": "en", "conversation_id": name,
        "non_public_metrics": private, "possibly_sensitive": False, "organic_metrics": {
            **private, "like_count": likes, "reply_count": item.count("comments", now),
            "repost_count" if new else "retweet_count": shares
        }
    }
    if kind:
        values["referenced_posts" if new else "referenced_tweets"] = [{
            "type": kind, "id": "1800000000000000001"
        }]
    if item.index % 29 == 7:
        values["note_post" if new else "note_tweet"] = {"text": f"{item.title} " + "and a long story " * 20}
    out = {
        "id": name, "text": text(item), "edit_history_post_ids" if new else "edit_history_tweet_ids": [name]
    }
    out.update({key: values[key] for key in fields if key in values})
    return out


def not_yours(account, item, field):
    return {
        "resource_id": tweet_id(account, item), "parameter": "ids", "resource_type": "tweet",
        "section": "data", "title": "Field Authorization Error", "value": tweet_id(account, item),
        "field": field, "detail": f"Sorry, you are not authorized to access '{field}' on the Tweet with id : "
        f"[{tweet_id(account, item)}].", "type": PROBLEMS + "not-authorized-for-field"
    }


def render(sim, request, found, fields, now):
    """(data, errors): a post older than 30 days, or another's, has no private metrics and is left out
    where they are asked."""
    private = [name for name in fields if name in PRIVATE]
    data, errors = [], []
    for account, item in found:
        if private and (item.at < now - 30 * DAY or account.number != request.token.grant.number
                        or is_retweet(item)):
            errors.append(not_yours(account, item, private[0] + ".impression_count"))
        else:
            data.append(tweet(sim, account, item, fields, now))
    return data, errors


def timeline(sim, request, account, now):
    query = request.query
    fields, refusal = asked_fields(sim, request)
    if refusal:
        return refusal
    size = number(query.get("max_results"), 10)
    if size is None or not 5 <= size <= 100:
        return invalid("max_results", query.get("max_results"),
                       "The `max_results` query parameter value [0] is not between 5 and 100")
    exclude = query.get("exclude", "").split(",")
    items = list(reversed(account.items(now)))[:DEPTH_WITHOUT_REPLIES if "replies" in exclude else DEPTH]
    try:
        since = parse_time(query["start_time"]) if "start_time" in query else 0
        until = parse_time(query["end_time"]) if "end_time" in query else now
    except ValueError:
        return invalid("start_time", query.get("start_time"), "`start_time` is not a valid RFC 3339 time")
    if since >= now and "start_time" in query:
        return invalid("start_time", query["start_time"], "`start_time` must be on or before `end_time`")

    def index_of(name):
        parts = ids.digits_parts(query.get(name, ""), "1", 8)
        return parts[1] if parts else None

    after, before = index_of("since_id"), index_of("until_id")
    items = [
        i for i in items if since <= i.at <= until and (after is None or i.index > after) and (
            before is None or i.index < before)
    ]
    start = 0
    if query.get("pagination_token"):
        start = number(query["pagination_token"].removeprefix("7140dibdnow9c7btw")) \
            if query["pagination_token"].startswith("7140dibdnow9c7btw") else None
        if start is None:
            return invalid("pagination_token", query["pagination_token"],
                           "The `pagination_token` query parameter value is not valid")
    window = items[start:start + size]  # pages are cut before retweets are taken out
    shown = [
        i for i in window
        if not ("retweets" in exclude and is_retweet(i)) and not ("replies" in exclude and i.kind == "reply")
    ]
    data, errors = render(sim, request, [(account, i) for i in shown], fields, now)
    meta = {"result_count": len(data)}
    if data:
        meta.update(newest_id=data[0]["id"], oldest_id=data[-1]["id"])
    if start + size < len(items):
        meta["next_token"] = f"7140dibdnow9c7btw{start + size}"
    if start:
        meta["previous_token"] = f"7140dibdnow9c7btw{max(0, start - size)}"
    out = {"data": data} if data else {}
    if errors:
        out["errors"] = errors
    return Response(200, {**out, "meta": meta})


def by_id(sim, request, names, now, single=False):
    fields, refusal = asked_fields(sim, request)
    if refusal:
        return refusal
    if len(names) > 100:
        return invalid("ids", ",".join(names), "The `ids` query parameter holds more than 100 ids")
    found, errors = [], []
    for name in names:
        parts = ids.digits_parts(name, "1", 8)
        account = parts and sim.world.account(PLATFORM, parts[0])
        item = account and account.item(parts[1], now)
        if item:
            found.append((account, item))
        else:
            errors.append({
                "value": name, "detail": f"Could not find tweet with ids: [{name}].",
                "title": "Not Found Error", "resource_type": "tweet", "parameter": "ids", "resource_id": name,
                "type": PROBLEMS + "resource-not-found"
            })
    data, more = render(sim, request, found, fields, now)
    out = {"data": data[0] if single else data} if data else {}
    if errors + more:
        out["errors"] = errors + more
    return Response(200, out)


def oauth2(sim, request, parts):
    form = request.form
    client, secret = basic(request)
    public = client is None
    if public:
        client = form.get("client_id")
    if not client:
        return Response(
            401, {"error": "unauthorized_client", "error_description": "Missing valid authorization header"})
    if not sim.grants.client_known(PLATFORM, client, secret, secret_needed=not public):
        return Response(
            401, {"error": "unauthorized_client", "error_description": "Missing valid authorization header"})
    if parts == ["revoke"]:
        sim.grants.revoke(PLATFORM, form.get("token"))
        return Response(200, {"revoked": True})
    if parts != ["token"] or request.method != "POST":
        return problem(404, "Not Found", "Not Found")
    if form.get("grant_type") == "authorization_code":
        grant, why = sim.grants.redeem(PLATFORM, form.get("code"), client, form.get("redirect_uri", ""),
                                       form.get("code_verifier"))
        text_ = {
            "verifier": "Value passed for the code verifier did not match the code challenge.",
            "redirect_uri": "Value passed for the redirect uri did not match the uri of the authorization code."
        }.get(why, "Value passed for the authorization code was invalid.")
    elif form.get("grant_type") == "refresh_token":
        grant, why = sim.grants.renew(PLATFORM, form.get("refresh_token"), client, rotates=True)
        text_ = "Value passed for the token was invalid."
    else:
        return Response(400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"})
    if why:
        return Response(400, {"error": "invalid_request", "error_description": text_})
    scopes = ["users.read", "tweet.read", "offline.access"] if grant.scopes is None else grant.scopes
    out = {
        "token_type": "bearer", "expires_in": ACCESS_LIFE,
        "access_token": sim.grants.issue("access", grant, ACCESS_LIFE).text, "scope": " ".join(scopes)
    }
    if "offline.access" in scopes:
        out["refresh_token"] = sim.grants.issue("refresh", grant, REFRESH_LIFE).text
    return Response(200, out)


def truth(sim, account, t):
    """public_metrics, and every own post; sums over the posts of the last 30 days that are no retweets."""
    items = account.items(t)
    own = [item for item in items if not is_retweet(item)]
    month = [item for item in own if item.at >= t - 30 * DAY]
    clicks = [link_clicks(item, t) for item in month]
    known = [count for count in clicks if count is not None]
    return {
        "followers": account.followers(t), "following_count": 100 + account.number % 300,
        "tweets_count": len(items), "month": {
            "likes": sum(i.count("likes", t)
                         for i in month), "retweets": sum(i.count("shares", t) for i in month),
            "replies": sum(i.count("comments", t)
                           for i in month), "link_clicks": sum(known) if known else None, "posts": len(month)
        }, "tweets_24h": sum(item.at >= t - DAY for item in own), "content": [{
            "id": tweet_id(account, item), "kind": item.kind, "published_at": iso_millis(item.at),
            "likes": item.count("likes", t), "comments": item.count("comments", t),
            "shares": item.count("shares", t), "views": item.count("views", t)
        } for item in reversed(own)]
    }
