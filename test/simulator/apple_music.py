"""Apple Music: the catalog (developer token), a user's library (Music-User-Token), the RSS charts and the
iTunes lookup.

A developer token is a JWT whose shape, claims and dates are checked; its ES256 signature is only measured,
as the standard library cannot verify it. Charts are made of the artists numbered 4700 to 4999, so that
artist 4711 appears in them.
"""

import base64
import json
import time
from email.utils import formatdate

import ids
from server import Response
from texts import iso_date, iso_time, isrc, md5, number
from world import DAY, GENESIS, chance

PLATFORM = "apple_music"
HOSTS = ("api.music.apple.com", "rss.marketingtools.apple.com", "rss.applemarketingtools.com",
         "itunes.apple.com")
STOREFRONTS = ("us", "gb", "de", "fr", "jp", "ca", "au", "br", "mx", "it", "es", "nl", "se", "in", "kr")
LONGEST_LIFE = 15777000
ROSTER = range(4700, 5000)
CHART_DEPTH = 200
CHARTS = {"songs": "Top Songs", "albums": "Top Albums"}


def error(status, code, title, detail, parameter=None):
    one = {
        "id": md5(code, detail)[:26].upper(), "title": title, "detail": detail, "status": str(status),
        "code": code
    }
    if parameter:
        one["source"] = {"parameter": parameter}
    return Response(status, {"errors": [one]})


def bad_parameter(name, detail):
    return error(400, "40005", "Invalid Parameter Value", detail, name)


def not_found():
    return error(404, "40400", "Resource Not Found", "Resource with requested id was not found")


def no_related():
    return error(404, "40403", "No related resources", "No related resources found")


def failure(sim, request, kind, rule):
    mine = request.segments[1:2] == ["me"]
    if kind == "unauthorized":
        return Response(401, b"")
    if kind == "forbidden":
        return error(403, "40300", "Forbidden", "Invalid authentication" if mine else "Forbidden")
    if kind in ("rate_limit", "quota"):
        out = Response(429, {"message": "API capacity exceeded"})
        if rule.wait(sim.now()):
            out.headers["Retry-After"] = str(rule.wait(sim.now()))
        return out
    if rule.status == 500:
        return error(500, "50001", "Upstream Service Error", "Service failure: Catalog API")
    return Response(rule.status, b"")


def account_of(sim, request):
    parts = request.segments
    if parts[1:2] == ["me"]:
        request.token, _ = sim.grants.find(request.headers.get("music-user-token"), PLATFORM, "access")
        return (PLATFORM, request.token.grant.number) if request.token else None
    if parts[1:2] == ["catalog"] and parts[3:4] == ["artists"] and len(parts) > 4:
        return PLATFORM, ids.number_of(PLATFORM, parts[4])
    return None


def unpacked_json(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def developer_problem(sim, request):
    """What is wrong with the developer token, or None. tok-apple_music-... stands for a good one."""
    text = request.bearer or ""
    if text.startswith("tok-apple_music-"):
        return None
    try:
        head, claims, signature = text.split(".")
        head, claims = unpacked_json(head), unpacked_json(claims)
        size = len(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    except (ValueError, TypeError):
        return "not a JWT"
    if head.get("alg") != "ES256" or len(str(head.get("kid", ""))) != 10:
        return "header: alg ES256 and a kid of 10 characters"
    if len(str(claims.get("iss", ""))) != 10:
        return "iss: a team id of 10 characters"
    if not isinstance(claims.get("iat"), int) or not isinstance(claims.get("exp"), int):
        return "iat and exp are whole numbers"
    if "=" in text or size != 64:
        return "signature: 64 bytes, base64url without padding"
    now = (sim.now(), time.time())  # a signer that lives by the real clock is right as well
    if not any(claims["exp"] > t and claims["exp"] <= t + LONGEST_LIFE + 60 and claims["iat"] <= t + 60
               for t in now):
        return "dates: iat not after now, exp after now and within 15777000 s"
    return None


def handle(sim, request):
    if request.host == "itunes.apple.com":
        return lookup(sim, request)
    if request.host.startswith("rss."):
        return rss(sim, request)
    problem = developer_problem(sim, request)
    if problem:
        sim.notes["apple developer token: " + problem] += 1
        return Response(401, b"")
    parts = request.segments
    if parts[:1] != ["v1"]:
        return not_found()
    if parts[1:2] == ["me"]:
        if request.token is None:
            return error(403, "40300", "Forbidden", "Invalid authentication")
        return library(sim, request, parts[2:])
    if parts[1:] == ["storefronts"]:
        return page(request, STOREFRONTS, storefront, 100, 200)
    if parts[1:2] == ["catalog"] and len(parts) >= 4:
        if parts[2] not in STOREFRONTS:
            return error(404, "40400", "Resource Not Found", "Storefront not found")
        if request.query.get("l") not in (None, "en-US", "en-GB"):
            return bad_parameter("l", "The supplied language is not supported by the storefront.")
        return catalog(sim, request, parts[2], parts[3:])
    return not_found()


def page(request, entries, make, default=25, most=100, total=False):
    """An offset page. `next` is a path with /v1 that keeps the offset only."""
    limit, offset = number(request.query.get("limit"), default), number(request.query.get("offset"), 0)
    if limit is None or not 1 <= limit <= most:
        return bad_parameter("limit", f"Value must be an integer less than or equal to {most}")
    if offset is None or offset < 0:
        return bad_parameter("offset", "Value must be an integer greater than or equal to 0")
    out = {}
    if offset + limit < len(entries):
        out["next"] = f"{request.path}?offset={offset + limit}"
    out["data"] = [make(entry) for entry in entries[offset:offset + limit]]
    if total:
        out["meta"] = {"total": len(entries)}
    return Response(200, out)


def storefront(name):
    return {
        "id": name, "type": "storefronts", "href": f"/v1/storefronts/{name}", "attributes": {
            "name": name.upper(), "defaultLanguageTag": "en-US", "supportedLanguageTags": ["en-US", "en-GB"],
            "explicitContentPolicy": "allowed"
        }
    }


# The library of the signed-in user


def library_counts(account, t):
    """(songs, playlists) in the library of the artist's own user."""
    days = max(0, int((t - GENESIS) // DAY))
    return 200 + account.number % 300 + days // 2, 6 + account.number % 12 + days // 70


def library(sim, request, parts):
    account, now = sim.world.account(PLATFORM, request.token.grant.number), sim.now()
    songs, lists = library_counts(account, now)
    if parts == ["storefront"]:
        return Response(200, {"data": [storefront("us")]})
    if parts == ["library", "songs"]:

        def song_of(i):
            name = "i." + md5("song", account.number, i)[:14]
            return {
                "id": name, "type": "library-songs", "href": f"/v1/me/library/songs/{name}", "attributes": {
                    "name": f"Song {i}", "artistName": "Various", "albumName": f"Album {i // 10}",
                    "trackNumber": i % 10 + 1, "durationInMillis": 200000,
                    "playParams": {"id": name, "kind": "song", "isLibrary": True}
                }
            }

        return page(request, range(songs), song_of, total=True)
    if parts == ["library", "playlists"]:

        def list_of(i):
            name = "p." + md5("list", account.number, i)[:14]
            return {
                "id": name, "type": "library-playlists", "href": f"/v1/me/library/playlists/{name}",
                "attributes": {
                    "name": f"List {i}", "canEdit": True, "isPublic": False, "hasCatalog": False,
                    "dateAdded": "2024-01-02T03:04:05Z",
                    "playParams": {"id": name, "kind": "playlist", "isLibrary": True}
                }
            }

        return page(request, range(lists), list_of, total=True)
    return not_found()


# The catalog


def catalog(sim, request, sf, parts):
    now, what = sim.now(), parts[0]
    if what == "charts" and len(parts) == 1:
        return charts(sim, request, sf, now)
    if what == "search" and request.query.get("types") and request.query.get("term"):
        number_ = ids.number_of(PLATFORM, request.query["term"])
        return Response(200,
                        {"results": {"artists": {"href": request.path, "data": [artist(sim, sf, number_)]}}})
    if what == "artists" and len(parts) >= 2:
        if not parts[1].isdigit() or int(parts[1]) == 0:
            return not_found()
        account = sim.world.account(PLATFORM, ids.number_of(PLATFORM, parts[1]))
        rest, releases = parts[2:], None
        if not rest:
            return Response(200, {"data": [artist(sim, sf, account.number)]})
        releases = account.releases(now)
        if rest == ["albums"]:
            joined = "artists" in request.query.get("include", "").split(",")
            return page(request, releases, lambda r: album(sim, sf, account, r, joined))
        if rest in (["songs"], ["view", "top-songs"]):
            songs = [(r, i) for r in releases for i in range(r.tracks)]
            return page(request, songs if rest == ["songs"] else songs[:10],
                        lambda p: song(sim, sf, account, *p), 20, 20)
        if rest in (["view", "featured-playlists"], ["playlists"]):
            found = featured(account, now)
            if not found:
                return no_related()
            return page(request, found if len(rest) == 2 else found[:10], lambda p: playlist(sf, p, now), 10,
                        100)
        return no_related() if rest[0] == "view" else not_found()
    if what == "albums" and len(parts) >= 2:
        account, release = find_album(sim, parts[1], now)
        if not release:
            return not_found()
        if len(parts) == 2:
            return Response(200, {"data": [album(sim, sf, account, release, True)]})
        if parts[2:] == ["view", "appears-on"]:
            found = appears_on(account, release, now)
            return page(request, found, lambda p: playlist(sf, p, now)) if found else no_related()
        if parts[2:] == ["tracks"]:
            return page(request, range(release.tracks), lambda i: song(sim, sf, account, release, i), 100,
                        300)
    if what == "songs" and len(parts) == 1 and request.query.get("ids"):
        names = request.query["ids"].split(",")
        if len(names) > 300:
            return bad_parameter("ids", "too many ids")
        found = [find_song(sim, name, now) for name in names]
        return Response(200, {"data": [song(sim, sf, *one) for one in found if one]})
    if what == "playlists" and len(parts) >= 2:
        name = parts[1]
        if not name.startswith("pl."):
            return not_found()
        tracks = playlist_songs(sim, name, now)
        joined = any("artists" in request.query.get(key, "").split(",")
                     for key in ("include", "include[songs]"))
        if parts[2:] == ["tracks"]:
            return page(request, tracks, lambda one: song(sim, sf, *one, joined), 100, 300)
        if len(parts) == 2:
            out = playlist(sf, name, now)
            out["relationships"] = {
                "tracks": {
                    "href": f"/v1/catalog/{sf}/playlists/{name}/tracks",
                    "data": [song(sim, sf, *one, joined) for one in tracks[:100]]
                }
            }
            if len(tracks) > 100:
                out["relationships"]["tracks"][
                    "next"] = f"/v1/catalog/{sf}/playlists/{name}/tracks?offset=100"
            return Response(200, {"data": [out]})
    return not_found()


def artist(sim, sf, number_):
    shown, who = ids.external_id(PLATFORM, number_), sim.world.artist(number_)
    return {
        "id": shown, "type": "artists", "href": f"/v1/catalog/{sf}/artists/{shown}", "attributes": {
            "name": who.name, "genreNames": ["Pop"], "url": f"https://music.apple.com/{sf}/artist/{shown}",
            "artwork": {
                "width": 1000, "height": 1000, "url": "https://is1-ssl.mzstatic.com/image/0/{w}x{h}bb.jpg"
            }
        }
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


def artist_name(account, release):
    return " & ".join(account.world.artist(n).name for n in people(account, release))


def artists_of(sf, href, numbers):
    return {
        "artists": {
            "href": href + "/artists", "data": [{
                "id": ids.external_id(PLATFORM, n), "type": "artists", "href": f"/v1/catalog/{sf}/artists/{n}"
            } for n in numbers]
        }
    }


def album(sim, sf, account, release, joined=False):
    name = album_id(account, release)
    suffix = {"single": " - Single", "ep": " - EP", "album": ""}[release.kind]
    out = {
        "id": name, "type": "albums", "href": f"/v1/catalog/{sf}/albums/{name}", "attributes": {
            "name": release.title + suffix, "artistName": artist_name(account, release),
            "releaseDate": iso_date(release.at), "trackCount": release.tracks,
            "isSingle": release.kind == "single", "isCompilation": False, "isComplete": True,
            "upc": f"{int(name) % 10 ** 12:012d}", "recordLabel": "Own label", "genreNames": ["Pop", "Music"],
            "isMasteredForItunes": False, "copyright": "2026 Own label",
            "url": f"https://music.apple.com/{sf}/album/x/{name}",
            "playParams": {"id": name, "kind": "album"}
        }
    }
    if joined:
        out["relationships"] = artists_of(sf, out["href"], people(account, release))
    return out


def song_id(account, release, index):
    return str(int(album_id(account, release)) * 64 + index)


def find_song(sim, name, now):
    if not name.isdigit():
        return None
    account, release = find_album(sim, str(int(name) // 64), now)
    return (account, release, int(name) % 64) if release and int(name) % 64 < release.tracks else None


def song(sim, sf, account, release, index, joined=False):
    name = song_id(account, release, index)
    out = {
        "id": name, "type": "songs", "href": f"/v1/catalog/{sf}/songs/{name}", "attributes": {
            "name": f"{release.title} {index + 1}", "artistName": artist_name(account, release),
            "albumName": release.title, "isrc": isrc(int(name)), "releaseDate": iso_date(release.at),
            "trackNumber": index + 1, "discNumber": 1, "durationInMillis": 200000, "genreNames": ["Pop"],
            "hasLyrics": False, "playParams": {"id": name, "kind": "song"},
            "url": f"https://music.apple.com/{sf}/album/x/{album_id(account, release)}?i={name}"
        }
    }
    if joined:
        out["relationships"] = artists_of(sf, out["href"], people(account, release))
    return out


# Playlists: pl., a letter for the kind (e editorial, c chart, x external), their first artist, an index


def playlist_id(number_, index, kind):
    return f"pl.{kind}{number_:010d}{index:05d}{md5('pl', number_, index)[:16]}"


def featured(account, t):
    """Playlists that Apple associates with the artist: the first is editorial, one a chart playlist."""
    count = account.number % 4 + int(account.followers(t)**0.5 / 60)
    return [playlist_id(account.number, i, "exec"[i % 4]) for i in range(count)]


def appears_on(account, release, t):
    """A selection of playlists with tracks of the album; some are among the featured ones."""
    if release.index % 3 == 0:
        return []
    return featured(account, t)[:1] + [playlist_id(account.number, 100 + release.index % 7, "x")]


def playlist_kind(name):
    return {"e": "editorial", "c": "editorial"}.get(name[3:4], "external")


def playlist_number(name):
    digits = name[4:14]
    return int(digits) if digits.isdigit() and int(digits) else ids.number_of(PLATFORM, name)


def playlist_name(name):
    return f"Essentials {playlist_number(name)} {name[14:19].lstrip('0') or 0}"


def playlist(sf, name, now):
    week = int(now // (7 * DAY)) * 7 * DAY
    return {
        "id": name, "type": "playlists", "href": f"/v1/catalog/{sf}/playlists/{name}", "attributes": {
            "name": playlist_name(name),
            "curatorName": "Apple Music Pop" if playlist_kind(name) == "editorial" else "Somebody",
            "playlistType": playlist_kind(name), "isChart": name[3:4] == "c",
            "lastModifiedDate": iso_time(week + 6 * 3600),
            "url": f"https://music.apple.com/{sf}/playlist/x/{name}",
            "playParams": {"id": name, "kind": "playlist"}
        }
    }


def playlist_songs(sim, name, now):
    first, out = playlist_number(name), []
    for i in range(60):
        account = sim.world.account(PLATFORM, first + 5 * i)
        out += [(account, release, 0) for release in account.releases(now)[:2]]
    return out


# Charts


def ranking(sim, sf, t):
    """The newest releases of the roster, best first; it changes with the day and the storefront."""
    day = int(t // DAY)
    known = sim.world.rankings
    if (sf, day) not in known:
        if len(known) > 200:
            known.clear()
        scored = []
        for number_ in ROSTER:
            account = sim.world.account(PLATFORM, number_)
            release = account.releases(day * DAY + DAY - 1)[0]
            age = (day * DAY + DAY - release.at) / DAY
            taste = chance(sim.world.seed, number_, "chart", sf).lognormvariate(0, 0.5)
            mood = chance(sim.world.seed, number_, "chart", sf, day).lognormvariate(0, 0.08)
            scored.append((account.base**0.5 * release.strength * 0.97**age * taste * mood, number_, release))
        scored.sort(key=lambda entry: (-entry[0], entry[1]))
        known[sf, day] = [(number_, release) for _, number_, release in scored[:CHART_DEPTH]]
    return known[sf, day]


def charts(sim, request, sf, now):
    query = request.query
    types = [name for name in query.get("types", "").split(",") if name]
    if not types or any(name not in ("songs", "albums", "music-videos", "playlists") for name in types):
        return bad_parameter("types", "Invalid value for types")
    limit, offset = number(query.get("limit"), 20), number(query.get("offset"), 0)
    if limit is None or not 1 <= limit <= 50:
        return bad_parameter("limit", "Value must be an integer less than or equal to 50")
    if offset is None or not 0 <= offset < CHART_DEPTH:
        return bad_parameter("offset", "offset must be less than 200")
    if "offset" in query and "chart" not in query:
        return bad_parameter("offset", "offset needs the chart parameter")
    if query.get("chart", "most-played") != "most-played":
        return bad_parameter("chart", "Invalid value for chart")
    entries, results = ranking(sim, sf, now), {}
    for kind in types:
        if kind not in CHARTS:
            continue
        joined = "artists" in query.get(f"include[{kind}]", "").split(",")
        data = []
        for number_, release in entries[offset:offset + limit]:
            account = sim.world.account(PLATFORM, number_)
            data.append(
                song(sim, sf, account, release, 0, joined) if kind ==
                "songs" else album(sim, sf, account, release, joined))
        href = f"/v1/catalog/{sf}/charts?types={kind}&chart=most-played"
        chart = {
            "chart": "most-played", "name": CHARTS[kind], "orderId": f"most-played:{kind}",
            "href": href + f"&limit={limit}"
        }
        if offset + limit < len(entries):
            chart["next"] = href + f"&offset={offset + limit}"
        results[kind] = [{**chart, "data": data}]
    return Response(200, {"results": results})


def rss(sim, request):
    parts = request.segments  # api v2 {cc} music most-played {n} {type}.json
    if len(parts) != 7 or parts[:2] != ["api", "v2"] or parts[2] not in STOREFRONTS \
            or parts[5] not in ("10", "25", "50", "100") \
            or parts[6] not in ("songs.json", "albums.json"):
        return Response(404, "<html>Not Found</html>", content_type="text/html")
    sf, kind, now, results = parts[2], parts[6].removesuffix(".json"), sim.now(), []
    for number_, release in ranking(sim, sf, now)[:int(parts[5])]:
        account = sim.world.account(PLATFORM, number_)
        one = song(sim, sf, account, release, 0) if kind == "songs" else album(sim, sf, account, release)
        results.append({
            "artistName": one["attributes"]["artistName"], "id": one["id"], "name": one["attributes"]["name"],
            "releaseDate": one["attributes"]["releaseDate"], "kind": kind, "artistId": ids.external_id(
                PLATFORM, number_), "artistUrl": f"https://music.apple.com/{sf}/artist/{number_}",
            "genres": [{"genreId": "14", "name": "Pop"}
                       ], "artworkUrl100": "https://is1-ssl.mzstatic.com/image/0/100x100bb.jpg",
            "url": one["attributes"]["url"]
        })
    return Response(
        200, {
            "feed": {
                "title": CHARTS[kind], "id": f"https://{request.host}{request.path}", "country": sf,
                "author": {"name": "Apple", "url": "https://www.apple.com/"}, "copyright": "Synthetic",
                "updated": formatdate(int(now // DAY) * DAY), "results": results
            }
        })


def lookup(sim, request):
    """iTunes lookup of an artist with its albums, without a token."""
    query, now = request.query, sim.now()
    name = query.get("id", "")
    if request.path != "/lookup" or not name.isdigit():
        return Response(200, {"resultCount": 0, "results": []})
    number_ = ids.number_of(PLATFORM, name)
    account = sim.world.account(PLATFORM, number_)
    results = [{
        "wrapperType": "artist", "artistType": "Artist", "artistName": account.artist.name,
        "artistId": number_, "artistLinkUrl": f"https://music.apple.com/us/artist/{number_}",
        "primaryGenreName": "Pop", "primaryGenreId": 14
    }]
    if query.get("entity") == "album":
        for release in account.releases(now)[:number(query.get("limit"), 50)]:
            results.append({
                "wrapperType": "collection", "collectionType": "Album", "artistId": number_,
                "collectionId": int(album_id(account, release)), "artistName": artist_name(account, release),
                "collectionName": release.title, "trackCount": release.tracks, "country": "USA",
                "releaseDate": iso_date(release.at) + "T07:00:00Z", "primaryGenreName": "Pop"
            })
    return Response(200, {"resultCount": len(results), "results": results},
                    content_type="text/javascript; charset=utf-8")


def truth(sim, account, t):
    """The library, the releases, playlists by how they are found, and chart positions by storefront (songs
    and albums rank alike), which only artists 4700 to 4999 have."""
    songs, lists = library_counts(account, t)
    shown, positions = featured(account, t), {}
    if account.number in ROSTER:
        for sf in STOREFRONTS:
            for place, (number_, release) in enumerate(ranking(sim, sf, t), 1):
                if number_ == account.number:
                    positions[sf] = {
                        "position": place, "album": album_id(account, release),
                        "song": song_id(account, release, 0)
                    }
    releases = account.releases(t)
    return {
        "library_songs_count": songs, "playlists_count": lists, "featured_playlists": shown,
        "editorial": [playlist_name(p) for p in shown if playlist_kind(p) == "editorial" and p[3:4] != "c"
                      ], "appears_on": sorted({p for r in releases for p in appears_on(account, r, t)}),
        "charts": positions, "content": [{
            "id": album_id(account, r), "kind": r.kind, "title": r.title, "published_at": iso_date(r.at),
            "tracks": r.tracks, "partners": [account.world.artist(r.partner).name] if r.partner else []
        } for r in releases]
    }
