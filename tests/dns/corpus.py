#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the questions of tests/dns/corpus to a server and compares what it says, in TAP.

corpus.py check ADDRESS [PORT]       every answer is the one that is written there
corpus.py differences FILE ADDRESS   so is that of another server, but for what FILE lists
corpus.py cookies ADDRESS ADDRESS    each server keeps a cookie that the other one has made
corpus.py fill FILE ADDRESS          FILE with the answers of that server, to be read by people

Messages are read by dnspython, names of 255 bytes and all. See corpus/README.md for the format.
"""
import argparse
import glob
import os
import socket
import struct
import sys

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
BITS = {"aa": 0x0400, "tc": 0x0200, "rd": 0x0100, "ra": 0x0080, "z": 0x0040, "ad": 0x0020, "cd": 0x0010}
CLASSES = {"IN": 1, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
SECTIONS = {"an": 1, "au": 2, "ad": 3}
SENTINEL = 0xfeed
PATIENCE = 5  # seconds
GRACE = 0.05


class Question:
    """What is asked, and what is to be answered."""

    def __init__(self, where, text):
        self.where, self.text = where, text
        self.rcode, self.flags, self.over_udp = None, set(), None
        self.silent = self.no_question = self.no_opt = False
        self.patient = False  # no answer may be one
        self.sections = {"an": [], "au": [], "ad": []}
        self.options = []
        words = text.split()
        self.name, self.type, self.words = words[0], words[1], words[2:]
        self.transports = [t for t in ("udp", "tcp") if t in self.words] or ["udp", "tcp"]

    def value(self, key, default=None):
        for w in self.words:
            if w == key or w.startswith(key + "="):
                return w[len(key) + 1:]
        return default

    def values(self, key):
        return [w[len(key) + 1:] for w in self.words if w.startswith(key + "=")]

    def has_opt(self):
        return any(w.split("=")[0] in ("edns", "size", "do", "ez", "ercode", "opt") for w in self.words)

    def question(self):
        klass = 1
        for w in self.words:
            if w in CLASSES:
                klass = CLASSES[w]
            elif w.startswith("CLASS"):
                klass = int(w[5:])
        name = bytes.fromhex(self.name[4:]) if self.name.startswith("hex:") else dns.name.from_text(self.name).to_wire()
        return name + struct.pack("!HH", dns.rdatatype.from_text(self.type), klass)

    def opt(self):
        options = b""
        for o in self.values("opt"):
            code, data = o.split(":")
            options += struct.pack("!HH", int(code), len(data) // 2) + bytes.fromhex(data)
        options += bytes.fromhex(self.value("rawopt", ""))
        flags = int(self.value("ez", "0"), 16) | (0x8000 if "do" in self.words else 0)
        return b"\0" + struct.pack("!HHBBHH", 41, int(self.value("size", "1232")), int(self.value("ercode", "0")),
                                   int(self.value("edns", "") or 0), flags, len(options)) + options

    def wire(self, ident):
        flags = int(self.value("opcode", "0")) << 11 | int(self.value("rcode", "0"))
        for w in self.words:
            flags |= BITS.get(w, 0) | (0x8000 if w == "qr" else 0)
        counts = [int(n) for n in self.value("count", "1/0/0/%d" % self.has_opt()).split("/")]
        m = struct.pack("!HHHHHH", ident, flags, *counts)
        m += bytes.fromhex(self.value("body")) if self.value("body") is not None else self.question()
        m += bytes.fromhex(self.value("before", ""))
        m += self.opt() if self.has_opt() else b""
        m += bytes.fromhex(self.value("tail", ""))
        return m[:len(m) - int(self.value("cut", "0"))]


def record(words):
    """(name, TTL, class, type, data) of words as in a zone file, the class in front of the type."""
    name, ttl, kind, data = words.split(None, 3) if len(words.split(None, 3)) == 4 else words.split(None, 2) + [""]
    klass = "IN"
    if kind in CLASSES:
        klass, (kind, data) = kind, data.split(None, 1)
    rd = dns.rdata.from_text(klass, kind, data, origin=dns.name.root, relativize=False)
    return (dns.name.from_text(name), int(ttl), CLASSES[klass], dns.rdatatype.from_text(kind), rd.to_wire())


def load(path):
    out = []
    with open(path, encoding="ascii") as f:
        for n, line in enumerate(f, 1):
            line = line.rstrip("\n")
            mark, _, rest = line.partition(" ")
            if not line or mark == "#":
                continue
            if mark == "?":
                out.append(Question("%s:%d" % (os.path.basename(path), n), rest))
            elif mark == "=":
                expect(out[-1], rest.split())
            elif mark == "o":
                code, data = rest.split()
                out[-1].options.append((int(code), data))
            elif mark in SECTIONS:
                out[-1].sections[mark].append(record(rest))
            else:
                raise SystemExit("%s:%d: %s" % (path, n, line))
    return out


def expect(q, words):
    q.silent = words[0] == "-"
    q.rcode = None if q.silent else dns.rcode.from_text(words[0])
    q.no_question, q.no_opt = "noquestion" in words, "noopt" in words
    q.over_udp = next((w[4:] for w in words if w.startswith("udp=")), None)
    q.flags = {w for w in words if w in BITS}


class Server:
    """One socket for UDP and one connection that is made again when it was closed."""

    def __init__(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.to, self.family, self.stream, self.ident = (address, port), family, None, 0
        self.datagram = socket.socket(family, socket.SOCK_DGRAM)
        self.datagram.connect(self.to)

    def ask(self, q, over, sentinel):
        """The answer's bytes. None: there is none, although a plain question behind it was answered."""
        self.ident = self.ident % 0xf000 + 1
        wire, mark = q.wire(self.ident), sentinel.wire(SENTINEL)
        due = not (q.silent or q.patient or (over == "udp" and q.over_udp == "-"))
        return self.udp(wire, mark, due) if over == "udp" else self.tcp(wire, mark)

    def udp(self, wire, mark, due):
        """Threads of a server may answer in another order: what is not due has some more time."""
        got, marked = None, False
        self.datagram.send(wire)
        self.datagram.send(mark)
        while got is None or not marked:
            self.datagram.settimeout(PATIENCE if not marked else 1 if due else GRACE)
            try:
                b = self.datagram.recv(65535)
            except socket.timeout:
                return got
            marked |= b[:2] == mark[:2]
            got = b if b[:2] == wire[:2] else got
        return got

    def tcp(self, wire, mark):
        for attempt in range(2):
            if not self.stream:
                self.stream = socket.socket(self.family, socket.SOCK_STREAM)
                self.stream.settimeout(PATIENCE)
                self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.stream.connect(self.to)
                attempt = 1
            try:
                self.stream.sendall(frame(wire) + frame(mark))
                return self.tcp_until(wire[:2])
            except OSError:
                self.stream = None
                if attempt:
                    return None
        return None

    def tcp_until(self, ident):
        """What is answered before the sentinel or the end of the connection."""
        got = None
        while True:
            b = self.message()
            if b is None:
                self.stream = None
                return got
            if b[:2] != ident:
                return got
            got = b

    def message(self):
        b = b""
        want = 2
        while len(b) < want:
            try:
                more = self.stream.recv(want - len(b))
            except ConnectionError:
                return None
            if not more:
                return None
            b += more
            want = 2 + (struct.unpack("!H", b[:2])[0] if len(b) >= 2 else 0)
        return b[2:]


def frame(b):
    return struct.pack("!H", len(b)) + b


class Answer:
    """A message as sets of records; an error is a fault of the server."""

    def __init__(self, q, wire):
        self.fault, self.wire = None, wire
        try:
            self.read(q, wire)
        except (dns.exception.DNSException, ValueError, struct.error) as e:
            self.fault = "does not parse: %s %s" % (e.__class__.__name__, e)

    def read(self, q, wire):
        asked = q.wire(0)
        flags, *counts = struct.unpack("!HHHHH", wire[2:12])
        if not flags & 0x8000 or (flags >> 11 & 15) != int(q.value("opcode", "0")):
            self.fault = "is no response to this opcode: %04x" % flags
        self.question = counts[0] > 0
        end = 12 + len(q.question()) if q.value("body") is None else len(asked)
        if self.question and wire[12:end] != asked[12:end]:
            self.fault = "has another question"
        self.flags = {f for f, bit in BITS.items() if flags & bit}
        m = dns.message.from_wire(plain(wire), one_rr_per_rrset=True)
        self.rcode = m.rcode() if m.edns >= 0 else flags & 15
        self.sections = {s: [of_rrset(r) for r in m.sections[i]] for s, i in SECTIONS.items()}
        self.edns, self.size, self.eflags = m.edns, m.payload, m.ednsflags & 0xffff
        self.options = [(int(o.otype), o.to_wire().hex()) for o in m.options]


def plain(wire):
    """dnspython has ideas of its own about opcodes."""
    return wire[:2] + bytes([wire[2] & 0x87]) + wire[3:]


def of_rrset(r):
    return (r.name, r.ttl, int(r.rdclass), int(r.rdtype), r[0].to_wire())


def matches(got, want):
    """Options in any order; what ends in * begins so, and ? is any digit."""
    def one(g, w):
        data = g[1][:len(w[1]) - 1] + "*" if w[1].endswith("*") else g[1]
        return g[0] == w[0] and len(data) == len(w[1]) and all(x in (y, "?") for x, y in zip(w[1], data))

    return len(got) == len(want) and all(any(one(g, w) for g in got) for w in want)


def same(got, want, exact):
    def key(r):
        data = r[4] if exact else dns.rdata.from_wire(r[2], r[3], r[4], 0, len(r[4])).to_digestable()
        return (r[0].to_wire() if exact else r[0].to_digestable(), *r[1:4], data)

    return sorted(map(key, got)) == sorted(map(key, want))


def differences(q, a, over, exact=True):
    """Fields in which an answer is not what is written: {field: words}."""
    silent = q.silent or (over == "udp" and q.over_udp == "-")
    if a is None or silent:
        return {} if (a is None) == silent else {"answer": "is missing" if a is None else "is not due"}
    if a.fault:
        return {"message": a.fault}
    cut = over == "udp" and q.over_udp == "tc"
    flags = q.flags | ({"tc"} if cut else set())
    out = {}

    def field(name, got, want):
        if got != want:
            out[name] = "%s, want %s" % (got, want)

    field("rcode", dns.rcode.to_text(a.rcode), dns.rcode.to_text(q.rcode))
    for f in BITS:
        field(f, f in a.flags, f in flags)
    field("question", a.question, not q.no_question)
    field("edns", a.edns, 0 if q.has_opt() and not q.no_opt else -1)
    if a.edns >= 0:
        field("size", a.size, 1232)
        field("eflags", "%04x" % a.eflags, "8000" if "do" in q.words else "0000")
        if not matches(a.options, q.options):
            out["options"] = "%s, want %s" % (a.options, q.options)
    for s, name in (("an", "answers"), ("au", "authority"), ("ad", "additional")):
        want = [] if cut else q.sections[s]
        if not same(a.sections[s], want, exact):
            out[name] = "%s, want %s" % (texts(a.sections[s]), texts(want))
    return out


def text(r):
    klass = "" if r[2] == 1 else dns.rdataclass.to_text(r[2]) + " "
    rd = dns.rdata.from_wire(r[2], r[3], r[4], 0, len(r[4]))
    return "%s %d %s%s %s" % (r[0].to_text(True) if r[0] != dns.name.root else ".", r[1], klass, dns.rdatatype.to_text(r[3]), rd.to_text())


def texts(section):
    return "; ".join(sorted(map(text, section)))[:600] or "nothing"


def files():
    return sorted(glob.glob(os.path.join(HERE, "*.txt")))


def title(path):
    with open(path, encoding="ascii") as f:
        return f.readline().strip("# \n")


def check(server):
    bad = 0
    sentinel = Question("", "ns1.example.com AAAA")
    for path in files():
        wrong, n = [], 0
        for q in load(path):
            for over in q.transports:
                n += 1
                b = server.ask(q, over, sentinel)
                for field, words in differences(q, b and Answer(q, b), over).items():
                    wrong.append("%s: %s (%s): %s %s" % (q.where, q.text, over, field, words))
        print("%s - %s: %d questions to %s" % ("not ok" if wrong else "ok", title(path), n, server.to[0]))
        for w in wrong:
            print("#   " + w)
        bad += bool(wrong)
    return bad


def listed(path):
    """[question, field] of lines "FIELDS: QUESTION", where a * at the end is any end."""
    out = []
    with open(path, encoding="ascii") as f:
        for line in f:
            fields, _, q = line.rstrip("\n").partition(": ")
            out += [(q, f) for f in fields.split() if q and not line.startswith("#")]
    return out


def is_listed(key, entry):
    return key[1] == entry[1] and (key[0] == entry[0] or entry[0][-1] == "*" and key[0].startswith(entry[0][:-1]))


def compare(server, path):
    known, met, wrong, n, fields = listed(path), set(), [], 0, 0
    sentinel = Question("", "ns1.example.com AAAA")
    for q in [q for p in files() for q in load(p)]:
        q.patient = any(is_listed((q.text, "answer"), e) for e in known)
        for over in q.transports:
            n += 1
            b = server.ask(q, over, sentinel)
            for field, words in differences(q, b and Answer(q, b), over, exact=False).items():
                entries = [e for e in known if is_listed((q.text, field), e)]
                if not entries:
                    wrong.append("%s: %s (%s): %s %s" % (q.where, q.text, over, field, words))
                met.update(entries)
                fields += 1
    stale = ["%s: %s" % (f, q) for q, f in known if (q, f) not in met]
    print("%s - of %d answers of another server %d fields differ, all listed with reasons" %
          ("not ok" if wrong else "ok", n, fields))
    for w in wrong:
        print("#   " + w)
    print("%s - each of the %d listed differences is one" % ("not ok" if stale else "ok", len(known)))
    for w in stale:
        print("#   " + w)
    return bool(wrong) + bool(stale)


def cookies(servers):
    """RFC 9018: servers with one secret make one cookie of a client and a time, and take it."""
    def ask(server, cookie):
        q = Question("", "www.example.com A opt=10:" + cookie)
        a = Answer(q, server.ask(q, "udp", Question("", "ns1.example.com AAAA")))
        return dns.rcode.to_text(a.rcode), dict(a.options)[10]

    bad = 0
    for one, other in (servers, servers[::-1]):
        made = ask(one, "0011223344556677")[1]
        kept = ask(other, made)
        good = len(made) == 48 and kept == ("NOERROR", made)
        print("%s - a cookie made by %s is kept by %s" % ("ok" if good else "not ok", one.to[0], other.to[0]))
        print("" if good else "#   %s, %s\n" % (made, kept), end="")
        bad += not good
    return bad


def fill(server, path):
    """Questions keep what is written of them; those without an answer get the server's."""
    sentinel = Question("", "ns1.example.com AAAA")
    with open(path, encoding="ascii") as f:
        lines = f.read().split("\n")
    for i, line in enumerate(lines):
        print(line) if line or i + 1 < len(lines) else None
        if not line.startswith("? ") or (i + 1 < len(lines) and lines[i + 1].startswith("=")):
            continue
        q = Question("", line[2:])
        q.patient = True
        got = [server.ask(q, over, sentinel) for over in q.transports]
        b = got[-1]
        if b is None:
            print("= -")
            continue
        a = Answer(q, b)
        if a.fault:
            print("= FAULT " + a.fault)
            continue
        words = [dns.rcode.to_text(a.rcode)] + [f for f in BITS if f in a.flags]
        words += [] if a.question else ["noquestion"]
        words += ["noopt"] if q.has_opt() and a.edns < 0 else []
        if len(got) == 2 and got[0] is None:
            words.append("udp=-")
        elif len(got) == 2 and Answer(q, got[0]).flags - a.flags == {"tc"}:
            words.append("udp=tc")
        print("= " + " ".join(words))
        for s in SECTIONS:
            for r in sorted(map(text, a.sections[s])):
                print(s + " " + r)
        for code, data in a.options:
            print("o %d %s" % (code, data))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["check", "differences", "cookies", "fill"])
    p.add_argument("rest", nargs="+")
    a = p.parse_args()
    if a.what == "cookies":
        return cookies([Server(address, 53) for address in a.rest])
    path = None if a.what == "check" else a.rest.pop(0)
    server = Server(a.rest[0], int(a.rest[1]) if len(a.rest) > 1 else 53)
    if a.what == "fill":
        return fill(server, path)
    return check(server) if a.what == "check" else compare(server, path)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
