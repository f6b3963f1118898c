#!/usr/bin/env python3
"""faultserver: an HTTP server that misbehaves as its caller asks. Python 3's standard library only; 127.0.0.1, free ports.

    faultserver.py READY LOG [CERT KEY]

READY gets one JSON object with the ports once all listen: http, full (never accepts: connecting hangs), h2 (HTTP/2 in clear
text), and with CERT and KEY https, h2s, and h2rude, which says GOAWAY. LOG gets one JSON object for each request. The path chooses the fault; see ROUTES
at the end. Ends when its parent does.
"""
import asyncio
import gzip
import json
import os
import socket
import ssl
import struct
import sys
import time
import urllib.parse
import zlib
from email.utils import formatdate

HITS = {}  # key -> requests so far
LOG = None
REASONS = {200: "OK", 302: "Found", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


class Exchange:
    """One request, and the connection to answer it on."""

    def __init__(self, reader, writer, method, target, headers, body, nth):
        self.reader, self.writer = reader, writer
        self.method, self.target, self.headers, self.body, self.nth = method, target, headers, body, nth
        url = urllib.parse.urlsplit(target)
        self.path = url.path
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        self.keep = True

    def raw(self, data):
        self.writer.write(data)

    def head(self, status=200, headers=(), version="1.1"):
        lines = [f"HTTP/{version} {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{k}: {v}" for k, v in headers]
        self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def answer(self, body=b"", status=200, kind="application/json", headers=()):
        if isinstance(body, str):
            body = body.encode()
        self.head(status, [("Content-Type", kind), ("Content-Length", len(body)), *headers])
        if self.method != "HEAD":
            self.raw(body)

    async def drain(self):
        await self.writer.drain()

    def reset(self):
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        self.keep = False


async def forever():
    await asyncio.sleep(3600)


def hit(key):
    HITS[key] = HITS.get(key, 0) + 1
    return HITS[key]


# --- what works ---------------------------------------------------------------------------------------------------------


async def ok(x):
    x.answer(json.dumps({"ok": True, "id": x.query.get("id")}))


async def small(x):
    """381 bytes of JSON, which are an answer."""
    text = json.dumps({"id": 1, "text": ""})
    x.answer(text[:-2] + "x" * (381 - len(text)) + text[-2:])


async def status(x):
    x.answer(json.dumps({"error": "as asked"}), status=int(x.path.rsplit("/", 1)[1]))


async def text(x):
    x.answer(x.query.get("body", "plain text"), kind=x.query.get("type", "text/plain"))


async def binary(x):
    x.answer(bytes(range(256)), kind="application/octet-stream")


async def size(x):
    n = int(x.query["n"])
    x.answer(b"0123456789abcdef" * (n // 16) + b"." * (n % 16), kind="text/plain")


async def echo(x):
    x.answer(json.dumps({"method": x.method, "target": x.target, "headers": x.headers, "body": x.body.decode("utf-8", "replace")}))


ACTIVE = {}  # key -> requests being answered; and the most at once


async def slow(x):
    """/slow?s=0.2&key=K answers after a while, and tells how many of key K were being answered when it came."""
    key = x.query.get("key", "")
    ACTIVE[key] = ACTIVE.get(key, 0) + 1
    together = ACTIVE[key]
    await asyncio.sleep(float(x.query.get("s", "0.2")))
    ACTIVE[key] -= 1
    x.answer(json.dumps({"id": x.query.get("id"), "together": together}))


async def zipped(x):
    """?coding=gzip|deflate|raw|members, or any other name for text as it is; ?cut=N leaves N bytes off, ?more=1 puts some behind."""
    text, coding = b'{"zipped": true}', x.query.get("coding", "gzip")
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = {"gzip": gzip.compress(text), "deflate": zlib.compress(text), "raw": pack.compress(text) + pack.flush(),
              "members": gzip.compress(text[:7]) + gzip.compress(text[7:])}.get(coding, text)
    packed = packed[: len(packed) - int(x.query.get("cut", "0"))] + b"more" * int(x.query.get("more", "0"))
    name = {"raw": "deflate", "members": "gzip"}.get(coding, coding)
    x.answer(packed, headers=[("Content-Encoding", name)])


async def connect(x):
    """As a proxy that will not."""
    x.answer("no way through", status=407, headers=[("Retry-After", "1")])


# --- what comes and goes ------------------------------------------------------------------------------------------------


async def flaky(x):
    """/flaky?key=K&n=2&status=503&after=VALUE: the first n requests fail."""
    if hit("flaky " + x.query["key"]) <= int(x.query.get("n", "1")):
        after = x.query.get("after")
        if after and after.startswith("date+"):
            after = formatdate(time.time() + int(after[5:]), usegmt=True)
        x.answer('{"busy": true}', status=int(x.query.get("status", "503")), headers=[("Retry-After", after)] if after is not None else [])
    else:
        x.answer('{"ok": true}')


async def invalid_once(x):
    x.answer("<html>busy</html>" if hit("invalid " + x.query["key"]) == 1 else '{"a": {"b": [{"c": 1}]}}')


async def stale(x):
    """The first request of a connection is answered; the second finds it closed."""
    if x.nth == 1:
        x.answer('{"ok": true}')
    else:
        x.writer.transport.abort()
        x.keep = False


# --- what hangs ---------------------------------------------------------------------------------------------------------


async def hang(x):
    await forever()


async def hang_headers(x):
    x.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/pl")
    await x.drain()
    await forever()


async def hang_body(x):
    x.head(200, [("Content-Length", "1000")])
    x.raw(b"x" * 500)
    await x.drain()
    await forever()


async def drip(x):
    x.head(200, [("Content-Length", "100000")])
    while True:
        x.raw(b"x")
        await x.drain()
        await asyncio.sleep(0.05)


async def drip_headers(x):
    x.raw(b"HTTP/1.1 200 OK\r\n")
    while True:
        x.raw(b"X-Drip: 1\r\n")
        await x.drain()
        await asyncio.sleep(0.05)


# --- what breaks ----------------------------------------------------------------------------------------------------------


async def reset(x):
    x.reset()


async def reset_body(x):
    x.head(200, [("Content-Length", "1000")])
    x.raw(b"x" * 500)
    await x.drain()
    await asyncio.sleep(0.05)
    x.reset()


async def close_at_once(x):
    x.keep = False


async def truncated(x):
    x.head(200, [("Content-Type", "application/json"), ("Content-Length", "1000")])
    x.raw(b'{"half": ')
    x.keep = False


async def truncated_close(x):
    """The body ends with the connection: nobody can tell that it was cut."""
    x.head(200, [("Content-Type", "application/json")], version=x.query.get("http", "1.0"))
    x.raw(b'{"half": ' if x.query.get("whole") is None else b'{"half": 1}')
    x.keep = False


async def longer(x):
    x.head(200, [("Content-Type", "text/plain"), ("Content-Length", "5")])
    x.raw(b"0123456789")
    x.keep = False


async def bad_length(x):
    x.head(200, [("Content-Length", "5x"), ("Content-Length", "7")])
    x.raw(b"0123456789")
    x.keep = False


async def two_lengths(x):
    x.head(200, [("Content-Length", "5"), ("Content-Length", "7")])
    x.raw(b"0123456")
    x.keep = False


async def chunk_size(x):
    x.head(200, [("Transfer-Encoding", "chunked")])
    x.raw(b"5\r\nhello\r\nzz\r\n")
    x.keep = False


async def chunk_cut(x):
    x.head(200, [("Transfer-Encoding", "chunked")])
    x.raw(b"5\r\nhello\r\n64\r\nshort")
    x.keep = False


async def chunk_no_end(x):
    x.head(200, [("Transfer-Encoding", "chunked")])
    x.raw(b"5\r\nhello\r\n")
    x.keep = False


async def garbage(x):
    x.raw(b"this is not HTTP\r\n\r\n")
    x.keep = False


async def headers_without_end(x):
    x.raw(b"HTTP/1.1 200 OK\r\n")
    try:
        while True:
            x.raw(b"X-Fill: " + b"y" * 8000 + b"\r\n")
            await x.drain()
    except ConnectionError:
        pass
    x.keep = False


# --- what is large ----------------------------------------------------------------------------------------------------------


async def gzip_bomb(x):
    """Some 4 GiB of zeros in 4 MB."""
    x.head(200, [("Content-Type", "text/plain"), ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")])
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    try:
        for _ in range(4096):
            data = pack.compress(zeros)
            if data:
                x.raw(b"%x\r\n%s\r\n" % (len(data), data))
                await x.drain()
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    x.keep = False


async def big(x):
    """?n=BYTES of body, with ?length=1 announced, else chunked."""
    n = int(x.query.get("n", str(4 << 30)))
    block = b"z" * (1 << 20)
    if "length" in x.query:
        x.head(200, [("Content-Length", n)])
    else:
        x.head(200, [("Transfer-Encoding", "chunked")])
    try:
        while n > 0:
            part = block[: min(n, len(block))]
            x.raw(part if "length" in x.query else b"%x\r\n%s\r\n" % (len(part), part))
            await x.drain()
            n -= len(part)
        if "length" not in x.query:
            x.raw(b"0\r\n\r\n")
    except ConnectionError:
        x.keep = False


# --- redirects ----------------------------------------------------------------------------------------------------------------


async def redirect(x):
    """/redirect?n=3 counts down to /echo; ?to=URL goes there; ?loop=1 to itself."""
    if "to" in x.query:
        to = x.query["to"]
    elif "loop" in x.query:
        to = "/redirect?loop=1"
    else:
        n = int(x.query.get("n", "1"))
        to = f"/redirect?n={n - 1}" if n > 1 else "/echo"
    x.answer("<a>moved</a>", status=int(x.query.get("status", "302")), kind="text/html", headers=[("Location", to)])


ROUTES = {
    "/ok": ok, "/small": small, "/text": text, "/binary": binary, "/size": size, "/echo": echo, "/slow": slow, "/zipped": zipped,
    "/flaky": flaky, "/invalid-once": invalid_once, "/stale": stale,
    "/hang": hang, "/hang-headers": hang_headers, "/hang-body": hang_body, "/drip": drip, "/drip-headers": drip_headers,
    "/reset": reset, "/reset-body": reset_body, "/close": close_at_once, "/truncated": truncated, "/truncated-close": truncated_close,
    "/longer": longer, "/bad-length": bad_length, "/two-lengths": two_lengths, "/chunk-size": chunk_size, "/chunk-cut": chunk_cut, "/chunk-no-end": chunk_no_end,
    "/garbage": garbage, "/headers-without-end": headers_without_end, "/gzip-bomb": gzip_bomb, "/big": big, "/redirect": redirect,
}


def note(**what):
    LOG.write(json.dumps({"time": time.time(), **what}) + "\n")
    LOG.flush()


async def read_request(reader):
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers = {}
    while True:
        line = (await reader.readline()).decode("latin-1").strip()
        if not line:
            break
        key, _, value = line.partition(":")
        headers[key.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return method, target, headers, body


async def serve(reader, writer):
    nth = 0
    try:
        while True:
            request = await read_request(reader)
            if not request:
                break
            nth += 1
            x = Exchange(reader, writer, *request, nth)
            note(method=x.method, target=x.target, headers=x.headers, nbody=len(x.body), peer=writer.get_extra_info("peername")[1])
            route = status if x.path.startswith("/status/") else connect if x.method == "CONNECT" else ROUTES.get(x.path)
            if route:
                await route(x)
            else:
                x.answer('{"error": "no such path"}', status=404)
            if not x.keep:
                break
            await x.drain()
    except (ConnectionError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        writer.close()


# --- HTTP/2, as far as it is needed: frames of RFC 9113; answers use literal and indexed fields of RFC 7541 -----------------------


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def h2_answer(stream, body):
    fields = b"\x88" + b"\x0f\x10\x10application/json"  # :status 200; content-type (31) = literal of 16 bytes
    return frame(1, 4, stream, fields) + frame(0, 1, stream, body)


async def serve_h2_rude(reader, writer):
    """Every other connection answers two streams, then says GOAWAY for those beyond and leaves."""
    await serve_h2(reader, writer, rude=hit("rude") % 2 == 1)


async def serve_h2(reader, writer, rude=False):
    answered = 0
    try:
        await reader.readexactly(24)
        writer.write(frame(4, 0, 0))
        while True:
            head = await reader.readexactly(9)
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
            await reader.readexactly(length)
            if kind == 4 and not flags & 1:
                writer.write(frame(4, 1, 0))
            if kind == 6 and not flags & 1:
                writer.write(frame(6, 1, 0, b"\0" * 8))
            if kind == 1:
                note(h2=stream, rude=rude)
                if rude and answered == 2:
                    writer.write(frame(7, 0, 0, struct.pack(">II", stream - 2, 0)))
                    await writer.drain()
                    await asyncio.sleep(0.05)
                    break
                writer.write(h2_answer(stream, b'{"h2": %d}' % stream))
                answered += 1
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


# --- start ------------------------------------------------------------------------------------------------------------------------


def full_port():
    """A port whose queue is full: nobody is refused, nobody gets through."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = listener.getsockname()[1]
    fill = [listener]
    for _ in range(8):
        s = socket.socket()
        s.setblocking(False)
        try:
            s.connect(("127.0.0.1", port))
        except BlockingIOError:
            pass
        fill.append(s)
    return port, fill


def tls(cert, key, protocols):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(cert, key)
    c.set_alpn_protocols(protocols)
    return c


async def main(ready, log, cert=None, key=None):
    global LOG
    LOG = open(log, "a", encoding="utf-8")
    started = {"http": (serve, None), "h2": (serve_h2, None)}
    if cert:
        started["https"] = (serve, tls(cert, key, ["http/1.1"]))
        started["h2s"] = (serve_h2, tls(cert, key, ["h2"]))
        started["h2rude"] = (serve_h2_rude, tls(cert, key, ["h2"]))
    ports, keep = {}, []
    for name, (handler, context) in started.items():
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=context, backlog=4096)
        keep.append(server)
        ports[name] = server.sockets[0].getsockname()[1]
    ports["full"], filled = full_port()
    keep.append(filled)
    with open(ready + ".new", "w", encoding="utf-8") as f:
        json.dump(ports, f)
    os.rename(ready + ".new", ready)
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    os._exit(0)


asyncio.run(main(*sys.argv[1:]))
