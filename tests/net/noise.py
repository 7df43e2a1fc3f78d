#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes that mean nothing, the same for the same seed.

noise.py config KIND SEED              64 KiB to standard output
noise.py mutate SEED <FILE             FILE with some bytes changed, dropped, repeated
noise.py udp ADDRESS PORT COUNT SEED   datagrams
noise.py tcp ADDRESS PORT COUNT SEED   connections, each of up to 64 KiB
noise.py packets INTERFACE MAC VIP4 VIP6 COUNT SEED   frames to a balancer
noise.py flood INTERFACE MAC VIP4 COUNT SEED   TCP SYNs for port 80, each of another client
noise.py pipeline ADDRESS PORT NAME    three queries in one TCP write; prints the answers' ids
"""
import random
import socket
import struct
import sys

SIZE = 65536
QUERY = bytes.fromhex("1234010000010000000000000377777707657861") + b"mple\x03org\x00\x00\x01\x00\x01"


def rnd(seed):
    return random.Random("weir %s" % seed)


def config(kind, seed):
    r = rnd(seed)
    if kind == "bytes":
        return r.randbytes(SIZE)
    if kind == "text":
        return bytes(r.choice(b" \n\n:-[]{},&*!|>'\"%@`#abcdef0123456789\t") for _ in range(SIZE))
    if kind == "deep":
        return r.choice([b"[", b"{a: ", b"- ", b"? ", b"[[{"]) * SIZE
    if kind == "wide":
        return b"pools:\n" + b"  - {}\n" * (SIZE // 7)
    if kind == "aliases":
        text = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for i in range(1, 40):
            text += b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 10))
        return text
    if kind == "keys":
        return b"".join(b"k%d: %d\n" % (r.randrange(10**9), i) for i in range(4000))
    raise SystemExit("no kind " + kind)


def mutate(seed, data):
    r = rnd(seed)
    data = bytearray(data)
    for _ in range(r.randrange(1, 12)):
        at = r.randrange(len(data))
        n = r.randrange(1, 40)
        what = r.randrange(4)
        if what == 0:
            data[at] = r.randrange(256)
        elif what == 1:
            del data[at : at + n]
        elif what == 2:
            data[at:at] = data[max(0, at - n) : at]
        else:
            data[at:at] = r.choice([b"\x00", b"\xff\xfe", b"9" * 40, b"-1", b"~", b"[]", b"{", b"1e999", b"&a *a"])
        if not data:
            data = bytearray(b"x")
    return bytes(data)


def datagram(r):
    """Noise, or a query with noise in it."""
    if r.randrange(2):
        return r.randbytes(r.choice([0, 1, 11, 12, 13, 17, 40, 512, 1232, 4096, r.randrange(9000)]))
    data = bytearray(QUERY)
    for _ in range(r.randrange(1, 4)):
        data[r.randrange(len(data))] = r.randrange(256)
    if r.randrange(3) == 0:
        data = data[: r.randrange(len(data))]
    if r.randrange(3) == 0:
        data += r.randbytes(r.randrange(60))
    return bytes(data)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp(address, port, count, seed):
    r = rnd(seed)
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.setblocking(False)
    for _ in range(count):
        s.sendto(datagram(r), (address, port))
        try:
            s.recv(65536)
        except BlockingIOError:
            pass


def tcp(address, port, count, seed):
    r = rnd(seed)
    for i in range(count):
        with socket.socket(family(address), socket.SOCK_STREAM) as s:
            s.settimeout(0.05)
            s.connect((address, port))
            try:
                if i % 2:
                    s.sendall(r.randbytes(r.randrange(SIZE)))
                else:
                    for _ in range(r.randrange(1, 30)):
                        d = datagram(r)
                        s.sendall(struct.pack("!H", len(d)) + d)
                while s.recv(65536):
                    pass
            except OSError:
                pass  # closed on us or no answer: as it should be


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(r, vip4, vip6):
    """What follows the MAC addresses: noise at every depth of a packet for a VIP."""
    body = r.randbytes(r.choice([0, 1, 3, 4, 8, 12, 19, 20, 40, 100, r.randrange(1400)]))
    ports = struct.pack("!HH", r.randrange(65536), r.choice([80, 9000, r.randrange(65536)]))
    what = r.randrange(8)
    if what == 0:
        return r.choice([b"\x08\x00", b"\x86\xdd", b"\x81\x00\x00\x01\x08\x00", r.randbytes(2)]) + body
    proto = r.choice([6, 17, 6, 17, 1, 58, 4, 41, 47, r.randrange(256)])
    if what < 5:
        ihl = r.choice([5, 5, 5, 5, 6, 15, r.randrange(16)])
        options = r.randbytes(max(0, ihl - 5) * 4)
        length = r.choice([20 + len(options) + len(ports + body), r.randrange(65536)])
        fragment = r.choice([0, 0, 0, 0x4000, 0x2000, r.randrange(65536)])
        header = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, length, r.randrange(65536), fragment, 64, proto, 0,
                             r.randbytes(4), socket.inet_aton(vip4))
        if r.randrange(2):
            header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
        packet = b"\x08\x00" + header + options + ports + body
    else:
        proto = r.choice([proto, 0, 43, 44, 50, 51, 60, 135])
        length = r.choice([len(ports + body), r.randrange(65536)])
        header = struct.pack("!IHBB16s16s", 0x60000000 | r.randrange(1 << 20), length, proto, 64, r.randbytes(16),
                             socket.inet_pton(socket.AF_INET6, vip6))
        packet = b"\x86\xdd" + header + ports + body
    return packet[: r.randrange(2, len(packet) + 1)] if r.randrange(3) == 0 else packet


def packets(interface, mac, vip4, vip6, count, seed):
    r = rnd(seed)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((interface, 0))
    to = bytes.fromhex(mac.replace(":", ""))
    for _ in range(count):
        s.send(to + b"\x02\x00\x00\x00\x00\x99" + frame(r, vip4, vip6))


def flood(interface, mac, vip4, count, seed):
    r = rnd(seed)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((interface, 0))
    to = bytes.fromhex(mac.replace(":", "")) + b"\x02\x00\x00\x00\x00\x99\x08\x00"
    head = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0x4000, 64, 6, 0)
    for _ in range(count):
        source = bytes((203, 0, 113, r.randrange(16, 255)))
        ip = head + source + socket.inet_aton(vip4)
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        tcp = struct.pack("!HHIIBBHHH", r.randrange(1024, 65536), 80, r.randrange(1 << 32), 0, 0x50, 2, 64240, 0, 0)
        s.send(to + ip + tcp)


def pipeline(address, port, name):
    question = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0\0\x01\0\x01"
    sent = b""
    for i in (1, 2, 3):
        q = struct.pack("!HHHHHH", i, 0x100, 1, 0, 0, 0) + question
        sent += struct.pack("!H", len(q)) + q
    with socket.socket(family(address), socket.SOCK_STREAM) as s:
        s.settimeout(3)
        s.connect((address, port))
        s.sendall(sent)
        got, ids = b"", []
        while len(ids) < 3:
            got += s.recv(65536) or sys.exit("closed after %s" % ids)
            while len(got) >= 2 and len(got) >= 2 + struct.unpack("!H", got[:2])[0]:
                n = struct.unpack("!H", got[:2])[0]
                ids.append(struct.unpack("!H", got[2:4])[0])
                got = got[2 + n :]
    print(*sorted(ids))


def main(command, *a):
    if command == "config":
        sys.stdout.buffer.write(config(a[0], a[1]))
    elif command == "mutate":
        sys.stdout.buffer.write(mutate(a[0], sys.stdin.buffer.read()))
    elif command == "udp":
        udp(a[0], int(a[1]), int(a[2]), a[3])
    elif command == "tcp":
        tcp(a[0], int(a[1]), int(a[2]), a[3])
    elif command == "packets":
        packets(a[0], a[1], a[2], a[3], int(a[4]), a[5])
    elif command == "flood":
        flood(a[0], a[1], a[2], int(a[3]), a[4])
    elif command == "pipeline":
        pipeline(a[0], int(a[1]), a[2])
    else:
        raise SystemExit(__doc__)


main(*sys.argv[1:])
