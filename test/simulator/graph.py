"""Meta's Graph API, as far as Instagram (instagram.py) and Facebook Pages (facebook.py) share it: tokens,
field lists, cursor paging, insights answers, errors, batches, usage headers, and the OAuth servers of
Facebook and Instagram Login."""

import base64
import hashlib
import hmac
import json
import math

import facebook
import ids
import instagram
from oauth import Grant
from graph_parts import GraphError, api_error, parse_fields, text_error
from server import Request, Response

HOSTS = ("graph.facebook.com", "graph.instagram.com", "www.facebook.com", "www.instagram.com",
         "api.instagram.com")
PLATFORM = "instagram"
SHORT_LIFE, LONG_LIFE = 5400, 5183944
BATCH_MAX = 50


def split(request):
    """The path without its version, as segments."""
    parts = request.segments
    return parts[1:] if parts and parts[0][:1] == "v" and parts[0][1:2].isdigit() else parts


def find_token(sim, text):
    """A token of either platform: Facebook Login gives one for both."""
    for platform in ("instagram", "facebook"):
        token, problem = sim.grants.find(text, platform, "access", "page")
        if token or problem != "unknown":
            return token, problem
    return None, "unknown"


def account_of(sim, request):
    text = request.bearer or request.query.get("access_token")
    if text is None and request.method == "POST" and request.host.startswith("graph."):
        text = request.form.get("access_token")
    problem = "unknown" if text else None
    if text:
        request.token, problem = find_token(sim, text)
    request.rate = problem
    if request.token is None:
        return None
    parts = split(request)
    grant = request.token.grant
    if request.host == "graph.instagram.com" or (parts and instagram.owns(parts[0])):
        return "instagram", grant.number
    return ("facebook" if parts and parts[0][:1].isdigit() else grant.platform), grant.number


def failure(sim, request, kind, rule):
    own = request.account[0] if request.account else "instagram"
    login = request.host == "graph.instagram.com"
    if kind == "unauthorized":
        return api_error(
            190, "Error validating access token: Session has expired on Sunday, 01-Mar-26 00:00:00 PST. The "
            "current time is later.",
            subcode=463,
            login=login)
    if kind == "forbidden":
        return api_error(10,
                         "(#10) Application does not have permission for this action",
                         status=403,
                         login=login)
    if kind == "quota":
        out = api_error(4, "(#4) Application request limit reached", status=403, transient=True, login=login)
        out.headers["X-App-Usage"] = json.dumps({"call_count": 100, "total_cputime": 40, "total_time": 60})
        return out
    if kind == "rate_limit":
        code = 80002 if own == "instagram" else 80001
        out = api_error(
            code,
            f"(#{code}) There have been too many calls to this {own.title()} account. Wait a bit and try "
            "again.",
            subcode=2446079,
            transient=False,
            login=login)
        minutes = math.ceil((rule.wait(sim.now()) or 60) / 60)
        if request.account:
            out.headers["X-Business-Use-Case-Usage"] = usage(own, request.account[1], 100, minutes)
        return out
    return api_error(2, "Service temporarily unavailable", status=rule.status, transient=True, login=login)


def usage(platform, account, percent, minutes=0):
    kind = "instagram" if platform == "instagram" else "pages"
    return json.dumps({
        ids.external_id(platform, account): [{
            "type": kind, "call_count": percent, "total_cputime": 1, "total_time": 1,
            "estimated_time_to_regain_access": minutes
        }]
    })


def handle(sim, request):
    try:
        if request.host in ("www.facebook.com", "www.instagram.com", "api.instagram.com"):
            return login_page(sim, request)
        parts = split(request)
        if parts == ["oauth", "access_token"] and request.host == "graph.facebook.com":
            return facebook_token(sim, request)
        if request.host == "graph.instagram.com" and parts in (["access_token"], ["refresh_access_token"]):
            return instagram_token(sim, request, parts[0])
        if parts == ["debug_token"]:
            return debug_token(sim, request)
        if not parts and request.method == "POST" and "batch" in request.form and request.host == "graph.facebook.com":
            return batch(sim, request)
        response = node(sim, request, parts)
    except GraphError as problem:
        response = problem.response
        if request.host == "graph.instagram.com":
            response = Response(response.status,
                                response.body.replace(b'"OAuthException"', b'"IGApiException"'))
    percent = sim.meta_usage.get("percent", 1)
    if request.host == "graph.facebook.com":
        response.headers.setdefault("X-App-Usage",
                                    json.dumps({"call_count": percent, "total_cputime": 1, "total_time": 1}))
    else:
        response.headers.setdefault("X-App-Usage", json.dumps({"call_volume": percent, "cpu_time": 1}))
    if request.account and request.account[1]:
        response.headers.setdefault("X-Business-Use-Case-Usage",
                                    usage(*request.account, percent, sim.meta_usage.get("minutes", 0)))
    response.headers.setdefault("facebook-api-version", request.segments[0] if request.segments else "v25.0")
    return response


def node(sim, request, parts):
    """Answers for a node or an edge; raises GraphError."""
    if request.token is None:
        if request.rate is None:
            raise text_error(
                2500, "An active access token must be used to query information about the current user.")
        if request.rate == "expired":
            raise text_error(190, "Error validating access token: Session has expired.", subcode=463)
        if request.rate == "revoked":
            raise text_error(190,
                             "Error validating access token: The user has not authorized application.",
                             subcode=458)
        raise text_error(190, "Invalid OAuth access token - Cannot parse access token", status=401)
    check_proof(sim, request)
    for legacy in ("ids", "pretty", "debug", "date_format"):
        if legacy in request.query and legacy == "ids":
            raise text_error(100, "(#100) Multi-id reads are no longer supported")
    login = request.host == "graph.instagram.com"
    if not parts:
        raise text_error(100, "Unsupported get request.", subcode=33)
    if parts[0] == "me":
        if login:
            parts = [ids.external_id("instagram", request.token.grant.number)] + parts[1:]
        elif parts[1:] == ["accounts"]:
            return accounts(sim, request)
        elif parts[1:] == ["permissions"]:
            scopes = request.token.grant.scopes or []
            return Response(200, {"data": [{"permission": s, "status": "granted"} for s in scopes]})
        elif is_page_token(request.token):
            parts = [ids.external_id("facebook", request.token.grant.number)] + parts[1:]
        elif len(parts) > 1:
            raise text_error(100,
                             f"(#100) Tried accessing nonexisting field ({parts[1]}) on node type (User)")
        else:
            return Response(
                200, {
                    "id": f"77{request.token.grant.number:010d}", "name": sim.world.artist(
                        request.token.grant.number).name
                })
    if instagram.owns(parts[0]):
        return instagram.node(sim, request, parts)
    if login:
        raise text_error(2500, "Unknown path components: /" + "/".join(parts))
    return facebook.node(sim, request, parts)


def check_proof(sim, request):
    """appsecret_proof is the HMAC-SHA256 of the token by the app's secret: checked when sent, and when
    demanded."""
    proof = request.query.get("appsecret_proof") or (request.form.get("appsecret_proof")
                                                     if request.method == "POST" else None)
    clients = sim.grants.clients.get("facebook") or sim.grants.clients.get("instagram") or {}
    secrets = [secret for secret in clients.values() if secret]
    text = request.bearer or request.query.get("access_token") or request.token.text
    if proof and secrets:
        if not any(hmac.new(s.encode(), text.encode(), hashlib.sha256).hexdigest() == proof for s in secrets):
            raise text_error(100, "Invalid appsecret_proof provided in the API argument")
    elif sim.grants.app_secret_proof and not proof:
        raise text_error(100, "API calls from the server require an appsecret_proof argument")


def is_page_token(token):
    """Issued as one, or made up for Facebook: then it stands for the Page's."""
    return token.kind == "page" or (token.grant.client_id is None and token.grant.platform == "facebook")


def page_token(sim, token, number):
    """The Page token that belongs to a user token: the same one at every call, without an expiry date."""
    if token.kind == "page" or token.grant.client_id is None:
        return token.text
    known = getattr(sim.grants, "page_tokens", None)
    if known is None:
        known = sim.grants.page_tokens = {}
    if (token.grant, number) not in known:
        grant = token.grant
        if number != grant.number:
            grant = Grant(grant.platform, number, grant.client_id, grant.scopes, grant.since)
        known[token.grant, number] = sim.grants.issue("page", grant, None).text
    return known[token.grant, number]


PAGES_AT_ONCE = 2


def accounts(sim, request):
    """The Pages of the person: the artist's own, and those that the control request modes adds."""
    grant = request.token.grant
    if grant.scopes is not None and "pages_show_list" not in grant.scopes:
        return Response(200, {"data": []})
    numbers = [grant.number] + [n for n in sim.modes.get("pages", []) if n != grant.number]
    start = 0
    if request.query.get("after"):
        start = int(base64.urlsafe_b64decode(request.query["after"]).decode().removeprefix("page-")) + 1
    shown = numbers[start:start + PAGES_AT_ONCE]
    if not shown:
        return Response(200, {"data": []})
    asked = parse_fields(request.query.get("fields", "access_token,category,category_list,name,id,tasks"))
    mark = [base64.urlsafe_b64encode(f"page-{start + i}".encode()).decode() for i in range(len(shown))]
    out = {"data": [own_page(sim, request, n, asked) for n in shown],
           "paging": {"cursors": {"before": mark[0], "after": mark[-1]}}}
    if start + len(shown) < len(numbers):
        out["paging"]["next"] = f"https://{request.host}{request.path}?access_token={request.token.text}&after={mark[-1]}"
    return Response(200, out)


def own_page(sim, request, number, asked):
    account, now = sim.world.account("facebook", number), sim.now()
    whole = instagram.profile(sim.world.account("instagram", number), now, request)
    page = {
        "access_token": page_token(sim, request.token, number), "category": "Musician/Band",
        "category_list": [{"id": "180164648685982", "name": "Musician/Band"}
                          ], "name": account.artist.name, "id": ids.external_id("facebook", number),
        "tasks": ["ANALYZE", "ADVERTISE", "MESSAGING", "MODERATE", "CREATE_CONTENT",
                  "MANAGE"], "followers_count": account.followers(now),
        "fan_count": facebook.fans(account, now), "instagram_business_account": {"id": whole["id"]}
    }
    for field in asked:
        if field.name == "instagram_business_account":
            page[field.name].update({f.name: whole[f.name] for f in field.fields if f.name in whole})
    names = {field.name for field in asked}
    return {key: value for key, value in page.items() if key in names or key == "id"}


def batch(sim, request):
    """Up to 50 members, each answered as a request of its own; the batch itself is always 200."""
    form = request.form
    try:
        members = json.loads(form["batch"])
    except ValueError:
        raise text_error(100, "(#100) Param batch must be an array.")
    if not isinstance(members, list) or len(members) > BATCH_MAX:
        raise text_error(100, "Too many requests in batch message. Maximum batch size is 50", subcode=None)
    if request.token is None:
        raise text_error(190, "Invalid OAuth access token - Cannot parse access token", status=401)
    out = []
    with_headers = form.get("include_headers", "true") != "false"
    for member in members:
        relative = member.get("relative_url", "").lstrip("/")
        inner = Request(
            member.get("method",
                       "GET"), f"/{request.host}/{request.segments[0] if request.segments else 'v25.0'}/" +
            relative.removeprefix((request.segments[0] if request.segments else "v25.0") + "/"),
            {"authorization": "Bearer " + request.token.text}, b"")
        if "access_token" in inner.query:
            del inner.headers["authorization"]
        elif form.get("appsecret_proof"):
            inner.query["appsecret_proof"] = form["appsecret_proof"]
        sim.members += 1
        inner.member_of = request
        inner.account = account_of(sim, inner)
        names = sim.names(inner)
        if sim.faults.null_member("instagram" if not inner.account else inner.account[0], inner, names):
            out.append(None)
            continue
        answer = sim.member(facebook_or_instagram, inner)
        entry = {"code": answer.status, "body": answer.body.decode()}
        if with_headers:
            entry["headers"] = [{"name": key, "value": value} for key, value in answer.headers.items()]
        out.append(entry)
    return Response(200, out,
                    {"X-App-Usage": json.dumps({"call_count": 1, "total_cputime": 1, "total_time": 1})})


class facebook_or_instagram:
    """What sim.member() needs of a module: this file's functions, without its headers."""
    failure = staticmethod(failure)

    @staticmethod
    def handle(sim, request):
        try:
            return node(sim, request, split(request))
        except GraphError as problem:
            return problem.response


# OAuth


def login_page(sim, request):
    parts = split(request)
    if request.host == "www.facebook.com" and parts == ["dialog", "oauth"]:
        scopes = request.query.get("scope", "")
        return sim.grants.authorize("instagram" if "instagram" in scopes else "facebook",
                                    request.query,
                                    separator="," if "," in scopes else " ")
    if request.host == "www.instagram.com" and parts == ["oauth", "authorize"]:
        response = sim.grants.authorize("instagram",
                                        request.query,
                                        separator="," if "," in request.query.get("scope", "") else " ")
        if "Location" in response.headers:
            response.headers["Location"] += "#_"
        return response
    if request.host == "api.instagram.com" and parts == ["oauth", "access_token"
                                                         ] and request.method == "POST":
        form = request.form
        grant, problem = None, "client"
        if sim.grants.client_known("instagram", form.get("client_id"), form.get("client_secret")):
            grant, problem = sim.grants.redeem("instagram", form.get("code"), form.get("client_id"),
                                               form.get("redirect_uri", ""))
        if problem:
            return Response(
                400, {
                    "error_type": "OAuthException", "code": 400,
                    "error_message": "Error validating verification code. Please make sure your redirect_uri is identical to "
                    "the one you used in the OAuth dialog request"
                })
        token = sim.grants.issue("access", grant, 3600)
        return Response(
            200, {
                "access_token": token.text, "user_id": int(ids.external_id("instagram", grant.number)),
                "permissions": grant.scopes
            })
    return Response(404, "Not Found", content_type="text/html")


def facebook_token(sim, request):
    """Code for a short-lived user token, or a short-lived one for one of about 60 days. Parameters by
    query or form."""
    form = {**request.query, **(request.form if request.method == "POST" else {})}
    client, secret = form.get("client_id"), form.get("client_secret")
    platform = next((p for p in ("instagram", "facebook") if sim.grants.client_known(p, client, secret)),
                    None)
    if platform is None:
        raise text_error(1, "Error validating client secret.")
    if form.get("grant_type") == "fb_exchange_token":
        token, problem = find_token(sim, form.get("fb_exchange_token"))
        if problem:
            raise text_error(190, "Error validating access token: Session has expired.", subcode=463)
        sim.grants.count(token.grant.platform)
        fresh = sim.grants.issue("access", token.grant, LONG_LIFE)
        return Response(200, {"access_token": fresh.text, "token_type": "bearer", "expires_in": LONG_LIFE})
    for platform in ("instagram", "facebook"):
        grant, problem = sim.grants.redeem(platform, form.get("code"), client, form.get("redirect_uri", ""))
        if problem != "code":
            break
    if problem:
        raise text_error(
            100,
            "Error validating verification code. Please make sure your redirect_uri is identical to the "
            "one you used in the OAuth dialog request"
            if problem == "redirect_uri" else "This authorization code has been used.",
            subcode=36008 if problem == "redirect_uri" else 36009)
    token = sim.grants.issue("access", grant, SHORT_LIFE)
    return Response(200, {"access_token": token.text, "token_type": "bearer", "expires_in": SHORT_LIFE})


def instagram_token(sim, request, what):
    query = request.query
    token, problem = sim.grants.find(query.get("access_token"), "instagram", "access")
    wanted = {"access_token": "ig_exchange_token", "refresh_access_token": "ig_refresh_token"}[what]
    if problem or query.get("grant_type") != wanted or (what == "access_token"
                                                        and not query.get("client_secret")):
        return api_error(190, "Error validating access token: Session has expired.", login=True)
    sim.grants.count("instagram")
    fresh = sim.grants.issue("access", token.grant, LONG_LIFE)
    return Response(200, {"access_token": fresh.text, "token_type": "bearer", "expires_in": LONG_LIFE})


def debug_token(sim, request):
    token, problem = find_token(sim, request.query.get("input_token"))
    if token is None:
        return Response(
            200, {
                "data": {
                    "error": {"code": 190, "message": "Invalid OAuth access token."}, "is_valid": False,
                    "scopes": []
                }
            })
    number_ = token.grant.number
    data = {
        "app_id": token.grant.client_id or "1", "type": "PAGE" if token.kind == "page" else "USER",
        "application": "Demo", "data_access_expires_at": int(sim.now()) + 90 * 86400,
        "expires_at": int(token.expires or 0), "is_valid": True, "scopes": token.grant.scopes or [],
        "user_id": f"77{number_:010d}",
        "granular_scopes": [{"scope": s, "target_ids": [ids.external_id("facebook", number_)]}
                            for s in token.grant.scopes or [] if s.startswith("pages_")]
    }
    if token.kind == "page":
        data["profile_id"] = ids.external_id("facebook", number_)
    return Response(200, {"data": data})
