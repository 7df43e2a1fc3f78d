#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of the agent's HTTP server that curl is too polite for.

  trickle WHAT ADDRESS PORT     a byte every 0.3 s of WHAT: hello (nothing but a TCP connection),
                                header (a request's, by TLS), body (of a request, the same); prints
                                how many ms it took until the server ended that
  again ADDRESS PORT TOKEN      a connection by TLS that asks whenever a line comes on standard input,
                                and prints the status and the serial number of its certificate;
                                ends with the connection
  hold N ADDRESS PORT FROM HALF N connections of the address FROM with half a request each, by TLS,
                                or half a handshake; prints how many the server keeps, then waits for
                                a line
  busy N SECONDS ADDRESS PORT FROM TOKEN PATH
                                N connections by TLS that ask for PATH again and again; prints
                                requests, failures, and the longest one in ms
  leave N ADDRESS PORT TOKEN    N writes whose clients are gone before the answer (clear text)
  order N ADDRESS PORT TOKEN    N writes of N connections, sent one right after the other, then all
                                answers: prints their statuses (clear text)

Certificates are not verified: curl does that."""
import asyncio
import json
import os
import socket
import ssl
import sys
import time

TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def get(token, path="/weir/v1/reasons"):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def put(token, name, text):
    body = json.dumps({"name": name, "description": text,
                       "origins": [{"name": "o", "address": "192.0.2.9"}]}).encode()
    return (f"PUT /weir/v1/objects/pool/{name} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n").encode() + body


def trickle(what, address, port):
    began = time.monotonic()
    s = socket.create_connection((address, int(port)), timeout=60)
    if what != "hello":
        s = TLS.wrap_socket(s)
    if what == "body":
        s.sendall(b"POST /weir/v1/objects/pool HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n")
    elif what == "header":
        s.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    s.settimeout(0.3)
    try:
        while time.monotonic() - began < 60:
            try:
                if not s.recv(4096):
                    break
            except TimeoutError:
                if what != "hello":
                    s.sendall(b"x")
    except OSError:
        pass
    print(round((time.monotonic() - began) * 1000))


async def answer(reader):
    """The status of one answer, which is read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    await reader.readexactly(int(fields.get("content-length", 0)))
    return int(head[0].split()[1])


async def again(address, port, token):
    reader, writer = await asyncio.open_connection(address, int(port), ssl=TLS)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    pem = ssl.DER_cert_to_PEM_cert(der)
    shown = await asyncio.create_subprocess_exec("openssl", "x509", "-noout", "-serial",
                                                 stdin=-1, stdout=-1)
    serial = (await shown.communicate(pem.encode()))[0].decode().strip()
    ended = asyncio.create_task(writer.wait_closed())
    while not ended.done():
        line = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        await asyncio.wait({line, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not line.done() or not line.result():
            break
        writer.write(get(token))
        print(await answer(reader), serial, flush=True)
    os._exit(0)  # a thread may still read


async def hold_one(address, port, source, half):
    tls = TLS if half == "request" else None
    reader, writer = await asyncio.open_connection(address, port, ssl=tls, local_addr=(source, 0))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" if tls else b"\x16\x03\x01\x02\x00\x01")
    await writer.drain()
    return reader, writer


async def hold(n, address, port, source, half):
    some = await asyncio.gather(*(hold_one(address, int(port), source, half)
                                  for _ in range(int(n))), return_exceptions=True)
    kept = [c for c in some if isinstance(c, tuple)]
    await asyncio.sleep(0.2)  # one that is refused is accepted first, and closed then
    print(sum(not r.at_eof() for r, _ in kept), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def busy_one(until, address, port, source, token, path, seen):
    try:
        reader, writer = await asyncio.open_connection(address, port, ssl=TLS,
                                                       local_addr=(source, 0))
        while time.monotonic() < until:
            began = time.monotonic()
            writer.write(get(token, path))
            status = await asyncio.wait_for(answer(reader), 30)
            seen["requests"] += 1
            seen["failed"] += status != 200
            seen["longest_ms"] = max(seen["longest_ms"], round((time.monotonic() - began) * 1000))
        writer.close()
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as e:
        seen["failed"] += 1
        seen["why"] = repr(e)


async def busy(n, seconds, address, port, source, token, path):
    seen = {"requests": 0, "failed": 0, "longest_ms": 0}
    until = time.monotonic() + float(seconds)
    await asyncio.gather(*(busy_one(until, address, int(port), source, token, path, seen)
                           for _ in range(int(n))))
    print(json.dumps(seen))


def leave(n, address, port, token):
    for i in range(int(n)):
        s = socket.create_connection((address, int(port)))
        s.sendall(put(token, "left", f"{i}"))
        if i % 2:  # with a reset
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()


def order(n, address, port, token):
    some = []
    for i in range(int(n)):
        s = socket.create_connection((address, int(port)), timeout=30)
        s.sendall(put(token, "ordered", f"{i}"))
        some.append(s)
    print(" ".join(s.makefile("rb").readline().split()[1].decode() for s in some))


what, args = sys.argv[1], sys.argv[2:]
done = {"trickle": trickle, "again": again, "hold": hold, "busy": busy, "leave": leave,
        "order": order}[what](*args)
if asyncio.iscoroutine(done):
    asyncio.run(done)
