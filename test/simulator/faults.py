"""Faults on request: rules that say which requests go wrong, and how.

A rule is an object:
    kind          delay, reset, truncate, garbage, hang, too_large, deep, empty: how the delivery goes wrong;
                  unauthorized (401), forbidden (403), rate_limit (429), quota, server_error (5xx): the platform's own
                  answer of that sort;
    answer        another body in place of the platform's: `body`, a text, under HTTP `status` (200);
                  retired: the platform refuses the metric named by `metric`;
                  null_member: a member of a batch comes back as null
    host, platform, account (external id or the artist's number), path (a part of the path): which requests;
                  absent means all
    probability   0 to 1 (default 1), drawn from the seed, the request and how often it was made
    times         for the next N matching requests only
    skip          after the first N matching requests
    until         while the calendar is before this time (ISO 8601)
    seconds       of a delay;  status  of a server_error
    retry_after   seconds that a rate limit names; without it, what is left of `until`
    scope         what a rate limit is for: account (default) or host
"""

import math
from random import Random

from server import Response
from texts import parse_time

ALIASES = {
    "401": "unauthorized", "403": "forbidden", "429": "rate_limit", "5xx": "server_error",
    "500": "server_error", "503": "server_error", "retired_metric": "retired"
}
DELIVERY = ("delay", "reset", "truncate", "garbage", "hang", "too_large", "deep", "empty", "answer")
ANSWERS = ("unauthorized", "forbidden", "rate_limit", "quota", "server_error")
STANDING = ("retired", "null_member")
TOO_LARGE = 9 << 20


class BadRule(ValueError):
    pass


class Rule:

    def __init__(self, index, spec):
        if not isinstance(spec, dict):
            raise BadRule("a rule is an object")
        unknown = set(spec) - {
            "kind", "host", "platform", "account", "path", "probability", "times", "skip", "seconds",
            "retry_after", "until", "status", "metric", "scope", "message", "body"
        }
        if unknown:
            raise BadRule(f"unknown key {sorted(unknown)[0]!r}")
        kind = str(spec.get("kind"))
        self.kind = ALIASES.get(kind, kind)
        if self.kind not in DELIVERY + ANSWERS + STANDING:
            raise BadRule(f"unknown kind {kind!r}")
        if self.kind == "retired" and not spec.get("metric"):
            raise BadRule("a retired rule names its metric")
        if self.kind == "answer" and not isinstance(spec.get("body"), str):
            raise BadRule("an answer rule has a body, which is a text")
        self.index = index
        self.spec = spec
        self.status = int(spec.get("status") or (kind if kind in ("500", "503") else 503))
        self.probability = float(spec.get("probability", 1))
        self.until = parse_time(spec["until"]) if spec.get("until") else None
        self.left = spec.get("times")
        self.skip = int(spec.get("skip", 0))
        self.hits = 0

    def wait(self, now):
        """The whole seconds that a rate limit names, or None."""
        if self.spec.get("retry_after"):
            return math.ceil(float(self.spec["retry_after"]))
        return math.ceil(self.until - now) if self.until is not None else None

    def matches(self, platform, host, path, names, now):
        spec = self.spec
        return ((self.until is None or now < self.until) and (not spec.get("host") or spec["host"] == host)
                and (not spec.get("platform") or spec["platform"] == platform)
                and (not spec.get("account") or str(spec["account"]) in names)
                and (not spec.get("path") or spec["path"] in path))

    def strikes(self, seed, key, nth):
        """Does the rule strike at the nth request of this key? Counts it when it does."""
        if self.left is not None and self.left <= 0:
            return False
        if self.probability < 1 and Random(f"{seed}/{self.index}/{key}/{nth}").random() >= self.probability:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        self.hits += 1
        return True


class Faults:

    def __init__(self, seed, clock):
        self.seed, self.clock = seed, clock
        self.rules = []
        self.made = 0
        self.counts = {}

    def set(self, specs):
        """Replaces the rules. Nothing changes when one of them is wrong."""
        rules = [Rule(self.made + i, spec) for i, spec in enumerate(specs)]
        self.made += len(rules)
        self.rules = rules

    def add(self, specs):
        rules = [Rule(self.made + i, spec) for i, spec in enumerate(specs)]
        self.made += len(rules)
        self.rules += rules

    def describe(self):
        return [dict(rule.spec, hits=rule.hits, left=rule.left) for rule in self.rules]

    def next(self, platform, request, names, member=False):
        """The first rule that strikes this request, or None. Of a batch's members only rules with a `path`
        speak, and only those that the platform answers."""
        if not self.rules:
            return None
        now = self.clock()
        key = f"{request.host}{request.path}/{names[0] if names else ''}"
        nth = self.counts[key] = self.counts.get(key, 0) + 1
        for rule in self.rules:
            if member and (rule.kind not in ANSWERS or not rule.spec.get("path")):
                continue
            if (rule.kind not in STANDING and rule.matches(platform, request.host, request.path, names, now)
                    and rule.strikes(self.seed, key, nth)):
                return rule
        return None

    def retired(self, platform, request, names):
        """The metrics that the platform refuses to this account."""
        return {
            rule.spec["metric"] for rule in self.rules if rule.kind == "retired"
            and rule.matches(platform, request.host, request.path, names, self.clock()) and (
                rule.left is None or rule.strikes(self.seed, "", 0))
        }

    def null_member(self, platform, request, names):
        """Is this member of a batch to come back as null?"""
        key = f"{request.host}{request.path}/member"
        nth = self.counts[key] = self.counts.get(key, 0) + 1
        return any(rule.kind == "null_member" and rule.matches(
            platform, request.host, request.path, names, self.clock()) and rule.strikes(self.seed, key, nth)
                   for rule in self.rules)


def deliver(rule, response):
    """The response with a fault of delivery put upon it."""
    kind = rule.kind
    if kind == "delay":
        response.failure["delay"] = float(rule.spec.get("seconds", 1))
    elif kind in ("reset", "hang", "truncate"):
        response.failure[kind] = True
    elif kind == "garbage":
        response = Response(200, b'{"data":[{"id":\x00\xff\xfe"<html>', {"Content-Type": "application/json"})
    elif kind == "answer":
        response = Response(int(rule.spec.get("status", 200)), rule.spec["body"].encode(),
                            {"Content-Type": "application/json"})
    elif kind == "empty":
        response = Response(200, b"", {"Content-Type": "application/json"})
    elif kind == "too_large":
        response = Response(200, b'{"padding":"' + b"x" * TOO_LARGE + b'"}',
                            {"Content-Type": "application/json"})
    elif kind == "deep":
        response = Response(200, b'{"data":' + b"[" * 100000 + b"]" * 100000 + b"}",
                            {"Content-Type": "application/json"})
    return response
