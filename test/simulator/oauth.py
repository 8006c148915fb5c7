"""Grants: authorization codes, access and refresh tokens of all platforms, with their habits left to the
callers.

A token of the form tok-<platform>-<artist> is valid without having been issued, for all scopes. Issued
tokens end by the simulated clock. A refresh token of a platform that rotates them works once: a second use
is counted and, where the platform does so, ends every token of that grant.
"""

import hashlib
import base64
from urllib.parse import urlencode

import ids
from server import Response

CODE_LIFE = 600


class Grant:
    """What one consent gave: to which client, for which artist, which scopes. All tokens of a consent
    share it."""
    __slots__ = ("platform", "number", "client_id", "scopes", "dead", "since", "renewals", "seen", "spent")

    def __init__(self, platform, number, client_id, scopes, since=None):
        self.platform, self.number, self.client_id, self.scopes = platform, number, client_id, scopes
        self.dead = False
        self.since = since  # when the user consented; None for made-up tokens
        self.renewals = 0
        self.seen = 0  # serial of the newest of its tokens that its client showed
        self.spent = 0  # the serial that tokens had when its refresh token was spent last


class Token:
    __slots__ = ("text", "grant", "kind", "expires", "used", "extra", "serial")

    def __init__(self, text, grant, kind, expires, extra=None):
        self.text, self.grant, self.kind, self.expires, self.extra = text, grant, kind, expires, extra
        self.used = False
        self.serial = 0


class Grants:

    def __init__(self, clock, seed):
        self.clock, self.seed = clock, seed
        self.tokens = {}
        self.serial = 0
        self.revoked = set()
        self.reused = []  # uses of a refresh token that was used before
        self.rotated = 0  # how often a refresh token was spent for a new one
        self.last_rotated = None
        self.lost = []  # answers with a rotated refresh token that a fault kept from arriving
        self.exchanges = {}  # platform -> number of token requests that succeeded
        self.consents = {}  # platform -> {"artist", "deny", "untick"}
        self.clients = {}  # platform -> {client_id: client_secret}, empty: any client is known
        self.app_secret_proof = False

    def text(self, kind, platform):
        self.serial += 1
        digest = hashlib.sha256(f"{self.seed}/{kind}/{platform}/{self.serial}".encode()).hexdigest()
        return f"{kind}-{platform}-{self.serial}-{digest[:32]}"

    def issue(self, kind, grant, life, extra=None, text=None):
        """A new token ("access", "refresh", "code", ...) that lives so many seconds; None: for ever."""
        expires = None if life is None else self.clock() + life
        token = Token(text or self.text(kind, grant.platform), grant, kind, expires, extra)
        token.serial = self.serial
        self.tokens[token.text] = token
        return token

    def find(self, text, platform, *kinds):
        """(token, None), or (None, why): unknown, expired, revoked."""
        token = self.tokens.get(text or "")
        if token is None:
            token = self.made_up(text, platform)
        if token is None or token.grant.platform != platform or (kinds and token.kind not in kinds):
            return None, "unknown"
        token.grant.seen = max(token.grant.seen, token.serial)
        if token.grant.dead or token.text in self.revoked:
            return None, "revoked"
        if token.expires is not None and token.expires <= self.clock():
            return None, "expired"
        return token, None

    def made_up(self, text, platform):
        """The token that tok-<platform>-<artist> (access) or ref-<platform>-<artist> (refresh) stands for."""
        for prefix, kind in (("tok", "access"), ("ref", "refresh")):
            start = f"{prefix}-{platform}-"
            if text and text.startswith(start):
                number = ids.number_of(platform, text[len(start):])
                if number is not None:
                    token = Token(text, Grant(platform, number, None, None), kind, None)
                    if kind == "refresh":  # it must remember its use and its family
                        self.tokens[text] = token
                    return token
        return None

    def all_secrets(self):
        return sorted(self.tokens)

    # The steps that every platform shares

    def client_known(self, platform, client_id, secret, secret_needed=True):
        """Does the client authenticate? Without registered clients every non-empty pair does."""
        known = self.clients.get(platform)
        if not client_id or (secret_needed and not secret):
            return False
        if not known:
            return True
        return client_id in known and (not secret_needed or known[client_id] == secret)

    def authorize(self,
                  platform,
                  query,
                  separator=" ",
                  client="client_id",
                  scope="scope",
                  denied="access_denied",
                  hex_challenge=False,
                  pkce=False,
                  life=CODE_LIFE):
        """The consent page: answers at once as the consent of the platform says, 302 to redirect_uri."""
        redirect = query.get("redirect_uri", "")
        if not redirect or not query.get(client):
            return Response(400, "invalid client or redirect_uri", content_type="text/plain")
        if pkce and (not query.get("code_challenge") or query.get("code_challenge_method") != "S256"):
            return Response(400, "code_challenge is required", content_type="text/plain")
        known = self.clients.get(platform)
        if known and query[client] not in known:
            return Response(400, "unknown client", content_type="text/plain")
        consent = {**self.consents.get("*", {}), **self.consents.get(platform, {})}
        answer = {"state": query["state"]} if "state" in query else {}
        if consent.get("deny"):
            answer["error" if denied == "access_denied" else "error_reason"] = denied
        else:
            number = ids.number_of(platform, query.get("sim_artist") or consent.get("artist") or "4711")
            asked = [s for s in query.get(scope, "").split(separator) if s]
            scopes = [s for s in asked if s not in consent.get("untick", ())]
            grant = Grant(platform, number, query[client], scopes, self.clock())
            code = self.issue(
                "code", grant, life,
                {"redirect_uri": redirect, "challenge": query.get("code_challenge"), "hex": hex_challenge})
            answer["code"] = code.text
        joint = "&" if "?" in redirect else "?"
        return Response(302, b"", {"Location": redirect + joint + urlencode(answer)})

    def redeem(self, platform, code, client_id, redirect_uri, verifier=None):
        """(grant, None) for a good code, once; else (None, why): a word of code, redirect_uri, verifier."""
        token, problem = self.find(code, platform, "code")
        if problem or token.used or (token.grant.client_id != client_id):
            return None, "code"
        if redirect_uri is not None and token.extra["redirect_uri"] != redirect_uri:
            return None, "redirect_uri"
        challenge = token.extra["challenge"]
        if challenge and not challenge_holds(challenge, verifier or "", token.extra["hex"]):
            return None, "verifier"
        token.used = True
        self.count(platform)
        return token.grant, None

    def renew(self, platform, text, client_id, rotates):
        """(grant, None) for a good refresh token; else (None, why). One that rotates is spent by its use;
        a second use is counted and ends the grant with all its tokens."""
        token, problem = self.find(text, platform, "refresh")
        if problem:
            spent = self.tokens.get(text)
            if problem == "revoked" and spent and spent.used:
                self.note_reuse(spent.grant)
            return None, problem
        if token.grant.client_id not in (None, client_id):
            return None, "unknown"
        if rotates:
            if token.used:
                self.note_reuse(token.grant)
                token.grant.dead = True
                return None, "reused"
            token.used = True
            token.grant.spent = self.serial
            self.rotated += 1
            self.last_rotated = {"platform": platform, "artist": token.grant.number}
        token.grant.renewals += 1
        self.count(platform)
        return token.grant, None

    def note_reuse(self, grant):
        """A client that never showed what came with the last answer has not got it: `lost`."""
        self.reused.append({
            "platform": grant.platform, "artist": grant.number, "lost": grant.seen <= grant.spent
        })

    def revoke(self, platform, text):
        """Ends a token and its grant. False where it is not known."""
        token, _ = self.find(text, platform)
        if token is None:
            return False
        token.grant.dead = True
        self.revoked.add(text)
        return True

    def count(self, platform):
        self.exchanges[platform] = self.exchanges.get(platform, 0) + 1


def challenge_holds(challenge, verifier, as_hex):
    """PKCE S256: the challenge is the verifier's SHA-256, base64url without padding, or in hex (TikTok)."""
    if not 43 <= len(verifier) <= 128:
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = digest.hex() if as_hex else base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return challenge == expected


def basic(request):
    """(user, password) of an Authorization: Basic header, or (None, None)."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None, None
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return None, None
    return user, password
