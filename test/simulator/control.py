"""The control endpoints, under /_control/: the clock, the truth, the faults, the counts. README.md lists
them."""

import importlib
import json

import ids
from faults import BadRule
from oauth import Grant
from server import Response
from texts import iso_time, parse_time

parse_now = parse_time


def handle(sim, request):
    what = request.path.strip("/")
    make = ENDPOINTS.get((request.method, what))
    if make is None:
        return Response(404, {"error": f"no control endpoint {request.method} {what}"})
    try:
        return Response(200, make(sim, request))
    except (BadRule, ValueError, KeyError, TypeError, AttributeError) as problem:
        return Response(400, {"error": f"{type(problem).__name__}: {problem}"})


def get_now(sim, request):
    return {"now": iso_time(sim.now()), "frozen": sim.frozen is not None}


def set_now(sim, request):
    """{"now": time} freezes the calendar there, {"now": null} follows the real clock, {"advance": seconds}
    moves it."""
    wish = json_of(request)
    if "advance" in wish:
        sim.frozen = sim.now() + float(wish["advance"])
    else:
        sim.frozen = None if wish["now"] is None else parse_time(wish["now"])
    return get_now(sim, request)


def json_of(request):
    return json.loads(request.body or b"{}")


def truth(sim, request):
    query = request.query
    platform = query["platform"]
    t = parse_time(query["at"].replace(" ", "+")) if "at" in query else sim.now()
    number = ids.number_of(platform, query["artist"])
    account = sim.world.account(platform, number)
    out = {
        "platform": platform, "artist": ids.external_id(platform, number), "number": number,
        "name": account.artist.name, "at": iso_time(t)
    }
    out.update(importlib.import_module(platform).truth(sim, account, t))
    return out


def set_faults(sim, request):
    """A list of rules replaces those in force; {"add": [rules]} adds to them; [] ends all."""
    wish = json_of(request)
    if isinstance(wish, dict) and "add" in wish:
        sim.faults.add(wish["add"])
    else:
        sim.faults.set(wish["rules"] if isinstance(wish, dict) and "rules" in wish else
                       [wish] if isinstance(wish, dict) else wish)
    return get_faults(sim, request)


def get_faults(sim, request):
    return {"rules": sim.faults.describe()}


def stats(sim, request):
    return {
        "total": sum(sim.requests.values()), "requests": dict(sorted(sim.requests.items())), "accounts": dict(
            sorted(sim.by_account.items())), "batch_members": sim.members,
        "statuses": {str(k): v
                     for k, v in sorted(sim.statuses.items())}, "connections": len(sim.server.connections),
        "max_connections": sim.server.max_connections, "total_connections": sim.server.total_connections,
        "refresh_tokens_reused": sim.grants.reused, "refresh_answers_lost": sim.grants.lost, "token_requests": sim.grants.exchanges,
        "early_requests": len(sim.early), "early": sim.early[:50], "notes": dict(sim.notes)
    }


def reset_stats(sim, request):
    for counter in (sim.requests, sim.by_account, sim.statuses):
        counter.clear()
    sim.early.clear()
    sim.members = 0
    sim.server.max_connections = len(sim.server.connections)
    return {"ok": True}


def reset(sim, request):
    sim.reset()
    return {"ok": True}


def consent(sim, request):
    """{"platform": "spotify" or "*", "artist": id, "deny": bool, "untick": [scopes]}: what the next users
    answer."""
    wish = json_of(request)
    sim.grants.consents[wish.get("platform",
                                 "*")] = {k: wish[k] for k in ("artist", "deny", "untick") if k in wish}
    return {"consents": sim.grants.consents}


def clients(sim, request):
    """{"platform": ..., "client_id": ..., "client_secret": ...}: from then on only registered clients are
    known."""
    wish = json_of(request)
    sim.grants.clients.setdefault(wish["platform"], {})[wish["client_id"]] = wish.get("client_secret")
    return {"platforms": sorted(sim.grants.clients)}


def issue(sim, request):
    """{"platform", "artist", "client_id", "scopes", "life"}: an access and a refresh token, as after a
    consent; "access" and "refresh" give them a text."""
    wish = json_of(request)
    number = ids.number_of(wish["platform"], wish["artist"])
    grant = Grant(wish["platform"], number, wish.get("client_id"), wish.get("scopes"), sim.now())
    return {
        "access_token": sim.grants.issue("access", grant, wish.get("life"), text=wish.get("access")).text,
        "refresh_token": sim.grants.issue("refresh", grant, None, text=wish.get("refresh")).text
    }


def revoke(sim, request):
    """{"platform", "token"}: as if the user had withdrawn the consent."""
    wish = json_of(request)
    return {"revoked": sim.grants.revoke(wish["platform"], wish["token"])}


def usage(sim, request):
    """{"percent": 85, "minutes": 5}: what Meta's usage headers say from now on."""
    sim.meta_usage = json_of(request)
    return sim.meta_usage


def modes(sim, request):
    """{"spotify": "dev"}: the app is in development mode (default extended); {"twitter": "post"}: the
    newer field names."""
    sim.modes.update(json_of(request))
    return sim.modes


def proof(sim, request):
    """{"required": true}: Meta's apps demand appsecret_proof."""
    sim.grants.app_secret_proof = bool(json_of(request)["required"])
    return {"required": sim.grants.app_secret_proof}


def secrets(sim, request):
    return {"secrets": sim.grants.all_secrets()}


def account_id(sim, request):
    """The ids of an artist's number at every platform."""
    number = ids.number_of("deezer", request.query["artist"])
    return {
        "number": number, "name": sim.world.artist(number).name,
        "ids": {platform: ids.external_id(platform, number) for platform in ids.ACCOUNT_IDS}
    }


ENDPOINTS = {
    ("GET", "now"): get_now, ("POST", "now"): set_now, ("GET", "truth"): truth, ("GET", "faults"): get_faults,
    ("POST", "faults"): set_faults, ("GET", "stats"): stats, ("POST", "stats"): reset_stats,
    ("POST", "reset"): reset, ("POST", "consent"): consent, ("POST", "clients"): clients,
    ("POST", "issue"): issue, ("POST", "revoke"): revoke, ("POST", "usage"): usage, ("POST", "proof"): proof,
    ("POST", "modes"): modes, ("GET", "secrets"): secrets, ("GET", "artist"): account_id,
}
