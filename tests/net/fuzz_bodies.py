# SPDX-License-Identifier: GPL-2.0-or-later
"""Bodies: by the schemas of the OpenAPI document, as people who use the vendors' APIs would write
them, and what becomes of both when they are spoilt."""
import copy
import json
import urllib.parse

MARK = "\ue000"  # a text of it, a token and it again is that token of JSON, as it is

NASTY = [
    None, True, False, 0, -1, 1, 2, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1,
    -2**31, -2**63, 0.5, -0.5, 1e308, 5e-324, 0.1, 1e15, "", " ", "0", "-1", "a", "null", "true", "*",
    "@", ".", "..", "*.example.org", "%s%n%x", "../../etc/passwd", "a\nb", "a\tb", "é", "日本", "\U0001f600",
    "\u202e", "\u007f", "\x01", "'; DROP TABLE object; --", "<script>", "$(id)", "x" * 63, "x" * 64,
    "x" * 255, "x" * 256, "x" * 4096, ("x" * 63 + ".") * 4, "é" * 200, "日" * 341, [], {}, [[]], [None],
    [{}], {"": 0}, {"a": {"b": {}}}, ["x"] * 100, list(range(300)), "127.0.0.1", "0.0.0.0", "::",
    "255.255.255.255", "224.0.0.1", "fe80::1%eth0", "::ffff:1.2.3.4", "198.51.100.1", "1.2.3.4/33",
    "2030-02-30T25:61:61Z", "9999-12-31T23:59:59Z", "-", "tcp/0", "tcp/65536", "http://", "http://[::1",
    "x" + "é" * 1000, "http://127.0.0.1:1/", "file:///etc/passwd", "x" * 40000,
] + [MARK + t + MARK for t in (
    "1e400", "-1e400", "NaN", "Infinity", "-0", "-0.0", "1e-400", "9" * 30, "-" + "9" * 30, "0x10", "01",
    "1.", ".5", "1e", "+1", "18446744073709551616", "9223372036854775808", "1e19", "0.30000000000000004",
    "'a'", "undefined", "\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"\\x\"", "[" * 63 + "]" * 63,
    "[" * 70 + "]" * 70, "{\"a\":1,\"a\":2}", "[1,]", "{,}", "/**/1", "\"\\ud83d\\ude00\"", "[" * 5000)]


def dump(value):
    """JSON, with the tokens that json.dumps would not write."""
    parts = json.dumps(value, ensure_ascii=False).split(MARK)
    for i in range(1, len(parts), 2):
        parts[i] = json.loads('"' + parts[i] + '"')
        parts[i - 1] = parts[i - 1][:-1]
        parts[i + 1] = parts[i + 1][1:]
    return "".join(parts).encode()


def form(value):
    """Fields; what is no text is written as one."""
    def text(v):
        return v.replace(MARK, "") if isinstance(v, str) else json.dumps(v)

    if not isinstance(value, dict):
        return text(value).encode()
    return urllib.parse.urlencode(
        [(k, text(v)) for k, vs in value.items() for v in (vs if isinstance(vs, list) else [vs])]).encode()


class Maker:
    """rng: of this run; ids(kind): those that are alive."""

    def __init__(self, rng, schemas, ids):
        self.rng, self.schemas, self.ids, self.n = rng, schemas, ids, 0

    def one(self, kind, otherwise="nobody"):
        all_ids = self.ids(kind)
        return self.rng.choice(all_ids) if all_ids else otherwise

    def some(self, kind, most=3):
        all_ids = self.ids(kind)
        return self.rng.sample(all_ids, min(len(all_ids), self.rng.randint(1, most)))

    def name(self, prefix="n"):
        self.n += 1
        return f"{prefix}{self.n}"

    def address(self):
        if self.rng.random() < 0.2:
            return f"2001:db8:9::{self.rng.randint(1, 0xffff):x}"
        return f"192.0.2.{self.rng.randint(64, 250)}"

    # --- by a schema ---

    def of_schema(self, schema, depth=0):
        if "$ref" in schema:
            schema = self.schemas.get(schema["$ref"].rsplit("/", 1)[1], {})
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type", "object")
        if isinstance(kind, list):
            kind = self.rng.choice(kind[:1] * 4 + kind)
        if kind == "object":
            must = schema.get("required", [])
            return {k: self.of_schema(v, depth + 1) for k, v in schema.get("properties", {}).items()
                    if k in must or self.rng.random() < 0.6 / (depth + 1)}
        if kind == "array":
            return [self.of_schema(schema.get("items", {"type": "string"}), depth + 1)
                    for _ in range(self.rng.randint(0, 3))]
        return {"string": lambda: self.rng.choice([self.name(), self.address(), "", "any"]),
                "integer": lambda: self.rng.choice([0, 1, 2, 60, 100, 3600, self.rng.randint(0, 70000)]),
                "number": lambda: self.rng.choice([0, 1, 0.5, self.rng.random(), 60]),
                "boolean": lambda: self.rng.random() < 0.5}.get(kind, lambda: None)()

    # --- as people write them ---

    def origin(self):
        o = {"name": self.name("o"), "address": self.address(), "enabled": self.rng.random() < 0.9}
        if self.rng.random() < 0.5:
            o["weight"] = self.rng.choice([0, 0.01, 0.5, 1])
        if self.rng.random() < 0.2:
            o["header"] = {"Host": ["example.org"]}
        if self.rng.random() < 0.2:
            o["port"] = self.rng.choice([0, 80, 8080])
        return o

    def pool(self):
        p = {"name": self.name("pool"), "origins": [self.origin() for _ in range(self.rng.randint(1, 5))]}
        more = {"description": "a pool", "enabled": True, "minimum_origins": 1, "latitude": 52.1, "longitude": 4.9,
                "monitor": self.one("monitor"), "check_regions": ["WEU"], "notification_email": "",
                "origin_steering": {"policy": self.rng.choice(["random", "hash", "least_connections"])},
                "notification_filter": {"origin": {"disable": True}, "pool": {"healthy": False}},
                "load_shedding": {"default_percent": 30, "default_policy": "random", "session_percent": 10,
                                  "session_policy": "hash"}}
        return self.with_some(p, more)

    def with_some(self, value, more, share=0.25):
        value.update({k: v for k, v in more.items() if self.rng.random() < share})
        return value

    def monitor(self):
        kind = self.rng.choice(["http", "https", "tcp"])
        m = {"type": kind, "port": self.rng.choice([80, 443, 8090]), "interval": 60, "timeout": 2, "retries": 1}
        if kind == "tcp":
            return m
        return self.with_some(m, {"path": "/health", "method": "GET", "expected_codes": "2xx", "expected_body": "ok",
                                  "header": {"Host": ["example.org"], "X-App-ID": ["abc"]}, "consecutive_up": 2,
                                  "follow_redirects": False, "description": "a monitor"}, 0.5)

    def monitor_group(self):
        return {"description": self.name("group"), "members": [
            {"monitor_id": m, "enabled": True, "monitoring_only": False, "must_be_healthy": self.rng.random() < 0.5}
            for m in self.some("monitor")]}

    def match(self):
        return self.rng.choice([
            {"default": True}, {"topology": {"regions": ["WEU", "OC"]}}, {"topology": {"countries": ["NL", "DE"]}},
            {"topology": {"pops": ["AMS"], "regions": ["WEU"]}}, {"topology": {"countries": ["DE", "DE"]}}, {}, None])

    def overrides(self, pools):
        return self.rng.choice([
            {"default_pools": pools}, {"pools": pools, "steering_policy": "random"},
            {"pools": pools, "default_pools": pools}, {"pool_weights": {p: 0.3 for p in pools}, "steering_policy": ""},
            {"pools": pools, "pool_weights": {p: 0.1 for p in pools}, "pool_default_weight": 0.4,
             "steering_policy": "least_connections", "fallback_pool": pools[0] if pools else ""}])

    def load_balancer(self, path=""):
        pools = self.some("pool")
        zone = path if path.startswith("/client/v4/zones/") else "zone name"
        b = {"name": f"{self.name('lb')}.{self.one(zone, 'example.org')}", "default_pools": pools,
             "fallback_pool": self.one("pool")}
        more = {"description": "balances", "ttl": 30, "steering_policy": self.rng.choice(
                    ["off", "random", "geo", "dynamic_latency", "proximity", "least_outstanding_requests", ""]),
                "region_pools": {"WEU": pools}, "country_pools": {"NL": pools}, "pop_pools": {"AMS": pools},
                "random_steering": {"default_weight": 0.5, "pool_weights": {p: 0.3 for p in pools}},
                "location_strategy": {"mode": "pop", "prefer_ecs": "proximity"}, "enabled": True,
                "adaptive_routing": {"failover_across_pools": True}, "session_affinity": "ip_cookie",
                "rules": [{"name": "r", "condition": "", "overrides": self.overrides(pools)}],
                "pool_sets": [{"name": "s", "match": self.match(), "overrides": self.overrides(pools)}
                              for _ in range(self.rng.randint(0, 3))]}
        if self.rng.random() < 0.2:
            b.update({"proxied": True, "listeners": [f"tcp/{self.rng.randint(1, 65535)}"]})
        return self.with_some(b, more, 0.2)

    def content(self):
        """Type and what goes with it."""
        return self.rng.choice([
            ("A", {"content": self.address() if self.rng.random() < 0.1 else "192.0.2.7"}),
            ("AAAA", {"content": "2001:db8::7"}), ("CNAME", {"content": f"{self.name()}.example.net"}),
            ("TXT", {"content": '"v=spf1 -all"'}), ("TXT", {"content": "plain " + "t" * self.rng.randint(0, 300)}),
            ("MX", {"content": "mail.example.net", "priority": 10}), ("NS", {"content": "ns.example.net"}),
            ("SRV", {"data": {"priority": 1, "weight": 2, "port": 443, "target": "s.example.net"}}),
            ("CAA", {"data": {"flags": 0, "tag": "issue", "value": "ca.example.net"}}),
            ("TLSA", {"data": {"usage": 3, "selector": 1, "matching_type": 1, "certificate": "ab" * 32}}),
            ("SSHFP", {"data": {"algorithm": 4, "type": 2, "fingerprint": "cd" * 32}}),
            ("SVCB", {"data": {"priority": 1, "target": ".", "value": 'alpn="h2"'}}),
            ("HTTPS", {"data": {"priority": 1, "target": ".", "value": 'alpn="h3,h2"'}}),
            ("PTR", {"content": "host.example.net"}), ("DS", {"data": {"key_tag": 1, "algorithm": 13, "digest_type": 2,
                                                                    "digest": "ef" * 32}}),
            ("NAPTR", {"data": {"order": 1, "preference": 2, "flags": "U", "service": "S", "regex": "!a!b!",
                                "replacement": "."}}), ("LOC", {"content": "52 22 23 N 4 53 32 E -2m 0m 10000m 10m"}),
            ("URI", {"data": {"weight": 1, "target": "http://example.net/"}, "priority": 1})])

    def record(self):
        kind, more = self.content()
        return self.with_some({"type": kind, "name": f"{self.name('r')}", **more},
                              {"ttl": self.rng.choice([1, 60, 300, 86400]), "comment": "why", "tags": ["team:web"],
                               "proxied": False})

    def batch(self):
        def with_id(r):
            return {"id": self.one("record"), **r}

        return self.with_some({"posts": [self.record() for _ in range(self.rng.randint(0, 4))]},
                              {"deletes": [{"id": i} for i in self.some("record", 2)],
                               "patches": [{"id": self.one("record"), "comment": self.name()}],
                               "puts": [with_id(self.record())]})

    def policy(self):
        return {"name": self.name("policy"), "alert_type": self.rng.choice(
            ["load_balancing_health_alert", "load_balancing_pool_enablement_alert"]), "enabled": True,
            "mechanisms": {"webhooks": [{"id": w} for w in self.some("webhook", 2)]},
            "filters": self.rng.choice([{}, {"pool_id": self.some("pool")}, {"enabled": ["false"]},
                                        {"new_health": ["Unhealthy"], "event_source": ["pool"]}])}

    def webhook(self):
        return self.with_some({"name": self.name("hook"), "url": "http://127.0.0.1:1/hook"}, {"secret": "s3cret"})

    def dnsimple_record(self):
        kind = self.rng.choice(["A", "AAAA", "CNAME", "POOL", "ALIAS", "TXT", "MX"])
        content = {"A": "192.0.2.8", "AAAA": "2001:db8::8", "TXT": "words"}.get(kind, f"{self.name()}.example.net")
        r = {"name": "pool" if kind == "POOL" else self.name("d"), "type": kind, "content": content}
        return self.with_some(r, {"ttl": 600, "regions": ["global"], "priority": 10})

    def dnsimple_batch(self):
        return self.with_some({"creates": [self.dnsimple_record() for _ in range(self.rng.randint(1, 3))]},
                              {"updates": [{"id": number(self.one("dnsimple record", "1")), "ttl": 60}],
                               "deletes": [{"id": number(i)} for i in self.some("dnsimple record", 2)]})

    def object_of(self, kind):
        return {"pool": self.pool, "monitor": self.monitor, "monitor_group": self.monitor_group,
                "load_balancer": self.load_balancer, "zone": lambda: {"name": f"{self.name('z')}.example",
                                                                      "ns": ["ns1.example.net"]}}.get(
            kind, lambda: {**self.record(), "name": f"{self.name('w')}.example.org"})()

    def changes(self):
        kinds = self.rng.choices(["pool", "monitor", "zone", "record", "load_balancer"], k=self.rng.randint(1, 5))
        return {"changes": [{"kind": k, "id": self.name("id") if self.rng.random() < 0.6 else self.one(k),
                             "object": None if self.rng.random() < 0.2 else self.object_of(k)} for k in kinds]}

    def plausible(self, schema, path):
        """Of the name of a schema; None: nobody knows better than the schema."""
        vendor, _, kind = schema.partition(".")
        if vendor == "cloudflare":
            return {"pool": self.pool, "monitor": self.monitor, "monitor_group": self.monitor_group,
                    "load_balancer": lambda: self.load_balancer(path), "record": self.record, "batch": self.batch,
                    "policy": self.policy, "webhook": self.webhook, "bulk": lambda: {"notification_email": ""},
                    "zone": lambda: {"name": f"{self.name('cf')}.example"}}[kind]()
        if vendor == "dnsimple":
            return {"DomainCreate": lambda: {"name": f"{self.name('ds')}.example"},
                    "NsRecords": lambda: {"ns_names": ["ns1.example.net", "ns2.example.net"]},
                    "RecordCreate": self.dnsimple_record, "Batch": self.dnsimple_batch,
                    "RecordEdit": lambda: {"ttl": self.rng.randint(60, 7200)}}[kind]()
        if vendor == "fastly":
            return self.fastly(kind)
        return {"Body": lambda: self.object_of(path.split("/")[4]), "Changes": self.changes,
                "NewToken": lambda: {"name": self.name("token"), "scope": self.rng.choice(["read", "write"])},
                "Rollback": lambda: {"revision": self.rng.randint(1, 400)}}.get(kind, lambda: None)()

    def fastly(self, kind):
        return {
            "ServiceForm": lambda: {"name": self.name("service"), "type": "vcl", "comment": "c"},
            "VersionForm": lambda: {"comment": self.name("why ")},
            "PoolForm": lambda: self.with_some({"name": self.name("p")}, {
                "quorum": 50, "type": "hash", "healthcheck": "hc", "use_tls": 1, "max_conn_default": 100}),
            "HealthcheckForm": lambda: self.with_some({"name": self.name("hc")}, {
                "path": "/health", "check_interval": 60000, "window": 4, "threshold": 2, "initial": 3,
                "headers": ["Host: a", "X: y"]}),
            "ConditionForm": lambda: {"name": self.name("c"), "type": "REQUEST", "statement": 'req.url ~ "^/a"'},
            "BackendForm": lambda: {"name": self.name("b"), "address": self.address(), "port": 80},
            "DirectorForm": lambda: {"name": self.name("dir"), "type": 3, "quorum": 40},
            "DomainForm": lambda: {"name": f"{self.name('www')}.{self.one('zone name', 'example.org')}"},
            "ServerForm": lambda: self.with_some({"address": self.address()}, {
                "weight": 50, "port": 8080, "disabled": 1, "override_host": "h.example.org"}),
        }[kind]()

    # --- spoilt ---

    def spoil(self, value):
        """A copy in which one thing is not as it was."""
        root = [copy.deepcopy(value)]
        places, stack = [], [(root, 0)]
        while stack:
            at, key = stack.pop()
            places.append((at, key))
            if isinstance(at[key], dict):
                stack += [(at[key], k) for k in at[key]]
            elif isinstance(at[key], list):
                stack += [(at[key], i) for i in range(min(len(at[key]), 50))]
        at, key = self.rng.choice(places)
        what = self.rng.randrange(9)
        if what == 0 and isinstance(at, dict):
            del at[key]
        elif what == 1 and isinstance(at, dict):
            at[self.rng.choice(["", "id", "x" * 300, "é", str(key) + " ", "__proto__", "a/b", "\x00"])] = at.pop(key)
        elif what == 2 and isinstance(at[key], list) and at[key]:
            at[key] += [copy.deepcopy(at[key][0])] * self.rng.choice([1, 5, 300])
        elif what == 3:
            at[key] = [at[key]]
        elif what == 4:
            at[key] = {"a": at[key]}
        elif what == 5 and not isinstance(at[key], (dict, list)):
            at[key] = str(at[key])
        else:
            at[key] = copy.deepcopy(self.rng.choice(NASTY))
        return root[0]

    def spoil_bytes(self, data):
        """The same of what has been written already."""
        cut = self.rng.randint(0, len(data))
        return self.rng.choice([
            lambda: data[:cut], lambda: data[cut:], lambda: data[:cut] + b"\xff" + data[cut:],
            lambda: data[:cut] + b"\xc0\x80" + data[cut:], lambda: data[:cut] + b"\0" + data[cut:],
            lambda: data[:cut] + b"\xed\xa0\x80" + data[cut:], lambda: b"\xef\xbb\xbf" + data, lambda: data + b"x",
            lambda: data + data, lambda: b"", lambda: b" \n", lambda: data[:cut] + data[cut + 1:],
            lambda: data[:cut] + bytes([self.rng.randrange(256)]) + data[cut + 1:], lambda: b"[" * 100000,
            lambda: b'{"a":' * 3000 + b"1" + b"}" * 3000, lambda: b"null", lambda: b"[]", lambda: b"{}",
            lambda: b'"' + b"x" * 200000 + b'"', lambda: b"a=b&" * 1100, lambda: b"name=%ff&a=%", lambda: b"=&=&;%00",
            lambda: b'{"name":"a","name":"b"}', lambda: b"%s%n" + data])()


def number(text):
    return int(text) if str(text).isdigit() else text
