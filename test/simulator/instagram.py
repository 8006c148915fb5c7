"""Instagram professional accounts on the Graph API: profile, media, stories, insights, collaborators."""

import ids
from graph_parts import Field, no_object, page, parse_fields, shift_links, text_error
from server import Response
from texts import graph_time, md5, parse_time
from world import DAY, GENESIS

PLATFORM = "instagram"
MONTH = 30 * DAY

USER_METRICS = ("reach", "follower_count", "website_clicks", "profile_views", "online_followers",
                "accounts_engaged", "total_interactions", "likes", "comments", "shares", "saves", "replies",
                "engaged_audience_demographics", "reached_audience_demographics", "follower_demographics",
                "follows_and_unfollows", "profile_links_taps", "views", "reposts", "content_views")
SERIES = ("reach", "follower_count", "online_followers")
# A day's value as a share of the followers.
RATIOS = {
    "reach": 0.22, "views": 0.55, "profile_views": 0.018, "website_clicks": 0.002, "accounts_engaged": 0.03,
    "total_interactions": 0.05, "likes": 0.04, "comments": 0.003, "shares": 0.003, "saves": 0.004,
    "replies": 0.001, "profile_links_taps": 0.001, "reposts": 0.001, "content_views": 0.5
}
UNIQUE = 0.4  # people reached in a window, of the sum of its days

MEDIA_METRICS = ("impressions", "reach", "replies", "saved", "likes", "comments", "shares",
                 "total_interactions", "follows", "profile_visits", "profile_activity", "navigation",
                 "ig_reels_video_view_total_time", "ig_reels_avg_watch_time", "views", "reels_skip_rate",
                 "reposts", "facebook_views", "crossposted_views", "content_views", "total_views",
                 "total_likes", "total_comments", "link_clicks")
ALL = ("reach", "views", "shares", "total_interactions", "reposts")
FITTING = {
    "FEED": ALL + ("likes", "comments", "saved", "follows", "profile_visits", "profile_activity"),
    "REELS": ALL + ("likes", "comments", "saved", "ig_reels_avg_watch_time", "ig_reels_video_view_total_time",
                    "reels_skip_rate", "crossposted_views"),
    "STORY": ALL + ("follows", "profile_visits", "profile_activity", "replies", "navigation", "link_clicks")
}


def owns(name):
    """Is this the id of an Instagram account, medium or story?"""
    return name.isdigit() and (len(name) == 17 and name.startswith(
        ("178414", "18")) or len(name) == 20 and name.startswith("179"))


def username(artist):
    return artist.name.lower().replace(" ", ".")


def media_id(account, item):
    return ids.digits_id("18", account.number, item.index)


def story_id(account, day, index):
    return f"179{account.number:010d}{day:05d}{index:02d}"


def node(sim, request, parts):
    if parts[0].startswith("178414"):
        return user(sim, request, parts)
    return medium(sim, request, parts)


def allowed(request, account_number, name):
    """The token must be the account's own."""
    if request.token.grant.number != account_number:
        raise no_object(name)


def need(request, *scopes):
    granted = request.token.grant.scopes
    if granted is not None and not any(scope in granted for scope in scopes):
        raise text_error(10, "(#10) Application does not have permission for this action", status=403)


def user(sim, request, parts):
    account = sim.world.account(PLATFORM, ids.number_of(PLATFORM, parts[0]))
    allowed(request, account.number, parts[0])
    need(request, "instagram_basic", "instagram_business_basic")
    now = sim.now()
    if len(parts) == 1:
        whole = profile(account, now, request)
        names = [field.name for field in parse_fields(request.query.get("fields", "id"))]
        for name in names:
            if name not in whole:
                raise text_error(100, f"(#100) Tried accessing nonexisting field ({name})")
        return Response(200, {name: whole[name] for name in dict.fromkeys(names + ["id"])})
    if parts[1:] == ["media"]:
        items = list(reversed(account.items(now)))[:10000]
        return walk(sim, request, items,
                    lambda item, field: media_field(sim, request, account, item, field, now))
    if parts[1:] == ["stories"]:
        stories = list(reversed(account.stories(now)))
        return walk(sim, request, stories, lambda story, field: story_field(account, story, field))
    if parts[1:] == ["insights"]:
        need(request, "instagram_manage_insights", "instagram_business_manage_insights")
        return user_insights(sim, request, account)
    raise text_error(2500, "Unknown path components: /" + "/".join(parts[1:]))


def profile(account, now, request):
    artist = account.artist
    whole = {
        "id": ids.external_id(PLATFORM, account.number), "username": username(artist), "name": artist.name,
        "biography": "Music from " + artist.country, "followers_count": account.followers(now),
        "follows_count": 100 + account.number % 400, "media_count": len(account.items(now)),
        "profile_picture_url": f"https://scontent-xx.cdninstagram.com/v/{md5(account.number)}.jpg?oe=1",
        "website": f"https://example.com/{username(artist)}", "ig_id": str(account.number)
    }
    if request.host == "graph.instagram.com":
        whole["user_id"] = whole["id"]
        whole["account_type"] = "BUSINESS"
        if request.segments[-1] == "me":  # Instagram Login: `id` is the app's own for the user
            whole["id"] = f"9{account.number:016d}"
    return whole


def walk(sim, request, entries, value_of):
    """A page of an edge with the asked fields; a value None means that the field is left out."""
    fields = parse_fields(request.query.get("fields", "id"))
    if not any(field.name == "id" for field in fields):
        fields.append(Field("id"))

    def make(entry):
        values = ((field.shown, value_of(entry, field)) for field in fields)
        return {name: value for name, value in values if value is not None}

    return page(request, entries, make)


def product(item):
    return "REELS" if item.kind == "reel" else "FEED"


def permalink(account, item):
    short = ids.packed(account.number, item.index, ids.BASE64, 11)
    return f"https://www.instagram.com/{'reel' if item.kind == 'reel' else 'p'}/{short}/"


def caption(account, item):
    if item.index % 9 == 4:
        return None
    guests = " ".join("with @" + username(account.world.artist(n)) for n in item.partners)
    return f"{item.title} \U0001F3B6 {guests}".rstrip()


def media_field(sim, request, account, item, field, now):
    name = field.name
    if name == "id":
        return media_id(account, item)
    if name == "caption":
        return caption(account, item)
    if name == "media_type":
        return {"photo": "IMAGE", "carousel": "CAROUSEL_ALBUM", "reel": "VIDEO"}[item.kind]
    if name == "media_product_type":
        return product(item)
    if name == "permalink":
        return permalink(account, item)
    if name == "shortcode":
        return permalink(account, item).split("/")[-2]
    if name == "timestamp":
        return graph_time(item.at)
    if name == "like_count":
        return None if item.hides_likes else item.count("likes", now)
    if name == "comments_count":
        return item.count("comments", now)
    if name == "username":
        return username(account.artist)
    if name == "owner":
        return {"id": ids.external_id(PLATFORM, account.number)}
    if name == "ig_id":
        return str(3 * 10**18 + item.index)
    if name in ("media_url", "thumbnail_url"):
        return None if name == "thumbnail_url" and item.kind != "reel" else \
            f"https://scontent-xx.cdninstagram.com/v/{md5(account.number, item.index)}.jpg?oe=1"
    if name == "is_comment_enabled":
        return True
    if name == "children":
        return {"data": [{"id": f"17{item.index:015d}"}]} if item.kind == "carousel" else None
    if request.host == "graph.facebook.com":
        if name == "saved_count":
            return item.count("saves", now)
        if name in ("shares_count", "reposts_count"):
            return item.count("shares", now) if name == "shares_count" else item.count("shares", now) // 3
        if name in ("total_like_count", "total_comments_count", "total_views_count"):
            return item.count({"total_like_count": "likes",
                               "total_comments_count": "comments"}.get(name, "views"), now)
        if name == "insights":
            return {"data": media_insights(sim, request, account, item, field.calls.get("metric", ""))}
        if name == "collaborators":
            return {"data": collaborators(account, item)} if item.partners else None
    raise text_error(100, f"(#100) Tried accessing nonexisting field ({name}) on node type (IGMedia)")


def story_field(account, story, field):
    day, index, at = story
    values = {
        "id": story_id(account, day, index), "media_type": "VIDEO" if index else "IMAGE",
        "media_product_type": "STORY", "timestamp": graph_time(at), "like_count": 0, "comments_count": 0,
        "permalink": f"https://instagram.com/stories/{username(account.artist)}/{story_id(account, day, index)}",
        "media_url": f"https://scontent-xx.cdninstagram.com/v/{md5(day, index)}.jpg?oe=1", "caption": None,
        "username": username(account.artist), "owner": {"id": ids.external_id(PLATFORM, account.number)}
    }
    if field.name not in values:
        raise text_error(100,
                         f"(#100) Tried accessing nonexisting field ({field.name}) on node type (IGMedia)")
    return values[field.name]


def collaborators(account, item):
    out = []
    for i, partner in enumerate(item.partners):
        out.append({
            "id": ids.external_id(PLATFORM, partner), "username": username(account.world.artist(partner)),
            "invite_status": "Accepted" if i == 0 else "Pending"
        })
    return out


def medium(sim, request, parts):
    """A post, reel or story by its id."""
    now, name = sim.now(), parts[0]
    if name.startswith("179"):
        number_, day, index = int(name[3:13]), int(name[13:18]), int(name[18:])
        account = sim.world.account(PLATFORM, number_)
        story = next((s for s in account.stories(now) if s[:2] == (day, index)), None)
        if story is None:
            raise no_object(name)
        allowed(request, account.number, name)
        if parts[1:] == ["insights"]:
            return Response(200, {"data": story_insights(sim, request, account, story, name)})
        fields = parse_fields(request.query.get("fields", "id"))
        return Response(200, {field.shown: story_field(account, story, field) for field in fields})
    found = ids.digits_parts(name, "18")
    account = found and sim.world.account(PLATFORM, found[0])
    item = account and account.item(found[1], now)
    if not item:
        raise no_object(name)
    allowed(request, account.number, name)
    if parts[1:] == ["insights"]:
        need(request, "instagram_manage_insights", "instagram_business_manage_insights")
        return Response(
            200, {"data": media_insights(sim, request, account, item, request.query.get("metric", ""))})
    if parts[1:] == ["collaborators"] and request.host == "graph.facebook.com":
        return Response(200, {"data": collaborators(account, item)})
    if len(parts) > 1:
        raise text_error(2500, "Unknown path components: /" + "/".join(parts[1:]))
    fields = parse_fields(request.query.get("fields", "id"))
    values = {f.shown: media_field(sim, request, account, item, f, now) for f in fields + [Field("id")]}
    return Response(200, {key: value for key, value in values.items() if value is not None})


# Insights


def entry(owner, name, period, **value):
    return {
        "name": name, "period": period, **value, "title": name.replace("_", " ").capitalize(),
        "description": f"Synthetic {name}.", "id": f"{owner}/insights/{name}/{period}"
    }


def check_metrics(sim, request, asked, legal):
    """The metrics of a list, or the server's refusal, which counts from 0 and lists what it takes."""
    names = [name for name in asked.split(",") if name]
    if not names:
        raise text_error(100, "(#100) The parameter metric is required")
    retired = sim.retired(PLATFORM, request)
    legal = [name for name in legal if name not in retired]
    for i, name in enumerate(names):
        if name not in legal:
            raise text_error(100,
                             f"(#100) metric[{i}] must be one of the following values: " + ", ".join(legal))
    return names


def user_insights(sim, request, account):
    query, now = request.query, sim.now()
    names = check_metrics(sim, request, query.get("metric", ""), USER_METRICS)
    total = query.get("metric_type") == "total_value"
    if not total:
        wrong = [name for name in names if name not in SERIES]
        if wrong:
            raise text_error(
                100, f"(#100) The following metrics ({','.join(wrong)}) should be specified with parameter "
                "metric_type=total_value")
    if query.get("period") not in ("day", "lifetime"):
        raise text_error(100, "(#100) The parameter period is required")
    midnight = now // DAY * DAY
    until = parse_time(query["until"]) if query.get("until") else midnight
    since = parse_time(query["since"]) if query.get("since") else until - DAY
    if until - since > MONTH:
        raise text_error(100, "(#100) There cannot be more than 30 days (2592000 s) between since and until")
    owner, data = ids.external_id(PLATFORM, account.number), []
    for name in names:
        if name == "follows_and_unfollows" and not query.get("breakdown"):
            data.append(entry(owner, name, "day"))
        elif name.endswith("demographics") or name == "online_followers":
            continue
        elif total:
            value = user_total(account, name, since, until)
            if now - until < sim.modes.get("instagram_restates", 0) * DAY:
                value = value * 9 // 10
            data.append(entry(owner, name, "day", total_value={"value": value}))
        else:
            data.append(entry(owner, name, "day", values=user_series(account, name, since, until)))
    return Response(200, {"data": data, "paging": shift_links(request, since, until)})


def user_total(account, name, since, until):
    """A metric over a window: the sum of its days; for people reached, which are unique, less than that."""
    if name == "follower_count" or name == "follows_and_unfollows":
        return account.followers(until) - account.followers(since)
    total = account.window(name, since, until, RATIOS[name])
    return int(total * UNIQUE) if name in ("reach", "accounts_engaged") and until - since > DAY else total


def user_series(account, name, since, until):
    """By day; the buckets end at 7:00 UTC."""
    out = []
    for day in range(int(since // DAY), int(until // DAY)):
        start = day * DAY
        value = (account.daily(name, int(
            (start - GENESIS) // DAY), RATIOS[name]) if name in RATIOS else account.followers(start + DAY) -
                 account.followers(start))
        out.append({"value": value, "end_time": graph_time(start + 7 * 3600)})
    return out


def before_switch(account, item):
    """Was it posted before the account became a professional one? The oldest twelfth of the archive was."""
    return item.index < account.archive // 12


def media_value(item, name, now):
    likes, comments, shares, saves = (item.count(n, now) for n in ("likes", "comments", "shares", "saves"))
    views = item.count("views", now)
    return {
        "reach": views * 7 // 10, "views": views, "likes": likes, "comments": comments, "shares": shares,
        "saved": saves, "total_interactions": likes + comments + shares + saves, "reposts": shares // 3,
        "follows": likes // 50, "profile_visits": views // 60, "profile_activity": views // 90,
        "ig_reels_avg_watch_time": 9000 + item.index % 7000, "ig_reels_video_view_total_time": views * 9000,
        "reels_skip_rate": 31.5, "crossposted_views": views // 20
    }[name]


def media_insights(sim, request, account, item, asked):
    if before_switch(account, item):
        raise text_error(
            100,
            "Invalid parameter",
            subcode=2108006,
            transient=False,
            title=
            ("Media Posted Before Business Account Conversion",
             "The media was posted before the most recent time that the user's account was converted to a business account "
             "from a personal account."))
    names = check_metrics(sim, request, asked, MEDIA_METRICS)
    wrong = [name for name in names if name not in FITTING[product(item)]]
    if wrong:
        raise text_error(
            100,
            f"(#100) The Media Insights API does not support the {', '.join(wrong)} metric for this media "
            "product type.")
    owner, now = media_id(account, item), sim.now()
    return [
        entry(owner, name, "lifetime", values=[{"value": media_value(item, name, now)}]) for name in names
    ]


def story_views(account, story, now):
    day, index, at = story
    share = 0.03 + int(md5("story", account.number, day, index)[:4], 16) / 65536 * 0.1
    return int(account.followers(at) * share * min(1.0, (now - at) / (DAY * 0.8))**0.5)


def story_insights(sim, request, account, story, owner):
    need(request, "instagram_manage_insights", "instagram_business_manage_insights")
    names = check_metrics(sim, request, request.query.get("metric", ""), MEDIA_METRICS)
    wrong = [name for name in names if name not in FITTING["STORY"]]
    if wrong:
        raise text_error(
            100,
            f"(#100) The Media Insights API does not support the {', '.join(wrong)} metric for this media "
            "product type.")
    views = story_views(account, story, sim.now())
    if views < 5:
        raise text_error(10, "(#10) Not enough viewers for the media to show insights")
    values = {
        "reach": views * 9 // 10, "views": views, "shares": views // 80, "total_interactions": views // 40,
        "replies": views // 100, "navigation": views, "link_clicks": views // 120
    }
    out = []
    for name in names:
        node_ = entry(owner, name, "lifetime", values=[{"value": values.get(name, views // 200)}])
        if name == "navigation" and request.query.get("breakdown") == "story_navigation_action_type":
            node_["total_value"] = {
                "value": views, "breakdowns": [{
                    "dimension_keys": ["story_navigation_action_type"],
                    "results": [{"dimension_values": [kind], "value": views * share // 10}
                                for kind, share in (("tap_forward", 7), ("tap_back", 1), ("tap_exit", 1),
                                                    ("swipe_forward", 1))]
                }]
            }
        out.append(node_)
    return out


TOLD = (("views", "views"), ("reach", "reach"), ("saves", "saved"), ("shares", "shares"), ("insight_likes",
                                                                                           "likes"))


def truth(sim, account, t):
    """Node fields, the sums over all media, insights of the last 30 closed days, and each medium. A hidden
    like count is null in `likes`; `insight_likes` is what media insights tell of it."""
    items, midnight = account.items(t), t // DAY * DAY
    insights = {
        name: user_total(account, name, midnight - MONTH, midnight)
        for name in ("reach", "views", "profile_views", "website_clicks")
    }
    content = []
    for item in reversed(items):
        told = None if before_switch(account, item) else item
        content.append({
            "id": media_id(account, item), "kind": item.kind, "published_at": graph_time(item.at),
            "caption": caption(account, item), "likes": None if item.hides_likes else item.count("likes", t),
            "comments": item.count("comments", t), "collaborators": collaborators(account, item),
            **{name: told and media_value(told, metric, t) for name, metric in TOLD}
        })
    return {
        "followers": account.followers(t), "media_count": len(items), "reels_count": sum(item.kind == "reel"
                                                                                         for item in items),
        "likes_shown": sum(item.count("likes", t) for item in items
                           if not item.hides_likes), "likes_hidden_items": sum(item.hides_likes
                                                                               for item in items),
        "comments_total": account.total("comments", t), "insights": insights, "stories": [{
            "id": story_id(account, d, i), "published_at": graph_time(at),
            "views": story_views(account, (d, i, at), t)
        } for d, i, at in account.stories(t)], "content": content
    }
