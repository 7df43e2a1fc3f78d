#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who answers whom: clients of many addresses, each of them by several connections.

  who.py VIP FIRST COUNT HTTP_PORT UDP_PORT

Client addresses are FIRST and those after it. For each a line: the address, and every server that
answered it, once: by HTTP (nginx's /name, two connections) and by UDP (weirload serve). A failure
is an answer too.
"""
import ipaddress
import socket
import struct
import sys

vip, first, count, http, udp = sys.argv[1:]


def by_http(source):
    with socket.create_connection((vip, int(http)), 3, (source, 0)) as s:
        s.sendall(b"GET /name HTTP/1.0\r\nHost: x\r\n\r\n")
        data = b""
        while part := s.recv(4096):
            data += part
    return data.split(b"\r\n\r\n", 1)[1].decode().strip()


def by_udp(source):
    family = socket.AF_INET6 if ":" in vip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.bind((source, 0))
        s.connect((vip, int(udp)))
        s.send(struct.pack("=QQ8s", 1, 1, b""))
        return struct.unpack("=QQ8s", s.recv(64))[2].rstrip(b"\0").decode()


for n in range(int(count)):
    source = str(ipaddress.ip_address(first) + n)
    names = set()
    for ask in by_http, by_udp, by_http:
        try:
            names.add(ask(source))
        except OSError as e:
            names.add("failed:" + type(e).__name__)
    print(source, *sorted(names))
