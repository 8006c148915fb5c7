"""Facebook Pages on the Graph API: the Page, its insights, posts and videos. A Page token is needed for
all of it."""

from datetime import date, timedelta

import ids
from graph_parts import Field, no_object, page, parse_fields, shift_links, text_error
from server import Response
from texts import graph_time, pacific_midnight, parse_time
from world import DAY

PLATFORM = "facebook"
PERIODS = {"day": 1, "week": 7, "days_28": 28}
# A day's value as a share of the followers.
PAGE_METRICS = {
    "page_media_view": 0.30, "page_total_media_view_unique": 0.16, "page_views_total": 0.010,
    "page_post_engagements": 0.020, "page_video_views": 0.08, "page_total_actions": 0.001,
    "page_follows": None, "page_daily_follows": None, "page_daily_follows_unique": None,
    "page_daily_unfollows_unique": None
}
UNIQUE = ("page_total_media_view_unique", )
POST_METRICS = ("post_media_view", "post_total_media_view_unique", "post_clicks",
                "post_reactions_by_type_total", "post_activity_by_action_type", "post_video_views",
                "post_reactions_like_total", "post_reactions_love_total", "post_clicks_by_type")


def fans(account, t):
    return account.followers(t) * 99 // 100


def post_id(account, item):
    return f"{ids.external_id(PLATFORM, account.number)}_{ids.digits_id('5', account.number, item.index)}"


def video_id(account, item):
    return ids.digits_id("2", account.number, item.index)


def is_video(item):
    return item.kind == "video"


def permalink(account, item):
    if is_video(item) and item.index % 2:
        return f"https://www.facebook.com/reel/{video_id(account, item)}/"
    where = f"videos/{video_id(account, item)}" if is_video(item) else "posts/" + post_id(account,
                                                                                          item).split("_")[1]
    return f"https://www.facebook.com/{7000 + account.number}/{where}"


def need(request, *scopes):
    granted = request.token.grant.scopes
    if granted is not None and not any(scope in granted for scope in scopes):
        raise text_error(
            200,
            f"(#200) Requires permission: {scopes[0]} or User associated with the Page access token does not "
            "have an appropriate role on the Page.",
            status=403)


def page_only(request):
    """User tokens issued here are refused; a made-up token counts as the Page's."""
    if request.token.kind != "page" and request.token.grant.client_id is not None:
        raise text_error(
            190,
            "Invalid OAuth 2.0 Access Token",
            subcode=2069032,
            transient=False,
            title=("User access token is not supported",
                   "A Page access token is required for this call for the new Pages experience."))


def node(sim, request, parts):
    name, now = parts[0], sim.now()
    if "_" in name or ids.digits_parts(name, "2"):
        return post(sim, request, parts, now)
    if not name.isdigit():
        raise text_error(2500, "Unknown path components: /" + "/".join(parts))
    account = sim.world.account(PLATFORM, ids.number_of(PLATFORM, name))
    if request.token.grant.number != account.number:
        raise no_object(name)
    if len(parts) == 1:
        return page_node(request, account, now)
    if parts[1:] == ["insights"]:
        if request.token.kind != "page" and request.token.grant.client_id is not None:
            raise text_error(190, "(#190) This method must be called with a Page Access Token")
        need(request, "read_insights")
        return page_insights(sim, request, account)
    page_only(request)
    need(request, "pages_read_engagement", "pages_read_user_content")
    if parts[1] in ("published_posts", "posts", "feed") and len(parts) == 2:
        items = list(reversed(account.items(now)))
        return walk(request, items, lambda item, field: post_field(sim, request, account, item, field, now))
    if parts[1] in ("videos", "video_reels") and len(parts) == 2:
        items = [
            i for i in reversed(account.items(now)) if is_video(i) and (parts[1] == "videos" or i.index % 2)
        ]
        return walk(request, items, lambda item, field: video_field(account, item, field, now))
    raise text_error(2500, "Unknown path components: /" + "/".join(parts[1:]))


def page_node(request, account, now):
    shown, out = ids.external_id(PLATFORM, account.number), {}
    for field in parse_fields(request.query.get("fields", "name")):
        name = field.name
        if name in ("published_posts", "posts", "feed"):
            page_only(request)
            out[field.shown] = {"data": []}
            if "summary" in field.calls:
                out[field.shown]["summary"] = {"total_count": len(account.items(now))}
            continue
        values = {
            "id": shown, "name": account.artist.name, "username": account.artist.name.replace(" ", ""),
            "link": f"https://www.facebook.com/{shown}", "fan_count": fans(account, now),
            "followers_count": account.followers(now), "category": "Musician/Band",
            "access_token": request.token.text,
            "instagram_business_account": {"id": ids.external_id("instagram",
                                                                 account.number)}, "about": "Music",
            "likes": None, "verification_status": "not_verified", "website": "https://example.com"
        }
        if name not in values:
            raise text_error(100, f"(#100) Tried accessing nonexisting field ({name}) on node type (Page)")
        if values[name] is not None:
            out[field.shown] = values[name]
    out["id"] = shown
    return Response(200, out)


def walk(request, entries, value_of):
    fields = parse_fields(request.query.get("fields", "created_time,message,id"))
    if not any(field.name == "id" for field in fields):
        fields.append(Field("id"))

    def make(entry):
        values = ((field.shown, value_of(entry, field)) for field in fields)
        return {name: value for name, value in values if value is not None}

    return page(request, entries, make)


def shares(item, now):
    return item.count("shares", now)


def post_field(sim, request, account, item, field, now):
    name = field.name
    if name in ("reactions", "comments", "likes"):
        if "summary" not in field.calls:
            return {"data": []} if name != "likes" else None
        need(request, "pages_read_user_content")
        total = item.count("comments" if name == "comments" else "likes", now)
        if name == "reactions" and "type" in field.calls:
            total = total * {"LIKE": 7, "LOVE": 2, "HAHA": 1}.get(field.calls["type"], 0) // 10
        summary = {"total_count": total}
        if name == "comments":
            summary = {"order": "chronological", "total_count": total, "can_comment": True}
        return {"data": [], "summary": summary}
    if name == "insights":
        need(request, "read_insights")
        return {"data": post_insights(sim, request, account, item, field.calls.get("metric", ""), now)}
    if name == "attachments":
        kind = {"photo": ("photo", "photo"), "video": ("video", "video_inline"),
                "link": ("link", "share")}.get(item.kind)
        return {"data": [{"media_type": kind[0], "type": kind[1]}]} if kind else None
    count = shares(item, now)
    values = {
        "id": post_id(account, item), "message": f"{item.title}" if item.index % 7 else None,
        "created_time": graph_time(item.at), "permalink_url": permalink(account, item), "status_type": {
            "photo": "added_photos", "video": "added_video", "link": "shared_story"
        }.get(item.kind, "mobile_status_update"), "shares": {"count": count} if count else None,
        "full_picture": "https://scontent-xx.fbcdn.net/v/picture.jpg", "timeline_visibility": "normal",
        "is_published": True, "updated_time": graph_time(item.at)
    }
    if name not in values:
        raise text_error(100, f"(#100) Tried accessing nonexisting field ({name})")
    return values[name]


def video_field(account, item, field, now):
    values = {
        "id": video_id(account, item), "created_time": graph_time(item.at), "length": item.duration + 0.25,
        "title": item.title, "published": True, "content_category": "MUSIC", "is_crosspost_video": False,
        "description": item.title, "updated_time": graph_time(item.at), "views": item.count("views", now),
        "permalink_url": permalink(account, item).removeprefix("https://www.facebook.com")
    }
    if field.name not in values:
        raise text_error(100, f"(#100) Tried accessing nonexisting field ({field.name}) on node type (Video)")
    return values[field.name]


def post(sim, request, parts, now):
    name = parts[0]
    found = ids.digits_parts(name.split("_")[-1], "5") or ids.digits_parts(name.split("_")[-1], "2")
    account = found and sim.world.account(PLATFORM, found[0])
    item = account and account.item(found[1], now)
    if not item or request.token.grant.number != account.number:
        raise no_object(name)
    page_only(request)
    if parts[1:] == ["insights"]:
        need(request, "read_insights")
        since = now // DAY * DAY - 2 * DAY
        return Response(
            200, {
                "data": post_insights(sim, request, account, item, request.query.get("metric", ""), now),
                "paging": shift_links(request, since, since + 2 * DAY)
            })
    make = video_field if "_" not in name else None
    out = {}
    for field in parse_fields(request.query.get("fields", "id")) + [Field("id")]:
        value = (make(account, item, field, now)
                 if make else post_field(sim, request, account, item, field, now))
        if value is not None:
            out[field.shown] = value
    return Response(200, out)


# Insights


def check_metrics(sim, request, asked, prefix=True):
    """The asked metrics; one that is unknown or retired fails the whole call, unnamed."""
    names = [name for name in asked.split(",") if name]
    if not names:
        raise text_error(
            3001,
            "Invalid query",
            subcode=1504028,
            transient=False,
            title=(
                "No metric specified",
                "No metric was specified to be fetched. Please specify one or more metrics to be fetched and "
                "try again."))
    retired = sim.retired(PLATFORM, request)
    for name in names:
        if name in retired or (name not in PAGE_METRICS and name not in POST_METRICS):
            raise text_error(100, ("(#100) " if prefix else "") + "The value must be a valid insights metric")
    return names


def pacific_day(t):
    """The date in America/Los_Angeles that ended last before t."""
    day = date.fromordinal(int(t // DAY) + date(1970, 1, 1).toordinal())
    while pacific_midnight(day) > t:
        day -= timedelta(days=1)
    return day


def page_value(account, name, period, end):
    """A metric over the days of the period that end at `end`."""
    since = end - PERIODS[period] * DAY
    if name == "page_follows":
        return account.followers(end)
    if PAGE_METRICS[name] is None:
        net = account.followers(end) - account.followers(since)
        lost = abs(net) // 6 + max(0, -net)
        return lost if "unfollows" in name else net + lost
    total = account.window(name, since, end, PAGE_METRICS[name])
    return total // 2 if name in UNIQUE and period != "day" else total


def told_value(sim, account, name, period, end):
    """The same, as it is told now: where Meta corrects its last days, a tenth comes later."""
    value = page_value(account, name, period, end)
    late = sim.now() - end < sim.modes.get("facebook_restates", 0) * DAY and name != "page_follows"
    return value - value // 10 if late else value


def page_insights(sim, request, account):
    query, now = request.query, sim.now()
    names = check_metrics(sim, request, query.get("metric", ""))
    if query.get("period") and query["period"] not in (*PERIODS, "month", "lifetime"):
        raise text_error(
            100,
            "(#100) The parameter period must be one of the following values: day, week, days_28, month, "
            "lifetime")
    last = pacific_day(now)
    until = parse_time(query["until"]) if query.get("until") else pacific_midnight(last)
    since = parse_time(query["since"]) if query.get("since") else until - 2 * DAY
    if until - since > 93 * DAY:
        raise text_error(100, "(#100) There cannot be more than 93 days (8035200 s) between since and until")
    if account.followers(now) < 100:
        return Response(200, {"data": []})
    ends, day = [], last
    while pacific_midnight(day) > since and len(ends) < 95:
        if pacific_midnight(day) <= until:
            ends.append(pacific_midnight(day))
        day -= timedelta(days=1)
    data, owner = [], ids.external_id(PLATFORM, account.number)
    for period in [query["period"]] if query.get("period") else ["lifetime", *PERIODS]:
        for name in names:
            if name not in PAGE_METRICS:
                continue
            if period == "lifetime":
                if name == "page_follows":
                    data.append(entry(owner, name, period, [{"value": account.followers(now)}]))
            elif period in PERIODS and (ends or query.get("since")):
                data.append(
                    entry(owner, name, period,
                          [{"value": told_value(sim, account, name, period, end), "end_time": graph_time(end)}
                           for end in reversed(ends)]))
    return Response(200, {"data": data, "paging": shift_links(request, since, until)})


def entry(owner, name, period, values):
    return {
        "name": name, "period": period, "values": values,
        "title": None if name.startswith("post_media") else name,
        "description": f"Synthetic {name}; the Page&#039;s.", "id": f"{owner}/insights/{name}/{period}"
    }


def post_insights(sim, request, account, item, asked, now):
    names = check_metrics(sim,
                          request,
                          asked,
                          prefix=len(request.segments) > 2 and request.segments[-1] == "insights")
    views, likes = item.count("views", now), item.count("likes", now)
    love = likes // 5
    values = {
        "post_media_view": views, "post_total_media_view_unique": views * 7 // 10, "post_clicks": views // 25,
        "post_reactions_by_type_total": {k: v for k, v in (("like", likes - love), ("love", love)) if v},
        "post_activity_by_action_type": {
            k: v for k, v in (("like", likes), ("comment", item.count("comments", now)), ("share",
                                                                                          shares(item, now)))
            if v
        }, "post_video_views": views * 4 // 5 if is_video(item) else 0,
        "post_reactions_like_total": likes - love, "post_reactions_love_total": love,
        "post_clicks_by_type": {"other clicks": views // 25} if views > 25 else {}
    }
    owner = post_id(account, item)
    return [entry(owner, name, "lifetime", [{"value": values[name]}]) for name in names if name in values]


def truth(sim, account, t):
    """Node fields, sums over posts, the last days_28 point of each metric, and each post."""
    items, end = account.items(t), pacific_midnight(pacific_day(t))
    return {
        "followers": account.followers(t), "fan_count": fans(account, t), "posts_count": len(items),
        "videos_count": sum(is_video(item) for item in items), "reactions_total": account.total("likes", t),
        "comments_total": account.total("comments", t), "shares_total": account.total("shares", t),
        "insights": {name: page_value(account, name, "days_28", end) for name in PAGE_METRICS}, "content": [{
            "id": post_id(account, item), "kind": item.kind, "published_at": graph_time(item.at),
            "permalink": permalink(account, item), "likes": item.count("likes", t),
            "comments": item.count("comments", t), "shares": shares(item, t), "views": item.count("views", t),
            "reach": item.count("views", t) * 7 // 10
        } for item in reversed(items)]
    }
