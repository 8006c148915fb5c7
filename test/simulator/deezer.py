"""Deezer: api.deezer.com (catalog without a token, a user's library with one) and connect.deezer.com (OAuth).

Errors come with HTTP 200 and an "error" member. Lists are {"data", "total", "next"}; `next` is a full URL.
"""

from urllib.parse import urlencode

import ids
from server import Response
from texts import iso_date, isrc, md5

PLATFORM = "deezer"
HOSTS = ("api.deezer.com", "connect.deezer.com")
PAGE = {"top": 5, "playlists": 10, "fans": 50}
TRACKS, PLAYLISTS = 64, 10**6  # room for track indices of an album; ids of playlists start here


def error(code, message, kind="Exception"):
    return Response(200, {"error": {"type": kind, "message": message, "code": code}})


def no_data():
    return error(800, "no data", "DataException")


def failure(sim, request, kind, rule):
    if kind == "unauthorized":
        return error(300, "Invalid OAuth access token.", "OAuthException")
    if kind == "forbidden":
        return error(200, "An active access token must be used to query information about the current user",
                     "OAuthException")
    if kind in ("rate_limit", "quota"):
        return error(4, "Quota limit exceeded")
    if rule.status == 503:
        return error(700, "Service busy")
    return Response(rule.status, "<html><body>Bad gateway</body></html>", content_type="text/html")


def account_of(sim, request):
    """The token's artist, else the artist that the path names."""
    token = request.query.get("access_token") or request.bearer
    if token:
        request.token, request.rate = sim.grants.find(token, PLATFORM, "access")
        if request.token:
            return PLATFORM, request.token.grant.number
    parts = request.segments
    if len(parts) > 1 and parts[0] == "artist":
        return PLATFORM, ids.number_of(PLATFORM, parts[1])
    if len(parts) > 1 and parts[0] == "album" and parts[1].isdigit():
        return PLATFORM, int(parts[1]) // 1000 or None
    return None


def handle(sim, request):
    if request.host == "connect.deezer.com":
        return connect(sim, request)
    if sim.options.deezer_quota and not sim.bucket("deezer", 50, 5):
        return error(4, "Quota limit exceeded")
    parts = request.segments
    if not parts:
        return Response(404, {"error": "Not Found"})
    if request.query.get("access_token") and request.token is None:
        return error(300, "Invalid OAuth access token.", "OAuthException")
    what, rest = parts[0], parts[1:]
    if what == "artist" and rest:
        return artist(sim, request, rest)
    if what == "album" and rest:
        return album(sim, request, rest)
    if what == "track" and rest:
        return track(sim, request, rest)
    if what == "user" and rest:
        return user(sim, request, rest)
    if what == "playlist" and rest:
        return playlist(sim, request, rest)
    if what == "search" and rest == ["artist"]:
        return search(sim, request)
    return error(600, "Unknown path components : /" + "/".join(parts), "InvalidQueryException")


def page(request, entries, default, **more):
    """A page of a list: limit and index, with the links to its neighbours."""
    try:
        limit, index = int(request.query.get("limit") or default), int(request.query.get("index") or 0)
    except ValueError:
        return error(500, "Wrong parameter", "ParameterException")
    if limit > 2000:
        return error(100, "Items limit exceeded")
    limit, index = max(limit, 1), max(index, 0)
    out = {"data": [make() if callable(make) else make for make in entries[index:index + limit]]}
    out.update(more)
    out["total"] = len(entries)

    def link(at):
        query = {key: value for key, value in request.query.items() if key not in ("limit", "index")}
        return "https://api.deezer.com" + request.path + "?" + urlencode(
            {**query, "limit": limit, "index": at})

    if index > 0:
        out["prev"] = link(max(index - limit, 0))
    if index + limit < len(entries):
        out["next"] = link(index + limit)
    return Response(200, out)


def pictures(kind, number):
    base, code = f"https://cdn-images.dzcdn.net/images/{kind}/{md5(kind, number)}/", "-000000-80-0-0.jpg"
    sizes = {"small": "56x56", "medium": "250x250", "big": "500x500", "xl": "1000x1000"}
    name = "picture" if kind == "artist" else "cover"
    return {f"{name}_{size}": f"{base}{pixels}{code}" for size, pixels in sizes.items()}


def artist_brief(sim, number, **more):
    artist = sim.world.artist(number)
    shown = ids.external_id(PLATFORM, number)
    shown = int(shown) if shown.isdigit() else shown
    link = f"https://www.deezer.com/artist/{shown}"
    return {
        "id": shown, "name": artist.name, "link": link,
        "share": link + "?utm_source=deezer&utm_content=artist-0",
        "picture": f"https://api.deezer.com/artist/{shown}/image", **pictures("artist", number),
        **more, "tracklist": f"https://api.deezer.com/artist/{shown}/top?limit=50", "type": "artist"
    }


def artist(sim, request, rest):
    if not rest[0].isdigit() or int(rest[0]) == 0:
        return no_data()
    number, now = ids.number_of(PLATFORM, rest[0]), sim.now()
    account = sim.world.account(PLATFORM, number)
    releases = account.releases(now)
    if len(rest) == 1:
        return Response(
            200, artist_brief(sim, number, nb_album=len(releases), nb_fan=account.followers(now), radio=True))
    if rest[1] == "albums":
        return page(request, [lambda r=r: album_brief(account, r, now) for r in releases], 25)
    if rest[1] == "playlists":
        return page(request,
                    [lambda i=i: placement(number, i) for i in range(min(100, placements(account, now)))], 10)
    if rest[1] == "top":
        tracks = sorted(((r, i) for r in releases for i in range(r.tracks)),
                        key=lambda p: -rank(account, *p, now))[:100]
        return page(request, [
            lambda p=p:
            {**track_brief(sim, account, *p, now), "contributors": contributors(sim, account, p[0])}
            for p in tracks
        ], 5)
    if rest[1] == "fans":
        return page(request, [], 50)
    return error(600, "Unknown path components : /" + "/".join(rest), "InvalidQueryException")


def album_id(account, release):
    return account.number * 1000 + release.index + 300


def album_brief(account, release, now):
    shown = album_id(account, release)
    return {
        "id": shown, "title": release.title, "link": f"https://www.deezer.com/album/{shown}",
        "cover": f"https://api.deezer.com/album/{shown}/image", **pictures("cover", shown), "md5_image": md5(
            "cover", shown), "genre_id": 132, "fans": album_fans(account, release, now),
        "release_date": iso_date(release.at), "record_type": release.kind,
        "tracklist": f"https://api.deezer.com/album/{shown}/tracks", "explicit_lyrics": False, "type": "album"
    }


def album_fans(account, release, now):
    return int(account.base * 0.05 * release.strength * (1 - 0.9**max(0, (now - release.at) / 86400 / 7))) + 1


def find_album(sim, text):
    """(account, release) of an album id, or None while it is not out."""
    if not text.isdigit() or int(text) < 1000:
        return None
    number, index = divmod(int(text), 1000)
    account = sim.world.account(PLATFORM, number)
    release = next((r for r in account.releases(sim.now()) if r.index == index - 300), None)
    return release and (account, release)


def album(sim, request, rest):
    found = find_album(sim, rest[0])
    if not found:
        return no_data()
    account, release = found
    now = sim.now()
    if len(rest) == 2 and rest[1] == "tracks":
        return page(request, [
            lambda i=i: {
                **track_brief(sim, account, release, i, now), "isrc": isrc(track_id(account, release, i)),
                "track_position": i + 1, "disk_number": 1
            } for i in range(release.tracks)
        ], 25)
    brief = album_brief(account, release, now)
    brief.pop("type")
    return Response(
        200, {
            **brief, "upc": f"{album_id(account, release) % 10 ** 12:012d}", "share": brief["link"] +
            "?utm_source=deezer&utm_content=album-0&utm_term=0_0&utm_medium=web", "genres": {
                "data": [{
                    "id": 132, "name": "Pop", "picture": "https://api.deezer.com/genre/132/image",
                    "type": "genre"
                }]
            }, "label": "Own label", "nb_tracks": release.tracks, "duration": 200 * release.tracks,
            "available": True,
            "explicit_content_lyrics": 0, "explicit_content_cover": 0, "contributors": contributors(
                sim, account, release), "artist": artist_brief(sim, account.number), "type": "album",
            "tracks": {"data": [track_brief(sim, account, release, i, now) for i in range(release.tracks)]}
        })


def contributors(sim, account, release):
    people = [(account.number, "Main")] + ([(release.partner, "Featured")] if release.partner else [])
    return [artist_brief(sim, number, radio=True, role=role) for number, role in people]


def track_id(account, release, index):
    return album_id(account, release) * TRACKS + index


def rank(account, release, index, now):
    age = max(0.0, (now - release.at) / 86400)
    return int(min(1000000,
                   (100000 + 60000 * release.strength) / (1 + index * 0.2) * (0.5 + 0.5 * 0.99**age)))


def track_brief(sim, account, release, index, now):
    shown, album = track_id(account, release, index), album_id(account, release)
    return {
        "id": shown, "readable": True, "title": f"{release.title} {index + 1}",
        "title_short": f"{release.title} {index + 1}", "title_version": "",
        "link": f"https://www.deezer.com/track/{shown}", "duration": 200, "rank": rank(
            account, release, index,
            now), "explicit_lyrics": False, "explicit_content_lyrics": 0, "explicit_content_cover": 0,
        "preview": f"https://cdnt-preview.dzcdn.net/api/1/1/{md5('preview', shown)}.mp3",
        "md5_image": md5("cover", album), "artist": artist_brief(sim, account.number), "album": {
            "id": album, "title": release.title, "cover": f"https://api.deezer.com/album/{album}/image",
            **pictures("cover", album), "md5_image": md5("cover", album),
            "tracklist": f"https://api.deezer.com/album/{album}/tracks", "type": "album"
        }, "type": "track"
    }


def track(sim, request, rest):
    if not rest[0].isdigit():
        return no_data()
    album, index = divmod(int(rest[0]), TRACKS)
    found = find_album(sim, str(album))
    if not found or index >= found[1].tracks:
        return no_data()
    account, release = found
    return Response(
        200, {
            **track_brief(sim, account, release, index, sim.now()), "isrc": isrc(
                track_id(account, release, index)), "track_position": index + 1, "disk_number": 1,
            "release_date": iso_date(release.at), "bpm": 0, "gain": -8.4,
            "available_countries": ["BR", "DE", "US"], "contributors": contributors(sim, account, release)
        })


# Playlists: those that feature an artist number*1000000 + index; any other number is a list of mixed artists.


def placements(account, now):
    return 3 + int(account.followers(now)**0.5 / 12)


def placement(number, index):
    shown = (number * 1000 + index) * PLAYLISTS + 7
    return {
        "id": shown, "title": f"Indie Now {index + 1}", "public": True,
        "link": f"https://www.deezer.com/playlist/{shown}",
        "picture": f"https://api.deezer.com/playlist/{shown}/image", "checksum": md5("playlist", shown),
        "tracklist": f"https://api.deezer.com/playlist/{shown}/tracks",
        "creation_date": "2024-05-06 07:08:09", "md5_image": md5("image", shown), "picture_type": "playlist",
        "user": {
            "id": 5500 + index, "name": "Sam - Deezer Indie Editor" if index % 4 == 0 else f"listener{index}",
            "tracklist": f"https://api.deezer.com/user/{5500 + index}/flow", "type": "user"
        }, "type": "playlist"
    }


def playlist_artists(shown):
    """The artists on a playlist: its own where the id was made by placement(), and every seventh number
    after it."""
    own = shown // PLAYLISTS // 1000 if shown % PLAYLISTS == 7 and shown > PLAYLISTS else shown % 1000 + 1
    return [own] + [own + 7 * i for i in range(1, 30)]


def playlist(sim, request, rest):
    if not rest[0].isdigit() or int(rest[0]) == 0:
        return no_data()
    shown, now = int(rest[0]), sim.now()
    entries = []
    for number in playlist_artists(shown):
        account = sim.world.account(PLATFORM, number)
        for release in account.releases(now)[:2]:
            entries.append((account, release))
    make = [lambda a=a, r=r: {**track_brief(sim, a, r, 0, now), "time_add": int(r.at)} for a, r in entries]
    checksum = md5("playlist", shown, len(entries), int(now // 604800))
    if len(rest) == 2 and rest[1] == "tracks":
        return page(request, make, 25, checksum=checksum)
    return Response(
        200, {
            "id": shown, "title": f"List {shown}", "description": "", "duration": 200 * len(make),
            "public": True, "is_loved_track": False, "collaborative": False, "nb_tracks": len(make),
            "fans": 90 + shown % 1000, "link": f"https://www.deezer.com/playlist/{shown}",
            "checksum": checksum, "creation_date": "2024-05-06 07:08:09", "creator": {
                "id": 5500, "name": "Sam - Deezer Indie Editor",
                "tracklist": "https://api.deezer.com/user/5500/flow", "type": "user"
            }, "type": "playlist", "tracks": {"data": [m() for m in make[:25]], "checksum": checksum}
        })


# A user's library


def library(account, now):
    """(favourite tracks, playlists) of the artist's own listener profile."""
    days = max(0, int((now - 1735689600) // 86400))
    return 20 + account.number % 50 + days // 6, 4 + account.number % 9 + days // 60


def user(sim, request, rest):
    if rest[0] == "me":
        if request.token is None:
            return error(200,
                         "An active access token must be used to query information about the current user",
                         "OAuthException")
        number = request.token.grant.number
    elif rest[0].isdigit() and int(rest[0]) > 0:
        number = ids.number_of(PLATFORM, rest[0])
    else:
        return no_data()
    account, now = sim.world.account(PLATFORM, number), sim.now()
    favourites, lists = library(account, now)
    if len(rest) == 1:
        out = {
            "id": number, "name": account.artist.name, "link": f"https://www.deezer.com/profile/{number}",
            "picture": f"https://api.deezer.com/user/{number}/image", "country": account.artist.country,
            "tracklist": f"https://api.deezer.com/user/{number}/flow", "type": "user"
        }
        if rest[0] == "me":
            out.update(status=0,
                       birthday="0000-00-00",
                       inscription_date="2019-03-04",
                       gender="",
                       lang="en",
                       is_kid=False)
        return Response(200, out)
    if rest[1] == "permissions" and rest[0] == "me":
        scopes = request.token.grant.scopes
        names = ("basic_access", "email", "offline_access", "manage_library", "manage_community",
                 "delete_library", "listening_history")
        return Response(200, {"permissions": {name: scopes is None or name in scopes for name in names}})
    if rest[1] == "tracks":

        def favourite(i):
            other = sim.world.account(PLATFORM, number + 1 + i % 25)
            return {
                **track_brief(sim, other, other.artist.release(-1), 0, now), "time_add": int(now) - i * 86400
            }

        return page(request, [lambda i=i: favourite(i) for i in range(favourites)], 25, checksum="0")
    if rest[1] == "playlists":

        def owned(i):
            shown = number * 1000 + i + 1
            creator = number if i < lists - 1 else number + 1
            return {
                "id": shown, "title": "Loved Tracks" if i == 0 else f"My list {i}", "duration": 900,
                "public": True, "is_loved_track": i == 0, "collaborative": False,
                "nb_tracks": favourites if i == 0 else 12, "fans": 0,
                "link": f"https://www.deezer.com/playlist/{shown}", "checksum": md5("list", shown),
                "tracklist": f"https://api.deezer.com/playlist/{shown}/tracks",
                "creation_date": "2024-05-06 07:08:09", "time_add": 0, "time_mod": 1714979289, "creator": {
                    "id": creator, "name": sim.world.artist(creator).name,
                    "tracklist": f"https://api.deezer.com/user/{creator}/flow", "type": "user"
                }, "type": "playlist"
            }

        return page(request, [lambda i=i: owned(i) for i in range(lists)], 25, checksum="0")
    return page(request, [], 25)


def search(sim, request):
    name = request.query.get("q", "").strip()
    if not name:
        return error(501, "Missing parameters: q", "MissingParameterException")
    number = ids.number_of(PLATFORM, name)
    account = sim.world.account(PLATFORM, number)
    return page(request, [
        artist_brief(sim,
                     number,
                     nb_album=len(account.releases(sim.now())),
                     nb_fan=account.followers(sim.now()),
                     radio=True)
    ], 25)


# OAuth, with Deezer's own parameter names; there is no refresh token


def connect(sim, request):
    query = request.query
    if request.path == "/oauth/auth.php":
        return sim.grants.authorize(PLATFORM,
                                    query,
                                    separator=",",
                                    client="app_id",
                                    scope="perms",
                                    denied="user_denied")
    if request.path == "/oauth/access_token.php":
        grant = None
        if sim.grants.client_known(PLATFORM, query.get("app_id"), query.get("secret")):
            grant, _ = sim.grants.redeem(PLATFORM, query.get("code"), query.get("app_id"), None)
        if grant is None:
            return Response(200, "wrong code", content_type="text/html; charset=utf-8")
        life = None if "offline_access" in grant.scopes else 3600
        token = sim.grants.issue("access", grant, life)
        if query.get("output") == "json":
            return Response(200, {"access_token": token.text, "expires": life or 0})
        return Response(200,
                        f"access_token={token.text}&expires={life or 0}",
                        content_type="text/html; charset=utf-8")
    return Response(404, "Not Found", content_type="text/html")


def truth(sim, account, t):
    """What the catalog and the library hold at t."""
    releases = account.releases(t)
    favourites, lists = library(account, t)
    return {
        "followers": account.followers(t), "album_count": len(releases), "favorite_tracks": favourites,
        "track_count": sum(release.tracks for release in releases), "playlists_count": lists,
        "playlist_placements": min(100, placements(account, t)), "content": [{
            "id": str(album_id(account, r)), "kind": r.kind, "title": r.title, "published_at": iso_date(r.at),
            "tracks": r.tracks, "fans": album_fans(account, r, t),
            "partners": [account.world.artist(r.partner).name] if r.partner else []
        } for r in releases]
    }
