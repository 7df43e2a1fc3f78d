# SPDX-License-Identifier: GPL-2.0-or-later
# cloudflare.py - Debian's python3-cloudflare, which still has the user's own pools and monitors, and
# what certbot's plugin does with it.
import os
import time
import traceback

import CloudFlare

A, B = os.environ["A"], os.environ["B"]
failed = 0
cf = CloudFlare.CloudFlare(token=os.environ["TOKEN"], base_url=os.environ["API"] + "/client/v4")
user = cf.user.load_balancers


def check(sentence):
    """The sentence holds when the function behind it raises nothing; what it returns."""

    def run(holds):
        global failed
        try:
            value = holds()
            print("ok -", sentence)
            return value
        except Exception:
            failed += 1
            print("not ok -", sentence)
            print("#   " + traceback.format_exc().strip().replace("\n", "\n#   "))
            return None

    return run


def refused(code, call, *args, **more):
    try:
        value = call(*args, **more)
    except CloudFlare.exceptions.CloudFlareAPIError as e:
        assert int(e) == code, f"{int(e)}: {e}"
        return
    raise AssertionError(f"this should have been refused, and was {value}")


@check("the user's monitors are made, shown and changed")
def monitor():
    m = user.monitors.post(data={"type": "http", "path": "/health", "port": 80, "interval": 1, "timeout": 1})
    assert user.monitors.get(m["id"])["path"] == "/health"
    assert user.monitors.put(m["id"], data={**m, "retries": 0})["retries"] == 0
    return m


@check("and so are the user's pools, which are the account's, too")
def pool():
    p = user.pools.post(data={"name": "python", "monitor": monitor["id"], "origins": [{"name": "a", "address": A}]})
    assert user.pools.patch(p["id"], data={"description": "x"})["origins"] == p["origins"]
    assert [x["id"] for x in user.pools.get(params={"monitor": monitor["id"]})] == [p["id"]]
    account = cf.accounts.get()[0]["id"]
    assert cf.accounts.load_balancers.pools.get(account, p["id"])["description"] == "x"
    return p


@check("its health becomes true by a real probe")
def health():
    end = time.monotonic() + 10
    while True:
        try:
            places = user.pools.health.get(pool["id"])["pop_health"]
            assert [h for p in places.values() for h in p["origins"]][0][A]["healthy"]
            return
        except (CloudFlare.exceptions.CloudFlareAPIError, AssertionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@check("what is in use is not deleted")
def in_use():
    refused(1005, user.monitors.delete, monitor["id"])


@check("what is wrong is refused with its code")
def wrong():
    refused(1002, user.pools.post, data={"name": "x"})
    refused(1003, user.pools.post, data={"name": "python", "origins": [{"name": "a", "address": A}]})
    refused(1001, user.pools.get, "nobody")


@check("a zone has load balancers")
def zone():
    z = cf.zones.post(data={"name": "python.example", "jump_start": False})
    lb = cf.zones.load_balancers.post(z["id"], data={
        "name": "www.python.example", "default_pools": [pool["id"]], "fallback_pool": pool["id"]})
    assert lb["ttl"] == 30
    assert len(cf.zones.load_balancers.get(z["id"])) == 1
    cf.zones.load_balancers.delete(z["id"], lb["id"])
    return z


@check("a challenge is put and taken back as certbot does")
def challenge():
    assert [z["id"] for z in cf.zones.get(params={"name": "python.example", "per_page": 1})] == [zone["id"]]
    name = "_acme-challenge.python.example"
    data = {"type": "TXT", "name": name, "content": "abc-DEF_123", "ttl": 120}
    cf.zones.dns_records.post(zone["id"], data=data)
    found = cf.zones.dns_records.get(zone["id"], params={**data, "per_page": 1})
    assert [r["content"] for r in found] == ["abc-DEF_123"]
    cf.zones.dns_records.delete(zone["id"], found[0]["id"])
    assert cf.zones.dns_records.get(zone["id"]) == []


@check("they go")
def gone():
    cf.zones.delete(zone["id"])
    user.pools.delete(pool["id"])
    user.monitors.delete(monitor["id"])
    assert "python" not in [p["name"] for p in user.pools.get()]


raise SystemExit(failed > 0)
