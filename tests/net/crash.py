#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kills the agent at random moments while clients of three APIs change objects, starts it again, and
holds what it has against what was acknowledged.

  crash.py ROUNDS AGENT WEIRCTL CONFIG CLEAN_NAMESPACE CLEAN_CONFIG CLEAN_STORE FOLDER

Runs in the balancer's namespace; TOKEN is one that may write, SEED makes the same choices again.
Each round: every change that was acknowledged is there, one that was sent and not acknowledged is
there or not, but whole; nothing else is there; there are as many revisions as changes; and an agent
that starts with nothing but a backup of the store, in the other namespace, makes the same tables.
FOLDER/acked has a line for each change, written when its answer has come. Prints TAP. SIGINT ends it
with the round that is under way.
"""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from crash_writers import CONTROL, Cloudflare, Dnsimple, Refused, Weir, call

ROUNDS = int(sys.argv[1])
AGENT, CTL, CONFIG, CLEAN, CLEAN_CONFIG, CLEAN_STORE, FOLDER = sys.argv[2:9]
STAMPS = ("id", "created_on", "modified_on", "comment_modified_on")
WRITE_S, START_S = 0.15, 0.5  # the longest that is written for at first, and that a start is let alone
failed = 0


def check(sentence, problems, always=True):
    global failed
    if problems:
        failed += 1
        print("not ok -", sentence)
        for p in problems[:8]:
            print("#  ", p)
    elif always:
        print("ok -", sentence)


class Agent:
    """One run of an agent, whose log is a file."""

    runs, alive = 0, set()

    def __init__(self, *command):
        Agent.runs += 1
        self.log = f"{FOLDER}/agent.crash.{Agent.runs}.err"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        Agent.alive.add(self)

    def said(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def wait_ready(self):
        end = time.monotonic() + 30
        while "ready:" not in self.said():
            if self.process.poll() is not None or time.monotonic() > end:
                self.end(signal.SIGKILL)
                raise SystemExit(f"not ok - an agent starts again\n# {self.said()[-2000:]}")
            time.sleep(0.005)

    def end(self, how):
        """What it was and said is of no interest any more unless it was sanitizers that spoke."""
        self.process.send_signal(how)
        self.process.wait(30)
        Agent.alive.discard(self)
        if "Sanitizer" not in self.said() and "runtime error" not in self.said():
            os.unlink(self.log)


def settled(status):
    """Every monitor has said its first word: tables are made of health, too."""
    return all(p["state"] == "healthy" for p in status()["pools"] if p["monitor"])


def wait_settled(status):
    end = time.monotonic() + 20
    while not settled(status):
        if time.monotonic() > end:
            raise SystemExit(f"not ok - all are found healthy\n# {status()['pools']}")
        time.sleep(0.01)
    return status()


def start():
    return Agent(AGENT, "--config", CONFIG)


class CleanBuild(threading.Thread):
    """Starts an agent with a copy of the store where no packet path is, and asks for its digest,
    while the next round goes on."""

    def __init__(self, digest):
        super().__init__()
        self.want, self.got = digest, None
        self.start()

    def run(self):
        there = ["nsenter", f"--net=/run/netns/{CLEAN}"]
        agent = Agent(*there, AGENT, "--config", CLEAN_CONFIG, "--detach")
        agent.wait_ready()
        self.got = wait_settled(lambda: json.loads(subprocess.run(
            [*there, CTL, "--control", CONTROL, "status", "--json"],
            stdout=subprocess.PIPE, check=True).stdout))["table_digest"]
        agent.end(signal.SIGTERM)

    def problems(self, nth):
        self.join()
        return [] if self.got == self.want else [f"round {nth}: {self.want}, clean {self.got}"]


def back_up():
    for end in ("", "-wal", "-shm"):
        if os.path.exists(CLEAN_STORE + end):
            os.unlink(CLEAN_STORE + end)
    subprocess.run([CTL, "--control", CONTROL, "backup", CLEAN_STORE], check=True,
                   stdout=subprocess.DEVNULL)


def stored():
    listed = call(CONTROL, "GET", "/weir/v1/objects")["objects"]
    return {(o["kind"], o["id"]): o["object"] for o in listed if not o["file"]}


def same(found, want):
    """What clients said, beside what every stored object has."""
    return {k: v for k, v in found.items() if k not in STAMPS} == want


def differences(found, writers):
    """What each writer takes to be there against what is."""
    want = {}
    for w in writers:
        w.settle(found, same)
        want.update(w.objects)
    lines = [f"{kind} {i} is missing: {want[kind, i]}" for kind, i in want.keys() - found.keys()]
    lines += [f"{kind} {i} is there: {found[kind, i]}" for kind, i in found.keys() - want.keys()]
    lines += [f"{k[0]} {k[1]} is {found[k]}, not {want[k]}"
              for k in want.keys() & found.keys() if not same(found[k], want[k])]
    return lines + [line for w in writers for line in w.problems]


def write_and_kill(agent, writers, longest):
    """True: something was acknowledged in that time."""
    before = sum(w.acked for w in writers)
    threads = [threading.Thread(target=w.write) for w in writers]
    for t in threads:
        t.start()
    time.sleep(random.uniform(0, longest))  # the moment is what is random
    agent.end(signal.SIGKILL)
    for t in threads:
        t.join()
    return sum(w.acked for w in writers) > before


def holes_in_history(writers):
    """All revisions, one by one, and what was acknowledged with a revision is in that one."""
    acked = {r: what for w in writers for r, what in w.revisions.items()}
    lines, before = [], None
    while before != 1:
        page = call(CONTROL, "GET", f"/weir/v1/history?limit=1000&before={before or 2**53}")["history"]
        for h in page:
            what = {(c["kind"], c["id"]) for c in h["changes"]}
            if before and h["revision"] != before - 1:
                lines.append(f"after {before} comes {h['revision']}")
            if acked.get(h["revision"], what) != what:
                lines.append(f"revision {h['revision']} is {what}, not {acked[h['revision']]}")
            before = h["revision"]
        if not page:
            return lines + [f"nothing before revision {before}"]
    return lines


def main():
    random.seed(os.environ.get("SEED"))
    enough = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: enough.set())
    journal = os.open(f"{FOLDER}/acked", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    agent = start()
    agent.wait_ready()
    writers = [Weir("w", journal), Weir("v", journal), Cloudflare("c", journal), Dnsimple("d", journal)]
    lost, tables, revisions, clean = [], [], [], None
    began, longest = time.monotonic(), WRITE_S
    for nth in range(ROUNDS):
        if not write_and_kill(agent, writers, longest):
            longest = min(longest * 1.3, 2)  # a slow machine
        agent = start()
        if random.random() < 0.1:
            time.sleep(random.uniform(0, START_S))
            agent.end(signal.SIGKILL)
            agent = start()
        agent.wait_ready()
        lost += [f"round {nth}: {line}" for line in differences(stored(), writers)]
        status = wait_settled(lambda: call(CONTROL, "GET", "/weir/v1/status"))
        made = sum(w.acked + w.made_it for w in writers)
        if status["store"]["revision"] != made:
            revisions.append(f"round {nth}: revision {status['store']['revision']} after {made} changes")
        tables += clean.problems(nth - 1) if clean else []
        if lost or tables or revisions:
            break
        back_up()
        clean = CleanBuild(status["table_digest"])
        if enough.is_set():
            break
    rounds = nth + 1
    tables += clean.problems(nth) if clean else []
    acked, open_ = sum(w.acked for w in writers), sum(w.unanswered for w in writers)
    there = sum(w.made_it for w in writers)
    print(f"# {rounds} rounds of {(time.monotonic() - began) / rounds:.2f} s: {acked} changes acknowledged",
          "(" + ", ".join(f"{w.acked} {w.name}" for w in writers) + f"), {open_} not, of which {there} are there;",
          f"{len(stored())} objects now")
    check(f"after {rounds} times kill -9 every acknowledged change is there, others whole or not at all", lost)
    check("there are as many revisions as changes", revisions)
    check("an agent that is new to the store makes the same tables, each time", tables)
    check("history has no hole, and says what was acknowledged", holes_in_history(writers))
    check("every API was written to", [w.name for w in writers if not w.acked])
    check("changes were under way when the agent was killed", [] if open_ > rounds / 2 else [open_])
    agent.end(signal.SIGKILL)
    return failed > 0


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
try:
    sys.exit(main())
except Refused as e:
    sys.exit(f"not ok - {e}")
finally:
    for left in list(Agent.alive):
        left.end(signal.SIGKILL)
