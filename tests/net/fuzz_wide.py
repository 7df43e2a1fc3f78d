# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes and lists that are as long as they may be, and longer."""
import json
import time

MOST = 4096  # objects that one request changes


def pools(first, n, gone=False):
    return {"changes": [{"kind": "pool", "id": f"wide{i}", "object": None if gone else {
        "name": f"wide{i}", "origins": [{"name": "o", "address": f"192.0.2.{i % 120 + 129}"}]}}
        for i in range(first, first + n)]}


class Wide:
    """f: a Fuzzer; say(sentence, good): a line of TAP."""

    def __init__(self, f, say):
        self.f, self.say = f, say

    def changed(self, body, wanted, sentence):
        before, began = self.f.store_revision(), time.monotonic()
        reply = self.f.ask("POST", "/weir/v1/changes", body)
        took = time.monotonic() - began
        moved = self.f.store_revision() - before
        good = reply.status in wanted and moved == (reply.status == 200)
        self.say(f"{sentence} ({took:.2f} s)", good)
        if not good:
            print(f"#   {reply.status}, {moved} revisions: {reply.body[:300]!r}")

    def grow(self):
        self.changed(pools(0, MOST), (200,), "4,096 objects are one change")
        self.changed(pools(MOST, MOST + 1), (400, 413), "4,097 are refused whole")
        spoilt = pools(MOST, MOST)
        spoilt["changes"][-1]["object"]["origins"] = []
        self.changed(spoilt, (400,), "4,096 of which the last is wrong, too")
        self.changed(pools(MOST, MOST), (200,), "4,096 more are one change")
        self.changed(pools(2 * MOST, 10000 - 2 * MOST), (200,), "and so are those that make it 10,000")

    def shrink(self):
        for first in range(0, 10000, MOST):
            self.changed(pools(first, min(MOST, 10000 - first), gone=True), (200,),
                         f"those from {first} on are gone")

    def pages(self, path, query, list_of):
        """All pages together are all pools, each once."""
        names, began, longest = [], time.monotonic(), 0.0
        for page in range(1, 1000):
            at = time.monotonic()
            reply = self.f.ask("GET", f"{path}?{query}&page={page}")
            longest = max(longest, time.monotonic() - at)
            got = list_of(json.loads(reply.body)) if reply.status == 200 else []
            if not got:
                break
            names += [p["name"] for p in got if p["name"].startswith("wide")]
        self.say(f"10,000 pools are listed, each once, by {path.split('/')[1]}'s {query} "
                 f"({time.monotonic() - began:.2f} s, a page at most {longest * 1000:.0f} ms)",
                 len(names) == 10000 == len(set(names)))

    def extremes(self, path):
        """No page and no size that can be asked for does harm."""
        odd = []
        for value in ("0", "-1", "10001", "4294967296", "18446744073709551615", "18446744073709551616", "1e3", "",
                      "abc", "1.5", "%201", "9" * 400):
            for query in (f"page={value}", f"page={value}&per_page={value}", f"page=9223372036854775807&per_page={value}"):
                reply = self.f.ask("GET", f"{path}?{query}")
                if reply.status not in (200, 400) or len(reply.body) > 8000000:
                    odd.append((query, reply.status, len(reply.body)))
        self.say(f"extremes of pages of {path} do no harm", not odd)
        for o in odd:
            print(f"#   {o}")


def run(f, say, account):
    w = Wide(f, say)
    lb = f"/client/v4/accounts/{account}/load_balancers/pools"
    w.grow()
    w.pages(lb, "per_page=1000", lambda body: body["result"])
    began = time.monotonic()
    body = json.loads(f.ask("GET", "/weir/v1/objects/pool").body)
    say(f"and all at once by weir's own list ({time.monotonic() - began:.2f} s)", len(body["objects"]) >= 10000)
    for path in (lb, "/client/v4/zones", "/v2/1/zones", "/v2/1/zones/file.example/records", "/service",
                 f"/client/v4/accounts/{account}/load_balancers/search", f"{lb}/steady/references",
                 "/client/v4/user/load_balancing_analytics/events"):
        w.extremes(path)
    w.shrink()
