#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests that a server of agent.api must survive: every operation of its OpenAPI document, with good
bodies and spoilt ones, to objects that exist and to those that do not.

  run SECONDS DIR      asks 127.0.0.1:8651 (agent.api) and :8650 (agent.control); results are lines of
                       TAP, DIR has what is left behind. FUZZ_SEED repeats a run: its requests are the
                       same as long as the agent's answers are
  wide                 as many objects as one change may have, 10,000 pools, and odd pages of lists
  replay FILE          sends the requests of a file that a run left behind once more
  beats ADDRESS PORT FILE
                       is probed until SIGTERM, then writes the number of probes and the longest gap
                       between two, in ms

What holds of every request: there is a reply, in time, with no 5xx, and JSON where it says so. A change
that was refused moved neither the store's revision nor any object."""
import base64
import http.server
import os
import signal
import socket
import struct
import sys
import threading
import time

import fuzz_wide
from fuzz_client import API, PATIENCE, Failures, Fuzzer
from fuzz_ids import ACCOUNT
from fuzz_wire import Connection, Gone, Late

DNS = ("192.0.2.2", 53)


class Asker(threading.Thread):
    """Asks DNS all the time; the longest time without an answer."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest, self.answers, self.ends = 0.0, 0, False

    def run(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(DNS)
        s.settimeout(0.2)
        name = b"".join(bytes([len(p)]) + p for p in (b"www", b"file", b"example")) + b"\0"
        last = time.monotonic()
        while not self.ends:
            try:
                s.send(struct.pack(">6H", self.answers & 0xffff, 0x0100, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1))
                if struct.unpack(">H", s.recv(4096)[6:8])[0]:
                    self.answers += 1
                    self.longest, last = max(self.longest, time.monotonic() - last), time.monotonic()
            except OSError:
                pass
            time.sleep(0.01)
        self.longest = max(self.longest, time.monotonic() - last)


def beats(address, port, file):
    seen = {"n": 0, "longest": 0.0, "last": None}

    class Probed(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            now = time.monotonic()
            seen["longest"] = max(seen["longest"], now - (seen["last"] or now))
            seen["last"] = now
            seen["n"] += 1
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    def ends(*_):
        with open(file, "w", encoding="ascii") as f:
            gap = max(seen["longest"], time.monotonic() - (seen["last"] or 0))
            f.write(f"{seen['n']} {int(gap * 1000)}\n")
        os._exit(0)

    server = http.server.HTTPServer((address, int(port)), Probed)
    signal.signal(signal.SIGTERM, ends)
    print("ready", file=sys.stderr, flush=True)
    server.serve_forever()


def replay(file):
    with open(file, encoding="ascii") as f:
        for line in f:
            c = Connection(API, timeout=10)
            c.send(base64.b64decode(line))
            try:
                reply = c.reply("GET", True)
                print(reply.status, reply.body[:300])
            except (Gone, Late) as err:
                print(type(err).__name__)
            c.close()


def verdict(sentence, good):
    print(("ok - " if good else "not ok - ") + sentence, flush=True)


def run(seconds, directory):
    seed = int(os.environ.get("FUZZ_SEED") or time.time_ns() % 1000000)
    print(f"# FUZZ_SEED={seed}", flush=True)
    failures, asker = Failures(directory), Asker()
    asker.start()
    f = Fuzzer(seed, failures, directory)
    f.cover(2)
    try:
        f.fuzz(time.monotonic() + float(seconds))
        missed = f.cover()
    except (Gone, Late, OSError) as err:
        failures.add("the agent is gone", repr(err))
        missed = ["unknown"]
    asker.ends = True
    asker.join()
    print(f"# {f.requests} requests: {dict(sorted(f.statuses.items()))}, {len(f.operations)} operations, "
          f"revision {f.revision}, slowest {f.slowest[0]:.2f} s ({f.slowest[1]}), DNS {asker.answers} answers, "
          f"longest gap {asker.longest * 1000:.0f} ms")
    for what, n in failures.seen.most_common():
        print(f"#   {n} times: {what}")
    verdict("no request crashes the agent, has a 5xx or no reply, or is half a change", not failures.seen)
    for m in missed:
        print(f"#   never good: {m}")
    verdict("every operation had a good answer", not missed)
    verdict(f"DNS answers meanwhile, without a gap of {2 * PATIENCE} s",
            asker.answers > 100 and asker.longest < 2 * PATIENCE)


def wide():
    fuzz_wide.run(Fuzzer(0, Failures(""), ""), verdict, ACCOUNT)


if __name__ == "__main__":
    {"run": run, "wide": wide, "replay": replay, "beats": beats}[sys.argv[1]](*sys.argv[2:])
