"""Spotify's Web API: a user's library, an artist and its releases; and accounts.spotify.com.

The app has extended quota unless the mode says "dev": then followers, popularity, album_group and more are
absent, top-tracks and batches are gone, and pages are at most 10 long.
"""

import ids
from oauth import Grant, basic
from server import Response
from texts import iso_date, iso_time, isrc, md5, number
from world import DAY, GENESIS

PLATFORM = "spotify"
HOSTS = ("api.spotify.com", "accounts.spotify.com")
HALF_YEAR = 183 * DAY
SCOPES = "user-read-private user-read-email user-top-read user-library-read user-follow-read"


def error(status, message, **more):
    return Response(status, {"error": {"status": status, "message": message, **more}})


def failure(sim, request, kind, rule):
    if request.host == "accounts.spotify.com" and kind == "server_error":
        return Response(rule.status,
                        {"error": "server_error", "error_description": "Failed to process request"})
    if request.host == "accounts.spotify.com" and kind in ("unauthorized", "forbidden"):
        return Response(401, {"error": "invalid_client", "error_description": "Invalid client"})
    if kind == "unauthorized":
        return error(401, "The access token expired")
    if kind == "forbidden":
        return error(403, "Insufficient client scope")
    if kind in ("rate_limit", "quota"):
        out = error(429, "API rate limit exceeded") if kind == "rate_limit" else error(
            429, "Too many requests", reason="QUOTA_EXCEEDED")
        if rule.wait(sim.now()):
            out.headers["Retry-After"] = str(rule.wait(sim.now()))
        return out
    if rule.status == 500:
        return error(500, "Server error.")
    return Response(rule.status, "<html><body>upstream connect error</body></html>", content_type="text/html")


def account_of(sim, request):
    request.token, request.rate = sim.grants.find(request.bearer, PLATFORM,
                                                  "access") if request.bearer else (None, None)
    return (PLATFORM, request.token.grant.number) if request.token else None


def dev(sim):
    return sim.modes.get("spotify") == "dev"


def handle(sim, request):
    if request.host == "accounts.spotify.com":
        return accounts(sim, request)
    if request.token is None:
        if request.bearer is None:
            return error(401, "No token provided")
        return error(401, "The access token expired" if request.rate == "expired" else "Invalid access token")
    parts = request.segments
    if parts[:1] != ["v1"]:
        return error(404, "Service not found")
    parts = parts[1:]
    if parts[:1] == ["me"]:
        if request.token.grant.number is None:  # a token of the app, not of a user
            return error(401, "Unauthorized.")
        return me(sim, request, parts[1:])
    if parts[:1] == ["artists"] and len(parts) >= 2:
        return artist(sim, request, parts[1:])
    if parts[:1] == ["albums"] and len(parts) >= 2:
        return album(sim, request, parts[1:])
    if parts == ["albums"] and request.query.get("ids") and not dev(sim):
        return Response(
            200, {
                "albums": [
                    album_full(sim, *found) if found else None
                    for found in (find_album(sim, name) for name in request.query["ids"].split(",")[:20])
                ]
            })
    return error(403 if dev(sim) and parts[:1] in (["albums"], ["artists"], ["tracks"]) else 404,
                 "Resource not found")


def scoped(request, *scopes):
    granted = request.token.grant.scopes
    return granted is None or any(scope in granted for scope in scopes)


def page(request, entries, make, default=20, most=50, **more):
    """An offset page; `next` and `previous` are null where there is none."""
    limit, offset = number(request.query.get("limit"), default), number(request.query.get("offset"), 0)
    if limit is None or not 1 <= limit <= most:
        return error(400, "Invalid limit")
    if offset is None or offset < 0:
        return error(400, "Invalid offset")
    rest = "".join(f"&{k}={v}" for k, v in request.query.items() if k not in ("limit", "offset"))

    def link(at):
        return f"https://api.spotify.com{request.path}?offset={at}&limit={limit}{rest}"

    total = len(entries)
    return Response(
        200, {
            "href": link(offset), "items": [make(entry)
                                            for entry in entries[offset:offset + limit]], "limit": limit,
            "next": link(offset + limit) if offset + limit < total else None, "offset": offset,
            "previous": link(max(0, offset - limit)) if offset else None, "total": total, **more
        })


# The user


def library(account, t):
    """(saved tracks, playlists, followed artists) of the artist's own user."""
    days = max(0, int((t - GENESIS) // DAY))
    n = account.number
    return 40 + n % 70 + days // 4, 5 + n % 8 + days // 50, 12 + n % 30 + days // 20


def user_id(account):
    return f"user{account.number}"


def user(account):
    name = user_id(account)
    return {
        "display_name": account.artist.name,
        "external_urls": {"spotify": f"https://open.spotify.com/user/{name}"
                          }, "href": f"https://api.spotify.com/v1/users/{name}", "id": name, "type": "user",
        "uri": f"spotify:user:{name}"
    }


def me(sim, request, parts):
    account, now = sim.world.account(PLATFORM, request.token.grant.number), sim.now()
    saved, lists, followed = library(account, now)
    if not parts:
        out = {"account_id": "acc_" + md5(account.number)[:12], **user(account), "images": []}
        if not dev(sim):
            out.update(country=account.artist.country,
                       product="premium",
                       followers={"href": None, "total": 12},
                       explicit_content={"filter_enabled": False, "filter_locked": False})
            if scoped(request, "user-read-email"):
                out["email"] = f"{user_id(account)}@example.org"
        return Response(200, out)
    if parts == ["tracks"]:
        if not scoped(request, "user-library-read"):
            return error(403, "Insufficient client scope")

        def saved_track(i):
            other = sim.world.account(PLATFORM, account.number + 1 + i % 20)
            return {
                "added_at": iso_time(now - i * DAY), "track": track(sim, other, other.artist.release(-1), 0)
            }

        return page(request, range(saved), saved_track)
    if parts == ["playlists"]:
        if not scoped(request, "playlist-read-private"):
            lists -= lists // 4  # private ones are missing

        def owned(i):
            if i % 11 == 7:
                return None
            shown = "pl" + md5("playlist", account.number, i)[:20]
            mine = i % 4 != 3
            out = {
                "collaborative": False, "description": "", "id": shown, "name": f"List {i + 1}",
                "type": "playlist",
                "external_urls": {"spotify": f"https://open.spotify.com/playlist/{shown}"}, "images": None,
                "owner": user(account if mine else sim.world.account(PLATFORM, account.number + 1)),
                "public": i % 2 == 0, "snapshot_id": md5("snapshot", i), "uri": f"spotify:playlist:{shown}"
            }
            size = {"href": f"https://api.spotify.com/v1/playlists/{shown}/items", "total": 10 + i}
            if mine or not dev(sim):
                out["items"] = size
            if not dev(sim):
                out["tracks"] = {
                    "href": f"https://api.spotify.com/v1/playlists/{shown}/tracks", "total": 10 + i
                }
            return out

        return page(request, range(lists), owned)
    if parts == ["following"]:
        if request.query.get("type") != "artist":
            return error(400, "Missing required field: type")
        if not scoped(request, "user-follow-read"):
            return error(403, "Insufficient client scope")
        limit = number(request.query.get("limit"), 20)
        if limit is None or not 1 <= limit <= 50:
            return error(400, "Invalid limit")
        numbers = [account.number + 1 + i for i in range(followed)]
        after = request.query.get("after")
        start = numbers.index(ids.number_of(PLATFORM, after)) + 1 if after and ids.number_of(
            PLATFORM, after) in numbers else 0
        shown = numbers[start:start + limit]
        more = start + limit < followed
        last = ids.external_id(PLATFORM, shown[-1]) if more else None
        href = f"https://api.spotify.com/v1/me/following?type=artist&limit={limit}"
        return Response(
            200, {
                "artists": {
                    "href": href, "limit": limit, "next": f"{href}&after={last}" if more else None,
                    "cursors": {"after": last
                                }, "total": followed, "items": [artist_full(sim, n, now) for n in shown]
                }
            })
    return error(404, "Resource not found")


# Artists and albums


def artist_brief(sim, number_):
    shown = ids.external_id(PLATFORM, number_)
    return {
        "external_urls": {"spotify": f"https://open.spotify.com/artist/{shown}"}, "id": shown,
        "type": "artist", "href": f"https://api.spotify.com/v1/artists/{shown}",
        "name": sim.world.artist(number_).name, "uri": f"spotify:artist:{shown}"
    }


def artist_full(sim, number_, now):
    out = {
        **artist_brief(sim, number_), "genres": [],
        "images": [{"url": "https://i.scdn.co/image/0", "height": None, "width": None}]
    }
    if not dev(sim):
        account = sim.world.account(PLATFORM, number_)
        out["followers"] = {"href": None, "total": account.followers(now)}
        out["popularity"] = min(99, len(str(account.followers(now))) * 11)
    return out


def artist(sim, request, parts):
    if len(parts[0]) != 22 or not parts[0].isalnum():
        return error(400, "Invalid base62 id")
    account, now = sim.world.account(PLATFORM, ids.number_of(PLATFORM, parts[0])), sim.now()
    if len(parts) == 1:
        return Response(200, artist_full(sim, account.number, now))
    if parts[1:] == ["albums"]:
        groups = request.query.get("include_groups", "album,single,compilation,appears_on").split(",")
        found = [(account, release, group_of(release)) for release in account.releases(now)
                 if group_of(release) in groups]
        if "appears_on" in groups:
            found += [(sim.world.account(PLATFORM, n), release, "appears_on")
                      for n, release in guest_albums(account, now)]
        most = 10 if dev(sim) else 50
        return page(request, found, lambda entry: album_brief(sim, *entry), 5 if dev(sim) else 20, most)
    if parts[1:] == ["top-tracks"] and not dev(sim):
        tracks = [
            track(sim, account, release, i) for release in account.releases(now)
            for i in range(release.tracks)
        ]
        return Response(200, {"tracks": tracks[:10]})
    return error(404, "Resource not found")


def group_of(release):
    return "album" if release.kind == "album" else "single"


def guest_albums(account, now):
    """Releases of a neighbour on which the artist appears."""
    other = account.number + 3
    return [(other, r) for r in account.world.account(PLATFORM, other).releases(now)[-1:]]


def album_id(account, release):
    return ids.packed(account.number, release.index + 300, ids.BASE62, 22)


def find_album(sim, name):
    parts = ids.unpacked(name, ids.BASE62, 22)
    if not parts:
        return None
    account = sim.world.account(PLATFORM, parts[0])
    release = next((r for r in account.releases(sim.now()) if r.index == parts[1] - 300), None)
    return release and (account, release)


def release_date(release):
    """Old releases are known by month or year only."""
    day = iso_date(release.at)
    return {"release_date": day[:4], "release_date_precision": "year"} if release.index < -6 else \
        {"release_date": day[:7], "release_date_precision": "month"} if release.index < -4 else \
        {"release_date": day, "release_date_precision": "day"}


def album_brief(sim, account, release, group=None):
    shown = album_id(account, release)
    people = [account.number] + ([release.partner] if release.partner else [])
    out = {
        "album_type": group_of(release), "total_tracks": release.tracks,
        "external_urls": {"spotify": f"https://open.spotify.com/album/{shown}"
                          }, "href": f"https://api.spotify.com/v1/albums/{shown}", "id": shown, "images": [],
        "name": release.title, **release_date(release), "type": "album", "uri": f"spotify:album:{shown}",
        "artists": [artist_brief(sim, n) for n in people]
    }
    if not dev(sim):
        out["available_markets"] = ["BR", "DE", "US"]
        if group:
            out["album_group"] = group
    return out


def track(sim, account, release, index, with_album=True):
    shown = ids.packed(account.number, (release.index + 300) * 64 + index, ids.BASE62, 22)
    people = [account.number] + ([release.partner] if release.partner and index == 0 else [])
    out = {
        "artists": [artist_brief(sim, n) for n in people], "disc_number": 1, "duration_ms": 200000,
        "explicit": False, "external_urls": {"spotify": f"https://open.spotify.com/track/{shown}"
                                             }, "id": shown, "is_local": False,
        "href": f"https://api.spotify.com/v1/tracks/{shown}", "name": f"{release.title} {index + 1}",
        "track_number": index + 1, "type": "track", "uri": f"spotify:track:{shown}"
    }
    if with_album:
        out["album"] = album_brief(sim, account, release)
        out["external_ids"] = {"isrc": isrc((account.number * 1000 + release.index + 300) * 64 + index)}
        if not dev(sim):
            out["popularity"] = 30
    return out


def album_full(sim, account, release):
    out = album_brief(sim, account, release)
    href = f"https://api.spotify.com/v1/albums/{out['id']}/tracks?offset=0&limit=50"
    out.update(copyrights=[{"text": "2026 Own label", "type": "C"}],
               genres=[],
               external_ids={"upc": f"{account.number * 1000 + release.index + 300:012d}"},
               tracks={
                   "href": href,
                   "items": [track(sim, account, release, i, False) for i in range(release.tracks)],
                   "limit": 50, "next": None, "offset": 0, "previous": None, "total": release.tracks
               })
    if not dev(sim):
        out.update(label="Own label", popularity=25)
    return out


def album(sim, request, parts):
    if len(parts[0]) != 22:
        return error(400, "Invalid base62 id")
    found = find_album(sim, parts[0])
    if not found:
        return error(404, "Resource not found")
    if len(parts) == 1:
        return Response(200, album_full(sim, *found))
    if parts[1:] == ["tracks"]:
        return page(request, range(found[1].tracks), lambda i: track(sim, *found, i, False))
    return error(404, "Resource not found")


# OAuth


def accounts(sim, request):
    if request.path == "/authorize":
        return sim.grants.authorize(PLATFORM, request.query)
    if request.path != "/api/token" or request.method != "POST":
        return Response(404, "Not Found", content_type="text/html")
    form, now = request.form, sim.now()
    client, secret = basic(request)
    public = client is None
    if public:
        client = form.get("client_id")
    if not sim.grants.client_known(PLATFORM, client, secret, secret_needed=not public):
        return Response(
            400, {"error": "invalid_client", "error_description": "Invalid client secret" if client else ""})
    kind = form.get("grant_type")
    if kind == "client_credentials" and not public:
        token = sim.grants.issue("access", Grant(PLATFORM, None, client, [], now), 3600)
        return Response(200, {"access_token": token.text, "token_type": "Bearer", "expires_in": 3600})
    out = {}
    if kind == "authorization_code":
        grant, problem = sim.grants.redeem(PLATFORM, form.get("code"), client, form.get("redirect_uri", ""),
                                           form.get("code_verifier"))
        if problem:
            return Response(
                400, {
                    "error": "invalid_grant", "error_description": {
                        "redirect_uri": "Invalid redirect URI", "verifier": "code_verifier was incorrect"
                    }.get(problem, "Invalid authorization code")
                })
        out["refresh_token"] = sim.grants.issue("refresh", grant, HALF_YEAR).text
    elif kind == "refresh_token":
        grant, problem = sim.grants.renew(PLATFORM, form.get("refresh_token"), client, rotates=public)
        if problem:
            return Response(
                400, {
                    "error": "invalid_grant",
                    "error_description": "Refresh token expired" if problem == "expired" else
                    "Refresh token revoked" if problem in ("revoked", "reused") else "Invalid refresh token"
                })
        if public:  # six months from the consent, however often renewed
            life = HALF_YEAR - (now - grant.since) if grant.since else HALF_YEAR
            out["refresh_token"] = sim.grants.issue("refresh", grant, life).text
    else:
        return Response(
            400, {"error": "unsupported_grant_type", "error_description": "grant_type parameter is missing"})
    token = sim.grants.issue("access", grant, 3600)
    scope = SCOPES if grant.scopes is None else " ".join(grant.scopes)
    return Response(
        200, {"access_token": token.text, "token_type": "Bearer", "expires_in": 3600, **out, "scope": scope})


def truth(sim, account, t):
    """What an app with extended quota is told; in development mode followers are null."""
    saved, lists, followed = library(account, t)
    return {
        "followers": account.followers(t), "saved_tracks_count": saved, "playlists_count": lists,
        "playlists_count_without_private": lists - lists // 4, "following_count": followed, "content": [{
            "id": album_id(account, r), "kind": group_of(r), "title": r.title, "tracks": r.tracks,
            **release_date(r), "partners": [account.world.artist(r.partner).name] if r.partner else []
        } for r in account.releases(t)],
        "appears_on": [album_id(account.world.account(PLATFORM, n), r) for n, r in guest_albums(account, t)]
    }
