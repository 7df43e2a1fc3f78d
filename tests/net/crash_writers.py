# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of three APIs that make, edit and remove objects until nobody answers, and know what they
were told. Each has objects of its own, and one request at a time."""
import http.client
import json
import os
import random

CONTROL = "127.0.0.1:8650"
API = "127.0.0.1:8651"
ACCOUNT = "77656972000000000000000000000001"
A, B, VIP = (os.environ.get(name) for name in ("A", "B", "VIP"))
TIMEOUT_S = 20
AT_MOST = 5  # sites, pools or records of one writer


class Refused(Exception):
    pass


def ask(connection, method, path, body=None, token=None):
    headers = {"Authorization": "Bearer " + token} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status // 100 != 2:
        raise Refused(f"{method} {path} {json.dumps(body)}: {answer.status} {text.decode()}")
    return json.loads(text) if text else None


def call(where, method, path, body=None, token=None):
    connection = http.client.HTTPConnection(where, timeout=TIMEOUT_S)
    try:
        return ask(connection, method, path, body, token)
    finally:
        connection.close()


def origins():
    return [{"name": "a", "address": A, "weight": random.randint(1, 4) / 4},
            {"name": "b", "address": B, "weight": random.randint(1, 4) / 4}]


class Change:
    """One of a request: what an object becomes (None: it goes). An id of None is the server's to
    give; until it is known the object is the one that is the same."""

    def __init__(self, kind, ident, body):
        self.kind, self.id, self.body = kind, ident, body


class Writer:
    name, where = "", API

    def __init__(self, prefix, journal):
        self.prefix, self.journal, self.count = prefix, journal, 0
        self.objects = {}     # (kind, id) -> what it is
        self.revisions = {}   # that were told -> {(kind, id)}
        self.pending = None   # changes that were sent and not answered
        self.problems = []
        self.acked = self.unanswered = self.made_it = 0

    def next(self):
        self.count += 1
        return f"{self.prefix}{self.count}"

    def of(self, kind):
        return [i for k, i in self.objects if k == kind]

    def write(self):
        """Until the connection breaks."""
        self.connection = http.client.HTTPConnection(self.where, timeout=TIMEOUT_S)
        try:
            while True:
                self.step()
        except Refused as e:
            self.pending = None
            self.problems.append(f"refused: {e}")
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.connection.close()

    def request(self, changes, method, path, body=None):
        self.pending = changes
        reply = ask(self.connection, method, path, body, os.environ["TOKEN"])
        for c in changes:
            c.id = c.id or self.id_in(reply)
            self.apply(c)
        self.pending = None
        self.acked += 1
        line = [self.name, method, path, [[c.kind, c.id, c.body] for c in changes]]
        os.write(self.journal, (json.dumps(line) + "\n").encode())
        return reply

    def apply(self, c):
        if c.body is None:
            del self.objects[c.kind, c.id]
        else:
            self.objects[c.kind, c.id] = c.body

    def settle(self, found, same):
        """Whether what was not answered is there: all of it, or nothing."""
        changes, self.pending = self.pending, None
        if not changes:
            return
        self.unanswered += 1
        for c in changes:
            if not c.id:
                ids = [i for (kind, i), body in found.items() if kind == c.kind and
                       same(body, c.body) and (kind, i) not in self.objects]
                c.id = ids[0] if ids else None
        there = [c.id is not None and
                 (same(found[c.kind, c.id], c.body) if c.body is not None and (c.kind, c.id) in found
                  else c.body is None and (c.kind, c.id) not in found) for c in changes]
        if all(there):
            self.made_it += 1
            for c in changes:
                self.apply(c)
        elif any(there):
            self.problems.append(f"half of a change is there: {[(c.kind, c.id) for c in changes]} {there}")


class Weir(Writer):
    """A site is a zone, a record, a pool and a proxied balancer, which come and go in one change."""
    name, where = "weir", CONTROL

    def change(self, *changes):
        body = {"changes": [{"kind": c.kind, "id": c.id, "object": c.body} for c in changes]}
        reply = self.request(changes, "POST", "/weir/v1/changes", body)
        self.revisions[reply["revision"]] = {(c.kind, c.id) for c in changes}

    def step(self):
        pools = self.of("pool")
        what = random.choice(["make", "edit", "edit", "remove"])
        if len(pools) < 2 or (what == "make" and len(pools) < AT_MOST):
            self.make(self.next())
        elif what == "remove":
            site = random.choice(pools)
            self.change(*[Change(kind, i, None) for kind, i in self.objects if i == site])
        else:
            self.edit(random.choice(pools))

    def make(self, site):
        zone = f"{site}.example"
        port = 10000 + 10000 * (self.prefix == "v") + self.count % 10000
        self.change(
            Change("zone", site, {"name": zone, "ns": ["ns.example.net"]}),
            Change("record", site, {"name": f"x.{zone}", "type": "A", "content": "192.0.2.77"}),
            Change("pool", site, {"name": site, "monitor": "m", "origins": origins()}),
            Change("load_balancer", site, {
                "name": f"www.{zone}", "default_pools": [site], "fallback_pool": site, "proxied": True,
                "vips": [VIP], "listeners": [f"tcp/{port}"]}))

    def edit(self, site):
        """The record and the pool say the same number."""
        n = self.next()
        self.change(
            Change("record", site, {**self.objects["record", site], "comment": n}),
            Change("pool", site, {**self.objects["pool", site], "description": n, "origins": origins()}))


class Cloudflare(Writer):
    name = "cloudflare"
    lists = {"pool": f"accounts/{ACCOUNT}/load_balancers/pools",
             "monitor": f"accounts/{ACCOUNT}/load_balancers/monitors"}

    def __init__(self, prefix, journal):
        super().__init__(prefix, journal)
        zones = call(API, "GET", "/client/v4/zones?name=cloudflare.example", token=os.environ["TOKEN"])
        zone = zones["result"][0]["id"]
        self.lists = {**self.lists, "load_balancer": f"zones/{zone}/load_balancers",
                      "record": f"zones/{zone}/dns_records"}

    def id_in(self, reply):
        return reply["result"]["id"]

    def create(self, kind, body):
        self.request([Change(kind, None, body)], "POST", f"/client/v4/{self.lists[kind]}", body)

    def edit(self, kind, ident, method, body):
        was = self.objects[kind, ident] if method == "PATCH" else {}
        self.request([Change(kind, ident, {**was, **body})], method,
                     f"/client/v4/{self.lists[kind]}/{ident}", body)

    def remove(self, kind, idents):
        """One of them, if there is one."""
        if idents:
            ident = random.choice(idents)
            self.request([Change(kind, ident, None)], "DELETE", f"/client/v4/{self.lists[kind]}/{ident}")

    def step(self):
        random.choice([self.pool, self.pool, self.edit_pool, self.edit_pool, self.balancer, self.record,
                       self.monitor, self.removal])()

    def pool(self):
        if len(self.of("pool")) < AT_MOST:
            body = {"name": self.next(), "origins": origins()}
            if self.of("monitor"):
                body["monitor"] = random.choice(self.of("monitor"))
            self.create("pool", body)

    def edit_pool(self):
        for ident in random.sample(self.of("pool"), min(1, len(self.of("pool")))):
            if random.random() < 0.5:
                self.edit("pool", ident, "PATCH", {"description": self.next()})
            else:
                name = self.objects["pool", ident]["name"]
                self.edit("pool", ident, "PUT", {"name": name, "origins": origins(), "description": self.next()})

    def balancer(self):
        pools = self.of("pool")
        if pools and len(self.of("load_balancer")) < AT_MOST:
            self.create("load_balancer", {
                "name": f"{self.next()}.cloudflare.example", "default_pools": pools[:2],
                "fallback_pool": pools[0], "proxied": True, "vips": [VIP],
                "listeners": [f"tcp/{30000 + self.count % 10000}"]})

    def record(self):
        records = self.of("record")
        content = f"10.{random.randrange(256)}.{self.count >> 8 & 255}.{self.count & 255}"
        if len(records) < AT_MOST:
            self.create("record", {"name": f"{self.next()}.cloudflare.example", "type": "A", "ttl": 60,
                                   "content": content})
        else:
            self.edit("record", random.choice(records), "PATCH", {"content": content, "comment": self.next()})

    def monitor(self):
        if len(self.of("monitor")) < AT_MOST:
            self.create("monitor", {"type": "tcp", "port": 80, "interval": 5, "description": self.next()})

    def removal(self):
        users = list(self.objects.values())
        idle = [i for i in self.of("monitor") if not any(u.get("monitor") == i for u in users)]
        free = [i for i in self.of("pool") if not any(i in u.get("default_pools", []) for u in users)]
        kind = random.choice(["pool", "load_balancer", "load_balancer", "record", "monitor"])
        self.remove(kind, {"pool": free, "monitor": idle}.get(kind, self.of(kind)))


class Dnsimple(Writer):
    name = "dnsimple"
    path = "/v2/1/zones/dnsimple.example/records"

    def id_in(self, reply):
        return f"{reply['data']['id']:032x}"

    def step(self):
        records = self.of("record")
        content = f"10.{random.randrange(256)}.{self.count >> 8 & 255}.{self.count & 255}"
        what = random.choice(["make", "edit", "remove"])
        if len(records) < 2 or (what == "make" and len(records) < 3 * AT_MOST):
            name = self.next()
            kind, content = random.choice([("A", content), ("POOL", f"{name}.example.net")])
            said = {"name": name, "type": kind, "content": content, "ttl": 60}
            self.request([Change("record", None, {**said, "name": f"{name}.dnsimple.example"})],
                         "POST", self.path, said)
            return
        ident = random.choice(records)
        was = self.objects["record", ident]
        if what == "remove":
            self.request([Change("record", ident, None)], "DELETE", f"{self.path}/{int(ident, 16)}")
        else:
            said = {"ttl": was["ttl"] % 3600 + 1}
            self.request([Change("record", ident, {**was, **said})], "PATCH",
                         f"{self.path}/{int(ident, 16)}", said)
