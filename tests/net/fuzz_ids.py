# SPDX-License-Identifier: GPL-2.0-or-later
"""Which objects there are, as answers have said, and paths that name them."""
import collections
import json
import re

ACCOUNT = "77656972000000000000000000000001"
CF, LB = "/client/v4", "/load_balancers"
OF_ACCOUNT = f"{CF}/accounts/{ACCOUNT}"
OWN_TOKEN = "fuzz"

# Where ids of a kind are.
HOME = {"pool": OF_ACCOUNT + LB + "/pools", "monitor": OF_ACCOUNT + LB + "/monitors",
        "webhook": OF_ACCOUNT + "/alerting/v3/destinations/webhooks"}
WEIRD = ["nobody", "0", "-1", "1", "99999999999999999999", "%00", "%2f", "%2F..%2F", "%ff", "%c0%80", "%", "%4",
         "%zz", "..", ".", "%2e%2e", "a" * 300, "%41" * 400, "f" * 32, "0" * 32, "%e2%82%ac", "a%20b", "a+b", "a;b",
         "a=b", "a:b", "@", "*", "~", "null", "%0a", "%0d%0aX:%20y", "example.org.", "EXAMPLE.ORG", "xn--", "{id}",
         "%e2%82%ac" * 200, "x" + "%c3%a9" * 300]


class Ids:
    """rng: of this run; templates: all paths of the document, once it is read."""

    def __init__(self, rng):
        self.rng, self.templates = rng, set()
        self.live = collections.defaultdict(list)  # path of a collection -> ids
        self.zones = {}  # Cloudflare's id -> name
        self.always = {
            CF + "/accounts": [ACCOUNT], "/v2": ["1"], "/weir/v1/overrides": ["filed"],
            "/weir/v1/overrides/filed": ["a"], "/weir/v1/zones": ["signed.example"],
            OF_ACCOUNT + LB + "/regions": ["WEU", "ENAM"], "/weir/v1/objects":
            ["pool", "monitor", "monitor_group", "load_balancer", "zone", "record"]}
        self.forget()

    def forget(self):
        self.live.clear()
        self.live.update({home: list(ids) for home, ids in self.always.items()})

    def ids(self, kind):
        if kind.startswith("/"):  # the names of the zone of a path
            return [self.zones[kind.split("/")[4]]] if kind.split("/")[4] in self.zones else []
        if kind == "service name":
            return self.live[kind]
        if kind == "zone name":
            return [z for z in self.live["/v2/1/zones"] if "." in z]
        if kind in HOME:
            return self.live[HOME[kind]]
        paths = {"record": "/dns_records", "dnsimple record": "/records"}
        return [i for path, ids in self.live.items() for i in ids
                if path.endswith(paths.get(kind, "/objects/" + kind))][-64:]

    def alive(self, prefix):
        link = re.fullmatch(r"(/service/[^/]+/version/[^/]+)/director/[^/]+/backend", prefix)
        return self.live[link[1] + "/backend" if link else prefix]

    def fill(self, template, weird):
        """A path, mostly of what is alive."""
        if "/director/{name}/backend" in template and self.live["links"] and self.rng.random() < 0.4:
            return self.rng.choice(self.live["links"])
        for _ in range(20):
            path, known = self.fill_once(template, weird)
            if known or self.rng.random() < weird * 4:
                break
        return path

    def reaches(self, at, parts):
        """Whether there is something of all that parts name below a path."""
        for i, part in enumerate(parts):
            if part.startswith("{"):
                return any(self.reaches(f"{at}/{x}", parts[i + 1:]) for x in self.alive(at))
            at += "/" + part
        return True

    def fill_once(self, template, weird):
        """And whether there is something of all that is named."""
        parts, at, known = template.split("/"), "", True
        for i, part in enumerate(parts[1:], 1):
            if not part.startswith("{"):
                at += "/" + part
                continue
            ids, below = self.alive(at), parts[i + 1:]
            full = [x for x in ids if self.reaches(f"{at}/{x}", below)] if "{" in "".join(below) else []
            if self.rng.random() < weird or not ids:
                known = False
                other = self.live[self.rng.choice(sorted(self.live))]
                one = self.rng.choice(other) if other and self.rng.random() < 0.3 else self.rng.choice(WEIRD)
            else:
                one = self.rng.choice(full if full and self.rng.random() < 0.8 else ids)
            at += "/" + one
        return at, known

    def learn(self, request, reply):
        path = request.target.decode("latin-1").split("?")[0]
        if path.startswith("/weir/v1/overrides"):
            return
        if request.method == "DELETE":
            home, _, which = path.rpartition("/")
            for place in self.twins(home):
                if which in self.live[place]:
                    self.live[place].remove(which)
            return
        home, template = path, request.route[1]
        if template.endswith("backend/{backend}") and "/director/" in template:
            self.live["links"] = self.live["links"][-20:] + [path]
            return
        if template.endswith("/clone"):
            home, template = path.rsplit("/", 2)[0], template.rsplit("/", 2)[0]
        home, template = re.sub("/servers$", "/server", home), re.sub("/servers$", "/server", template)
        if request.method == "PUT" and template.endswith("{id}"):
            home, template = path.rpartition("/")[0], template.rpartition("/")[0]
        if request.method == "POST" and template.endswith("/preview"):  # its result is elsewhere
            self.keep(home.split(LB + "/")[0] + LB + "/preview", [json.loads(reply.body)["result"]["preview_id"]])
            return
        if not any(t.startswith(template + "/{") for t in self.templates) or not reply.body:
            return
        data = json.loads(reply.body)
        if isinstance(data, dict):
            data = next((data[k] for k in ("result", "data", "objects", "tokens") if k in data), data)
        if isinstance(data, list) and b"?" not in request.target and home != "/weir/v1/objects":
            for place in self.twins(home):
                self.live[place] = []
        for item in data if isinstance(data, list) else [data]:
            self.learn_one(home, item)

    def learn_one(self, home, item):
        if not isinstance(item, dict):
            return
        names = [item.get("name")] if home.startswith("/service/") and "/server" not in home else [item.get("id")]
        if home.endswith("/version"):
            names = [item.get("number")]
        if re.fullmatch("/v2/1/(zones|domains)|/weir/v1/tokens", home):
            names = [item.get("name")]
        if home == "/weir/v1/objects" and "kind" in item:
            home = f"{home}/{item['kind']}"
        if home == CF + "/zones" and item.get("name"):
            self.zones[item.get("id")] = item["name"]
        if home == "/service" and item.get("id"):
            self.keep("service name", [item.get("name")])
            self.keep(f"/service/{item['id']}/version", [1])
        if re.search("/version/[^/]+/pool$", home):
            self.keep(home.split("/version/")[0] + "/pool", [item.get("id")])
        for place in self.twins(home):
            self.keep(place, names)

    def twins(self, home):
        """The same under other paths."""
        if home.startswith("/v2/1/"):
            return [home, home.replace("/domains", "/zones") if "/domains" in home
                    else home.replace("/zones", "/domains")]
        for a, b in ((OF_ACCOUNT + LB + "/", CF + "/user" + LB + "/"), (CF + "/user" + LB + "/", OF_ACCOUNT + LB + "/")):
            if home.startswith(a):
                return [home, b + home[len(a):]]
        return [home, OF_ACCOUNT + LB] if re.fullmatch(CF + "/zones/[^/]+/load_balancers", home) else [home]

    def keep(self, home, names):
        for n in names:
            if n is not None and str(n) != OWN_TOKEN and str(n) not in self.live[home]:
                text = str(n)
                if re.fullmatch(r"[A-Za-z0-9_.:@*-]{1,200}", text):
                    self.live[home] = self.live[home][-63:] + [text]
