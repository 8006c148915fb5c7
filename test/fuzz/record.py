#!/usr/bin/env python3
"""A proxy before the simulator that keeps what it answers, as seeds for the fuzzers of answers (see record).

    record.py SIMULATOR PORT_FILE

It forwards every request and shortens the lists of what comes back, for the collector as well; POST /_record/take hands over, and forgets, the conversation since the last call, in the form that
backend.c reads: "PATH STATUS", the headers that platforms judge by, an empty line, the body; answers parted by "====".
"""
import http.client
import http.server
import json
import sys
import urllib.parse

simulator = urllib.parse.urlsplit(sys.argv[1])
kept = []

# What classify() and limits() read, besides the body.
TOLD = ("retry-after", "date", "x-", "link", "www-authenticate")


def shorten(value):
    if isinstance(value, list):
        return [shorten(v) for v in value[:3]]
    return {k: shorten(v) for k, v in value.items()} if isinstance(value, dict) else value


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/_record/take":
            text = "\n====\n".join(kept).encode()
            kept.clear()
            self.answer(200, [], text)
            return
        there = http.client.HTTPConnection(simulator.hostname, simulator.port)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding", "content-length")}
        there.request(self.command, self.path, body or None, headers)
        answer = there.getresponse()
        data = answer.read()
        there.close()
        try:
            data = json.dumps(shorten(json.loads(data)), separators=(",", ":"), ensure_ascii=False).encode()
        except ValueError:
            pass
        if not self.path.startswith("/_"):
            # the first part of the path is the host: https://HOST/PATH comes as /HOST/PATH
            path = "/" + self.path.split("?")[0].lstrip("/").partition("/")[2]
            told = "".join("%s: %s\n" % (k, v) for k, v in answer.getheaders() if k.lower().startswith(TOLD))
            kept.append("%s %d\n%s\n%s" % (path, answer.status, told, data.decode("utf-8", "replace")))
        self.answer(answer.status, answer.getheaders(), data)

    def answer(self, status, headers, data):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "keep-alive"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = forward

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
with open(sys.argv[2], "w") as file:
    file.write(str(server.server_address[1]))
server.serve_forever()
