# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that asks for everything, well and badly, and judges the answers."""
import base64
import collections
import hashlib
import json
import os
import random
import re
import sys
import threading
import time

import fuzz_bodies
from fuzz_ids import OWN_TOKEN, Ids
from fuzz_wire import Connection, Gone, Late, Request

API, CONTROL = ("127.0.0.1", 8651), ("127.0.0.1", 8650)
PATIENCE = int(os.environ.get("PATIENCE", "1"))
LATE_S = 10 * PATIENCE

# What agent.control alone serves.
CONTROLS = re.compile("/weir/v1/(tokens|history|rollback|backup)")
VALUES = ["0", "1", "-1", "2", "5", "50", "1000", "10001", "4294967296", "9223372036854775808", "1e9", "abc", "",
          "true", "asc", "desc", "name", "name:asc", "id:desc,name:asc", "A", "any", "all", "%ff", "%00", "%", "+",
          "x" * 3000, "2026-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "-9223372036854775808", "example.org", "NL",
          "WEU", "192.0.2.1:80", "[2001:db8::1]:80", "198.51.100.1:80", "tcp", "udp", "pool", "steady", "%2C,,"]
# What is asked of weir's own paths, as it should be.
ASKED = {
    "/weir/v1/trace": "src=203.0.113.2:4000&dst=198.51.100.1:80&proto=tcp",
    "/weir/v1/dns/explain": "name=www.example.org&type=A",
    "/weir/v1/zone-file": "name=file.example", "/weir/v1/references": "type=pool&id=steady",
    "/weir/v1/capture": "count=1&seconds=0.1", "/service/search": None}


class Failures:
    """Each kind once, with the requests that led there."""

    def __init__(self, directory):
        self.directory, self.seen = directory, collections.Counter()
        self.last = collections.deque(maxlen=200)

    def note(self, raw):
        self.last.append(raw)

    def add(self, what, of=""):
        self.seen[what] += 1
        if self.seen[what] > 1 or len(self.seen) > 25:
            return
        file = f"{self.directory}/failure.{len(self.seen)}"
        last = list(self.last)
        with open(file, "w", encoding="ascii") as f:
            f.writelines(base64.b64encode(raw).decode() + "\n" for raw in last)
        print(f"#   {what}: {of[:600]}\n#   the last requests, all in {file}:")
        for raw in last[-3:]:
            print(f"#     {raw[:700]!r}{'...' if len(raw) > 700 else ''}")
        sys.stdout.flush()


class Fuzzer(Ids):
    def __init__(self, seed, failures, directory):
        super().__init__(random.Random(seed))
        self.failures, self.directory = failures, directory
        self.statuses, self.good = collections.Counter(), collections.Counter()
        self.slowest, self.connection, self.requests = (0, ""), None, 0
        self.kept, self.said = {}, {}  # address -> connection; operation -> its last answer
        self.token = self.make_token(OWN_TOKEN, "write")
        self.reader = self.make_token("reads", "read")
        self.document = json.loads(self.ask("GET", "/weir/v1/openapi.json").body)
        self.operations = [(method.upper(), path, op) for path, item in sorted(self.document["paths"].items())
                           for method, op in item.items()]
        self.templates = {path for _, path, _ in self.operations}
        self.make = fuzz_bodies.Maker(self.rng, self.document["components"]["schemas"], self.ids)
        self.revision = self.store_revision()

    # --- asking ---

    def make_token(self, name, scope):
        self.ask("DELETE", f"/weir/v1/tokens/{name}", at=CONTROL)
        return json.loads(self.ask("POST", "/weir/v1/tokens", {"name": name, "scope": scope}, CONTROL).body)["token"]

    def ask(self, method, path, body=None, at=API):
        """A request that is none of those that are tried."""
        headers = [] if at == CONTROL else self.key(path)
        r = Request(method, path.encode(), headers, None if body is None else json.dumps(body).encode())
        for again in (True, False):
            c = self.kept.pop(at, None) or Connection(at, timeout=60 * PATIENCE)
            try:
                c.send(r.raw())
                reply = c.reply(method)
            except Gone:
                c.close()
                if again:
                    continue
                raise
            self.kept[at] = c
            return reply

    def key(self, path, token=None):
        token = (token or self.token).encode()
        fastly = path != "/" and not path.startswith(("/weir", "/v2", "/client"))
        return [(b"Fastly-Key", token) if fastly else (b"Authorization", b"Bearer " + token)]

    def store_revision(self):
        return json.loads(self.ask("GET", "/weir/v1/history?limit=1", at=CONTROL).body)["revision"]

    def objects(self):
        body = self.ask("GET", "/weir/v1/objects", at=CONTROL).body
        return hashlib.sha256(body).hexdigest()
    # --- requests ---

    def body_of(self, method, path, op, wild):
        if path == "/weir/v1/backup":
            return self.backup_body(wild)
        if re.match("/weir/v1/overrides/", path) and method == "PUT":
            value = {"state": self.rng.choice(["up", "down", "drain"]), "reason": "fuzz", "by": "fuzz"}
        elif "requestBody" in op:
            kind, how = next(iter(op["requestBody"]["content"].items()))
            again = method in ("PUT", "PATCH") and "%" not in path and self.rng.random() < 0.3
            value = self.as_it_is(path) if again else None
            value = value or self.value_of(how["schema"], path, wild)
            if wild and self.rng.random() < 0.5:
                for _ in range(self.rng.choice([1, 1, 1, 2, 5])):
                    value = self.make.spoil(value)
            data = fuzz_bodies.form(value) if kind.endswith("urlencoded") else fuzz_bodies.dump(value)
            if wild and self.rng.random() < 0.06:
                data = fuzz_bodies.dump(value) if kind.endswith("urlencoded") else fuzz_bodies.form(value)
            return self.make.spoil_bytes(data) if wild and self.rng.random() < 0.15 else data
        elif wild and self.rng.random() < 0.1:
            value = self.rng.choice(fuzz_bodies.NASTY)
        else:
            return None
        return fuzz_bodies.dump(self.make.spoil(value) if wild else value)

    def value_of(self, schema, path, wild):
        name = schema.get("$ref", "").rsplit("/", 1)[-1]
        value = self.make.plausible(name, path) if name and (not wild or self.rng.random() < 0.8) else None
        return self.make.of_schema(schema) if value is None else value

    def as_it_is(self, path):
        """The object of a path as it is read, for those that send it back; None: there is none."""
        reply = self.ask("GET", path)
        if reply.status != 200:
            return None
        data = json.loads(reply.body)
        return next((data[k] for k in ("result", "data", "object") if k in data), data)

    def backup_body(self, wild):
        """Never a path that this test did not make up."""
        good = {"path": f"{self.directory}/{self.make.name('copy')}.db"}
        return fuzz_bodies.dump(good if not wild else self.rng.choice([
            good, {}, [], {"path": 7}, {"path": "relative"}, {"path": self.directory}, {"path": None}, {"path": ""},
            {"path": self.directory + "/no/such"}, {"path": self.directory + "/" + "x" * 5000},
            {"path": "/dev/null/x"}]))

    def query_of(self, path, op, wild):
        if path in ASKED and not (wild and self.rng.random() < 0.7):
            return ASKED[path] or "name=" + self.make.one("service name", "service1")
        names = [p["name"] for p in op.get("parameters", ()) if p["in"] == "query"]
        if not wild or not names or self.rng.random() < 0.4:
            return None
        return "&".join(f"{self.rng.choice(names + names + ['x', 'page', '', '%ff'])}={self.rng.choice(VALUES)}"
                        for _ in range(self.rng.choice([1, 1, 2, 3, 6])))

    def headers_of(self, path, wild):
        h = self.key(path, self.reader if wild and self.rng.random() < 0.02 else None)
        kind = b"application/json" if path.startswith(("/weir", "/v2", "/client")) else b"application/x-www-form-urlencoded"
        if wild and self.rng.random() < 0.15:
            kind = self.rng.choice([b"text/plain", b"application/json; charset=utf-16", b"multipart/form-data; boundary=",
                                    b"", b"\xff\xfe", b"application/x-www-form-urlencoded", b"application/json"])
        h.append((b"Content-Type", kind))
        if wild and self.rng.random() < 0.1:
            h += self.rng.choice([
                [(b"Expect", b"100-continue")], [(b"Range", b"bytes=0-3")], [(b"If-Match", b"*")], [(b"Cookie", b"a=b; c")],
                [(b"X-Auth-Key", b"x"), (b"X-Auth-Email", b"a@b")], [(b"Accept", b"text/html;q=0")], [(b"TE", b"trailers")],
                [(b"X-%d" % i, b"y") for i in range(60)], [(b"X-Long", b"z" * 6000)], [(b"Accept-Encoding", b"gzip, br")],
                [(b"X-HTTP-Method-Override", b"DELETE")], [(b"Authorization", b"Basic eDp5")], [(b"Upgrade", b"h2c")],
                [(b"X-Bytes", bytes(range(128, 255)))], [(b"Connection", b"close")]])
        return h

    def request(self, operation, wild=True):
        method, template, op = operation
        path = self.fill(template, 0.06 if wild else 0)
        if wild and self.rng.random() < 0.03:
            path = self.rng.choice([path + "/", path.replace("/", "//", 2), path + "/x" * 20, path.upper(), path + "%00",
                                    path + "/..", "/" + path, path + ";x", path + "/" + "y" * 3000, path + "?" * 3])
        route = (method, template)
        if wild and self.rng.random() < 0.03:
            method = self.rng.choice(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
                                      "get"])
        query = self.query_of(template, op, wild)
        body = self.body_of(method, path, op, wild)
        target = (path + ("?" + query if query is not None else "")).encode("latin-1")
        headers = self.headers_of(template, wild)
        if not body:  # it is about a body: RFC 9110, 10.1.1
            headers = [h for h in headers if h[0] != b"Expect"]
        return Request(method, target, headers, body, route)

    def odd_request(self):
        """What is no good HTTP, or too much of it."""
        r = self.request(self.rng.choice(self.operations))
        r.odd = True
        body, more = r.body or b"{}", r.headers
        what = self.rng.randrange(8)
        if what == 0:
            more.append((b"Content-Length", b"%d" % (len(body) + 50)))
        elif what == 1:
            more.append((b"Transfer-Encoding", b"chunked"))
            r.body = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:7], body[7:]) if c) + b"0\r\n\r\n"
        elif what == 2:
            more.append((b"Transfer-Encoding", self.rng.choice([b"gzip", b"chunked, chunked", b"x"])))
        elif what == 3:
            r.body = b" " * self.rng.choice([1048577, 1048576, 3000000])
        elif what == 4:
            more.append((b"Content-Length", self.rng.choice([b"-1", b"x", b"18446744073709551616", b"1048577", b"9" * 40])))
        elif what == 5:
            r.target = self.rng.choice([b"", b"*", b"http://x/", b"/" + b"a" * 40000, b"/a b", b"/\xff", b"/?" + b"&" * 5000])
        elif what == 6:
            more += [(b"X" * 30000, b"y")]
        else:
            r.method = self.rng.choice(["", "G" * 5000, "GET\t", "\x01"])
        return r

    # --- what became of one ---

    def judge(self, r, reply, took):
        self.requests += 1
        self.statuses[f"{reply.status // 100}xx"] += 1
        name = f"{r.route[0]} {r.route[1]}"
        self.slowest = max(self.slowest, (took, name))
        if reply.status >= 500 and not (r.odd and reply.status in (501, 505)):
            self.failures.add(f"{reply.status} of {name}", repr(reply.body))
        if took > LATE_S:
            self.failures.add(f"{name} took long", f"{took:.1f} s")
        if r.odd:
            return
        if reply.body and reply.headers.get(b"content-type", b"") == b"application/json":
            try:
                json.loads(reply.body)
            except ValueError as err:
                self.failures.add(f"no JSON of {name}", f"{err}: {reply.body[:200]!r}")
        if reply.status >= 400 and reply.status != 404 and not reply.body and r.method != "HEAD":
            self.failures.add(f"{reply.status} of {name} says nothing", repr(reply.headers))
        if 200 <= reply.status < 300 and r.method == r.route[0]:
            self.good[r.route] += 1
            self.learn(r, reply)
        elif not self.good[r.route]:
            self.said[r.route] = f"{r.method} {r.target[:150]!r} {reply.status} {reply.body[:250]!r}"

    def once(self, r):
        """The reply; None: there was none."""
        began = time.monotonic()
        stream = r.target.startswith(b"/weir/v1/capture")
        at = CONTROL if CONTROLS.match(r.route[1]) and not r.odd else API
        for again in (True, False):
            if self.connection and self.connection.at != at:
                self.connection.close()
                self.connection = None
            kept = self.connection is not None
            self.connection = self.connection or Connection(at, timeout=30.0 * PATIENCE)
            if again:
                self.failures.note(r.raw())
            try:
                self.connection.send(r.raw())
                if r.odd:
                    self.connection.socket.settimeout(0.5)
                reply = self.connection.reply(r.method, stream)
            except (Gone, Late) as err:
                self.connection.close()
                self.connection = None
                if kept and again and isinstance(err, Gone) and not r.is_write():
                    continue  # it may have ended before
                if not r.odd:
                    self.failures.add(f"no reply to {r.route[0]} {r.route[1]}", type(err).__name__)
                return None
            if reply.last or r.odd:
                self.connection.close()
                self.connection = None
            self.judge(r, reply, time.monotonic() - began)
            return reply
        return None

    def checked(self, r, thorough=False):
        """The same, and a change that was refused changed nothing."""
        before = self.objects() if thorough else None
        reply = self.once(r)
        if not r.is_write() and not r.odd:
            return reply
        now = self.store_revision()
        if reply and reply.status >= 400 and now != self.revision:
            self.failures.add(f"a refused {r.route[0]} {r.route[1]} is a revision", f"{self.revision} -> {now}")
        if reply and reply.status >= 400 and thorough and self.objects() != before:
            self.failures.add(f"a refused {r.route[0]} {r.route[1]} changed objects")
        self.revision = now
        return reply

    # --- phases ---

    def refresh(self):
        """What is alive by now, as lists say."""
        self.forget()
        lists = [o for o in self.operations if o[0] == "GET" and o[1] + "/{" in "".join(t + "\n" for t in self.templates)]
        lists += [o for o in self.operations if o[0] == "GET" and o[1].endswith("/servers")]
        for o in sorted(lists, key=lambda o: (o[1].count("{"), o[1])):
            for path in sorted({self.fill(o[1], 0) for _ in range(12)})[:6]:
                self.once(Request("GET", path.encode(), self.key(o[1]), None, o[:2]))

    def cover(self, rounds=3):
        """Every operation with what it wants: those that make something first, those that remove last, and what is
        in something before that."""
        order = {"GET": 1, "POST": 2, "PUT": 3, "PATCH": 4, "DELETE": 6}
        todo = sorted(self.operations, key=lambda o: (
            0 if (o[0], o[1].endswith("}")) == ("GET", False) else order[o[0]],
            o[1].count("{") * (-1 if o[0] == "DELETE" else 1), o[1]))
        for n in range(rounds + 20):
            if n % 4 == 0:
                self.refresh()
            if n >= rounds and all(self.good[m, p] for m, p, _ in todo):
                break
            for o in todo:
                if o[0] == "POST" or not self.good[o[0], o[1]] or (o[0] == "GET" and not o[1].endswith("}")):
                    self.checked(self.request(o, wild=False))
        return [f"{m} {p}: {self.said.get((m, p))}" for m, p, _ in todo if not self.good[m, p]]

    def weighted(self):
        o = self.rng.choice(self.operations)
        rare = o[1] == "/weir/v1/rollback" or o[1] == "/weir/v1/backup" or (
            o[0] == "DELETE" and o[1].count("{") < 2) or o[1].endswith("/capture")
        return self.weighted() if rare and self.rng.random() < 0.85 else o

    def burst(self):
        """Several connections with requests one behind the other, and clients that go away: no more
        revisions than changes that were taken or whose fate nobody saw."""
        lists = [[self.request(self.weighted()) for _ in range(self.rng.randint(1, 5))] for _ in range(8)]
        leaves = [self.rng.random() < 0.3 for _ in lists]
        raws = [b"".join(r.raw() for r in rs) for rs in lists]
        cuts = [self.rng.randint(1, len(raw)) for raw in raws]
        results = [[] for _ in lists]
        for raw in raws:
            self.failures.note(raw)

        def client(i):
            c = Connection(API, f"127.0.0.{10 + i}", 30.0 * PATIENCE)
            try:
                if leaves[i]:
                    c.send(raws[i][:cuts[i]])
                    return
                c.send(raws[i])
                for r in lists[i]:
                    reply = c.reply(r.method, r.target.startswith(b"/weir/v1/capture"))
                    results[i].append(reply)
                    if reply.last:
                        return
            except (Gone, Late) as err:
                results[i].append(err)
            finally:
                c.close()

        threads = [threading.Thread(target=client, args=(i,)) for i in range(len(lists))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        made = 0
        for rs, got, left in zip(lists, results, leaves):
            for r, reply in zip(rs, got + [None] * (len(rs) - len(got))):
                if isinstance(reply, Exception):
                    self.failures.add(f"no reply to {r.route[0]} {r.route[1]} of a burst", f"{type(reply).__name__} after "
                                      f"{[(x.method, x.target[:60], y.status, y.headers) for x, y in zip(rs, got[:-1])]}")
                if reply and not isinstance(reply, Exception):
                    self.judge(r, reply, 0)
                made += r.is_write() and (not hasattr(reply, "status") or reply.status < 400)
        time.sleep(0.05 if any(leaves) else 0)
        now = self.store_revision()
        if now - self.revision > made:
            self.failures.add("a burst made more revisions than changes", f"{now - self.revision} > {made}")
        self.revision = now

    def strangers(self):
        """Wrong tokens, from addresses that nobody else has."""
        for i in range(30):
            r = self.request(self.rng.choice(self.operations))
            r.headers = [] if i % 3 == 0 else self.key(r.route[1], self.rng.choice(["x", "y" * 600, "weir_" + "0" * 40]))
            c = Connection(API, f"127.0.0.{100 + i % 4}", 30.0 * PATIENCE)
            try:
                c.send(r.raw())
                reply = c.reply(r.method, True)
                if reply.status < 400 and r.route[1] not in ("/realms/fastly/.well-known/openid-configuration",):
                    self.failures.add(f"{r.route[0]} {r.route[1]} without a token", str(reply.status))
                if reply.status >= 500:
                    self.failures.add(f"{reply.status} without a token of {r.route[1]}", repr(reply.body))
            except (Gone, Late) as err:
                self.failures.add(f"no reply without a token to {r.route[1]}", type(err).__name__)
            c.close()

    def fuzz(self, until):
        n = 0
        while time.monotonic() < until:
            n += 1
            if n % 40 == 0:
                self.burst()
            elif n % 25 == 0:
                self.checked(self.odd_request())
            elif n % 2000 == 1000:
                self.strangers()
            elif n % 700 == 699:
                self.refresh()
            elif self.rng.random() < 0.25:
                self.checked(self.request(self.weighted(), wild=False))
            else:
                self.checked(self.request(self.weighted()), n % 50 == 1)
