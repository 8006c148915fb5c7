"""TIDAL: openapi.tidal.com/v2 in JSON:API, with relative `next` links and an unordered `included`;
auth.tidal.com."""

import json

import ids
from oauth import Grant, basic
from server import Response
from texts import iso_date, isrc, md5, number
from world import DAY

PLATFORM = "tidal"
HOSTS = ("openapi.tidal.com", "auth.tidal.com", "login.tidal.com")
PAGE = 20
BURST, RATE = 10, 1
LIFE = 86400
TYPE = "application/vnd.api+json"


def error(status, code, detail, parameter=None):
    one = {
        "id": md5(code, detail)[:8], "status": str(status), "code": code, "detail": detail,
        "meta": {"category": "SYNTHETIC"}
    }
    if parameter:
        one["source"] = {"parameter": parameter}
    return Response(status, {"errors": [one]}, content_type=TYPE)


def failure(sim, request, kind, rule):
    if request.host == "auth.tidal.com" and kind != "server_error":
        return Response(
            400,
            {"status": 400, "error": "invalid_client", "sub_status": 6001, "error_description": "Synthetic"})
    if kind == "unauthorized":
        return Response(401, {"status": 401, "subStatus": 11003, "userMessage": "Token has expired"})
    if kind == "forbidden":
        return error(403, "FORBIDDEN", "Access denied")
    if kind in ("rate_limit", "quota"):
        out = Response(429, {"errors": [{"status": "429", "detail": "Rate limit exceeded"}]},
                       content_type=TYPE)
        out.headers.update(bucket_headers(0, 5))
        if rule.wait(sim.now()):
            out.headers["Retry-After"] = str(rule.wait(sim.now()))
        return out
    return error(rule.status, "INTERNAL_SERVER_ERROR", "Something went wrong")


def account_of(sim, request):
    request.token, request.rate = sim.grants.find(request.bearer, PLATFORM,
                                                  "access") if request.bearer else (None, None)
    parts = request.segments
    if len(parts) > 2 and parts[:2] == ["v2", "artists"]:
        return PLATFORM, ids.number_of(PLATFORM, parts[2])
    return (PLATFORM, request.token.grant.number) if request.token else None


def bucket_headers(left, cost):
    return {
        "x-ratelimit-remaining": str(left), "x-ratelimit-burst-capacity": str(BURST),
        "x-ratelimit-replenish-rate": str(RATE), "x-ratelimit-requested-tokens": str(cost)
    }


def handle(sim, request):
    if request.host != "openapi.tidal.com":
        return auth(sim, request)
    if request.token is None:
        if request.rate != "expired":
            return error(401, "UNAUTHORIZED", "The token is missing, invalid or expired")
        return Response(401, {"status": 401, "subStatus": 11003, "userMessage": "Token has expired"})
    cost = 5 if request.query.get("include") else 1
    left = BURST - cost
    if sim.options.limits:
        if not all(sim.bucket("tidal", BURST, BURST / RATE) for _ in range(cost)):
            out = Response(429, {"errors": [{"status": "429", "detail": "Rate limit exceeded"}]},
                           content_type=TYPE)
            out.headers.update(bucket_headers(0, cost))
            return out
        left = max(0, BURST - len(sim.buckets["tidal"]))
    parts = request.segments
    if parts[:1] != ["v2"]:
        return error(404, "NOT_FOUND", "Not found")
    include = [name for name in request.query.get("include", "").split(",") if name]
    if any(name.count(".") > 2 for name in include) or len(include) > 10:
        response = error(400, "INVALID_REQUEST", "include is too deep", "include")
    else:
        response = answer(sim, request, parts[1:], include)
    response.headers["Content-Type"] = TYPE
    response.headers.update(bucket_headers(left, cost))
    return response


def answer(sim, request, parts, include):
    what, now = parts[0] if parts else "", sim.now()
    wanted = [name for name in request.query.get("filter[id]", "").split(",") if name]
    if what == "artists":
        if len(parts) == 1:
            shown = [artist(sim, ids.number_of(PLATFORM, name), now) for name in wanted if name.isdigit()]
            return Response(200, {"data": shown, "links": {"self": self_link(request)}})
        if not parts[1].isdigit() or int(parts[1]) == 0:
            return error(404, "NOT_FOUND", "Artist not found")
        account = sim.world.account(PLATFORM, ids.number_of(PLATFORM, parts[1]))
        if len(parts) == 2:
            return Response(200,
                            {"data": artist(sim, account.number, now), "links": {"self": self_link(request)}})
        if parts[2:] == ["relationships", "albums"]:
            return relationship(request, [("albums", album_id(account, r)) for r in account.releases(now)],
                                include, lambda name: album(sim, account, name, now, include, "albums."))
        if parts[2:] == ["relationships", "tracks"]:
            if request.query.get("collapseBy") not in ("FINGERPRINT", "NONE"):
                return error(400, "INVALID_REQUEST", "collapseBy is required", "collapseBy")
            names = [("tracks", track_id(account, r, i)) for r in account.releases(now)
                     for i in range(r.tracks)]
            return relationship(request, names, include,
                                lambda name: track_with(sim, name, now, include, "tracks."))
        return error(403, "FORBIDDEN", "Access tier INTERNAL is required")
    if what == "albums" and len(parts) == 1:
        found = [(a, r) for a, r in (find_album(sim, name, now) for name in wanted) if r]
        data, extra = [], []
        for account, release in found:
            resource, more = album(sim, account, album_id(account, release), now, include, "")
            data.append(resource)
            extra += more
        return document(request, data, extra)
    if what == "albums" and len(parts) == 2:
        account, release = find_album(sim, parts[1], now)
        if not release:
            return error(404, "NOT_FOUND", "Album not found")
        resource, extra = album(sim, account, parts[1], now, include, "")
        return document(request, resource, extra)
    if what == "playlists":
        if len(parts) == 1:
            return Response(200, {
                "data": [playlist(sim, name, now) for name in wanted], "links": {"self": self_link(request)}
            })
        if len(parts[1]) != 36:
            return error(404, "NOT_FOUND", "Playlist not found")
        if len(parts) == 2:
            return Response(200,
                            {"data": playlist(sim, parts[1], now), "links": {"self": self_link(request)}})
        if parts[2:] == ["relationships", "items"]:
            names = [("tracks", name) for name in playlist_tracks(sim, parts[1], now)]
            query = request.query.get("filter[query]")
            if query:
                names = [pair for pair in names if query.lower() in artist_of(sim, pair[1]).name.lower()]
            return relationship(request, names, include,
                                lambda name: track_with(sim, name, now, include, "items."),
                                lambda i: {"itemId": f"a-{i}", "addedAt": "2026-01-01T09:00:00Z"})
    if what == "searchResults" and len(parts) == 1 and request.query.get("filter[query]"):
        number_ = ids.number_of(PLATFORM, request.query["filter[query]"])
        found = {"id": ids.external_id(PLATFORM, number_), "type": "artists"}
        return document(request, [{
            "id": request.query["filter[query]"], "type": "searchResults", "attributes": {},
            "relationships": {"artists": {"data": [found]}}
        }], [artist(sim, number_, now)])
    return error(404, "NOT_FOUND", "Not found")


def self_link(request):
    return request.path.removeprefix("/v2") + ("?" + request.query_string if request.query_string else "")


def document(request, data, included):
    """A document whose `included` is unordered: sorted by a digest, and one resource may come twice."""
    out = {"data": data, "links": {"self": self_link(request)}}
    if included:
        unique = {(r["type"], r["id"]): r for r in included}
        mixed = sorted(unique.values(), key=lambda r: md5(r["type"], r["id"]))
        out["included"] = mixed + mixed[:1]
    return Response(200, out, content_type=TYPE)


def relationship(request, names, include, resource, meta=None):
    """A page of 20 identifiers; the resources in `included` where include asks. `next` is relative to /v2."""
    cursor = request.query.get("page[cursor]")
    start = number(cursor.removeprefix("3nI1"), None) if cursor else 0
    if start is None:
        return error(400, "INVALID_REQUEST", "Invalid cursor", "page[cursor]")
    shown, data, extra = names[start:start + PAGE], [], []
    for i, (kind, name) in enumerate(shown, start):
        entry = {"id": name, "type": kind}
        if meta:
            entry["meta"] = meta(i)
        data.append(entry)
        if include:
            made, more = resource(name)
            if (int(md5(name)[:2], 16) or kind == "albums"):  # now and then a track is not available here
                extra.append(made)
            extra += more
    response = document(request, data, extra)
    if start + PAGE < len(names):
        body = json.loads(response.body)
        after = f"3nI1{start + PAGE}"
        rest = "&".join(f"{k.replace('[', '%5B').replace(']', '%5D')}={v}" for k, v in request.query.items()
                        if k != "page[cursor]")
        body["links"]["next"] = request.path.removeprefix("/v2") + "?" + rest + (
            "&" if rest else "") + f"page%5Bcursor%5D={after}"
        body["links"]["meta"] = {"nextCursor": after}
        response = Response(200, body, content_type=TYPE)
    return response


# Resources


def tells_followers(account_number):
    """The count of followers is left out for every fifth artist."""
    return account_number % 5 != 4


def artist(sim, number_, now):
    account = sim.world.account(PLATFORM, number_)
    shown = ids.external_id(PLATFORM, number_)
    attributes = {
        "name": account.artist.name, "popularity": round(min(0.99,
                                                             len(str(account.followers(now))) / 10), 2),
        "handle": account.artist.name.lower().replace(" ", ""), "ownerType": "LABEL", "externalLinks": [{
            "href": f"https://tidal.com/browse/artist/{shown}", "meta": {"type": "TIDAL_SHARING"}
        }]
    }
    if tells_followers(number_):
        attributes["numberOfFollowers"] = account.followers(now)
    return {
        "id": shown, "type": "artists", "attributes": attributes,
        "relationships": {"albums": {"links": {"self": f"/artists/{shown}/relationships/albums"}}}
    }


def album_id(account, release):
    return str(account.number * 1000 + release.index + 300)


def find_album(sim, name, now):
    if not name.isdigit() or int(name) < 1000:
        return None, None
    account = sim.world.account(PLATFORM, int(name) // 1000)
    return account, next((r for r in account.releases(now) if r.index == int(name) % 1000 - 300), None)


def people(account, release):
    return [account.number] + ([release.partner] if release.partner else [])


def album(sim, account, name, now, include, prefix):
    """(resource, further included resources) of an album."""
    _, release = find_album(sim, name, now)
    resource = {
        "id": name, "type": "albums", "attributes": {
            "title": release.title, "version": None, "albumType": release.kind.upper(),
            "type": release.kind.upper(), "releaseDate": iso_date(release.at),
            "barcodeId": f"{int(name) % 10 ** 13:013d}", "numberOfVolumes": 1,
            "numberOfItems": release.tracks, "duration": f"PT{release.tracks * 3}M20S", "explicit": False,
            "popularity": 0.0, "copyright": {"text": "2026 Own label"}, "availability": ["STREAM"],
            "mediaTags": ["LOSSLESS"], "externalLinks": [{
                "href": f"https://tidal.com/browse/album/{name}", "meta": {"type": "TIDAL_SHARING"}
            }]
        }, "relationships": {"artists": {"links": {"self": f"/albums/{name}/relationships/artists"}}}
    }
    extra = []
    if prefix + "artists" in include:
        numbers = people(account, release)
        resource["relationships"]["artists"]["data"] = [
            {"id": ids.external_id(PLATFORM, n), "type": "artists"} for n in numbers
        ]
        extra += [artist(sim, n, now) for n in numbers]
    if prefix + "items" in include:
        resource["relationships"]["items"] = {
            "data": [{"id": track_id(account, release, i), "type": "tracks"} for i in range(release.tracks)]
        }
        extra += [track(sim, track_id(account, release, i)) for i in range(release.tracks)]
    return resource, extra


def track_id(account, release, index):
    return str(int(album_id(account, release)) * 64 + index)


def artist_of(sim, name):
    return sim.world.artist(int(name) // 64 // 1000)


def track(sim, name):
    by = artist_of(sim, name)
    release = by.release(int(name) // 64 % 1000 - 300)
    return {
        "id": name, "type": "tracks", "attributes": {
            "title": f"{release.title} {int(name) % 64 + 1}", "version": None, "isrc": isrc(int(name)),
            "popularity": 0.2, "duration": "PT3M20S", "explicit": False, "availability": ["STREAM"],
            "mediaTags": ["LOSSLESS"], "copyright": {"text": "2026 Own label"}, "externalLinks": []
        }, "relationships": {"artists": {"links": {"self": f"/tracks/{name}/relationships/artists"}}}
    }


def track_with(sim, name, now, include, prefix):
    resource, extra = track(sim, name), []
    if prefix + "artists" in include:
        by = artist_of(sim, name)
        release = by.release(int(name) // 64 % 1000 - 300)
        numbers = [by.number] + ([release.partner] if release.partner else [])
        resource["relationships"]["artists"]["data"] = [
            {"id": ids.external_id(PLATFORM, n), "type": "artists"} for n in numbers
        ]
        extra = [artist(sim, n, now) for n in numbers]
    return resource, extra


# Playlists: the last 12 digits of the UUID are the number of the artist whose list it is


def playlist_number(name):
    tail = name.rsplit("-", 1)[-1]
    return int(tail) if tail.isdigit() and 0 < int(tail) < ids.TOO_LARGE else ids.number_of(PLATFORM, name)


def playlist_tracks(sim, name, now):
    first, out = playlist_number(name), []
    for i in range(30):
        account = sim.world.account(PLATFORM, first + 5 * i)
        out += [track_id(account, release, 0) for release in account.releases(now)[:2]]
    return out


def playlist(sim, name, now):
    week = int(now // (7 * DAY)) * 7 * DAY
    return {
        "id": name, "type": "playlists", "attributes": {
            "name": f"Rising {playlist_number(name)}", "playlistType": "EDITORIAL", "accessType": "PUBLIC",
            "bounded": True, "numberOfItems": len(playlist_tracks(sim, name, now)),
            "numberOfFollowers": 900 + playlist_number(name) % 5000, "createdAt": "2020-01-01T00:00:00Z",
            "lastModifiedAt": iso_date(week) + "T07:00:00Z", "externalLinks": []
        }
    }


# OAuth


def auth(sim, request):
    if request.host == "login.tidal.com":
        if request.path == "/authorize":
            return sim.grants.authorize(PLATFORM, request.query, pkce=True)
        return Response(404, "Not Found", content_type="text/html")

    def refuse(status, code, text):
        return Response(status,
                        {"status": status, "error": code, "sub_status": 11101, "error_description": text})

    if request.path != "/v1/oauth2/token" or request.method != "POST":
        return refuse(404, "not_found", "Not found")
    form = request.form
    client, secret = basic(request)
    client, secret = client or form.get("client_id"), secret or form.get("client_secret")
    kind, out = form.get("grant_type"), {}
    if not sim.grants.client_known(PLATFORM, client, secret, secret_needed=kind == "client_credentials"):
        return refuse(401, "invalid_client", "Invalid client credentials")
    if kind == "client_credentials":
        token = sim.grants.issue("access", Grant(PLATFORM, None, client, [], sim.now()), LIFE)
        sim.grants.count(PLATFORM)
        return Response(200,
                        {"access_token": token.text, "token_type": "Bearer", "expires_in": LIFE, "scope": ""})
    if kind == "authorization_code":
        grant, problem = sim.grants.redeem(PLATFORM, form.get("code"), client, form.get("redirect_uri", ""),
                                           form.get("code_verifier"))
        if not problem:
            out = {"refresh_token": sim.grants.issue("refresh", grant, None).text, "user_id": grant.number}
    elif kind == "refresh_token":
        # Every second renewal brings a new refresh token, which ends the one it was made from.
        held = sim.grants.tokens.get(form.get("refresh_token"))
        rotates = bool(held and (held.used or held.grant.renewals % 2))
        grant, problem = sim.grants.renew(PLATFORM, form.get("refresh_token"), client, rotates=rotates)
        if not problem and rotates:
            out = {"refresh_token": sim.grants.issue("refresh", grant, None).text}
    else:
        return refuse(400, "unsupported_grant_type", "Unsupported grant type")
    if problem:
        return refuse(400, "invalid_grant", "Token could not be verified")
    token = sim.grants.issue("access", grant, LIFE)
    scope = "user.read collection.read playlists.read" if grant.scopes is None else " ".join(grant.scopes)
    return Response(
        200, {"access_token": token.text, "token_type": "Bearer", "expires_in": LIFE, "scope": scope, **out})


def truth(sim, account, t):
    """followers is null where the attribute is left out. The artist is on each of `playlist_ids`."""
    return {
        "followers": account.followers(t) if tells_followers(account.number) else None,
        "playlist_ids": [f"0f0f0f0f-0000-4000-8000-{max(1, account.number - 5 * i):012d}" for i in range(3)],
        "content": [{
            "id": album_id(account, r), "kind": r.kind, "title": r.title, "published_at": iso_date(r.at),
            "tracks": r.tracks, "partners": [account.world.artist(r.partner).name] if r.partner else []
        } for r in account.releases(t)]
    }
