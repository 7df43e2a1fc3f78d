#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS over TLS by hand, to a server whose certificate is not looked at.

dot.py pipeline ADDRESS NAME        three queries in one record; prints the answers' ids
dot.py held ADDRESS NAME FILE GO    a query, then waits for FILE and makes GO, then another query on
                                    the same connection; prints both answers' ids
dot.py silent ADDRESS               says nothing; prints after how many seconds it is closed
dot.py many ADDRESS COUNT [SOURCE...]  connections at a time, from these addresses in turn; prints
                                    how many get a handshake
dot.py crowd ADDRESS NAME LEAST SOURCE...  32 connections from each but the last one, without TLS;
                                    prints how many answers the last one gets at once, and how many
                                    after the others were idle for LEAST seconds
dot.py clear ADDRESS NAME           a query without TLS; prints how many bytes of DNS come back
"""
import os
import socket
import ssl
import struct
import sys
import time

PORT = 853


def query(name, ident):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    q = struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
    return struct.pack("!H", len(q)) + q


def connect(address, source=None):
    ctx = ssl.create_default_context()
    ctx.check_hostname = False
    ctx.verify_mode = ssl.CERT_NONE
    return ctx.wrap_socket(socket.create_connection((address, PORT), 5, source and (source, 0)))


def exactly(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def ident(s):
    return struct.unpack("!H", exactly(s, struct.unpack("!H", exactly(s, 2))[0])[:2])[0]


def pipeline(address, name):
    s = connect(address)
    s.sendall(b"".join(query(name, i) for i in (1, 2, 3)))
    print(ident(s), ident(s), ident(s))


def held(address, name, ready, go):
    s = connect(address)
    s.sendall(query(name, 1))
    first = ident(s)
    open(ready, "w").close()
    while not os.path.exists(go):
        time.sleep(0.02)
    s.sendall(query(name, 2))
    print(first, ident(s))


def silent(address):
    began = time.monotonic()
    s = socket.create_connection((address, PORT), 5)
    s.settimeout(30)
    s.recv(1)
    print(int(time.monotonic() - began))


def many(address, count, *sources):
    kept = []
    for i in range(int(count)):
        try:
            kept.append(connect(address, sources[i % len(sources)] if sources else None))
        except OSError:
            pass
    print(len(kept))


def ask(address, name, source):
    s = socket.create_connection((address, 53), 5, (source, 0))
    s.sendall(query(name, 1))
    try:
        return ident(s)
    except (EOFError, ConnectionResetError):
        return 0


def crowd(address, name, least, *sources):
    kept = []
    for source in sources[:-1]:
        for _ in range(32):
            s = socket.create_connection((address, 53), 5, (source, 0))
            s.sendall(query(name, 1))
            ident(s)
            kept.append(s)
    first = ask(address, name, sources[-1])
    time.sleep(float(least))
    print(first, ask(address, name, sources[-1]))


def clear(address, name):
    s = socket.create_connection((address, PORT), 5)
    s.sendall(query(name, 1))
    got = b""
    try:
        while True:
            more = s.recv(4096)
            if not more:
                break
            got += more
    except ConnectionResetError:
        pass
    print(0 if got[:1] == b"\x15" or not got else len(got))  # an alert of TLS is no DNS


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
