#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tamper.py PORT SERVER TYPE: a way to a DNS server (UDP, 127.0.0.1) that changes one bit of every
signature over records of that type, by number (0: of none)."""
import socket
import struct
import sys

port, server, covered = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def skip_name(m, at):
    while m[at]:
        if m[at] >= 0xC0:
            return at + 2
        at += 1 + m[at]
    return at + 1


def change(m):
    m = bytearray(m)
    at = skip_name(m, 12) + 4
    for _ in range(sum(struct.unpack("!HHH", m[6:12]))):
        at = skip_name(m, at)
        kind, _, _, size = struct.unpack("!HHIH", m[at : at + 10])
        at += 10 + size
        if kind == 46 and struct.unpack("!H", m[at - size : at - size + 2])[0] == covered:
            m[at - 1] ^= 1
    return bytes(m)


here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("127.0.0.1", port))
there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
there.connect((server, 53))
there.settimeout(5)
while True:
    query, client = here.recvfrom(65535)
    there.send(query)
    try:
        answer = there.recv(65535)
        while answer[:2] != query[:2]:  # to one that was given up
            answer = there.recv(65535)
        here.sendto(change(answer), client)
    except socket.timeout:
        pass
