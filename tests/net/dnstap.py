#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a file of Frame Streams with dnstap and prints an object of JSON a line.

Knows nothing of how it was written: frames by fstrm's description, fields by the public schema."""
import json
import socket
import struct
import sys

TYPES = {1: "AUTH_QUERY", 2: "AUTH_RESPONSE"}
PROTOCOLS = {1: "UDP", 2: "TCP", 3: "DOT"}


def varint(b, at):
    n = shift = 0
    while True:
        n |= (b[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not b[at - 1] & 0x80:
            return n, at


def fields(b):
    out, at = {}, 0
    while at < len(b):
        key, at = varint(b, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(b, at)
        elif kind == 2:
            size, at = varint(b, at)
            value, at = b[at : at + size], at + size
            assert len(value) == size
        elif kind == 5:
            value, at = struct.unpack("<I", b[at : at + 4])[0], at + 4
        else:
            raise ValueError("wire type %d" % kind)
        assert key >> 3 not in out
        out[key >> 3] = value
    return out


def frames(f):
    """Data frames; the last control frame must be STOP (or FINISH)."""
    last = None
    while True:
        size = f.read(4)
        if not size:
            break
        (n,) = struct.unpack("!I", size)
        if n:
            data = f.read(n)
            assert len(data) == n, "cut"
            yield data
            continue
        (n,) = struct.unpack("!I", f.read(4))
        body = f.read(n)
        last = struct.unpack("!I", body[:4])[0]
        if last == 2:  # START
            assert b"protobuf:dnstap.Dnstap" in body
    assert last == 3, "no STOP at the end"


def dns(m):
    if not m:
        return {}
    name, at = [], 12
    while m[at]:
        name.append(m[at + 1 : at + 1 + m[at]].decode())
        at += 1 + m[at]
    return {"id": m[0] << 8 | m[1], "qr": m[2] >> 7, "rcode": m[3] & 15, "name": ".".join(name),
            "answers": m[6] << 8 | m[7], "bytes": len(m)}


def address(b):
    return socket.inet_ntop(socket.AF_INET if len(b) == 4 else socket.AF_INET6, b)


for frame in frames(open(sys.argv[1], "rb")):
    top = fields(frame)
    m = fields(top[14])
    assert top[15] == 1
    assert m[2] == (1 if len(m[4]) == 4 else 2)
    print(json.dumps({
        "identity": top[1].decode(), "version": top[2].decode(),
        "type": TYPES[m[1]], "protocol": PROTOCOLS[m[3]],
        "client": address(m[4]), "server": address(m[5]), "client_port": m[6], "server_port": m[7],
        "asked": m[8] + m[9] / 1e9, "answered": m[12] + m[13] / 1e9 if 12 in m else None,
        "query": dns(m.get(10)), "answer": dns(m.get(14)),
    }))
