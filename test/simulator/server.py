"""A lean HTTP/1.1 server on asyncio: keep-alive, pipelining, gzip, and the ways in which an answer can go
wrong.

It knows nothing of platforms: it parses requests, asks a handler for a Response and writes it. A Response
may carry a `failure` (a delay, a reset, a cut body, no answer at all), which this file acts out on the
wire.
"""

import asyncio
import gzip
import json
import struct
import socket
from urllib.parse import parse_qsl, unquote

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 302: "Found", 304: "Not Modified",
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    413: "Payload Too Large", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout"
}
MAX_REQUEST = 1 << 20
GZIP_FROM = 1024


class Request:
    """One request: host and path as the real host would see them, query and form as dicts of single
    values."""
    __slots__ = ("method", "host", "path", "query_string", "headers", "body", "_query", "_form", "account",
                 "token", "member_of", "rate")

    def __init__(self, method, target, headers, body):
        self.method = method
        location, _, self.query_string = target.partition("?")
        parts = location.split("/", 2)
        self.host = parts[1] if len(parts) > 1 else ""
        self.path = "/" + (parts[2] if len(parts) > 2 else "")
        self.headers = headers
        self.body = body
        self._query = self._form = None
        self.account = self.token = self.member_of = self.rate = None

    @property
    def query(self):
        if self._query is None:
            self._query = dict(parse_qsl(self.query_string, keep_blank_values=True))
        return self._query

    @property
    def form(self):
        if self._form is None:
            kind = self.headers.get("content-type", "")
            if "json" in kind:
                try:
                    self._form = json.loads(self.body)
                except ValueError:
                    self._form = {}
            else:
                self._form = dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return self._form

    @property
    def segments(self):
        return [unquote(s) for s in self.path.split("/") if s]

    @property
    def bearer(self):
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return value.strip() if kind.lower() in ("bearer", "oauth") and value else None


class Response:
    """Status, body (bytes, text, or an object that becomes JSON), headers, and how the delivery fails, if
    it does."""
    __slots__ = ("status", "body", "headers", "failure")

    def __init__(self,
                 status=200,
                 body=b"",
                 headers=None,
                 content_type="application/json; charset=utf-8",
                 failure=None):
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogatepass")
        elif not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":")).encode()
        self.status = status
        self.body = body
        self.headers = dict(headers or {})
        if body and "Content-Type" not in self.headers:
            self.headers["Content-Type"] = content_type
        self.failure = failure or {}


class Connection(asyncio.Protocol):
    """One client connection. Requests of a pipeline are answered in order; a delayed answer holds the
    later ones."""

    def __init__(self, server):
        self.server = server
        self.buffer = b""
        self.waiting = None  # the timer of a delayed answer
        self.hanging = False

    def connection_made(self, transport):
        self.transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.opened(self)

    def connection_lost(self, exc):
        if self.waiting:
            self.waiting.cancel()
        self.server.closed(self)

    def data_received(self, data):
        self.buffer += data
        if self.waiting is None and not self.hanging:
            self.serve()

    def serve(self):
        while self.buffer and self.waiting is None and not self.hanging and not self.transport.is_closing():
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self.buffer) > MAX_REQUEST:
                    self.transport.abort()
                return
            lines = self.buffer[:end].decode("latin-1").split("\r\n")
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            try:
                method, target, version = lines[0].split(" ", 2)
                length = int(headers.get("content-length", 0))
            except ValueError:
                self.transport.abort()
                return
            if headers.get("expect") == "100-continue" and len(self.buffer) == end + 4 and length:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4:end + 4 + length]
            self.buffer = self.buffer[end + 4 + length:]
            close = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
            self.answer(Request(method, target, headers, body), close)

    def answer(self, request, close):
        response = self.server.handle(request)
        delay = response.failure.get("delay", 0)
        if delay:
            self.waiting = asyncio.get_running_loop().call_later(delay, self.after_delay, request, response,
                                                                 close)
        else:
            self.deliver(request, response, close)

    def after_delay(self, request, response, close):
        self.waiting = None
        self.deliver(request, response, close)
        self.serve()

    def deliver(self, request, response, close):
        failure = response.failure
        if failure.get("hang"):
            self.hanging = True
            return
        if failure.get("reset"):
            self.reset()
            return
        body = response.body
        head = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}"]
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        if len(body) >= GZIP_FROM and "gzip" in request.headers.get("accept-encoding",
                                                                    "") and self.server.gzip:
            body = gzip.compress(body, 1)
            head.append("Content-Encoding: gzip")
        if response.status not in (204, 304):
            head.append(f"Content-Length: {len(body)}")
        if close:
            head.append("Connection: close")
        if request.method == "HEAD":
            body = b""
        if failure.get("truncate"):
            body = body[:len(body) // 2]
            close = True
        self.transport.write("\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + body)
        if close:
            self.transport.close()

    def reset(self):
        """Closes with RST: linger zero."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Server:
    """Counts connections and passes requests to `handle` (Request -> Response), which must not block."""

    def __init__(self, handle, use_gzip=True):
        self.handle = handle
        self.gzip = use_gzip
        self.connections = set()
        self.max_connections = 0
        self.total_connections = 0

    def opened(self, connection):
        self.connections.add(connection)
        self.total_connections += 1
        self.max_connections = max(self.max_connections, len(self.connections))

    def closed(self, connection):
        self.connections.discard(connection)

    async def start(self, port):
        """Listens on 127.0.0.1:port (0: a free one) and returns the asyncio server and the port."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Connection(self), "127.0.0.1", port, backlog=1024)
        return listener, listener.sockets[0].getsockname()[1]
