#!/usr/bin/env python3
"""A fake of ten music and video platforms and their OAuth servers, for tests, demos and benchmarks.

python3 test/simulator/simulator.py --port 0 --port-file F

A request for https://HOST/PATH is sent to http://127.0.0.1:PORT/HOST/PATH. README.md says what can be
asked of it.
"""

import argparse
import asyncio
import importlib
import os
import re
import signal
import sys
import time
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import control
import ids
import oauth
from faults import ANSWERS, Faults, deliver
from server import Response, Server
from world import World

# One module per platform; graph serves Instagram and Facebook, which share their hosts.
MODULES = ("deezer", "youtube", "graph", "spotify", "tiktok", "soundcloud", "twitter", "apple_music", "tidal")
VARIABLE = re.compile(r"^(?=.*\d)[\w.:=~-]{3,}$|^[\w-]{16,}$|^\d+$")
VERSION = re.compile(r"^v\d+(\.\d+)?$")


class Simulator:
    """The world, the clock, the grants, the faults and the counts, and the way of a request through them."""

    def __init__(self, options):
        self.options = options
        self.frozen = options.now
        self.world = World(options.seed, options.scale)
        self.modules = {}
        for name in MODULES:
            try:
                module = importlib.import_module(name)
            except ModuleNotFoundError as missing:
                if missing.name != name:
                    raise
                continue
            for host in module.HOSTS:
                self.modules[host] = module
        self.server = Server(self.handle, use_gzip=not options.no_gzip)
        self.reset()

    def reset(self):
        """Forgets grants, faults and counts. The world and the clock stay."""
        self.grants = oauth.Grants(self.now, self.options.seed)
        self.faults = Faults(self.options.seed, self.now)
        self.requests = Counter()
        self.by_account = Counter()
        self.statuses = Counter()
        self.notes = Counter()
        self.members = 0
        self.early = []
        self.named = {}
        self.meta_usage = {}
        self.modes = {}
        self.buckets = {}
        self.server.max_connections = len(self.server.connections)

    def now(self):
        return time.time() if self.frozen is None else self.frozen

    def handle(self, request):
        """Answers one request; an exception of a platform's code is an answer too, and is told on stderr."""
        try:
            if request.host == "_control":
                return control.handle(self, request)
            module = self.modules.get(request.host)
            if module is None:
                return Response(404, {"error": f"the simulator has no host {request.host}"})
            return self.ask(module, request)
        except Exception as problem:  # a bug here must not look like a fault
            import traceback
            traceback.print_exc()
            return Response(500, {"simulator_bug": repr(problem)})

    def ask(self, module, request):
        request.account = module.account_of(self, request)
        platform = request.account[0] if request.account else getattr(module, "PLATFORM", None)
        names = self.names(request)
        self.note(request, names)
        rule = self.faults.next(platform, request, names)
        if rule and rule.kind in ANSWERS:
            response = module.failure(self, request, rule.kind, rule)
            if rule.kind in ("rate_limit", "quota") and rule.wait(self.now()):
                scope = request.host if rule.spec.get("scope") == "host" or not names else names[0]
                self.named[request.host, scope] = self.now() + rule.wait(self.now())
        else:
            rotated = self.grants.rotated
            response = module.handle(self, request)
            if rule:
                if rule.kind != "delay" and self.grants.rotated > rotated:
                    self.grants.lost.append(self.grants.last_rotated)
                response = deliver(rule, response)
        self.statuses[response.status] += 1
        return response

    def member(self, module, request):
        """Answers a member of a batch, with the faults that are meant for its path."""
        rule = self.faults.next(request.account and request.account[0],
                                request,
                                self.names(request),
                                member=True)
        return module.failure(self, request, rule.kind, rule) if rule else module.handle(self, request)

    def names(self, request):
        """The spellings of the request's account: external id first, then the number."""
        if not request.account or request.account[1] is None:
            return []
        platform, number = request.account
        return [ids.external_id(platform, number), str(number)]

    def note(self, request, names):
        template = "/".join("{}" if VARIABLE.match(s) and not VERSION.match(s) else s
                            for s in request.path.split("/"))
        self.requests[f"{request.method} {request.host}{template}"] += 1
        if names:
            self.by_account[f"{request.account[0]}/{names[0]}"] += 1
        for scope in [request.host] + names[:1]:
            until = self.named.get((request.host, scope))
            if until is not None and self.now() < until:
                self.early.append({
                    "host": request.host, "path": request.path, "scope": scope,
                    "seconds_early": until - self.now()
                })
                break

    def retired(self, platform, request):
        """The metrics that the platform refuses to this account now."""
        return self.faults.retired(platform, request, self.names(request)) if self.faults.rules else ()

    def bucket(self, key, size, seconds):
        """True while no more than `size` calls with this key were made in the last `seconds` of real time."""
        now, calls = time.monotonic(), self.buckets.setdefault(key, [])
        calls[:] = [at for at in calls if at > now - seconds]
        if len(calls) >= size:
            return False
        calls.append(now)
        return True


def scale_rule(text):
    """FIRST-LAST:posts=N,cadence=PER_WEEK for artists of these numbers, or without a range for all."""
    span, _, values = text.rpartition(":")
    first, _, last = span.partition("-")
    try:
        rule = {
            key: float(value) if key == "cadence" else int(value)
            for key, value in (pair.split("=") for pair in values.split(","))
        }
        if set(rule) - {"posts", "cadence"}:
            raise ValueError
        return (int(first or 0), int(last or first or ids.TOO_LARGE), rule)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not FIRST-LAST:posts=N,cadence=PER_WEEK: {text!r}")


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8765, help="0 picks a free one")
    parser.add_argument("--port-file", help="where the port is written once it listens")
    parser.add_argument("--seed", default="1", help="another seed, another world")
    parser.add_argument("--now", type=control.parse_now, help="freeze the calendar at this time, ISO 8601")
    parser.add_argument("--posts", type=int, help="items that every account has before 2025")
    parser.add_argument("--scale",
                        type=scale_rule,
                        action="append",
                        default=[],
                        metavar="RULE",
                        help=scale_rule.__doc__)
    parser.add_argument("--deezer-quota",
                        action="store_true",
                        help="enforce Deezer's 50 requests in 5 seconds")
    parser.add_argument("--limits", action="store_true", help="enforce the rate limits of X and Tidal")
    parser.add_argument("--no-gzip", action="store_true", help="never compress")
    parser.add_argument("--with-parent", action="store_true", help="quit when the parent process is gone")
    options = parser.parse_args(argv)
    if options.posts is not None:
        options.scale.insert(0, (0, ids.TOO_LARGE, {"posts": options.posts}))
    return options


async def run(options):
    simulator = Simulator(options)
    listener, port = await simulator.server.start(options.port)
    if options.port_file:
        with open(options.port_file + ".new", "w") as out:
            out.write(f"{port}\n")
        os.rename(options.port_file + ".new", options.port_file)
    else:
        print(f"http://127.0.0.1:{port}", flush=True)
    stop = asyncio.get_running_loop().create_future()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, lambda: stop.done() or stop.set_result(None))
    parent = os.getppid()
    while not stop.done():
        if options.with_parent and os.getppid() != parent:
            break
        await asyncio.wait([stop], timeout=0.5 if options.with_parent else None)
    listener.close()


if __name__ == "__main__":
    asyncio.run(run(arguments()))
