#!/usr/bin/env python3
"""An HTTP server that misbehaves on request, for the tests of src/http.

    server.py [--tls CERT KEY] PORTFILE

Listens on a free port of 127.0.0.1 and writes its number to PORTFILE. The last word of the path says what it does; see
the functions named do_*. /stats tells what it has seen.
"""

import asyncio
import gzip
import json
import os
import socket
import ssl
import struct
import sys
import urllib.parse

seen = {"connections": 0, "open": 0, "open_max": 0, "requests": 0, "active": 0, "active_max": 0}


def answer(body=b"", status="200 OK", headers=()):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Close(Exception):
    """Ends the connection."""


async def do_ok(request, writer):
    writer.write(answer(b'{"ok": true}', headers=["Content-Type: application/json"]))


async def do_echo(request, writer):
    body = json.dumps({"method": request["method"], "path": request["path"], "headers": request["headers"],
                       "body": request["body"].decode()})
    writer.write(answer(body.encode()))


async def do_slow(request, writer):
    await asyncio.sleep(float(request["query"].get("s", "0.2")))
    writer.write(answer(b"slow"))


async def until_closed(request):
    await request["reader"].read(1)
    raise Close


async def do_hang(request, writer):
    await until_closed(request)


async def do_stall(request, writer):
    """Half a body, then silence."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    await until_closed(request)


async def do_reset(request, writer):
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise Close


async def do_close(request, writer):
    raise Close


async def do_truncated(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    raise Close


async def do_garbage(request, writer):
    writer.write(os.urandom(16).replace(b"H", b"h") + b"\0\r\nthis is no HTTP\r\n\r\n")
    raise Close


async def do_badgzip(request, writer):
    writer.write(answer(b"this was never compressed", headers=["Content-Encoding: gzip"]))


async def do_gzip(request, writer):
    writer.write(answer(gzip.compress(b"x" * 50000), headers=["Content-Encoding: gzip"]))


# Made beforehand: it takes a part of the time that a test gives to an answer.
BOMB = gzip.compress(b"\0" * (20 << 20))


async def do_bomb(request, writer):
    """20 kB on the wire, 20 MB when unpacked."""
    writer.write(answer(BOMB, headers=["Content-Encoding: gzip"]))


async def do_big(request, writer):
    writer.write(answer(b"x" * (9 << 20)))


async def do_bigchunked(request, writer):
    """9 MB that do not announce themselves."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(9):
        writer.write(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")


async def do_atcap(request, writer):
    writer.write(answer(b"x" * int(request["query"]["bytes"])))


async def do_headers(request, writer):
    writer.write(answer(b"", headers=[f"X-{i}: {'y' * 1000}" for i in range(100)]))


async def do_interim(request, writer):
    writer.write(b"HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\nX-Only-Early: yes\r\n\r\n")
    writer.write(answer(b"final", "429 Too Many Requests", ["retry-AFTER:   77  "]))


async def do_redirect(request, writer):
    writer.write(answer(b"", "302 Found", ["Location: /host.invalid/ok"]))


async def do_empty(request, writer):
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def do_error(request, writer):
    writer.write(answer(b'{"error": 1}', "503 Service Unavailable"))


async def do_stats(request, writer):
    writer.write(answer(json.dumps(seen).encode()))


async def do_forget(request, writer):
    for key in ("connections", "requests", "open_max", "active_max"):
        seen[key] = 0
    seen["open_max"] = seen["open"]
    writer.write(answer(b""))


async def read_request(reader):
    line = (await reader.readline()).decode()
    if not line:
        raise Close
    method, target, _ = line.split()
    headers = {}
    while (line := (await reader.readline()).decode().rstrip("\r\n")):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urllib.parse.urlsplit(target)
    return {"method": method, "path": url.path, "query": dict(urllib.parse.parse_qsl(url.query)),
            "headers": headers, "body": body, "reader": reader}


async def serve(reader, writer):
    seen["connections"] += 1
    seen["open"] += 1
    seen["open_max"] = max(seen["open_max"], seen["open"])
    try:
        while True:
            request = await read_request(reader)
            act = globals().get("do_" + request["path"].rsplit("/", 1)[-1], do_ok)
            seen["requests"] += 1
            seen["active"] += 1
            seen["active_max"] = max(seen["active_max"], seen["active"])
            try:
                await act(request, writer)
                await writer.drain()
            finally:
                seen["active"] -= 1
    except (Close, OSError, asyncio.IncompleteReadError):
        pass
    finally:
        seen["open"] -= 1
        writer.close()


async def main():
    arguments = sys.argv[1:]
    tls = None
    if arguments[0] == "--tls":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments[1], arguments[2])
        arguments = arguments[3:]
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    with open(arguments[0] + ".new", "w") as file:
        file.write(str(port))
    os.rename(arguments[0] + ".new", arguments[0])
    async with server:
        await server.serve_forever()


asyncio.run(main())
